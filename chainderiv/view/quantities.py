"""What a map can show of a sweep: how each quantity is read, and what it is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainderiv.errors import BadValue, unknown_name
from chainderiv.numeric.plan import Box, Tile
from chainderiv.numeric.regime import Regime, regime
from chainderiv.numeric.sweep import LOG_QUARTER, Sweep
from chainderiv.view import labels

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Quantity:
    """One number of a sweep at each of its points.

    Attributes
    ----------
    read : (sweep, box, the sweep's readings over that box) -> ndarray of the box's shape.
    label : sweep -> symbol and unit, in mathtext.
    codes : the names of its values, if they are codes.
    of_links : whether it takes a link, which a chain of depth 1 has not.
    per : what is read divided by this is the quantity; the few values that are drawn are divided, not all.
    """

    read: Callable[[Sweep, Box, Tile], NDArray[Any]]
    label: Callable[[Sweep], str]
    codes: tuple[tuple[int, str], ...] = ()
    of_links: bool = False
    per: float = 1.0

    def over(self, sweep: Sweep, box: Box) -> Floats:
        """The quantity over a box, as float64."""
        return np.asarray(self.read(sweep, box, sweep.readings.read(box)), float) / self.per


def rate_over(sweep: Sweep, box: Box, tile: Tile) -> Floats:
    """Mean over the links of log|link|, natural, over a box."""
    return np.asarray(tile.link_log_sum / (sweep.derivation.chain.depth - 1))


QUANTITIES: dict[str, Quantity] = {
    "gradient": Quantity(
        lambda s, box, tile: tile.log_abs,
        lambda s: rf"$\log_{{10}}|{labels.gradient_symbol(s)}|$  (decades)",
        per=float(np.log(10.0)),
    ),
    "rate": Quantity(
        rate_over, lambda s: rf"rate: mean of $\ln{labels.link_symbol(s)}$  (per link)", of_links=True
    ),
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
}  # fmt: skip


def quantity_of(sweep: Sweep, name: str) -> Quantity:
    """The quantity of that name; raises UnknownName, and BadValue where the sweep has no such quantity."""
    if not isinstance(name, str) or name not in QUANTITIES:
        raise unknown_name("quantity", name, QUANTITIES)
    found = QUANTITIES[name]
    if found.of_links and sweep.derivation.chain.depth == 1:
        raise BadValue("a chain of depth 1 has no link and so no rate or regime; give depth 2 or more")
    return found
