"""Balls and intervals hold the truth, which mpmath has at many digits; a rule that is wrong anywhere is caught."""

import random

import mpmath as mp
import pytest
import sympy
from flint import arb, fmpq
from sympy import Abs, Max, Min, Piecewise, Rational, cos, erf, exp, log, sin, sqrt, tanh

from chainderiv.functions import intervals
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.functions.enclosing import ball, enclose, stated
from chainderiv.functions.heads import cbrt, log10, sinc, spherical
from chainderiv.functions.intervals import FUNCTIONS, LINE, Interval, Rule, Unenclosed, sign, working_bits
from chainderiv.functions.precise import precise
from chainderiv.symbols import erfcx, normal_cdf, z
from tests.formulas import FORMULAS

HALF = Rational(1, 2)
# the same functions in mpmath, where it has them by another name, and what they are given beside z
BY_HAND = {
    sympy.Abs: abs, normal_cdf: mp.ncdf, erfcx: lambda t: mp.exp(t * t) * mp.erfc(t),
    sympy.Max: lambda t: max(t, mp.mpf(1) / 2), sympy.Min: lambda t: min(t, mp.mpf(1) / 2), sympy.LambertW: mp.lambertw,
    sympy.Heaviside: lambda t: (mp.sign(t) + 1) / 2, sympy.polygamma: lambda t: mp.psi(1, t), sympy.ceiling: mp.ceil,
    sympy.erfcinv: lambda t: -mp.erfinv(t - 1),
    sympy.besselj: lambda t: mp.besselj(2, t), sympy.bessely: lambda t: mp.bessely(2, t),
    sympy.besseli: lambda t: mp.besseli(2, t), sympy.besselk: lambda t: mp.besselk(2, t),
}  # fmt: skip
BY_HAND |= {sinc: mp.sinc, sympy.sinc: mp.sinc, log10: mp.log10, spherical: lambda t: mp.hyp0f1(3.5, -t * t / 4) / 15,
            cbrt: lambda t: mp.sign(t) * mp.cbrt(abs(t))}  # fmt: skip
OF_TWO = {
    spherical: spherical(2, z),
    sympy.Max: Max(z, HALF),
    sympy.Min: Min(z, HALF),
    sympy.polygamma: sympy.polygamma(1, z),
    **{f: f(2, z) for f in (sympy.besselj, sympy.bessely, sympy.besseli, sympy.besselk)},
}
POSITIVE = (
    "acsch",
    "bessely",
    "besselk",
    "Chi",
    "harmonic",
    "log",
    "log10",
    "gamma",
    "loggamma",
    "polygamma",
    "Ei",
    "Ci",
    "LambertW",
    "cot",
    "csc",
    "coth",
    "csch",
)
DOMAIN = {"acosh": (1.25, 20), "atanh": (-0.9, 0.9), "asin": (-1, 1), "acos": (-1, 1), "erfinv": (-0.99, 0.99),
          "erfcinv": (0.01, 1.9), "tan": (-1.5, 1.5), "sec": (-1.5, 1.5), "zeta": (1.25, 20), "li": (1.25, 20), "acoth": (1.25, 20), "asech": (0.125, 0.9),
          "besselj": (-4, 4), "besseli": (-4, 4), "log1p": (-0.99, 40)}  # fmt: skip
DOMAIN |= dict.fromkeys(POSITIVE, (0.125, 2.5))


def truth(head, point):
    name = head.__name__
    return mp.re((BY_HAND.get(head) or getattr(mp, name, None) or getattr(mp, name.lower()))(point))


def number(end, unknown):
    """An end in mpmath; no number says nothing."""
    return mp.make_mpf(end._mpf_) if end.is_finite() else unknown if end.is_nan() else mp.inf * (1 if end > 0 else -1)


def ends(interval):
    with working_bits(2000):
        return number(interval.low.lower(), -mp.inf), number(interval.high.upper(), mp.inf)


