"""What W's own direction does where layers add their input: γ_l along a_l and along the mean of all neurons.

W_l has made u = W_l a_{l-1}, and W_l^T g = a_{l-1} (u·g)/|a_{l-1}|² + what is drawn anew across a_{l-1}. Of γ_l, what
it has to do with the way there lies along a_l = a_{l-1} + φ(z_l) and along (1, …, 1), which is what the φ(z_k) above
have in common with a_l. So the second moments of x = (γ·a, Σ γ_j) over n Γ are all that is followed; of a γ that knows
nothing they are the products of a_l and 1 themselves, per neuron.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainderiv.kinds import Floats
from chainderiv.theory.finite_width.blurred import Values
from chainderiv.theory.finite_width.direction import Direction
from chainderiv.theory.moments import TINY


@dataclass(frozen=True)
class Known:
    """E x xᵀ/(n Γ) less what it is by chance, and its derivative by t of the outputs, each (2, 2)."""

    excess: Floats
    by_t: Floats

    def of(self, form: Floats) -> Floats:
        """The sums of a form (2, 2) with both, (2,)."""
        return np.array([np.sum(form * self.excess), np.sum(form * self.by_t)])


def at_outputs(along: Direction, above: Floats) -> Known:
    """Of γ_H = W_L^T g_L, with P, T, m of a_H above."""
    P, _, m = above
    form = np.array([[P, m], [m, m * m / max(P, TINY)]])
    return Known((along.mean - 1) * form, form)


def turned(
    known: Known, at: Values, below: Floats, kept: float, made: float, p: float, r: float, n: int
) -> tuple[Known, Floats, Floats]:
    """One layer on its way back.

    Parameters
    ----------
    known : of γ_l.
    below : P, T, m of a_{l-1}.
    kept : 1 where a_l = a_{l-1} + φ, 0 where a_l = φ.
    made, p : the variance of u, and that of v = u + b.
    r, n : n σ_W² E ψ², and the width.

    Returns
    -------
    known of γ_{l-1}; by how much of itself |g_l|² is larger; and by how much of |γ_l|² |γ_{l-1}|² is: each of the last
    two (2,), with its derivative by t.
    """
    P, _, m = below
    u, rest = made / p * at.v, made * (1 - made / p)
    S, mu, V = at.expect(at.slope**2), at.expect(at.mean), at.expect(at.mean**2)
    e1, e2, e3 = at.expect(u * at.slope), at.expect(u * at.slope * at.mean), at.expect((u**2 + rest) * at.slope**2)
    # products of the functions 1, a, φ, uψ of a neuron
    G = np.array([[1, m, mu, e1], [m, P, m * mu, m * e1], [mu, m * mu, V, e2], [e1, m * e1, e2, e3]])
    B = np.array([[0, kept, 1, 0], [1, 0, 0, 0]])  # a_l and 1
    gram = np.linalg.pinv(B @ G @ B.T, rcond=1e-12, hermitian=True)

    def seen(f: Floats) -> tuple[Floats, Floats, Floats]:
        """Of the functionals f of γ: their second moments by chance, and what an excess adds to them."""
        C = f @ G @ B.T @ gram
        return f @ G @ f.T, C @ known.excess @ C.T, C @ known.by_t @ C.T

    # |g|² = Σ ψ² γ²: what γ has along a_l and 1 is weighed by their own ψ²
    psi = at.slope**2 / S - 1
    f1, f2 = at.expect(psi * at.mean), at.expect(psi * at.mean**2)
    weighed = np.array([[2 * kept * m * f1 + f2, f1], [f1, 0.0]])
    larger = known.of(gram @ weighed @ gram) / n
    chance, more, by_t = seen(np.array([[0, 1.0, 0, 0], [0, 0, 0, 1]]))  # γ·a and u·g
    pair = [kept * 2 * N[0, 1] + N[1, 1] for N in (chance, more, by_t)]
    grown = np.array([pair[0] + pair[1], pair[2]]) / (n * max(P, TINY)) + np.array([-r / n, 0]) + r * larger
    ratio = kept + r + grown[0]
    next_f = np.array([[0, kept, 0, 1], [kept, 0, 0, m / max(P, TINY)]])
    chance, more, by_t = seen(next_f)
    chance[1, 1] += r * (1 - m * m / max(P, TINY))
    own = np.array([[P, m], [m, 1.0]])
    found = (chance + more) / ratio
    return Known(found - own, by_t / ratio - found * grown[1] / ratio), larger, grown
