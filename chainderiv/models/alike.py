"""How alike the examples of a layer are: what of one example's scatter is left when many are taken together.

Random weights make ‖Wᵀδ‖² scatter by 2/n_in of itself for one δ. Of the rows of Δ, one an example, it is

    Var ln ‖ΔW‖² = 2/n_in · ‖ΔᵀΔ‖_F²/‖Δ‖_F⁴,

and of slopes ψ and gradients h above them

    Var ln Σ ψ²h² = 1/n · Σ_ee' p_e p_e' K_ee' (1 + 2 ρ_ee'²) with p_e ~ |h_e|²

of independent normal h with cosines ρ, K the covariance of ψ² over the neurons, over its mean. Both are 1 where all
examples are the same, and 1/examples where they have nothing in common.
"""

from __future__ import annotations

import numpy as np

from chainderiv.kinds import Floats

MOST = 256  # examples and places that are looked at, evenly from all


def of_gradients(delta: Floats) -> float:
    """‖ΔᵀΔ‖_F²/‖Δ‖_F⁴ of the rows of delta, (rows, neurons); 1 where all are 0, or one is no number.

    >>> of_gradients(np.eye(4)), of_gradients(np.ones((4, 3)))
    (0.25, 1.0)
    """
    if not np.isfinite(delta).all():
        return 1.0
    rows = _some(delta)
    whole = float(np.sum(np.square(rows)))
    with np.errstate(under="ignore"):
        return float(np.sum(np.square(rows @ rows.T))) / whole**2 if whole else 1.0


def of_slopes(slopes: Floats, above: Floats) -> float:
    """Σ p p' K (1 + 2ρ²)/(3 Σ p K_ee) of slopes and gradients above them, both (rows, neurons), at most 1.

    1 where all are 0, or one is no number, or the squared slopes of an example are all the same.

    >>> h = np.eye(4)
    >>> of_slopes(np.array([[0.0, 1, 0, 1]] * 4), np.ones((4, 4))), of_slopes(np.eye(4), h) < 0.5
    (1.0, True)
    """
    if not (np.isfinite(slopes).all() and np.isfinite(above).all()):
        return 1.0
    squares, h = np.square(_some(slopes)), _some(above)
    sizes = np.sum(np.square(h), axis=1)
    means = squares.mean(axis=1, keepdims=True)
    live = (sizes > 0) & (means[:, 0] > 0)
    if not live.any():
        return 1.0
    h, p = h[live] / np.sqrt(sizes[live, None]), sizes[live] / sizes[live].sum()
    apart = squares[live] / means[live] - 1
    K = apart @ apart.T / apart.shape[1]
    one = 3 * float(p @ np.diag(K))
    return min(1.0, float(p @ (K * (1 + 2 * np.square(h @ h.T))) @ p) / one) if one else 1.0


def _some(rows: Floats) -> Floats:
    """At most MOST of them, the largest number of which is of order 1, so that no square underflows."""
    kept = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST)).astype(int)]
    largest = float(np.max(np.abs(kept), initial=0.0))
    return np.asarray(kept / largest if largest else kept)
