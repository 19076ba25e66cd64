"""Whole networks forwards and backwards: at depths where floats end, through branches, past what is not followed."""

import time
from dataclasses import replace

import mpmath
import numpy as np
import pytest

from chainderiv.errors import BadShape, BadValue
from chainderiv.models import backwards
from chainderiv.models.graph import Graph, Input, Node
from chainderiv.models.layers import layers
from chainderiv.models.passes import backward, forward, through_one, until_not_followed
from chainderiv.models.scaled import scaled
from chainderiv.models.stages import stages

from .networks import Builder, convolutional, sigmoids, transformer

AGREES = 1e-12  # of max(1, |ln|)


def ln_norms_by_mpmath(graph, x, cotangent, digits=60):
    """ln ‖∂C/∂t‖ of the input of each layer of `sigmoids`, from the last to the first."""
    with mpmath.workdps(digits):
        weights = [mpmath.matrix(W.tolist()) for W in graph.constants.values()]
        a = [mpmath.matrix([x.tolist()])]
        for W in weights:
            a.append((a[-1] * W).apply(lambda z: 1 / (1 + mpmath.exp(-z))))
        gradient, found = mpmath.matrix([cotangent.tolist()]), []
        for W, out in zip(reversed(weights), reversed(a[1:]), strict=True):
            slopes = mpmath.matrix([[g * s * (1 - s) for g, s in zip(gradient, out, strict=True)]])
            gradient = slopes * W.T
            found.append(float(mpmath.log(mpmath.norm(gradient, 2))))
        return found


def deep():
    graph, rng = sigmoids(900, gain=0.79), np.random.default_rng(1)
    x, cotangent = rng.normal(size=3), rng.normal(size=3)
    passed = forward(graph, {"x": x[None]})
    return graph, x, cotangent, backward(passed, cotangent[None])


def disagreement(got, want):
    return max(abs(g - w) / max(1.0, abs(w)) for g, w in zip(got, want, strict=True))


@pytest.fixture(scope="module")
def nine_hundred():
    graph, x, cotangent, gradients = deep()
    inputs = [node.inputs[0] for node in graph.nodes if node.operator == "MatMul"]
    return [gradients[name].ln_norm() for name in inputs[::-1]], ln_norms_by_mpmath(graph, x, cotangent)


def test_nine_hundred_layers_of_sigmoids_have_the_gradient_that_sixty_digits_give(nine_hundred):
    got, want = nine_hundred
    assert want[-1] / np.log(10) < -700
    assert len(want) == 900
    assert disagreement(got, want) < AGREES


def test_an_error_of_a_billionth_in_one_layer_is_found(nine_hundred):
    got, want = nine_hundred
    assert not disagreement([g + 1e-9 * (k == 450) for k, g in enumerate(got)], want) < AGREES


def test_a_saturated_sigmoid_passes_a_gradient_that_no_float_holds():
    graph = sigmoids(3, width=1)
    graph = Graph(graph.nodes, {name: np.array([[1.0]]) for name in graph.constants}, graph.inputs, graph.outputs)
    gradients = backward(forward(graph, {"x": [[-800.0]]}), [[1.0]])
    # σ(-800) is 0 for the next layer, whose slope is 1/4, and that of the third is σ'(1/2)
    third = np.log(1 / (1 + np.exp(-0.5))) + np.log(1 / (1 + np.exp(0.5)))
    assert abs(gradients["x"].ln_norm() - (-800 + np.log(0.25) + third)) < 1e-9 * 800 * 1e-3


def one(operator, x, **attributes):
    return Graph((Node(operator, ("x",), ("y",), attributes),), {}, (Input("x", np.shape(x)),), ("y",))


