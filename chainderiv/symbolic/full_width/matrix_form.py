"""From index form to matrix form: a repeated index is a matrix product, a shared free index a diagonal matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy
from sympy.core.symbol import Str

from chainderiv import symbols
from chainderiv.errors import BadValue
from chainderiv.symbolic.full_width.indexed import a, b, delta, n, phi_prime, w, y, z
from chainderiv.symbols import Expr

# what stands in row i (and column c) of each array, in index form
_ENTRIES: dict[str, Any] = {
    "a": lambda at, i, c: a[at, i],
    "b": lambda at, i, c: b[at, i],
    "delta": lambda at, i, c: delta[at, i],
    "y": lambda at, i, c: y[i],
    "W": lambda at, i, c: w[at, i, c],
    "prime": lambda at, i, c: phi_prime(z[at, i]),
    "of b": lambda at, i, c: symbols.gradient(b[at, i]),
    "of W": lambda at, i, c: symbols.gradient(w[at, i, c]),
}
_VECTORS = {a: "a", b: "b", delta: "delta", y: "y"}


class LayerArray(sympy.MatrixExpr):
    """W^l, a column of a layer such as δ^l, a^l or ∇_a C, or a gradient by b^l or W^l: LayerArray(kind, layer, …).

    Its entries are the indexed symbols, so that SymPy can write a matrix form out and compare it with the index form.
    """

    def __new__(cls, kind: Any, at: Any, rows: Any, columns: Any, cost: Any = "") -> Any:
        """Kind is a key of _ENTRIES, or 'slope' for ∇_a C of a named cost."""
        first, final = (word if isinstance(word, Str) else Str(word) for word in (kind, cost))
        return super().__new__(cls, first, *map(sympy.sympify, (at, rows, columns)), final)

    @property
    def kind(self) -> str:
        """Which array."""
        return str(self.args[0].name)

    @property
    def layer(self) -> Expr:
        """l."""
        return self.args[1]

    @property
    def shape(self) -> tuple[Expr, Expr]:
        """Rows and columns."""
        return self.args[2], self.args[3]

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        if self.kind == "slope":
            name = sympy.Symbol(self.args[4].name)
            return symbols.CostSlope(name, a[self.layer, i + 1], y[i + 1])
        return _ENTRIES[self.kind](self.layer, i + 1, j + 1)


def matrix_form(expression: Expr, free: Sequence[Expr], at: Expr) -> Expr:
    """Sums and products as BP1 to BP4 have them, with one free index as a column, with two as a matrix.

    The first free index counts the rows; at is the layer of a target y, which does not name its own. Raises BadValue
    for what is no such sum or product.

    >>> from chainderiv.symbolic.full_width.indexed import a, delta, j, k, layer, total, w
    >>> matrix_form(total(w[layer, j, k] * a[layer - 1, k], k, layer - 1), [j], layer).args[0].kind
    'W'
    """
    if expression.is_Add:
        return sympy.MatAdd(*(matrix_form(term, free, at) for term in expression.args))
    number = sympy.Mul(*(f for f in sympy.Mul.make_args(expression) if f.is_number))
    factors = [f for f in sympy.Mul.make_args(expression) if not f.is_number]
    product = _column(factors, free[0], at) if len(free) == 1 else _matrix(factors, free[0], free[1], at)
    row = product if number == 1 else [number, *product]
    return row[0] if len(row) == 1 else sympy.MatMul(*row)


def _column(factors: Sequence[Expr], row: Expr, at: Expr) -> list[Expr]:
    """Diagonal matrices before a column: the sum's, else that of the last factor."""
    sums = [f for f in factors if isinstance(f, sympy.Sum)]
    columns = [_one_column(f, row, at) for f in _ordered(factors) if not isinstance(f, sympy.Sum)]
    if len(sums) > 1:
        raise BadValue(f"a product of {len(sums)} sums has no matrix form; use the index form")
    end = _contraction(sums[0], row, at) if sums else [columns.pop()]
    return [*map(sympy.DiagMatrix, columns), *end]


