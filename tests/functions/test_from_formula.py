"""A neuron from a text goes the whole way: derivative, kinks, parity, rounding, chain, map, verification."""

import re

import mpmath as mp
import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.compiling.arrays import array_functions
from chainderiv.errors import BadValue
from chainderiv.functions.domain import gap
from chainderiv.symbols import z
from tests import plain
from tests.helpers import assert_same
from tests.kinds import slow
from tests.steps import counted

SWISH = "z/(1+exp(-1.5*z))"


def sigma(t):
    return plain.sigmoid(t)


# whose stable forms take a second to find
AWKWARD = ("log(cosh(z))", "z*(1+erf(z/sqrt(2)))/2", "atan(sinh(z))", "sinc(z-2)+z/3")
# text: kinks, parity, φ, φ' by hand
FORMULAS = {
    SWISH: ((), None, lambda t: t * sigma(1.5 * t), lambda t: sigma(1.5 * t) + 1.5 * t * plain.sigmoid_prime(1.5 * t)),
    "exp(-z**2)": ((), "even", lambda t: mp.exp(-t * t), lambda t: -2 * t * mp.exp(-t * t)),
    "z/sqrt(1+z**2)": ((), "odd", lambda t: t / mp.sqrt(1 + t * t), lambda t: (1 + t * t) ** mp.mpf("-1.5")),
    "Max(0,z)**2": ((), None, lambda t: max(t, 0) ** 2, lambda t: 2 * max(t, 0)),
    "Max(0,z)": ((0,), None, lambda t: max(t, 0), lambda t: mp.mpf(t > 0)),
    "Abs(z)": ((0,), "even", abs, mp.sign),
    "Min(1,Max(-1,z))": ((-1, 1), "odd", lambda t: min(1, max(-1, t)), lambda t: mp.mpf(abs(t) < 1)),
    "where(z > 1, z, z**2)": ((1,), None, lambda t: t if t > 1 else t * t, lambda t: mp.mpf(1) if t > 1 else 2 * t),
    "z + sin(z)**2": ((), None, lambda t: t + mp.sin(t) ** 2, lambda t: 1 + mp.sin(2 * t)),
    "log(cosh(z))": ((), "even", lambda t: mp.log(mp.cosh(t)), mp.tanh),
    "(sqrt(z**2+1)-1)/2+z": ((), None, lambda t: (mp.sqrt(t * t + 1) - 1) / 2 + t, lambda t: t / mp.sqrt(t * t + 1) / 2 + 1),
    "z*(1+erf(z/sqrt(2)))/2": ((), None, lambda t: t * mp.ncdf(t), lambda t: mp.ncdf(t) + t * plain.density(t)),
    "atan(sinh(z))": ((), "odd", lambda t: mp.atan(mp.sinh(t)), lambda t: 1 / mp.cosh(t)),
    "cbrt(z)": ((0,), "odd", lambda t: mp.sign(t) * mp.cbrt(abs(t)), lambda t: 1 / (3 * mp.cbrt(t * t))),
    "z/2+cbrt(z-1)": ((1,), None, lambda t: t / 2 + mp.sign(t - 1) * mp.cbrt(abs(t - 1)),
                      lambda t: mp.mpf("0.5") + 1 / (3 * mp.cbrt((t - 1) ** 2))),
    "asinh(z)": ((), "odd", mp.asinh, lambda t: 1 / mp.sqrt(1 + t * t)),
    "sinc(z)": ((), "even", mp.sinc, lambda t: mp.cos(t) / t - mp.sin(t) / t**2),
    "sinc(z-2)+z/3": ((), None, lambda t: mp.sinc(t - 2) + t / 3,
                      lambda t: mp.cos(t - 2) / (t - 2) - mp.sin(t - 2) / (t - 2) ** 2 + mp.mpf(1) / 3),
    "log10(1+z**2)": ((), "even", lambda t: mp.log10(1 + t * t), lambda t: 2 * t / (1 + t * t) / mp.log(10)),
    "2/(1+exp(-z))-1": ((), "odd", lambda t: mp.tanh(t / 2), lambda t: 1 / mp.cosh(t / 2) ** 2 / 2),
}  # fmt: skip


