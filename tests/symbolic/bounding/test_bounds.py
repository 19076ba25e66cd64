"""bounds() against oracles of its own: φ' written by hand, maximised, bracketed and counted at 50 digits."""

import random
from fractions import Fraction
from functools import partial

import mpmath as mp
import numpy as np
import pytest
import sympy
from hypothesis import given, settings, strategies as st

import chainderiv as cd
from chainderiv.errors import BadValue, UnknownName
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.functions.turning.root import Root
from chainderiv.symbolic.bounding.bounds import _bounds
from chainderiv.symbols import z
from tests import plain
from tests.kinds import KINDS, costly

# where φ' tends to at the ends, by hand: left, right
LIMITS = {"relu": (0, 1), "leaky_relu": (0.01, 1), "elu": (0, 1), "selu": (0, mp.mpf(plain.SELU[0])), "softplus": (0, 1),
          "gelu": (0, 1), "silu": (0, 1), "mish": (0, 1), "identity": (1, 1)}  # fmt: skip
GRID = [mp.mpf(k) / 16 + mp.mpf(1) / 1001 for k in range(-640, 641)]


def slope(name):
    return lambda t: abs(plain.phi_prime(name, t))


def number(value, digits=50):
    return mp.mpf(str(sympy.N(value, digits)))


def supremum_by_hand(name):
    """The largest |φ'| on a grid, improved by golden-section search about its best point, and the limits at the ends."""
    f = slope(name)
    with mp.workdps(40):
        best = max(GRID, key=f)
        low, high = best - mp.mpf(1) / 8, best + mp.mpf(1) / 8
        ratio = (mp.sqrt(5) - 1) / 2
        for _ in range(120):
            inner = high - ratio * (high - low), low + ratio * (high - low)
            low, high = (inner[0], high) if f(inner[0]) < f(inner[1]) else (low, inner[1])
        ends = [mp.mpf(v) for v in LIMITS.get(name, (0, 0))]
        return max(f((low + high) / 2), f(mp.mpf(0)), *ends)


@pytest.mark.parametrize("name", costly(KINDS))
def test_the_supremum_is_the_largest_slope_found_by_hand(name):
    found = cd.bounds(name)
    with mp.workdps(40):
        # a maximum is flat: its value is right to twice the digits of its place
        assert abs(number(found.supremum) - supremum_by_hand(name)) < mp.mpf(10) ** -20
        assert abs(number(found.smallest_weight) * number(found.supremum) - 1) < mp.mpf(10) ** -35


def test_the_published_ones_are_exact():
    sigmoid, gelu = cd.bounds("sigmoid"), cd.bounds("gelu")
    assert (sigmoid.supremum, sigmoid.argument, sigmoid.smallest_weight) == (sympy.Rational(1, 4), 0, 4)
    assert gelu.argument == sympy.sqrt(2)
    assert sympy.simplify(gelu.supremum - ((1 + sympy.erf(1)) / 2 + sympy.exp(-1) / sympy.sqrt(sympy.pi))) == 0
    for name in ("tanh", "softsign", "arctan"):
        assert (cd.bounds(name).supremum, cd.bounds(name).argument) == (1, 0)
    assert not cd.bounds("softplus").attained
    assert cd.bounds("softplus").argument == sympy.oo
    scale, alpha = map(sympy.Rational, plain.SELU)
    assert cd.bounds("selu").supremum == scale * alpha


@pytest.mark.parametrize("name", ["silu", "mish"])
def test_a_root_form_is_a_root_of_the_second_derivative_and_has_digits_without_end(name):
    root = cd.bounds(name).argument
    assert isinstance(root, Root)
    with mp.workdps(320):
        at = number(root, 300)
        by_hand = mp.findroot(lambda t: mp.diff(lambda u: plain.phi_prime(name, u), t), at, tol=mp.mpf(10) ** -200)
        assert abs(at - by_hand) < mp.mpf(10) ** -90


