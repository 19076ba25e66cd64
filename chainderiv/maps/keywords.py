"""The keywords of a sweep -> Plan."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from chainderiv.errors import BadValue
from chainderiv.maps.axis import Axis
from chainderiv.maps.depth import DEPTH, deepest
from chainderiv.maps.plan import Plan
from chainderiv.numeric.kernel import suitable_engine
from chainderiv.numeric.parameters import numbers
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.derive import Wrt, derive


def plan_of(chain: Chain, wrt: Wrt = "b1", engine: str | None = None, **parameters: Any) -> Plan:
    """The Plan of a sweep, from the same keywords, in a single tile; raises as sweep does."""
    if isinstance(wrt, str) and "/" in wrt:
        of, by = chain.quotient(wrt)
        raise BadValue(
            f"wrt is {wrt!r}, which has no map of its own; give a chain of the layers up to {of} whose cost is it, "
            f"as Chain({of.layer}, …, cost=Cost('{of}', a)), and wrt {str(by)!r}"
        )
    chain = deepest(chain, wrt, parameters)
    derivation = derive(chain, wrt)
    values = _checked(chain, {"x": 0.5, "y": 0.0} | parameters)
    # the order of the dimensions is that of the caller's keywords
    axes = {name: values[name] for name in [*parameters, *values] if isinstance(values[name], Axis)}
    if not axes:
        raise BadValue("nothing is swept; give at least one parameter as an Axis(start, stop, count)")
    fixed = {name: float(v) for name, v in values.items() if name not in axes}
    counts = [axis.count for axis in axes.values()]
    engine = engine or suitable_engine(derivation, math.prod(counts))
    return Plan(derivation, engine, axes, fixed, tuple(counts))


def _checked(chain: Chain, given: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in ("w", "b", "z", "x", "y", DEPTH):
            if not re.fullmatch(r"[wb][0-9]+", name):
                raise BadValue(f"parameter {name!r} is unknown; give w, b, z, x, y or one layer's, such as w2 or b3")
            chain.parameter(name)
        if isinstance(value, Axis):
            values[name] = value
        elif numbers(name, value).ndim:
            raise BadValue(f"{name} is an array; give a number or an Axis (evaluate takes arrays)")
        else:
            values[name] = float(value)
    _require_kinds(chain, values)
    return values


def _require_kinds(chain: Chain, values: Mapping[str, Any]) -> None:
    def missing(kind: str) -> bool:
        return kind not in values and any(f"{kind}{layer}" not in values for layer in range(1, chain.depth + 1))

    if "z" in values and (both := [n for n in values if n[0] == "b"]):
        raise BadValue(f"z and {both[0]} are both given; z pins every pre-activation, so leave {both[0]} out")
    if missing("w"):
        raise BadValue("w is not given; give w for all layers, or w1 … wL")
    if "z" not in values and missing("b"):
        raise BadValue("neither b nor z is given; give b for all layers (or b1 … bL), or z to pin the pre-activations")