@pytest.mark.parametrize("text", [slow(text) if text in AWKWARD else text for text in FORMULAS])
def test_kinks_and_parity_follow_from_the_text(text):
    f = cd.Activation.from_formula("mine", text)
    kinks, parity = FORMULAS[text][:2]
    assert tuple(f.kinks) == kinks
    assert f.parity == parity


@pytest.mark.parametrize("text", [slow(text) if text in AWKWARD else text for text in FORMULAS])
def test_its_gradient_is_the_hand_written_one(text, monkeypatch):
    _, _, phi, prime = FORMULAS[text]
    monkeypatch.setitem(plain.PHI, "mine", phi)
    monkeypatch.setitem(plain.TERMS, "mine", lambda t: [mp.mpf(prime(t))])
    chain = cd.Chain(3, cd.Activation.from_formula("mine", text))
    rng = np.random.default_rng(4)
    for _ in range(5):
        w, zs = rng.normal(0, 1, 3), rng.normal(0, 1.2, 3)
        with mp.workdps(50):
            b, a = [], mp.mpf(0.5)
            for weight, free in zip(w, zs, strict=True):
                b.append(float(free - weight * a))
                a = phi(mp.mpf(weight) * a + mp.mpf(b[-1]))
            right = plain.gradient(["mine"] * 3, "quadratic", w, b, 0.5, 0.3, "b1")
            right = cd.LogSign(float(mp.sign(right)), float(mp.log(abs(right))) if right else -np.inf)
        k = cd.condition(chain, w, b, y=0.3)
        assert_same(cd.evaluate(chain, w, b, y=0.3), right, k if right.sign else 0)


@pytest.mark.parametrize("text", [*list(FORMULAS)[:6], *map(slow, list(FORMULAS)[6:])])
def test_it_is_verified_and_a_planted_error_is_found(text):
    chain = cd.Chain(3, cd.Activation.from_formula("mine", text))
    assert cd.verify(chain, points=10).passed
    d = cd.derive(chain, "b1")
    assert not cd.verify(chain, d.replace(2, 1.001 * d.factors[2]), points=10).passed


def test_a_map_of_it_is_defined_where_its_plain_form_would_be_lost():
    """silu's own formula with another rate: the plain derivative overflows inside, the found one does not."""
    plainly = cd.Activation("mine", z / (1 + sympy.exp(-2 * z)))
    found = cd.Activation.from_formula("mine", "z/(1+exp(-2*z))")
    axes = {"w": cd.Axis(-12, 12, 31), "b": cd.Axis(-400, 400, 31)}
    lost = [np.isnan(cd.sweep(cd.Chain(3, f), **axes).log_abs).mean() for f in (plainly, found)]
    assert lost[0] > 0.2
    assert lost[1] < 0.01


def test_a_form_that_was_found_is_not_vouched_for_and_its_rounding_is_counted():
    f = cd.Activation.from_formula("mine", SWISH)
    assert f.found
    assert not f.vouched
    assert f.log_derivative_rounding is not None
    assert cd.Activation("mine", f.formula, stable=f.stable).log_derivative_rounding is None


NOT_REAL = ["log(z)", "sqrt(z)", "z**0.5", "1/z*0+log(z-5)", "log10(z)", "z*log10(1+z)", "log(z+30)", "sqrt(4-z)", "z**1.5",
            "where(z>0,log(z-1),z)", "log(z**2-9)+z", "tanh(sqrt(1+z))"]  # fmt: skip
POLES = {"tan(z)": "1.5708", "tan(z/100)": "157.08", "1/z": "0", "1/(z-1)**2": "1", "1/(z**2-2z+1)": "1", "1/(3z-1)": "0.333333",
         "1/(1+cos(z))": "3.14159", "log(z**2)": "0", "log(abs(z))": "0", "1/cbrt(z)": "0", "exp(1/z)": "0", "z + 1/(exp(z)-1)": "0",
         "where(z>0,1/z,0)": "0", "tan(exp(z))": "0.451583", "1/(z-97.1)": "97.1"}  # fmt: skip
NO_POLES = ["tan(tanh(z))", "sin(z)/z", "z/(exp(z)-1)", "exp(-1/z**2)", "where(z>1,log(z)+1,z)", "where(z>0,z**1.5,0)", "1/(1-tanh(z))",
            "1/(2+sin(z))", "z*log(abs(z))", "asinh(z)/z", "1/(1+z**2)"]  # fmt: skip


