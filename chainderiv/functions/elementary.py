"""The elementary functions, one row each: whoever reads, rewrites, compiles or prints a formula takes a column here.

What a room needs of its own for a function (an interval, a form for large z, machine code) stands in that room under
the head that the row names. A test lists what every row lacks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import mpmath
import sympy
from sympy import cos, exp, log, sin, sqrt
from sympy.codegen.cfunctions import expm1, log1p

from chainderiv.functions.heads import cbrt, closed, log10, sinc, spherical
from chainderiv.symbols import Expr, erfcx, normal_cdf

INF, THIRD = math.inf, sympy.Rational(1, 3)


class Programs(NamedTuple):
    """What C, JavaScript and GLSL call a function: their own name for it, or that of a dialect_functions helper."""

    c: str = ""
    javascript: str = ""
    glsl: str = ""


def _native(name: str, glsl: str = "") -> Programs:
    return Programs(name, f"Math.{name}", glsl or name)


def _ours(name: str) -> Programs:
    return Programs(name, name, name)


@dataclass(frozen=True)
class Elementary:
    """One function; a column that is None or empty is what it lacks, and its consumer does without."""

    head: Any  # SymPy's function
    word: str = ""  # what a formula calls it
    aliases: tuple[str, ...] = ()  # what else people write, which is read as the word
    count: int | None = 1  # how many arguments it takes; None: two or more
    plain: Callable[..., float] | None = None  # its value in float64; elsewhere mpmath's is rounded
    precise: Callable[..., Any] | None = None  # its value in mpmath, where SymPy cannot say it there
    words: Callable[..., Expr] | None = None  # the same in functions that algebra knows, for exact arguments
    spelled: Callable[..., Expr] | None = None  # the same in other rows and by branches, where it is lacking
    numpy: str = ""  # its full name in NumPy or SciPy, as a function of arrays
    machine: str = ""  # its name in compiling.vectormath
    programs: Programs = field(default=Programs())
    near_0: Expr = None  # c of f(R) ~ c R as R vanishes, where rewriting keeps the function as it is
    odd: bool = False  # whether it is 0 where its argument is and only there
    branches: bool = False  # whether it changes its branch where its argument, or a difference of two, is 0
    sharp: bool = False  # whether its slope is infinite where its argument is 0
    positive: bool = False  # whether it is positive, and SymPy does not say so

    @property
    def name(self) -> str:
        """The head's name, by which generated code calls it."""
        return str(self.head.__name__)


