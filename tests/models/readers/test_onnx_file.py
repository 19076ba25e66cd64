"""An ONNX file is read as it stands, and what it asks for is counted before it is parsed or allocated."""

import numpy as np
import pytest

from chainderiv.errors import BadValue, ChainderivError, DataError
from chainderiv.models.graph import Graph
from chainderiv.models.readers.reading import read
from tests.models.readers.plain import forward, run, stack

onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
helper, FLOAT = onnx.helper, onnx.TensorProto.FLOAT
RNG = np.random.default_rng(8)
LAYERS = [(w.astype("f4"), b.astype("f4")) for w, b in stack(RNG, [3, 5, 4, 2])]
X = RNG.normal(size=(4, 3)).astype("f4")


def model(nodes, initialisers=(), inputs=None, outputs=("y",), opset=18, functions=(), **more):
    graph = helper.make_graph(
        list(nodes),
        "g",
        inputs or [helper.make_tensor_value_info("x", FLOAT, ["N", 3])],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
        list(initialisers),
        **more,
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("mine", 1)]
    return helper.make_model(graph, opset_imports=opsets, functions=list(functions), ir_version=10)


def tensor(name, array):
    return onnx.numpy_helper.from_array(np.asarray(array), name)


def mlp(dtype="f4"):
    nodes, initialisers, a = [], [], "x"
    for n, (w, b) in enumerate(LAYERS):
        initialisers += [tensor(f"w{n}", w.astype(dtype)), tensor(f"b{n}", b.astype(dtype))]
        nodes.append(helper.make_node("Gemm", [a, f"w{n}", f"b{n}"], [f"z{n}"], f"fc{n}", transB=1))
        a = f"z{n}" if n == 2 else f"a{n}"
        nodes += [] if n == 2 else [helper.make_node("Tanh", [f"z{n}"], [a], f"tanh{n}")]
    return model(nodes, initialisers, outputs=[a])