def misses(head, rule, rng, count=60):
    """How often a rule's ball or interval fails to hold the truth, drawn over its domain; and how many were drawn."""
    low, high = DOMAIN.get(head.__name__, (-40, 40))
    expression, missed = OF_TWO.get(head) or head(z), 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FUNCTIONS, head, rule)
        for k in range(count):
            a, b = sorted((rng.uniform(low, high), rng.uniform(low, high)))
            a, b = (a, a) if k % 3 == 0 else (a, a + (b - a) * 2.0 ** -rng.randrange(30))
            point = a + (b - a) * rng.random()
            with working_bits(64):
                wide = Interval(arb(a), arb(b)) if a != b else Interval.of(arb(a))
                inner = [wide if u == z else Interval.of(arb(float(u))) for u in expression.args]
                found = [Interval.of(rule.ball(*(u.ball() for u in inner))), *over(rule, inner)]
            with mp.workdps(60):
                right = truth(head, mp.mpf(point))
                # mpmath's own last digits, and what no float64 shows
                slack = abs(right) * mp.mpf(10) ** -50
                missed += sum(not lo - slack <= right <= hi + slack for lo, hi in map(ends, found))
    return missed


def over(rule, inner):
    try:
        return [rule.wide(*inner)]
    except Unenclosed:
        return []


@pytest.mark.parametrize("head", FUNCTIONS, ids=str)
def test_every_rule_holds_the_truth_over_random_intervals_of_its_domain(head):
    assert misses(head, FUNCTIONS[head], random.Random(1)) == 0


def inwards(rule):
    """The upper end of every interval, rounded towards its middle by the last bits but a few."""

    def wide(*us):
        found = rule.wide(*us)
        return Interval(found.low, found.high - abs(found.high) * arb(2) ** -50)

    return Rule(lambda *us: rule.ball(*us).mid(), wide)


def exchanged(rule):
    def wide(*us):
        found = rule.wide(*us)
        return Interval(found.high, found.low)

    return Rule(rule.ball, wide)


@pytest.mark.parametrize("head", [sympy.exp, sympy.tanh, sympy.erf, normal_cdf, sympy.sin, sympy.cosh, sympy.atan])
@pytest.mark.parametrize("spoil", [inwards, exchanged])
def test_an_end_rounded_inwards_or_a_function_that_falls_for_one_that_rises_is_seen(head, spoil):
    assert misses(head, spoil(FUNCTIONS[head]), random.Random(1), 300) > 0


# mpmath would want 8000 digits of gelu_tanh: it has 1 + tanh(-9000) at -60
TABLE = [a.formula for a in ACTIVATIONS.values() if a.name != "gelu_tanh"] + [c.formula for c in FORMULAS.values()]
OWN = [
    Max(0, z) ** 2 - Min(1, z), Piecewise((erf(z), z > 1), (sympy.atan(z) - z, True)), (1 + z**2) ** Rational(-3, 2),
    (1 + z**2) ** sqrt(2), 2**z, Abs(z) ** sympy.Float(0.25), exp(exp(z / 8)), sin(30 * z),
    cos(z) / (2 + sin(z)), log(1 + Abs(z)) * tanh(z), sympy.cbrt(1 + z**4), Piecewise((z, (z > -1) & (z < 2)), (z / 3, True)),
]  # fmt: skip


@pytest.mark.parametrize("formula", TABLE + OWN, ids=str)
def test_a_ball_and_an_interval_hold_a_formula_and_its_derivative(formula):
    rng, judged = random.Random(7), 0
    for expression in (formula, sympy.diff(formula, z)):
        if expression.has(sympy.Heaviside, sympy.Derivative, sympy.sign):
            continue
        phi = precise(expression, z)
        for _ in range(30):
            low = rng.uniform(-1, 1) * 2.0 ** rng.randrange(-6, 7)
            high = low + rng.random() * 2.0 ** rng.randrange(-9, 3)
            point = low + (high - low) * rng.random()
            with mp.workdps(1000):
                right = mp.mpf(phi(mp.mpf(point)))
                slack = abs(right) * mp.mpf(10) ** -60
            with working_bits(100):
                over = Interval(arb(low), arb(high))
            for found in (enclose(expression, over, 100), of_one(expression, point)):
                lo, hi = ends(found)
                with mp.workdps(1000):
                    assert lo - slack <= right <= hi + slack, (expression, low, high, point)
                judged += mp.isfinite(hi - lo)
    assert judged > 30


