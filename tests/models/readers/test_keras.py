"""What Keras saved is read without Keras, and computes what Keras computed; nothing in a file is run."""

import base64
import io
import json
import marshal
import zipfile

import numpy as np
import pytest

from chainderiv.errors import BadValue, ChainderivError, DataError
from chainderiv.models.readers.reading import read
from tests.models.readers.keras_made import KEPT
from tests.models.readers.plain import forward, run
from tests.models.readers.to_onnx import run_onnx

h5py = pytest.importorskip("h5py", reason="h5py is not installed")
with zipfile.ZipFile(KEPT) as packed:
    FILES = {name: packed.read(name) for name in packed.namelist()}
with np.load(io.BytesIO(FILES.pop("answers.npz"))) as kept:
    ANSWERS = {name: kept[name] for name in kept.files}
NOT_PLAIN = {"enlarging"}  # of ConvTranspose and Resize, which the few lines of plain.py leave out


def opened(name, tmp_path):
    (tmp_path / name).write_bytes(FILES[name])
    return read(tmp_path / name)


def miss(got, name):
    wanted = ANSWERS[f"{name.partition('.')[0]}.y"]
    assert got.shape == wanted.shape
    return np.abs(got - wanted).max() / np.abs(wanted).max()


@pytest.mark.parametrize("name", [name for name in FILES if name.partition(".")[0] not in NOT_PLAIN])
def test_the_graph_computes_what_keras_computed(name, tmp_path):
    graph = opened(name, tmp_path)
    assert miss(run(graph, ANSWERS[f"{name.partition('.')[0]}.x"]), name) < 1e-6


@pytest.mark.parametrize("name", FILES)
def test_onnxruntime_computes_of_the_graph_what_keras_computed(name, tmp_path):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    assert miss(run_onnx(opened(name, tmp_path), ANSWERS[f"{name.partition('.')[0]}.x"]), name) < 2e-6


def test_a_weight_that_is_off_by_a_thousandth_would_be_seen(tmp_path):
    graph = opened("named.keras", tmp_path)
    next(iter(graph.constants.values()))[0, 0] *= 1.001
    assert miss(run(graph, ANSWERS["named.x"]), "named.keras") > 1e-6


def test_layers_are_called_by_their_names_though_their_weights_are_kept_by_class_and_order(tmp_path):
    for kind in ("keras", "h5"):
        graph = opened(f"named.{kind}", tmp_path)
        assert [n.name for n in graph.nodes if n.operator == "Gemm"] == ["zeta", "alpha", "beta"]
        assert [n.operator for n in graph.nodes] == ["Gemm", "Tanh", "Gemm", "Gelu", "Gemm"]
        assert graph.inputs[0].shape == (None, 6)


def test_layers_within_a_model_are_called_by_both(tmp_path):
    names = [n.name for n in opened("nested.keras", tmp_path).nodes if n.operator == "Gemm"]
    inner, own = names[:2], (names[2], names[5])
    assert names == [*inner, own[0], *inner, own[1]]
    assert all(name.startswith("inner/dense") for name in inner)
    assert all(name.startswith("dense") for name in own)


