"""Points at which a chain's gradient can be judged: drawn by choosing z_l with φ'(z_l) ≠ 0 and solving for b_l.

Where φ is flat its slope must be 0, and no such point judges that: a gradient of 0 judges nothing.
"""

from __future__ import annotations

import math

import mpmath
import numpy as np

from chainderiv import symbols
from chainderiv.compiling.arrays import array_functions
from chainderiv.functions.activation import Activation
from chainderiv.functions.precise import precise, working_digits
from chainderiv.kinds import Floats, Mask
from chainderiv.numeric.parameters import Layered, Parameters
from chainderiv.symbolic.chain import Chain

KINK_DISTANCE = 0.01  # a difference quotient must not step over a kink
EDGE = 1e-6  # of (0, 1): nearer to it y would be rounded to the edge itself, where a cost may have no value
SPREAD = np.linspace(-8.0, 8.0, 33) + 0.0625


def draw_points(chain: Chain, points: int, rng: np.random.Generator) -> Parameters:
    """Random w, b (points, depth), x and y (points,).

    |w_l| is log-uniform in [1/4, 5/4] and divided by |φ'(z_l)| where that exceeds 1, so that the orbit does not
    amplify its own rounding; z_l is normal with spread 2, redrawn near a kink and where φ' is 0; y lies above and
    below a_L in turn.
    """
    x, share = rng.uniform(-1, 1, points), rng.uniform(0, 1, points)
    w, b = np.empty((points, chain.depth)), np.empty((points, chain.depth))
    a = x
    for layer in range(1, chain.depth + 1):
        activation = chain.activation(layer)
        f, z = array_functions(activation), _draw_z(activation, points, rng)
        size = np.exp(rng.uniform(np.log(0.25), np.log(1.25), points))
        w[:, layer - 1] = rng.choice((-1, 1), points) * size / np.maximum(1.0, np.abs(f.derivative(z)))
        b[:, layer - 1] = z - w[:, layer - 1] * a
        value = f.value(w[:, layer - 1] * a + b[:, layer - 1])
        a = a + value if chain.residual else value
    return Parameters(Layered(w, stacked=True), Layered(b, stacked=True), x, _targets(chain, a, share))


def _targets(chain: Chain, a: Floats, share: Floats) -> Floats:
    """y above and below a_L in turn: were it on one side alone, a gradient that has lost its sign might pass.

    Where the cost is defined for every y it is as far from a_L as a number in (0, 1) is, else between a_L and 0 or 1.
    """
    above = np.arange(a.size) % 2 == 0
    if chain.cost.formula.is_polynomial(symbols.a, symbols.y):
        return np.asarray(a + np.where(above, 1, -1) * np.abs(a - share))
    inside = (a > EDGE) & (a < 1 - EDGE)
    return np.where(inside, np.where(above, a + (1 - a) * share, a * share), share)


def _draw_z(activation: Activation, points: int, rng: np.random.Generator) -> Floats:
    z = rng.normal(0.0, 2.0, points)
    for _ in range(200):
        bad = np.isneginf(array_functions(activation).log_abs_derivative(z)) | near_kink(activation, z)
        if not bad.any():
            break
        z = np.where(bad, rng.normal(0.0, 2.0, points), z)
    return z


def near_kink(activation: Activation, z: Floats, distance: float = KINK_DISTANCE) -> Mask:
    """Whether z lies within a distance of a kink."""
    near = np.zeros(np.shape(z), bool)
    for kink in activation.kinks:
        near = near | (np.abs(z - float(kink)) < distance)
    return near


def slope_where_flat(activation: Activation) -> tuple[float, ...]:
    """The z of a spread at which φ does not change by a digit of 240, and yet the kernel's φ' is not 0.

    >>> from chainderiv.functions.lookup import neuron
    >>> slope_where_flat(neuron("relu"))
    ()
    """
    spread = SPREAD[~near_kink(activation, SPREAD)]
    phi = precise(activation.formula, symbols.z)
    with working_digits(240):
        h = mpmath.mpf(10) ** -80
        flat = np.array([phi(mpmath.mpf(p) + h) == phi(mpmath.mpf(p) - h) for p in spread])
    functions = array_functions(activation)
    slope, value = functions.log_abs_derivative(spread), functions.log_abs_value(spread)
    # a slope this small beside φ would not show in 240 digits
    shows = slope + math.log(2) - 80 * math.log(10) > value - 235 * math.log(10)
    sloping = ~np.isneginf(slope) & (shows | np.isneginf(value))
    return tuple(float(p) for p in spread[flat & sloping])
