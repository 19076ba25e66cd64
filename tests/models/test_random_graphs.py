"""Random graphs: forwards against onnxruntime where it is, backwards against differences along a random direction."""

from dataclasses import replace

import numpy as np
import pytest

from chainderiv.models.operators.rule import Rule
from chainderiv.models.operators.table import RULES
from chainderiv.models.passes import backward, forward

from .random_graphs import random_graph

AGREES = 1e-6  # of ‖gradient‖ ‖direction‖
DIGITS = {np.float64: 1e-8, np.float32: 2e-3}  # of the largest entry of any tensor on the way
ATTRIBUTES = 3e-6  # of what float attributes, float32 in a file, leave of it


def drawn(seed):
    graph, x = random_graph(seed, lambda graph, x: forward(graph, {"x": x}).output.shape)
    return graph, x, forward(graph, {"x": x})


def off_by_differences(graph, x, passed, seed):
    """|⟨gradient, direction⟩ − difference| over both norms; None where a kink lies between, or all is rounding."""
    rng = np.random.default_rng([seed, 1])
    cotangent, moved = rng.normal(size=passed.output.shape), ["x", *(n for n in graph.constants if is_moved(graph, n))]
    gradients = backward(passed, cotangent)
    assert not gradients.not_followed
    felt = [n for n in moved if n in gradients]
    if not felt or x.size == 0 or passed.output.size == 0:
        return None
    along = {n: rng.normal(size=passed.values[n].shape) for n in felt}

    def at(h):
        constants = {n: v + h * along[n] if n in along else v for n, v in graph.constants.items()}
        return np.sum(
            cotangent * forward(replace(graph, constants=constants), {"x": x + h * along.get("x", 0.0)}).output
        )

    rows = [float(at(h) - at(-h)) / (2 * h) for h in (4e-4, 2e-4, 1e-4)]
    first = [(4 * b - a) / 3 for a, b in ((rows[0], rows[1]), (rows[1], rows[2]))]
    want, got = (16 * first[1] - first[0]) / 15, sum(np.sum(gradients[n].to_float() * along[n]) for n in felt)
    size = np.sqrt(sum(np.sum(np.square(gradients[n].to_float())) * np.sum(np.square(along[n])) for n in felt))
    # what is left of a saturated neuron's difference is rounding
    noise = 1e-11 * float(np.sum(np.abs(cotangent * passed.output)))
    if (
        noise > AGREES * size
        or not abs(rows[0] - rows[2]) <= 1e-3 * size
        or not abs(first[0] - first[1]) <= AGREES / 3 * size
    ):
        return None
    return abs(want - got) / size if size else abs(want)


def is_moved(graph, name):
    """Whether it is a constant of floats that is no scale, limit or number of a shape."""
    still = {n for node in graph.nodes if node.operator in ("Resize", "Upsample", "Clip") for n in node.inputs[1:]}
    return graph.constants[name].dtype.kind == "f" and name not in still


def faults(seeds):
    """Seed and graph of those whose gradient is not that of differences, and how many were judged."""
    wrong, judged = [], 0
    for seed in seeds:
        graph, x, passed = drawn(seed)
        assert not passed.not_followed
        off = off_by_differences(graph, x, passed, seed)
        judged += off is not None
        if off is not None and not off < AGREES:
            wrong.append((seed, off, [(n.operator, dict(n.attributes)) for n in graph.nodes], graph.opset))
    return wrong, judged


def test_random_graphs_have_the_gradients_that_differences_give():
    wrong, judged = faults(range(20))
    assert wrong == []
    assert judged > 14


def test_a_planted_error_in_one_rule_is_found(monkeypatch):
    rule = RULES["Reshape"]
    broken = Rule(rule.forward, lambda call, g: [1.001 * share for share in rule.backward(call, g)], rule.kind)
    monkeypatch.setitem(RULES, "Reshape", broken)
    wrong, _ = faults(range(8))
    assert wrong
    assert all("Reshape" in [name for name, _ in nodes] for _, _, nodes, _ in wrong)


@pytest.mark.slow
def test_many_random_graphs_have_the_gradients_that_differences_give():
    wrong, judged = faults(range(1000, 4000))
    assert wrong == []
    assert judged > 2000


def by_onnxruntime(runtime, graph, x):
    """All tensors that nodes make, and the kind of float; None where it has no kernel."""
    from onnx import TensorProto, helper, numpy_helper

    for kind, number in ((np.float64, TensorProto.DOUBLE), (np.float32, TensorProto.FLOAT)):
        singles = {n for node in graph.nodes if node.operator in ("Resize", "Upsample") for n in node.inputs[1:] if n}
        constants = [
            numpy_helper.from_array(v.astype(np.float32 if n in singles else kind) if v.dtype.kind == "f" else v, n)
            for n, v in graph.constants.items()
        ]
        nodes = [helper.make_node(n.operator, n.inputs, n.outputs, **n.attributes) for n in graph.nodes]
        names = [n.outputs[0] for n in graph.nodes]
        outputs = [helper.make_empty_tensor_value_info(n) for n in names]
        made = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", number, x.shape)], outputs, constants)
        model = helper.make_model(made, opset_imports=[helper.make_opsetid("", graph.opset)], ir_version=8)
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
            return dict(zip(names, session.run(names, {"x": x.astype(kind)}), strict=True)), kind
        except (
            runtime.capi.onnxruntime_pybind11_state.NotImplemented,
            runtime.capi.onnxruntime_pybind11_state.InvalidGraph,
        ):
            continue
    return None


def unlike(runtime, seed):
    """The first node whose value is not onnxruntime's, None where all are."""
    graph, x, passed = drawn(seed)
    found = by_onnxruntime(runtime, graph, x)
    if found is None:
        return None
    theirs, kind = found
    largest = 1.0
    for node in graph.nodes:
        got, want = passed.values[node.outputs[0]], theirs[node.outputs[0]]
        largest = max(largest, float(np.max(np.abs(got), initial=0.0)))
        digits = max(DIGITS[kind], ATTRIBUTES)
        if got.shape != want.shape or not float(np.max(np.abs(got - want), initial=0.0)) <= digits * largest:
            return seed, node, graph.opset, kind, got.shape, want.shape
    return None


@pytest.fixture(scope="module")
def runtime():
    pytest.importorskip("onnx", reason="onnx is not installed; the table's answers of torch stand for it")
    return pytest.importorskip("onnxruntime", reason="onnxruntime is not installed; torch's answers stand for it")


def test_random_graphs_have_the_values_that_onnxruntime_gives(runtime):
    assert [fault for fault in (unlike(runtime, seed) for seed in range(100)) if fault] == []


@pytest.mark.slow
def test_many_random_graphs_have_the_values_that_onnxruntime_gives(runtime):
    assert [fault for fault in (unlike(runtime, seed) for seed in range(1000, 4000)) if fault] == []
