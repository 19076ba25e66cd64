"""A map in a few numbers, as JSON holds them: what was swept, and what its points come to."""

from __future__ import annotations

import math
from typing import Any

from chainderiv.functions.described import text_of
from chainderiv.maps.counted import Tally
from chainderiv.maps.plan import Plan


def summary(plan: Plan, found: Tally) -> dict[str, Any]:
    """Shares are fractions of the points, sizes log10 of |gradient|; axes are (start, stop, count, scale).

    >>> from chainderiv import Axis, Chain, sweep
    >>> from chainderiv.maps.tally import tally
    >>> s = sweep(Chain(depth=4), w=Axis(-12, 12, 5), b=Axis(-10, 10, 3))
    >>> found = summary(s.plan, tally(s))
    >>> found["points"], found["axes"]["b"], found["exact_zeros"]
    (15, [-10.0, 10.0, 3, 'linear'], 3)
    """
    chain = plan.derivation.chain
    result: dict[str, Any] = {
        "activation": [f.name for f in chain.activations],
        "formula": [text_of(f.formula) for f in chain.activations],
        "depth": chain.depth,
        "cost": chain.cost.name,
        "residual": chain.residual,
        "wrt": plan.derivation.named,
        "axes": {name: [axis.start, axis.stop, axis.count, axis.scale] for name, axis in plan.axes.items()},
        "fixed": dict(plan.fixed),
        "points": found.points,
        "exact_zeros": found.zeros,
        "undefined": found.undefined,
        "log10_smallest": found.smallest / math.log(10),
        "log10_largest": found.largest / math.log(10),
        "below_quarter": found.below_quarter / found.points,
        "uncertain": found.uncertain / found.points,
        "uncertain_points": found.uncertain,
    }
    if found.regimes:
        result["regimes"] = {r.name.lower(): count / found.points for r, count in found.regimes.items()}
    return result
