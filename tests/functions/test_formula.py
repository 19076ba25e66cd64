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
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.functions.formula import LONGEST, Parser, parse_formula
from chainderiv.functions.formula_node import Fault
from chainderiv.functions.neurons.table import ROWS
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
    "relu(where(exp(z) > 2, z, -1))": lambda t: t if mp.exp(t) > 2 else mp.mpf(0),
    "relu(where(z > -1, z + 1, z))": lambda t: t + 1 if t > -1 else mp.mpf(0),
    "where(2*z <= 1, z, where(z < 3, 1/2, z - 2.5))": lambda t: (
        t if 2 * t <= 1 else mp.mpf("0.5") if t < 3 else t - mp.mpf("2.5")
    ),
    "where(1 >= z, z, 1)": lambda t: min(t, 1),
    "tanh ( z )\t": mp.tanh,
    "log10(100 + z**2)": lambda t: mp.log(100 + t * t) / mp.log(10),
    "cbrt(8*z)": lambda t: mp.sign(t) * 2 * mp.root(abs(t), 3),
    "asinh(z)/2": lambda t: mp.log(t + mp.sqrt(t * t + 1)) / 2,
    "sinc(z*pi)": lambda t: mp.sincpi(t),
    # as people type it
    "x*sigmoid(x)": lambda t: t / (1 + mp.exp(-t)),
    "z^2 - 2^-z": lambda t: t * t - 1 / mp.mpf(2) ** t,
    "max(0,z) + min(1,-z)": lambda t: max(0, t) + min(1, -t),
    "|z-1| + abs(z)": lambda t: abs(t - 1) + abs(t),
    "|z|*|z+1|": lambda t: abs(t) * abs(t + 1),
    "||z|-1|": lambda t: abs(abs(t) - 1),
    "2|z|": lambda t: 2 * abs(t),
    "|(2z)|": lambda t: 2 * abs(t),
    "e^z": mp.exp,
    "e**(-z)": lambda t: mp.exp(-t),
    "e^-z^2": lambda t: mp.exp(-t * t),
    "2e^z + e*z": lambda t: 2 * mp.exp(t) + mp.e * t,
    "2z": lambda t: 2 * t,
    "-2z^2": lambda t: -2 * t * t,
    "2(z+1)": lambda t: 2 * t + 2,
    "2exp(z)z": lambda t: 2 * t * mp.exp(t),
    "(z+1)(z-1)": lambda t: t * t - 1,
    "2\u03c0z/3": lambda t: 2 * mp.pi * t / 3,
    "1/2*3z": lambda t: 3 * t / 2,
    "1e3z": lambda t: 1000 * t,
    "\u03c3(z)\u00b7\u03a6(z)": lambda t: mp.ncdf(t) / (1 + mp.exp(-t)),
    "z\u00b3\u22122z\u00b2": lambda t: t**3 - 2 * t * t,
    "z \u00d7 3 \u00f7 4": lambda t: 3 * t / 4,
    "where(z \u2264 0, z, where(z \u2265 1, 1, z/2))": lambda t: t if t <= 0 else 1 if t >= 1 else t / 2,
    "relu(z)**2 + relu6(2z)": lambda t: max(t, 0) ** 2 + min(max(2 * t, 0), 6),
    "clip(z,0,6)/6 + clamp(z,-1,1)": lambda t: min(max(t, 0), 6) / 6 + min(max(t, -1), 1),
    "z*sign(z)": abs,
    "ln(1+z\u00b2) + log2(1+z^2) + log1p(z*z)": lambda t: mp.log(1 + t * t) * (2 + 1 / mp.log(2)),
    "tan(tanh(z))": lambda t: mp.tan(mp.tanh(t)),
    "maximum(0,z)+arctan(z)+arcsinh(z)": lambda t: max(0, t) + mp.atan(t) + mp.asinh(t),
    "square(z) + pow(z, 3) - expm1(z)": lambda t: t * t + t**3 - mp.expm1(t),
    "erfc(z) + sech(z)": lambda t: mp.erfc(t) + mp.sech(t),
    "np.maximum(0, z) + torch.sigmoid(z) + F.relu(z) + math.tanh(z)": lambda t: (
        2 * max(0, t) + 1 / (1 + mp.exp(-t)) + mp.tanh(t)
    ),
    "elu(z, 2)": lambda t: t if t > 0 else 2 * mp.expm1(t),
    "elu(2z, alpha=1/2)": lambda t: 2 * t if t > 0 else mp.expm1(2 * t) / 2,
    "celu(z, 2)": lambda t: t if t > 0 else 2 * mp.expm1(t / 2),
    "leaky_relu(z, 0.2) + prelu(z, weight=0.1)": lambda t: 2 * t if t > 0 else 3 * t / 10,
    "softplus(z, 2)": lambda t: mp.log1p(mp.exp(2 * t)) / 2,
    "hardtanh(z, -2, max_val=3)": lambda t: min(max(t, -2), 3),
    "softshrink(z, lambd=1)": lambda t: t - min(max(t, -1), 1),
    "snake(z, a=2) + squareplus(z, 1)": lambda t: t + mp.sin(2 * t) ** 2 / 2 + (t + mp.sqrt(t * t + 1)) / 2,
    "swish(z, 1.5) - SiLU(z)": lambda t: t / (1 + mp.exp(-3 * t / 2)) - t / (1 + mp.exp(-t)),
    "z*Tanh(z)*softsign(z)": lambda t: t * mp.tanh(t) * t / (1 + abs(t)),
    "quick_gelu(z) + gelu_tanh(z) + hard_swish(z)": lambda t: (
        t / (1 + mp.exp(-mp.mpf("1.702") * t))
        + t * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (t + mp.mpf("0.044715") * t**3))) / 2
        + t * min(max(t + 3, 0), 6) / 6
    ),
    # branches where two expressions meet
    "Max(0,z)+Min(0,2*(exp(z/2)-1))": lambda t: max(0, t) + min(0, 2 * mp.expm1(t / 2)),
    "max(0, exp(z)-2) + relu(tanh(z)-1/2)": lambda t: max(0, mp.exp(t) - 2) + max(0, mp.tanh(t) - mp.mpf(1) / 2),
    "|z^3-z| + |tanh(z)|": lambda t: abs(t**3 - t) + abs(mp.tanh(t)),
    "where(z^2 >= 2, z, 0) + where(exp(z) < 1, 1, z)": lambda t: (t if t * t >= 2 else 0) + (1 if t < 0 else t),
    "clip(z^3, -1, 8)": lambda t: min(max(t**3, -1), 8),
    "max(z, sin(z)) + min(z, z^3)": lambda t: max(t, mp.sin(t)) + min(t, t**3),
    "elu(sinh(z))/exp(|sinh(z)|)": lambda t: (mp.sinh(t) if t > 0 else mp.expm1(mp.sinh(t))) / mp.exp(abs(mp.sinh(t))),
    "gelu(2)z + sigmoid(0)z": lambda t: t * (2 * mp.ncdf(2) + mp.mpf(1) / 2),
}


