"""Attention(Q, K, V) = softmax(Q Kᵀ/√d + mask) V as one operator (Vaswani et al. 2017), and RotaryEmbedding before it.

The way back is that of its parts: ∂V = Aᵀ ∂Y, ∂A = ∂Y Vᵀ, through the softmax to ∂S, then ∂Q = ∂S K/√d, ∂K = ∂Sᵀ Q/√d.
Where several heads of Q share one of K and V (Ainslie et al. 2023), the gradients of theirs add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from chainderiv.errors import BadShape
from chainderiv.kinds import Array, Floats
from chainderiv.models.operators.broadcasting import unbroadcast_scaled
from chainderiv.models.operators.rule import Back, Call, Rule, Unfollowed, fits, single
from chainderiv.models.operators.softmax import logs_of, softmax_back
from chainderiv.models.scaled import Scaled, bands, linear, matmul, moved, plus, scaled, times

MASK = 3  # the inputs by their places
PAST_KEY, PAST_VALUE, LENGTHS = 4, 5, 6


@dataclass(frozen=True)
class _Parts:
    """Q (n, heads, queries, d), K and V as they are attended to (n, their heads, keys, d); capped: S over its cap."""

    q: Floats
    k: Floats
    v: Floats
    scale: float
    logs: Floats
    capped: Floats | None
    shared: int

    @property
    def share(self) -> Floats:
        """A: how much each query attends to each key; zeros where all is masked."""
        return np.where(np.isnan(self.logs), 0.0, np.exp(self.logs))


def _heads(call: Call, x: Array, name: str) -> Array:
    """(n, heads, places, d) of that or of (n, places, heads · d)."""
    if x.ndim == 4:
        return x
    heads = int(call.get(name, 0))
    if x.ndim != 3 or heads < 1 or x.shape[-1] % heads:
        raise BadShape(f"{x.shape} are to make {heads} heads; give a model that is whole")
    return x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)


def _flat(call: Call, x: Array) -> Array:
    """Of heads what they were made of, in the shape that Q has."""
    return x if call.need(0).ndim == 4 else x.swapaxes(1, 2).reshape(len(x), x.shape[2], -1)


def _with_past(call: Call, x: Array, k: int) -> Array:
    past = call.input(k)
    return x if past is None else np.concatenate([past, x], axis=2)


def _parts(call: Call) -> _Parts:
    windowed = any(call.get(f"{side}_window_size", -1) >= 0 for side in ("left", "right"))
    if windowed or call.input(LENGTHS) is not None:
        raise Unfollowed("it has a window, or lengths that are given")
    q = _heads(call, call.need(0), "q_num_heads")
    k, v = (_heads(call, call.need(n), "kv_num_heads") for n in (1, 2))
    k, v = _with_past(call, k, PAST_KEY), _with_past(call, v, PAST_VALUE)
    if q.shape[1] % k.shape[1]:
        raise BadShape(f"{q.shape[1]} heads are to share {k.shape[1]}; give a model that is whole")
    shared = q.shape[1] // k.shape[1]
    scale, cap = call.get("scale") or q.shape[-1] ** -0.5, call.get("softcap", 0.0)
    fits((*q.shape[:3], k.shape[2]))
    scores = scale * q @ np.repeat(k, shared, axis=1).swapaxes(-1, -2)
    capped = np.tanh(scores / cap) if cap else None
    return _Parts(q, k, v, scale, logs_of(_masked(call, scores if capped is None else cap * capped)), capped, shared)


def _masked(call: Call, scores: Floats) -> Floats:
    mask = call.input(MASK)
    if mask is not None:
        short = scores.shape[-1] - mask.shape[-1]
        if mask.dtype.kind == "b":
            mask = np.where(mask, 0.0, -np.inf)
        # keys that a mask does not reach are not attended to
        mask = np.pad(mask, [(0, 0)] * (mask.ndim - 1) + [(0, short)], constant_values=-np.inf) if short > 0 else mask
        scores = scores + mask
    if call.get("is_causal", 0):
        past = call.input(PAST_KEY)
        seen = np.tri(scores.shape[-2], scores.shape[-1], 0 if past is None else past.shape[2])
        scores = np.where(seen > 0, scores, -np.inf)
    return scores


def _attention(call: Call) -> tuple[Array, ...]:
    if call.results > MASK:
        raise Unfollowed("its scores are handed on")
    parts = _parts(call)
    y = parts.share @ np.repeat(parts.v, parts.shared, axis=1)
    return (_flat(call, y), parts.k, parts.v)[: call.results]


def _attention_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    if any(g is not None for g in gradients[1:]):
        raise Unfollowed("its keys or values are handed on")
    parts, gradient = _parts(call), single(gradients)
    if gradient.ndim == 3:
        gradient = gradient.reshape(*gradient.shape[:2], parts.q.shape[1], -1).swapaxes(1, 2)
    of_y = scaled(gradient)
    of_v = matmul(_turned(parts.share), of_y)
    of_scores = _through_softmax(parts, matmul(of_y, _turned(np.repeat(parts.v, parts.shared, axis=1))))
    of_mask = _of_mask(call, of_scores)
    if parts.capped is not None:
        of_scores = times(of_scores, 1 - np.square(parts.capped))
    of_scores = times(of_scores, np.full(1, parts.scale))
    of_q = matmul(of_scores, np.repeat(parts.k, parts.shared, axis=1))
    of_k = matmul(moved(of_scores, lambda s: s.swapaxes(-1, -2)), parts.q)
    (past_k, of_k), (past_v, of_v) = (_apart(call, g, parts.shared) for g in (of_k, of_v))
    return [*(_placed(call, k, g) for k, g in enumerate((of_q, of_k, of_v))), of_mask, past_k, past_v]


def _turned(x: Array) -> Scaled:
    return scaled(np.swapaxes(x, -1, -2))


def _through_softmax(parts: _Parts, of_share: Scaled) -> Scaled:
    """Row by row, but for rows of which all is masked."""
    logs = np.where(np.isnan(parts.logs), -np.inf, parts.logs)
    return reduce(plus, (softmax_back(logs, band.values).shifted(band.exponent) for band in bands(of_share)))


def _of_mask(call: Call, of_scores: Scaled) -> Scaled | None:
    mask = call.input(MASK)
    if mask is None or not call.wants(MASK):
        return None
    return unbroadcast_scaled(of_scores[..., : mask.shape[-1]], mask.shape)


def _apart(call: Call, gradient: Scaled, shared: int) -> tuple[Scaled | None, Scaled]:
    """What reaches the past, and what the new keys or values; over the heads that share one it is summed."""
    summed = linear(gradient, lambda g: g.reshape(len(g), -1, shared, *g.shape[2:]).sum(axis=2))
    past = call.input(PAST_KEY)
    if past is None:
        return None, summed
    return summed[:, :, : past.shape[2]], summed[:, :, past.shape[2] :]


def _placed(call: Call, k: int, gradient: Scaled) -> Scaled:
    shape = call.need(k).shape
    return gradient if len(shape) == 4 else moved(gradient, lambda g: g.swapaxes(1, 2).reshape(shape))


def _turns(call: Call) -> tuple[Array, Array, Array, int]:
    """x (n, places, heads, d), the cosines and sines beside it, and how many of d are turned."""
    x, cos, sin = (call.need(k) for k in range(3))
    where = call.input(MASK)
    if where is not None:
        cos, sin = (cache[where.astype(np.intp)] for cache in (cos, sin))
    x = x.swapaxes(1, 2) if x.ndim == 4 else x.reshape(*x.shape[:2], int(call.get("num_heads", 1)), -1)
    return x, cos[:, :, None], sin[:, :, None], int(call.get("rotary_embedding_dim", 0)) or x.shape[-1]


def _pair(call: Call, x: Array, count: int) -> tuple[Array, Array]:
    """Views of the two numbers that a turn mixes: neighbours, or one of each half."""
    if call.get("interleaved", 0):
        return x[..., 0:count:2], x[..., 1:count:2]
    return x[..., : count // 2], x[..., count // 2 : count]


def _turned_by(call: Call, x: Array, cos: Array, sin: Array, count: int) -> Array:
    out = np.array(x)
    (first, second), (into_first, into_second) = _pair(call, x, count), _pair(call, out, count)
    into_first[...], into_second[...] = cos * first - sin * second, sin * first + cos * second
    return out.swapaxes(1, 2) if call.need(0).ndim == 4 else out.reshape(call.need(0).shape)


def _rotary(call: Call) -> Array:
    return _turned_by(call, *_turns(call))


def _rotary_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    """A turn back; the cosines and sines are felt by all heads, and by all words at the same place."""
    x, cos, sin, count = _turns(call)
    gradient = single(gradients)
    gradient = gradient.swapaxes(1, 2) if gradient.ndim == 4 else gradient.reshape(x.shape)
    (first, second), (of_first, of_second) = _pair(call, x, count), _pair(call, gradient, count)
    of_cos = _of_angles(call, 1, of_first * first + of_second * second)
    of_sin = _of_angles(call, 2, of_second * first - of_first * second)
    return [_turned_by(call, gradient, cos, -sin, count), of_cos, of_sin]


def _of_angles(call: Call, k: int, felt: Floats) -> Floats:
    given, where = call.need(k), call.input(MASK)
    if where is None:
        return np.asarray(felt.sum(axis=2))
    out = np.zeros(given.shape)
    np.add.at(out, where.astype(np.intp), felt.sum(axis=2))
    return out


ATTENTION: dict[str, Rule] = {
    "Attention": Rule(_attention, _attention_back, "attention"),
    "RotaryEmbedding": Rule(_rotary, _rotary_back, "shape"),
}
