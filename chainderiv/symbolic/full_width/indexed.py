"""The symbols of a network of any width: z^l_j, a^l_j, w^l_jk, b^l_j, δ^l_j, with layers and neurons as indices.

Notation as in Nielsen (2015), chapter 2: l = 1 … L counts layers, a^0 is the input, and neuron j of layer l is one of
n_l. Every index runs from 1.
"""

from __future__ import annotations

from typing import Any

import sympy

from chainderiv.symbols import Expr, PhiPrime

layer, last = sympy.symbols("l L", integer=True, positive=True)
j, k, m, p = sympy.symbols("j k m p", integer=True, positive=True)

n = sympy.IndexedBase("n", integer=True, positive=True)  # n[l] is n_l
z = sympy.IndexedBase("z", real=True)
a = sympy.IndexedBase("a", real=True)
w = sympy.IndexedBase("w", real=True)
b = sympy.IndexedBase("b", real=True)
delta = sympy.IndexedBase("delta", real=True)
y = sympy.IndexedBase("y", real=True)

total_cost = sympy.Symbol("C", real=True)
PHI = sympy.Symbol("phi")


class Phi(sympy.Function):
    """φ(z^l_j) kept as a symbol of its own, whose derivative is φ'(z^l_j)."""

    nargs = 1
    is_real = True

    def fdiff(self, argindex: int = 1) -> Any:
        """φ'(z^l_j)."""
        return phi_prime(self.args[0])


class Partial(sympy.Function):
    """∂u/∂v kept as a symbol of its own, for u and v that are indexed: Partial(u, v)."""

    nargs = 2
    is_real = True


def phi_prime(z: Expr) -> Expr:
    """φ'(z^l_j); which φ it is, the layer of z says."""
    return PhiPrime(PHI, z)


def total(summand: Expr, index: Expr, at: Expr) -> Expr:
    """Σ over the neurons of layer `at`, index = 1 … n_at."""
    return sympy.Sum(summand, (index, 1, n[at]))


def weighted_input(at: Expr, row: Expr, column: Expr) -> Expr:
    """Σ_k w^l_jk a^{l-1}_k + b^l_j, which is z^l_j."""
    return total(w[at, row, column] * a[at - 1, column], column, at - 1) + b[at, row]


def softmax(at: Expr, row: Expr, dummy: Expr) -> Expr:
    """exp(z_j)/Σ_m exp(z_m) of layer `at` (Bridle 1990)."""
    return sympy.exp(z[at, row]) / total(sympy.exp(z[at, dummy]), dummy, at)
