"""What a layer does to the gradient: parts that multiply to the whole, against NumPy's own way back and finite ones."""

import itertools
import math

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.models.layers import layers
from chainderiv.models.passes import backward, forward
from chainderiv.models.readers.reading import read

from .networks import Builder, convolutional, sigmoids
from .sound import STARTS, arrays


def looked_at(graph, x, seed=3):
    passed = forward(graph, {"x": x})
    cotangent = np.random.default_rng(seed).normal(size=passed.output.shape)
    return layers(passed, backward(passed, cotangent), len(x)), cotangent


def plain_way_back(made, x, cotangent, phi, slope):
    """δ_1 … δ_L of a network with a linear last layer, by NumPy alone."""
    depth = len(made) // 2
    a, z = [x], []
    for k in range(1, depth + 1):
        z.append(a[-1] @ made[f"W{k}"].T + made[f"b{k}"])
        a.append(phi(z[-1]))
    deltas = [cotangent]
    for k in range(depth, 1, -1):
        deltas.insert(0, (deltas[0] @ made[f"W{k}"]) * slope(z[k - 2]))
    return deltas, a, z


@pytest.fixture(scope="module")
def tanh():
    rng = np.random.default_rng(0)
    made, x = arrays(rng, [7, 20, 24, 18, 5], STARTS["LeCun, tanh"][1]), rng.normal(size=(30, 7))
    for k in range(1, 5):
        made[f"b{k}"] = rng.normal(size=made[f"b{k}"].shape)
    found, cotangent = looked_at(read(made, "tanh", "identity"), x)
    return found, made, plain_way_back(made, x, cotangent, np.tanh, lambda z: 1 - np.tanh(z) ** 2)


def test_every_size_is_what_numpy_finds(tanh):
    found, made, (deltas, a, z) = tanh
    for k, (layer, delta) in enumerate(zip(found, deltas, strict=True), 1):
        weight = made[f"W{k}"]
        assert (layer.number, layer.neurons, layer.shape) == (k, len(weight), weight.shape)
        wanted = {
            "ln_delta": np.linalg.norm(delta),
            "ln_rms_delta": np.sqrt(np.mean(delta**2)),
            "ln_mean_bias_gradient": np.linalg.norm(delta.mean(axis=0)),
            "ln_weight": np.linalg.norm(weight),
            "ln_weight_gradient": np.linalg.norm(delta.T @ a[k - 1]) / 30,
            "ln_weight_part": np.linalg.norm(delta @ weight) / np.linalg.norm(delta),
            "ln_weight_expected": np.linalg.norm(weight) / np.sqrt(len(weight)),
        }
        assert {name: getattr(layer, name) for name in wanted} == pytest.approx(
            {name: math.log(size) for name, size in wanted.items()}, rel=1e-12, abs=1e-12
        )
    for layer, pre in zip(found[:-1], z, strict=False):
        slopes = 1 - np.tanh(pre) ** 2
        assert layer.ln_slope_expected == pytest.approx(math.log(np.sqrt(np.mean(slopes**2))), abs=1e-12)
        assert layer.square == pytest.approx(np.mean(pre**2), rel=1e-12)
        assert layer.flat == np.mean(slopes < 0.01)


def test_the_parts_telescope_and_nothing_is_left_in_a_plain_network(tanh):
    found, *_ = tanh
    for one, above in itertools.pairwise(found):
        assert one.ln_delta == pytest.approx(above.ln_delta + above.ln_weight_part + one.ln_slope_part, abs=1e-13)
    assert max(abs(one.ln_rest) for one in found) < 1e-13


def test_a_part_that_is_off_by_a_thousandth_is_left_in_the_rest(tanh):
    from dataclasses import replace

    from chainderiv.models.layers import _with_rests

    found, *_ = tanh
    wrong = [replace(found[0], ln_slope_part=found[0].ln_slope_part + 1e-3), *found[1:]]
    assert _with_rests(wrong)[0].ln_rest == pytest.approx(-1e-3, rel=1e-9)


def test_nine_hundred_layers_of_sigmoids_do_not_underflow():
    found, _ = looked_at(sigmoids(900), np.full((1, 3), 0.5))
    assert len(found) == 900
    assert found[0].ln_delta < -1000
    steps = [above.ln_weight_part + one.ln_slope_part for one, above in itertools.pairwise(found)]
    assert found[0].ln_delta - found[-1].ln_delta == pytest.approx(math.fsum(steps), rel=1e-13)