NAMED = {"cbrt": lambda t: mp.sign(t) * mp.root(abs(t), 3), "normal_cdf": mp.ncdf}


def worst(formula, by_hand):
    """The largest |difference| over max(1, |value|) on a spread, at 60 digits."""
    read = lambdify(z, formula, modules=[NAMED, "mpmath"])
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
    ("z z", 3, "write 2*z"),
    ("1/2z", 4, "write 1/2*z or 1/(2*z)"),
    ("z/3(z+1)", 4, "write z/3*(z+1) or z/(3*(z+1))"),
    ("e^2z", 4, "write e**2*z or e**(2*z)"),
    ("z(1+z)", 1, "write z*(1 + z)"),
    ("x+z", 3, "two variables"),
    ("|z|z+1|", 4, "which bars belong together; write |z|*|z + 1|"),
    ("z if z > 0 else 0", 3, "write where(z > 0, z, 0)"),
    ("where(0 < z < 1, z, 0)", 13, "'<' joins two comparisons"),
    ("where(z > 0 | z < -1, z, 0)", 13, "joins two comparisons"),
    ("sin^2(z)", 1, "write sin(z)**2"),
    ("elu(z, z)", 1, "elu's alpha holds z"),
    ("elu(z, beta=2)", 1, "write elu(z, alpha=1)"),
    ("hardtanh(z, 1, -1)", 1, "the smaller first"),
    ("asin(z)", 1, "'asin' is no known function (known"),
    ("tanhh(z)", 1, "did you mean 'tanh'"),
    ("sigmiod(z)", 1, "did you mean 'sigmoid'"),
    ("1+Exp(z)", 3, "did you mean 'exp'"),
    ("X", 1, "did you mean 'x'"),
    ("1+cbrt(z**3)", 3, "cbrt branches on what is no polynomial of degree 1 or 2"),
    ("z+\u0430", 3, "CYRILLIC SMALL LETTER A"),
    ("\u03b2(z)", 1, "GREEK SMALL LETTER BETA is not read; give digits, letters from a to z, \u03c0, \u03c3"),
    ("\uff11+z", 1, "FULLWIDTH DIGIT ONE"),
    ("z*9**9**9", 4, "at most 100"),
    ("z/(2-2)", 2, "divides by 0"),
    ("(z", 3, "the end stands where ')' is wanted"),
    ("exp(z,z)", 1, "it takes one argument; write exp(z)"),
    ("((z**2)**2)**2", 12, "more than 2 powers"),
    ("where(z, 1, 2)", 8, "where(z > 0, z, 0)"),
    ("z*(z > 0)", 6, "only where does; write where(z > 0, z, 0)"),
    ("\\frac{1}{1+e^{-z}}", 1, "no LaTeX; write z/(1 + exp(-z))"),
    ("z-z", 1, "depends on z"),
])  # fmt: skip
def test_a_refusal_names_the_place_and_the_cure(text, at, said):
    with pytest.raises(BadValue) as caught:
        parse_formula(text)
    assert f"at character {at}:" in str(caught.value)
    assert said in str(caught.value)


