"""The reader of formulas: what it reads it reads right, and what it does not know it refuses and never runs."""

import builtins
import math
import re
import sys
from contextlib import contextmanager

import mpmath as mp
import pytest
import sympy
from hypothesis import given, settings, strategies as st
from sympy.utilities.lambdify import lambdify

from chainderiv.errors import BadValue
from chainderiv.functions import formula_node
from chainderiv.functions.formula import LONGEST, parse_formula
from chainderiv.symbols import z
from tests.functions.hostile import HOSTILE

# read by our parser on the left, written by hand on the right
READ = {
    "z/(1+exp(-1.5*z))": lambda t: t / (1 + mp.exp(-mp.mpf(3) / 2 * t)),
    "2*z - 3*z/4": lambda t: t * (2 - mp.mpf(3) / 4),
    "-z**2": lambda t: -(t * t),
    "(-z)**2": lambda t: t * t,
    "2**-z": lambda t: 1 / mp.mpf(2) ** t,
    "2**-z**2": lambda t: 1 / mp.mpf(2) ** (t * t),
    "z**2**2": lambda t: t**4,
    "-2*z": lambda t: -2 * t,
    "z - -1": lambda t: t + 1,
    "1 - 2 - z": lambda t: -1 - t,
    "8/2/2*z": lambda t: 2 * t,
    ".5e1*z + 1.25E-1": lambda t: 5 * t + mp.mpf("0.125"),
    "0.1*z": lambda t: t / 10,
    "sqrt(1 + z**2) - 1": lambda t: mp.sqrt(1 + t * t) - 1,
    "sqrt(2/pi)*z": lambda t: mp.sqrt(2 / mp.pi) * t,
    "log(cosh(z))": lambda t: mp.log(mp.cosh(t)),
    "sinh(z)/(1+cosh(z))": lambda t: mp.tanh(t / 2),
    "atan(sinh(z))": lambda t: 2 * mp.atan(mp.tanh(t / 2)),
    "z*(1+erf(z/sqrt(2)))/2": lambda t: t * mp.ncdf(t),
    "z + sin(z)**2": lambda t: t + mp.sin(t) ** 2,
    "z*cos(3*z)": lambda t: t * mp.cos(3 * t),
    "Max(0, z)**2": lambda t: t * t if t > 0 else 0,
    "Min(1, Max(0, z/6 + 1/2))": lambda t: min(1, max(0, t / 6 + mp.mpf(1) / 2)),
    "Max(z, 0, z - 3)": lambda t: max(t, 0),
    "Abs(z)*Heaviside(z - 1)": lambda t: abs(t) if t > 1 else 0,
    "where(z > 0, z, exp(z) - 1)": lambda t: t if t > 0 else mp.expm1(t),
    "where(2*z <= 1, z, where(z < 3, 1/2, z - 2.5))": lambda t: (
        t if 2 * t <= 1 else mp.mpf("0.5") if t < 3 else t - mp.mpf("2.5")
    ),
    "where(1 >= z, z, 1)": lambda t: min(t, 1),
    "tanh ( z )\t": mp.tanh,
    "log10(100 + z**2)": lambda t: mp.log(100 + t * t) / mp.log(10),
    "cbrt(8*z)": lambda t: mp.sign(t) * 2 * mp.root(abs(t), 3),
    "asinh(z)/2": lambda t: mp.log(t + mp.sqrt(t * t + 1)) / 2,
    "sinc(z*pi)": lambda t: mp.sincpi(t),
}


def worst(formula, by_hand):
    """The largest |difference| over max(1, |value|) on a spread, at 60 digits."""
    read = lambdify(z, formula, modules=[{"cbrt": lambda t: mp.sign(t) * mp.root(abs(t), 3)}, "mpmath"])
    with mp.workdps(60):
        points = [mp.mpf(k) / 7 - mp.mpf("3.01") for k in range(43)]
        return max(abs(read(t) - by_hand(t)) / max(1, abs(by_hand(t))) for t in points)


@pytest.mark.parametrize("text", READ)
def test_a_formula_means_what_it_says(text):
    assert worst(parse_formula(text), READ[text]) < mp.mpf(10) ** -50


@pytest.mark.parametrize("text", READ)
def test_a_formula_off_by_a_billionth_would_be_seen(text):
    wrong = parse_formula(text) + sympy.Rational(1, 10**9)
    assert worst(wrong, READ[text]) > mp.mpf(10) ** -11


def test_numbers_are_exact():
    assert parse_formula("0.1*z") == z / 10
    assert parse_formula("1.5e-3*z") == z * sympy.Rational(3, 2000)


def test_the_hostile_texts_are_two_hundred_and_distinct():
    assert len(set(HOSTILE)) == len(HOSTILE)
    assert len(HOSTILE) >= 200


@contextmanager
def tripwires():
    """Whatever could run a text raises; modules that are loaded already may be imported."""

    def tripped(*arguments, **_):
        raise AssertionError(f"run: {arguments!r}")

    load = builtins.__import__

    def only_loaded(name, names=None, local=None, wanted=(), level=0):
        if level == 0 and name.partition(".")[0] not in sys.modules:
            tripped(name)
        return load(name, names, local, wanted, level)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sympy, "sympify", tripped)
        patch.setattr("sympy.parsing.sympy_parser.parse_expr", tripped)
        for name in ("eval", "exec", "compile", "open"):
            patch.setattr(builtins, name, tripped)
        patch.setattr(builtins, "__import__", only_loaded)
        yield