def test_a_saturated_softmax_passes_what_no_float_holds_to_its_largest_share_as_well():
    x, cotangent = np.array([[0.0, -900.0, -901.0]]), np.array([[0.3, 1.0, -2.0]])
    found = backward(forward(one("Softmax", x), {"x": x}), cotangent)["x"].to_log_sign()
    with mpmath.workdps(1000):
        shares = [mpmath.exp(v) for v in x[0]]
        shares = [s / mpmath.fsum(shares) for s in shares]
        mean = mpmath.fsum(s * c for s, c in zip(shares, cotangent[0], strict=True))
        want = [s * (c - mean) for s, c in zip(shares, cotangent[0], strict=True)]
        logs, signs = [float(mpmath.log(abs(w))) for w in want], [float(mpmath.sign(w)) for w in want]
    assert signs == found.sign[0].tolist()
    assert disagreement(found.log[0], logs) < AGREES


def saturated(sizes):
    """Each example drives its first sigmoid to one of these; the next two see what that leaves."""
    b = Builder((len(sizes), 1))
    t = b.add("Sigmoid", b.add("MatMul", "x", b.constant([[-1.0]]), name="driven"))
    for _ in range(2):
        t = b.add("Sigmoid", b.add("MatMul", t, b.constant([[3.0]])))
    return b.graph(t)


def test_each_example_of_a_batch_keeps_its_gradient_beside_those_that_are_far_larger():
    sizes = np.array([0.0, 30.0, 500.0, 700.0, 900.0, 2000.0, 1e5])
    passed = forward(saturated(sizes), {"x": sizes[:, None]})
    gradients = backward(passed, np.ones((7, 1)))
    want = sum((-np.abs(z) - 2 * np.log1p(np.exp(-np.abs(z)))) for z in (passed.values[n] for n in ("t0", "t2", "t4")))
    np.testing.assert_allclose(gradients["x"].ln_abs(), want + 2 * np.log(3.0), rtol=1e-12)
    assert (gradients["x"].to_log_sign().sign == -1).all()
    # its neuron is alive for the last example alone, and is so
    first = layers(passed, backward(passed, np.eye(7)[-1:].T), 7)[0]
    assert (first.dead, round(first.ln_delta, 6)) == (0.0, round(float(want[-1, 0]) + 2 * np.log(3.0), 6))


def by_differences(graph, x, cotangent, direction, name="x"):
    """The derivative of Σ c·y along a direction, extrapolated to h = 0."""

    def at(h):
        constants = dict(graph.constants)
        moved = {"x": x}
        where = moved if name == "x" else constants
        where[name] = where[name] + h * direction
        changed = Graph(graph.nodes, constants, graph.inputs, graph.outputs)
        return float(np.sum(cotangent * forward(changed, moved).output))

    row = [(at(h) - at(-h)) / (2 * h) for h in (4e-5, 2e-5, 1e-5)]
    row = [(4 * b - a) / 3 for a, b in ((row[0], row[1]), (row[1], row[2]))]
    return (16 * row[1] - row[0]) / 15


NETWORKS = {"convolutional": (convolutional(), (3, 3, 8, 8)), "transformer": (transformer(), (2, 5, 8))}


@pytest.mark.parametrize("name", NETWORKS)
def test_whole_networks_have_the_gradients_that_differences_give(name):
    graph, shape = NETWORKS[name]
    rng = np.random.default_rng(2)
    x = rng.normal(size=shape)
    passed = forward(graph, {"x": x})
    cotangent = rng.normal(size=passed.output.shape)
    gradients = backward(passed, cotangent)
    judged = 0
    for tensor in ("x", *(n for n, v in graph.constants.items() if v.ndim > 1)):
        direction = rng.normal(size=x.shape if tensor == "x" else graph.constants[tensor].shape) / 10
        want = by_differences(graph, x, cotangent, direction, tensor)
        got = float(np.sum(gradients[tensor].to_float() * direction))
        assert abs(got - want) < 1e-7 * np.linalg.norm(gradients[tensor].to_float()) * np.linalg.norm(direction), tensor
        judged += 1
    assert judged >= 4


def test_scaling_the_cotangent_by_a_power_of_two_shifts_every_gradient_exactly():
    graph, shape = NETWORKS["transformer"]
    passed = forward(graph, {"x": np.random.default_rng(0).normal(size=shape)})
    cotangent = np.random.default_rng(1).normal(size=passed.output.shape)
    plain, tiny = backward(passed, cotangent), backward(passed, scaled(cotangent, -5000))
    assert plain.keys() == tiny.keys()
    for name in plain:
        assert tiny[name].exponent == plain[name].exponent - 5000
        np.testing.assert_array_equal(tiny[name].values, plain[name].values)


