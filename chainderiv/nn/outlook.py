"""What a start leads to over a depth: in endlessly wide layers, and over networks of a width."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.nn.prediction import MOST_KNOWN, of_width
from chainderiv.theory.finite_width.layer import Drawn
from chainderiv.theory.finite_width.quantiles import of_norm
from chainderiv.theory.finite_width.width import passage
from chainderiv.theory.keeping import wide_course

MOST_SPREAD = 400.0  # variance of log |g|² beyond which a median says nothing


class Outlook(NamedTuple):
    """A start, and what wide layers make of it; NaN where expectations are not known.

    log_gradient : natural logarithm of ‖∂C/∂b‖ in the first hidden layer over the last one's.
    log_signal : that of the mean square of the pre-activations in the last hidden layer over the first one's.
    """

    name: str
    sigma_w: float
    sigma_b: float
    log_gradient: float
    log_signal: float

    @property
    def gradient(self) -> float:
        """‖∂C/∂b‖ in the first hidden layer over the last one's; 0 or inf where that leaves float64."""
        return _number(self.log_gradient)

    @property
    def signal(self) -> float:
        """z² in the last hidden layer over the first one's; 0 or inf where that leaves float64."""
        return _number(self.log_signal)


class Scatter(NamedTuple):
    """The law, over networks of the width, of the gradient's ratio; NaN where it is not known.

    mean_log, sd_log : of its natural logarithm.
    log_points : that logarithm's 5, 50 and 95 % points.
    doubts : why the numbers may be off, one sentence each, as Prediction's.
    """

    mean_log: float
    sd_log: float
    log_points: tuple[float, float, float]
    doubts: tuple[str, ...]

    @property
    def median(self) -> float:
        """Of the ratio; 0 or inf where that leaves float64."""
        return _number(self.log_points[1])

    @property
    def band(self) -> tuple[float, float]:
        """The ratio's 5 and 95 % points; 0 or inf where they leave float64."""
        return _number(self.log_points[0]), _number(self.log_points[2])


UNKNOWN = Scatter(math.nan, math.nan, (math.nan, math.nan, math.nan), ())
ALWAYS = Scatter(0.0, 0.0, (0.0, 0.0, 0.0), ())


def _number(log: float) -> float:
    with np.errstate(over="ignore", under="ignore"):  # deep down no number holds it
        return float(np.exp(log))


def outlook(phi: Activation, depth: int, name: str, sigma_w: float, sigma_b: float) -> Outlook:
    """Of a start by its name, in endlessly wide layers, for inputs of mean square 1."""
    gradient, signal = wide_course(phi, np.array(sigma_w), np.array(sigma_b), depth - 1)
    return Outlook(name, sigma_w, sigma_b, float(gradient), float(signal))


def scatter_of(phi: Activation, depth: int, width: int, sigma_w: float, sigma_b: float) -> Scatter:
    """Of networks of this width, for a gradient at the last hidden layer that knows nothing of the network."""
    if depth == 1:
        return ALWAYS
    drawn = [Drawn(sigma_w / math.sqrt(width), sigma_b)] * depth
    try:
        with np.errstate(all="ignore"):  # what is no number is unknown
            log, bent, left_out = passage(phi, [width] * depth, drawn, float(width))
    except BadValue:
        return UNKNOWN
    if not np.isfinite([*log, bent]).all() or bent > MOST_KNOWN or not 0 <= log.variance <= MOST_SPREAD:
        return UNKNOWN
    return Scatter(log.mean / 2, math.sqrt(log.variance) / 2, of_norm(log), of_width(width, left_out, [log]))
