"""The widths and activations that a caller gave for a network, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainderiv.errors import BadShape, BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.lookup import neuron
from chainderiv.given import is_whole, one_of
from chainderiv.symbolic.chain import MAX_DEPTH


def read_sizes(given: Any) -> tuple[int, tuple[int, ...] | None]:
    """L and n_0 … n_L from a list of widths, or L and None from L alone; raises BadValue."""
    if is_whole(given, 1) and given <= MAX_DEPTH:
        return int(given), None
    sizes = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else ()
    if len(sizes) < 2 or not all(is_whole(n, 1) for n in sizes):
        raise BadValue(
            f"sizes are {given!r}; give at least two whole numbers >= 1, inputs first, such as [3, 2, 2], "
            f"or the number of layers, 1 to {MAX_DEPTH}"
        )
    return len(sizes) - 1, tuple(int(n) for n in sizes)


def read_layer(given: Any, depth: int) -> int:
    """The number of a layer, 1 to L; raises BadValue."""
    return one_of("layer", given, depth)


def read_hidden(given: Any, depth: int) -> tuple[Activation, ...]:
    """One Activation for all hidden layers, or one per hidden layer; raises BadShape or UnknownName."""
    if isinstance(given, str | Activation):
        return (neuron(given),)
    if not isinstance(given, Sequence) or len(given) != depth - 1 or not given:
        what = f"{len(given)} of them" if isinstance(given, Sequence) else repr(given)
        raise BadShape(f"activation is {what}; give one name or Activation, or one per hidden layer ({depth - 1} here)")
    layers = tuple(neuron(f) for f in given)
    return layers if any(f != layers[0] for f in layers) else layers[:1]
