"""The referee returns what its balls prove: far tails, orbits beyond float64, zeros that are zeros; and refuses the rest."""

import random
import time
from fractions import Fraction

import mpmath as mp
import pytest
import sympy

import chainderiv as cd
from chainderiv.errors import BadValue
from chainderiv.functions.heads import cbrt
from chainderiv.functions.intervals import FUNCTIONS, Rule
from chainderiv.symbolic import referee
from chainderiv.symbols import z
from tests import plain
from tests.formulas import FORMULAS


def own(text):
    return cd.Activation.from_formula("own", text)


def gradient(activation, depth=1, **given):
    return cd.evaluate(cd.Chain(depth, activation), engine="mpmath", **given)


def is_right(got, want):
    """Sign, and logarithm to the last digits of float64."""
    assert got.sign == mp.sign(want)
    log = mp.log(abs(want))
    assert abs(got.log - log) <= 4e-16 * max(1, abs(log)), (got, log)
    return True


TANH_GELU = "0.5*z*(1+tanh(sqrt(2/pi)*(z+0.044715*z**3)))"


def tanh_gelu(t):
    """φ and φ', 1 + tanh u as 2/(1 + e^(-2u))."""
    u = mp.sqrt(2 / mp.pi) * (t + mp.mpf("0.044715") * t**3)
    slope = mp.sqrt(2 / mp.pi) * (1 + 3 * mp.mpf("0.044715") * t**2)
    return t / (1 + mp.exp(-2 * u)), 1 / (1 + mp.exp(-2 * u)) + t * slope / (2 * mp.cosh(u) ** 2)


# formula, z, and φ and φ' by hand without cancellation
TAILS = [
    (TANH_GELU, -50.0, tanh_gelu),
    ("0.5*z*(1+erf(z/sqrt(2)))", -100.0, lambda t: (t * mp.ncdf(t), mp.ncdf(t) + t * plain.density(t))),
    ("tanh(100*z)", 25.0, lambda t: (mp.tanh(100 * t), 100 / mp.cosh(100 * t) ** 2)),
    ("1/(1+exp(-z))", -2000.0, lambda t: (plain.sigmoid(t), plain.sigmoid_prime(t))),
    ("1/(1+exp(-z))", 2000.0, lambda t: (plain.sigmoid(t), plain.sigmoid_prime(t))),
    ("z**3", 2e4, lambda t: (t**3, 3 * t**2)),
    ("z/(1+Abs(z))", 2e4, lambda t: (t / (1 + abs(t)), 1 / (1 + abs(t)) ** 2)),
    ("sin(30*z)", 1e4, lambda t: (mp.sin(30 * t), 30 * mp.cos(30 * t))),
    ("log(1+exp(3*z))/3", -1234.5, lambda t: (mp.log1p(mp.exp(3 * t)) / 3, plain.sigmoid(3 * t))),
]


@pytest.mark.parametrize(("text", "point", "by_hand"), TAILS, ids=[f"{text} at {point}" for text, point, _ in TAILS])
def test_a_tail_is_no_zero_and_a_large_argument_no_reason_to_refuse(text, point, by_hand):
    got = gradient(own(text), w=1.0, z=point, y=0.25)
    with mp.workdps(80):
        phi, slope = by_hand(mp.mpf(point))
        assert is_right(got, slope * (phi - mp.mpf(0.25)))


def test_the_command_line_s_own_case_prints_its_logarithm():
    got = cd.derive(cd.Chain(1, own(TANH_GELU))).at(w=1, z=-50, y=0.25)
    assert sum(v.log for v in got) == pytest.approx(-8990.33, abs=0.005)
    assert [v.sign for v in got] == [-1, -1]


def test_by_name_gelu_s_tail_has_the_size_that_was_computed_by_hand():
    got = gradient("gelu", w=1.0, z=-100.0, y=0.25)
    with mp.workdps(30):
        assert got.sign * mp.exp(got.log) == pytest.approx(mp.mpf("3.36045e-2171"), rel=1e-5)


def test_sixty_layers_of_a_steep_tanh_are_known_to_the_default_engine_as_well():
    chain = cd.Chain(60, own("tanh(100*z)"))
    for engine in (None, "mpmath"):
        got = cd.evaluate(chain, w=1.0, b=25.0, y=0.25, engine=engine)
        assert got.sign == 1
        assert got.log == pytest.approx(-311540.80, abs=0.005)