def test_a_neuron_in_several_operators_is_one_neuron():
    """SiLU as Sigmoid and Mul, and GELU by Erf with the half behind, beside the operators of one piece."""

    def network(unfused):
        b = Builder((6, 5))
        t = b.add("MatMul", "x", b.weight(5, 8), name="1")
        if unfused == "silu":
            t = b.add("Mul", t, b.add("Sigmoid", t))
        elif unfused == "gelu":
            erf = b.add("Erf", b.add("Div", t, b.constant(2**0.5)))
            t = b.add("Mul", b.add("Mul", t, b.add("Add", erf, b.constant(1.0))), b.constant(0.5))
        else:
            t = b.add({"Swish": "Swish", "Gelu": "Gelu"}[unfused], t)
        return b.graph(b.add("MatMul", t, b.weight(8, 3), name="2"))

    x = np.random.default_rng(1).normal(size=(6, 5))
    for unfused, fused in (("silu", "Swish"), ("gelu", "Gelu")):
        (apart, _), (whole, _) = (looked_at(network(kind), x) for kind in (unfused, fused))
        for name in ("ln_slope_part", "ln_slope_expected", "ln_weight_part", "flat", "dead", "ln_rest"):
            assert getattr(apart[0], name) == pytest.approx(getattr(whole[0], name), abs=1e-12)
        assert apart[0].activation is None
        assert whole[0].activation.name == unfused


def test_convolutions_are_layers_of_channels_and_a_branch_is_followed():
    x = np.random.default_rng(2).normal(size=(4, 3, 8, 8))
    found, _ = looked_at(convolutional(), x)
    assert [(one.name, one.neurons) for one in found] == [("conv1", 6), ("conv2", 6), ("conv3", 6), ("fc", 4)]
    assert [one.activation.name for one in found[:3]] == ["relu"] * 3
    # normalisation, pooling and skip stand between them
    assert all(abs(one.ln_rest) > 1e-3 for one in found[:3])
    for one, above in itertools.pairwise(found):
        whole = above.ln_delta + above.ln_weight_part + one.ln_slope_part + one.ln_rest
        assert one.ln_delta == pytest.approx(whole, abs=1e-12)


def test_a_convolution_gives_back_what_its_weights_predict():
    """‖W‖_F/√channels, for a δ that is drawn, away from the borders."""
    b = Builder((8, 16, 20, 20))
    made = b.graph(b.add("Conv", "x", b.weight(24, 16, 3, 3), pads=[1, 1, 1, 1], name="conv"))
    (one,), _ = looked_at(made, np.random.default_rng(0).normal(size=(8, 16, 20, 20)))
    assert one.ln_weight_part == pytest.approx(one.ln_weight_expected, abs=0.06)
    assert one.ln_weight_expected == pytest.approx(math.log((24 / 24) ** 0.5), abs=0.05)


@pytest.mark.parametrize("training", [False, True])
def test_a_bias_that_the_batch_takes_off_has_the_gradient_0(training):
    b = Builder((16, 5))
    z = b.add("Gemm", "x", b.weight(5, 6), b.weight(6), name="1")
    ones, zeros = (b.constant(np.full(6, value)) for value in (1.0, 0.0))
    t = b.add("Relu", b.add("BatchNormalization", z, ones, zeros, zeros, ones))
    graph = b.graph(b.add("Gemm", t, b.weight(6, 3), b.weight(3), name="2"))
    d = cd.diagnose(graph, training=training)
    assert (d.layers[0].log10_norm_mean_bias_gradient == -math.inf) == training
    assert d.layers[0].log10_norm_delta > -2
    assert d.verdict == "healthy"
    assert d.mode == ("training" if training else "evaluation")


def test_dead_neurons_are_counted_over_all_examples():
    rng = np.random.default_rng(5)
    made = arrays(rng, [6, 10, 4], STARTS["He, relu"][1])
    made["b1"][:3] = -100
    found, _ = looked_at(read(made, "relu", "identity"), rng.normal(size=(200, 6)))
    assert found[0].dead == 0.3
    assert 0.3 < found[0].flat < 0.9
    assert found[1].dead is None
