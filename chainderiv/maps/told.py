"""A map in words: what was swept, and what its points come to."""

from __future__ import annotations

from chainderiv.maps.counted import Tally
from chainderiv.maps.depth import DEPTH
from chainderiv.maps.plan import Plan
from chainderiv.shown import Shown
from chainderiv.symbolic.second import SecondDerivation
from chainderiv.wording import lowered


def told(plan: Plan, found: Tally | None) -> Shown:
    """What was swept, and its tally; where it was not taken, how many points there are.

    >>> from chainderiv.maps.keywords import Axis, Chain, plan_of
    >>> plan = plan_of(Chain(depth=4), w=Axis(-12, 12, 5), b=Axis(-10, 10, 3))
    >>> print(told(plan, None).text())
    ∂C/∂b₁ of sigmoid, depth 4, over w -12:12:5 x b -10:10:3
      points: 15 (tally() counts them)
    """
    second = isinstance(plan.derivation, SecondDerivation)
    rows = [("points:", f"{plan.points:,} (tally() counts them)")] if found is None else found.rows(second)
    return Shown([_swept(plan)], rows=rows)


def _swept(plan: Plan) -> str:
    chain = plan.derivation.chain
    shape = " x ".join(f"{name} {axis.start:g}:{axis.stop:g}:{axis.count}" for name, axis in plan.axes.items())
    parameters = [f"∂{p[0]}{lowered(p[1:])}" for p in plan.derivation.named.split(",")]
    gradient = f"∂C/{parameters[0]}" if len(parameters) == 1 else f"∂²C/{''.join(parameters)}"
    along = plan.axes.get(DEPTH)
    depth = f"{chain.depth}" if along is None else f"{along.start:g} to {along.stop:g}"
    return f"{gradient} of{' residual' * chain.residual} {chain.activation(1).name}, depth {depth}, over {shape}"
