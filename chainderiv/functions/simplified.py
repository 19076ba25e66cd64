"""SymPy's simplify where it ends: it takes exp(1000) for the thousandth power of a variable."""

from __future__ import annotations

import sympy

from chainderiv.symbols import Expr

_MOST_OPERATIONS = 100
_LARGEST = 100  # in size, of a number that a function is taken of


def simplified(value: Expr) -> Expr:
    """Equal to the value, and shorter where SymPy can be asked in no time; as it is given elsewhere.

    >>> simplified(sympy.sin(1) ** 2 + sympy.cos(1) ** 2)
    1
    >>> simplified(sympy.tanh(10000) + 1)
    1 + tanh(10000)
    """
    small = value.count_ops() < _MOST_OPERATIONS and all(map(_is_small, value.atoms(sympy.Function)))
    return sympy.simplify(value) if small else value


def _is_small(function: Expr) -> bool:
    numbers = (part for argument in function.args for part in (argument, *argument.atoms(sympy.Number)))
    return all(abs(n.n(5)) < _LARGEST for n in numbers if n.is_number)
