"""The verdict: nothing sound is accused, and of a planted fault that layer alone is named."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.functions.lookup import neuron
from chainderiv.models.graph import Graph, Input, Node
from chainderiv.models.layers import layers
from chainderiv.models.outliers import APART, outlier
from chainderiv.models.passes import backward, forward
from chainderiv.models.readers.reading import read
from chainderiv.models.verdict import expectation, grown_by_batch, is_beyond, judge, of_sizes

from .networks import Builder
from .sound import KINDS, PLANTS, STARTS, arrays, diagnosed, drawn, normalised, planted

QUICK, PARTS = 20, 10  # the slow tests go over all in PARTS, of which CI draws one or so
PLAIN, OF_A_KIND, PLANTED = 2000, 300, 1512  # 504 of each fault


def of_part(part, whole):
    return range(whole * part // PARTS, whole * (part + 1) // PARTS)


def said(number):
    d = diagnosed(number)
    return d.verdict, d.sentence


@pytest.mark.parametrize("number", range(QUICK))
def test_nothing_sound_is_accused(number):
    assert said(number)[0] == "healthy", said(number)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_sound_is_accused_of_2000(part):
    told = {number: said(number) for number in of_part(part, PLAIN)}
    assert {number: one for number, one in told.items() if one[0] != "healthy"} == {}


def names(numbers):
    found = {}
    for number in numbers:
        what, layer, activation, made = planted(number)
        d = cd.diagnose(made, activation=activation, output="identity", rng=number)
        if d.culprit != layer or not d.accused:
            found[number] = (what, layer, d.culprit, d.sentence)
    return found


def test_a_planted_layer_alone_is_named():
    numbers = range(len(STARTS) * len(PLANTS))
    assert {planted(number)[0] for number in numbers} == set(PLANTS)
    assert names(numbers) == {}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_a_planted_layer_alone_is_named_each_of_500_times_for_every_fault(part):
    assert names(of_part(part, PLANTED)) == {}


@pytest.mark.parametrize("number", [686, 791])
def test_a_bias_that_shuts_a_layer_is_named_where_the_few_live_neurons_hide_it(number):
    """A hundredth of the neurons lives, and what comes back happens to lie on those."""
    what, layer, activation, made = planted(number)
    d = cd.diagnose(made, activation=activation, output="identity", rng=number)
    assert (what, d.verdict, d.culprit) == ("bias -8", "unbalanced", layer)
    assert "of its deviations below 0" in d.sentence
    made[f"W{layer + 1}"] *= 8  # which makes up for it
    assert cd.diagnose(made, activation=activation, output="identity", rng=number).verdict == "healthy"


@pytest.mark.parametrize(
    ("hidden", "init", "verdict"), [("tanh", "critical", "healthy"), ("sigmoid", "nielsen", "vanishing")]
)
def test_outputs_that_know_how_rare_a_class_is_are_not_to_blame(hidden, init, verdict):
    """One class of ten: σ(-ln 9) is 1/10, where the slope is 0.09, but δ_L lies behind it."""
    net = cd.Network([20, 40, 40, 40, 10], hidden, "cross_entropy", init=init, rng=0)
    net.weights[-1] /= 3
    net.biases[-1][:] = -math.log(9)
    d = cd.diagnose(net)
    assert (d.verdict, d.culprit) == (verdict, None)


def start(activation, std, depth, width=50, seed=0, bias=None):
    """Layers of one width, weights N(0, std(fan_in)²); uniform as torch's where std is a string."""
    rng = np.random.default_rng(seed)
    made = arrays(rng, [width] * (depth + 1), std)
    for k in range(1, depth + 1):
        if bias is not None:
            made[f"b{k}"] = rng.uniform(-1, 1, size=width) * bias / width**0.5
    return cd.diagnose(made, activation=activation)


def torch_default(n, m):
    return (1 / (3 * m)) ** 0.5  # the deviation of U(-1/√m, 1/√m)


