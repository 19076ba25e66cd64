"""predict(): how large a network's gradients will be in each layer, and how seeds will scatter, before one is drawn."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainderiv.errors import BadShape, BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import Cost, cost as find_cost
from chainderiv.functions.lookup import neuron
from chainderiv.given import of_kind, shown, truth
from chainderiv.kinds import Floats
from chainderiv.nn.checks import layer_sizes
from chainderiv.nn.data.data import Data, Split
from chainderiv.nn.initialise import Initialiser, initialiser
from chainderiv.nn.output_layer import OutputLayer, output_layer
from chainderiv.nn.starts import Gaussian, Own, Start
from chainderiv.records.measurements import MEASURED_IMAGES
from chainderiv.shown import Shown, Shows
from chainderiv.theory.finite_width.end import End, Ending
from chainderiv.theory.finite_width.layer import Drawn
from chainderiv.theory.finite_width.logarithm import Cumulants
from chainderiv.theory.finite_width.quantiles import expands, of_norm
from chainderiv.theory.finite_width.residual import residual_course
from chainderiv.theory.finite_width.softmax_end import SoftmaxEnd
from chainderiv.theory.finite_width.width import Course, course
from chainderiv.theory.moments import moments
from chainderiv.wording import formatted, share

MOST_LEFT_OUT = 0.03  # what two standard errors are of 4000 networks
MOST_KNOWN = 1.0
MOST_TURNING = 0.25
MOST_SINGLE = 0.05
MOST_APART = 2.0
LEAST_ALIKE = 0.1
FEWEST = 10  # neurons in a layer
MANY = 5  # layers of one width, from which on their number is told


@dataclass(frozen=True, eq=False)
class Prediction(Shows):
    """What ‖∂C/∂b_l‖₂, the norm of the mean over the images, will be in each of H hidden layers of a random network.

    Attributes
    ----------
    mean_log, sd_log : (H,). Mean and standard deviation, over networks, of its natural logarithm.
    median : (H,). Of the norm itself; 0 or inf where some hundreds of layers take it out of float64.
    band : (H, 2). Where the norm lies in 90 of 100 networks: its 5 and 95 % points.
    log_points : (H, 3). Natural logarithms of the 5, 50 and 95 % points, at any depth.
    ratios : (H - 1,). exp of the mean log of a hidden layer's norm over that of the next one.
    sd_log_ratio : (H - 1,). Standard deviation of that logarithm.
    ratio_band : (H - 1, 2). Where the ratio lies in 90 of 100 networks: its 5 and 95 % points.
    doubts : why the numbers may be off, one sentence each; empty where none is known.
    trusted : whether there are none.

    Examples
    --------
    >>> import chainderiv as cd
    >>> print(cd.predict([64, 30, 30, 10], data=cd.load_data("digits")))
    [64, 30, 30, 10], sigmoid, cross_entropy, nielsen: ‖∂C/∂b‖ before training
    hidden layer  median   5 %      95 %     sd of log  ratio to the next  5 to 95 %
    ------------  -------  -------  -------  ---------  -----------------  ----------------
    1             0.05831  0.03693  0.08744  0.2625     0.2009             0.1567 to 0.2522
    2             0.2907   0.1972   0.4039   0.2187
    """

    sizes: tuple[int, ...]
    title: str
    mean_log: Floats
    sd_log: Floats
    median: Floats
    band: Floats
    log_points: Floats
    ratios: Floats
    sd_log_ratio: Floats
    ratio_band: Floats
    doubts: tuple[str, ...]

    @property
    def trusted(self) -> bool:
        """Whether nothing is known that speaks against the numbers."""
        return not self.doubts

    def _shown(self) -> Shown:
        header = ("hidden layer", "median", "5 %", "95 %", "sd of log", "ratio to the next", "5 to 95 %")
        bands = [f"{low:.4g} to {high:.4g}" for low, high in self.ratio_band]
        ratios = [(f"{ratio:.4g}", band) for ratio, band in zip(self.ratios, bands, strict=True)] + [("", "")]
        rows = []
        for n, (logs, sd, ratio) in enumerate(zip(self.log_points, self.sd_log, ratios, strict=True), 1):
            low, median, high = (formatted(1.0, log, ".4g") for log in logs)
            rows.append((str(n), median, low, high, f"{sd:.4g}", *ratio))
        return Shown([self.title], header, rows, [f"not trusted: {doubt}" for doubt in self.doubts])


def predict(
    sizes: Sequence[int],
    activation: str | Activation = "sigmoid",
    cost: str | Cost = "cross_entropy",
    output: str | Activation | None = None,
    init: str | Gaussian | Callable[[np.random.Generator, int, int], Any] = "nielsen",
    *,
    data: Data | Split,
    residual: bool = False,
) -> Prediction:
    """The size of ∂C/∂b in each hidden layer of Network(sizes, …) before training, without drawing a network.

    log ‖g_l‖² = log ‖g_{l+1}‖² + log(n_l Var W_{l+1}) + log (1/n_l) Σ_j ψ(v_j)² h_j², layer by layer for these widths.

    Parameters
    ----------
    sizes, activation, cost, output, init : as Network takes them; the init one whose standard deviations are known, so
        no function.
    residual : whether layers add their input, as in Network.
    data : what the gradient is measured on: a Split, of all its images; of Data the first 1000 training images, as a
        record does. Only mean |x|², the mean of x·x' over pairs, and the shares of the classes are used.

    Raises
    ------
    BadValue
        Without a hidden layer, for an own function as init, data that are none, and where signals
        grow without end. UnknownName and CostDomain as Network.
    BadShape
        For data of another number of pixels, or labels that no output has.

    Sources: Poole et al. (2016), Schoenholz et al. (2017) for wide layers; Hanin and Nica (2019), Roberts, Yaida and
    Hanin (2022) for 1/width.

    Examples
    --------
    >>> import chainderiv as cd
    >>> found = cd.predict([64, 30, 30, 10], "tanh", init="critical", data=cd.load_data("digits"))
    >>> found.median.round(2).tolist(), found.trusted
    ([0.92, 1.11], True)
    """
    counts, phi = layer_sizes(sizes), neuron(activation)
    last, start = output_layer(output, find_cost(cost), phi), initialiser(init)
    if len(counts) < 3:
        raise BadValue(f"sizes are {shown(list(counts))}; give a hidden layer as well, such as [784, 30, 10]")
    law = _law(start, phi)
    images, shares = _inputs(data, counts)
    square, product = _lengths(images)
    drawn = [Drawn(law.sigma(n, m), law.sigma_b) for m, n in itertools.pairwise(counts)]
    moments(phi)  # refuses what jumps
    walked = residual_course if truth("residual", residual) else course
    with np.errstate(all="ignore"):  # what is no number is refused
        found = walked(phi, counts[1:-1], drawn, square, product, len(images), _end(last, shares))
    _require_law(found, phi, start)
    named = f"{_told(counts)}, {phi.name}, {last.cost.name}, {start.name}{', residual' * residual}"
    title = f"{named}: ‖∂C/∂b‖ before training"
    return _read(counts, title, found, _doubts(found, law, counts, product / square if square else 1.0))


def _require_law(found: Course, phi: Activation, start: Initialiser) -> None:
    """Raise BadValue where a logarithm has no mean and variance that the first order in 1/width finds."""
    given = f"activation {phi.name!r} at init={start.name!r}"
    if not np.isfinite([[*log] for log in found.logs]).all():
        raise BadValue(f"signals or gradients of {given} leave float64; give smaller weights")
    variances = [log.variance for log in found.logs[:-1]] + [step.variance for step in found.steps[:-1]]
    if found.bent > MOST_KNOWN or min(variances) < 0:
        raise BadValue(
            f"lengths under {given} differ too much from network to network for the first order in 1/width; "
            "give smaller weights, or wider layers"
        )


def _told(counts: tuple[int, ...]) -> str:
    """The widths, many equal ones in short.

    >>> _told((64, *[30] * 50, 10))
    '[64, 30 × 50, 10]'
    """
    runs = [(width, len(list(run))) for width, run in itertools.groupby(counts)]
    parts = (f"{width} × {many}" if many > MANY else ", ".join([str(width)] * many) for width, many in runs)
    return f"[{', '.join(parts)}]"


def _law(start: Initialiser, phi: Activation) -> Start:
    law = start.of(phi)
    if isinstance(law, Own):
        raise BadValue(f"init is the function {law.name!r}, whose σ are not known; give a name or a Gaussian")
    return law


def _inputs(data: Any, counts: tuple[int, ...]) -> tuple[Floats, Floats]:
    """The images that a record measures on, and the shares of the classes."""
    of_kind("data", data, Data | Split, "what load_data gives, or a Split")
    split = data.train.first(MEASURED_IMAGES) if isinstance(data, Data) else data
    if not len(split):
        raise BadShape("data hold no image; give at least one")
    if split.images.shape[1] != counts[0]:
        raise BadShape(f"data have {split.images.shape[1]} pixels and sizes begin with {counts[0]}; give as many")
    if not 0 <= split.labels.min() <= split.labels.max() < counts[-1]:
        raise BadShape(f"data have the label {split.labels.max()}; give labels from 0 to {counts[-1] - 1}")
    return np.asarray(split.images, float), np.bincount(split.labels, minlength=counts[-1]) / len(split)


def _lengths(images: Floats) -> tuple[float, float]:
    """Mean |x|², and the mean of x·x' over pairs of two images."""
    n, squares = len(images), float((images**2).sum())
    if n == 1:
        return squares, squares
    return squares / n, float((images.sum(axis=0) ** 2).sum() - squares) / (n * (n - 1))


