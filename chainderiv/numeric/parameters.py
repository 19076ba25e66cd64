"""What a chain is evaluated at: one array per layer for w and b (or z), and x and y."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.errors import BadShape, BadValue
from chainderiv.kinds import Floats


@dataclass(frozen=True)
class Layered:
    """One array per layer: a tied value, a stack (..., depth), or a tied value with layers of their own."""

    tied: Floats | None = None
    stacked: Floats | None = None
    own: Mapping[int, Floats] = field(default_factory=dict)

    def __getitem__(self, layer: int) -> Floats:
        if layer in self.own:
            return self.own[layer]
        if self.stacked is not None:
            return np.asarray(self.stacked[..., layer - 1])
        assert self.tied is not None
        return self.tied

    @property
    def alike(self) -> bool:
        """Whether every layer has the same."""
        return self.stacked is None and not self.own

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that the layers' arrays broadcast to."""
        arrays = [*self.own.values()]
        arrays += [] if self.tied is None else [self.tied]
        arrays += [] if self.stacked is None else [self.stacked[..., 0]]
        return np.broadcast_shapes(*(a.shape for a in arrays))


@dataclass(frozen=True)
class Parameters:
    """w and either b or pinned z per layer, and x and y; all broadcast together to `shape`."""

    w: Layered
    b: Layered | None
    z: Layered | None
    x: Floats
    y: Floats

    def at(self, index: tuple[int, ...]) -> Parameters:
        """The parameters of one point."""

        def one(layers: Layered | None) -> Layered | None:
            if layers is None:
                return None
            own = {layer: self._one(v, index) for layer, v in layers.own.items()}
            tied = None if layers.tied is None else self._one(layers.tied, index)
            stack = layers.stacked
            if stack is not None:
                stack = np.broadcast_to(stack, (*self.shape, stack.shape[-1]))[index]
            return Layered(tied, stack, own)

        w = one(self.w)
        assert w is not None
        return Parameters(w, one(self.b), one(self.z), self._one(self.x, index), self._one(self.y, index))

    def _one(self, array: Floats, index: tuple[int, ...]) -> Floats:
        return np.asarray(np.broadcast_to(array, self.shape)[index])

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the readings."""
        inner = self.z if self.b is None else self.b
        assert inner is not None
        try:
            return np.broadcast_shapes(self.w.shape, inner.shape, self.x.shape, self.y.shape)
        except ValueError as e:
            raise BadShape(
                f"w gives shape {self.w.shape}, b or z {inner.shape}, x {self.x.shape}, y {self.y.shape}; "
                "give shapes that broadcast together"
            ) from e


def numbers(name: str, given: ArrayLike) -> Floats:
    """A float64 array of finite numbers; raises BadValue."""
    try:
        if np.iscomplexobj(given):
            raise TypeError("complex numbers have no order")
        array = np.asarray(given, float)
    except (TypeError, ValueError, OverflowError) as e:
        raise BadValue(f"{name} is {given!r}; give finite numbers") from e
    if not np.isfinite(array).all():
        raise BadValue(f"{name} holds {array[~np.isfinite(array)].flat[0]}; give finite numbers")
    return array


def layered(name: str, given: ArrayLike, depth: int) -> Layered:
    """A number for all layers, or an array (..., depth); raises BadShape or BadValue."""
    array = numbers(name, given)
    if array.ndim == 0:
        return Layered(tied=array)
    if array.shape[-1] != depth:
        raise BadShape(f"{name} has shape {array.shape}; give a number or (..., {depth}), one number per layer")
    return Layered(stacked=array)


def at_points(
    depth: int, w: ArrayLike, b: ArrayLike | None, z: ArrayLike | None, x: ArrayLike, y: ArrayLike
) -> Parameters:
    """Parameters from numbers and arrays; exactly one of b and z."""
    if (b is None) == (z is None):
        which = "neither b nor z is given" if b is None else "b and z are both given"
        raise BadValue(f"{which}; give one of the two (z pins every pre-activation)")
    return Parameters(
        layered("w", w, depth),
        None if b is None else layered("b", b, depth),
        None if z is None else layered("z", z, depth),
        numbers("x", x),
        numbers("y", y),
    )