@pytest.mark.parametrize(("activation", "std", "depth", "verdict"), [
    ("sigmoid", lambda n, m: m**-0.5, 6, "vanishing"),
    ("sigmoid", lambda n, m: m**-0.5, 20, "vanishing"),
    ("sigmoid", lambda n, m: m**-0.5, 10, "vanishing"),
    ("relu", lambda n, m: m**-0.5, 20, "vanishing"),
    ("relu", torch_default, 20, "vanishing"),
    ("tanh", torch_default, 20, "vanishing"),
    ("relu", lambda n, m: 2 * (2 / m) ** 0.5, 10, "exploding"),
    ("relu", lambda n, m: 2 * (2 / m) ** 0.5, 20, "exploding"),
])  # fmt: skip
@pytest.mark.parametrize("width", [16, 50, 200])
def test_starts_that_are_known_to_fail_are_accused_and_no_layer_alone(activation, std, depth, verdict, width):
    d = start(activation, std, depth, width, bias=1.0 if std is torch_default else None)
    assert (d.verdict, d.culprit) == (verdict, None), d.sentence


@pytest.mark.parametrize(("name", "told"), [
    ("orthogonal, tanh", "orthogonal"),
    ("orthogonal, relu", "orthogonal"),
    ("Xavier, tanh", "drawn by both widths"),
    ("LeCun, tanh", None),
    ("He, relu", None),
])  # fmt: skip
def test_where_widths_that_change_make_it_vanish_the_sentence_says_so_and_fan_in_keeps_it(name, told):
    activation, std = STARTS[name]
    sizes = [64, *[16, 256] * 8, 16, 10]
    d = cd.diagnose(arrays(np.random.default_rng(3), sizes, std), activation=activation, output="identity")
    assert (d.verdict, d.culprit) == ("healthy" if told is None else "vanishing", None), d.sentence
    if told is not None:
        assert f"its weights are {told}, and its widths" in d.sentence


def test_widths_are_not_blamed_for_weights_that_are_too_small_at_any_width():
    for sizes in ([40] * 24, [64, *[16, 256] * 10, 10]):
        made = arrays(np.random.default_rng(3), sizes, lambda n, m: 0.6 * m**-0.5)
        d = cd.diagnose(made, activation="tanh", output="identity")
        assert d.verdict == "vanishing"
        assert "its widths" not in d.sentence


def test_normalising_by_the_batch_makes_a_gradient_grow_as_yang_et_al_have_it_and_by_any_neuron():
    """Eφ'²/Var φ by sums over normal numbers; ReLU's in closed form."""
    assert math.exp(2 * grown_by_batch(neuron("relu"))) == pytest.approx(math.pi / (math.pi - 1), rel=1e-12)
    z = np.random.default_rng(0).normal(size=10**6)
    for name, phi, slope in (("tanh", np.tanh(z), np.cosh(z) ** -2), ("identity", z, np.ones(1))):
        assert math.exp(2 * grown_by_batch(neuron(name))) == pytest.approx(np.mean(slope**2) / np.var(phi), rel=5e-3)


@pytest.mark.parametrize("depth", [6, 20])
def test_a_chain_of_sigmoids_with_weights_1_vanishes(depth):
    made = {f"w{k}": np.ones((1, 1)) for k in range(1, depth + 1)}
    d = cd.diagnose(made, activation="sigmoid")
    assert (d.verdict, d.culprit) == ("vanishing", None)


def test_weights_of_100_with_every_z_at_0_explode():
    """The source's own case: each link is 25."""
    made = {}
    for k in range(1, 6):
        made |= {f"w{k}": np.full((1, 1), 100.0), f"b{k}": np.full(1, -50.0)}
    d = cd.diagnose(made, inputs=[[0.5]], targets=[[0.0]], activation="sigmoid")
    assert (d.verdict, d.culprit) == ("exploding", None)
    assert d.layers[0].log10_norm_delta - d.layers[-1].log10_norm_delta == pytest.approx(4 * math.log10(25), rel=1e-12)


@pytest.mark.parametrize("dead", [1, 5, 8])
def test_a_dead_layer_is_blamed_and_not_those_that_it_starves(dead):
    made = arrays(np.random.default_rng(dead), [30] * 11, STARTS["He, relu"][1])
    made[f"b{dead}"] -= 100
    d = cd.diagnose(made, activation="relu", output="identity")
    assert (d.verdict, d.culprit) == ("blocked", dead)
    assert d.layers[dead].dead == 1  # the next one is as dead, for want of an input
    assert d.layers[0].log10_norm_delta == -math.inf
    assert d.slower is None


def test_weights_that_are_all_0_are_blamed():
    made = arrays(np.random.default_rng(0), [30] * 8, STARTS["LeCun, tanh"][1])
    made["W4"] *= 0
    d = cd.diagnose(made, activation="tanh", output="identity")
    assert (d.verdict, d.culprit) == ("blocked", 4)
    assert "are 0" in d.sentence


