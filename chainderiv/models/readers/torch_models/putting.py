"""Putting torch's operators into a graph of ONNX's: tensors that are held, sizes that may depend on the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.given import shown
from chainderiv.kinds import Array
from chainderiv.models.readers.building import Building

EXPORT = "export the model to .onnx, or give the part of it that matters"
TO_END = 2**63 - 1
ONNX_KINDS = {"float32": 1, "float64": 11, "float16": 1, "bfloat16": 1, "int64": 7, "int32": 6, "bool": 9, "uint8": 2}


@dataclass(frozen=True)
class Held:
    """A tensor: its name, its sizes (None: one that depends on the batch), and torch's name of its type."""

    name: str
    shape: tuple[int | None, ...] = ()
    kind: str = "float32"

    @property
    def rank(self) -> int:
        """The number of its dimensions."""
        return len(self.shape)


@dataclass(frozen=True)
class Size:
    """A size that depends on the batch: the name of a tensor of one whole number."""

    name: str


@dataclass
class Putting:
    """The graph that is being built, and the layer whose operators are put there."""

    building: Building
    layer: str = ""
    aliases: dict[str, str] = field(default_factory=dict)

    def node(self, operator: str, *inputs: Held | Size | str | None, **attributes: Any) -> Held:
        """An operator's only output."""
        names = [x if isinstance(x, str) else "" if x is None else x.name for x in inputs]
        while names and not names[-1]:
            names.pop()
        return Held(self.building.node(operator, names, self.layer, **attributes))

    def constant(self, array: Any, name: str = "constant") -> Held:
        """A constant."""
        made = np.asarray(array)
        kept = made.astype(np.float64) if made.dtype.kind == "f" else made
        return Held(self.building.constant(f"{self.layer or 'model'}.{name}", kept), kept.shape)

    def array(self, x: Held | None) -> Array | None:
        """The constant's array, None of what is none."""
        return None if x is None else self.building.constants.get(x.name)

    def tensor(self, x: Any) -> Held | Size:
        """A tensor, or a number as one."""
        return x if isinstance(x, Held | Size) else self.constant(np.asarray(x, np.float64), "number")

    def whole(self, numbers: Sequence[Any]) -> Held:
        """Whole numbers as a tensor of one dimension; sizes that depend on the batch are joined at work."""
        if not any(isinstance(n, Size) for n in numbers):
            return self.constant(np.asarray(numbers, np.int64), "sizes")
        parts = [n if isinstance(n, Size) else self.constant(np.asarray([n], np.int64), "size") for n in numbers]
        return self.node("Concat", *parts, axis=0)

    def size(self, x: Held, axis: int) -> int | Size:
        """How long x is along an axis."""
        known = x.shape[axis]
        if known is not None:
            return known
        start = axis % x.rank
        return Size(self.node("Shape", x, start=start, end=start + 1).name)

    def refused(self, what: str) -> BadValue:
        """The error for what is not followed."""
        return BadValue(f"{self.building.name} has {what} at {shown(self.layer)}, which is not followed; {EXPORT}")


def numbers(told: Any, count: int) -> list[int]:
    """A setting of one number, or of one a dimension, as torch takes both."""
    listed = [told] if isinstance(told, int) else list(told)
    return listed * count if len(listed) == 1 else listed
