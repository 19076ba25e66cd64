"""A network that is not followed throughout: what is known is given as it is in the whole, and there is no total."""

import math

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue
from chainderiv.models.graph import Graph, Input, Node, leading_to

from .networks import Builder

WIDTH = 6


def network(middle, layers=("one", "two"), behind=("three", "four"), followed=True):
    """Layers, a node in their middle that changes no number where it is followed, and layers."""
    b = Builder((5, WIDTH), seed=4)
    t = "x"
    for name in layers:
        t = b.add("Tanh", b.add("MatMul", t, b.weight(WIDTH, WIDTH), name=name))
    t = middle(b, t) if not followed else t
    for name in behind:
        t = b.add("Tanh", b.add("MatMul", t, b.weight(WIDTH, WIDTH), name=name))
    return b.graph(t)


def unknown(b, t):
    return b.add("Mystery", t, name="middle")


def forwards_alone(b, t):
    """Its mean is used besides: it has values, and its gradient is not followed. The second part is taken off again."""
    b.nodes.append(Node("LayerNormalization", (t, b.constant(np.ones(WIDTH))), ("n", "mean"), {}, "middle"))
    off = b.add("Sub", "n", b.add("Add", "n", "mean"))
    return b.add("Add", b.add("Add", off, "mean"), t)


def test_where_only_the_way_back_stops_the_layers_above_are_those_of_the_whole():
    whole = cd.diagnose(network(None), rng=1)
    part = cd.diagnose(network(forwards_alone, followed=False), rng=1)
    assert (part.verdict, part.culprit, part.total) == ("unknown", None, None)
    assert [str(n) for n in part.not_followed] == ["LayerNormalization at 'middle': its mean or deviation is used"]
    assert [(one.number, one.name) for one in part.layers] == [(3, "three"), (4, "four")]
    for got, want in zip(part.layers, whole.layers[2:], strict=True):
        for name in ("log10_norm_delta", "weight_part", "slope_part", "log10_norm_mean_bias_gradient"):
            assert getattr(got, name) == pytest.approx(getattr(want, name), rel=1e-12), name
    assert [one.name for one in part.stages if one.kind == "weight"] == ["three", "four"]
    assert part.notes == ("layers 1 to 2 stand before what is not followed, and no gradient is known there",)


def test_where_the_way_forward_stops_the_part_before_is_told_by_itself_and_the_rest_named():
    graph = network(unknown, followed=False)
    part = cd.diagnose(graph, rng=1)
    alone = cd.diagnose(leading_to(graph, part_end(graph)), rng=1)
    assert (part.verdict, part.culprit, part.total) == ("unknown", None, None)
    assert [str(n) for n in part.not_followed] == ["Mystery at 'middle': no rule follows it"]
    assert part.layers == alone.layers
    assert [s.ln_factor for s in part.stages] == [s.ln_factor for s in alone.stages]
    assert math.fsum(s.ln_factor for s in part.stages) == pytest.approx(alone.total, rel=1e-13)
    assert part.sentence.startswith("the gradient is not known before Mystery at 'middle': no rule follows it; in the")
    drawn, behind = part.notes
    assert drawn.startswith(f"the gradient was drawn at {part_end(graph)!r}, before what is not followed")
    sizes = [np.linalg.norm(graph.constants[name]) / WIDTH**0.5 for name in ("w2", "w3")]
    assert behind == (
        "no gradient is known of 2 layers behind what is not followed: "
        f"three (‖W‖/√n_out {sizes[0]:.3g}), four (‖W‖/√n_out {sizes[1]:.3g})"
    )


def part_end(graph):
    return next(node.inputs[0] for node in graph.nodes if node.operator == "Mystery")


def test_targets_are_left_aside_where_the_output_has_no_value_and_a_note_says_so():
    found = cd.diagnose(network(unknown, followed=False), np.ones((5, WIDTH)), np.ones((5, WIDTH)))
    assert "cost" not in found.data
    assert any("targets were left aside" in note for note in found.notes)
    assert found.data == "5 examples: the inputs given, a random cotangent"


def test_an_operator_at_the_very_end_leaves_all_layers_known():
    """As the selection of boxes behind a detector."""
    found = cd.diagnose(network(unknown, ("one", "two", "three"), (), followed=False))
    assert [one.name for one in found.layers] == ["one", "two", "three"]
    assert len(found.notes) == 1


def test_where_the_way_back_stops_above_all_layers_nothing_is_known():
    found = cd.diagnose(network(forwards_alone, ("one",), (), followed=False))
    assert (found.verdict, found.layers, found.total) == ("unknown", (), None)
    assert found.notes == ("no layer stands between the output and what is not followed",)


def test_a_network_without_weights_has_stages_and_no_layers():
    found = cd.diagnose(Graph((Node("Tanh", ("x",), ("y",)),), {}, (Input("x", (4, 3)),), ("y",)))
    assert (found.verdict, found.layers) == ("unknown", ())
    assert found.sentence == "no layer with weights leads from the input to the output"
    assert [one.kind for one in found.stages] == ["slope"]


