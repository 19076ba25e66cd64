"""Scales: what a program multiplied its cost by, and whether its gradients are still multiplied by it.

A scale is never guessed: 65536 times a gradient looks like a gradient. It is given, as a number or as the scaler, and a
scaler is asked whether it has taken its scale off already.
"""

from __future__ import annotations

from typing import Any

from chainderiv.errors import BadValue
from chainderiv.given import shown, size

WANTED = "a number > 0, torch's GradScaler, a pair (GradScaler, optimizer), or 1 where nothing is scaled"


def scale_of(given: Any) -> float:
    """What the gradients are to be divided by: of a number, a scaler, or a scaler and the optimizer of these gradients.

    Raises BadValue for another thing, for a scaler that has stepped already, and for one that has unscaled one
    optimizer's gradients and not another's, where no optimizer is given.

    >>> scale_of(1024)
    1024.0
    """
    scaler, *optimizer = given if isinstance(given, tuple) and len(given) == 2 else (given,)
    if hasattr(scaler, "get_scale"):
        return _of_scaler(scaler, *optimizer)
    if getattr(given, "shape", None) == () and hasattr(given, "item"):
        given = given.item()
    try:
        return size("scale", given, zero=False)
    except BadValue as e:
        raise BadValue(f"scale is {shown(given)}; give {WANTED}") from e


def is_scaler(given: Any) -> bool:
    """Whether it is one that skips steps which overflow."""
    scaler = given[0] if isinstance(given, tuple) and given else given
    return hasattr(scaler, "get_scale") and (not hasattr(scaler, "is_enabled") or bool(scaler.is_enabled()))


def _of_scaler(scaler: Any, optimizer: Any = None) -> float:
    """By the stage that the scaler keeps for each of its optimizers: READY, UNSCALED or STEPPED."""
    states = getattr(scaler, "_per_optimizer_states", {})
    kept = list(states.values()) if optimizer is None else [s for s in [states.get(id(optimizer))] if s is not None]
    stages = {getattr(state.get("stage"), "name", "READY") for state in kept} or {"READY"}
    if len(stages) > 1:
        raise BadValue(
            "scale is a GradScaler whose optimizers are at different stages, so that it cannot tell whether these "
            "gradients are still scaled; give scale=(scaler, optimizer)"
        )
    if stages == {"STEPPED"}:
        raise BadValue("scale is a GradScaler that has stepped already; tick after backward() and before scaler.step()")
    return 1.0 if stages == {"UNSCALED"} else size("scale", float(scaler.get_scale()), zero=False)