def of_one(expression, point):
    with working_bits(100):
        return Interval.of(ball(expression, arb(point)))


@pytest.mark.parametrize(
    ("head", "points"),
    [
        (erfcx, ["1e6", "1e12", "1e300"]),
        (sympy.erfc, ["30", "1e6", "1e30"]),
        (normal_cdf, ["-40", "-1e6", "-1e30"]),
        (sympy.exp, ["-1e30", "1e30"]),
    ],
)
def test_far_out_a_ball_keeps_its_digits(head, points):
    for text in points:
        with working_bits(400):
            found = ball(head(z), arb(float(text)))
            log = found.log()
            assert found.rel_accuracy_bits() > 100
        with mp.workdps(150):
            t = abs(mp.mpf(float(text)))
            # log erfcx and log erfc by the asymptotic series of the Mills ratio (Abramowitz and Stegun 7.1.23)
            u = t / mp.sqrt(2) if head is normal_cdf else t
            series = mp.log(
                sum((-1) ** k * mp.fac2(2 * k - 1) / (2 * u * u) ** k for k in range(20)) / (u * mp.sqrt(mp.pi))
            )
            want = {
                erfcx: series, sympy.erfc: series - u * u, normal_cdf: series - u * u - mp.log(2), sympy.exp: mp.mpf(float(text)),
            }[head]  # fmt: skip
            assert abs(mp.make_mpf(log.mid()._mpf_) - want) < mp.mpf(10) ** -20 * max(1, abs(want))


def test_the_ends_of_an_interval_are_as_narrow_as_they_can_be():
    """Sharp where the function is monotone: what a subdivision proves depends on it."""
    for expression, low, high, want in [(exp(z), -1, 1, (mp.exp(-1), mp.e)), (cos(z), 0, 7, (-1, 1)), (z**2, -3, 1, (0, 9)),
                                        (sin(z), 0, 2, (0, 1)), (tanh(z), 50, 60, (mp.tanh(50), 1)), (1 / z, 1, 4, (0.25, 1)),
                                        (sympy.cosh(z), -2, 1, (1, mp.cosh(2))), (sqrt(z), 0, 4, (0, 2))]:  # fmt: skip
        found = ends(enclose(expression, Interval(arb(low), arb(high)), 64))
        assert all(abs(mp.mpf(f) - w) < 1e-15 for f, w in zip(found, want, strict=True)), (expression, found)


def test_over_the_whole_line_and_where_a_denominator_is_0_nothing_false_is_said():
    assert [float(e) for e in (enclose(tanh(z), LINE, 64).low, enclose(tanh(z), LINE, 64).high)] == [-1, 1]
    assert ends(enclose(1 / z, Interval(arb(-1), arb(1)), 64)) == (-mp.inf, mp.inf)
    assert ends(enclose(erf(z) * exp(z), LINE, 64)) == (-mp.inf, mp.inf)
    assert sign(enclose(exp(z), Interval(arb(-1e300), arb(1e300)), 64)) is None
    assert sign(enclose(exp(z), Interval(arb(1e250), arb(1e300)), 64)) == 1


def test_a_condition_that_a_ball_does_not_decide_takes_both_branches():
    step = Piecewise((1, z > 0), (-1, True))
    with working_bits(64):
        both, right, edge = (ball(step, b) for b in (arb(0, 1e-9), arb(1, 1e-9), arb(0)))
    assert both.contains(1)
    assert both.contains(-1)
    assert (right, edge) == (1, -1)


def test_a_ball_that_holds_0_is_no_zero_and_exact_arithmetic_is():
    with working_bits(4000):
        hidden = ball(sin(2 * z) - 2 * sin(z) * cos(z), arb(1))
        assert hidden.contains(0)
        assert (hidden == 0) is False
        assert ball(exp(-z) * (1 - z**2), arb(1)) == 0
    assert stated(exp(-z) * (9 * z**2 - 1), fmpq(1, 3)) == 0
    assert stated(exp(-z) * (9 * z**2 - 2), fmpq(1, 3)) is None
    assert stated(Max(0, Min(1, (z + 3) / 6)), fmpq(1)) == fmpq(2, 3)
    assert stated(Piecewise((z, z > Rational(1, 3)), (exp(z), True)), fmpq(1, 3)) is None


