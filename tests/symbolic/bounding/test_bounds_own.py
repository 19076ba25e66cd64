"""bounds() of formulas that the catalogue does not have, of symbols, and of weights and z far out."""

import itertools

import mpmath as mp
import pytest
import sympy
from sympy import Rational, erf, exp, oo, pi, sqrt, tanh

import chainderiv as cd
from chainderiv.errors import BadValue
from chainderiv.symbolic.bounding.text import number as text_of
from chainderiv.symbols import z
from tests import plain
from tests.kinds import KINDS, costly, slow
from tests.steps import counted

W = sympy.Symbol("w", positive=True)
GOLDEN = (mp.sqrt(5) - 1) / 2


def own(formula):
    return cd.bounds(cd.Activation("own", formula))


def number(value, digits=50):
    return mp.mpf(str(sympy.N(value, digits)))


# supremum, where (None: at several), attained, widest width, at |w|; each by hand
BY_HAND = [
    (erf(z), 2 / sqrt(pi), 0, True, 2 * sqrt(2) * exp(-Rational(1, 2)) / sqrt(pi), sqrt(pi) * exp(Rational(1, 2)) / 2),
    # φ' = 1/√(1 + z²): the width 2 √(1 - 1/w²) only tends to 2
    (sympy.asinh(z), 1, 0, True, 2, oo),
    (sympy.Piecewise((sympy.log(1 + z), z >= 0), (-sympy.log(1 - z), True)), 1, 0, True, 2, oo),
    (sympy.Max(-1, sympy.Min(1, z)), 1, None, True, 2, 1),
    # φ' = (1 + z²)^(-3/2): ζ φ'(ζ) is largest at ζ = 1/√2
    (z / sqrt(1 + z**2), 1, 0, True, 4 / (3 * sqrt(3)), sqrt(Rational(27, 8))),
    (sympy.Piecewise((1 - exp(-z), z > 0), (0, True)), 1, 0, False, exp(-1), exp(1)),
    (z * sympy.atan(z), pi / 2, None, False, oo, 2 / pi),
    (z**3, oo, None, False, oo, 0),
    (exp(-(z**2)), sqrt(2) * exp(-Rational(1, 2)), None, True, None, None),
    (z + tanh(z), 2, 0, True, oo, 1),
]


@pytest.mark.parametrize(
    ("formula", "supremum", "argument", "attained", "width", "weight"), BY_HAND, ids=lambda v: str(v)
)
def test_formulas_whose_bounds_are_known_by_hand(formula, supremum, argument, attained, width, weight):
    found = own(formula)
    assert sympy.simplify(found.supremum - supremum) == 0 or found.supremum == supremum
    assert found.attained is attained
    assert found.certainty["supremum"] == "exact"
    if argument is not None:
        assert found.argument == argument
    if width is not None:
        assert found.widest.width == width or sympy.simplify(found.widest.width - width) == 0
        assert found.widest.weight == weight or sympy.simplify(found.widest.weight - weight) == 0


def measure(slope, w, points):
    """The measure of {z : |w φ'(z)| >= 1} by bisection between points of which some lie in each piece and each gap."""
    seen = [(p, w * abs(slope(p)) >= 1) for p in points]
    edges = []
    for (p, before), (q, after) in itertools.pairwise(seen):
        if before != after:
            low, high = p, q
            for _ in range(110):
                middle = (low + high) / 2
                low, high = (middle, high) if (w * abs(slope(middle)) >= 1) == before else (low, middle)
            edges.append(low)
    return sum(right - left for left, right in zip(edges[::2], edges[1::2], strict=True))


ONE_SIDED = {
    "two hills": (
        tanh(z) + tanh(2 * z - 3) / 3,
        lambda t: mp.sech(t) ** 2 + 2 * mp.sech(2 * t - 3) ** 2 / 3,
        (1.2, 2.2),
    ),
    "hill and pit": (z * exp(-(z**2)), lambda t: (1 - 2 * t * t) * mp.exp(-t * t), (2.4, 4)),
    "bump": (exp(-(z**2)), lambda t: -2 * t * mp.exp(-t * t), (1.4, 2.6)),
}


@pytest.mark.parametrize("name", costly(ONE_SIDED, quick=["bump"]))
def test_the_widest_set_of_several_moving_ends_has_twelve_digits(name):
    """Against the width of one weight after the other, by bisection, and golden-section search over the weight."""
    formula, slope, (low, high) = ONE_SIDED[name]
    found = own(formula).widest
    with mp.workdps(32):
        points = [mp.mpf(k) / 20 + mp.mpf(1) / 7919 for k in range(-80, 81)]
        if name == "two hills":
            # the bottom between the hills: just above its level the gap there is narrower than any grid
            points = sorted([*points, mp.findroot(lambda t: mp.diff(slope, t), (0.8, 1.0), solver="anderson")])
        low, high = mp.mpf(low), mp.mpf(high)

        def width(w):
            return measure(slope, w, points) / w

        for _ in range(68):
            inner = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
            low, high = (low, inner[1]) if width(inner[0]) > width(inner[1]) else (inner[0], high)
        at = (low + high) / 2
        # F has a corner where two pieces join, and falls as a root does on the one side
        assert abs(number(found.width, 30) / max(width(low), width(high)) - 1) < mp.mpf(10) ** -13
        assert abs(number(found.weight, 30) / at - 1) < mp.mpf(10) ** -12
    assert found.certainty == "certified numeric"