def test_an_orbit_may_leave_float64():
    assert gradient(own("(z+sqrt(z**2+4))/2"), 12, w=3.0, b=0.0).log == pytest.approx(24.6402, abs=5e-5)
    for engine in (None, "mpmath"):
        got = cd.evaluate(cd.Chain(8, own("Max(0,z)**2")), w=12.0, b=10.0, engine=engine)
        assert (got.sign, got.log) == (1, pytest.approx(2685.4993, abs=5e-5))
    beyond = {"w": [-0.5, 4, -1e8, -1, -100], "b": [0.98, -0.34, -0.76, 0.16, -0.45], "x": -1e300, "y": -0.9}
    got = gradient("silu", 5, **beyond, wrt="b5")
    assert (got.sign, got.log) == (-1, pytest.approx(-7.104919, abs=5e-7))
    saturated = gradient("silu", 2, w=[-1e10, 1.0], b=[0.0, 0.3], x=1e300, y=0.0, wrt="b2")
    assert (saturated.sign, saturated.log) == (1, pytest.approx(-2.192532, abs=5e-7))
    assert gradient("gelu", 2, w=[-1e10, 1.0], b=[0.0, 0.3], x=1e300, y=0.0, wrt="b2").sign == 1


def test_rounding_at_a_kink_at_a_zero_of_the_slope_and_beside_a_large_constant_is_none_of_the_referee_s():
    kink = gradient("relu", w=0.7, b=-(0.7 * 0.1), x=0.1, y=0.5)
    assert (kink.sign, kink.log) == (-1, pytest.approx(-0.693147, abs=5e-7))
    got = gradient("gelu", w=0.0, b=-0.7517915246935645, x=0.0, y=0.5)
    assert (got.sign, got.log) == (1, pytest.approx(-39.982390590149016, rel=1e-14))
    assert gradient(own("1e155+z"), 2, w=1.0, b=0.0, y=0.25).log == pytest.approx(357.593836594637, rel=1e-14)
    far = {
        "w": [-100, 4, 4, 1e-8, 2],
        "b": [-0.0099, -0.0147, 0.0076, -0.0199, -0.006],
        "x": -1e300,
        "y": 3.20000032e295,
    }
    assert gradient("elu", 5, **far, wrt="b3").log == pytest.approx(646.5801240285, abs=1e-6)


def test_a_second_derivative_far_out_has_a_value():
    got = gradient("gelu", w=1.0, z=-1e4, y=0.3, wrt=("b1", "b1"))
    # (φ')² + φ'' (φ - y), of which φ'' = n(z) (2 - z²) is what is left
    with mp.workdps(60):
        t = mp.mpf(-1e4)
        want = mp.log(mp.mpf(0.3) * (t * t - 2)) - t * t / 2 - mp.log(2 * mp.pi) / 2
        assert got.sign == 1
        assert abs(got.log - want) < 1e-14 * abs(want)


def test_a_zero_is_one_where_arithmetic_is_exact():
    third = own("Max(0,Min(1,(z+3)/6))")
    # z_2 = 3 · 2/3 + 1 is the kink itself, though 2/3 is in no ball alone
    assert gradient(third, 2, w=[1.0, 3.0], b=[0.5, 1.0], x=0.5, y=0.3).sign == 0
    assert gradient("relu", w=1.0, z=-1.0).sign == 0
    assert gradient("identity", 3, w=1.0, b=0.0, x=0.5, y=0.5).sign == 0
    assert gradient(own("z*exp(-z**2/2)"), w=1.0, z=1.0, y=0.3).sign == 0
    assert gradient("sigmoid", w=0.0, b=0.0, y=0.5).sign == 0


UNPROVED = {
    "a zero in disguise": (sympy.tanh(z) - sympy.sinh(z) / sympy.cosh(z), 1.0),
    "another": (sympy.sin(2 * z) - 2 * sympy.sin(z) * sympy.cos(z), 1.0),
    "a pole": (1 / z, 0.0),
}


@pytest.mark.parametrize("name", UNPROVED)
def test_what_cannot_be_proved_is_refused_with_the_reason_and_in_bounded_work(name):
    formula, point = UNPROVED[name]
    start = time.thread_time()
    with pytest.raises(BadValue, match="no finite value" if name == "a pole" else "slope 0 everywhere"):
        gradient(cd.Activation("own", formula), w=1.0, z=point, y=0.3)
    assert time.thread_time() - start < 15


def test_a_logarithm_beyond_float64_is_refused():
    with pytest.raises(BadValue, match="logarithm leaves float64"):
        gradient("gelu", w=1.0, z=-1e200, y=0.25)


def test_a_function_without_balls_is_refused_by_name():
    chain = cd.Chain(1, cd.Activation("own", z + sympy.beta(z, 2)))
    with pytest.raises(BadValue, match="beta"):
        cd.evaluate(chain, w=1.0, z=0.5, engine="mpmath")


def test_a_special_function_of_an_object_has_its_balls():
    chain = cd.Chain(1, cd.Activation("own", z + sympy.besselj(0, z)))
    slope = cd.derive(chain).at(w=1, z=0.5)[0]
    assert is_right(slope, 1 - mp.besselj(1, mp.mpf(0.5)))


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_a_chain_of_every_formula_is_right_against_differences_at_many_digits(name):
    case, rng = FORMULAS[name], random.Random(name)
    f = cd.Activation("own", case.formula)
    for _ in range(2):
        w, b, x, y = rng.choice([0.7, -1.3, 2.5]), rng.uniform(-2, 2), rng.uniform(-1, 1), rng.uniform(-1, 1)
        got = gradient(f, 3, w=w, b=b, x=x, y=y)
        with mp.workdps(150):

            def cost(h, w=w, b=b, x=x, y=y):
                a = mp.mpf(x)
                for layer in range(3):
                    a = case.phi(mp.mpf(w) * a + mp.mpf(b) + (h if layer == 0 else 0))
                return (a - mp.mpf(y)) ** 2 / 2

            h = mp.mpf(10) ** -40
            want = (cost(h) - cost(-h)) / (2 * h)
            assert (got.sign == 0 and want == 0) or is_right(got, want)


