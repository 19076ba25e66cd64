"""The NumPy program that a derivation prints, executed."""

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue
from tests.helpers import EPSILON, assert_same, same
from tests.kinds import KINDS, costly

CHAINS = [(name, "quadratic") for name in KINDS] + [("sigmoid", "cross_entropy")]


def run(derivation, w, b, x, y):
    names: dict = {}
    exec(derivation.to("numpy"), names)
    with np.errstate(all="ignore"):
        return cd.LogSign.of(*names["gradient"](w, b, x, y))


@pytest.mark.parametrize("depth", [1, 2, 7])
@pytest.mark.parametrize(("name", "cost"), costly(CHAINS))
def test_the_program_agrees_with_the_referee(name, cost, depth):
    chain, rng = cd.Chain(depth, name, cost), np.random.default_rng(depth)
    for wrt in ("b1", f"w{depth}", "x", f"b{depth}"):
        for scale in (1.0, 8.0):
            w, b, x, y = rng.normal(0, scale, depth), rng.normal(0, scale, depth), rng.normal(), rng.uniform()
            got = run(cd.derive(chain, wrt), w, b, x, y)
            want = cd.evaluate(chain, w, b, x=x, y=y, wrt=wrt, engine="mpmath")
            assert_same(got, want, cd.condition(chain, w, b, x=x, y=y, wrt=wrt))


@pytest.mark.parametrize(
    ("name", "cost", "wrt"), costly((*c, ("b1", "w500", "x")[k % 3]) for k, c in enumerate(CHAINS))
)
def test_the_program_agrees_with_the_referee_at_depth_1000(name, cost, wrt):
    chain, rng = cd.Chain(1000, name, cost), np.random.default_rng(5)
    if name in ("relu", "leaky_relu", "identity"):
        w, b = rng.uniform(0.8, 1.2, 1000), rng.uniform(0, 0.1, 1000)  # a program has ordinary float64 orbits
    else:
        w, b = rng.normal(0, 0.9, 1000), rng.normal(0, 0.5, 1000)
    got = run(cd.derive(chain, wrt), w, b, 0.5, 0.25)
    k = cd.condition(chain, w, b, y=0.25, wrt=wrt)
    assert 8 * EPSILON * k < 1e-4
    assert_same(got, cd.evaluate(chain, w, b, y=0.25, wrt=wrt, engine="mpmath"), k)


@pytest.mark.parametrize(("cost", "y"), [("quadratic", 1.0), ("quadratic", 0.0), ("cross_entropy", 1.0)])
def test_the_program_keeps_the_digits_of_a_saturated_output(cost, y):
    chain, z = cd.Chain(2, "sigmoid", cost), 45.0 if y else -45.0
    w, b = np.array([1.0, 0.5]), np.array([0.0, z])
    got = run(cd.derive(chain, "b1"), w, b, 0.5, y)
    assert_same(got, cd.evaluate(chain, w, b, y=y, engine="mpmath"), cd.condition(chain, w, b, y=y))


def test_a_program_with_a_wrong_weight_would_be_seen():
    chain, w, b = cd.Chain(4), np.full(4, 0.9), np.full(4, 0.1)
    d = cd.derive(chain, "b1")
    wrong = run(d, w * 1.001, b, 0.5, 0.0)
    assert not same(wrong, cd.evaluate(chain, w, b), cd.condition(chain, w, b))


def test_the_program_has_the_same_length_at_any_depth():
    lengths = {len(cd.derive(cd.Chain(d), "b1").to("numpy").splitlines()) for d in (2, 50, 1_000_000)}
    assert len(lengths) == 1


def test_the_program_stands_alone():
    text = cd.derive(cd.Chain(4, "gelu"), "b1").to("numpy")
    assert "chainderiv" not in text
    assert [line for line in text.splitlines() if line.startswith("import")] == ["import numpy", "import scipy.special"]


def test_a_replaced_derivation_has_no_program():
    d = cd.derive(cd.Chain(2), "b1")
    with pytest.raises(BadValue):
        d.replace(0, 1).to("numpy")


def test_a_name_that_is_no_identifier_still_gives_a_program():
    from chainderiv.symbols import z

    for names in (("z-cubed", "2 z"), ("f-1", "f_1"), ("f", "f")):
        chain = cd.Chain(2, [cd.Activation(names[0], z**3), cd.Activation(names[1], 2 * z)])
        got = run(cd.derive(chain, "b1"), [1.0, 2.0], [0.25, 0.5], 0.5, 0.0)
        assert_same(got, cd.evaluate(chain, [1.0, 2.0], [0.25, 0.5]), 100)
