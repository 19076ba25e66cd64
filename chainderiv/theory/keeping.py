"""What becomes of the gradient over a number of endlessly wide layers, from inputs of mean square 1 on."""

from __future__ import annotations

import numpy as np

from chainderiv.functions.activation import Activation
from chainderiv.kinds import Floats
from chainderiv.theory.moments import LEAST, M2, V, moments


def wide_log_ratio(activation: Activation, sigma_w: Floats, sigma_b: float, steps: int) -> Floats:
    """½ Σ log(σ_w² M₂(q_l)) over steps layers: the log of ‖∂C/∂b‖ in the first one over the last one's.

    q_1 = σ_w² + σ_b² and q_(l+1) = σ_w² V(q_l) + σ_b²; an array of the σ_w's shape, NaN where a q is beyond what
    is known.

    Examples
    --------
    >>> from chainderiv.functions.lookup import neuron
    >>> wide_log_ratio(neuron("relu"), np.array([1.0, 2.0]), 0, 4).round(9).tolist()  # √½, and √2, in each of them
    [-1.386294361, 1.386294361]
    """
    known, squared = moments(activation), np.asarray(sigma_w, float) ** 2
    # below what is tabled a slope is as at its end, and what leaves the table upwards stays out
    least, beyond = np.exp(LEAST), np.exp(known.most + 1)
    q, log = squared + sigma_b**2, np.zeros_like(squared)
    for _ in range(steps):
        v, m2 = known.near(np.fmin(np.maximum(q, least), beyond), (V, M2))
        with np.errstate(divide="ignore"):
            log, q = log + np.log(squared * m2) / 2, squared * v + sigma_b**2
    return log
