"""SHAPES: torch's operators that move numbers and change none, by their names in ATen."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainderiv.models.readers.torch_models.putting import ONNX_KINDS, TO_END, Held, Putting, Size


def view(put: Putting, x: Held, shape: Sequence[Any]) -> Held:
    """view, reshape: one size that depends on the batch follows from the others."""
    told = list(shape)
    free = [k for k, n in enumerate(told) if isinstance(n, Size)]
    if len(free) == 1 and -1 not in told and 0 not in told:
        told[free[0]] = -1
    return put.node("Reshape", x, put.whole(told))


def flatten(put: Putting, x: Held, start: int = 0, end: int = -1) -> Held:
    """The dimensions from start to end as one."""
    first, last = start % max(x.rank, 1), end % max(x.rank, 1)
    if first == 1 and last == x.rank - 1:
        return put.node("Flatten", x, axis=1)
    if first == last and x.rank:
        return x
    before, middle, behind = x.shape[:first], x.shape[first : last + 1], x.shape[last + 1 :]
    one = -1 if None in middle or not x.rank else math.prod(n or 1 for n in middle)
    sizes = [put.size(x, k) for k in range(len(before))]
    after = [put.size(x, last + 1 + k) for k in range(len(behind))]
    return view(put, x, [*sizes, one, *after])


def unflatten(put: Putting, x: Held, axis: int, sizes: Sequence[Any]) -> Held:
    """One dimension as several."""
    at = axis % x.rank
    before = [put.size(x, k) for k in range(at)]
    return view(put, x, [*before, *sizes, *(put.size(x, k) for k in range(at + 1, x.rank))])


def permute(put: Putting, x: Held, dims: Sequence[int]) -> Held:
    """The dimensions in another order."""
    return put.node("Transpose", x, perm=[d % x.rank for d in dims])


def transpose(put: Putting, x: Held, first: int = 0, second: int = 1) -> Held:
    """Two dimensions exchanged."""
    perm = list(range(x.rank))
    if x.rank < 2:
        return x
    perm[first], perm[second] = perm[second], perm[first]
    return put.node("Transpose", x, perm=perm)


def squeeze(put: Putting, x: Held, axes: Any = None) -> Held:
    """Dimensions of 1 left out."""
    told = range(x.rank) if axes is None else [axes] if isinstance(axes, int) else axes
    ones = [d % x.rank for d in told if x.shape[d] == 1]
    return put.node("Squeeze", x, put.whole(ones)) if ones else x


def unsqueeze(put: Putting, x: Held, axis: int) -> Held:
    """A dimension of 1 more."""
    return put.node("Unsqueeze", x, put.whole([axis % (x.rank + 1)]))


def cat(put: Putting, tensors: Sequence[Held], axis: int = 0) -> Held:
    """Tensors behind each other."""
    return put.node("Concat", *tensors, axis=axis % tensors[0].rank)


def stack(put: Putting, tensors: Sequence[Held], axis: int = 0) -> Held:
    """Tensors behind each other along a new dimension."""
    at = axis % (tensors[0].rank + 1)
    return put.node("Concat", *(unsqueeze(put, x, at) for x in tensors), axis=at)


def sliced(put: Putting, x: Held, axis: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Held:
    """A part along a dimension."""
    begin, until = 0 if start is None else start, TO_END if end is None else end
    if begin == 0 and until == TO_END and step == 1:
        return x
    return put.node("Slice", x, put.whole([begin]), put.whole([until]), put.whole([axis]), put.whole([step]))


def select(put: Putting, x: Held, axis: int, at: Any) -> Held:
    """One place along a dimension."""
    if isinstance(at, Size):
        raise put.refused("a place that depends on the batch")
    return put.node("Gather", x, put.constant(np.asarray(at, np.int64), "place"), axis=axis % x.rank)


def index_select(put: Putting, x: Held, axis: int, at: Held) -> Held:
    """Places along a dimension."""
    return put.node("Gather", x, at, axis=axis % x.rank)


def expand(put: Putting, x: Held, shape: Sequence[Any], *, implicit: bool = False) -> Held:
    """Dimensions of 1 repeated; -1 leaves one as it is."""
    told = [1 if isinstance(n, int) and n == -1 else n for n in shape]
    return put.node("Expand", x, put.whole(told))


def repeat(put: Putting, x: Held, times: Sequence[Any]) -> Held:
    """The whole repeated."""
    return put.node("Tile", x, put.whole(times))


def split(put: Putting, x: Held, sizes: Any, axis: int = 0) -> tuple[Held, ...]:
    """Parts of a size, or of these sizes."""
    long = x.shape[axis]
    if long is None:
        raise put.refused("a split along a size that is free")
    if isinstance(sizes, int):
        sizes = [min(sizes, long - begin) for begin in range(0, long, sizes)]
    ends = np.cumsum([0, *sizes])
    return tuple(sliced(put, x, axis, int(a), int(b)) for a, b in itertools.pairwise(ends))


def chunk(put: Putting, x: Held, count: int, axis: int = 0) -> tuple[Held, ...]:
    """So many parts."""
    long = x.shape[axis]
    if long is None:
        raise put.refused("a split along a size that is free")
    return split(put, x, -(-long // count), axis)


def unbind(put: Putting, x: Held, axis: int = 0) -> tuple[Held, ...]:
    """Each place along a dimension."""
    long = x.shape[axis]
    if long is None:
        raise put.refused("a split along a size that is free")
    return tuple(select(put, x, axis, place) for place in range(long))


def pad(put: Putting, x: Held, sizes: Sequence[int], mode: Any = "constant", value: Any = None) -> Held:
    """Padding, stated from the last dimension on."""
    known = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    how = mode if isinstance(mode, str) else "constant"
    if how not in known:
        raise put.refused(f"padding of the kind {how!r}")
    fill = value if isinstance(mode, str) else mode
    before, behind = [0] * x.rank, [0] * x.rank
    for place in range(len(sizes) // 2):
        before[-1 - place], behind[-1 - place] = sizes[2 * place], sizes[2 * place + 1]
    extra = [put.tensor(float(fill))] if fill else []
    return put.node("Pad", x, put.whole(before + behind), *extra, mode=known[how])


def same(put: Putting, x: Held, *_: Any, **__: Any) -> Held:
    """What changes neither numbers nor their order."""
    return x


def detach(put: Putting, x: Held) -> Held:
    """The same numbers, past which no gradient comes; of a constant there is nothing to keep back."""
    return x if put.array(x) is not None else put.node("Detach", x)


def cast(put: Putting, x: Held, *given: Any, **named: Any) -> Held:
    """Another type: between floats nothing is done, which are float64 here."""
    wanted = next((str(g).removeprefix("torch.") for g in (*given, *named.values()) if str(g).startswith("torch.")), "")
    kinds = [k for k in ONNX_KINDS if k == wanted]
    if not kinds or (wanted.startswith(("float", "bfloat")) and x.kind.startswith(("float", "bfloat"))):
        return x
    return put.node("Cast", x, to=11 if wanted.startswith(("float", "bfloat")) else ONNX_KINDS[wanted])


def pixel_shuffle(put: Putting, x: Held, factor: int) -> Held:
    """Channels as space."""
    return put.node("DepthToSpace", x, blocksize=factor, mode="CRD")


SHAPES: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("view", "reshape", "_unsafe_view"), view),
    "flatten": flatten,
    "unflatten": unflatten,
    "permute": permute,
    **dict.fromkeys(("transpose", "t", "numpy_T"), transpose),
    "squeeze": squeeze,
    "unsqueeze": unsqueeze,
    **dict.fromkeys(("cat", "concat"), cat),
    "stack": stack,
    "slice": sliced,
    "select": select,
    "index_select": index_select,
    "expand": expand,
    "repeat": repeat,
    **dict.fromkeys(("split", "split_with_sizes"), split),
    "chunk": chunk,
    "unbind": unbind,
    **dict.fromkeys(("pad", "constant_pad_nd"), pad),
    **dict.fromkeys(("to", "_to_copy", "type_as"), cast),
    **dict.fromkeys(("contiguous", "clone", "alias", "lift_fresh_copy", "lift_fresh"), same),
    "detach": detach,
    **dict.fromkeys(("_assert_tensor_metadata", "_assert_scalar", "sym_constrain_range_for_size"), same),
    "pixel_shuffle": pixel_shuffle,
}
