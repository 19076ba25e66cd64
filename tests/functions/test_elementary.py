"""One row per elementary function: every column is right, and what a row lacks is a decision that stands here."""

import math
from importlib import import_module
from itertools import product
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.compiling.arrays import array_functions, compiled
from chainderiv.compiling.emit import NotCompilable
from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.elementary import BY_HEAD, ROWS, Elementary, spelled_out
from chainderiv.functions.formula import parse_formula
from chainderiv.functions.heads import cbrt, closed, log10, sinc, spherical
from chainderiv.functions.intervals import FUNCTIONS as INTERVALS
from chainderiv.functions.precise import precise
from chainderiv.nn.compiled.neurons import hidden_function
from chainderiv.numeric.compiled.source import is_compilable
from chainderiv.symbolic.programs.dialect import GLSL, JAVASCRIPT, C
from chainderiv.symbolic.programs.dialect_functions import HELPERS
from chainderiv.symbols import z
from tests.compiling.test_vectormath import ELEMENTARY
from tests.kinds import costly, slow

NAMES = {row.name: row for row in ROWS}
# column: the rows that lack it. A new row shows up here until each of its holes is stated.
LACKS = {
    # no head of what a formula may call: other forms of what it may, and what is not real everywhere
    "word": "log1p expm1 coth sech csch acosh atanh erfc erfcx spherical asin acos floor ceiling",
    # in float64: mpmath's value, rounded
    "plain": "coth sech csch acosh atanh erfcx spherical asin acos floor ceiling",
    # for exact arguments: what bounds and rewriting know, or do without
    "words": "exp log sqrt cbrt asinh acosh atanh atan erf erfcx sin cos tan asin acos floor ceiling sign Abs Max Min "
    "Heaviside",
    # NumPy: SymPy's own printers write those without a spelling
    "numpy": "sqrt coth sech csch sinc spherical floor ceiling sign Abs Max Min Heaviside",
    # machine code: a spelling, a rule of compiling.emit (Max, Min), a branch (Heaviside), or a refusal
    "machine": "log10 coth sech csch acosh atanh sinc spherical asin acos floor ceiling Max Min Heaviside",
    # programs: a spelling, a rule of the printer (Heaviside), or a refusal
    "c": "coth sech csch sinc spherical Heaviside",
    "javascript": "coth sech csch sinc spherical Heaviside",
    "glsl": "log10 cbrt coth sech csch sinc spherical Heaviside",
    # intervals: a power has its own rule
    "intervals": "sqrt",
}
SPELLED = {"log10", "cbrt", "sinc", "spherical"}
# where every function is looked at: within its domain
DOMAINS = {"log": (0.01, 9), "log10": (0.01, 9), "log1p": (-0.99, 9), "sqrt": (0.01, 9), "acosh": (1.01, 9),
           "atanh": (-0.99, 0.99), "asin": (-0.99, 0.99), "acos": (-0.99, 0.99), "csch": (0.1, 5), "coth": (0.1, 5),
           "tan": (-1.5, 1.5), "erfcx": (-5, 30)}  # fmt: skip
ALONE = [row for row in ROWS if row.count == 1 or row.head is spherical]


def of(row, argument=z):
    return spherical(2, argument) if row.head is spherical else row.head(argument)


def spread(row):
    low, high = DOMAINS.get(row.name, (-7, 7))
    return [float(t) for t in np.linspace(low, high, 41) + 1e-3 * (high - low) / 7]


def worst(function, expression, points):
    """The largest relative error of a function against an expression at 60 digits, relative to 1 where that is less."""
    with mp.workdps(60):
        read = precise(expression, z)
        pairs = [(function(t), read(mp.mpf(t))) for t in points]
        return float(max(abs(mp.mpf(got) - want) / max(1, abs(want)) for got, want in pairs))


def lacking(column, rows=ROWS):
    found = {"intervals": lambda row: row.head in INTERVALS}
    found |= {name: lambda row, name=name: getattr(row.programs, name) for name in ("c", "javascript", "glsl")}
    has = found.get(column, lambda row: getattr(row, column))
    return {row.name for row in rows if not has(row)}


