"""Windows that slide over an image of any number of dimensions: where they stand and what lies under them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainderiv.errors import BadShape, BadValue
from chainderiv.kinds import Array, Floats
from chainderiv.models.operators.rule import Call, fits

Lengths = tuple[int, ...]


def behind(index: Sequence[Any]) -> Any:
    """An index into the last dimensions, all of those before them taken."""
    return (..., *index)


@dataclass(frozen=True)
class Windows:
    """One length a dimension each.

    size : of the image. kernel, strides, dilations : of the windows. before, after : the padding. count : of windows.
    """

    size: Lengths
    kernel: Lengths
    strides: Lengths
    dilations: Lengths
    before: Lengths
    after: Lengths
    count: Lengths

    def padded(self, x: Array, value: float = 0.0) -> Array:
        """x (…, *size) with its padding; of a last window that hangs over, too."""
        sides = [(0, 0)] * (x.ndim - len(self.size)) + list(zip(self.before, self._reach(), strict=True))
        if not any(itertools.chain.from_iterable(sides)):
            return x
        fits([n + sum(side) for n, side in zip(x.shape, sides, strict=True)])
        return np.pad(x, sides, constant_values=value)

    def _reach(self) -> Lengths:
        """The padding behind, at least as much as the last window needs."""
        spans = (
            (n - 1) * s + (k - 1) * d + 1
            for n, s, k, d in zip(self.count, self.strides, self.kernel, self.dilations, strict=True)
        )
        return tuple(
            max(a, span - size - b) for a, b, size, span in zip(self.after, self.before, self.size, spans, strict=True)
        )

    def cropped(self, padded: Array) -> Array:
        """What `padded` has added taken away again."""
        inner = tuple(slice(b, b + n) for b, n in zip(self.before, self.size, strict=True))
        return np.asarray(padded[behind(inner)])

    def places(self) -> Iterator[tuple[Lengths, tuple[slice, ...]]]:
        """Each place in the kernel, and the part of the padded image which lies under it as the window slides."""
        for place in itertools.product(*map(range, self.kernel)):
            yield (
                place,
                tuple(
                    slice(p * d, p * d + (n - 1) * s + 1, s)
                    for p, d, n, s in zip(place, self.dilations, self.count, self.strides, strict=True)
                ),
            )

    def empty(self, x: Array) -> Floats:
        """Zeros of the padded image's shape."""
        lead = x.shape[: x.ndim - len(self.size)]
        return np.zeros((*lead, *(b + n + a for b, n, a in zip(self.before, self.size, self._reach(), strict=True))))


def windows(call: Call, size: Lengths, kernel: Lengths) -> Windows:
    """The windows of a Conv or a pooling node over an image of that size; raises BadShape where none fits."""
    strides, dilations = lengths(call, "strides", size), lengths(call, "dilations", size)
    span = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    before, after = padding(call, size, span, strides)
    over = call.get("ceil_mode", 0)
    count = tuple(
        _count(n + b + a - w, s, over, n + b) for n, b, a, w, s in zip(size, before, after, span, strides, strict=True)
    )
    if min(count, default=1) < 1:
        raise BadShape(f"a window of {kernel} does not fit into an image of {size}; give larger examples")
    fits(count)
    return Windows(size, kernel, strides, dilations, before, after, count)


def _count(room: int, stride: int, over: int, behind_which_none_starts: int) -> int:
    count = -(-room // stride) + 1 if over else room // stride + 1
    # a window that would start in the padding behind the image is left out, as torch and onnxruntime do
    return count - 1 if over and (count - 1) * stride >= behind_which_none_starts else count


def auto_pad(call: Call) -> str:
    """NOTSET, VALID, SAME_UPPER or SAME_LOWER; raises BadValue."""
    auto = call.get("auto_pad", "NOTSET")
    auto = auto.decode() if isinstance(auto, bytes) else auto
    if auto not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise BadValue(f"auto_pad is {auto!r}; give NOTSET, VALID, SAME_UPPER or SAME_LOWER")
    return str(auto)


def padding(call: Call, size: Lengths, span: Lengths, strides: Lengths) -> tuple[Lengths, Lengths]:
    """The padding before and behind, stated or as auto_pad wants it; raises BadValue."""
    auto = auto_pad(call)
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        total = [max((-(-n // s) - 1) * s + w - n, 0) for n, s, w in zip(size, strides, span, strict=True)]
        less, more = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
        return (less, more) if auto == "SAME_UPPER" else (more, less)
    pads = call.get("pads") if auto != "VALID" else None
    pads = tuple(map(int, pads)) if pads is not None else (0,) * (2 * len(size))
    if len(pads) != 2 * len(size) or min(pads, default=0) < 0:
        raise BadValue(f"pads is {pads}; give {2 * len(size)} whole numbers >= 0")
    return pads[: len(size)], pads[len(size) :]


def lengths(call: Call, name: str, size: Lengths) -> Lengths:
    """An attribute of one length for each of the image's dimensions, 1 by default; raises BadValue."""
    given = call.get(name)
    lengths = tuple(map(int, given)) if given is not None else (1,) * len(size)
    if len(lengths) != len(size) or min(lengths, default=1) < 1:
        raise BadValue(f"{name} is {lengths}; give {len(size)} whole numbers >= 1")
    return lengths
