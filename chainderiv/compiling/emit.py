"""SymPy -> straight lines of Python for a compiler: each distinct subexpression is one assignment.

Nothing branches: a Piecewise becomes a choice between values that are both computed, so that a loop around the lines
can be vectorised. A formula by the sign of z is written in t = |z| on either side, because its two sides then share
their exponentials.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy

from chainderiv.compiling.fractions import FRACTIONS, SIZE, exponent_of_tanh, factor_of
from chainderiv.errors import BadValue
from chainderiv.functions.elementary import BY_HEAD, ROWS
from chainderiv.symbols import Expr, erfcx, normal_cdf, z

_COMPARE = {sympy.Lt: "<", sympy.Le: "<=", sympy.Gt: ">", sympy.Ge: ">=", sympy.Eq: "==", sympy.Ne: "!="}
MOST_POWER = 64
# what a kernel file calls, the elementary functions' `machine` among it
IMPORTS = """\
from chainderiv.compiling.vectormath.bits import absolute, exponent_of, mantissa_of, pick, sign, sqrt, with_sign_of
from chainderiv.compiling.vectormath.erf import erf, erfc, erfcx, normal_cdf, positive_erfcx
from chainderiv.compiling.vectormath.exp import cosh, exp, exp_down, exp_fraction, expm1, expm1_down, sinh
from chainderiv.compiling.vectormath.exp import near_exp_fraction, near_tanh_fraction, tanh, tanh_fraction
from chainderiv.compiling.vectormath.log import asinh, cbrt, log, log1p, log_of_normal
from chainderiv.compiling.vectormath.trig import atan, cos, sin, tan
"""
SPECIAL = ("exp_down", "positive_erfcx")  # what the elementary functions do, for an argument of one sign
NAMES = {row.name: row.machine for row in ROWS if row.machine} | {name: name for name in SPECIAL}


class NotCompilable(BadValue):
    """A formula that the compiled engine has no instruction for; the NumPy engine may have one."""


def folded(expression: Expr) -> Expr:
    """The same with every choice by the sign of z, and every |z|, written in t = |z|.

    >>> folded(sympy.Piecewise((1, z > 0), (sympy.exp(z), True)))
    Piecewise((1, z > 0), (exp(-t), True))
    """
    if isinstance(expression, sympy.Piecewise) and len(expression.args) == 2:
        (right, when), (left, _) = expression.args
        if when in (z > 0, z >= 0):
            right, left = right.subs(z, SIZE), left.subs(z, -SIZE)
            return sympy.Piecewise((right, when), (left, True), evaluate=False)
    if isinstance(expression, sympy.Basic) and expression.has(sympy.sign(z)):
        # a slope's bend: it need not be 0 at z = 0 itself
        right, left = (expression.subs(sympy.sign(z), s).subs(z, s * SIZE) for s in (1, -1))
        return right if right == left else sympy.Piecewise((right, z >= 0), (left, True), evaluate=False)
    return expression.subs(sympy.Abs(z), SIZE) if isinstance(expression, sympy.Basic) else expression


class Lines:
    """Collects the assignments of several expressions; what they share is computed once.

    Examples
    --------
    >>> lines = Lines()
    >>> lines.name_of(1 / (1 + sympy.exp(-z)) ** 2)
    'v5'
    >>> print("; ".join(lines.lines))
    v1 = -z; v2 = exp(v1); v3 = 1.0 + v2; v4 = 1.0/v3; v5 = v4*v4
    """

    def __init__(self, fractions: Mapping[Expr, str] | None = None) -> None:
        self.lines: list[str] = []
        self._fractions = fractions or {}  # as_fractions of all the expressions that are to come
        self._names: dict[Any, str] = {}

    def name_of(self, expression: Expr) -> str:
        """The name (or the number) that holds an expression, after the lines so far."""
        if expression not in self._names:
            self._names[expression] = self._emit(expression)
        return self._names[expression]

    def _emit(self, e: Expr) -> str:
        if e.is_Symbol:
            return str(e.name)
        if e.is_number:
            return _number(e)
        for kind, emit in _RULES:
            if isinstance(e, kind):
                return emit(self, e)
        row = BY_HEAD.get(type(e))
        if row is not None and row.spelled is not None and not row.machine:
            return self.name_of(row.spelled(*e.args))
        return self._call(type(e).__name__, e)

    def line(self, text: str) -> str:
        """Assign a text to a new name; a text that was assigned before keeps its name."""
        if text not in self._names:
            name = f"v{len(self.lines) + 1}"
            self.lines.append(f"{name} = {text}")
            self._names[text] = name
        return self._names[text]

    def _call(self, name: str, e: Expr) -> str:
        if name not in NAMES:
            raise NotCompilable(f"{e} is beyond the compiled engine; use engine='numpy'")
        return self.line(f"{NAMES[name]}({', '.join(map(self.name_of, e.args))})")

    def _add(self, e: Expr) -> str:
        return self._chained(" + ", [self.name_of(u) for u in e.args])

    def _mul(self, e: Expr) -> str:
        if e.args[0] == -1:
            return self.line(f"-{self.name_of(sympy.Mul(*e.args[1:]))}")
        others, names = list(e.args), []
        for u in filter(self._fractions.__contains__, map(factor_of, e.args)):
            if sympy.exp(u) in others:
                others.remove(sympy.exp(u))
                power = next(f for f in others if factor_of(f) == u)
                others.remove(power)
                names.append(self._share("_over", u))
                if power.exp != -1:
                    names.append(self.name_of(power * power.base))
        return self._chained("*", [self.name_of(f) for f in others] + names)

    def _share(self, part: str, u: Expr) -> str:
        """m, n or m - n over m + n, where e^u = n/m; one division for all."""
        function = self._fractions[u]
        text = f"{function}({self.name_of(u)})"
        if text not in self._names:
            name = self._names[text] = f"v{len(self.lines) + 1}"
            self.lines.append(", ".join(name + end for end in FRACTIONS[function]) + f" = {text}")
        name = self._names[text]
        return self.line(f"{name}{part}*{self.line(f'1.0/{name}_sum')}")

    def _chained(self, sign: str, names: list[str]) -> str:
        total = names[0]
        for name in names[1:]:
            total = self.line(f"{total}{sign}{name}")
        return total

    def _power(self, e: Expr) -> str:
        base, power = e.as_base_exp()
        if (u := factor_of(e)) in self._fractions:
            return self.name_of_power(self._share("_under", u), -int(power))
        if power == sympy.Rational(1, 2):
            return self._call("sqrt", sympy.Tuple(base))
        if power.is_Rational and power.q == 2:
            return self.name_of_power(self._call("sqrt", sympy.Tuple(base)), int(power.p))
        if not power.is_Integer or abs(power) > MOST_POWER:
            raise NotCompilable(f"the power {e} is beyond the compiled engine; use engine='numpy'")
        return self.name_of_power(self.name_of(base), int(power))

    def name_of_power(self, base: str, power: int) -> str:
        """base^power by repeated squaring, of the reciprocal where the power is negative."""
        if power < 0:
            return self.name_of_power(self.line(f"1.0/{base}"), -power)
        if power == 1:
            return base
        half = self.name_of_power(base, power // 2)
        square = self.line(f"{half}*{half}")
        return self.line(f"{square}*{base}") if power % 2 else square

    def _choice(self, e: Expr) -> str:
        value, when = e.args[-1]
        if when != sympy.true:
            raise NotCompilable(f"{e} says nothing beyond its last condition; use engine='numpy'")
        chosen = self.name_of(value)
        for value, when in reversed(e.args[:-1]):
            chosen = self.line(f"pick({self.condition(when)}, {self.name_of(value)}, {chosen})")
        return chosen

    def condition(self, e: Expr) -> str:
        """A condition as Python says it."""
        if type(e) in _COMPARE:
            return f"{self.name_of(e.lhs)} {_COMPARE[type(e)]} {self.name_of(e.rhs)}"
        if isinstance(e, sympy.And | sympy.Or):
            word = " & " if isinstance(e, sympy.And) else " | "
            return word.join(f"({self.condition(u)})" for u in e.args)
        raise NotCompilable(f"the condition {e} is beyond the compiled engine; use engine='numpy'")

    def _tanh(self, e: Expr) -> str:
        """tanh(u) = -expm1(-2|u|)/(1 + exp(-2|u|)), with the sign of u: its slope holds the same exponential."""
        inner, exponent = e.args[0], exponent_of_tanh(e)
        if exponent is None:
            return self._call("tanh", e)
        if exponent in self._fractions:
            value = self._share("_gap", exponent)
        else:
            near = self.line(f"expm1_down({self.name_of(exponent)})")
            value = self.line(f"-{near}*{self.name_of(1 / (1 + sympy.exp(exponent)))}")
        return self.line(f"with_sign_of({value}, {self.name_of(inner)})")

    def _normal_cdf(self, e: Expr) -> str:
        """Φ(u) = erfcx(|u|/√2) exp(-u²/2)/2 for u < 0, else 1 less that: its slope holds the same two."""
        inner = e.args[0]
        size = _size_of(inner)
        if size is None:
            return self._call("normal_cdf", e)
        tail = self.name_of(erfcx(size / sympy.sqrt(2)) * sympy.exp(-(size**2) / 2) / 2)
        if inner == -size:
            return tail
        return self.line(f"pick({self.name_of(inner)} > 0.0, {self.line(f'1.0 - {tail}')}, {tail})")

    def _sign(self, e: Expr) -> str:
        inner = self.name_of(e.args[0])
        return self.line(f"pick({inner} > 0.0, 1.0, pick({inner} < 0.0, -1.0, 0.0))")

    def _extreme(self, e: Expr) -> str:
        total, *others = map(self.name_of, e.args)
        for name in others:
            total = self.line(f"pick({total} {'>' if isinstance(e, sympy.Max) else '<'} {name}, {total}, {name})")
        return total

    def _size(self, e: Expr) -> str:
        return self.line(f"abs({self.name_of(e.args[0])})")


def _size_of(e: Expr) -> Expr | None:
    """|e| in t = |z|, of a multiple of z or t; None of any other."""
    factor, of = e.as_coeff_Mul()
    return abs(factor) * SIZE if of in (z, SIZE) else None


_RULES: tuple[tuple[Any, Callable[[Lines, Any], str]], ...] = (
    (sympy.Add, Lines._add),
    (sympy.Mul, Lines._mul),
    (sympy.exp, lambda lines, e: lines._call("exp_down" if e.args[0].is_nonpositive else "exp", e)),
    (sympy.Pow, Lines._power),
    (sympy.tanh, Lines._tanh),
    (normal_cdf, Lines._normal_cdf),
    (erfcx, lambda lines, e: lines._call("positive_erfcx" if e.args[0].is_nonnegative else "erfcx", e)),
    (sympy.Piecewise, Lines._choice),
    (sympy.sign, Lines._sign),
    (sympy.Max | sympy.Min, Lines._extreme),
    (sympy.Abs, Lines._size),
)


def _number(e: Expr) -> str:
    value = complex(e.evalf(40))
    if value.imag or value.real != value.real:
        raise NotCompilable(f"{e} is no real number; use engine='numpy'")
    text = repr(value.real)
    return {"inf": "np.inf", "-inf": "-np.inf"}.get(text, text if value.real >= 0 else f"({text})")
