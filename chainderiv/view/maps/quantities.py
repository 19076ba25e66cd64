"""What a map can show of a sweep: how each quantity is read, and what it is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from chainderiv.errors import BadValue, unknown_name
from chainderiv.kinds import Array, Box, Floats
from chainderiv.maps.layer_map import activation_over, factor_over
from chainderiv.maps.regime import LOG_QUARTER, Regime, regime
from chainderiv.maps.sweep import Sweep
from chainderiv.numeric.reading import Reading
from chainderiv.view.maps import labels


@dataclass(frozen=True)
class Quantity:
    """One number of a sweep at each of its points.

    Attributes
    ----------
    read : (sweep, box, the sweep's readings over that box) -> ndarray of the box's shape.
    label : sweep -> symbol and unit, in mathtext.
    codes : the names of its values, if they are codes.
    of_links : whether it takes a link, which a chain of depth 1 has not.
    hatched : whether what is uncertain is hatched over it.
    per : what is read divided by this is the quantity; the few values that are drawn are divided, not all.
    layer : the layer that it is of, if it is of one.
    logarithm : whether it is one, so that -inf stands for an exact 0.
    signed : whether the sweep's sign is its sign.

    Examples
    --------
    >>> from chainderiv import Axis, Chain, sweep
    >>> s = sweep(Chain(depth=4), w=Axis(50, 100, 2), z=0)
    >>> (10 ** quantity_at("factor:2", 4).over(s, (slice(0, 2),))).round(9).tolist()
    [12.5, 25.0]
    """

    read: Callable[[Sweep, Box, Reading], Array]
    label: Callable[[Sweep], str]
    codes: tuple[tuple[int, str], ...] = ()
    of_links: bool = False
    hatched: bool = True
    per: float = 1.0
    layer: int = 0
    logarithm: bool = True
    signed: bool = False

    def absent(self, depth: int) -> str:
        """Why a chain of that depth has no such number, '' where it has.

        >>> quantity_at("factor:3", 4).absent(2)
        'depth 2 has no layer 3'
        """
        if self.of_links and depth == 1:
            return "depth 1 has no link,\nand so no rate or regime"
        return f"depth {depth} has no layer {self.layer}" if self.layer > depth else ""

    def over(self, sweep: Sweep, box: Box) -> Floats:
        """The quantity over a box, as float64."""
        return np.asarray(self.read(sweep, box, sweep.readings.read(box)), float) / self.per


def rate_over(sweep: Sweep, box: Box, tile: Reading) -> Floats:
    """Mean over the links of log|link|, natural, over a box."""
    with np.errstate(invalid="ignore"):  # at depth 1 there is none
        return np.asarray(tile.link_log_sum / sweep.plan.links(box))


QUANTITIES: dict[str, Quantity] = {
    "gradient": Quantity(
        lambda s, box, tile: tile.log_abs,
        lambda s: rf"$\log_{{10}}|{labels.gradient_symbol(s)}|$  (decades)",
        per=float(np.log(10.0)),
        signed=True,
    ),
    "rate": Quantity(rate_over, lambda s: rf"rate: mean of $\ln{labels.link_symbol(s)}$  (per link)", of_links=True),
    "regime": Quantity(
        lambda s, box, tile: regime(rate_over(s, box, tile)),
        lambda s: "regime of the rate",
        tuple((int(r), r.name.lower()) for r in Regime),
        of_links=True,
    ),
    "below_quarter": Quantity(
        lambda s, box, tile: tile.largest_link < LOG_QUARTER,
        lambda s: f"every link ${labels.link_symbol(s)} < 1/4$",
        ((0, "some link is 1/4 or more"), (1, "every link is under 1/4")),
    ),
    "uncertain": Quantity(
        lambda s, box, tile: tile.uncertain,
        lambda s: "what rounding leaves uncertain",
        ((0, "certain within 1e-9"), (1, "uncertain by over 1e-9")),
        hatched=False,  # it would be said twice
    ),
}


def _factor(layer: int) -> Quantity:
    return Quantity(
        lambda s, box, tile: factor_over(s.plan, box, layer).log,
        lambda s: rf"$\log_{{10}}{labels.link_symbol(s, str(layer))}$  (decades)",
        per=float(np.log(10.0)),
        layer=layer,
    )


def _activation(layer: int) -> Quantity:
    largest = np.finfo(float).max  # a relu chain leaves float64
    return Quantity(
        lambda s, box, tile: np.clip(activation_over(s.plan, box, layer).to_float(), -largest, largest),
        lambda s: f"$a_{{{layer}}}$  (activation of layer {layer}, dimensionless)",
        layer=layer,
        logarithm=False,
    )


LAYERED: dict[str, Callable[[int], Quantity]] = {"factor": _factor, "activation": _activation}


def quantity_at(name: str, depth: int) -> Quantity:
    """The quantity of that name for a chain of a depth.

    Parameters
    ----------
    name : 'gradient', 'rate', 'regime', 'below_quarter', 'uncertain', or of one layer 'factor:3' or 'activation:3'.

    Raises
    ------
    UnknownName
        For another name.
    BadValue
        For a layer that the chain has not, and a rate or regime at depth 1.

    Examples
    --------
    >>> quantity_at("rate", 4).of_links
    True
    """
    if not isinstance(name, str):
        raise unknown_name("quantity", name, QUANTITIES)
    kind, _, layer = name.partition(":")
    if kind in LAYERED:
        if not layer.isdecimal() or not 1 <= int(layer) <= depth:
            raise BadValue(f"quantity {name!r} names no layer of the chain; give {kind}:1 … {kind}:{depth}")
        return LAYERED[kind](int(layer))
    if name not in QUANTITIES:
        raise unknown_name("quantity", name, [*QUANTITIES, *(f"{kind}:{min(2, depth)}" for kind in LAYERED)])
    if QUANTITIES[name].of_links and depth == 1:
        raise BadValue("a chain of depth 1 has no link and so no rate or regime; give depth 2 or more")
    return QUANTITIES[name]