def _end(last: OutputLayer, shares: Floats) -> Ending:
    if last.activation is None:
        return SoftmaxEnd(shares)

    def delta(z: Floats, target: float) -> Floats:
        column = np.asarray(z, float).reshape(-1, 1)
        return np.asarray(last.delta(column, np.full(column.shape, target))).reshape(np.shape(z))

    return End(delta, tuple(float(b) for b in last.activation.breaks), shares)


def _doubts(found: Course, law: Start, counts: tuple[int, ...], alike: float) -> tuple[str, ...]:
    """Why the numbers may be off."""
    of_single = found.single / (1 + found.single)
    reasons = {
        f"weights of {law.name!r} are taken as normal ones of the same σ": law.law != "normal",
        "the gradient lies along what the weights have made, by so much that the first order in 1/width does not do: "
        "give wider layers": found.turning > MOST_TURNING,
        f"gradients of single images make {share(of_single, 0)} of the mean's square, and scatter otherwise": (
            found.single > MOST_SINGLE
        ),
        f"images have little in common, a mean x·x' of {alike:.2f} times the mean |x|²": alike < LEAST_ALIKE,
        "layers tell images apart, so that more than the mean of x·x' would have to be known of the data": (
            found.apart > MOST_APART
        ),
    }
    return (*of_width(min(counts[1:-1]), found.left_out, found.logs[:-1]), *_holding(reasons))