@pytest.mark.parametrize("text", NOT_REAL)
def test_a_formula_that_is_not_real_everywhere_is_refused_and_told_where(text):
    with pytest.raises(
        BadValue, match=r"is no neuron: .* is not real at z = .*; give a formula that is real"
    ) as caught:
        cd.Activation.from_formula("mine", text)
    at = float(str(caught.value).rpartition("z = ")[2].partition(";")[0])
    value = sympy.N(cd.parse_formula(text).subs(z, sympy.Float(at, 30)))
    assert not value.is_real


@pytest.mark.parametrize("text", POLES)
def test_a_formula_that_grows_beyond_any_number_at_some_z_is_refused_and_told_where(text):
    with pytest.raises(BadValue, match=rf"grows beyond any number at z = -?{re.escape(POLES[text])};"):
        cd.Activation.from_formula("mine", text)


@pytest.mark.parametrize("text", [*NO_POLES, *FORMULAS])
def test_what_is_removable_or_holds_only_in_another_branch_is_no_gap(text):
    assert gap(cd.parse_formula(text)) is None


def test_a_tower_of_exponentials_is_told_in_words():
    with pytest.raises(BadValue, match="beyond every number that can be computed.*fewer exponentials"):
        cd.Activation.from_formula("mine", "exp(exp(exp(exp(z))))")


@pytest.mark.parametrize("text", ["sign(z)", "Heaviside(z) - sign(z)", "sign(z)**2 + sign(z-1)"])
def test_a_step_alone_has_no_slope_and_is_refused_for_that(text):
    with pytest.raises(BadValue, match="has the slope 0 everywhere"):
        cd.Activation.from_formula("mine", text)


def test_the_name_is_checked_as_ever():
    with pytest.raises(BadValue, match="give a word"):
        cd.Activation.from_formula(" ", "z")


@pytest.mark.parametrize("text", ["log(1+exp(1.702000100*z))", "z/(1+exp(-1.7020001*z))"])
def test_an_awkward_rate_does_not_hang(text):
    """A rate of many digits makes exp(1.7020001 z) a power of a hundred thousand to whoever factors it."""
    assert cd.verify(cd.Chain(2, cd.Activation.from_formula("mine", text)), points=4).passed


def test_a_formula_without_any_slope_is_refused():
    with pytest.raises(BadValue, match="slope 0 everywhere"):
        cd.Activation.from_formula("mine", "Heaviside(z)")


def test_the_referee_is_not_fooled_by_terms_that_are_lost_at_both_precisions():
    """At z = 410.5 the factor 1 - σ is 0 at 60 and at 120 digits, and what stands beside it is not."""
    f = cd.Activation("mine", 1 / (1 + sympy.exp(-z)) * (1 - 1 / (1 + sympy.exp(-z))) * (2 + z))
    got = cd.evaluate(cd.Chain(1, f), 1.0, z=410.5, y=3.0, engine="mpmath")
    with mp.workdps(2000):
        t = mp.mpf(410.5)
        right = mp.diff(lambda u: plain.sigmoid_prime(u) * (2 + u), t) * (plain.sigmoid_prime(t) * (2 + t) - 3)
    assert got.sign == mp.sign(right)
    assert got.log == pytest.approx(float(mp.log(abs(right))), rel=1e-14)


@pytest.mark.parametrize("text", ["tanh(z)-sinh(z)/cosh(z)", "sin(2*z)-2*sin(z)*cos(z)", "cosh(z)**2-sinh(z)**2"])
def test_a_constant_in_disguise_is_refused_at_once(text):
    with counted() as steps, pytest.raises(BadValue, match="has the slope 0 everywhere"):
        cd.Activation.from_formula("mine", text)
    assert steps.calls < 1_000_000  # fewer than it takes to find the forms of one that is taken


@pytest.mark.parametrize("text", ["Max(0,z-100)", "exp(-1e6*(1+z**2))", "tanh(1e4*(1+z**2))", "where(z>50,z,0)"])
def test_a_slope_that_is_0_or_tiny_where_it_is_looked_at_is_no_constant(text):
    assert cd.Activation.from_formula("mine", text).derivative != 0