CLOSED = ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "softplus", "softsign", "arctan", "identity"]


@pytest.mark.parametrize("name", CLOSED)
def test_the_formulas_in_w_are_the_sets_of_every_weight(name):
    """For |w| in each range the formulas with w put in, and outside of all of them the empty set, are `interval(w)`."""
    bounds = cd.bounds(name)
    regimes = bounds.interval(W)
    assert regimes
    judged = 0
    for w in map(Rational, ("0.3", "0.6", "0.99", "1", "1.04", "3.7", "4", "5", "99", "100", "2000")):
        holding = [r for r in regimes if r.condition.subs(W, w) == sympy.true]
        one = bounds.interval(w)
        assert len(holding) == (one.z_set is not sympy.S.EmptySet), (w, holding)
        for regime in holding:
            for ours, theirs in ((regime.z_set, one.z_set), (regime.a_set, one.a_set)):
                ends = [(s.subs(W, w), t) for s, t in zip(_ends(ours), _ends(theirs), strict=True)]
                assert all(s == t or abs(number(s) - number(t)) < mp.mpf(10) ** -40 for s, t in ends), (w, ends)
                judged += len(ends)
    # a slope of 4 or more amplifies with 2000 times it, whatever the activation
    assert judged >= 2


def _ends(values):
    return [values.args[0]] * 2 if isinstance(values, sympy.FiniteSet) else [values.inf, values.sup]


def test_published_closed_forms_in_w():
    forms = {
        "sigmoid": 2 / W * sympy.log(W * (1 + sqrt(1 - 4 / W)) / 2 - 1),
        "tanh": 2 / W * sympy.acosh(sqrt(W)),
        "softsign": 2 / W * (sqrt(W) - 1),
        "arctan": 2 / W * sqrt(W - 1),
    }
    for name, form in forms.items():
        (found,) = cd.bounds(name).interval(W)
        for w in (Rational(9, 2), 7, 1000):
            with mp.workdps(60):
                assert abs(number(found.a_width.subs(W, w)) - number(form.subs(W, w))) < mp.mpf(10) ** -45


def test_a_negative_symbol_turns_the_set_of_a_round_and_an_unknown_sign_is_refused():
    v = sympy.Symbol("v", negative=True)
    (found,) = cd.bounds("elu").interval(v, 2)
    assert (found.a_set.start, found.a_set.end) == (-oo, sympy.simplify((-sympy.log(-v) - 2) / v))
    with pytest.raises(BadValue, match="unknown sign"):
        cd.bounds("elu").interval(sympy.Symbol("u", real=True))
    with pytest.raises(BadValue, match="no closed form"):
        cd.bounds("gelu").interval(W)


@pytest.mark.parametrize("name", KINDS)
def test_the_link_has_the_size_1_at_the_ends_for_weights_far_out(name):
    # where φ' has one value on a whole side, no weight moves an end: there are kinks alone, or none
    judged, constant = 0, name in ("relu", "leaky_relu", "identity")
    for w in ("1e40", "-1e200"):
        found = cd.bounds(name).interval(w)
        parts = found.z_set.args if isinstance(found.z_set, sympy.Union) else [found.z_set]
        with mp.workdps(700):
            for end in (
                e
                for part in parts
                for e in (part.start, part.end)
                if e.is_finite and e not in cd.bounds(name).activation.kinks
            ):
                assert abs(abs(mp.mpf(w)) * abs(plain.phi_prime(name, number(end, 690))) - 1) < mp.mpf(10) ** -100, (
                    w,
                    end,
                )
                judged += 1
    assert (judged == 0) if constant else (judged >= 2)


def test_the_smallest_weight_of_a_root_form_gives_one_point():
    found = cd.bounds("silu")
    assert found.interval(found.smallest_weight).z_set == sympy.FiniteSet(found.argument)
    assert cd.bounds("sigmoid").interval(4).z_set == sympy.FiniteSet(0)
    assert cd.bounds("softplus").interval(1).z_set is sympy.S.EmptySet
    assert cd.bounds("softplus").strict
    assert not cd.bounds("gelu").strict


