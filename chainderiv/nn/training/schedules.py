"""Learning-rate schedules: by what η is multiplied in each epoch."""

from __future__ import annotations

import math
from collections.abc import Callable

from chainderiv.errors import unknown_name

Schedule = Callable[[float], float]


def constant(done: float) -> float:
    """1."""
    return 1.0


def cosine(done: float) -> float:
    """(1 + cos(π t))/2: Loshchilov and Hutter (2017), equation (5), without restarts."""
    return (1 + math.cos(math.pi * done)) / 2


def linear(done: float) -> float:
    """1 - t."""
    return 1 - done


def halving(done: float) -> float:
    """2^-k in the k-th seventh of the training, k = 0 … 6: 1/64 and not 1/128 at its end (Nielsen 2015, chapter 3)."""
    return 0.5 ** math.floor(7 * done)


# each: t, the fraction of the epochs that are done (0 <= t < 1), -> a factor
SCHEDULES: dict[str, Schedule] = {"constant": constant, "cosine": cosine, "linear": linear, "halving": halving}


def schedule(name: object) -> Schedule:
    """The schedule of that name; raises UnknownName.

    >>> [schedule("linear")(epoch / 4) for epoch in range(4)]
    [1.0, 0.75, 0.5, 0.25]
    """
    if not isinstance(name, str) or name not in SCHEDULES:
        raise unknown_name("schedule", name, SCHEDULES)
    return SCHEDULES[name]