@pytest.mark.parametrize(
    ("text", "lower", "upper"),
    [slow(("erf(300+z)", -1, 1)), ("pi*erf(z-2)", -sympy.pi, sympy.pi),
     slow(("tanh(3)+tanh(z)", sympy.tanh(3) - 1, sympy.tanh(3) + 1)), ("tanh(1e4*(1+z**2))", None, 1),
     slow(("1/(1+exp(-(z-30)))", 0, 1))],
)  # fmt: skip
def test_limits_are_exact_although_sympy_has_no_name_for_what_adds_up_to_them(text, lower, upper):
    f = cd.Activation.from_formula("mine", text)
    assert (f.lower, f.upper) == (lower, upper)
    got, right = (cd.evaluate(cd.Chain(3, f), w=1.0, b=0.3, engine=engine) for engine in ("numpy", "mpmath"))
    assert got.sign == right.sign
    assert got.log == pytest.approx(right.log, rel=1e-14)


def test_what_nests_too_deep_is_refused_in_words():
    def horner(count):
        p = sympy.Integer(1)
        for k in range(count):
            p = 1 + z * p / (2 + k % 2)
        return sympy.log(1 + p**2)

    with counted() as steps, pytest.raises(BadValue, match="143 operations within one another.*at most 64"):
        cd.evaluate(cd.Chain(3, cd.Activation("mine", horner(70))), 0.7, 0.1)
    assert steps.calls < 50_000_000
    assert np.isfinite(cd.evaluate(cd.Chain(3, cd.Activation("mine", horner(15))), 0.7, 0.1).log)


def test_a_sum_that_cancels_against_a_root_is_found_by_its_conjugate():
    f = cd.Activation.from_formula("mine", "0.5*(z+sqrt(z**2+4))")
    at = -1e6
    with mp.workdps(60):
        root = mp.sqrt(mp.mpf(at) ** 2 + 4)
        value, slope = (at + root) / 2, (1 + at / root) / 2
    functions = array_functions(f)
    assert float(functions.value(at)) == pytest.approx(float(value), rel=1e-14)
    assert float(functions.derivative(at)) == pytest.approx(float(slope), rel=1e-14)


@pytest.mark.parametrize("text", ["pi*z", "z*pi", "pi*z+1", "exp(1)*z", "pi*Abs(z)", "where(z>0,pi*z,z)"])
def test_a_slope_that_is_a_number_with_a_name_is_real(text):
    slope = float(np.exp(1)) if "exp" in text else float(np.pi)
    got = cd.evaluate(cd.Chain(2, cd.Activation.from_formula("mine", text)), w=1.0, b=0.5, wrt="b2", y=0.0)
    a = slope * (slope * 1.0 + (1 if "+" in text else 0) + 0.5) + (1 if "+" in text else 0)
    assert got.to_float() == pytest.approx(a * slope, rel=1e-14)


@pytest.mark.parametrize("text", [slow("log(1+exp(2*z-900))"), slow("log(1+exp(3*z-301))"), "log(1+exp(150*z))/150"])
def test_a_large_whole_number_beside_an_exponential_is_no_power_of_it(text):
    with counted() as steps:
        chain = cd.Chain(3, cd.Activation.from_formula("mine", text))
        got, right = (cd.evaluate(chain, w=1.0, b=0.3, engine=engine) for engine in ("numpy", "mpmath"))
    assert steps.calls < 40_000_000
    assert got.log == pytest.approx(right.log, rel=1e-13)


@pytest.mark.parametrize(
    ("text", "kinks"),
    [("min(z,1/1000)", (0.001,)), ("min(max(z,-123),0.017)", (-123, 0.017)), ("max(z,1.234*z)", (0,))],
)
def test_an_awkward_number_may_stand_in_a_min_or_max(text, kinks):
    phi = cd.Activation.from_formula("f", text)
    assert [float(p) for p in phi.kinks] == pytest.approx(list(kinks), rel=1e-15)
    at = np.array([-200.0, -1.0, 0.01, 5.0])
    want = {"min(z,1/1000)": np.minimum(at, 1 / 1000), "max(z,1.234*z)": np.maximum(at, 1.234 * at)}
    got = array_functions(phi).value(at)
    assert got.tolist() == pytest.approx(want.get(text, np.minimum(np.maximum(at, -123), 0.017)).tolist(), rel=1e-15)
