"""A cut through a map: the plan over the axes that are left, at given numbers on the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chainderiv.errors import BadValue
from chainderiv.given import is_finite, shown
from chainderiv.maps.depth import DEPTH
from chainderiv.maps.plan import Plan


def cut_plan(plan: Plan, at: Mapping[str, Any]) -> Plan:
    """The plan of a map at one number on each of some of its axes, in a single tile.

    Raises BadValue for a name that is no axis, a number outside it, no name, and all of them.

    >>> from chainderiv.maps.axis import Axis
    >>> from chainderiv.maps.keywords import plan_of
    >>> from chainderiv.symbolic.chain import Chain
    >>> plan = cut_plan(plan_of(Chain(4), w=Axis(-12, 12, 5), b=Axis(-10, 10, 3)), {"w": 2.5})
    >>> plan.shape, plan.fixed["w"]
    ((3,), 2.5)
    """
    if not at or len(at) >= len(plan.axes):
        raise BadValue(
            f"{len(at)} of {len(plan.axes)} axes are cut; give a number for one or more of {', '.join(plan.axes)}, and "
            "leave one at least"
        )
    for name, value in at.items():
        if name not in plan.axes:
            raise BadValue(f"{shown(name)} is no axis of the map; cut {' or '.join(plan.axes)}")
        axis = plan.axes[name]
        if not is_finite(value) or not axis.start <= value <= axis.stop:
            raise BadValue(f"{name} is cut at {shown(value)}; give a number from {axis.start:g} to {axis.stop:g}")
    if DEPTH in at:
        plan = _at_depth(plan, at[DEPTH])
    numbers = {name: float(value) for name, value in at.items() if name != DEPTH}
    axes = {name: axis for name, axis in plan.axes.items() if name not in numbers}
    shape = tuple(axis.count for axis in axes.values())
    return replace(plan, axes=axes, fixed={**plan.fixed, **numbers}, tile_shape=shape)


def _at_depth(plan: Plan, depth: float) -> Plan:
    if depth != int(depth):
        raise BadValue(f"depth is cut at {depth!r}; give a whole number")
    return plan.at_depth(int(depth))
