"""Where the rooms meet: a network of width 1 gives the chain's gradients."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import chainderiv as cd
from tests.kinds import KINDS, costly

PAIRS = [(name, "quadratic") for name in KINDS] + [("sigmoid", "cross_entropy"), ("relu", "cross_entropy")]


def disagreement(name: str, cost: str, depth: int, seed: int, x: float, y: float, network: type = cd.Network) -> float:
    """The largest |g_net/g_chain - 1| over every weight and bias; inf where only one of the two is 0."""
    net = network([1] * (depth + 1), activation=name, cost=cost, rng=seed)
    layers = [name] * (depth - 1) + (["sigmoid"] if cost == "cross_entropy" else [name])
    chain = cd.Chain(depth, layers, cost)
    w, b = (np.array([float(p.item()) for p in arrays]) for arrays in (net.weights, net.biases))
    pairs = zip("wb", net.gradients(np.array([[x]]), np.array([[y]])), strict=True)
    worst = 0.0
    for kind, gradients in pairs:
        for layer, gradient in enumerate(gradients, start=1):
            want = cd.evaluate(chain, w, b, x=x, y=y, wrt=f"{kind}{layer}").to_float()
            got = float(gradient.item())
            # log|g| is held to 1e-12 where g is normal, so g itself to a few 1e-15 · |log g|
            worst = max(worst, abs(got / want - 1) if want and got else (0.0 if got == want else np.inf))
    return worst


@pytest.mark.parametrize(("name", "cost"), costly(PAIRS))
@settings(max_examples=12, deadline=None)
@given(
    depth=st.integers(1, 8),
    seed=st.integers(0, 10**6),
    x=st.floats(-2, 2).map(lambda v: round(v, 3)),
    y=st.floats(0, 1).map(lambda v: round(v, 3)),
)
def test_a_network_of_width_1_gives_the_chains_gradients(name, cost, depth, seed, x, y):
    assert disagreement(name, cost, depth, seed, x, y) < 1e-12


def test_a_backward_pass_that_is_off_by_a_thousandth_in_one_layer_is_seen():
    class Wrong(cd.Network):
        def gradients(self, images, labels):
            weights, biases = super().gradients(images, labels)
            biases[0] = biases[0] * 1.001
            return weights, biases

    assert disagreement("sigmoid", "quadratic", 4, 3, 0.5, 0.0) < 1e-12
    assert disagreement("sigmoid", "quadratic", 4, 3, 0.5, 0.0, Wrong) > 9e-4
