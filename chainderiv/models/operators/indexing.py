"""What picks numbers out and puts them elsewhere: Slice, Gather, Pad and the like.

Each says where every number of its output comes from; the way back adds up what has gone to each place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.kinds import Array, Floats
from chainderiv.models.operators.broadcasting import unbroadcast
from chainderiv.models.operators.rule import Back, Call, Rule, fits, single

FARTHEST = 2**31  # ends beyond this mean "to the end"


def _moved(move: Callable[[Call, Array], Array], kind: str = "shape") -> Rule:
    """The rule of what moves numbers alike whatever they are, and fills with 0."""

    def forward(call: Call) -> Array:
        return move(call, call.need(0))

    def backward(call: Call, gradients: Sequence[Floats | None]) -> Back:
        x = call.need(0)
        # from 1 on: 0 is what was filled in
        came_from = move(call, np.arange(1, x.size + 1).reshape(x.shape))
        total = np.bincount(came_from.reshape(-1), single(gradients).reshape(-1), x.size + 1)
        return [np.asarray(total[1:], float).reshape(x.shape)]

    return Rule(forward, backward, kind)


def _whole(call: Call, k: int, name: str) -> list[int] | None:
    """Whole numbers, an input in newer versions and an attribute in older ones."""
    given = call.input(k)
    given = call.get(name) if given is None else given
    return None if given is None else [int(n) for n in np.asarray(given).reshape(-1)]


def _slice(call: Call, x: Array) -> Array:
    starts, ends = (_whole(call, k, name) or [] for k, name in ((1, "starts"), (2, "ends")))
    axes, steps = _whole(call, 3, "axes"), _whole(call, 4, "steps") or [1] * len(starts)
    index = [slice(None)] * x.ndim
    for axis, start, end, step in zip(axes or range(len(starts)), starts, ends, steps, strict=True):
        # -1 as an end counts from behind; what lies before the first number is None for a step back
        last = None if end < -FARTHEST or (step < 0 and end < -x.shape[axis]) else end
        index[axis] = slice(start, last, step)
    return np.asarray(x[tuple(index)])


def _gather(call: Call) -> Array:
    x, places, axis = call.need(0), call.need(1), int(call.get("axis", 0)) % call.need(0).ndim
    fits((*x.shape[:axis], *places.shape, *x.shape[axis + 1 :]))
    return np.asarray(np.take(x, places.astype(np.intp), axis=axis))


def _gather_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    x, places, axis = call.need(0), call.need(1), int(call.get("axis", 0)) % call.need(0).ndim
    out = np.zeros(x.shape)
    index: Any = (*[slice(None)] * axis, places.astype(np.intp))
    np.add.at(out, index, single(gradients))
    return [out]


def _gather_elements(call: Call, x: Array) -> Array:
    axis = int(call.get("axis", 0))
    places = call.need(1).astype(np.intp)
    index: list[Any] = list(np.indices(places.shape, sparse=True))
    index[axis] = places
    return np.asarray(x[tuple(index)])


def _gather_nd(call: Call, x: Array) -> Array:
    places, batch = call.need(1).astype(np.intp), int(call.get("batch_dims", 0))
    lead = np.indices((*places.shape[:batch], *[1] * (places.ndim - 1 - batch)), sparse=True)[:batch]
    return np.asarray(x[(*lead, *np.moveaxis(places, -1, 0))])


def _pad(call: Call) -> Array:
    value = call.input(2)
    fill = float(call.get("value", 0.0)) if value is None else value.reshape(-1)[0]
    return _padded(call, call.need(0), fill)


def _padded(call: Call, x: Array, fill: Any = 0) -> Array:
    pads, axes = _whole(call, 1, "pads") or [], _whole(call, 3, "axes")
    sides = np.zeros((x.ndim, 2), int)
    chosen = list(range(x.ndim)) if axes is None else axes
    sides[chosen] = np.array(pads).reshape(2, -1).T
    fits([n + int(s.sum()) for n, s in zip(x.shape, sides, strict=True)])
    # a negative padding takes away
    inner = x[tuple(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(x.shape, sides, strict=True))]
    more = [tuple(side) for side in np.maximum(sides, 0).tolist()]
    mode: Any = call.get("mode", "constant")
    mode = mode.decode() if isinstance(mode, bytes) else mode
    if mode == "constant":
        return np.pad(inner, more, constant_values=fill)
    if mode not in ("reflect", "edge", "wrap"):
        raise BadValue(f"mode is {mode!r}; give constant, reflect, edge or wrap")
    return np.asarray(np.pad(inner, more, mode=mode))


def _triangle(call: Call, x: Array) -> Array:
    given = call.input(1)
    shift = 0 if given is None else int(given.reshape(-1)[0])
    return np.triu(x, shift) if call.get("upper", 1) else np.tril(x, shift)


def _depth_to_space(call: Call, x: Array) -> Array:
    side, (n, c, h, w) = int(call.get("blocksize")), x.shape
    mode = call.get("mode", "DCR")
    if mode in ("DCR", b"DCR"):
        apart = x.reshape(n, side, side, c // side**2, h, w).transpose(0, 3, 4, 1, 5, 2)
    else:
        apart = x.reshape(n, c // side**2, side, side, h, w).transpose(0, 1, 4, 2, 5, 3)
    return apart.reshape(n, c // side**2, h * side, w * side)


def _space_to_depth(call: Call, x: Array) -> Array:
    side, (n, c, h, w) = int(call.get("blocksize")), x.shape
    apart = x.reshape(n, c, h // side, side, w // side, side).transpose(0, 3, 5, 1, 2, 4)
    return apart.reshape(n, c * side**2, h // side, w // side)


def _reversed(call: Call, x: Array) -> Array:
    """Each sequence of a batch from its length on backwards."""
    along, batch = int(call.get("time_axis", 0)), int(call.get("batch_axis", 1))
    lengths = call.need(1).astype(np.intp).reshape([-1 if k == batch else 1 for k in range(x.ndim)])
    at = np.arange(x.shape[along]).reshape([-1 if k == along else 1 for k in range(x.ndim)])
    return np.take_along_axis(x, np.broadcast_to(np.where(at < lengths, lengths - 1 - at, at), x.shape), along)


def _compress(call: Call, x: Array) -> Array:
    axis = call.get("axis")
    return np.compress(call.need(1).astype(bool), x, None if axis is None else int(axis))


def _centred(call: Call, x: Array) -> Array:
    """Cut or filled up on both sides alike, an odd one behind."""
    axes = [int(n) % x.ndim for n in call.get("axes", range(x.ndim))]
    for axis, wanted in zip(axes, (int(n) for n in call.need(1)), strict=True):
        fits([wanted if k == axis else n for k, n in enumerate(x.shape)])
        over = x.shape[axis] - wanted
        if over > 0:
            x = x[(*[slice(None)] * axis, slice(over // 2, over // 2 + wanted))]
        x = np.pad(x, [(-over // 2, -over - -over // 2) if k == axis and over < 0 else (0, 0) for k in range(x.ndim)])
    return x


def _top_places(call: Call) -> tuple[Array, int]:
    """Where the largest stand along an axis, or the smallest, of equal ones the first first."""
    x, axis = call.need(0), int(call.get("axis", -1)) % call.need(0).ndim
    given = call.input(1)
    count = int(call.get("k") if given is None else given.reshape(-1)[0])
    if call.get("largest", 1):
        order = np.flip(x.shape[axis] - 1 - np.argsort(np.flip(x, axis), axis, kind="stable"), axis)
    else:
        order = np.argsort(x, axis, kind="stable")
    if not 0 <= count <= x.shape[axis]:
        raise BadValue(f"the {count} largest of {x.shape[axis]} are asked for; give a model that is whole")
    return order[(*[slice(None)] * axis, slice(count))], axis


def _top(call: Call) -> tuple[Array, ...]:
    places, axis = _top_places(call)
    return np.take_along_axis(call.need(0), places, axis), places.astype(np.int64)


def _top_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    places, axis = _top_places(call)
    out = np.zeros(call.need(0).shape)
    np.put_along_axis(out, places, single(gradients), axis)
    return [out]


def _one_hot(call: Call) -> Array:
    places, depth, (off, on) = call.need(0), int(call.need(1).reshape(-1)[0]), call.need(2)
    axis = int(call.get("axis", -1))
    shape = [*places.shape]
    shape.insert(axis if axis >= 0 else axis + places.ndim + 1, depth)
    fits(shape)
    numbers = np.arange(depth).reshape([depth if n == axis % len(shape) else 1 for n in range(len(shape))])
    # a place outside of the depth is none
    from_behind = np.where(places < 0, places + depth, places)
    hit = np.expand_dims(from_behind, axis) == numbers
    return np.asarray(np.where(hit, on, off))


def _non_zero(call: Call) -> Array:
    return np.asarray(np.nonzero(call.need(0)), np.int64)


def _expand(call: Call) -> Array:
    x, wanted = call.need(0), tuple(int(n) for n in call.need(1).reshape(-1))
    return np.broadcast_to(x, fits(np.broadcast_shapes(x.shape, fits(wanted)))).copy()


def _expand_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    return [unbroadcast(single(gradients), call.need(0).shape)]


def _tile(call: Call) -> Array:
    x, repeats = call.need(0), [int(n) for n in call.need(1)]
    fits([n * r for n, r in zip(x.shape, repeats, strict=True)])
    return np.tile(x, repeats)


def _tile_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    x = call.need(0)
    apart = [n for pair in zip((int(r) for r in call.need(1)), x.shape, strict=True) for n in pair]
    return [np.asarray(single(gradients).reshape(apart).sum(axis=tuple(range(0, 2 * x.ndim, 2)))), None]


INDEXING: dict[str, Rule] = {
    "Slice": _moved(_slice),
    "Gather": Rule(_gather, _gather_back, "shape"),
    "GatherElements": _moved(_gather_elements),
    "GatherND": _moved(_gather_nd),
    "Pad": Rule(_pad, _moved(_padded).backward, "shape"),
    "Expand": Rule(_expand, _expand_back, "shape"),
    "Tile": Rule(_tile, _tile_back, "shape"),
    "Trilu": _moved(_triangle),
    "DepthToSpace": _moved(_depth_to_space),
    "SpaceToDepth": _moved(_space_to_depth),
    "ReverseSequence": _moved(_reversed),
    "Compress": _moved(_compress),
    "CenterCropPad": _moved(_centred),
    "TopK": Rule(_top, _top_back, "choice"),
    "OneHot": Rule(_one_hot, None, "step"),
    "NonZero": Rule(_non_zero, None, "step"),
}
