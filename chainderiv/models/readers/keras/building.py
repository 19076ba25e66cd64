"""Keras' tensors, whose channels come last, in a graph of ONNX's operators, whose channels come first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainderiv.errors import BadValue, DataError
from chainderiv.given import shown
from chainderiv.kinds import Array
from chainderiv.models.readers.building import Building
from chainderiv.models.readers.keras.config import EXPORT, KerasLayer
from chainderiv.models.readers.keras.neurons import activation_of


@dataclass(frozen=True)
class Held:
    """A tensor: its name, its dimensions with the batch's, and whether its channels stand behind the batch already."""

    name: str
    rank: int
    first: bool = False


@dataclass
class Place:
    """One layer that is being put into the graph: what it is made with."""

    building: Building
    layer: KerasLayer
    weights: Sequence[Array]
    version: str
    _turned: dict[tuple[str, bool], str] = field(default_factory=dict)

    @property
    def config(self) -> Mapping[str, Any]:
        """What Keras kept of the layer."""
        return self.layer.config

    @property
    def name(self) -> str:
        """What the layer is called."""
        return self.layer.name

    def setting(self, name: str, default: Any = None) -> Any:
        """A setting, and the default where Keras did not keep it."""
        found = self.config.get(name, default)
        return default if found is None else found

    def weight(self, place: int, shape: tuple[int, ...] | None = None) -> Array:
        """One of the layer's weights; raises DataError where it is missing or of another shape."""
        if place >= len(self.weights):
            raise DataError(f"{self.building.name} has no weight {place + 1} of {shown(self.name)}; give a whole file")
        found = self.weights[place]
        if shape is not None and found.shape != shape:
            raise DataError(
                f"{self.building.name} has weight {place + 1} of {shown(self.name)} as {found.shape}, and its layer "
                f"wants {shape}; give a whole file"
            )
        return found

    def refused(self, what: str) -> BadValue:
        """The error for a setting that is not followed."""
        return BadValue(f"{self.building.name} has {what} at {shown(self.name)}, which is not followed; {EXPORT}")

    def node(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """A node under the layer's name."""
        return self.building.node(operator, inputs, self.name, **attributes)

    def constant(self, name: str, array: Any) -> str:
        """A constant under the layer's name."""
        return self.building.constant(f"{self.name}.{name}", np.asarray(array))

    def whole(self, name: str, numbers: Sequence[int]) -> str:
        """Whole numbers, as a shape is given."""
        return self.constant(name, np.asarray(numbers, np.int64))

    def last(self, x: Held) -> Held:
        """The tensor with its channels last."""
        if not x.first:
            return x
        perm = [0, *range(2, x.rank), 1]
        return Held(self.node("Transpose", (x.name,), perm=perm), x.rank)

    def first(self, x: Held) -> Held:
        """The tensor with its channels behind the batch."""
        if x.first or x.rank < 3:
            return x
        perm = [0, x.rank - 1, *range(1, x.rank - 1)]
        return Held(self.node("Transpose", (x.name,), perm=perm), x.rank, True)

    def alike(self, tensors: Sequence[Held]) -> list[Held]:
        """Tensors of one order of dimensions."""
        if all(x.first for x in tensors):
            return list(tensors)
        return [self.last(x) for x in tensors]

    def activated(self, x: Held, told: Any) -> Held:
        """φ(x); an activation that runs over the channels has them last."""
        made = activation_of(told, self.version, self.building.name, self.name)
        if made is None:
            return x
        operator, attributes = made
        if "axis" in attributes:
            x = self.last(x)
        return Held(self.node(operator, (x.name,), **attributes), x.rank, x.first)