def test_a_root_of_what_may_be_negative_has_no_value_in_a_ball():
    with working_bits(64):
        assert ball(1 + sqrt(z), arb(0, 1e-30)).is_nan()
        assert ball(1 + sqrt(z), arb(0)) == 1
        assert ball(z ** Rational(-1, 3), arb(-8)).is_nan()


def test_an_identity_stands_in_where_digits_cancel():
    with working_bits(200):
        for expression, log_of in [
            (1 - tanh(z) ** 2, lambda t: 2 * mp.log(2) - 2 * t),
            (1 - tanh(z), lambda t: mp.log(2) - 2 * t),
            (3 + 3 * tanh(-z), lambda t: mp.log(6) - 2 * t),
        ]:
            found = ball(expression, arb(10**6)).log()
            assert abs(float(found) - float(log_of(mp.mpf(10**6)))) < 1e-9
        assert ball(1 + erf(z), arb(-1000)).rel_accuracy_bits() > 150


def test_depth_of_nesting_is_no_matter():
    nest = z
    for k in range(400):
        nest = sympy.Add(sympy.Mul(nest, z, evaluate=False), Rational(k, 7), evaluate=False)
    want = fmpq(1, 2)
    for k in range(400):
        want = want * fmpq(1, 2) + fmpq(k, 7)
    with working_bits(100):
        assert ball(nest, arb(0.5)).overlaps(arb(want))
        assert ball(log(nest, evaluate=False), arb(0.5)).overlaps(arb(want).log())


def test_a_real_root_of_a_polynomial_is_a_number():
    roots = sympy.Poly(z**5 - 5 * z + Rational(1, 3), z).real_roots()
    assert len(roots) == 3
    with mp.workdps(60):
        for root in roots:
            low, high = ends(enclose(root, Interval.of(arb(0)), 150))
            assert high - low < mp.mpf(2) ** -130
            assert low <= mp.mpf(str(root.n(55))) + mp.mpf(10) ** -50
            assert high >= mp.mpf(str(root.n(55))) - mp.mpf(10) ** -50


def test_an_unknown_function_is_refused_and_the_precision_is_left_alone():
    from flint import ctx

    before = ctx.prec
    with pytest.raises(Unenclosed, match="function f"), working_bits(300):
        ball(sympy.Function("f")(z), arb(1))
    assert ctx.prec == before
    assert intervals.working_bits is working_bits


def test_a_step_with_a_value_of_its_own_at_0_is_held():
    for value in (5, Rational(1, 2), -3):
        step = sympy.Heaviside(z, value)
        found = enclose(step, Interval(arb(-1), arb(1)), 53)
        for inside in (0, 1, value):
            assert found.ball().contains(arb(float(inside)))
        third = ball(sympy.Heaviside(3 * z - 1, value), arb(1) / 3)
        assert third.contains(arb(float(value)))
        assert ball(step, arb(0)) == arb(float(value))
        assert ball(step, arb(2)) == 1


def test_decimals_in_a_condition_are_not_rounded():
    # SymPy makes z + 0.2333… of the difference of the sides, by 53 bits
    apart = sympy.Gt(sympy.Add(z, Rational(1, 3), evaluate=False), sympy.Float(0.1), evaluate=False)
    branches, point = Piecewise((5, apart), (7, True), evaluate=False), Rational(-0.2333333333333333)
    assert point + Rational(1, 3) > Rational(0.1)
    assert stated(branches, fmpq(int(point.p), int(point.q))) == 5
    with working_bits(200):
        assert ball(branches, arb(-0.2333333333333333)) == 5


def test_a_logarithm_of_1_and_decimals_is_not_rounded():
    inside = sympy.Add(1, sympy.Float(0.3), z, evaluate=False)
    found = ball(log(inside), arb(-0.3))
    assert found.contains(0)
    assert abs(found) < 1e-15