def test_an_empty_set_has_no_width():
    for w in (0, "3.999999", -3):
        found = cd.bounds("sigmoid").interval(w)
        assert (found.z_set, found.z_width, found.a_width) == (sympy.S.EmptySet, 0, 0)


@pytest.mark.parametrize(
    ("name", "at"), [("tanh", 9), ("gelu", -8), ("gelu", "2.5"), ("sigmoid", -20), ("mish", 11), ("softplus", -3)]
)
def test_a_probability_far_out_keeps_its_digits(name, at):
    with mp.workdps(80):
        size = abs(plain.phi_prime(name, mp.mpf(str(at))))
        s = 1 / size / 3
        spread = Rational(str(mp.nstr(s, 40)))
        want = mp.erfc(1 / (mp.mpf(spread.p) / spread.q * size) / mp.sqrt(2))
        assert abs(number(cd.bounds(name).probability_exceeds(spread, at), 40) / want - 1) < mp.mpf(10) ** -35


@pytest.mark.parametrize("at", ["400", "1e6", "-1e300"])
def test_a_probability_beyond_any_float_is_bounded_in_print(at):
    assert text_of(cd.bounds("sigmoid").probability_exceeds(1, at)).endswith("under 1e-1000000000")


def test_probabilities_of_symbols_are_formulas_by_branch():
    s, t = sympy.Symbol("s", positive=True), sympy.Symbol("t", real=True)
    exceeds = cd.bounds("elu").probability_exceeds(s, t)
    for at, spread in ((-2, 3), (4, 1)):
        assert exceeds.subs({s: spread, t: at}) == cd.bounds("elu").probability_exceeds(spread, at)
    assert cd.bounds("relu").probability_under_quarter(s, t).subs(t, -1) == 1


@pytest.mark.parametrize("formula", [1 / (z - 1), sympy.cos(z) / (z - 1), sympy.gamma(z**2 + 2)])
def test_what_has_a_pole_or_no_enclosure_is_refused_in_one_line(formula):
    with pytest.raises(BadValue, match="cannot be bounded|cannot be evaluated") as e:
        own(formula)
    assert "\n" not in str(e.value)


def test_a_formula_that_turns_without_end_says_what_is_not_known():
    found = own(sympy.sin(z) + sympy.sin(sqrt(2) * z) / sqrt(2))
    assert (found.supremum, str(found.certainty["supremum"])) == (2, "exact")  # both cosines <= 1 on the whole line
    assert found.widest.width is sympy.nan
    assert str(found.interval(2).certainty) == "numeric"
    assert "not known" in str(found)


def test_a_slope_that_is_largest_at_the_end_of_what_was_looked_at_is_not_bounded_by_it():
    # φ' → -1 at -∞, and |φ'(-16)| is less
    with pytest.raises(BadValue, match="the largest slope is not found"):
        cd.bounds(cd.Activation.from_formula("bernoulli", "z/(exp(z)-1)"))


@pytest.mark.parametrize(("text", "slope"), [("sinc(z)", 0), slow(("(1-cos(z))/z", sympy.Rational(1, 2)))])
def test_a_slope_at_0_is_the_limit_where_the_formula_of_the_slope_has_none(text, slope):
    found = cd.bounds(cd.Activation.from_formula("own", text))
    want = sympy.erfc(1 / (sympy.sqrt(2) * slope)) if slope else 0
    assert sympy.simplify(found.probability_exceeds(1) - want) == 0


@pytest.mark.parametrize(
    ("formula", "supremum"),
    [
        (exp(-(10**6) * (1 + z**2)), 1000 * sqrt(2) * exp(-Rational(2000001, 2))),
        slow((tanh(z - 4000), 1)),
        slow((tanh(12345 * z + 54321), 12345)),
        slow((1 / (1 + exp(-1000 * (z + 7))), 250)),
    ],
)
def test_numbers_far_from_1_in_a_formula_are_no_work_without_end(formula, supremum):
    """The widest set of the first lies at weights near 1e434291: exact fractions of such levels have as many digits."""
    with counted() as steps:
        found = own(formula)
        assert found.supremum == supremum
        str(found)
    assert steps.calls < 30_000_000


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        slow((tanh(z) + sympy.cos(12345 * z), "turns more than 40 times")),
        (z + sympy.sin(z**3), "turns more than 40 times"),
        (tanh(10**4 * (1 + z**2)), "too little for the digits that are allowed"),
    ],
)
def test_what_turns_too_often_or_too_little_is_refused_at_once(formula, reason):
    with counted() as steps, pytest.raises(BadValue, match=reason):
        own(formula)
    assert steps.calls < 10_000_000


@pytest.mark.slow
def test_a_level_that_is_reached_nobody_knows_where_leaves_the_width_unproved():
    found = own(tanh(z) + tanh(z + 999))
    assert abs(number(found.supremum) - 1) < 1e-20
    assert found.widest.certainty is cd.Certainty.NUMERIC
