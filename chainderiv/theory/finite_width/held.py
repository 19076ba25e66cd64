"""Whether the numbers of a layer are known: what is infinite, or out of the nodes' reach, is refused in one line."""

from __future__ import annotations

import numpy as np

from chainderiv.compiling.arrays import array_functions
from chainderiv.functions.activation import Activation
from chainderiv.kinds import Floats
from chainderiv.theory.finite_width.blurred import Values
from chainderiv.theory.gaussian import Divergent, gaussian, reached

KNOWN = 1e-5  # relative error of a second moment, and the outermost nodes' share of a fourth one, that is too much
NOTHING = 1e-280


def require_known(activation: Activation, p: float, tau: float, at: Values) -> None:
    """Raise BadValue where E φ², E φ'² or a fourth moment of a layer is not a number that its nodes find.

    Those of z ~ N(0, p + τ) are found a second time, by panels that are halved and reach as far as they have to: 1/z
    has no E φ², however many nodes there are.
    """
    q, functions = np.array([p + tau]), array_functions(activation)

    def powers(z: Floats, _: Floats) -> Floats:
        squares = np.array([functions.value(z), functions.derivative(z)]) ** 2
        return np.concatenate([squares, squares**2])

    found = reached(gaussian(powers, q, [float(b) for b in activation.breaks]), q)
    with np.errstate(all="ignore"):
        sums = at.weights @ np.array([at.mean**2 + at.variance, at.squared_slope]).T
        off = found.error[:, 0] + np.append(np.abs(sums - found.value[:2, 0]), [0.0, 0.0])
        fourth = np.array([at.mean**4, at.slope**4, at.mean**2 * at.slope**4]) * at.weights
        outermost = fourth[:, 0] + fourth[:, -1]
        lost = (
            ~(off <= KNOWN * found.value[:, 0] + NOTHING).all()
            or ~(outermost <= KNOWN * fourth.sum(axis=1) + NOTHING).all()
        )
    if not at.expect(at.slope**2) > 0:
        raise Divergent(
            f"activation {activation.name!r} has no slope that float64 tells from 0 at the variance q = {q[0]:.4g}, so "
            "that no gradient passes; give larger weights, or an activation that is steeper there"
        )
    if lost:
        raise Divergent(
            f"what activation {activation.name!r} has for means at the variance q = {q[0]:.4g} is infinite, or not "
            "known; give smaller weights, or an activation that grows more slowly and has no steep place"
        )