def test_a_weight_that_two_layers_share_has_a_part_of_its_gradient_from_each():
    b = Builder((4, 3))
    name = b.weight(3, 3)
    graph = b.graph(b.add("MatMul", b.add("Tanh", b.add("MatMul", "x", name)), name))
    passed = forward(graph, {"x": np.random.default_rng(0).normal(size=(4, 3))})
    gradients = backward(passed, np.random.default_rng(1).normal(size=(4, 3)))
    first, last = (through_one(passed, gradients, passed.nodes[k])[name].to_float() for k in (0, 2))
    np.testing.assert_allclose(first, passed.values["x"].T @ gradients["t0"].to_float(), rtol=1e-14)
    np.testing.assert_allclose(first + last, gradients[name].to_float(), rtol=1e-14)


def conditional(condition_of):
    """x, doubled or squared by an If."""
    doubled = Graph((Node("Add", ("x", "x"), ("y",)),), {}, (), ("y",))
    inner = Graph((Node("Identity", ("s",), ("i",)),), {}, (), ("i",))
    nested = Node("If", ("yes",), ("y",), {"then_branch": inner, "else_branch": inner})
    squared = Graph((Node("Mul", ("x", "x"), ("s",)), nested), {}, (), ("y",))
    b = Builder((3,))
    b.constants["yes"] = np.array(True)
    chosen = condition_of(b)
    b.nodes.append(Node("If", (chosen,), ("out",), {"then_branch": doubled, "else_branch": squared}, "choice"))
    return b.graph("out")


def by_shape(length):
    return lambda b: b.add("Equal", b.add("Size", "x"), b.constant(length))


@pytest.mark.parametrize(("length", "want"), [(3, [2.0, 2.0, 2.0]), (4, [2.0, -4.0, 6.0])])
def test_an_if_whose_condition_follows_from_shapes_takes_its_branch_and_a_branch_within(length, want):
    passed = forward(conditional(by_shape(length)), {"x": [1.0, -2.0, 3.0]})
    assert not passed.not_followed
    assert backward(passed, np.ones(3))["x"].to_float().tolist() == want


def test_an_if_whose_condition_depends_on_the_data_is_not_followed():
    graph = conditional(lambda b: b.add("Greater", b.add("ReduceSum", "x", keepdims=0), b.constant(0.0)))
    passed = forward(graph, {"x": [1.0, 2.0, 3.0]})
    assert [str(n) for n in passed.not_followed] == ["If at 'choice': its condition depends on the data"]
    with pytest.raises(BadValue, match="If at 'choice'"):
        _ = passed.output


def test_an_operator_that_is_not_followed_is_named_and_what_stands_before_it_has_values():
    b = Builder((2, 3))
    t = b.add("MatMul", "x", b.weight(3, 3))
    u = b.add("Det", t, name="pick")
    passed = forward(b.graph(b.add("Relu", u)), {"x": np.ones((2, 3))})
    assert passed.value(t).shape == (2, 3)
    with pytest.raises(BadValue, match=r"^'t2' of model has no value: Det at 'pick': no rule follows it; give a model"):
        _ = passed.output
    with pytest.raises(BadValue, match="Det at 'pick'"):
        backward(passed, np.ones((2, 3)))


def test_the_part_before_what_is_not_followed_has_stages_and_no_total():
    b = Builder((2, 3))
    t = b.add("Tanh", b.add("MatMul", "x", b.weight(3, 3), name="first"))
    u = b.add("MatMul", b.add("Det", t, name="pick"), b.weight(3, 3), name="last")
    part = until_not_followed(forward(b.graph(u), {"x": np.random.default_rng(0).normal(size=(2, 3))}))
    assert part.graph.outputs == (t,)
    found = stages(part, backward(part, np.ones((2, 3))))
    assert [s.name for s in found.stages] == ["first", t]
    assert found.total is None
    assert until_not_followed(forward(b.graph(t), {"x": np.ones((2, 3))})) is not None
    assert until_not_followed(forward(sigmoids(2), {"x": np.ones((1, 3))})) is None