def test_silu_s_root_solves_z_tanh_of_half_z_is_2_and_its_supremum_is_a_quarter_of_z_and_2():
    found = cd.bounds("silu")
    with mp.workdps(60):
        at = mp.findroot(lambda t: t * mp.tanh(t / 2) - 2, 2.4)
        assert abs(number(found.argument) - at) < mp.mpf(10) ** -45
        assert abs(number(found.supremum) - (at + 2) / 4) < mp.mpf(10) ** -45


def measured(name, w, found):
    """Whether the set is {z : |w φ'(z)| >= 1}: at its ends |w φ'| is 1 and crosses it, and a grid agrees everywhere."""
    f = slope(name)
    with mp.workdps(60):
        w = abs(mp.mpf(w.numerator) / w.denominator)
        parts = intervals(found.z_set)

        def inside(t):
            if found.period is not None and parts:  # the set is that of one period
                t -= mp.floor((t - parts[0][0]) / number(found.period)) * number(found.period)
            return any(low <= t <= high for low, high in parts)

        for t in GRID:
            if inside(t) != (w * f(t) >= 1) and all(abs(t - end) > 1e-30 for pair in parts for end in pair):
                return False
        breaks = [number(point) for point in ACTIVATIONS[name].breaks]  # where the size 1 is jumped over
        for end in {e for pair in parts for e in pair if mp.isfinite(e)}:
            if end not in breaks and abs(w * f(end) - 1) > mp.mpf(10) ** -40:
                return False
        width = mp.fsum(high - low for low, high in parts)
        stated = mp.inf if found.z_width == sympy.oo else number(found.z_width)
        return width == stated or abs(width - stated) < mp.mpf(10) ** -40


def intervals(values):
    parts = values.args if isinstance(values, sympy.Union) else [] if values is sympy.S.EmptySet else [values]
    return sorted((end(part.inf), end(part.sup)) for part in parts)


def end(value):
    return mp.inf if value == sympy.oo else -mp.inf if value == -sympy.oo else number(value, 60)


@pytest.mark.parametrize("w", ["0.5", "1", "-1.03", "4.5", "-7", "25", "300"])
@pytest.mark.parametrize("name", costly(KINDS))
def test_the_amplifying_set_is_right_at_its_ends_and_on_a_grid(name, w):
    found = cd.bounds(name).interval(w)
    assert measured(name, Fraction(w), found)
    assert (found.a_width == sympy.oo) == (found.z_width == sympy.oo)
    if found.a_width != sympy.oo:
        with mp.workdps(50):
            assert abs(number(found.a_width) - number(found.z_width) / abs(mp.mpf(w))) < mp.mpf(10) ** -40


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(ACTIVATIONS)), st.fractions(min_value=-50, max_value=50, max_denominator=64))
def test_the_amplifying_set_of_a_random_weight_is_right(name, w):
    assert measured(name, w, cd.bounds(name).interval(w))


def test_a_missing_piece_or_a_shifted_end_is_seen():
    """gelu's φ' is below 0 on the left, and for a large |w| that piece amplifies as well."""
    from dataclasses import replace

    good = cd.bounds("gelu").interval(20)
    assert isinstance(good.z_set, sympy.Union)
    assert measured("gelu", 20, good)
    assert not measured("gelu", 20, replace(good, z_set=good.z_set.args[1]))
    two = cd.bounds("sigmoid").interval(8)
    moved = sympy.Interval(two.z_set.start - sympy.Rational(1, 10**12), two.z_set.end)
    assert not measured("sigmoid", 8, replace(two, z_set=moved))
    assert not measured("sigmoid", 8, replace(two, z_width=two.z_width * (1 + sympy.Rational(1, 10**12))))


def test_the_sigmoid_s_width_in_a_is_nielsen_s_formula():
    w = sympy.Symbol("w", positive=True)
    (found,) = cd.bounds("sigmoid").interval(w)
    assert [bool(found.condition.subs(w, v)) for v in (sympy.Rational(399, 100), 4, 5)] == [False, True, True]
    nielsen = 2 / w * sympy.log(w * (1 + sympy.sqrt(1 - 4 / w)) / 2 - 1)
    for value in (sympy.Rational(401, 100), 5, 8, 100, sympy.Rational(13, 2)):
        with mp.workdps(60):
            stated, published = (number(e.subs(w, value)) for e in (found.a_width, nielsen))
            assert abs(stated - published) < mp.mpf(10) ** -45


