"""Scaled against fractions, which have no exponent to leave."""

import math
from fractions import Fraction

import numpy as np
import pytest

from chainderiv.compiling.arrays import array_functions
from chainderiv.models.operators.rule import Call
from chainderiv.models.operators.slopes import activation_of, slope, stated
from chainderiv.models.operators.table import RULES
from chainderiv.models.scaled import (
    Scaled,
    aligned,
    bands,
    cosine,
    inverse,
    levels,
    linear,
    matmul,
    of_wide,
    plus,
    scaled,
    times,
    to_wide,
)
from chainderiv.wide import Wide

rng = np.random.default_rng(3)
P, Q = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
ROUNDING = 2.0**-51


def exact(s):
    each = ([Fraction(v) * Fraction(2) ** b.exponent for v in b.values.reshape(-1).tolist()] for b in bands(s))
    return [sum(entry) for entry in zip(*each, strict=True)]


def exact_matrix(s):
    return np.array(exact(s), object).reshape(s.shape)


def off(got, want):
    """The largest error over the largest of what is wanted."""
    largest = max(abs(w) for w in want)
    return float(max(abs(g - w) for g, w in zip(got, want, strict=True)) / largest)


def test_the_largest_lies_below_1_and_nothing_is_rounded():
    for array in (P, P * 1e-300, P * 1e300, np.array([5e-324, 0.0]), np.array([1.7976931348623157e308])):
        made = scaled(array)
        assert 0.5 <= np.max(np.abs(made.values)) < 1
        assert exact(made) == [Fraction(v) for v in array.reshape(-1).tolist()]
    assert (scaled([0.0, 0.0]).exponent, scaled([]).shape) == (0, (0,))


@pytest.mark.parametrize("far", [0, 3, -40, 60, -2000, 100_000])
def test_sums_products_and_matrices_are_those_of_fractions(far):
    p, q = scaled(P, 7), scaled(Q, far)
    assert off(exact(plus(p, q)), [a + b for a, b in zip(exact(p), exact(q), strict=True)]) < ROUNDING
    assert off(exact(times(p, q)), [a * b for a, b in zip(exact(p), exact(q), strict=True)]) < ROUNDING
    turned = Scaled(q.values.T, q.exponent)
    want = exact_matrix(p) @ exact_matrix(turned)
    assert off(exact(matmul(p, turned)), want.reshape(-1).tolist()) < 4 * ROUNDING


def test_a_planted_rounding_of_a_billionth_is_found():
    wrong = scaled(P * Q * (1 + 1e-9))
    assert not off(exact(wrong), [a * b for a, b in zip(exact(scaled(P)), exact(scaled(Q)), strict=True)]) < ROUNDING


def test_norms_whose_squares_underflow_are_right():
    for exponent in (0, -700, 900, -(10**7)):
        want = math.log(np.linalg.norm(P)) + exponent * math.log(2)
        assert abs(scaled(P, exponent).ln_norm() - want) <= 4e-16 * max(1, abs(want))
    # torch says 0.0 of thirty numbers of 1e-23 in float32
    thirty = scaled(np.full(30, 1e-23, np.float32))
    assert abs(thirty.ln_norm() - (math.log(float(np.float32(1e-23))) + 0.5 * math.log(30))) < 1e-14
    assert scaled(np.zeros(3)).ln_norm() == -math.inf
    assert math.isnan(scaled([1.0, np.nan]).ln_norm())


def test_entries_keep_sign_and_logarithm_and_zero_stays_zero():
    found = scaled([-3.0, 0.0, 0.5], -4000).to_log_sign()
    assert found.sign.tolist() == [-1.0, 0.0, 1.0]
    assert found.log[1] == -math.inf
    assert abs(found.log[0] - (math.log(3) - 4000 * math.log(2))) < 1e-12
    assert scaled([-3.0], -4000).to_float().tolist() == [0.0]
    assert scaled([-3.0], 4000).to_float().tolist() == [-math.inf]


def test_inverses_of_what_is_too_small_for_float64_are_right():
    array = np.array([4e-320, -3e-310, 2.0])
    want = [1 / Fraction(v) for v in array.tolist()]
    assert off(exact(inverse(array)), want) < ROUNDING


def test_entries_with_exponents_of_their_own_are_brought_to_one():
    wide = Wide(np.array([0.5, -0.75, 0.0]), np.array([-5000.0, -5002.0, 0.0]))
    assert exact(of_wide(wide)) == [Fraction(1, 2) / 2**5000, -Fraction(3, 4) / 2**5002, 0]
    assert of_wide(Wide(np.zeros(2), np.zeros(2))).to_float().tolist() == [0.0, 0.0]


def test_alignment_shares_the_largest_exponent_and_a_zero_has_none():
    arrays, exponent = aligned([scaled([1.0], -3000), scaled([0.0]), scaled([1.0], -3003)])
    assert exponent == -2999
    assert [a.tolist() for a in arrays] == [[0.5], [0.0], [0.0625]]


def test_the_cosine_knows_no_size():
    p, q = scaled(P, -9000), scaled(Q, 8000)
    want = np.sum(P * Q) / np.linalg.norm(P) / np.linalg.norm(Q)
    assert abs(cosine(p, q) - want) < 1e-15
    assert math.isnan(cosine(p, scaled(np.zeros((3, 4)))))


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "gelu", "silu", "mish", "softplus", "elu", "erf(z)"])
def test_the_slope_of_a_saturated_neuron_has_the_logarithm_that_the_formula_states(name):
    z = np.array([-1500.0, -1500.1])
    want = array_functions(stated(name)).log_abs_derivative(z)
    assert (want < -750).all()
    np.testing.assert_allclose(slope(stated(name), z).ln_abs(), want, rtol=1e-15)


