"""Stages: the gradient's logarithm telescopes over them, and each is called what it is."""

import itertools
import math

import numpy as np
import pytest

from chainderiv.models.cuts import cuts
from chainderiv.models.graph import Graph, Input, Node
from chainderiv.models.passes import backward, forward
from chainderiv.models.stages import stages

from .networks import Builder, convolutional, gelu, normalised, sigmoids, transformer
from .test_passes import unfollowed_on_the_way_back

TELESCOPES = 1e-13  # of max(1, |ln|)
NETWORKS = {
    "sigmoids": (sigmoids(900), (1, 3)),
    "convolutional": (convolutional(), (3, 3, 8, 8)),
    "transformer": (transformer(), (2, 5, 8)),
}


def found(graph, shape, seed=0, training=False):
    rng = np.random.default_rng(seed)
    passed = forward(graph, {"x": rng.normal(size=shape)}, training)
    gradients = backward(passed, rng.normal(size=passed.output.shape))
    return passed, gradients, stages(passed, gradients)


def off(total, gradients, graph):
    want = gradients["x"].ln_norm() - gradients[graph.outputs[0]].ln_norm()
    return abs(total - want) / max(1.0, abs(want))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_stages_add_up_to_the_whole(name, training):
    graph, shape = NETWORKS[name]
    _, gradients, parts = found(graph, shape, training=training)
    assert len(parts.stages) >= 5
    assert parts.total is not None
    assert off(parts.total, gradients, graph) <= TELESCOPES
    for before, behind in itertools.pairwise(parts.stages):
        assert before.leave == behind.entry


def test_a_stage_left_out_is_found():
    graph, shape = NETWORKS["transformer"]
    _, gradients, parts = found(graph, shape)
    assert not off(math.fsum(s.ln_factor for s in parts.stages[1:]), gradients, graph) <= TELESCOPES


def test_every_node_between_input_and_output_belongs_to_one_stage():
    for graph, shape in NETWORKS.values():
        passed, _, parts = found(graph, shape)
        listed = [id(node) for s in parts.stages for node in s.nodes]
        assert len(set(listed)) == len(listed)
        float_nodes = [
            n for n in passed.nodes if n.outputs[0] in passed.moving and passed.values[n.outputs[0]].dtype.kind == "f"
        ]
        assert set(listed) == {id(node) for node in float_nodes}


def test_a_convolutional_network_is_told_by_its_parts():
    parts = found(*NETWORKS["convolutional"])[2].stages
    assert [s.kind for s in parts] == [
        "weight", "normalisation", "slope", "pooling", "residual", "slope", "pooling", "weight",
    ]  # fmt: skip
    assert [s.name for s in parts if s.kind in ("weight", "residual")] == ["conv1", "conv2", "fc"]


def test_a_transformer_is_residuals_and_a_normalisation():
    parts = found(*NETWORKS["transformer"])[2].stages
    assert [s.kind for s in parts] == ["residual"] * 4 + ["normalisation"]
    assert [s.name for s in parts[:2]] == ["block 1/attention", "block 1/up"]


def only(build, shape=(4, 6)):
    b = Builder(shape)
    return found(b.graph(build(b)), shape)[2].stages


def test_unfused_forms_are_told_as_what_they_are():
    assert [s.kind for s in only(lambda b: gelu(b, "x"))] == ["slope"]
    assert [s.kind for s in only(lambda b: b.add("Mul", "x", b.add("Sigmoid", "x")))] == ["slope"]
    assert [s.kind for s in only(lambda b: normalised(b, "x", 6))] == ["normalisation"]

    def root_mean_square(b):
        var = b.add("ReduceMean", b.add("Pow", "x", b.constant(2.0)), axes=[-1])
        unit = b.add("Mul", "x", b.add("Reciprocal", b.add("Sqrt", b.add("Add", var, b.constant(1e-6)))))
        return b.add("Mul", unit, b.weight(6))

    assert [(s.kind, len(s.nodes)) for s in only(root_mean_square)] == [("normalisation", 7)]

    def shares(b):
        raised = b.add("Exp", b.add("Sub", "x", b.add("ReduceMax", "x", axes=[-1])))
        return b.add("Div", raised, b.add("ReduceSum", raised, axes=[-1]))

    assert [s.kind for s in only(shares)] == ["normalisation", "slope", "normalisation"]

    def biased(b):
        return b.add("Add", b.add("MatMul", "x", b.weight(6, 6), name="fc"), b.weight(6))

    assert [(s.kind, s.name, len(s.nodes)) for s in only(biased)] == [("weight", "fc", 2)]