def _contraction(sum_: Expr, row: Expr, at: Expr) -> list[Expr]:
    """Σ_k M_jk v_k as M v, and Σ_k M_kj v_k as Mᵀ v."""
    index = sum_.variables[0]
    factors = sympy.Mul.make_args(sum_.function)
    if not any(row in f.free_symbols for f in factors):
        raise BadValue(f"a sum without the free index {row} has no matrix form; use the index form")
    columns = [f for f in factors if row not in f.free_symbols]
    rest = [f for f in factors if row in f.free_symbols]
    # factors in k alone belong to the matrix, but for the last, which is the column
    *scales, end = _ordered(columns)
    return [_matrix_of(rest, scales, row, index, at), _one_column(end, index, at)]


def _matrix_of(rest: Sequence[Expr], scales: Sequence[Expr], row: Expr, index: Expr, at: Expr) -> Expr:
    whole = sympy.expand_mul(sympy.Mul(*rest, *scales))
    # the index that the symbol itself has first counts its rows
    found = next((f for f in whole.atoms(sympy.Indexed) if {row, index} <= set(f.indices)), None)
    if found is not None and list(found.indices).index(index) < list(found.indices).index(row):
        return sympy.Transpose(matrix_form(whole, [index, row], at))
    return matrix_form(whole, [row, index], at)


def _matrix(factors: Sequence[Expr], row: Expr, column: Expr, at: Expr) -> list[Expr]:
    """u_j v_k as u vᵀ, u_j δ_jk as a diagonal matrix, u_j W_jk v_k as W between diagonal matrices."""
    both = [f for f in factors if {row, column} <= f.free_symbols]
    left = [_one_column(f, row, at) for f in _ordered(factors) if f not in both and row in f.free_symbols]
    right = [_one_column(f, column, at) for f in _ordered(factors) if f not in both and column in f.free_symbols]
    if len(both) > 1:
        raise BadValue("a product of several matrices entry by entry has no matrix form; use the index form")
    if not both:
        return [*map(sympy.DiagMatrix, left[:-1]), left[-1], right[-1].T, *map(sympy.DiagMatrix, right[:-1])]
    if isinstance(both[0], sympy.KroneckerDelta):
        return [sympy.DiagMatrix(v) for v in [*left, *right]]
    return [*map(sympy.DiagMatrix, left), _one_matrix(both[0], row, column), *map(sympy.DiagMatrix, right)]


def _one_matrix(factor: Expr, row: Expr, column: Expr) -> Expr:
    derivative = isinstance(factor, symbols.Gradient)
    inner = factor.args[0] if derivative else factor
    at, i, j = inner.indices
    found = LayerArray("of W" if derivative else "W", at, n[at], n[at - 1])
    return found if (i, j) == (row, column) else found.T


def _one_column(factor: Expr, row: Expr, at: Expr) -> Expr:
    if factor.is_Add:
        return matrix_form(factor, [row], at)
    if isinstance(factor, symbols.PhiPrime):
        return _layer_column("prime", factor.args[1].indices[0])
    if isinstance(factor, symbols.CostSlope):
        return LayerArray("slope", at, n[at], 1, factor.args[0].name)
    if isinstance(factor, symbols.Gradient):
        return _layer_column("of b", factor.args[0].indices[0])
    if not isinstance(factor, sympy.Indexed):
        raise BadValue(f"{factor} has no matrix form; use the index form")
    return _layer_column(_VECTORS[factor.base], at if factor.base == y else factor.indices[0])


def _layer_column(kind: str, at: Expr) -> Expr:
    return LayerArray(kind, at, n[at], 1)


def _ordered(factors: Sequence[Expr]) -> list[Expr]:
    """φ' before what it scales, as it is written, and ∂C/∂a last."""
    rank = {"PhiPrime": 0, "CostSlope": 2}
    return sorted(factors, key=lambda f: rank.get(type(f).__name__, 1))
