"""Far out: a sum of scales holds the expression from its start on, and the sign that follows is mpmath's."""

import random
from fractions import Fraction

import mpmath as mp
import pytest
import sympy
from flint import arb, fmpq

from chainderiv.functions.formula import parse_formula
from chainderiv.functions.intervals import Unenclosed, working_bits
from chainderiv.functions.precise import precise
from chainderiv.functions.rewriting.digits import as_mpmath
from chainderiv.functions.turning.outward import Outward
from chainderiv.functions.turning.scales import LOG, Scale, TooNear
from chainderiv.functions.turning.towards import towards
from chainderiv.symbols import erfcx, z
from tests.kinds import costly

TEXTS = [
    "log(1+exp(z))-z", "erf(z)-tanh(z)", "z*Phi(z)-z", "silu(z)-gelu(z)", "atan(z)-tanh(z)", "mish(z)-z", "sqrt(z**2+1)-z",
    "sqrt(z**2+1)+z", "sigmoid(z)-Phi(z)", "z*exp(z)+1/4", "tanh(z-2)**3-1", "softplus(z)-sigmoid(z)", "gelu_tanh(z)-gelu(z)",
    "arctan(z)-z/(1+z**2)", "z-log(1+z**2)", "squareplus(z)-softplus(z)", "asinh(z)-log(1+exp(z))", "2*z+sin(z)", "asinh(z)-asinh(2*z)+log(2)",
    "sqrt(z**4+z**2)-z**2", "erfc(z)*exp(z**2)-1/z", "(1+1/(1+z**2))**z-1", "log(cosh(z))-z", "exp(sqrt(z**2+1)-z)-1", "sinh(1/(1+z**2))-1/(1+z**2)",
    "exp(-z**2/2)-2*exp(-z**2/2-z)", "log10(1+z**2)-sinc(z)", "z/(1+abs(z))-tanh(z)",
]  # fmt: skip
# of many digits: what is left of the other at 20 is e^-400 of it
MANY = {"silu(z)-gelu(z)", "sigmoid(z)-Phi(z)", "gelu_tanh(z)-gelu(z)", "erf(z)-tanh(z)", "erfc(z)*exp(z**2)-1/z"}
CASES = costly(TEXTS, quick=[text for text in TEXTS if text not in MANY])


def settled(phi, t):
    """The value of an mpmath function of a number in digits that are doubled until they hold."""
    digits, before = 1500, None  # fewer agree on 1 - erf(20) = 0
    while digits < 40000:
        with mp.workdps(digits):
            now = phi(mp.mpf(t.numerator) / t.denominator)
            if before is not None and now != 0 and abs(now - before) < abs(now) * mp.mpf(10) ** -20:
                return now
        digits, before = 2 * digits, now
    return mp.mpf(0)


def outside(start, seed):
    """Numbers from a start outwards, as far as mpmath tells a difference of e^(-t²) from 0."""
    rng = random.Random(seed)
    return [start, *(start + Fraction(rng.uniform(0, 1)) * Fraction(2) ** rng.randrange(-4, 6) for _ in range(9))]


@pytest.mark.parametrize("text", CASES)
@pytest.mark.parametrize("side", [-1, 1])
def test_the_sign_far_out_is_that_of_mpmath(text, side):
    expression = parse_formula(text)
    start, sign = towards(expression, side, None)
    phi = precise(expression, z)
    assert sign in (-1, 1)
    found = [mp.sign(settled(phi, side * t)) for t in outside(abs(start), text)]
    assert found == [sign] * len(found)


def holding(o, text, side, widened=1):
    """Of numbers behind the start, at how many the sum of scales holds the expression."""
    found = o.of(parse_formula(text), side, {})
    phi, held = precise(parse_formula(text), z), 0
    points = outside(Fraction(float(o.start)), text)
    for t in points:
        with working_bits(4000):
            value = arb(fmpq(t.numerator, t.denominator))
            total = sum((arb_of(c) * scale_at(m, value) for m, c in found.terms.items()), arb(0))
            if found.rest:
                total += found.rest[1] * widened * scale_at(found.rest[0], value)
            wanted = settled(phi, side * t)
            low, high = as_mpmath(total.lower()), as_mpmath(total.upper())
        with mp.workdps(1000):
            held += low - abs(wanted) * mp.mpf(10) ** -18 <= wanted <= high + abs(wanted) * mp.mpf(10) ** -18
    return held, len(points)


def arb_of(number):
    with mp.workdps(1100):
        return (
            arb(mp.nstr(precise(number, z)(0), 1050))
            if not number.is_Rational
            else arb(fmpq(int(number.p), int(number.q)))
        )


