"""verify() of a network whose gradients leave float64."""

import numpy as np
import pytest

import chainderiv as cd
from tests.kinds import costly

IMAGES, LABELS = np.random.default_rng(0).random((3, 3)), np.array([0, 1, 1])
FAULTS = {"scaled": lambda g: 1.001 * g, "flipped": lambda g: -g, "zero": lambda g: 0 * g}


class Faulty(cd.Network):
    """One of layer 1's bias gradients is spoilt, in wide numbers, where floats cannot say it."""

    spoil = staticmethod(lambda g: g)

    def wide_gradients(self, images, labels):
        weights, biases = super().wide_gradients(images, labels)
        biases[0].m[1] = self.spoil(biases[0].m[1])
        return weights, biases


def judged(net, method, images=2):
    return cd.verify(net, images=IMAGES[:images], labels=LABELS[:images], methods=(method,))


def faint():
    """Gradients near 1e-360 at a depth that mpmath judges in a moment."""
    net = Faulty([3, 2, 2, 2, 2], rng=3)
    net.weights = [1e-120 * W for W in net.weights]
    return net


@pytest.mark.parametrize("method", ["complex step", "mpmath differences"])
def test_judges_see_gradients_that_float64_does_not_hold(method, monkeypatch):
    found = judged(faint(), method, images=1)
    assert found.passed
    first = next(row for row in found.rows if row.parameter == "biases[0]")
    assert first.judged == first.points
    assert first.log10_largest < -330
    monkeypatch.setattr(Faulty, "spoil", staticmethod(FAULTS["scaled"]))
    wrong = judged(faint(), method, images=1)
    assert not wrong.passed
    assert wrong.worst.parameter == "biases[0]"


@pytest.mark.parametrize("kind", costly(FAULTS, quick=["scaled"]))
def test_a_fault_does_not_hide_behind_the_many_ways_through_a_deep_network(kind, monkeypatch):
    fault = FAULTS[kind]
    net = Faulty([3] + [2] * 110 + [2], init="large", rng=3)
    net.weights = [W / 400 for W in net.weights]
    if kind == "scaled":
        assert judged(net, "complex step").passed
    monkeypatch.setattr(Faulty, "spoil", staticmethod(fault))
    wrong = judged(net, "complex step")
    assert not wrong.passed
    assert wrong.worst.parameter == "biases[0]"
    assert wrong.worst.log10_largest < -308