def read_or_refused(text):
    """What the parser makes of a text, or its refusal."""
    with tripwires():
        try:
            return parse_formula(text)
        except BadValue as e:
            return str(e)


def test_every_hostile_text_is_refused_in_one_line_and_none_is_run():
    for text in READ:  # what SymPy itself loads on first use
        parse_formula(text)
    for text in HOSTILE:
        said = read_or_refused(text)
        assert isinstance(said, str), (text, said)
        assert said.isprintable(), ascii(said)
        assert len(said) < 350
        assert re.search("; |wanted|known: ", said), said  # what is wrong, and what to do


def test_the_tripwires_are_there():
    for attempt in (
        lambda: eval("1"),
        lambda: sympy.sympify("z"),
        lambda: builtins.open.__call__("x"),
        lambda: __import__("antigravity"),
    ):
        with tripwires(), pytest.raises(AssertionError, match="run:"):
            attempt()


@pytest.mark.parametrize(("text", "at", "said"), [
    ("2z", 2, "write 2*z"),
    ("z^2", 2, "write ** for a power"),
    ("1+Exp(z)", 3, "did you mean 'exp'"),
    ("x", 1, "did you mean 'z'"),
    ("ln(z)", 1, "did you mean 'log'"),
    ("1+cbrt(z**3)", 3, "cbrt branches on what is no polynomial of degree 1 or 2"),
    ("z+\u0430", 3, "CYRILLIC SMALL LETTER A"),
    ("\uff11+z", 1, "FULLWIDTH DIGIT ONE"),
    ("z*9**9**9", 4, "at most 100"),
    ("z/(2-2)", 2, "divides by 0"),
    ("(z", 3, "the end stands where ')' is wanted"),
    ("exp(z,z)", 1, "it takes one argument"),
    ("((z**2)**2)**2", 12, "more than 2 powers"),
    ("where(z, 1, 2)", 8, "where(z > 0, a, b)"),
    ("z-z", 1, "depends on z"),
])  # fmt: skip
def test_a_refusal_names_the_place_and_the_cure(text, at, said):
    with pytest.raises(BadValue) as caught:
        parse_formula(text)
    assert f"at character {at}:" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("given", [None, 3, z, b"z", ["z"]])
def test_what_is_no_text_is_refused(given):
    with pytest.raises(BadValue, match="give a text"):
        parse_formula(given)


def test_no_exact_number_is_built_that_float64_could_not_hold(monkeypatch):
    """Every constant is computed in float64 first; SymPy never sees one that would be long."""
    longest = 0
    power = sympy.Integer.__pow__

    def counted(base, exponent):
        nonlocal longest
        result = power(base, exponent)
        longest = max(longest, getattr(result, "p", 1).bit_length())
        return result

    monkeypatch.setattr(sympy.Integer, "__pow__", counted)
    for text in HOSTILE:
        with pytest.raises(BadValue):
            parse_formula(text)
    assert longest <= formula_node.MOST_BITS


def trees():
    leaves = st.sampled_from(["z", "2", "0.5", "1.25", "pi"])

    def grown(inner):
        pairs = st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})")
        calls = st.tuples(st.sampled_from(["tanh", "atan", "sin", "erf"]), inner).map(lambda t: f"{t[0]}({t[1]})")
        return st.one_of(pairs, calls, inner.map(lambda t: f"(-{t})"))

    return st.recursive(leaves, grown, max_leaves=8)


def parsed(text):
    """The refusal or '', and the expression or None."""
    try:
        return "", parse_formula(text)
    except BadValue as e:
        return str(e), None


def by_python(text, t):
    """The same text evaluated by Python's own rules, which for these trees are ours."""
    return eval(text, {"z": t, "pi": math.pi, "tanh": math.tanh, "atan": math.atan, "sin": math.sin, "erf": math.erf})


def test_random_formulas_are_read_as_python_reads_them():
    judged = []

    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(trees())
    def one(text):
        refusal, formula = parsed(text)
        if refusal:
            assert "depends on z" in refusal
            return
        read = lambdify(z, formula, modules="math")
        for t in (-1.3, 0.4, 2.2):
            assert read(t) == pytest.approx(by_python(text, t), rel=1e-12, abs=1e-12)
        judged.append(text)

    one()
    assert len(judged) > 30


def test_any_text_is_a_formula_in_z_or_refused():
    read, refused = [], []

    @settings(max_examples=400, deadline=None, derandomize=True)
    @given(
        st.text(st.sampled_from("z012.()+-*/,<>=eExplogsqrtMaxwhere \u0430_'\"[]{}^"), max_size=40)
        | st.text(max_size=30)
        | st.lists(st.sampled_from(["z", "2", "0.5", "+", "-", "*", "/", "(z)", "exp(z)", ","]), max_size=5).map(
            "".join
        )
    )
    def one(text):
        refusal, made = parsed(text)
        assert "\n" not in refusal
        assert refusal or (isinstance(made, sympy.Expr) and made.free_symbols == {z})
        (refused if refusal else read).append(text)

    one()
    assert len(refused) > 100
    assert len(read) > 3


def test_the_longest_text_is_read_and_one_character_more_is_not():
    text = "z" + "+z" * ((LONGEST - 1) // 2)
    assert parse_formula(text) == (1 + (LONGEST - 1) // 2) * z
    with pytest.raises(BadValue, match="at most"):
        parse_formula(text + " " * (LONGEST + 1 - len(text)))