def test_numbers_that_leave_float64_are_blamed_on_the_node_that_first_makes_them():
    b = Builder((1, 2))
    t = b.add("Exp", b.add("Mul", "x", b.constant(1e5), name="large"), name="beyond")
    assert forward(b.graph(t), {"x": [[1.0, 2.0]]}).leaves_floats == "beyond"
    difference = b.add("Sub", t, t, name="no number")
    assert forward(b.graph(difference), {"x": [[1.0, 2.0]]}).leaves_floats == "no number"
    assert forward(b.graph(difference), {"x": [[-1.0, 0.0]]}).leaves_floats is None
    assert forward(b.graph(difference), {"x": [[np.nan, 0.0]]}).leaves_floats == "large"


def test_a_mask_of_infinities_is_well():
    b = Builder((2, 2))
    masked = b.add("Where", b.constant(np.tri(2) > 0), "x", b.constant(-np.inf))
    passed = forward(b.graph(b.add("Softmax", masked)), {"x": np.ones((2, 2))})
    assert passed.leaves_floats is None
    assert backward(passed, [[1.0, 2.0], [3.0, 5.0]])["x"].to_float().tolist() == [[0.0, 0.0], [-0.5, 0.5]]


def unfollowed_on_the_way_back():
    """LayerNormalization whose mean is used: it has values, and its gradient is not followed."""
    b = Builder((2, 3))
    t = b.add("MatMul", "x", b.weight(3, 3), name="first")
    b.nodes.append(Node("LayerNormalization", (t, b.weight(3)), ("n", "mean"), {}, "norm"))
    u = b.add("MatMul", b.add("Add", "n", "mean"), b.weight(3, 3), name="last")
    return b.graph(u)


def test_a_gradient_that_is_not_known_is_no_number():
    passed = forward(unfollowed_on_the_way_back(), {"x": np.arange(6.0).reshape(2, 3) ** 2})
    gradients = backward(passed, np.ones((2, 3)))
    assert "n" in gradients
    assert "x" not in gradients
    with pytest.raises(BadValue, match=r"gradient of 'x' is not known: LayerNormalization at 'norm': its mean"):
        gradients["x"]
    with pytest.raises(KeyError):
        gradients["nowhere"]


def test_what_would_take_too_much_memory_is_refused_before_it_is_taken():
    start = time.perf_counter()
    for node in (
        Node("ConstantOfShape", ("n",), ("y",)),
        Node("Expand", ("x", "n"), ("y",)),
        Node("Tile", ("x", "n"), ("y",)),
        Node("Pad", ("x", "m"), ("y",)),
        Node("Resize", ("x", "", "", "n"), ("y",)),
        Node("Range", ("zero", "far", "one"), ("y",)),
        Node("OneHot", ("zero", "far", "two"), ("y",)),
    ):
        constants = {
            "n": np.array([200_000, 100_000]),
            "m": np.array([0, 0, 200_000, 100_000]),
            "zero": np.array(0),
            "one": np.array(1),
            "far": np.array(10**12),
            "two": np.array([0.0, 1.0]),
        }
        graph = Graph((node,), constants, (Input("x", (1, 1)),), ("y",))
        with pytest.raises(BadValue, match=f"^{node.operator} at 'y'.*give fewer or smaller"):
            forward(graph, {"x": [[1.0]]})
    assert time.perf_counter() - start < 1


def test_gradients_that_would_take_too_much_memory_are_refused_at_the_node(monkeypatch):
    graph = sigmoids(6)
    passed = forward(graph, {"x": np.ones((1, 3))})
    took = sum(passed.values[name].nbytes for name in backward(passed, np.ones((1, 3))))
    monkeypatch.setattr(backwards, "MOST_BYTES", took)
    assert len(backward(passed, np.ones((1, 3)))) == 6 * 3 + 1
    monkeypatch.setattr(backwards, "MOST_BYTES", took - 1)
    with pytest.raises(BadValue, match="gradients of model take more than 0 MiB at layer 1; give fewer or smaller"):
        backward(passed, np.ones((1, 3)))