def altered(change, name="named"):
    """A .keras whose configuration is changed."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(FILES[f"{name}.keras"])) as old, zipfile.ZipFile(content, "w") as new:
        for member in old.namelist():
            held = old.read(member)
            if member == "config.json":
                config = json.loads(held)
                change(config)
                held = json.dumps(config).encode()
            new.writestr(member, held)
    return content.getvalue()


def _layer(kind, **config):
    def change(told):
        item = told["config"]["layers"][2]
        item["class_name"] = kind
        item["config"] |= config

    change.__name__ = kind
    return change


def _code(told):
    program = base64.b64encode(marshal.dumps(compile("open('trace', 'w')", "x", "exec"))).decode()
    told["config"]["layers"][1]["config"]["activation"] = {"class_name": "__lambda__", "config": {"value": program}}


def _own_layer(told):
    told["config"]["layers"][1] |= {"module": "mine.layers", "registered_name": "mine>Layer", "class_name": "Mine"}


def _own_function(told):
    told["config"]["layers"][1]["config"]["activation"] = {
        "class_name": "function",
        "config": "mine",
        "module": "builtins",
    }


def _subclassed(told):
    told["class_name"] = "MyModel"


def _quantised_shape(told):
    told["config"]["layers"][0]["config"]["batch_shape"] = "everything"


def _unlayered(told):
    told["config"]["layers"] = 3


REFUSED = {
    _layer("Lambda"): "a Lambda layer, which is a program and is not run",
    _code: "a Lambda layer, which is a program and is not run",
    _own_layer: "a layer of one's own, 'Mine'",
    _own_function: "the activation {",
    _subclassed: "of the class 'MyModel', whose call is a program",
    _layer("LSTM"): "holds LSTM at 'alpha', a recurrent cell",
    _layer("GRU"): "holds GRU at 'alpha', a recurrent cell",
    _layer("SimpleRNN"): "a recurrent cell",
    _layer("Bidirectional"): "'Bidirectional'",
    _layer("MultiHeadAttention"): "the layer 'MultiHeadAttention' at 'alpha', which is not followed",
    _layer("Dense", activation="nonesuch"): "the activation 'nonesuch' at 'alpha'",
    _layer("Conv2D"): "has no weight 1 of 'alpha'",
    _quantised_shape: "states no shape",
    _unlayered: "cannot be read",
}


@pytest.mark.parametrize("change", REFUSED, ids=lambda f: f.__name__)
def test_what_is_not_followed_is_refused_by_its_name_and_nothing_is_run(change, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.keras").write_bytes(altered(change))
    with pytest.raises(ChainderivError) as caught:
        read(tmp_path / "m.keras")
    said = str(caught.value)
    assert REFUSED[change] in said
    assert "\n" not in said
    assert len(said) < 400
    assert not (tmp_path / "trace").exists()


def test_an_unchanged_configuration_is_read(tmp_path):
    (tmp_path / "m.keras").write_bytes(altered(lambda told: None))
    assert len(read(tmp_path / "m.keras").nodes) == 5


def test_weights_alone_are_arrays_by_name(tmp_path):
    rng = np.random.default_rng(1)
    layers = [(rng.normal(size=(5, 3)), rng.normal(size=5)), (rng.normal(size=(2, 5)), rng.normal(size=2))]
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for n, (w, b) in enumerate(layers):
            name = f"dense_{n}" if n else "dense"
            file[f"{name}/{name}/kernel:0"], file[f"{name}/{name}/bias:0"] = w.T, b
    x = rng.normal(size=(4, 3))
    got = run(read(tmp_path / "w.h5", "tanh", "identity"), x)
    assert np.allclose(got, forward(layers, x, np.tanh), rtol=1e-12, atol=0)
    with pytest.raises(BadValue, match="activation='tanh'"):
        read(tmp_path / "w.h5")


def test_weights_alone_as_keras_3_writes_them_are_in_and_out_by_their_order(tmp_path):
    rng = np.random.default_rng(1)
    layers = [(rng.normal(size=(4, 4)), rng.normal(size=4)) for _ in range(12)]
    with h5py.File(tmp_path / "m.weights.h5", "w") as file:
        for n, (w, b) in enumerate(layers):
            name = f"layers/dense_{n}" if n else "layers/dense"
            file[f"{name}/vars/0"], file[f"{name}/vars/1"] = w.T, b
        file["optimizer/vars/0"] = np.zeros(3)
    x, graph = rng.normal(size=(3, 4)), read(tmp_path / "m.weights.h5", "tanh", "identity")
    assert np.allclose(run(graph, x), forward(layers, x, np.tanh), rtol=1e-11, atol=0)
    assert [node.name for node in graph.nodes[::2]][:2] == ["layers/dense", "layers/dense_1"]
    assert "(in, out)" in graph.notes[0]


def _external(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("dense/kernel", (3, 2), "f4", external=[(str(path) + ".raw", 0, 24)])


def _link(path):
    with h5py.File(path, "w") as file:
        file["dense"] = h5py.ExternalLink("/etc/passwd", "/x")


def _soft(path):
    with h5py.File(path, "w") as file:
        file["dense"] = h5py.SoftLink("/x")


def _unallocated(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("dense/kernel", (1000, 1000), "f4")


def _huge(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("dense/kernel", (200_000, 200_000), "f4", chunks=(1000, 1000))


def _zeros(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("dense/kernel", data=np.zeros((3000, 3000)), compression="gzip")


def _text(path):
    with h5py.File(path, "w") as file:
        file["dense/kernel"] = "hello"


def _circle(path):
    with h5py.File(path, "w") as file:
        file.create_group("a")["b"] = file["/"]


HOSTILE = {
    _external: "in another file",
    _link: "a link that is not followed",
    _soft: "a link that is not followed",
    _unallocated: "holds nothing of it",
    _huge: "asks for 3.2e+11 bytes",
    _zeros: "a hundredfold is the most",
    _text: "no array of numbers",
    _circle: "nested more than",
}


@pytest.mark.parametrize("write", HOSTILE, ids=lambda f: f.__name__)
def test_an_hdf5_file_that_asks_for_more_than_it_holds_or_leads_elsewhere_is_refused(write, tmp_path):
    write(tmp_path / "m.h5")
    with pytest.raises((BadValue, DataError)) as caught:
        read(tmp_path / "m.h5", "tanh")
    assert HOSTILE[write] in str(caught.value)