def test_a_slope_that_is_stated_as_0_is_0():
    assert slope(stated("relu"), np.array([-1.0, 2.0])).to_float().tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("operator", "inputs", "name"),
    [
        ("Relu", (), "relu"),
        ("Clip", (0.0, 6.0), "clip(z, 0.0, 6.0)"),
        ("Clip", (-1.0, None), "Max(z, -1.0)"),
        ("Clip", (None, 2.5), "Min(z, 2.5)"),
        ("Clip", (-3.4e38, 3.4e38), "identity"),
        ("PRelu", (0.25,), "leaky_relu(z, 0.25)"),
    ],
)
def test_a_node_stands_for_the_activation_that_its_numbers_state(operator, inputs, name):
    call = Call((P, *(None if v is None else np.array(v) for v in inputs)), {}, 18)
    assert activation_of(operator, call).name == name
    np.testing.assert_allclose(
        array_functions(activation_of(operator, call)).value(P), RULES[operator].forward(call), rtol=1e-15
    )


def test_a_prelu_of_several_slopes_is_no_single_activation_and_a_matrix_is_none():
    assert activation_of("PRelu", Call((P, np.ones(4)), {}, 18)) is None
    assert activation_of("MatMul", Call((P, Q), {}, 18)) is None
    assert activation_of("Clip", Call((P, np.array(1.0), np.array(1.0)), {}, 18)) is None


def spread(seed):
    """Numbers whose sizes range over thousands of powers of two, a zero among them."""
    draws = np.random.default_rng(seed)
    m = np.where(np.arange(12) == 5, 0.0, draws.uniform(0.5, 1, 12) * draws.choice([-1, 1], 12))
    return of_wide(Wide(m.reshape(3, 4), draws.integers(-6000, 0, (3, 4)).astype(float)))


def off_anywhere(got, want):
    """The largest error of an entry over that entry; inf where a number is 0, or a 0 is none."""
    pairs = list(zip(got, want, strict=True))
    if any((g == 0) != (w == 0) for g, w in pairs):
        return math.inf
    return float(max((abs(g / w - 1) for g, w in pairs if w != 0), default=0))


def test_every_entry_keeps_its_digits_however_far_below_the_largest_it_lies():
    p, q = spread(1), spread(2)
    assert len(list(bands(p))) >= 4
    for band in bands(p):
        sizes = np.abs(band.values[band.values != 0])
        assert sizes.min() >= 2.0**-500
        assert 0.5 <= sizes.max() < 1
    assert off_anywhere(exact(times(p, q)), [a * b for a, b in zip(exact(p), exact(q), strict=True)]) < ROUNDING
    assert off_anywhere(exact(plus(p, q)), [a + b for a, b in zip(exact(p), exact(q), strict=True)]) < ROUNDING
    turned = Scaled(np.eye(4)[::-1])
    assert off_anywhere(exact(matmul(p, turned)), exact_matrix(p)[:, ::-1].reshape(-1).tolist()) == 0
    assert off_anywhere(exact(linear(p, lambda x: x[:2])), exact(p)[:8]) == 0
    assert off_anywhere(exact(of_wide(to_wide(p))), exact(p)) == 0
    assert p.shifted(-7).nonzero.sum() == 11
    assert off_anywhere(exact(p.shifted(-7)), [v / 128 for v in exact(p)]) == 0


def test_one_exponent_for_all_entries_would_be_found():
    p, q = spread(1), spread(2)
    one = Scaled(times(p, q).values, times(p, q).exponent)
    assert off_anywhere(exact(one), [a * b for a, b in zip(exact(p), exact(q), strict=True)]) == math.inf


def test_a_float_far_below_the_largest_of_its_array_is_kept():
    array = np.array([1e300, -1e-300, 5e-324, 0.0, 2e-17])
    assert off_anywhere(exact(scaled(array)), [Fraction(v) for v in array.tolist()]) == 0
    assert scaled(array).to_float().tolist() == array.tolist()
    assert scaled(array).to_log_sign().sign.tolist() == [1, -1, 1, 0, 1]
    assert scaled(array)[1:3].ln_abs().tolist() == scaled(array).ln_abs()[1:3].tolist()


def test_levels_add_up_to_what_they_are_made_of():
    several = [spread(1), scaled(np.zeros(2)), scaled(P, -7000)]
    found = list(levels(several))
    for k, one in enumerate(several):
        parts = [scaled(arrays[k], exponent) for arrays, exponent in found]
        total = parts[0]
        for part in parts[1:]:
            total = plus(total, part)
        assert off_anywhere(exact(total), exact(one)) == 0
    assert len(list(levels([scaled(P), scaled(Q, -150), scaled(np.zeros(3), 9)]))) == 1


def test_an_exponent_that_float64_barely_holds_is_kept():
    far = of_wide(Wide(np.array([0.5, 0.75]), np.array([-1e300, -3.0])))
    assert far.to_float().tolist() == [0.0, 0.09375]
    assert far.below.exponent == -int(1e300)
    np.testing.assert_allclose(times(far, far).ln_abs()[0], -2e300 * math.log(2))
    assert far.to_log_sign().sign.tolist() == [1, 1]