def test_every_activation_of_the_catalogue_is_right_at_three_hundred_layers():
    rng = random.Random(5)
    for name in sorted(plain.TERMS):
        w, b = [rng.choice([0.8, -1.1, 0.5]) for _ in range(300)], [rng.uniform(-0.5, 0.5) for _ in range(300)]
        got = gradient(name, 300, w=w, b=b, y=0.3)
        want = plain.correct(lambda: plain.gradient([name] * 300, "quadratic", w, b, 0.5, 0.3, "b1"))  # noqa: B023
        with mp.workdps(60):
            assert (got.sign == 0 and want == 0) or is_right(got, want)


def test_the_check_of_the_tails_sees_a_zero_that_was_believed_because_a_ball_holds_it(monkeypatch):
    monkeypatch.setattr(referee, "_proved", lambda value: value.is_finite())
    got = gradient("sigmoid", w=1.0, z=1000.0, y=1.0)
    with mp.workdps(1000), pytest.raises(AssertionError):
        is_right(got, -plain.sigmoid_prime(1000) * mp.exp(-1000) / (1 + mp.exp(-1000)))


def test_the_check_of_the_tails_sees_a_function_whose_ball_is_rounded_inwards(monkeypatch):
    right = FUNCTIONS[sympy.exp]
    monkeypatch.setitem(FUNCTIONS, sympy.exp, Rule(lambda u: right.ball(u) * (1 + 1e-14), right.wide))
    got = gradient(cd.Activation("own", sympy.exp(3 * z) + z / 7), w=1.0, z=0.5, y=0.25)
    with mp.workdps(60):
        t = mp.mpf(0.5)
        want = (3 * mp.exp(3 * t) + mp.mpf(1) / 7) * (mp.exp(3 * t) + t / 7 - mp.mpf(0.25))
        with pytest.raises(AssertionError):
            is_right(got, want)


# formulas whose slope at 0 is a limit that no term of it has: the limit, or None where that is infinite
SINGULAR = {
    "(cosh(z)-1)/z": Fraction(1, 2),
    "(exp(z**2)-1)/z": 1,
    "log(1+z**2)/z": 1,
    "(sqrt(1+z**2)-1)/z": Fraction(1, 2),
    "(1-cos(z))/z": Fraction(1, 2),
    "z*tanh(z)**2/z**2": 1,
    "sin(z)/z": 0,
    "z/(exp(z)-1)": Fraction(-1, 2),
    "z*log(z**2)": None,
}


@pytest.mark.parametrize("text", SINGULAR)
def test_0_times_what_has_no_value_is_not_0(text):
    formula = sympy.sympify(text, {"z": z})
    assert SINGULAR[text] is None or sympy.limit(sympy.diff(formula, z), z, 0) == SINGULAR[text]
    chain = cd.Chain(2, cd.Activation("m", formula))
    with pytest.raises(BadValue, match="no finite value"):
        cd.derive(chain).at(w=1, z=0, y=0.25)
    with pytest.raises(BadValue, match="no finite value"):
        cd.evaluate(chain, w=1.0, b=0.0, x=0.0, y=0.25)


@pytest.mark.parametrize(("text", "slope"), [("z*exp(z)", 1), ("z*tanh(z)", 0), ("z**2*cos(z)/(1+exp(z))", 0)])
def test_0_times_what_has_one_is(text, slope):
    value = cd.derive(cd.Chain(1, cd.Activation("m", sympy.sympify(text, {"z": z})))).at(w=1, z=0)[0]
    assert value.to_float() == slope


def test_decimals_are_the_fractions_that_they_are():
    one = sympy.Float(1.0)
    activation = cd.Activation("m", sympy.sqrt(one + sympy.exp(-one * z)) - one)
    phi = cd.derive(cd.Chain(2, activation)).at(w=1, z=4000, x=0.5, y=0)[-1]  # a_2 - 0 = φ(4000) = e^(-4000)/2 and less
    assert is_right(phi, mp.exp(-4000) / 2)


@pytest.mark.parametrize("formula", [cbrt(1 / z), z * cbrt(1 / z), cbrt(sympy.tanh(z) / z)], ids=str)
def test_a_cube_root_of_what_has_no_value_is_refused(formula):
    with pytest.raises(BadValue, match="no finite value"):
        cd.derive(cd.Chain(1, cd.Activation("m", formula))).at(w=1, z=0.0)
