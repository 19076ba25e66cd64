"""What puts numbers into a copy of a tensor: ScatterElements and ScatterND, in place of what was there or with it.

Of several that go to one place without being added, the last one counts. Products of them are not followed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.kinds import Array, Floats
from chainderiv.models.operators.rule import Back, Call, Rule, Unfollowed, single

COMBINED: dict[str, np.ufunc] = {"add": np.add, "max": np.maximum, "min": np.minimum}


def _how(call: Call) -> str:
    given = call.get("reduction", "none")
    how = given.decode() if isinstance(given, bytes) else str(given)
    if how == "mul":
        raise Unfollowed("it multiplies what was there")
    if how not in (*COMBINED, "none"):
        raise BadValue(f"reduction is {how!r}; give none, add, max or min")
    return how


def _by_rows(call: Call) -> Any:
    """ScatterND: the last axis of the places is an index into the first ones."""
    return tuple(np.moveaxis(call.need(1).astype(np.intp), -1, 0))


def _by_elements(call: Call) -> Any:
    """ScatterElements: each place is an index into one axis."""
    places = call.need(1).astype(np.intp)
    index: list[Any] = list(np.indices(places.shape, sparse=True))
    index[int(call.get("axis", 0))] = places
    return tuple(index)


def _scattered(places: Callable[[Call], Any]) -> Rule:
    def forward(call: Call) -> Array:
        out, how = call.need(0).copy(), _how(call)
        if how == "none":
            out[places(call)] = call.need(2)
        else:
            COMBINED[how].at(out, places(call), call.need(2))
        return out

    def backward(call: Call, gradients: Sequence[Floats | None]) -> Back:
        gradient, how, at = single(gradients), _how(call), places(call)
        if how == "add":
            return [gradient, None, gradient[at]]
        if how == "none":
            return _last_ones(call, gradient, at)
        return _best_ones(call, gradient, at)

    return Rule(forward, backward, "join")


def _last_ones(call: Call, gradient: Floats, at: Any) -> Back:
    updates = call.need(2)
    numbers, by = np.arange(updates.size).reshape(updates.shape), np.full(gradient.shape, -1)
    by[at] = numbers
    return [np.where(by < 0, gradient, 0.0), None, np.where(by[at] == numbers, gradient[at], 0.0)]


def _best_ones(call: Call, gradient: Floats, at: Any) -> Back:
    """Where several are the largest, each has its share."""
    here, there = call.need(0) == call.outputs[0], call.need(2) == call.outputs[0][at]
    count = here.astype(float)
    np.add.at(count, at, there.astype(float))
    share = gradient / np.maximum(count, 1.0)
    return [np.where(here, share, 0.0), None, np.where(there, share[at], 0.0)]


SCATTERING: dict[str, Rule] = {
    "ScatterElements": _scattered(_by_elements),
    "Scatter": _scattered(_by_elements),
    "ScatterND": _scattered(_by_rows),
}