def test_attention_beside_no_skip_is_attention():
    def attention(b):
        q, k, v = (b.add("MatMul", "x", b.weight(6, 6)) for _ in range(3))
        scores = b.add("Softmax", b.add("MatMul", q, b.add("Transpose", k, perm=[0, 2, 1])))
        return b.add("MatMul", scores, v)

    assert [s.kind for s in only(attention, (2, 4, 6))] == ["attention"]


def residual(b, gain=0.5):
    """x + x W, whose branch passes back g Wᵀ and whose skip passes g."""
    return b.add("Add", b.add("MatMul", "x", b.weight(6, 6, gain=gain), name="branch"), "x")


def test_ratio_and_cosine_make_up_the_residual_stage():
    b = Builder((4, 6))
    graph = b.graph(residual(b))
    _, gradients, parts = found(graph, (4, 6))
    (stage,) = parts.stages
    g = gradients[stage.leave].to_float()
    through = g @ graph.constants["w0"].T
    assert stage.kind == "residual"
    assert stage.ratio == pytest.approx(np.linalg.norm(through) / np.linalg.norm(g), rel=1e-13)
    assert stage.cosine == pytest.approx(np.sum(through * g) / np.linalg.norm(through) / np.linalg.norm(g), rel=1e-13)
    # ‖s + b‖² = ‖s‖² (1 + 2 ρ cos + ρ²)
    both = 0.5 * math.log(1 + 2 * stage.ratio * stage.cosine + stage.ratio**2)
    assert stage.ln_factor == pytest.approx(both, rel=1e-12)


def test_a_residual_with_a_weight_in_its_skip_tells_the_two_apart():
    def projected(b):
        inner = b.add("Relu", b.add("MatMul", "x", b.weight(6, 6), name="branch"))
        return b.add("Add", b.add("MatMul", "x", b.weight(6, 6), name="skip"), b.add("MatMul", inner, b.weight(6, 6)))

    b = Builder((4, 6))
    passed, gradients, parts = found(b.graph(projected(b)), (4, 6))
    (stage,) = parts.stages
    skip = gradients[stage.leave].to_float() @ passed.graph.constants["w1"].T
    branch = gradients["x"].to_float() - skip
    assert stage.kind == "residual"
    assert stage.ratio == pytest.approx(np.linalg.norm(branch) / np.linalg.norm(skip), rel=1e-12)


def test_branches_side_by_side_are_one_beside_the_skip():
    def parallel(b):
        first = b.add("MatMul", b.add("Tanh", "x"), b.weight(6, 6), name="first")
        second = b.add("MatMul", "x", b.weight(6, 6), name="second")
        return b.add("Add", b.add("Add", first, "x"), second)

    b = Builder((4, 6))
    _, gradients, parts = found(b.graph(parallel(b)), (4, 6))
    (stage,) = parts.stages
    skip = gradients[stage.leave].to_float()
    branches = gradients["x"].to_float() - skip
    assert (stage.kind, stage.name) == ("residual", "first")
    assert stage.ratio == pytest.approx(np.linalg.norm(branches) / np.linalg.norm(skip), rel=1e-12)


def test_a_sum_whose_summands_share_a_layer_is_a_block():
    def shared(b):
        inner = b.add("Tanh", b.add("MatMul", "x", b.weight(6, 6)))
        first, second = (b.add("MatMul", inner, b.weight(6, 6)) for _ in range(2))
        return b.add("Add", b.add("Mul", first, "x"), second)

    assert [s.kind for s in only(shared)] == ["block"]
    assert [s.kind for s in only(lambda b: b.add("Add", b.add("Tanh", "x"), "x"))] == ["slope"]
    assert [s.kind for s in only(lambda b: b.add("Add", "x", "x"))] == ["shift"]


def test_a_branch_that_no_gradient_passes_has_the_ratio_0():
    b = Builder((4, 6))
    name = b.weight(6, 6)
    t = b.add("Add", b.add("MatMul", "x", name), "x")
    b.constants[name] = np.zeros((6, 6))
    (stage,) = found(b.graph(t), (4, 6))[2].stages
    assert (stage.ratio, stage.ln_factor) == (0.0, 0.0)
    assert math.isnan(stage.cosine)