def saved(proto, tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2"])
def test_weights_come_in_float64_and_compute_what_the_layers_do(tmp_path, dtype):
    graph = read(saved(mlp(dtype), tmp_path))
    layers = [(w.astype(dtype).astype(float), b.astype(dtype).astype(float)) for w, b in LAYERS]
    assert np.abs(run(graph, X.astype(float)) / forward(layers, X, np.tanh) - 1).max() < 1e-12
    assert graph.inputs[0].shape == (None, 3)
    assert graph.opset == 18
    assert [(n.operator, n.name) for n in graph.nodes][:2] == [("Gemm", "fc0"), ("Tanh", "tanh0")]


def test_a_model_that_lives_is_read_without_a_file():
    assert len(read(mlp()).nodes) == 5


KINDS = {"f4": 1, "u1": 2, "i1": 3, "u2": 4, "i2": 5, "i4": 6, "i8": 7, "?": 9, "f2": 10, "f8": 11, "u4": 12, "u8": 13}


@pytest.fixture
def as_a_large_file(monkeypatch):
    """Numbers stay in the file until they are asked for, in parts of 2."""
    home = "chainderiv.models.readers.onnx_files"
    monkeypatch.setattr(f"{home}.file.LARGE_FILE", 1)
    monkeypatch.setattr(f"{home}.lean.LARGE", 1)
    monkeypatch.setattr(f"{home}.lean.CHUNK", 2)


def test_a_large_file_is_read_as_a_small_one_is(tmp_path, as_a_large_file):
    for dtype in ("f4", "f8", "f2"):
        got, want = read(saved(mlp(dtype), tmp_path)), read(mlp(dtype))
        assert got.nodes == want.nodes
        assert all((got.constants[name] == array).all() for name, array in want.constants.items())
        assert all(array.dtype == np.float64 for array in got.constants.values())


def test_a_large_file_whose_tensors_state_something_else_is_refused(tmp_path, as_a_large_file):
    for change, says in (
        (lambda t: t.dims.append(2), "bytes of it; give a whole file"),
        (lambda t: setattr(t, "data_type", 11), "bytes of it; give a whole file"),
        (lambda t: t.float_data.extend([1.0]), "the numbers of a tensor twice"),
        (lambda t: t.int32_data.extend([1]), "twice; give a whole file"),
    ):
        proto = mlp()
        change(proto.graph.initializer[0])
        with pytest.raises(DataError, match=says):
            read(saved(proto, tmp_path))
    proto = mlp()
    proto.graph.initializer[0].doc_string = "0 8 9"  # the file's own word is not taken for a place
    assert (read(saved(proto, tmp_path)).constants["w0"] == read(mlp()).constants["w0"]).all()


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("raw", [True, False])
def test_every_type_of_tensor_holds_what_onnx_put_into_it(tmp_path, kind, raw, large, request):
    if large:
        request.getfixturevalue("as_a_large_file")
    array = (
        np.array([[0, 1, 3], [1, 0, 2]]).astype(kind)
        if kind in "?u1u2u4u8"
        else np.array([[0, -1, 3], [1, -2, 2]]).astype(kind)
    )
    values = array.tobytes() if raw else array.ravel().tolist()
    held = helper.make_tensor("c", KINDS[kind], array.shape, values, raw=raw)
    got = read(saved(model([helper.make_node("Add", ["x", "c"], ["y"])], [held]), tmp_path)).constants["c"]
    assert (got == array).all()
    assert got.dtype == (np.float64 if array.dtype.kind == "f" else array.dtype)


@pytest.mark.parametrize("raw", [True, False])
def test_bfloat16_is_read(tmp_path, raw):
    numbers = np.array([1.5, -2.0, 0.25], "f4")
    bits = (numbers.view("u4") >> 16).astype("u2")
    held = onnx.TensorProto(name="c", data_type=onnx.TensorProto.BFLOAT16, dims=[3])
    if raw:
        held.raw_data = bits.tobytes()
    else:
        held.int32_data.extend(bits.tolist())
    got = read(saved(model([helper.make_node("Add", ["x", "c"], ["y"])], [held]), tmp_path)).constants["c"]
    assert (got == numbers).all()


def test_constants_of_every_spelling_and_attributes_are_python_values(tmp_path):
    nodes = [
        helper.make_node("Constant", [], ["c1"], value=tensor("", np.array([1.0, 2.0, 3.0], "f4"))),
        helper.make_node("Constant", [], ["c2"], value_float=0.5),
        helper.make_node("Constant", [], ["c3"], value_ints=[0, -1]),
        helper.make_node("Add", ["x", "c1"], ["a"]),
        helper.make_node("LeakyRelu", ["a"], ["b"], alpha=0.25),
        helper.make_node("Mul", ["b", "c2"], ["d"]),
        helper.make_node("Reshape", ["d", "c3"], ["e"], allowzero=0),
        helper.make_node("Gelu", ["e"], ["y"], approximate="tanh"),
    ]
    graph = read(saved(model(nodes, opset=20), tmp_path))
    assert graph.constants["c1"].tolist() == [1, 2, 3]
    assert graph.constants["c2"].shape == ()
    assert graph.constants["c3"].tolist() == [0, -1]
    assert [n.operator for n in graph.nodes] == ["Add", "LeakyRelu", "Mul", "Reshape", "Gelu"]
    assert [dict(n.attributes) for n in graph.nodes] == [
        {},
        {"alpha": 0.25},
        {},
        {"allowzero": 0},
        {"approximate": "tanh"},
    ]
    assert graph.opset == 20


def test_an_if_keeps_its_branches_as_graphs_that_see_the_tensors_around_them(tmp_path):
    def branch(name, operator):
        out = helper.make_tensor_value_info(name, FLOAT, None)
        return helper.make_graph([helper.make_node(operator, ["x", "w"], [name])], name, [], [out])

    node = helper.make_node("If", ["c"], ["y"], then_branch=branch("t", "Add"), else_branch=branch("e", "Mul"))
    graph = read(saved(model([node], [tensor("c", np.array(True)), tensor("w", np.ones(3, "f4"))]), tmp_path))
    inner = graph.nodes[0].attributes["else_branch"]
    assert isinstance(inner, Graph)
    assert [n.operator for n in inner.nodes] == ["Mul"]
    assert inner.outputs == ("e",)


def functions():
    """twice(x; alpha) = leaky(x) + leaky(x), and outer(x, w) that calls it."""
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("mine", 1)]
    leaky = helper.make_node("LeakyRelu", ["a"], ["t"])
    leaky.attribute.append(onnx.AttributeProto(name="alpha", type=onnx.AttributeProto.FLOAT, ref_attr_name="slope"))
    twice = helper.make_function(
        "mine", "twice", ["a"], ["b"], [leaky, helper.make_node("Add", ["t", "t"], ["b"])], opsets, ["slope"]
    )
    calls = [
        helper.make_node("twice", ["p"], ["t"], domain="mine", slope=0.5),
        helper.make_node("Mul", ["t", "q"], ["r"]),
    ]
    return twice, helper.make_function("mine", "outer", ["p", "q"], ["r"], calls, opsets)