def of_width(fewest: int, left_out: float, logs: Sequence[Cumulants]) -> tuple[str, ...]:
    """What a finite width may do to the numbers."""
    reasons = {
        f"a layer is {fewest} wide, and what is left out shrinks with the square of that": fewest < FEWEST,
        f"the second order in 1/width, which is left out, moves a mean by about {left_out:.2g} standard deviations: "
        "chi_q is near 1, a fixed point is near, or layers are narrow": left_out > MOST_LEFT_OUT,
        "the law of the logarithm is so skew that the points of the band are rough": not all(map(expands, logs)),
    }
    return _holding(reasons)


def _holding(reasons: dict[str, bool]) -> tuple[str, ...]:
    return tuple(reason for reason, holds in reasons.items() if holds)


def _read(counts: tuple[int, ...], title: str, found: Course, doubts: tuple[str, ...]) -> Prediction:
    """The logs of squares as norms."""
    logs, steps = found.logs[:-1], found.steps[:-1]
    log_points = np.array([of_norm(log) for log in logs])
    with np.errstate(over="ignore", under="ignore"):  # deep down the logarithm alone holds it
        points = np.exp(log_points)
        of_ratios = np.exp(np.array([of_norm(step) for step in steps]).reshape(-1, 3))
        step_mean, step_variance = np.array([step[:2] for step in steps]).reshape(-1, 2).T
        ratios = np.exp(step_mean / 2)
    mean, variance = np.array([log[:2] for log in logs]).T
    return Prediction(
        counts,
        title,
        mean / 2,
        np.sqrt(variance) / 2,
        points[:, 1],
        points[:, ::2],
        log_points,
        ratios,
        np.sqrt(step_variance) / 2,
        of_ratios[:, ::2],
        doubts,
    )