def test_cuts_are_the_tensors_that_no_path_avoids():
    graph, shape = NETWORKS["convolutional"]
    passed = forward(graph, {"x": np.zeros(shape)})
    ends = [cut.leave for cut in cuts(passed)]
    assert ends == [name for name in all_tensors(graph) if avoided_by_none(graph, name)]
    assert len(ends) == 9


def all_tensors(graph):
    return [node.outputs[0] for node in graph.nodes]


def avoided_by_none(graph, name):
    """Whether the output cannot be reached from x without this tensor."""
    reached = {"x"}
    for node in graph.nodes:
        if node.outputs[0] != name and any(i in reached for i in node.inputs):
            reached.add(node.outputs[0])
    return graph.outputs[0] not in reached


def test_random_graphs_are_cut_where_taking_a_tensor_away_parts_them():
    rng, seen = np.random.default_rng(4), 0
    for _ in range(200):
        b, tensors = Builder((2, 2)), ["x"]
        for _ in range(int(rng.integers(2, 12))):
            ends = [tensors[-1 - int(k)] for k in rng.integers(0, min(3, len(tensors)), size=2)]
            tensors.append(b.add("Add", *ends) if rng.random() < 0.5 else b.add("Tanh", ends[0]))
        graph = b.graph(tensors[-1])
        got = [cut.leave for cut in cuts(forward(graph, {"x": np.ones((2, 2))}))]
        assert got == [name for name in all_tensors(graph) if avoided_by_none(graph, name)]
        seen += len(got) > 1
    assert seen > 100


def test_above_an_operator_whose_gradient_is_not_followed_there_are_stages_and_no_total():
    graph = unfollowed_on_the_way_back()
    rng = np.random.default_rng(0)
    passed = forward(graph, {"x": rng.normal(size=(2, 3))})
    parts = stages(passed, backward(passed, rng.normal(size=(2, 3))))
    assert [s.name for s in parts.stages] == ["last"]
    assert parts.total is None
    assert [n.operator for n in parts.not_followed] == ["LayerNormalization"]


def test_words_are_looked_up_and_the_stages_begin_at_what_was_found():
    b = Builder((2, 3))
    looked_up = b.add("Gather", b.weight(5, 4), "x")
    graph = b.graph(b.add("Tanh", b.add("MatMul", looked_up, b.weight(4, 4), name="fc")))
    graph = Graph(graph.nodes, graph.constants, (Input("x", (2, 3), "int64"),), graph.outputs)
    passed = forward(graph, {"x": [[0, 1, 2], [4, 4, 0]]})
    gradients = backward(passed, np.ones((2, 3, 4)))
    parts = stages(passed, gradients)
    assert [(s.kind, s.entry) for s in parts.stages] == [("weight", looked_up), ("slope", "t1")]
    # the rows that were not looked up have the gradient 0, exactly
    assert (gradients["w0"].values.any(axis=1) == [True, True, True, False, True]).all()


def test_a_layer_that_is_dead_has_the_factor_minus_infinity_and_nothing_below_it_has_one():
    nodes = (Node("Relu", ("x",), ("a",)), Node("Tanh", ("a",), ("b",)), Node("Relu", ("n",), ("c",)))
    nodes = (nodes[0], nodes[1], Node("Sub", ("b", "two"), ("n",)), nodes[2])
    graph = Graph(nodes, {"two": np.array(2.0)}, (Input("x", (3,)),), ("c",))
    parts = found(graph, (3,))[2]
    assert [s.kind for s in parts.stages] == ["slope", "slope", "slope"]
    assert parts.stages[-1].ln_factor == -math.inf
    assert all(math.isnan(s.ln_factor) for s in parts.stages[:-1])


def test_attention_in_one_operator_is_a_stage_of_attention_beside_a_skip_as_its_parts_are():
    b = Builder((2, 5, 8))
    q, k, v = (b.add("MatMul", "x", b.weight(8, 8)) for _ in range(3))
    t = b.add("Attention", q, k, v, q_num_heads=2, kv_num_heads=2, name="heads")
    alone = b.add("MatMul", t, b.weight(8, 8), name="out")
    x = np.random.default_rng(0).normal(size=(2, 5, 8))
    for output, kinds in ((alone, ["attention", "weight"]), (b.add("Add", alone, "x"), ["residual"])):
        passed = forward(b.graph(output), {"x": x})
        assert [s.kind for s in stages(passed, backward(passed, x)).stages] == kinds
