"""Einsum: sums of products by letters; the way back is one as well, in which the output stands for the input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainderiv.kinds import Array, Floats
from chainderiv.models.operators.rule import Back, Call, Rule, Unfollowed, fits, single


def _letters(call: Call) -> tuple[list[str], str]:
    """The letters of each input and of the output; raises Unfollowed for dots and letters that stand twice in one."""
    given = call.get("equation")
    text = (given.decode() if isinstance(given, bytes) else given).replace(" ", "")
    if "." in text:
        raise Unfollowed("its equation has dots")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if any(len(set(t)) != len(t) for t in terms):
        raise Unfollowed("a letter of its equation stands twice in one tensor")
    once = sorted(c for c in set(left) - {","} if left.count(c) == 1)
    return terms, right if arrow else "".join(once)


def _einsum(call: Call) -> Array:
    terms, result = _letters(call)
    arrays = [call.need(k) for k in range(len(terms))]
    lengths = _lengths(terms, arrays)
    fits([lengths[c] for c in result])
    return np.asarray(np.einsum(f"{','.join(terms)}->{result}", *arrays, optimize=True))


def _lengths(terms: Sequence[str], arrays: Sequence[Array]) -> dict[str, int]:
    return {c: n for term, a in zip(terms, arrays, strict=True) for c, n in zip(term, a.shape, strict=True)}


def _einsum_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    terms, result = _letters(call)
    arrays, gradient = [call.need(k) for k in range(len(terms))], single(gradients)
    return [_share(k, terms, result, arrays, gradient) if call.wants(k) else None for k in range(len(terms))]


def _share(k: int, terms: list[str], result: str, arrays: list[Array], gradient: Floats) -> Floats:
    others = [n for n in range(len(terms)) if n != k]
    seen = set(result).union(*(terms[n] for n in others))
    # a letter that stands in this tensor alone was summed over: each of its places has the same gradient
    shared = "".join(c for c in terms[k] if c in seen)
    equation = f"{','.join([result, *(terms[n] for n in others)])}->{shared}"
    found = np.einsum(equation, gradient, *(arrays[n] for n in others), optimize=True)
    return np.broadcast_to(
        found.reshape([n if c in seen else 1 for c, n in _places(terms[k], arrays[k])]), arrays[k].shape
    )


def _places(term: str, array: Array) -> list[tuple[str, int]]:
    return list(zip(term, array.shape, strict=True))


EINSUM: dict[str, Rule] = {"Einsum": Rule(_einsum, _einsum_back, "weight")}