def test_functions_of_the_model_stand_where_they_were_called_as_by_hand(tmp_path):
    nodes = [
        helper.make_node("outer", ["x", "w"], ["h"], domain="mine"),
        helper.make_node("outer", ["h", "w"], ["y"], domain="mine"),
    ]
    proto = model(nodes, [tensor("w", np.array([2, -3, 5], "f4"))], functions=functions())
    graph = read(saved(proto, tmp_path))
    wanted = X.astype(float)
    for _ in range(2):
        wanted = 2 * np.where(wanted < 0, wanted / 2, wanted) * [2, -3, 5]
    assert [n.operator for n in graph.nodes] == ["LeakyRelu", "Add", "Mul"] * 2
    assert np.abs(run(graph, X) / wanted - 1).max() < 1e-6


def test_inputs_that_are_initialisers_as_old_files_list_them_are_constants(tmp_path):
    given = [helper.make_tensor_value_info(name, FLOAT, [3]) for name in ("x", "w")]
    graph = read(
        saved(model([helper.make_node("Add", ["x", "w"], ["y"])], [tensor("w", np.ones(3, "f4"))], given), tmp_path)
    )
    assert [i.name for i in graph.inputs] == ["x"]


def _external(proto):
    held = proto.graph.initializer[0]
    held.ClearField("raw_data")
    held.data_location = onnx.TensorProto.EXTERNAL
    held.external_data.add(key="location", value="/etc/passwd")
    return proto


def _dims(proto):
    proto.graph.initializer[0].ClearField("raw_data")
    proto.graph.initializer[0].dims[:] = [200_000, 200_000]
    return proto


def _cut_data(proto):
    proto.graph.initializer[0].raw_data = proto.graph.initializer[0].raw_data[:-1]
    return proto


def _negative(proto):
    proto.graph.initializer[0].dims[:] = [-1, -15]
    return proto


def _nan(proto):
    proto.graph.initializer[0].CopyFrom(tensor("w0", np.full((5, 3), np.nan, "f4")))
    return proto


def _inf(proto):
    proto.graph.initializer[0].CopyFrom(tensor("w0", np.full((5, 3), np.inf, "f4")))
    return proto


def _node(operator, *names, **attributes):
    def planted(proto):
        attributes.setdefault("domain", "")
        proto.graph.node.append(helper.make_node(operator, list(names) or ["x"], ["hostile"], "here", **attributes))
        return proto

    planted.__name__ = operator
    return planted


def _constant_of_shape(proto):
    proto.graph.initializer.append(tensor("huge", np.array([200_000, 200_000], "i8")))
    return _node("ConstantOfShape", "huge")(proto)


def _before(proto):
    return _node("Relu", "later")(proto)


def _twice(proto):
    proto.graph.node.append(helper.make_node("Relu", ["x"], ["z0"]))
    return proto


def _old(proto):
    proto.opset_import[0].version = 5
    return proto


def _laughs(proto):
    """Each function calls the next one ten times: 10^9 operators of 30."""
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("mine", 1)]
    for n in range(9):
        called, domain = ("Relu", "") if n == 8 else (f"f{n + 1}", "mine")
        names = ["a", *(f"t{k}" for k in range(9)), "b"]
        calls = [helper.make_node(called, [names[k]], [names[k + 1]], domain=domain) for k in range(10)]
        proto.functions.append(helper.make_function("mine", f"f{n}", ["a"], ["b"], calls, opsets))
    return _node("f0", domain="mine")(proto)