@pytest.mark.parametrize("column", LACKS)
def test_what_a_row_lacks_is_stated(column):
    assert lacking(column) == set(LACKS[column].split())


def test_a_new_row_s_holes_are_seen_in_every_column():
    bare = Elementary(sympy.polylog)
    assert all(lacking(column, [*ROWS, bare]) - lacking(column) == {"polylog"} for column in LACKS)


def test_a_row_s_spelling_stands_in_where_it_is_lacking():
    assert {row.name for row in ROWS if row.spelled is not None} == SPELLED
    for dialect in (C, JAVASCRIPT, GLSL):
        lack = [row.head for row in ROWS if row.name in SPELLED - dialect.functions.keys()]
        whole = sympy.Add(*map(of, (NAMES[name] for name in SPELLED)))
        assert not spelled_out(whole, lambda row, known=dialect.functions: row.name not in known).has(*lack)


def test_a_head_and_a_word_stand_in_one_row():
    assert len(BY_HEAD) == len(NAMES) == len(ROWS)
    words = [word for row in ROWS for word in (row.word, *row.aliases) if word]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("row", [r for r in ALONE if r.plain is not None], ids=lambda r: r.name)
def test_the_plain_value_is_mpmath_s(row):
    assert worst(row.plain, of(row), spread(row)) < 4e-16
    assert worst(lambda t: row.plain(t) + 1e-12, of(row), spread(row)) > 4e-13  # an error that would be seen


@pytest.mark.parametrize("row", [r for r in ALONE if r.words or r.spelled], ids=lambda r: r.name)
def test_the_words_and_the_spelling_are_the_function_itself(row):
    assert row.words is not None or row.spelled is not None
    for said in (row.words, row.spelled):
        if said is not None:
            form = said(2, z) if row.head is spherical else said(z)
            assert worst(precise(form, z), of(row), [mp.mpf(t) for t in spread(row)]) < 1e-16
            assert worst(precise(form + sympy.Rational(1, 10**9), z), of(row), spread(row)) > 1e-11


@pytest.mark.parametrize("row", [r for r in ALONE if r.numpy or r.spelled], ids=lambda r: r.name)
def test_numpy_s_value_is_mpmath_s(row):
    if row.numpy:
        module, _, name = row.numpy.rpartition(".")
        assert callable(getattr(import_module(module), name))
    assert (
        worst(lambda t: float(compiled(of(row))(t)), of(row), spread(row)) < 3e-15
    )  # erfcx magnifies the rounding of x²


def test_what_a_row_names_is_there():
    for row in ROWS:
        assert not row.machine or row.machine in ELEMENTARY, row.name
        for dialect in (C, JAVASCRIPT, GLSL):
            said = getattr(row.programs, dialect.name)
            assert dialect.functions.get(row.name, "") == said
    helped = {name for row in ROWS for name in row.programs if name in HELPERS}
    assert {"log1p", "expm1", "erf", "erfc", "erfcx", "normal_cdf", "sign_of", "natural_log", "accurate_tanh"} <= helped
    assert set(ELEMENTARY) == {row.machine for row in ROWS if row.machine}


@pytest.mark.parametrize("row", ALONE, ids=lambda r: r.name)
def test_what_is_said_of_a_function_near_0_and_of_its_sign_is_so(row):
    with mp.workdps(50):
        read, small = precise(of(row), z), mp.mpf(10) ** -20
        if row.near_0 is not None:
            assert abs(read(small) / small / mp.mpf(sympy.N(row.near_0, 40)) - 1) < 1e-19
        if row.odd:
            assert all(read(-mp.mpf(t)) == -read(mp.mpf(t)) != 0 for t in spread(row))
            assert read(mp.mpf(0)) == 0
        if row.sharp:
            slope = precise(of(row).diff(z), z)
            assert slope(small) > 1e12
            assert slope(-small) > 1e12
        if row.positive:
            assert all(read(mp.mpf(t)) > 0 for t in spread(row))


