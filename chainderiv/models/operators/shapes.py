"""What moves numbers and leaves them as they are: Reshape, Transpose, Concat and the like, and shapes themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainderiv.errors import BadShape, BadValue
from chainderiv.kinds import Array, Floats
from chainderiv.models.operators.rule import Back, Call, Rule, fits, single

KINDS = {
    1: "f",
    10: "f",
    11: "f",
    16: "f",
    2: "u1",
    3: "i1",
    4: "u2",
    5: "i2",
    6: "i4",
    7: "i8",
    9: "?",
    12: "u4",
    13: "u8",
}


def _as_it_was(call: Call, gradients: Sequence[Floats | None]) -> Back:
    """The gradient in the input's shape, for what has not moved an entry."""
    return [single(gradients).reshape(call.need(0).shape)]


def _identity(call: Call) -> Array | tuple[Array, ...]:
    x = call.need(0)
    # Dropout's second output is what was kept; outside of training it is all
    return x if call.results == 1 else (x, np.ones(x.shape, bool))


def _cast(call: Call) -> Array:
    return cast(call.need(0), int(call.get("to", 1)))


def cast(x: Array, to: int) -> Array:
    """x in the kind that ONNX numbers so; every kind of float is float64 here. Raises BadValue."""
    if to not in KINDS:
        raise BadValue(f"a tensor is cast to ONNX's kind {to}; give a model of floats, integers and bools")
    kind = KINDS[to]
    with np.errstate(all="ignore"):
        return x.astype(np.float64 if kind == "f" else np.dtype(kind))


def _cast_like(call: Call) -> Array:
    return call.need(0).astype(call.need(1).dtype)


def _flatten(call: Call) -> Array:
    x, axis = call.need(0), int(call.get("axis", 1))
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape(int(np.prod(x.shape[:axis])), -1) if x.size else x.reshape(len(x), -1)


def _reshape(call: Call) -> Array:
    x, wanted = call.need(0), call.input(1)
    wanted = np.asarray(call.get("shape")) if wanted is None else wanted
    shape = [int(n) for n in wanted.reshape(-1)]
    if not call.get("allowzero", 0):
        shape = [x.shape[k] if n == 0 else n for k, n in enumerate(shape)]
    try:
        return x.reshape(shape)
    except ValueError as e:
        raise BadShape(f"a tensor {x.shape} is to be made {tuple(shape)}; give examples of the size it asks for") from e


def _axes(call: Call, k: int) -> list[int] | None:
    """Axes, an input in newer versions and an attribute in older ones."""
    given = call.input(k)
    given = call.get("axes") if given is None else given
    return None if given is None else [int(n) for n in np.asarray(given).reshape(-1)]


def _squeeze(call: Call) -> Array:
    axes = _axes(call, 1)
    return np.squeeze(call.need(0), None if axes is None else tuple(axes))


def _unsqueeze(call: Call) -> Array:
    return np.expand_dims(call.need(0), tuple(_axes(call, 1) or ()))


def _transpose(call: Call) -> Array:
    return np.transpose(call.need(0), _order(call))


def _order(call: Call) -> tuple[int, ...]:
    given = call.get("perm")
    return tuple(map(int, given)) if given is not None else tuple(range(call.need(0).ndim))[::-1]


def _transpose_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    return [np.transpose(single(gradients), np.argsort(_order(call)))]


def _concat(call: Call) -> Array:
    return np.concatenate([call.need(k) for k in range(len(call.inputs))], int(call.get("axis", 0)))


def _concat_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    axis, arrays = int(call.get("axis", 0)), [call.need(k) for k in range(len(call.inputs))]
    return np.split(single(gradients), np.cumsum([a.shape[axis] for a in arrays])[:-1], axis)


def _split_at(call: Call) -> list[int]:
    x, axis = call.need(0), int(call.get("axis", 0))
    given = call.input(1)
    given = call.get("split") if given is None else given
    if given is not None:
        return [int(n) for n in np.cumsum(given)[:-1]]
    if int(call.get("num_outputs", call.results)) != call.results:
        raise BadValue(f"num_outputs is {call.get('num_outputs')} of {call.results} parts; give a model that is whole")
    each = -(-x.shape[axis] // call.results)
    return [each * (k + 1) for k in range(call.results - 1)]


def _split(call: Call) -> tuple[Array, ...]:
    return tuple(np.split(call.need(0), _split_at(call), int(call.get("axis", 0))))


def _split_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    parts = [np.zeros(y.shape) if g is None else g for g, y in zip(gradients, _split(call), strict=True)]
    return [np.concatenate(parts, int(call.get("axis", 0)))]


def _shape(call: Call) -> Array:
    return np.asarray(call.need(0).shape[slice(call.get("start", 0), call.get("end"))], np.int64)


def _filled(call: Call) -> Array:
    shape, value = fits([int(n) for n in call.need(0).reshape(-1)]), call.get("value")
    single_value = np.zeros(1) if value is None else np.asarray(value).reshape(-1)
    kind = np.float64 if single_value.dtype.kind == "f" else single_value.dtype
    return np.full(shape, single_value[0], kind)


def _range(call: Call) -> Array:
    start, stop, step = (call.need(k).reshape(-1)[0] for k in range(3))
    if step == 0:
        raise BadValue("a Range has the step 0; give a file whose operators are complete")
    (count,) = fits((max(int(np.ceil((stop - start) / step)), 0),))
    return np.asarray(start + step * np.arange(count)).astype(call.need(0).dtype)


def _eye(call: Call) -> Array:
    like = call.need(0)
    if like.ndim != 2:
        raise BadShape(f"a matrix like one of the shape {like.shape} is asked for; give a model that is whole")
    kind = call.get("dtype", 1 if like.dtype.kind == "f" else 7)
    return cast(np.eye(like.shape[0], like.shape[1], int(call.get("k", 0))), int(kind))


def _constant(call: Call) -> Array:
    names = ("value", "value_float", "value_floats", "value_int", "value_ints")
    given: Any = next((call.get(name) for name in names if call.get(name) is not None), None)
    if given is None:
        raise BadValue("a Constant has no number; give a model of floats, integers and bools")
    array = np.asarray(given)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _no_way_back(forward: Callable[[Call], Any]) -> Rule:
    return Rule(forward, None, "constant")


SHAPES: dict[str, Rule] = {
    "Identity": Rule(_identity, _as_it_was, "shape"),
    "Detach": Rule(_identity, None, "step"),  # torch's, which ONNX has none of
    "Dropout": Rule(_identity, _as_it_was, "shape"),
    "Cast": Rule(_cast, _as_it_was, "shape"),
    "CastLike": Rule(_cast_like, _as_it_was, "shape"),
    "Flatten": Rule(_flatten, _as_it_was, "shape"),
    "Reshape": Rule(_reshape, _as_it_was, "shape"),
    "Squeeze": Rule(_squeeze, _as_it_was, "shape"),
    "Unsqueeze": Rule(_unsqueeze, _as_it_was, "shape"),
    "Transpose": Rule(_transpose, _transpose_back, "shape"),
    "Concat": Rule(_concat, _concat_back, "join"),
    "Split": Rule(_split, _split_back, "shape"),
    "Shape": _no_way_back(_shape),
    "Size": _no_way_back(lambda call: np.asarray(call.need(0).size, np.int64)),
    "ConstantOfShape": _no_way_back(_filled),
    "EyeLike": _no_way_back(_eye),
    "Range": _no_way_back(_range),
    "Constant": _no_way_back(_constant),
}