def test_a_bias_moves_the_set_of_a_and_not_its_width():
    plainly, moved = (cd.bounds("tanh").interval(-3, b) for b in (0, 2))
    assert sympy.simplify(moved.a_width - plainly.a_width) == 0
    # z = w a + b: a = (z - b)/w
    assert sympy.simplify(moved.a_set.start - (plainly.a_set.start + sympy.Rational(2, 3))) == 0


def width_by_hand(name, w):
    """{z : |w φ'(z)| >= 1} of an even, falling φ', over |w|."""
    f = slope(name)
    low, high = mp.mpf(0), mp.mpf(1)
    while w * f(high) > 1:
        high *= 2
    for _ in range(180):
        middle = (low + high) / 2
        low, high = (middle, high) if w * f(middle) > 1 else (low, middle)
    return 2 * low / w


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "softsign", "arctan"])
def test_the_widest_interval_has_twelve_correct_digits_of_both(name):
    found = cd.bounds(name).widest
    with mp.workdps(45):
        low, high = mp.mpf(1) / slope(name)(mp.mpf(0)), mp.mpf(40)
        ratio = (mp.sqrt(5) - 1) / 2
        for _ in range(110):
            inner = high - ratio * (high - low), low + ratio * (high - low)
            widths = [width_by_hand(name, w) for w in inner]
            low, high = (inner[0], high) if widths[0] < widths[1] else (low, inner[1])
        at = (low + high) / 2
        assert abs(number(found.weight) / at - 1) < 1e-13
        assert abs(number(found.width) / width_by_hand(name, at) - 1) < 1e-13


def test_the_published_widest_interval_and_the_exact_ones():
    sigmoid = cd.bounds("sigmoid").widest
    assert round(float(sigmoid.width), 2) == 0.45
    assert round(float(sigmoid.weight), 1) == 6.9
    assert (cd.bounds("softsign").widest.width, cd.bounds("softsign").widest.weight) == (sympy.Rational(1, 2), 4)
    assert (cd.bounds("arctan").widest.width, cd.bounds("arctan").widest.weight) == (1, 2)


@pytest.mark.parametrize("name", LIMITS)
def test_it_is_unbounded_where_the_slope_does_not_tend_to_0(name):
    assert cd.bounds(name).widest.unbounded


@pytest.mark.parametrize(
    ("name", "s", "at"), [("sigmoid", 1, 0), ("tanh", 2, "0.5"), ("gelu", "0.5", 1), ("silu", 3, -2)]
)
def test_the_probabilities_are_integrals_of_the_normal_density(name, s, at):
    found, f = cd.bounds(name), slope(name)
    with mp.workdps(30):
        size = f(mp.mpf(str(at)))
        density = partial(mp.npdf, mu=0, sigma=mp.mpf(str(s)))
        edges = 1 / size, 1 / (4 * size)
        exceeds = 2 * mp.quad(density, [edges[0], 2 * edges[0], 8 * edges[0] + 40, mp.inf])
        under = 2 * mp.quad(density, [0, edges[1] / 2, edges[1]])
        assert abs(number(found.probability_exceeds(s, at)) / exceeds - 1) < 1e-15
        assert abs(number(found.probability_under_quarter(s, at)) / under - 1) < 1e-15


def test_the_source_s_probability_and_the_edge_where_the_slope_is_0():
    assert cd.bounds("sigmoid").probability_under_quarter(1) == sympy.erf(1 / sympy.sqrt(2))
    assert cd.bounds("relu").probability_exceeds(1, -1) == 0
    assert cd.bounds("relu").probability_under_quarter(1, -1) == 1


def test_it_says_what_is_exact_and_what_is_certified():
    for name in KINDS:
        certainty = {k: str(v) for k, v in cd.bounds(name).certainty.items()}
        assert set(certainty.values()) <= {"exact", "certified numeric"}
        has_root = cd.bounds(name).supremum.atoms(Root) or "ValueAt" in str(cd.bounds(name).supremum)
        assert certainty["supremum"] == ("certified numeric" if has_root else "exact")