def _itself(proto):
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("mine", 1)]
    call = helper.make_node("f", ["a"], ["b"], domain="mine")
    proto.functions.append(helper.make_function("mine", "f", ["a"], ["b"], [call], opsets))
    return _node("f", domain="mine")(proto)


def _fp8(proto):
    proto.graph.initializer[0].data_type = onnx.TensorProto.FLOAT8E4M3FN
    return proto


def _text(proto):
    proto.graph.initializer.append(helper.make_tensor("t", onnx.TensorProto.STRING, [1], [b"hello"]))
    return proto


def _no_shape(proto):
    proto.graph.input[0].type.tensor_type.ClearField("shape")
    return proto


def _no_output(proto):
    del proto.graph.output[:]
    return proto


def _output_of_nothing(proto):
    proto.graph.output[0].name = "nobody"
    return proto


REFUSED = {
    _external: "in another file, which is not opened",
    _dims: "asks for 3.2e+11 bytes",
    _cut_data: "cannot be read",
    _negative: "states the shape",
    _nan: "NaN or inf in 'w0'",
    _inf: "NaN or inf in 'w0'",
    _node("LSTM"): "holds LSTM at 'here', a recurrent cell",
    _node("GRU"): "holds GRU at 'here', a recurrent cell",
    _node("Loop"): "a loop, which is not run",
    _node("Scan"): "a loop, which is not run",
    _node("SequenceConstruct"): "a sequence of tensors",
    _node("QLinearConv"): "quantised",
    _node("DequantizeLinear"): "quantised",
    _node("MatMulNBits", domain="com.microsoft"): "quantised",
    _constant_of_shape: "asks for 3.2e+11 bytes with 'here'",
    _before: "uses 'later' at 'here' before it is made",
    _twice: "makes 'z0' twice",
    _old: "opset 5, and 7 is the least",
    _laughs: "unfolds to more than",
    _itself: "nested more than",
    _fp8: "quantised",
    _text: "of string",
    _no_shape: "states no shape of 'x'",
    _no_output: "has no output",
    _output_of_nothing: "which no operator makes",
}


@pytest.mark.parametrize("plant", REFUSED, ids=lambda f: f.__name__)
def test_what_is_not_followed_or_asks_for_too_much_is_refused_in_one_line(tmp_path, plant):
    with pytest.raises(ChainderivError) as caught:
        read(saved(plant(mlp()), tmp_path))
    said = str(caught.value)
    assert REFUSED[plant] in said
    assert "\n" not in said
    assert len(said) < 300


def test_an_inf_in_a_mask_is_no_weight(tmp_path):
    mask = tensor("mask", np.array([0, -np.inf, 0], "f4"))
    graph = read(saved(model([helper.make_node("Add", ["x", "mask"], ["y"])], [mask]), tmp_path))
    assert np.isinf(graph.constants["mask"]).sum() == 1


def test_a_million_empty_operators_are_counted_before_they_are_parsed(tmp_path):
    body = b"\x0a\x00" * 1_000_000
    (tmp_path / "m.onnx").write_bytes(
        b"\x3a" + bytes([0x80 | len(body) & 127, 0x80 | len(body) >> 7 & 127, len(body) >> 14]) + body
    )
    with pytest.raises(BadValue, match="more than 300000 parts"):
        read(tmp_path / "m.onnx")


def test_a_file_that_is_cut_is_told(tmp_path):
    whole = mlp().SerializeToString()
    for length in (1, 10, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "m.onnx").write_bytes(whole[:length])
        with pytest.raises(DataError):
            read(tmp_path / "m.onnx")


def test_an_activation_beside_a_file_that_states_its_own_is_refused(tmp_path):
    for given in ({"activation": "tanh"}, {"output": "identity"}):
        with pytest.raises(BadValue, match="states its own; leave it out"):
            read(saved(mlp(), tmp_path), **given)
