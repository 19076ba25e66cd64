"""verify(net, gradients=function): backpropagation of someone else's, honest or not."""

import json
from itertools import product

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadShape, BadValue
from tests.kinds import costly

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.random((32, 20)), RNG.integers(0, 10, 32)


def backprop(act="sigmoid", cost="cross_entropy", kind="float64", spoil=lambda W, b: (W, b), **fault):
    """BP1 to BP4 as they are taught, φ' from a."""

    def gradients(weights, biases, images, labels):
        W, B = ([p.astype(kind) for p in part] for part in (weights, biases))
        a, zs, y = [images.astype(kind)], [], np.eye(len(B[-1]), dtype=kind)[labels]
        for k, (w, b) in enumerate(zip(W, B, strict=True)):
            zs.append(a[-1] @ w.T + b)
            hidden = act if k < len(W) - 1 else "sigmoid"
            a.append(np.tanh(zs[-1]) if hidden == "tanh" else 1 / (1 + np.exp(-zs[-1])))
        delta = a[-1] - y
        if cost == "quadratic" and not fault.get("no_output_slope"):
            delta = delta * a[-1] * (1 - a[-1])
        gW, gb = [], []
        for k in reversed(range(len(W))):
            gW.insert(0, delta.T @ a[k] / len(images))
            gb.insert(0, delta.mean(axis=0))
            slope = 1 - a[k] ** 2 if act == "tanh" else a[k] * (1 - a[k])
            if k:
                delta = delta @ W[k] * (1 if fault.get("no_slope") == k else slope)
        return spoil(gW, gb)

    return gradients


def net_of(act="sigmoid", cost="cross_entropy"):
    return cd.Network([20, 12, 12, 12, 10], act, cost, "sigmoid", init="large", rng=1)


def judged(net, gradients, **named):
    return cd.verify(net, gradients=gradients, images=IMAGES, labels=LABELS, **named)


PLAIN = list(product(["sigmoid", "tanh"], ["cross_entropy", "quadratic"], ["float64", "float32"]))


@pytest.mark.parametrize(
    ("act", "cost", "kind"),
    costly(PLAIN, quick=[("sigmoid", "cross_entropy", "float64"), ("tanh", "quadratic", "float32")]),
)
def test_honest_plain_code_passes_and_a_thousandth_in_one_array_does_not(act, cost, kind):
    found = judged(net_of(act, cost), backprop(act, cost, kind))
    assert found.passed
    assert found.diagnosis is None
    assert found.smallest_noticed < (1e-10 if kind == "float64" else 1e-4)
    for layer, part in enumerate((0, 1, 0, 1)):  # each layer, and each of its two arrays

        def spoil(*both, part=part, layer=layer):
            both[part][layer] = both[part][layer] * np.asarray(1.001, kind)
            return both

        wrong = judged(net_of(act, cost), backprop(act, cost, kind, spoil))
        assert not wrong.passed
        name = ("weights", "biases")[part]
        assert wrong.diagnosis.startswith(f"of {name}[{layer}] the gradient is 1.001 times the mean")


@pytest.mark.parametrize("off", [1e-9, -1e-9])
def test_an_error_of_a_billionth_of_one_array_is_noticed_in_float64(off):
    found = judged(net_of(), backprop(spoil=lambda W, b: (W, [b[0], b[1] * (1 + off), *b[2:]])))
    assert not found.passed
    assert found.worst.parameter == "biases[1]"


def everywhere(by):
    return lambda W, b: ([by * g for g in W], [by * g for g in b])


def change(part, layer, to):
    def spoil(*both):
        both[part][layer] = to(both[part])
        return both

    return spoil


def nudged(W):
    """One entry is off by a millionth of the largest."""
    off = W[1].copy()
    off[2, 1] += 1e-6 * np.abs(off).max()
    return off


FAULTS = {
    "they are 32 times the mean: the sum over the 32 images, and the mean is wanted, in every layer": everywhere(32),
    "they are 1/32 of the mean: divided by the number of images, 32, once too often, in every layer": everywhere(1 / 32),
    "their sign is wrong in every layer": everywhere(-1),
    "they are 1/2 of the mean, in every layer": everywhere(0.5),
    "of biases[1] the gradient is that of biases[0]": change(1, 1, lambda b: b[0]),
    "of weights[1] the gradient is transposed": change(0, 1, lambda W: W[1].T),
    "of weights[3] the gradient has the wrong sign": change(0, 3, lambda W: -W[3]),
    "biases[2] holds NaN or infinity": change(1, 2, lambda b: b[2] * np.nan),
    "of weights[1] the gradient differs from the right one by up to 1.0e-06 of its largest entry": change(0, 1, nudged),
    "of weights[0] the gradient is 0 everywhere": change(0, 0, lambda W: 0 * W[0]),
}  # fmt: skip


@pytest.mark.parametrize("said", FAULTS)
def test_what_is_wrong_is_said(said):
    found = judged(net_of(), backprop(spoil=FAULTS[said]))
    assert not found.passed
    assert found.diagnosis.startswith(said)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["diagnosis"] == found.diagnosis


