"""What the explorer knows of wide layers: norms predicted, and measured in random networks, and the phase diagram.

Logarithms are kept as whole parts of a power of ten, finer than a picture shows, which keeps the page small.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.kinds import Floats, Report
from chainderiv.maps.axis import Axis
from chainderiv.nn.data.data import Data
from chainderiv.nn.initialise import INITIALISERS
from chainderiv.nn.network import Network
from chainderiv.nn.prediction import predict
from chainderiv.records.measurements import MEASURED_IMAGES
from chainderiv.theory.critical import stable_line
from chainderiv.theory.mean_field import mean_field
from chainderiv.theory.phase import phase_diagram

NEURONS = ("sigmoid", "tanh", "relu", "elu", "selu", "gelu")
STARTS = ("nielsen", "large", "glorot", "he", "lecun", "critical")
DEPTHS = (1, 2, 3, 4, 8, 16, 32)  # hidden layers
WIDTH, SEEDS, COST = 100, 8, "cross_entropy"
# no column at √2: gelu's lengths settle on one side of it and grow without end on the other, and there χ₁ is not known
SIGMA_W, SIGMA_B, LINE_POINTS = Axis(0.25, 16, 38, scale="log"), Axis(0, 2, 21), 80
NORM_PARTS, CHI_PARTS = 100, 1000  # of a power of ten
LIBRARY = "full_width.json"
MADE_BY = (
    "from chainderiv.pages.explorer.full_width import save_full_width; save_full_width('full_width.json', 'mnist')"
)


def full_width(
    activations: Sequence[Activation],
    data: Data,
    depths: Sequence[int] | None = None,
    seeds: int | None = None,
    starts: Sequence[str] | None = None,
    report: Report | None = None,
) -> dict[str, Any]:
    """Of each activation what its networks [pixels, 100, …, 100, classes] give, as plain JSON values.

    Each start has `predicted`, by number of hidden layers the 5, 50 and 95 % points of log₁₀ ‖∂C/∂b_l‖ of each layer as
    three lists, and `measured`, by number of hidden layers one such list for each of the seeds 0, 1, …; None stands
    for what the theory refuses, and for a norm of 0. `phase` holds log₁₀ χ₁ over σ_w and σ_b, a row for each σ_b,
    and the critical line. Norms are in hundredths, log₁₀ χ₁ in thousandths.

    Examples
    --------
    >>> import chainderiv as cd
    >>> made = full_width([cd.ACTIVATIONS["tanh"]], cd.load_data("digits"), [2], seeds=1, starts=["glorot"])
    >>> made["neurons"]["tanh"]["starts"]["glorot"]["predicted"]["2"]
    [[3, 12], [13, 19], [22, 26]]
    """
    depths, seeds, starts = depths or DEPTHS, seeds or SEEDS, starts or STARTS
    asked = [(phi, name) for phi in activations for name in starts]
    found: dict[str, Any] = {phi.name: {"starts": {}, "phase": _phase(phi)} for phi in activations}
    for done, (phi, name) in enumerate(asked, 1):
        found[phi.name]["starts"][name] = _start(phi, name, data, depths, seeds)
        if report:
            report("wide layers", done, len(asked))
    return {
        **{"data": data.name, "images": len(data.train.first(MEASURED_IMAGES)), "width": WIDTH, "cost": COST},
        **{
            "sizes": [data.pixels, data.classes],
            "depths": list(depths),
            "seeds": seeds,
            "parts": [NORM_PARTS, CHI_PARTS],
        },
        "axes": {"sigma_w": _spread(SIGMA_W), "sigma_b": _spread(SIGMA_B)},
        "about": {name: INITIALISERS[name].about for name in starts},
        "neurons": found,
    }


def save_full_width(path: str, data: str) -> None:
    """Write what the package ships: of NEURONS, on the data of that name."""
    from chainderiv.nn.data.data import load_data

    made = full_width([ACTIVATIONS[name] for name in NEURONS], load_data(data), report=print)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"made_by": MADE_BY, **made}, file, separators=(",", ":"), ensure_ascii=False)
        file.write("\n")


@lru_cache(maxsize=1)
def shipped() -> dict[str, Any]:
    """What was measured on MNIST, with the line that made it."""
    text = files("chainderiv.pages.explorer").joinpath(LIBRARY).read_text(encoding="utf-8")
    return dict(json.loads(text))


def _start(phi: Activation, name: str, data: Data, depths: Sequence[int], seeds: int) -> dict[str, Any]:
    """One initialisation: its σ in layers of WIDTH, what the theory says there, and the norms."""
    try:
        law = INITIALISERS[name].of(phi)
    except BadValue as e:
        return {"refused": str(e)}
    sigmas = law.sigma(WIDTH, WIDTH) * math.sqrt(WIDTH), law.sigma_b
    made: dict[str, Any] = {"sigma": sigmas, "chi_1": _chi(phi, *sigmas), "predicted": {}, "measured": {}, "doubts": {}}
    for hidden in depths:
        sizes = [data.pixels, *[WIDTH] * hidden, data.classes]
        made["predicted"][hidden], made["doubts"][hidden] = _predicted(sizes, phi, name, data)
        made["measured"][hidden] = [_measured(sizes, phi, name, data, seed) for seed in range(seeds)]
    # with the keys that JSON has, so that what is shipped and what is made are alike
    return dict(json.loads(json.dumps(made)))


def _predicted(sizes: Sequence[int], phi: Activation, name: str, data: Data) -> tuple[Any, list[str]]:
    try:
        found = predict(sizes, phi, COST, init=name, data=data)
    except BadValue as e:
        return None, [str(e)]
    return [_parts(points, NORM_PARTS) for points in found.log_points.T], list(found.doubts)


def _measured(sizes: Sequence[int], phi: Activation, name: str, data: Data, seed: int) -> list[int | None]:
    """log₁₀ ‖∂C/∂b_l‖ of each hidden layer of one network before training."""
    split = data.train.first(MEASURED_IMAGES)
    net = Network(sizes, phi, COST, init=name, rng=seed)
    gradients = net.log_mean_bias_gradients(split.images, split.labels)[:-1]
    return _parts(np.array([float(one.norm().log) for one in gradients]), NORM_PARTS)


def _chi(phi: Activation, sigma_w: float, sigma_b: float) -> float | None:
    try:
        return float(f"{mean_field(phi, sigma_w, sigma_b).chi_1:.5g}")
    except BadValue:
        return None


def _phase(phi: Activation) -> dict[str, Any]:
    """log₁₀ χ₁, a row for each σ_b, "zero" where χ₁ is 0; and the critical line in pieces of (σ_w, σ_b)."""
    chi = phase_diagram(phi, SIGMA_W, SIGMA_B).chi_1
    with np.errstate(divide="ignore"):
        known = [_parts(row, CHI_PARTS) for row in np.log(chi)]
    rows = [["zero" if x == 0 else part for x, part in zip(*row, strict=True)] for row in zip(chi, known, strict=True)]
    return {"chi_1": rows, "line": _pieces(*stable_line(phi, np.linspace(SIGMA_B.start, SIGMA_B.stop, LINE_POINTS)))}


def _pieces(w: Floats, b: Floats) -> list[list[list[float]]]:
    """A line within the axes, parted where it has gaps, with no more points than are seen."""
    on = (w >= SIGMA_W.start) & (w <= SIGMA_W.stop) & (b >= SIGMA_B.start) & (b <= SIGMA_B.stop)
    runs = np.split(np.arange(w.size), np.flatnonzero(np.diff(on)) + 1)
    kept = [run[np.unique(np.linspace(0, run.size - 1, LINE_POINTS).astype(int))] for run in runs if on[run[0]]]
    return [[[float(f"{x:.4g}") for x in (w[k], b[k])] for k in run] for run in kept]


def _parts(logs: Floats, parts: int) -> list[int | None]:
    """Natural logarithms as so many parts of a power of ten; None for what is no number."""
    return [round(parts * log / math.log(10)) if math.isfinite(log) else None for log in logs.tolist()]


def _spread(axis: Axis) -> dict[str, Any]:
    return {"start": axis.start, "stop": axis.stop, "count": axis.count, "log": axis.scale == "log"}