def test_the_ladder_counts_layers_as_the_whole_network_does():
    ax = cd.plot_diagnosis(cd.diagnose(network(forwards_alone, followed=False)))
    (measured,) = (line for line in ax.lines if line.get_gid() == "measured")
    assert measured.get_xdata().tolist() == [3, 4]
    assert ax.get_xlim() == pytest.approx((2.4, 4.6))


def test_an_operator_at_the_very_beginning_leaves_nothing():
    found = cd.diagnose(network(unknown, (), ("one",), followed=False))
    assert (found.verdict, found.layers, found.stages, found.total) == ("unknown", (), (), None)
    assert "Mystery" in str(found)
    assert "no gradient is known of 1 layer behind what is not followed: one" in str(found)


def test_what_only_another_output_needs_is_no_part_of_the_network():
    graph = network(None)
    nodes = (*graph.nodes, Node("Mystery", (graph.nodes[1].outputs[0],), ("aside",)))
    beside = Graph(nodes, graph.constants, graph.inputs, (*graph.outputs, "aside"))
    whole, found = cd.diagnose(graph), cd.diagnose(beside)
    assert (found.verdict, found.total, found.not_followed) == (whole.verdict, whole.total, ())
    assert found.layers == whole.layers
    assert found.notes == ("of 2 outputs the first of floats, 't7', is looked at",)


def classifier(outputs):
    b = Builder((5, WIDTH), seed=4)
    scores = b.add("MatMul", "x", b.weight(WIDTH, 3), name="fc")
    b.add("ArgMax", scores, axis=-1)
    graph = b.graph(scores)
    return Graph(graph.nodes, graph.constants, graph.inputs, tuple(outputs))


def test_labels_that_come_first_are_passed_over_for_scores():
    found = cd.diagnose(classifier(["t1", "t0"]))
    assert [one.name for one in found.layers] == ["fc"]
    assert found.notes == ("of 2 outputs the first of floats, 't0', is looked at",)
    with pytest.raises(BadValue, match="whole numbers alone, which have no gradient; give the part before its argmax"):
        cd.diagnose(classifier(["t1"]))


def test_a_weight_in_several_layers_has_a_gradient_by_way_of_each():
    """h ← tanh(W h), three times: the shares by NumPy, and that they make up the whole."""
    b = Builder((5, WIDTH), seed=4)
    name, t = b.weight(WIDTH, WIDTH), "x"
    for _ in range(3):
        t = b.add("Tanh", b.add("MatMul", t, name))
    graph = b.graph(t)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, WIDTH)), rng.normal(size=(5, WIDTH))
    found = cd.diagnose(graph, x, y)
    W, a = graph.constants[name], [x]
    for _ in range(3):
        a.append(np.tanh(a[-1] @ W))
    delta = a[3] - y
    for one, below, here in zip(found.layers[::-1], a[2::-1], a[:0:-1], strict=True):
        delta = delta * (1 - here**2)
        share = np.linalg.norm(below.T @ delta) / 5
        assert 10**one.log10_norm_weight_gradient == pytest.approx(share, rel=1e-12)
        assert one.weight == name
        delta = delta @ W.T
    assert "'w0' is the weight of layers 1, 2 and 3" in str(found)


def test_what_an_if_reads_of_the_graph_around_it_is_kept():
    inner = Graph((Node("Add", ("outside", "x"), ("y",)),), {}, (), ("y",))
    nodes = (
        Node("Tanh", ("x",), ("outside",)),
        Node("Relu", ("x",), ("unused",)),
        Node("If", ("yes",), ("z",), {"then_branch": inner, "else_branch": inner}),
    )
    graph = Graph(nodes, {"yes": np.array(True)}, (Input("x", (2, 3)),), ("unused", "z"))
    assert [node.operator for node in leading_to(graph, "z").nodes] == ["Tanh", "If"]


@pytest.mark.parametrize("step", ["Sign", "Round"])
def test_a_step_that_keeps_all_back_blocks_the_network_and_is_named(step):
    """The layers before it have the gradient 0 exactly, and the one behind it is no whole network."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    d = cd.diagnose(stepped(onnx, step, beside=False))
    assert (d.verdict, d.culprit) == ("blocked", None)
    assert step in d.sentence
    assert "first" in d.sentence
    assert "a step" in d.to_do


def test_a_step_beside_a_way_that_passes_is_no_fault_and_is_told():
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    d = cd.diagnose(stepped(onnx, "Sign", beside=True))
    assert d.verdict == "healthy"
    assert [note for note in d.notes if "Sign" in note and "first" in note]


def stepped(onnx, step, beside):
    """x → first → step → second; beside: what second takes is x and the step's together."""
    rng, make = np.random.default_rng(0), onnx.helper
    nodes = [
        make.make_node("MatMul", ["x", "W1"], ["z"], name="first"),
        make.make_node(step, ["z"], ["s"], name="step"),
        make.make_node("Add", ["s", "x"], ["t"]) if beside else make.make_node("Identity", ["s"], ["t"]),
        make.make_node("MatMul", ["t", "W2"], ["y"], name="second"),
    ]
    ends = [make.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, [None, 6]) for name in ("x", "y")]
    weights = [onnx.numpy_helper.from_array(rng.normal(size=(6, 6)), name) for name in ("W1", "W2")]
    return make.make_model(make.make_graph(nodes, "stepped", ends[:1], ends[1:], weights))