@pytest.mark.parametrize("row", [r for r in ROWS if r.word], ids=lambda r: r.name)
def test_the_word_of_a_formula_is_documented_and_its_aliases_are_read_as_it(row):
    page = (Path(__file__).parents[2] / "docs" / "howto" / "own_activation.md").read_text(encoding="utf-8")
    assert row.word in parse_formula.__doc__.replace(",", " ").split()
    assert row.word in page.replace("`", " ").split()
    given = "(z, 1)" if row.count is None else "(2*z + 3)"
    for alias in row.aliases:
        assert parse_formula(alias + given) == parse_formula(row.word + given)


# ---- what was added as rows

NEW = {
    "log10(1+z**2)": (lambda t: mp.log(1 + t * t) / mp.log(10), lambda t: 2 * t / (1 + t * t) / mp.log(10)),
    "cbrt(z)": (
        lambda t: mp.sign(t) * mp.root(abs(t), 3),
        lambda t: mp.root(abs(t), 3) / (3 * abs(t)) if t else mp.nan,
    ),
    "asinh(z)": (mp.asinh, lambda t: 1 / mp.sqrt(1 + t * t)),
    "sinc(z)": (
        lambda t: mp.sin(t) / t if t else mp.mpf(1),
        lambda t: -t * mp.hyp0f1(mp.mpf("2.5"), -t * t / 4) / 3,
    ),
    "sinc(2*z-1)": (
        lambda t: mp.sinc(2 * t - 1),
        lambda t: -2 * (2 * t - 1) * mp.hyp0f1(mp.mpf("2.5"), -((2 * t - 1) ** 2) / 4) / 3,
    ),
}


@pytest.mark.parametrize("text", costly(NEW, quick=["log10(1+z**2)", "cbrt(z)", "asinh(z)", "sinc(z)"]))
def test_a_new_function_keeps_its_digits_everywhere_in_numpy_and_in_machine_code(text):
    phi, prime = NEW[text]
    f = Activation.from_formula("mine", text)
    made, hidden = array_functions(f), hidden_function(f, np.dtype("float64"))
    sizes = np.concatenate([np.geomspace(1e-12, 1e4, 120), [0.5, 2.0, 700.0]])
    points = np.concatenate([-sizes, sizes, 0.5 + np.geomspace(1e-12, 1e-3, 30)])
    value, slope = np.empty_like(points), np.empty_like(points)
    hidden(points, value, slope)
    with mp.workdps(50):
        rounding = [abs(mp.diff(prime, mp.mpf(t))) * abs(t) for t in points]
        for column, right, scale in (
            ((made.value(points), value), phi, [abs(prime(mp.mpf(t))) * abs(t) for t in points]),
            ((made.derivative(points), slope), prime, rounding),
        ):
            for got in column:
                for g, t, s in zip(got, points, scale, strict=True):
                    want = right(mp.mpf(t))
                    assert abs(mp.mpf(float(g)) - want) <= 2e-15 * (abs(want) + s), t


# of w_1 the kernel is the shortest
@pytest.mark.parametrize(("text", "wrt"), costly(product(NEW, ["w1", "b1"]), quick=[("cbrt(z)", "w1")]))
def test_a_new_function_is_swept_alike_by_both_engines(text, wrt):
    chain = cd.Chain(5, Activation.from_formula("mine", text))
    assert is_compilable(chain)
    axes = {"w": cd.Axis(-3.1, 3, 23), "b": cd.Axis(-2.9, 3, 21)}
    one, other = (cd.sweep(chain, **axes, x=0.5, y=0.2, wrt=wrt, engine=engine) for engine in ("numpy", "numba"))
    sure = ~(one.uncertain | other.uncertain)
    assert sure.mean() > 0.95
    assert (one.sign == other.sign)[sure].all()
    assert np.abs(one.log_abs - other.log_abs)[sure].max() < 1e-9


def test_the_slope_of_a_cube_root_at_0_is_a_kink_and_never_a_number():
    f = Activation.from_formula("mine", "cbrt(z)")
    assert f.kinks == (0,)
    assert Activation.from_formula("mine", "z + cbrt(z**2 - 4)").kinks == (-2, 2)
    assert Activation.from_formula("mine", "cbrt(1+exp(z))").kinks == ()
    chain = cd.Chain(2, f)
    with pytest.raises(BadValue, match="singular"):
        cd.evaluate(chain, 1.0, z=0.0, x=0.5, y=0.2)
    with pytest.raises(BadValue, match="polynomial of degree 1 or 2"):
        parse_formula("cbrt(z**3 - z)")