def test_inputs_that_are_all_0_are_told_and_no_layer_is_blamed():
    made = arrays(np.random.default_rng(0), [30] * 5, STARTS["He, relu"][1])
    d = cd.diagnose(made, inputs=np.zeros((3, 30)), activation="relu", output="identity")
    assert (d.verdict, d.culprit) == ("blocked", None)
    assert "inputs are 0" in d.sentence


def test_numbers_beyond_float64_are_told_where_they_begin():
    made = arrays(np.random.default_rng(0), [30] * 5, STARTS["He, relu"][1])
    for k in (2, 3, 4):
        made[f"W{k}"] *= 1e120
    d = cd.diagnose(made, activation="relu", output="identity")
    assert (d.verdict, d.culprit) == ("exploding", 4)


def test_a_gradient_that_is_no_number_is_told_where_it_begins_and_is_not_called_healthy():
    """√relu(z), whose slope at 0 is infinite: 0 · inf, from the layer before it on."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    rng = np.random.default_rng(0)
    weights = {f"W{k}": rng.normal(size=shape) for k, shape in enumerate([(4, 8), (8, 8), (8, 3)], 1)}
    made = onnx.helper.make_model(
        onnx.helper.make_graph(
            [
                onnx.helper.make_node("MatMul", ["x", "W1"], ["z1"]),
                onnx.helper.make_node("Tanh", ["z1"], ["a1"]),
                onnx.helper.make_node("MatMul", ["a1", "W2"], ["z2"]),
                onnx.helper.make_node("Relu", ["z2"], ["on"]),
                onnx.helper.make_node("Sqrt", ["on"], ["a2"]),
                onnx.helper.make_node("MatMul", ["a2", "W3"], ["y"]),
            ],
            "root",
            [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.DOUBLE, [None, 4])],
            [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.DOUBLE, [None, 3])],
            [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()],
        )
    )
    d = cd.diagnose(made)
    assert (d.verdict, d.culprit) == ("exploding", 2)
    assert "no number" in d.sentence
    assert math.isnan(d.layers[0].log10_rms_delta)
    assert math.isnan(d.layers[0].weight_part)
    assert "inf" not in str(d).partition("-----")[2]
    assert "ε" in d.to_do
    assert all(line.startswith("#") for line in d.cure("torch").splitlines())


def test_a_share_of_flat_slopes_is_no_verdict():
    """Nearly all slopes of one layer are 0, and the few that are not pass enough."""
    made = arrays(np.random.default_rng(0), [64] * 6, STARTS["He, relu"][1])
    made["b3"] -= 3.6
    made["W4"] *= 4
    d = cd.diagnose(made, activation="relu", output="identity")
    assert d.layers[2].flat > 0.9
    assert d.verdict == "healthy", d.sentence


def test_what_is_not_followed_makes_the_verdict_unknown_and_the_stages_above_are_given():
    rng = np.random.default_rng(0)
    nodes = (
        Node("MatMul", ("x", "A"), ("z",), name="first"),
        Node("Tanh", ("z",), ("t",)),
        Node("Mystery", ("t",), ("u",), name="strange"),
        Node("MatMul", ("u", "B"), ("v",), name="second"),
    )
    constants = {"A": rng.normal(size=(4, 4)), "B": rng.normal(size=(4, 4))}
    d = cd.diagnose(Graph(nodes, constants, (Input("x", (None, 4)),), ("v",)))
    assert (d.verdict, d.culprit, d.total) == ("unknown", None, None)
    assert "Mystery at 'strange'" in d.sentence
    assert not d.accused


def a_pass(activation="relu", depth=12, width=40, seed=0, name="He, relu"):
    made = arrays(np.random.default_rng(seed), [width] * (depth + 1), STARTS[name][1])
    passed = forward(read(made, activation, "identity"), {"x": np.random.default_rng(1).normal(size=(64, width))})
    return layers(passed, backward(passed, np.ones((64, width))), 64)


def test_a_verdict_needs_the_measured_and_the_expected_part_of_a_layer():
    found = list(a_pass())
    assert outlier(found) is None
    measured = replace(found[4], ln_weight_part=found[4].ln_weight_part + 5 * APART)
    assert outlier([*found[:4], measured, *found[5:]]) is None
    both = replace(measured, ln_weight_expected=found[4].ln_weight_expected + APART)
    assert outlier([*found[:4], both, *found[5:]]).layer.number == 5
    opposite = replace(measured, ln_weight_expected=found[4].ln_weight_expected - 1.1 * APART)
    assert outlier([*found[:4], opposite, *found[5:]]) is None


def test_narrow_layers_may_scatter_more_before_they_are_accused():
    for width, accused in ((400, True), (16, False)):
        found = list(a_pass(depth=40, width=width))
        first = replace(found[0], ln_delta=found[-1].ln_delta - 6)
        assert is_beyond([first, *found[1:]]) == accused


def test_the_ratio_that_sizes_alone_predict_is_that_of_weights_and_slopes():
    found = a_pass("tanh", name="LeCun, tanh", width=300)
    assert of_sizes(found) == pytest.approx(found[0].ln_delta - found[-1].ln_delta, abs=0.3)
    assert judge(found).verdict == "healthy"


def within_band(name, examples, count, width=40, wider=1):
    """The share of hidden layers, of networks drawn anew, that lie in their bands; wider: what the band is told."""
    activation, std = STARTS[name]
    found = []
    for seed in range(count):
        rng = np.random.default_rng([21, seed])
        made = {f"W{k}": drawn(rng, width, width, std) for k in range(1, 9)}
        passed = forward(read(made, activation, "identity"), {"x": rng.normal(size=(examples, width))})
        for layer in layers(passed, backward(passed, rng.normal(size=(examples, width))), examples)[1:-1]:
            known = expectation(replace(layer, neurons=wider * width, shape=(wider * width, wider * width)))
            found.append(known.low < math.exp(layer.ln_weight_part + layer.ln_slope_part) < known.high)
    return np.mean(found)


@pytest.mark.parametrize("examples", [1, 64])
def test_90_of_100_layers_lie_within_the_band_of_theory_and_not_of_a_wrong_width(examples):
    assert 0.84 < within_band("He, relu", examples, 30) < 0.97
    assert within_band("He, relu", examples, 10, wider=4) < 0.75


@pytest.mark.slow
@pytest.mark.parametrize("examples", [1, 8, 64])
@pytest.mark.parametrize("width", [16, 100])
@pytest.mark.parametrize("name", ["He, relu", "LeCun, selu", "Xavier, tanh"])
def test_90_of_100_layers_lie_within_the_band_whatever_the_neuron_and_the_examples(name, width, examples):
    assert 0.84 < within_band(name, examples, 60, width) < 0.98
    assert within_band(name, examples, 20, width, wider=4) < 0.75


def accused(kind, numbers):
    told = {number: cd.diagnose(normalised(kind, number)[0], rng=number, training=True) for number in numbers}
    return {number: d.sentence for number, d in told.items() if d.verdict != "healthy"}


@pytest.mark.parametrize("kind", KINDS)
def test_residual_and_normalised_networks_are_not_accused(kind):
    assert accused(kind, range(4)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", KINDS)
def test_residual_and_normalised_networks_are_not_accused_of_300(kind, part):
    assert accused(kind, of_part(part, OF_A_KIND)) == {}


def test_what_the_batch_makes_grow_is_let_pass_and_twice_he_is_not():
    graph, depth = normalised("batch normalisation", 0)
    assert depth > 30
    d = cd.diagnose(graph, training=True)
    assert d.layers[0].log10_norm_delta - d.layers[-1].log10_norm_delta > 2
    assert "normalising by the batch" in d.sentence
    residual, _ = normalised("residual", 0)
    wild = {name: 3 * value for name, value in residual.constants.items()}
    assert cd.diagnose(replace(residual, constants=wild)).verdict == "exploding"


def test_no_band_is_told_where_so_few_neurons_have_a_slope_that_the_first_order_does_not_do():
    net = cd.Network([20, 30, 30, 30, 10], "relu", init="he")
    assert all(one.expected is not None for one in cd.diagnose(net).layers)
    net.weights[1] *= 100  # the outputs, sigmoids, are all but saturated
    *hidden, last = cd.diagnose(net).layers
    assert last.expected is None
    assert all(one.expected.low < one.expected.sqrt_chi_1 < one.expected.high for one in hidden)


@pytest.mark.slow
def test_nielsens_four_layers_learn_95_times_slower_on_mnist(mnist):
    """His network and his digits: 0.003, 0.017, 0.070 and 0.285 are the speeds that chapter 5 prints."""
    images, labels = mnist.train.images[:1000], mnist.train.labels[:1000]
    factors = []
    for seed in range(8):
        net = cd.Network([784, 30, 30, 30, 30, 10], "sigmoid", "cross_entropy", rng=seed)
        norms = [np.linalg.norm(g) for g in net.mean_bias_gradients(images, labels)]
        told = re.fullmatch(
            r"layer 1 learns ([\d.]+) times slower than layer 4", cd.diagnose(net, images, labels).slower
        )
        factors.append(float(told[1]))
        assert factors[-1] == pytest.approx(norms[3] / norms[0], rel=5e-3)
    assert min(factors) < 0.285 / 0.003 < max(factors)
    assert 70 < np.median(factors) < 130


# ---- what stands beside the road


def gated(shut, depth=6, width=32, seed=3):
    """ReLU layers whose signal is scaled by a gate: what the layer reads, two layers and a hard sigmoid, shut or not."""
    b, t = Builder((16, width), seed), "x"
    for layer in range(depth):
        z = b.add("Relu", b.add("MatMul", t, b.weight(width, width, gain=2**0.5), name=f"road {layer}"))
        u = b.add("Relu", b.add("MatMul", z, b.weight(width, 8), name=f"squeeze {layer}"))
        z_gate = b.add("MatMul", u, b.weight(8, width), name=f"excite {layer}")
        offset = b.constant(np.full(width, 20.0 if shut and layer == 2 else 2.0))
        t = b.add("Mul", z, b.add("HardSigmoid", b.add("Add", z_gate, offset)))
    return b.graph(b.add("MatMul", t, b.weight(width, 10), name="out"))


def verdict_on(graph, examples=16):
    passed = forward(graph, {"x": np.random.default_rng(4).normal(size=(examples, 32))})
    cotangent = np.random.default_rng(5).normal(size=passed.output.shape)
    found = layers(passed, backward(passed, cotangent), examples)
    return judge(found), found


@pytest.mark.parametrize("shut", [False, True])
def test_a_gate_stands_beside_the_road_and_is_not_accused_though_it_is_shut(shut):
    verdict, found = verdict_on(gated(shut))
    assert verdict.verdict == "healthy", verdict.sentence
    gates = {one.name for one in found if one.gate}
    assert gates == {f"{what} {k}" for k in range(6) for what in ("squeeze", "excite")}
    assert any(one.dead == 1 for one in found) == shut


def test_the_gates_of_a_highway_are_not_accused_of_the_bias_that_their_authors_start_with():
    b, t = Builder((16, 32), 3), "x"
    for layer in range(8):  # t·h + (1 - t)·x (Srivastava et al. 2015)
        h = b.add("Relu", b.add("MatMul", t, b.weight(32, 32, gain=2**0.5), name=f"h {layer}"))
        z = b.add("Add", b.add("MatMul", t, b.weight(32, 32), name=f"t {layer}"), b.constant(np.full(32, -3.0)))
        open_ = b.add("Sigmoid", z)
        kept = b.add("Mul", b.add("Sub", b.constant(np.float64(1)), open_), t)
        t = b.add("Add", b.add("Mul", open_, h), kept)
    verdict, found = verdict_on(b.graph(b.add("MatMul", t, b.weight(32, 10), name="out")))
    assert verdict.verdict == "healthy", verdict.sentence
    assert {one.name for one in found if not one.gate} == {"out"}


def test_a_layer_of_the_road_is_named_beside_gates():
    graph = gated(False)
    weight = next(node.inputs[1] for node in graph.nodes if node.name == "road 3")
    sick = replace(graph, constants=graph.constants | {weight: graph.constants[weight] / 100})
    verdict, found = verdict_on(sick)
    assert found[verdict.culprit - 1].name == "road 3"


def test_a_network_that_has_learned_its_classes_saturates_at_its_output_and_is_not_accused():
    rng = np.random.default_rng(0)
    made = arrays(rng, [20, 32, 32, 32, 5], STARTS["LeCun, tanh"][1])
    made["W4"] *= 3
    made["b4"] += 9  # sigmoids that are sure of themselves
    found = cd.diagnose(made, activation="tanh", output="sigmoid")
    assert found.layers[-1].slope_part < 0.01
    assert found.verdict == "healthy", found.sentence


def test_a_part_on_which_no_gradient_arrives_is_not_a_number():
    (shut,) = [
        one
        for one in cd.diagnose(
            {"1.weight": np.eye(2), "1.bias": [-9.0, -9.0], "2.weight": np.eye(2)}, activation="relu", output="identity"
        ).layers
        if one.number == 1
    ]
    assert math.isnan(shut.weight_part)