def test_an_output_slope_that_is_left_out_is_the_other_cost_s_gradient():
    found = judged(net_of("tanh", "quadratic"), backprop("tanh", "quadratic", no_output_slope=True))
    assert found.diagnosis == "they are the gradients of the cost 'cross_entropy', and the network's is 'quadratic'"


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_a_slope_that_is_left_out_in_one_layer_is_placed(layer):
    found = judged(net_of(), backprop(no_slope=layer))
    assert not found.passed
    assert f"all of layer {layer + 1} and above is right" in found.diagnosis
    assert f"from layer {layer + 1} to layer {layer}" in found.diagnosis


def test_gradients_of_saturated_neurons_may_lose_the_digits_that_plain_code_loses_and_no_more():
    net = cd.Network([20, 12, 12, 10], "tanh", rng=1)
    net.weights = [6 * W for W in net.weights]
    step = {"methods": ("complex step",)}  # the digits that mpmath takes here take minutes
    assert judged(net, backprop("tanh"), **step).passed
    for off in (1 + 1e-6, 1 - 1e-6):
        assert not judged(net, backprop("tanh", spoil=everywhere(off)), **step).passed
    assert not judged(net, backprop("tanh", spoil=change(1, 0, lambda b: 0 * b[0])), **step).passed


def test_gradients_that_floats_do_not_hold_are_neither_passed_nor_judged():
    net = cd.Network([3] + [4] * 12 + [2], rng=3)
    net.weights = [1e-40 * W for W in net.weights]
    images, labels = RNG.random((2, 3)), np.array([0, 1])
    for gradients in (backprop(), backprop(spoil=lambda W, b: ([0 * g for g in W], [0 * g for g in b]))):
        found = cd.verify(net, gradients=gradients, images=images, labels=labels, methods=("complex step",))
        assert not found.passed
        assert not next(row for row in found.rows if row.parameter == "biases[0]").judged
    assert "too near the end" in cd.verify(
        net, gradients=backprop(), images=images, labels=labels, methods=("complex step",)
    ).diagnosis  # fmt: skip


class Tensor:
    """What torch has of a tensor, as far as it is asked for."""

    def __init__(self, array):
        self.array = array

    def detach(self):
        return self

    def numpy(self, force):
        assert force
        return self.array


def test_tensors_tuples_and_arrays_of_the_networks_own_are_taken():
    def tensors(W, b):
        return tuple(map(Tensor, W)), tuple(map(Tensor, b))

    assert judged(net_of(), backprop(kind="float32", spoil=tensors)).passed

    def greedy(weights, biases, images, labels):
        found = backprop()(weights, biases, images, labels)
        for array in (*weights, *biases, images):
            array[...] = 0
        return found

    net = net_of()
    before = [W.copy() for W in net.weights]
    assert judged(net, greedy).passed
    assert all(np.array_equal(*pair) for pair in zip(net.weights, before, strict=True))


SMALL = cd.Network([3, 2], rng=1)


@pytest.mark.parametrize(("gradients", "error", "said"), [
    (lambda W, b, x, y: 3, BadValue, "returns 3"),
    (lambda W, b, x, y: (W,), BadValue, "returns 1 things"),
    (lambda W, b, x, y: (W, 3), BadValue, "returns 3 for the biases"),
    (lambda W, b, x, y: ([], []), BadShape, "0 arrays for the weights; give 1"),
    (lambda W, b, x, y: ([W[0].T], b), BadShape, r"it is transposed: give \(2, 3\)"),
    (lambda W, b, x, y: (W, [b[0][:, None]]), BadShape, r"shape \(2, 1\); give \(2,\), reshaped"),
    (lambda W, b, x, y: (W, [np.zeros((4, 2))]), BadShape, "the mean over the images"),
    (lambda W, b, x, y: (W, [b[0].astype("f2")]), BadValue, "float16; give float32 or float64"),
    (lambda W, b, x, y: (W, [b[0] * 1j]), BadValue, "complex128"),
    (lambda W: 1, BadValue, "raises TypeError"),
    (5, BadValue, "give a function"),
])  # fmt: skip
def test_what_is_no_gradient_is_refused_in_one_line(gradients, error, said):
    with pytest.raises(error, match=said) as caught:
        cd.verify(SMALL, gradients=gradients, images=np.ones((4, 3)), labels=np.zeros(4, int))
    assert "\n" not in str(caught.value)


def test_a_claim_or_a_parameter_of_a_network_and_gradients_of_a_chain_are_refused():
    for named in ({"claim": "a1"}, {"wrt": "b1"}):
        with pytest.raises(BadValue, match="gradients=…"):
            cd.verify(SMALL, images=np.ones((4, 3)), labels=np.zeros(4, int), **named)
    with pytest.raises(BadValue, match="belong to a Network"):
        cd.verify(cd.Chain(2), gradients=backprop())
