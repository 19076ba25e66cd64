"""A SymPy expression in C, JavaScript or GLSL: only what the language or a function of ours can do, else an error."""

from __future__ import annotations

from functools import lru_cache, reduce
from typing import Any

import sympy
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import BooleanAtom
from sympy.printing.codeprinter import CodePrinter
from sympy.printing.precedence import PRECEDENCE

from chainderiv.errors import BadValue
from chainderiv.functions.turning.root import Enclosed
from chainderiv.symbolic.programs.dialect import Dialect
from chainderiv.symbols import Expr

_GRAMMAR = (
    *(sympy.Symbol, sympy.Number, sympy.NumberSymbol, sympy.Add, sympy.Mul, sympy.Pow, sympy.Heaviside),
    *(
        Enclosed,
        sympy.Piecewise,
        ExprCondPair,
        sympy.core.relational.Relational,
        sympy.And,
        sympy.Or,
        sympy.Not,
        BooleanAtom,
    ),
)


class DialectPrinter(CodePrinter):
    """Numbers as 17 digits with a point (1/2 is 0 in C and in GLSL); a square and a root without pow."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__({"order": None})
        self.dialect, self.functions = dialect, dialect.functions

    def text(self, expression: Expr) -> str:
        """The expression as code."""
        return str(self._print(numbered(expression)))

    def require_known(self, expression: Expr) -> None:
        """Raise BadValue for a function that the language does not have, and for a branch that is not stated."""
        for node in sympy.preorder_traversal(expression):
            name = type(node).__name__
            if not isinstance(node, _GRAMMAR) and name not in self.functions:
                known = ", ".join(sorted(self.functions.keys() - {"pow", "whole_power"}, key=str.lower))
                raise BadValue(
                    f"{node} is beyond the target {self.dialect.name!r}; "
                    f"give an activation in its functions ({known}), or print 'numpy'"
                )
            if isinstance(node, sympy.Piecewise) and node.args[-1].cond != sympy.true:
                raise BadValue(f"{node} is not defined everywhere; end its branches with one for all other z")

    def _print_Integer(self, expr: Any) -> str:
        value = repr(float(expr))
        if value.endswith("inf"):
            raise BadValue(f"the number {sympy.N(expr, 3)} is beyond float64; give a formula with smaller numbers")
        return value

    _print_Float = _print_Integer  # noqa: N815 -- SymPy's printers are named after its classes

    def _print_NegativeInfinity(self, expr: Any) -> str:
        return self.dialect.lowest

    def _print_Pow(self, expr: Any) -> str:
        base, exponent = expr.as_base_exp()
        if exponent.is_number and exponent.is_negative:
            below = base if exponent == -1 else sympy.Pow(base, -exponent, evaluate=False)
            return f"1.0/{self.parenthesize(below, PRECEDENCE['Pow'], strict=True)}"
        if exponent == 2:
            return f"square({self._print(base)})"
        if exponent == sympy.Rational(1, 2):
            return f"{self.functions['sqrt']}({self._print(base)})"
        name = self.functions["whole_power" if exponent.is_Integer else "pow"]
        return f"{name}({self._print(base)}, {self._print(numbered(exponent))})"

    def _print_Piecewise(self, expr: Any) -> str:
        *branches, (last, _) = expr.args
        text = self._print(last)
        for value, when in reversed(branches):
            text = f"(({self._print(when)}) ? ({self._print(value)}) : ({text}))"
        return str(text)

    def _print_Heaviside(self, expr: Any) -> str:
        return f"(({self._print(expr.args[0])} > 0.0) ? 1.0 : 0.0)"

    def _print_Relational(self, expr: Any) -> str:
        return f"{self._print(expr.lhs)} {expr.rel_op} {self._print(expr.rhs)}"

    def _print_Function(self, expr: Any) -> str:
        return f"{self.functions[type(expr).__name__]}({', '.join(map(self._print, expr.args))})"

    def _print_Max(self, expr: Any) -> str:
        name = self.functions[type(expr).__name__]
        return str(reduce(lambda one, other: f"{name}({one}, {other})", map(self._print, expr.args)))

    _print_Min = _print_Max  # noqa: N815


@lru_cache(maxsize=4096)  # every language asks for the same
def numbered(expression: Expr) -> Expr:
    """An expression whose numbers are worked out to 17 digits, each sum's and product's numbers as one.

    >>> numbered(sympy.sqrt(sympy.pi / 2) * sympy.Symbol("t") / 3)
    0.41777137910516675*t
    """
    if expression.is_number and expression.is_finite and not expression.is_Integer:
        return sympy.Float(sympy.N(expression, 40), 17)
    if not expression.args:
        return expression
    if expression.is_Pow and expression.exp.is_number:
        return sympy.Pow(numbered(expression.base), expression.exp)
    arguments = expression.args
    if expression.is_Mul or expression.is_Add:
        numbers = expression.func(*(u for u in arguments if u.is_number))
        arguments = (numbers, *(u for u in arguments if not u.is_number))
    return expression.func(*map(numbered, arguments))
