"""GridSample and AffineGrid: an image looked up at places between its own (Jaderberg et al. 2015).

Along each axis a place is a number p, counted from the image's first; between floor(p) and the next a straight line is
drawn, or the nearest is taken. The way back goes to the image by the same shares, and to the places by the slope.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from chainderiv.kinds import Array, Floats, Mask
from chainderiv.models.operators.rule import Back, Call, Rule, Unfollowed, fits, single

LINEAR, NEAREST = ("linear", "bilinear"), ("nearest",)
PADDED = ("zeros", "border", "reflection")


def _text(call: Call, name: str, default: str) -> str:
    given = call.get(name, default)
    return given.decode() if isinstance(given, bytes) else str(given)


@dataclass(frozen=True)
class _Axis:
    """p of every place along one axis (n, …), ∂p/∂grid, and how long the axis is."""

    p: Floats
    slope: Floats
    length: int


def _axis(call: Call, along: Floats, length: int) -> _Axis:
    """along : from -1 at the image's one end to 1 at the other, which are its last numbers or half of one beyond."""
    corners = bool(call.get("align_corners", 0))
    p = (along + 1) / 2 * (length - 1) if corners else ((along + 1) * length - 1) / 2
    slope = np.full(p.shape, (length - 1) / 2 if corners else length / 2)
    padding = _text(call, "padding_mode", "zeros")
    if padding not in PADDED:
        raise Unfollowed(f"it is padded by {padding}")
    if padding == "reflection":
        low, high = (0.0, length - 1.0) if corners else (-0.5, length - 0.5)
        p, turned = _reflected(p, low, high)
        slope = slope * turned
    if padding != "zeros":
        slope = np.where((p < 0) | (p > length - 1), 0.0, slope)
        p = np.clip(p, 0, length - 1)
    return _Axis(p, slope, length)


def _reflected(p: Floats, low: float, high: float) -> tuple[Floats, Floats]:
    """p thrown back at both ends as often as it needs, and whether it then runs the other way."""
    span = high - low
    if span == 0:
        return np.full(p.shape, low), np.zeros(p.shape)
    away = np.mod(p - low, 2 * span)
    return low + np.minimum(away, 2 * span - away), np.where(away > span, -1.0, 1.0)


@dataclass(frozen=True)
class _Corner:
    """One of the numbers that a place lies between: where in the flat image, its share, and that one's slopes."""

    at: Array
    share: Floats
    slopes: tuple[Floats, ...]


def _corners(call: Call) -> Iterator[_Corner]:
    mode = _text(call, "mode", "linear")
    if mode not in (*LINEAR, *NEAREST):
        raise Unfollowed(f"it is {mode}")
    x, grid = call.need(0), call.need(1)
    fits((*x.shape[:2], *grid.shape[1:-1]))
    # the last of a place's numbers is along the first axis of the image
    axes = [_axis(call, grid[..., -1 - k], length) for k, length in enumerate(x.shape[2:])]
    for ends in itertools.product((0, 1) if mode in LINEAR else (0,), repeat=len(axes)):
        yield _corner([_end(axis, end, mode in LINEAR) for axis, end in zip(axes, ends, strict=True)], x.shape[2:])


def _end(axis: _Axis, end: int, linear: bool) -> tuple[Array, Floats, Floats]:
    """Where one of two neighbours stands, its share and the share's slope; 0 outside of the image."""
    left = np.floor(axis.p) if linear else np.rint(axis.p)
    part = axis.p - left
    share, slope = (part, axis.slope) if end else (1 - part, -axis.slope)
    if not linear:
        share, slope = np.ones(part.shape), np.zeros(part.shape)
    inside: Mask = (left + end >= 0) & (left + end < axis.length)
    return np.where(inside, left + end, 0).astype(np.intp), share * inside, slope * inside


def _corner(ends: Sequence[tuple[Array, Floats, Floats]], size: Sequence[int]) -> _Corner:
    shares = [share for _, share, _ in ends]
    slopes = (
        np.prod([slope if n == k else share for n, share in enumerate(shares)], axis=0)
        for k, (_, _, slope) in enumerate(ends)
    )
    at = np.ravel_multi_index(tuple(place for place, _, _ in ends), tuple(size))
    return _Corner(np.asarray(at), np.prod(shares, axis=0), tuple(slopes))


def _looked_up(x: Array, at: Array) -> Floats:
    """(n, C, …) of x (n, C, *size) at the places (n, …)."""
    flat = np.take_along_axis(x.reshape(*x.shape[:2], -1), at.reshape(len(at), 1, -1), axis=-1)
    return flat.reshape(*x.shape[:2], *at.shape[1:])


def _sampled(call: Call) -> Array:
    x = call.need(0)
    return np.asarray(sum(_looked_up(x, c.at) * c.share[:, None] for c in _corners(call)))


def _sampled_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    x, grid, gradient = call.need(0), call.need(1), single(gradients)
    of_x, of_grid = np.zeros((*x.shape[:2], int(np.prod(x.shape[2:])))), np.zeros(grid.shape)
    rows = np.indices((*x.shape[:2], 1), sparse=True)[:2]
    for corner in _corners(call):
        share = gradient * corner.share[:, None]
        np.add.at(of_x, (*rows, corner.at.reshape(len(x), 1, -1)), share.reshape(*x.shape[:2], -1))
        felt = (gradient * _looked_up(x, corner.at)).sum(axis=1)
        for k, slope in enumerate(corner.slopes):
            of_grid[..., -1 - k] += felt * slope
    return [of_x.reshape(x.shape), of_grid]


def _base(call: Call) -> Floats:
    """The places of an image's own numbers, (…, 1 + its dimensions), the last one 1."""
    size = [int(n) for n in call.need(1)[2:]]
    fits((*size, len(size) + 1))
    if call.get("align_corners", 0):
        axes = [np.linspace(-1, 1, n) for n in size]
    else:
        axes = [(2 * np.arange(n) + 1) / n - 1 for n in size]
    along = np.meshgrid(*axes, indexing="ij")[::-1]
    return np.stack([*along, np.ones(size)], axis=-1)


def _affine(call: Call) -> Array:
    """Each place as a matrix (n, d, d + 1) moves it."""
    return np.asarray(np.einsum("...j,nij->n...i", _base(call), call.need(0)))


def _affine_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    base, gradient = _base(call), single(gradients)
    flat = gradient.reshape(len(gradient), -1, gradient.shape[-1])
    return [np.swapaxes(flat, 1, 2) @ base.reshape(-1, base.shape[-1])]


SAMPLING: dict[str, Rule] = {
    "GridSample": Rule(_sampled, _sampled_back, "pooling"),
    "AffineGrid": Rule(_affine, _affine_back, "pooling"),
}