def refusals(texts):
    """Each text's Fault."""
    for text in texts:
        try:
            Parser(text).whole()
        except Fault as fault:
            yield text, fault


MISTAKES = """z z|1/2z|z/2(z+1)|2**3z|z(1+z)|x(1+x)|e(z)|x+z|z if z > 0 else 0|where(0<z<1,z,0)|where(z>0 or z<1,z,0)|sin^2(z)
    tanh\u00b2(z)|where^2|max|clip|pow|elu(z,z)|elu(z,beta=2)|elu(z,2,3)|elu()|softplus(z,-1)|celu(z,0)|hardtanh(z,1,-1)
    clip(z,6,0)|clip(z)|pow(z)|square(z,z)|exp()|exp(z,z)|Max(z)|where(z,1,2)|where(z>0,1)|where(1>0,z,2)|where(not z>0,z,1)
    where(sin(z)>0,z,1)|z.func|[z]|{z}|z&z|z?1|\u221az|\\tanh(z)|z*(z>0)|z\u00b2\u00b2|y = z|z = 1|z > 0|z and z|hardtanh(z,min_val=-1,1)
    exp(z, base=2)|1e*z|2 3|(z)2|exp z|relu|gelu|where|lambda z|z|z""".replace("\n", "|").split("|")  # fmt: skip
BARS = ["|z|z+1|", "|z||z+1|", "|2|z||", "|z", "z|", "||", "where(z>0|z<-1,z,0)", "|z|(z)"]


def test_what_a_refusal_says_to_write_can_be_read():
    told = list(refusals(t.strip() for t in (*MISTAKES, *BARS, *HOSTILE)))
    examples = {example for _, fault in told for example in fault.instead}
    assert len(examples) > 35
    for example in examples:
        parse_formula(example)
    # nothing is told beside them that would have to be read
    for text, fault in told:
        assert bool(re.search("; write (?!it |the |0 or 1)", str(fault))) == bool(fault.instead), text
        assert "..." not in str(fault), text


def test_a_product_that_has_two_readings_is_told_with_both():
    for text, one, other in (("1/2z", z / 2, 1 / (2 * z)), ("z/4(z+1)", z / 4 * (z + 1), z / (4 * (z + 1)))):
        ((_, fault),) = refusals([text])
        assert [parse_formula(example) for example in fault.instead] == [one, other]


def test_every_name_of_the_catalogue_is_a_function_and_with_its_defaults_the_catalogue_s_formula():
    for name, row in ROWS.items():
        for called in (name, name.upper(), *row.aliases):
            assert parse_formula(f"{called}(z)") == ACTIVATIONS[name].formula, called
        stated = ", ".join(f"{p.word}={p.default}" for p in row.parameters)
        if stated:
            assert parse_formula(f"{name}(z, {stated})") == ACTIVATIONS[name].formula
            assert parse_formula(f"{name}(z, {stated.replace('=', '=0.625+')})") != ACTIVATIONS[name].formula


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
