"""What a caller gave, checked and turned into what the room computes with."""

from __future__ import annotations

import itertools
import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.errors import BadShape, BadValue, unknown_name
from chainderiv.given import is_whole, shown
from chainderiv.kinds import Array

DTYPES: dict[str, np.dtype[Any]] = {"float32": np.dtype(np.float32), "float64": np.dtype(np.float64)}
MOST_WEIGHTS = 2**48


def float_type(given: object) -> np.dtype[Any]:
    """float32 or float64, by name or as NumPy's; raises UnknownName."""
    # np.float32 has __name__, np.dtype("float32") has name; None must not become float64, as NumPy makes it
    name = given if isinstance(given, str) else getattr(given, "__name__", getattr(given, "name", None))
    if not isinstance(name, str) or name not in DTYPES:
        raise unknown_name("dtype", given, DTYPES)
    return DTYPES[name]


def layer_sizes(given: object) -> tuple[int, ...]:
    """At least two whole numbers >= 1, of as many weights as float64 can count; raises BadValue."""
    sizes = tuple(given) if isinstance(given, list | tuple | np.ndarray) else ()
    if len(sizes) < 2 or not all(is_whole(n, 1) for n in sizes):
        raise BadValue(
            f"sizes are {shown(given)}; give at least two whole numbers >= 1, inputs first, such as [784, 30, 10]"
        )
    counts = tuple(int(n) for n in sizes)
    # NumPy refuses such an array by a ValueError of its own; fewer are a matter of memory
    if _weights(counts) > MOST_WEIGHTS:
        raise BadValue(f"sizes are {shown(list(counts))}, which ask for more than 2^48 weights; give fewer neurons")
    return counts


def sizes_to_draw(given: object) -> tuple[int, ...]:
    """Such sizes, whose weights this machine holds: they are drawn in float64, whatever they are kept in."""
    counts = layer_sizes(given)
    if 8 * (weights := _weights(counts)) > (most := _memory()):
        raise BadValue(
            f"sizes {shown(list(counts))} ask for {weights:.3g} weights of 8 bytes, and this machine has "
            f"{most / 1e9:.3g} GB of memory; give fewer neurons"
        )
    return counts


def _weights(counts: tuple[int, ...]) -> int:
    return sum(n * m for n, m in itertools.pairwise(counts))


def _memory() -> float:
    """The machine's memory in bytes; inf where it is not told."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # as on Windows
        return float("inf")


def image_rows(images: ArrayLike, pixels: int, dtype: np.dtype[Any]) -> Array:
    """Images as an array (n, pixels) of dtype; raises BadShape, and BadValue where one is not finite."""
    array = _numbers("images", images)
    if array.ndim != 2 or array.shape[1] != pixels or not len(array):
        raise BadShape(f"images have shape {array.shape}; give (n, {pixels}) with n >= 1")
    array = array.astype(dtype, copy=False)
    if not np.isfinite(array).all():
        raise BadValue("images hold NaN or infinity; give finite numbers")
    return array


def target_rows(labels: ArrayLike, count: int, outputs: int, dtype: np.dtype[Any]) -> Array:
    """Labels (n,) as one-hot rows (n, outputs), or the targets (n, outputs) themselves, of dtype.

    Raises BadShape where they are neither, and BadValue for a label that no output has or a target that is not finite.
    """
    array = _numbers("labels", labels)
    if array.shape == (count,) and array.dtype.kind in "iu":
        if array.min() < 0 or array.max() >= outputs:
            raise BadValue(f"labels go from {array.min()} to {array.max()}; give 0 to {outputs - 1}")
        return np.asarray(np.eye(outputs, dtype=dtype)[array])
    if array.shape != (count, outputs) or not array.size:
        raise BadShape(
            f"labels have shape {array.shape} of {array.dtype}; "
            f"give whole numbers ({count},) or targets ({count}, {outputs})"
        )
    if not np.isfinite(array).all():
        raise BadValue("targets hold NaN or infinity; give finite numbers")
    return array.astype(dtype, copy=False)


def _numbers(name: str, given: ArrayLike) -> Array:
    try:
        array = np.asarray(given)
    except ValueError as e:
        raise BadShape(f"{name} are rows of different lengths; give an array of numbers") from e
    if array.dtype.kind not in "iuf":
        raise BadShape(f"{name} are of {array.dtype}; give an array of real numbers")
    return array