def test_a_narrow_hidden_peak_is_not_missed():
    """A peak of φ' a hundredth wide, between the points of a coarse grid, and higher than the broad one beside it."""
    k, c = 100, sympy.Rational(271828, 100000)
    hidden = cd.Activation("hidden", sympy.erf(z) + sympy.Rational(2, k) * sympy.erf(k * (z - c)))
    found = cd.bounds(hidden)

    def by_hand(t):
        return 2 / mp.sqrt(mp.pi) * (mp.exp(-t * t) + 2 * mp.exp(-((k * (t - mp.mpf("2.71828"))) ** 2)))

    with mp.workdps(40):
        low, high, ratio = mp.mpf("2.7"), mp.mpf("2.73"), (mp.sqrt(5) - 1) / 2
        for _ in range(120):
            inner = high - ratio * (high - low), low + ratio * (high - low)
            low, high = (inner[0], high) if by_hand(inner[0]) < by_hand(inner[1]) else (low, inner[1])
        top = by_hand((low + high) / 2)
        assert top > 2 > by_hand(mp.mpf(0))
        assert abs(number(found.supremum) - top) < mp.mpf(10) ** -20


def test_a_slope_that_turns_without_end_is_numeric_and_never_called_certified():
    found = cd.bounds(cd.Activation("two", sympy.sin(z) + sympy.sin(sympy.sqrt(2) * z)))
    assert str(found.certainty["supremum"]) == "numeric"
    # the places are those that were looked at, and no list of all
    assert "(of |z| <= 16 alone)" in str(found).splitlines()[1]
    assert "alone" not in str(cd.bounds("sigmoid"))
    with mp.workdps(40):
        assert abs(number(found.supremum, 30) - 1 - mp.sqrt(2)) < mp.mpf(10) ** -25


def test_a_user_s_formula_takes_the_same_way():
    found = cd.bounds(cd.Activation.from_formula("swish", "z/(1+exp(-1.5*z))"))
    silu = cd.bounds("silu")
    with mp.workdps(50):
        # φ(z) = silu(1.5 z)/1.5, whose slope is silu'(1.5 z)
        assert abs(number(found.supremum) - number(silu.supremum)) < mp.mpf(10) ** -40
        assert abs(number(found.argument) * 1.5 - number(silu.argument)) < mp.mpf(10) ** -40


@pytest.mark.parametrize("w", [float("nan"), float("inf"), "eight", None, sympy.I, [1]])
def test_what_is_no_weight_is_refused(w):
    with pytest.raises(BadValue, match="give"):
        cd.bounds("sigmoid").interval(w)


def test_bad_names_and_spreads_are_refused():
    with pytest.raises(UnknownName, match="did you mean 'sigmoid'"):
        cd.bounds("sigmod")
    for s in (0, -1, "x"):
        with pytest.raises(BadValue, match="give"):
            cd.bounds("sigmoid").probability_exceeds(s)


@pytest.mark.parametrize("name", costly(KINDS))
def test_its_text_and_dictionary_hold_the_numbers(name):
    found = cd.bounds(name)
    text, held = str(found), found.to_dict()
    for line in ("sup |φ'|", "smallest |w|", "widest in a"):
        assert line in text
    assert float(held["supremum"]["decimal"]) == pytest.approx(float(found.supremum), rel=1e-15)
    assert set(held["certainty"].values()) <= {"exact", "certified numeric"}


@pytest.mark.parametrize("seed", [0, 1])
def test_no_seed_and_no_order_changes_an_answer(seed):
    """Worked out anew, in another order, under another seed of NumPy's and Python's, from an object of its own."""
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    for name in np.random.default_rng(seed).permutation(sorted(ACTIVATIONS)):
        before = cd.bounds(str(name))
        anew = _bounds.__wrapped__(before.activation)
        assert anew is not before
        assert anew == before
        assert repr(anew.to_dict()) == repr(before.to_dict())
