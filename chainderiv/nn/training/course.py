"""The course of a training run: how far and how it descends, where it is measured, when it stops."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from chainderiv.errors import BadValue
from chainderiv.given import size, whole_number
from chainderiv.nn.training.descent import Descent
from chainderiv.nn.training.schedules import schedule


@dataclass(frozen=True)
class Course:
    """What train() was asked for, but for the network, the data and what is drawn; its members are as told there."""

    epochs: int
    descent: Descent
    schedule: str
    patience: int | None
    measure_epochs: int
    measure_steps: int | None

    def factor(self, epoch: int) -> float:
        """By what η is multiplied in an epoch, counted from 1."""
        return schedule(self.schedule)((epoch - 1) / self.epochs)

    def stops(self, epoch: int, steps: int) -> Iterator[int]:
        """The mini-batches of an epoch of so many steps, counted from 1, behind which it is measured."""
        end = epoch % self.measure_epochs == 0 or epoch == self.epochs
        if self.measure_steps is not None:
            before = (epoch - 1) * steps
            yield from range(-(before + 1) % self.measure_steps + 1, steps + (not end), self.measure_steps)
        if end:
            yield steps

    def measures(self, step: int, steps: int) -> bool:
        """Whether it is measured behind so many mini-batches, in epochs of so many steps."""
        epoch = -(-step // steps)
        return step == 0 or step - (epoch - 1) * steps in self.stops(epoch, steps)

    def settings(self) -> dict[str, Any]:
        """As a record's settings hold it, epochs first."""
        own = asdict(self)
        descent = own.pop("descent") | {"clip": None if math.isinf(self.descent.clip) else self.descent.clip}
        return {"epochs": self.epochs, **descent, **own}


def checked_descent(
    batch_size: int, learning_rate: float, weight_decay: float, momentum: float, clip: float | None
) -> Descent:
    """The Descent of settings that are as train() tells; raises BadValue."""
    descent = Descent(
        whole_number("batch_size", batch_size, least=1),
        size("learning_rate", learning_rate, zero=False),
        size("weight_decay", weight_decay, zero=True),
        size("momentum", momentum, zero=True),
        math.inf if clip is None else size("clip", clip, zero=False),
    )
    if descent.momentum >= 1:
        raise BadValue(f"momentum is {momentum!r}; give a number from 0 to below 1")
    return descent


def checked_course(
    epochs: int, descent: Descent, name: str, patience: int | None, measure_epochs: int, measure_steps: int | None
) -> Course:
    """The Course of settings that are as train() tells, its schedule by name; raises BadValue or UnknownName."""
    schedule(name)
    return Course(
        whole_number("epochs", epochs, least=0),
        descent,
        name,
        None if patience is None else whole_number("patience", patience, least=1),
        whole_number("measure_epochs", measure_epochs, least=1),
        None if measure_steps is None else whole_number("measure_steps", measure_steps, least=1),
    )
