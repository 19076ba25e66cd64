"""What may stand in the place of a derived factor: an expression that every engine can evaluate."""

from __future__ import annotations

from typing import Any

import sympy

from chainderiv import symbols
from chainderiv.errors import BadValue
from chainderiv.given import is_whole
from chainderiv.symbolic.chain import Chain

KEPT = (symbols.PhiPrime, symbols.PhiSecond, symbols.CostSlope, symbols.CostSecond)


def bare(expression: Any) -> Any:
    """An expression with 1 in the place of each φ', φ'', ∂C/∂a and ∂²C/∂a²."""
    return expression.replace(lambda e: isinstance(e, KEPT), lambda _: sympy.Integer(1))


def checked_index(what: str, index: Any, count: int) -> int:
    """The index of one of count, counted from the front; raises BadValue."""
    if not is_whole(index, -count, count - 1):
        raise BadValue(f"{what} {index!r} does not exist; give an index from 0 to {count - 1}")
    return int(index) % count


def checked_replacement(expression: Any, chain: Chain) -> Any:
    """The SymPy expression that is to stand in the place of a factor; raises BadValue."""
    try:
        new = sympy.sympify(expression, strict=True)
    except sympy.SympifyError as e:
        raise BadValue(f"factor {expression!r} is no SymPy expression or number; give one") from e
    if not isinstance(new, sympy.Expr):
        raise BadValue(f"factor {str(new)!r} is no SymPy expression or number; give one")
    for part in sympy.preorder_traversal(bare(new)):
        if not _known(part, chain):
            raise BadValue(
                f"factor {str(new)!r} holds {str(part)!r}; give a sum, product or power of finite real numbers, "
                "the chain's w_l, z_l, a_l, x and y, and its factors"
            )
    return new


def _known(part: Any, chain: Chain) -> bool:
    if part.is_number:
        return bool(part.is_real and part.is_finite)
    if part.is_Symbol:
        return _of_the_chain(part, chain)
    return bool(part.is_Add or part.is_Mul or (part.is_Pow and part.exp.is_number))


def _of_the_chain(symbol: Any, chain: Chain) -> bool:
    if symbol in (symbols.x, symbols.y):
        return True
    kind, _, index = symbol.name.partition("_")
    makers = {"w": symbols.weight, "z": symbols.pre_activation, "a": symbols.activation}
    inside = kind in makers and index.isdigit() and 1 <= int(index) <= chain.depth
    # a symbol of the same name without real=True is another symbol
    return inside and bool(symbol == makers[kind](int(index)))
