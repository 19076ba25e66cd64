"""What stands at an axis: symbols with their names and units, and where its cells end."""

from __future__ import annotations

import numpy as np

from chainderiv.kinds import Floats
from chainderiv.maps.depth import DEPTH
from chainderiv.maps.sweep import Sweep
from chainderiv.view.choices import as_it_stands

NAMES = {"w": "weight", "b": "bias", "z": "pre-activation", "x": "input", "y": "target"}
UNCERTAIN = "uncertain"  # short enough for a legend of two columns beside a colour bar


def symbol(name: str) -> str:
    """A parameter in mathtext, without dollar signs: 'w2' gives 'w_{2}'."""
    return f"{name[0]}_{{{name[1:]}}}" if name[1:] else name


def axis_label(name: str) -> str:
    """Symbol, name and unit.

    >>> axis_label("w2")
    '$w_{2}$  (weight of layer 2, dimensionless)'
    >>> axis_label("depth")
    'depth $L$  (layers)'
    """
    if name == DEPTH:
        return "depth $L$  (layers)"
    layer = f" of layer {name[1:]}" if name[1:] else ""
    return f"${symbol(name)}$  ({NAMES[name[0]]}{layer}, dimensionless)"


def gradient_symbol(sweep: Sweep) -> str:
    """∂C/∂θ, or ∂²C/∂θ∂η, in mathtext, without dollar signs."""
    names = [symbol(name) for name in sweep.wrt.split(",")]
    if len(names) == 1:
        return rf"\partial C/\partial {names[0]}"
    below = rf"\partial {names[0]}^2" if names[0] == names[1] else rf"\partial {names[0]}\,\partial {names[1]}"
    return rf"\partial^2 C/{below}"


def link_symbol(sweep: Sweep, layer: str = "l") -> str:
    """|w_l φ'(z_l)|, or |1 + w_l φ'(z_l)|, in mathtext, without dollar signs; of one layer if it is given."""
    own, below = "1 + " if sweep.derivation.chain.residual else "", layer if layer == "l" else f"{{{layer}}}"
    return rf"|{own}w_{below}\,\varphi'(z_{below})|"


def chain_name(sweep: Sweep) -> str:
    """What was swept, with the numbers that were held."""
    chain = sweep.derivation.chain
    names = list(dict.fromkeys(f.name for f in chain.activations))
    axis = sweep.axes.get(DEPTH)
    depth = f"{chain.depth}" if axis is None else f"{axis.start:g} to {axis.stop:g}"
    layers = f"{depth}{' residual' if chain.residual else ''} layer{'s' if chain.depth > 1 else ''}"
    in_order = sorted(sweep.fixed, key=lambda name: ("wbzxy".index(name[0]), name[1:].zfill(7)))
    numbers = ", ".join(held(name, sweep.fixed[name]) for name in in_order)
    parts = f"{' and '.join(names)}, {layers}", f"{chain.cost.name} cost", numbers
    return as_it_stands("; ".join(filter(None, parts)))


def held(name: str, value: float) -> str:
    """A parameter and the number at which it is held.

    >>> held("w", -2)
    'w = −2'
    """
    return f"{name} = {value:g}".replace("-", "−")


def borders(values: Floats, scale: str = "linear") -> Floats:
    """The borders of the cells around values along an axis, shape (count + 1,); by ratios on a log axis.

    >>> borders(np.array([0.0, 1.0, 3.0])).tolist()
    [-0.5, 0.5, 2.0, 4.0]
    """
    places = np.log(values) if scale == "log" else values
    middle = places[1:] / 2 + places[:-1] / 2
    with np.errstate(over="ignore"):
        found = np.concatenate([[2 * places[0] - middle[0]], middle, [2 * places[-1] - middle[-1]]])
        found = np.exp(found) if scale == "log" else found
    # float64 may have no larger number than the outer values
    found[[0, -1]] = np.where(np.isfinite(found[[0, -1]]), found[[0, -1]], values[[0, -1]])
    return found
