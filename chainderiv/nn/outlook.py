"""What a start leads to over a depth: in endlessly wide layers, and over networks of a width."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.nn.prediction import MOST_KNOWN, NORMAL, of_width
from chainderiv.theory.finite_width.layer import Drawn
from chainderiv.theory.finite_width.quantiles import point
from chainderiv.theory.finite_width.width import passage
from chainderiv.theory.keeping import wide_course

MOST_SPREAD = 400.0  # variance of log |g|² beyond which a median says nothing


class Outlook(NamedTuple):
    """A start, and what wide layers make of it; NaN where expectations are not known.

    gradient : ‖∂C/∂b‖ in the first hidden layer over the last one's.
    signal : mean square of the pre-activations in the last hidden layer over the first one's.
    """

    name: str
    sigma_w: float
    sigma_b: float
    gradient: float
    signal: float


class Scatter(NamedTuple):
    """The law, over networks of the width, of the gradient's ratio; NaN where it is not known.

    mean_log, sd_log : of its logarithm.
    median : of the ratio. band : its 5 and 95 % points.
    doubts : why the numbers may be off, one sentence each, as Prediction's.
    """

    mean_log: float
    sd_log: float
    median: float
    band: tuple[float, float]
    doubts: tuple[str, ...]


UNKNOWN = Scatter(math.nan, math.nan, math.nan, (math.nan, math.nan), ())
ALWAYS = Scatter(0.0, 0.0, 1.0, (1.0, 1.0), ())


def outlook(phi: Activation, depth: int, name: str, sigma_w: float, sigma_b: float) -> Outlook:
    """Of a start by its name, in endlessly wide layers, for inputs of mean square 1."""
    log, q = (float(x) for x in wide_course(phi, np.array(sigma_w), np.array(sigma_b), depth - 1))
    with np.errstate(over="ignore", under="ignore"):  # deep down no number holds it
        return Outlook(name, sigma_w, sigma_b, float(np.exp(log)), q / (sigma_w**2 + sigma_b**2))


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
    with np.errstate(over="ignore", under="ignore"):  # deep down no number holds it
        low, median, high = np.exp([point(log, x) / 2 for x in NORMAL]).tolist()
    doubts = tuple(reason for reason, holds in of_width(width, left_out, [log]).items() if holds)
    return Scatter(log.mean / 2, math.sqrt(log.variance) / 2, median, (low, high), doubts)