@pytest.mark.parametrize("engine", ["numpy", slow("numba")])
def test_a_map_over_the_kink_of_a_cube_root_has_no_number_there(engine):
    chain = cd.Chain(2, Activation.from_formula("mine", "cbrt(z)"))
    found = cd.sweep(chain, w=cd.Axis(1, 2, 2), z=cd.Axis(0, 1, 2), x=0.5, y=0.2, engine=engine)
    assert not np.isfinite(found.log_abs[:, 0]).any()
    assert np.isfinite(found.log_abs[:, 1]).all()


def test_sinc_slopes_at_the_end_of_its_own_removable_singularity():
    assert sinc(z).diff(z).subs(z, 0) == 0
    assert sinc(z).diff(z, 2).subs(z, 0) == -sympy.Rational(1, 3)
    assert sinc(z).diff(z, 4).subs(z, 0) == sympy.Rational(1, 5)
    assert Activation("mine", sympy.sinc(2 * z)).derivative == sinc(2 * z).diff(z)
    with mp.workdps(40):
        for n in (1, 2, 3):
            for t in (mp.mpf("0.3"), mp.mpf("7.1")):
                want = mp.sqrt(mp.pi / 2 / t) * mp.besselj(n + mp.mpf(1) / 2, t) / t**n
                assert abs(precise(spherical(n, z), z)(t) - want) < 1e-35
                assert abs(precise(closed(n, z), z)(t) - want) < 1e-35


def test_the_bounds_of_new_functions_are_exact():
    found = [cd.bounds(Activation.from_formula("mine", t)).supremum for t in ("log10(1+z**2)", "cbrt(z)", "asinh(z)")]
    assert found == [1 / sympy.log(10), sympy.oo, 1]


def test_a_function_with_a_pole_has_no_bounds():
    with pytest.raises(BadValue, match="without poles"):
        cd.bounds(Activation("mine", z + sympy.cos(z) / (z - 1)))


@pytest.mark.slow
def test_the_bounds_of_new_functions_that_are_not_exact_say_so():
    bound = {text: cd.bounds(Activation.from_formula("mine", text)) for text in ("sinc(z)", "sinc(2*z-1)")}
    with mp.workdps(30):
        top = mp.findroot(lambda t: mp.diff(NEW["sinc(z)"][1], t), 2)
        size = abs(NEW["sinc(z)"][1](top))
        for text, factor in (("sinc(z)", 1), ("sinc(2*z-1)", 2)):
            assert abs(mp.mpf(str(sympy.N(bound[text].supremum, 20))) / factor - size) < 1e-12
            assert "numeric" in str(bound[text])
    by_a_quotient = cd.bounds(Activation("mine", sympy.sin(z) / z))
    assert sympy.N(by_a_quotient.supremum, 12) == sympy.N(bound["sinc(z)"].supremum, 12)


def test_new_functions_are_written_as_mathematics_writes_them():
    assert sympy.latex(cbrt(z) ** 2) == r"\sqrt[3]{z}^{2}"
    assert sympy.latex(log10(z)) == r"\log_{10}{\left(z \right)}"
    assert str(sinc(z).diff(z)) == "-z*((-z*cos(z) + sin(z))/z**3)"
    assert (cbrt(-8 * z), cbrt(sympy.Integer(-8)), cbrt(z) ** 3) == (-cbrt(8 * z), -2, z)
    assert (log10(sympy.Integer(1000)), sinc(-z), spherical(1, -z)) == (3, sinc(z), spherical(1, z))


def test_a_function_without_machine_code_or_spelling_is_refused_by_the_engine_and_known_to_numpy():
    f = Activation("mine", sympy.sech(z) + z)
    assert not is_compilable(cd.Chain(2, f))
    with pytest.raises(NotCompilable):
        hidden_function(f, np.dtype("float64"))
    assert math.isclose(float(array_functions(f).value(0.5)), 0.5 + 1 / math.cosh(0.5), rel_tol=1e-15)
