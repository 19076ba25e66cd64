"""tally(): what a map comes to in a few numbers."""

from __future__ import annotations

from chainderiv.given import of_kind
from chainderiv.maps.counted import Tally, counted
from chainderiv.maps.sweep import Sweep


def tally(swept: Sweep) -> Tally:
    """Count over a whole map of any size, which is read tile by tile; raises BadValue for what is no Sweep.

    >>> from chainderiv import Axis, Chain, Regime, sweep
    >>> found = tally(sweep(Chain(depth=4), w=Axis(-12, 12, 5), b=Axis(-10, 10, 3)))
    >>> found.points, found.zeros, found.below_quarter, found.regimes[Regime.VANISHING]
    (15, 3, 12, 15)
    """
    of_kind("swept", swept, Sweep, "what sweep(…) returns")
    return counted(swept.plan, swept.readings)