def scale_at(scale, t):
    """The scale by its definition, at a ball."""
    exponent = sum((arb_of(rate) * t ** arb_of(degree) for degree, rate in scale.rates), arb(0))
    return (-exponent).exp() * t ** arb_of(scale.power) * t.log() ** arb_of(scale.logs)


@pytest.mark.parametrize("text", CASES)
def test_a_sum_of_scales_holds_the_expression_from_its_start_on(text):
    for side in (-1, 1):
        with working_bits(128):
            try:
                o = Outward(arb(16), 4)
                o.of(parse_formula(text), side, {})
            except (TooNear, Unenclosed):
                continue
        held, count = holding(o, text, side)
        assert held == count, (side, held)


def test_a_remainder_that_is_too_small_would_be_seen():
    for text in ("atan(z)-tanh(z)", "sqrt(z**2+1)-z", "asinh(z)-log(1+exp(z))"):
        held, count = holding(Outward(arb(16), 2), text, 1, widened=0)
        assert held < count / 2


@pytest.mark.parametrize(("rates", "power", "logs"), [
    (((2, 1), (1, -3)), 1, 0), (((1, 2),), 5, 1), ((), -1, 2), (((3, 1), (2, -1), (1, 4)), 0, 0), ((), -2, 0), (((1, 1),), -3, -1),
])  # fmt: skip
def test_a_scale_is_nowhere_above_its_bound(rates, power, logs):
    scale = Scale(
        tuple((sympy.Integer(d), sympy.Integer(r)) for d, r in rates), sympy.Integer(power), sympy.Integer(logs)
    )

    def value(t):
        return mp.exp(-sum(r * t**d for d, r in rates)) * t**power * mp.log(t) ** logs

    bounded = 0
    for start in (1, 2, 4, 8, 32):
        with working_bits(128):
            try:
                most = as_mpmath(scale.most(arb(start)).upper())
            except TooNear:
                continue
        bounded += 1
        with mp.workdps(40):
            assert all(value(start * (1 + mp.mpf(k) / 16)) <= most * (1 + mp.mpf(10) ** -20) for k in range(400))
    assert bounded >= 2
    # and where it still rises no bound is claimed
    rising = next((t for t in (mp.mpf(k) / 8 for k in range(9, 60)) if value(t * 1.01) > value(t)), None)
    if rising is not None:
        with working_bits(128), pytest.raises(TooNear):
            scale.most(arb(float(rising)))


def test_which_of_two_is_larger_far_out():
    exponential, power = Scale(((sympy.Integer(1), sympy.Integer(-1)),)), Scale(power=sympy.Integer(9))
    assert [(exponential / power).tends, (power / LOG).tends, (LOG / exponential).tends, (LOG / LOG).tends] == [
        1,
        1,
        -1,
        0,
    ]


@pytest.mark.parametrize("text", ["tanh(z)-sin(z)", "sinc(z)", "sin(z)-z*exp(-z)", "exp(-z)*cos(z)"])
def test_no_sign_is_claimed_of_what_oscillates(text):
    for most in (2, 4, 8):
        with working_bits(128), pytest.raises(TooNear):
            Outward(arb(2**20), most).sign(parse_formula(text), 1)


@pytest.mark.parametrize("expression", [erfcx(z) + z, -(z**2) + erfcx(z) - 3, erfcx(z) - 1 / z**3, 5 - erfcx(-2 * z)])
@pytest.mark.parametrize("side", [-1, 1])
def test_erfcx_grows_on_one_side_and_falls_on_the_other(expression, side):
    start, sign = towards(expression, side, None)
    values = [mp_of(expression, side * (abs(start) + k)) for k in (0, Fraction(1, 3), 1, 4)]
    assert [mp.sign(v) for v in values] == [sign] * 4


@pytest.mark.parametrize("expression", [sympy.log(z**2), z * sympy.log(z**2), sympy.log(z**2) / (1 + z**2)])
def test_the_logarithm_of_t_is_not_positive_before_t_is_1(expression):
    start, sign = towards(expression, 1, None)
    assert [mp.sign(mp_of(expression, start + k)) for k in (0, Fraction(1, 3), 1, 4)] == [sign] * 4


def mp_of(expression, at):
    """Its value by mpmath's own erfc and log."""
    with mp.workdps(60):
        t = mp.mpf(at.numerator) / at.denominator
        by = {erfcx(k * z): mp.exp((k * t) ** 2) * mp.erfc(k * t) for k in (1, -2)}
        told = {e: sympy.Float(str(v), 60) for e, v in by.items()}
        return mp.mpf(str(sympy.N(expression.xreplace(told).subs(z, sympy.Rational(at.numerator, at.denominator)), 40)))