def _minus_infinity_at(end: float, function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda u: -INF if u == end else function(u)


def _decimal(u: Expr) -> Expr:
    return log(u) / log(10)


def _spelled_spherical(n: Any, u: Expr) -> Expr:
    """Below |u| = 2, where the closed form cancels, the power series."""
    total = sympy.Integer(0)
    for m in reversed(range(14)):
        total = total * u**2 + sympy.Integer(-1) ** m / (2**m * sympy.factorial(m) * sympy.factorial2(2 * (n + m) + 1))
    return sympy.Piecewise((total, sympy.Abs(u) < 2), (closed(n, u), True))


ROWS: tuple[Elementary, ...] = (
    Elementary(exp, "exp", plain=math.exp, numpy="numpy.exp", machine="exp", programs=_native("exp")),
    Elementary(
        log, "log", ("ln",), plain=_minus_infinity_at(0, math.log),
        numpy="numpy.log", machine="log", programs=_native("log", glsl="natural_log"),
    ),
    Elementary(
        log10, "log10", ("lg",), plain=_minus_infinity_at(0, math.log10), words=_decimal, spelled=_decimal,
        numpy="numpy.log10", programs=Programs("log10", "Math.log10"),
    ),
    Elementary(
        log1p, plain=_minus_infinity_at(-1, math.log1p), precise=mpmath.log1p, words=lambda u: log(1 + u),
        numpy="numpy.log1p", machine="log1p", programs=_native("log1p"), near_0=sympy.Integer(1),
    ),
    Elementary(
        expm1, plain=math.expm1, precise=mpmath.expm1, words=lambda u: exp(u) - 1,
        numpy="numpy.expm1", machine="expm1", programs=_native("expm1"), near_0=sympy.Integer(1),
    ),
    Elementary(sqrt, "sqrt", plain=math.sqrt, machine="sqrt", programs=_native("sqrt")),
    Elementary(
        cbrt, "cbrt", plain=math.cbrt, precise=lambda t: mpmath.sign(t) * mpmath.cbrt(abs(t)),
        spelled=lambda u: sympy.Piecewise((u**THIRD, u >= 0), (-((-u) ** THIRD), True)),
        numpy="numpy.cbrt", machine="cbrt", programs=Programs("cbrt", "Math.cbrt"), odd=True, sharp=True,
    ),
    Elementary(
        sympy.tanh, "tanh", plain=math.tanh, words=lambda u: (exp(2 * u) - 1) / (exp(2 * u) + 1),
        numpy="numpy.tanh", machine="tanh", programs=_native("tanh", glsl="accurate_tanh"), odd=True,
    ),
    Elementary(
        sympy.sinh, "sinh", plain=math.sinh, words=lambda u: (exp(u) - exp(-u)) / 2,
        numpy="numpy.sinh", machine="sinh", programs=_native("sinh", glsl="accurate_sinh"), odd=True,
    ),
    Elementary(
        sympy.cosh, "cosh", plain=math.cosh, words=lambda u: (exp(u) + exp(-u)) / 2,
        numpy="numpy.cosh", machine="cosh", programs=_native("cosh"),
    ),
    Elementary(sympy.coth, words=lambda u: (exp(2 * u) + 1) / (exp(2 * u) - 1)),
    Elementary(sympy.sech, words=lambda u: 2 / (exp(u) + exp(-u))),
    Elementary(sympy.csch, words=lambda u: 2 / (exp(u) - exp(-u))),
    Elementary(
        sympy.asinh, "asinh", ("arcsinh", "arsinh"), plain=math.asinh,
        numpy="numpy.arcsinh", machine="asinh", programs=_native("asinh"), near_0=sympy.Integer(1), odd=True,
    ),
    Elementary(sympy.acosh, numpy="numpy.arccosh", programs=_native("acosh")),
    Elementary(sympy.atanh, numpy="numpy.arctanh", programs=_native("atanh")),
    Elementary(
        sympy.atan, "atan", ("arctan",), plain=math.atan,
        numpy="numpy.arctan", machine="atan", programs=_native("atan"), near_0=sympy.Integer(1), odd=True,
    ),
    Elementary(
        sympy.erf, "erf", plain=math.erf, numpy="scipy.special.erf", machine="erf",
        programs=_ours("erf"), near_0=2 / sqrt(sympy.pi), odd=True,
    ),
    Elementary(
        sympy.erfc, plain=math.erfc, words=lambda u: 1 - sympy.erf(u),
        numpy="scipy.special.erfc", machine="erfc", programs=_ours("erfc"),
    ),
    Elementary(
        erfcx, precise=lambda t: mpmath.exp(t * t) * mpmath.erfc(t) if t < mpmath.inf else mpmath.mpf(0),
        numpy="scipy.special.erfcx", machine="erfcx", programs=_ours("erfcx"), positive=True,
    ),
    Elementary(
        normal_cdf, "normal_cdf", ("Phi", "ndtr"), plain=lambda u: math.erfc(-u / math.sqrt(2)) / 2,
        precise=mpmath.ncdf, words=lambda u: (1 + sympy.erf(u / sqrt(2))) / 2,
        numpy="scipy.special.ndtr", machine="normal_cdf", programs=_ours("normal_cdf"), positive=True,
    ),
    Elementary(sin, "sin", plain=math.sin, numpy="numpy.sin", machine="sin", programs=_native("sin")),
    Elementary(cos, "cos", plain=math.cos, numpy="numpy.cos", machine="cos", programs=_native("cos")),
    Elementary(sympy.tan, "tan", plain=math.tan, numpy="numpy.tan", machine="tan", programs=_native("tan")),
    Elementary(
        sinc, "sinc", plain=lambda u: math.sin(u) / u if u else 1.0, words=lambda u: sin(u) / u,
        spelled=lambda u: sympy.Piecewise((1, sympy.Eq(u, 0)), (sin(u) / u, True)),
    ),
    Elementary(
        spherical, count=2, precise=lambda n, t: mpmath.hyp0f1(n + 1.5, -t * t / 4) / mpmath.fac2(2 * n + 1),
        words=closed, spelled=_spelled_spherical,
    ),
    Elementary(sympy.asin, numpy="numpy.arcsin", programs=_native("asin")),
    Elementary(sympy.acos, numpy="numpy.arccos", programs=_native("acos")),
    Elementary(sympy.floor, programs=_native("floor")),
    Elementary(sympy.ceiling, programs=Programs("ceil", "Math.ceil", "ceil")),
    Elementary(
        sympy.sign, "sign", ("sgn",), branches=True, plain=lambda u: math.copysign(1.0, u) if u else 0.0,
        machine="sign", programs=Programs("sign_of", "Math.sign", "sign"),
    ),
    Elementary(
        sympy.Abs, "Abs", ("abs", "fabs", "absolute"), plain=abs, machine="absolute",
        programs=Programs("fabs", "Math.abs", "abs"), branches=True,
    ),
    Elementary(
        sympy.Max, "Max", ("max", "maximum", "fmax"), count=None, plain=max,
        programs=Programs("fmax", "Math.max", "max"), branches=True,
    ),
    Elementary(
        sympy.Min, "Min", ("min", "minimum", "fmin"), count=None, plain=min,
        programs=Programs("fmin", "Math.min", "min"), branches=True,
    ),
    Elementary(
        sympy.Heaviside, "Heaviside", ("heaviside", "step"), branches=True,
        plain=lambda u, at_0=0.5: at_0 if u == 0 else float(u > 0),
    ),
)  # fmt: skip
BY_HEAD: dict[Any, Elementary] = {row.head: row for row in ROWS}


def spelling(expression: Expr) -> Expr | None:
    """What NumPy computes in the place of a function that it lacks; None of any other expression.

    >>> spelling(sinc(sympy.Symbol("u")))
    Piecewise((1, Eq(u, 0)), (sin(u)/u, True))
    """
    row = BY_HEAD.get(type(expression))
    return None if row is None or row.spelled is None or row.numpy else row.spelled(*expression.args)


def spelled_out(expression: Expr, lacks: Callable[[Elementary], bool]) -> Expr:
    """An expression with the functions that a room with numbers lacks spelled in those of other rows.

    >>> spelled_out(log10(sympy.Symbol("u")), lambda row: not row.machine)
    log(u)/log(10)
    """
    for row in ROWS:
        if row.spelled is not None and lacks(row) and expression.has(row.head):
            expression = expression.replace(row.head, row.spelled)
    return expression
