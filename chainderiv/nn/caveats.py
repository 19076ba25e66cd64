"""What to know of an advised start before it is used, one sentence each."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from chainderiv.compiling.arrays import array_functions
from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.nn.outlook import Outlook, Scatter
from chainderiv.theory.critical import CriticalPoint
from chainderiv.theory.gains import Gains
from chainderiv.theory.keeping import Keeping, wide_log_ratio
from chainderiv.theory.mean_field import mean_field
from chainderiv.wording import formatted

SPREAD = 10.0  # from the 5 % to the 95 % point, from which on it is said what scatters less
GROWN = 1e3  # times the signals' mean square
SHARP = 0.01  # of σ_w: an interval as narrow is said to be
SAME = 1e-9  # of a σ_w
STEEP = np.linspace(-50, 50, 20001)  # where a slope is looked for that no other exceeds


def of_critical_points(known: Gains) -> Iterator[str]:
    """What to know of the activation's critical points."""
    name, stable = known.activation.name, [p for p in known.points if p.stable]
    if not known.points:
        yield f"{name} is critical at no sigma_w without biases"
    elif not stable:
        at = ", ".join(f"{p.sigma_w:.6g}" for p in known.points)
        yield f"without biases {name} is critical at sigma_w = {at} alone, which signals leave: no network stays there"
    elif len(stable) > 1:
        yield f"{name} is critical at several sigma_w: {', '.join(f'{p.sigma_w:.6g}' for p in stable)}"
    elif stable[0].q_star > 0:
        yield _saturated(known.activation, stable[0])


def _saturated(phi: Activation, critical: CriticalPoint) -> str:
    """Where lengths settle: above what one neuron at its steepest would need."""
    steepest = float(np.abs(array_functions(phi).derivative(STEEP)).max())
    return (
        f"{phi.name} is critical, without biases, only at sigma_w = {critical.sigma_w!r}, the wide cousin of |w| >= "
        f"{1 / steepest:.4g} in a chain of single neurons: most neurons are then saturated (q* = {critical.q_star:.3g})"
    )


def of_start(known: Gains, kept: Keeping, after: Outlook, scatter: Scatter) -> Iterator[str]:
    """What to know of the start before it is used."""
    phi, gain, w = known.activation, known.gain, after.sigma_w
    if kept.depth == 1:
        yield "between one hidden layer and itself no gradient is lost, whatever sigma_w is"
        return
    if gain is not None and abs(w - gain) > SAME * gain:
        (at,) = wide_log_ratio(phi, np.array([gain]), 0.0, kept.depth - 1)
        ratio = formatted(1.0, float(at), ".3g")
        yield f"for this depth alone; the critical {gain:.6g}, which is for any, has the ratio {ratio} here"
    if after.sigma_b:
        yield "sigma_w and sigma_b are critical together, where signals stay: without biases there is no such point"
    yield from _settled(phi, w, after.sigma_b)
    if abs(after.log_signal) > math.log(GROWN):
        does, share = "grow" if after.log_signal > 0 else "shrink", formatted(1.0, after.log_signal, ".3g")
        yield f"signals {does} on their way: the last layer has {share} of the first one's z²"
    widths = [(one.high - one.low) / w for one in kept.intervals if one.low <= w <= one.high]
    if widths and widths[0] < SHARP:
        share = f"{widths[0]:.1g} of itself"
        yield f"sigma_w has to be right to {share}, and so have lengths of signals, which scatter as 1/sqrt(width)"
    if abs(scatter.mean_log) > math.log(kept.factor):
        yield "in layers of this width more than the factor is lost or gained: take wider ones, or fewer"
    if scatter.log_points[2] - scatter.log_points[0] > math.log(SPREAD):
        yield "networks scatter with depth/width: wider layers, or orthogonal weights of the same gain, scatter less"


def _settled(phi: Activation, sigma_w: float, sigma_b: float) -> Iterator[str]:
    """Where signals go in the end."""
    try:
        case = mean_field(phi, sigma_w, sigma_b).case
    except BadValue:
        return
    if case == "a line of fixed points":
        kink = ", kink at 0 and all" if phi.breaks else ""
        yield f"signals keep whatever length they have (a line of fixed points{kink}): scale the inputs"
    elif case == "growth without end":
        yield "signals grow without end: sigma_w is for this depth, and for no other"
    elif case == "q* = 0 at a kink":
        yield "signals shrink towards 0 in the end, where a kink there counts with the mean of both squared slopes"
    elif case == "q* = 0":
        yield "signals shrink towards 0 in the end, and with more layers the ratio is another"
    elif case:
        yield f"of where signals settle: {case}"