@pytest.mark.parametrize(
    ("inputs", "attributes", "opset", "training", "told"),
    [
        ((), {}, 10, False, False),
        ((), {}, 10, True, True),
        ((), {"ratio": 0.0}, 10, True, False),
        ((np.array(0.3),), {}, 13, True, True),
        ((np.array(0.0),), {}, 13, True, False),
        ((np.array(0.3), np.array(True)), {}, 13, False, True),
        ((np.array(0.3), np.array(False)), {}, 13, False, False),
    ],
)
def test_a_dropout_that_would_drop_is_noted_and_lets_through_what_it_does_on_average(
    inputs, attributes, opset, training, told
):
    b = Builder((2, 3))
    graph = b.graph(b.add("Dropout", "x", *map(b.constant, inputs), **attributes))
    passed = forward(replace(graph, opset=opset), {"x": np.ones((2, 3))}, training)
    assert passed.output.tolist() == np.ones((2, 3)).tolist()
    assert [note.partition(";")[0] for note in passed.notes] == (
        ["dropout lets everything through, as it does on average"] if told else []
    )


def test_two_vectors_that_would_broadcast_beyond_memory_are_refused():
    for operator in ("Add", "Mul", "Max", "MatMul", "Where", "Pow"):
        names = ("a > 0", "a", "b") if operator == "Where" else ("a", "b")
        a, b = np.ones((10**6, 1)), np.ones((1, 10**6))
        graph = Graph((Node(operator, names, ("y",)),), {"a": a, "b": b, "a > 0": a > 0}, (), ("y",))
        with pytest.raises(BadValue, match=f"^{operator} at 'y'.*give fewer or smaller"):
            forward(graph, {})


@pytest.mark.parametrize(
    ("inputs", "error", "told"),
    [
        ({}, BadValue, "input 'x' of model is missing; give 'x'"),
        ({"x": [[1.0]], "z": [1.0]}, BadValue, "input 'z' of model is none; give 'x'"),
        ({"x": [[1.0, 2.0]]}, BadShape, r"input 'x' has the shape \(1, 2\); give one of \(any, 1\)"),
        ({"x": [["a"]]}, BadValue, "input 'x' is of the kind"),
    ],
)
def test_inputs_that_do_not_fit_are_told(inputs, error, told):
    graph = Graph((Node("Relu", ("x",), ("y",)),), {}, (Input("x", (None, 1)),), ("y",))
    with pytest.raises(error, match=told):
        forward(graph, inputs)


def test_a_node_that_cannot_work_is_named_with_its_place():
    graph = Graph((Node("MatMul", ("x", "x"), ("y",), name="odd"),), {}, (Input("x", (2, 3)),), ("y",))
    with pytest.raises(BadShape, match=r"^MatMul at 'odd' cannot work"):
        forward(graph, {"x": np.ones((2, 3))})
    graph = Graph((Node("Gemm", ("x",), ("y",)),), {}, (Input("x", (2, 3)),), ("y",))
    with pytest.raises(BadValue, match=r"^Gemm at 'y': input 2 is missing"):
        forward(graph, {"x": np.ones((2, 3))})


def test_a_cotangent_of_another_shape_is_refused():
    passed = forward(one("Relu", [[1.0]]), {"x": [[1.0]]})
    with pytest.raises(BadShape, match=r"cotangent of 'y' has the shape \(2,\); give one of \(1, 1\)"):
        backward(passed, [1.0, 2.0])


def test_ten_thousand_nodes_are_passed_without_recursion():
    nodes = tuple(Node("Softsign", (f"t{k}",), (f"t{k + 1}",)) for k in range(10_000))
    passed = forward(Graph(nodes, {}, (Input("t0", (1,)),), ("t10000",)), {"t0": [1.0]})
    # x / (1 + |x|) again and again is x / (1 + n x)
    assert abs(passed.output[0] - 1 / 10_001) < 1e-12 / 10_001 * 10
    assert abs(backward(passed, [1.0])["t0"].ln_norm() + 2 * np.log(10_001)) < 1e-11
