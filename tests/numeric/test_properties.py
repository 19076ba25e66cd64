"""Claims that hold for every chain, tried on random ones."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import chainderiv as cd
from chainderiv.compiling.arrays import array_functions
from chainderiv.functions.catalogue import ACTIVATIONS
from tests.helpers import assert_same, same
from tests.kinds import KINDS

FEW = settings(max_examples=25, deadline=None, derandomize=True)
weights = st.floats(0.05, 4).flatmap(lambda w: st.sampled_from((w, -w)))
zs = st.floats(-6, 6)


@st.composite
def chains(draw, shortest=2, longest=9):
    depth = draw(st.integers(shortest, longest))
    names = draw(st.lists(st.sampled_from(list(KINDS)), min_size=depth, max_size=depth))
    w = draw(st.lists(weights, min_size=depth, max_size=depth))
    b = draw(st.lists(zs, min_size=depth, max_size=depth))
    return names, np.array(w), np.array(b)


def orbit(names, w, b, x):
    a = [x]
    for name, weight, bias in zip(names, w, b, strict=True):
        a.append(float(array_functions(ACTIVATIONS[name]).value(weight * a[-1] + bias)))
    return a


def parts(names, w, b, cut, y):
    """∂C/∂x of the whole, of the second part from a_cut on, and ∂a_cut/∂x of the first (its slope a - y divided out)."""
    m, a = len(names), orbit(names, w, b, 0.5)
    whole = cd.evaluate(cd.Chain(m, names), w, b, y=y, wrt="x")
    second = cd.evaluate(cd.Chain(m - cut, names[cut:]), w[cut:], b[cut:], x=a[cut], y=y, wrt="x")
    # a target one away from the output: the slope of the first part's own cost is 1, exactly known to rounding
    target = a[cut] - 1
    first = cd.evaluate(cd.Chain(cut, names[:cut]), w[:cut], b[:cut], y=target, wrt="x")
    k = sum(float(cd.condition(cd.Chain(len(n), n), v, c, x=x, y=t, wrt="x")) for n, v, c, x, t in (
        (names, w, b, 0.5, y), (names[cut:], w[cut:], b[cut:], a[cut], y), (names[:cut], w[:cut], b[:cut], 0.5, target),
    ))  # fmt: skip
    return whole, second, first, k


@FEW
@given(chains(), st.data())
def test_chain_m_times_chain_n_composes(chain, data):
    names, w, b = chain
    cut = data.draw(st.integers(1, len(names) - 1))
    whole, second, first, k = parts(names, w, b, cut, y=-3.0)
    assert_same(first * second, whole, k)


def test_parts_that_do_not_belong_together_do_not_compose():
    rng = np.random.default_rng(0)
    names, w, b = ["tanh"] * 6, rng.normal(size=6), rng.normal(size=6)
    whole, second, first, k = parts(names, w, b, 3, y=-3.0)
    assert same(first * second, whole, k)
    assert not same(first * second * w[3], whole, k)
    assert not same(-first * second, whole, k)


@FEW
@given(chains(shortest=1), zs)
def test_with_z_pinned_turning_w_multiplies_the_first_bias_s_gradient_by_minus_one_to_the_links(chain, z):
    names, w, _ = chain
    made = cd.Chain(len(names), names)
    one, two = (cd.evaluate(made, v, z=z, y=-3.0) for v in (w, -w))
    assert two.log == one.log
    assert two.sign == one.sign * (-1) ** (len(names) - 1)


@FEW
@given(chains())
def test_the_weight_s_gradient_is_the_bias_s_times_the_input(chain):
    names, w, b = chain
    made, a = cd.Chain(len(names), names), orbit(names, w, b, 0.5)
    for k in range(1, len(names) + 1):
        by_bias, by_weight = (cd.evaluate(made, w, b, y=-3.0, wrt=f"{kind}{k}") for kind in "bw")
        room = 2 * float(cd.condition(made, w, b, y=-3.0, wrt=f"w{k}"))
        assert_same(by_weight, by_bias * a[k - 1], room)


@FEW
@given(chains())
def test_the_numpy_engine_is_the_referee_within_the_bound(chain):
    names, w, b = chain
    made = cd.Chain(len(names), names)
    for wrt in ("b1", f"w{len(names)}", "x"):
        k = cd.condition(made, w, b, y=0.25, wrt=wrt)
        assert_same(
            cd.evaluate(made, w, b, y=0.25, wrt=wrt), cd.evaluate(made, w, b, y=0.25, wrt=wrt, engine="mpmath"), k
        )


@pytest.mark.parametrize("name", KINDS)
def test_the_gradient_is_linear_in_a_quadratic_cost_s_miss(name):
    chain, rng = cd.Chain(5, name), np.random.default_rng(2)
    w, z = rng.normal(size=5), np.abs(rng.normal(size=5)) + 0.1
    a = float(array_functions(ACTIVATIONS[name]).value(z[-1]))
    one, ten = (cd.evaluate(chain, w, z=z, y=a - miss) for miss in (1.0, 10.0))
    assert_same(ten, one * 10.0, 100)
