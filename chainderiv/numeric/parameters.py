"""What a chain is evaluated at: one array per layer for w and b (or z), and x and y."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.errors import BadShape, BadValue
from chainderiv.given import of_kind
from chainderiv.kinds import Floats


@dataclass(frozen=True, eq=False)
class Layered:
    """One array per layer: the same for all, or a stack (..., depth); some layers may have their own."""

    values: Floats
    stacked: bool = False
    own: Mapping[int, Floats] = field(default_factory=dict)

    def __getitem__(self, layer: int) -> Floats:
        if layer in self.own:
            return self.own[layer]
        return np.asarray(self.values[..., layer - 1]) if self.stacked else self.values

    @property
    def alike(self) -> bool:
        """Whether every layer has the same."""
        return not (self.stacked or self.own)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that the layers' arrays broadcast to."""
        shared = self.values.shape[:-1] if self.stacked else self.values.shape
        return np.broadcast_shapes(shared, *(a.shape for a in self.own.values()))

    def at(self, index: tuple[Any, ...], shape: tuple[int, ...]) -> Layered:
        """The same at places of that shape."""
        whole = (*shape, self.values.shape[-1]) if self.stacked else shape
        own = {layer: _at(array, index, shape) for layer, array in self.own.items()}
        return Layered(_at(self.values, index, whole), self.stacked, own)


@dataclass(frozen=True, eq=False)
class Parameters:
    """What a chain is evaluated at; all broadcast together to `shape`."""

    w: Layered
    inner: Layered  # b, or z where the pre-activations are pinned
    x: Floats
    y: Floats
    pinned: bool = False  # whether z_l is `inner` itself, and not w_l a_{l-1} + b_l

    def at(self, index: tuple[Any, ...]) -> Parameters:
        """The parameters of one point, or of those that an index takes."""
        w, inner = (layers.at(index, self.shape) for layers in (self.w, self.inner))
        x, y = (_at(array, index, self.shape) for array in (self.x, self.y))
        return Parameters(w, inner, x, y, self.pinned)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of the readings; raises BadShape."""
        try:
            return np.broadcast_shapes(self.w.shape, self.inner.shape, self.x.shape, self.y.shape)
        except ValueError as e:
            raise BadShape(
                f"w gives shape {self.w.shape}, b or z {self.inner.shape}, x {self.x.shape}, y {self.y.shape}; "
                "give shapes that broadcast together"
            ) from e


def _at(array: Floats, index: Any, shape: tuple[int, ...]) -> Floats:
    return np.asarray(np.broadcast_to(array, shape)[index])


def numbers(name: str, given: ArrayLike) -> Floats:
    """A float64 array of finite numbers; raises BadValue."""
    try:
        given_as = np.asarray(given)
        if given is None or given_as.dtype.kind in "cUS":
            raise TypeError("complex numbers have no order, and a text is none")
        array = given_as.astype(float, copy=False)
    except (TypeError, ValueError, OverflowError) as e:
        raise BadValue(f"{name} is {given!r}; give finite numbers") from e
    if not np.isfinite(array).all():
        raise BadValue(f"{name} holds {array[~np.isfinite(array)].flat[0]}; give finite numbers")
    return array


def layered(name: str, given: ArrayLike, depth: int, tied: bool = False) -> Layered:
    """A number for all layers, or an array (..., depth), or of points where it is tied; raises BadShape or BadValue."""
    array = numbers(name, given)
    if array.ndim == 0 or tied:
        return Layered(array)
    if array.shape[-1] != depth:
        raise BadShape(
            f"{name} has shape {array.shape}; give a number or (..., {depth}), one number per layer, "
            "or tied=True for points whose number serves every layer"
        )
    return Layered(array, stacked=True)


def at_points(
    depth: int,
    w: ArrayLike,
    b: ArrayLike | None,
    z: ArrayLike | None,
    x: ArrayLike,
    y: ArrayLike,
    tied: bool = False,
) -> Parameters:
    """Parameters from numbers and arrays; exactly one of b and z."""
    of_kind("tied", tied, bool | np.bool_, "True or False")
    if b is not None and z is None:
        name, given = "b", b
    elif z is not None and b is None:
        name, given = "z", z
    else:
        which = "neither b nor z is given" if b is None else "b and z are both given"
        raise BadValue(f"{which}; give one of the two (z pins every pre-activation)")
    weights, inner = layered("w", w, depth, tied), layered(name, given, depth, tied)
    return Parameters(weights, inner, numbers("x", x), numbers("y", y), pinned=name == "z")
