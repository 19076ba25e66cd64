"""Einsum: sums of products by letters; the way back is one as well, in which the output stands for the input."""

from __future__ import annotations

import string
from collections.abc import Sequence

import numpy as np

from chainderiv.errors import BadShape
from chainderiv.kinds import Array, Floats
from chainderiv.models.operators.rule import Back, Call, Rule, fits, single

DOTS = "..."


def _letters(call: Call) -> tuple[list[str], str]:
    """The letters of each input and of the output, dots spelled out."""
    given = call.get("equation")
    text = (given.decode() if isinstance(given, bytes) else given).replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    once = sorted(c for c in set(left) - {",", "."} if left.count(c) == 1)
    right = right if arrow else f"{DOTS if DOTS in left else ''}{''.join(once)}"
    free = [c for c in string.ascii_letters if c not in text]
    hidden = [call.need(k).ndim - len(term.replace(DOTS, "")) for k, term in enumerate(terms)]
    most = max((n for term, n in zip(terms, hidden, strict=True) if DOTS in term), default=0)
    # the dimensions of dots are counted from the last one, as in broadcasting
    spelled = [t.replace(DOTS, "".join(free[most - n : most])) for t, n in zip(terms, hidden, strict=True)]
    for k, term in enumerate(spelled):
        if len(term) != call.need(k).ndim:
            raise BadShape(f"{text!r} does not fit a tensor {call.need(k).shape}; give a model that is whole")
    return spelled, right.replace(DOTS, "".join(free[:most]))


def _once(term: str) -> str:
    return "".join(dict.fromkeys(term))


def _diagonal(term: str, x: Array) -> Array:
    """A view with each letter once: where one stands twice, the diagonal."""
    return x if len(set(term)) == len(term) else np.einsum(f"{term}->{_once(term)}", x)


def _together(terms: Sequence[str], arrays: Sequence[Array]) -> tuple[list[str], list[Array]]:
    """The same without the lengths of 1 that are broadcast to others; each letter once in a tensor."""
    once = [(_once(term), _diagonal(term, x)) for term, x in zip(terms, arrays, strict=True)]
    longest: dict[str, int] = {}
    for term, x in once:
        longest |= {c: max(n, longest.get(c, 0)) for c, n in zip(term, x.shape, strict=True)}
    kept = [[k for k, c in enumerate(term) if x.shape[k] == longest[c]] for term, x in once]
    dropped = [tuple(k for k in range(x.ndim) if k not in keep) for (_, x), keep in zip(once, kept, strict=True)]
    return (
        ["".join(term[k] for k in keep) for (term, _), keep in zip(once, kept, strict=True)],
        [np.squeeze(x, drop) for (_, x), drop in zip(once, dropped, strict=True)],
    )


def _einsum(call: Call) -> Array:
    terms, result = _letters(call)
    terms, arrays = _together(terms, [call.need(k) for k in range(len(terms))])
    lengths = {c: n for term, a in zip(terms, arrays, strict=True) for c, n in zip(term, a.shape, strict=True)}
    fits([lengths[c] for c in result])
    return np.asarray(np.einsum(f"{','.join(terms)}->{result}", *arrays, optimize=True))


def _einsum_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    whole, result = _letters(call)
    terms, arrays = _together(whole, [call.need(k) for k in range(len(whole))])
    shares = (_share(k, terms, result, arrays, single(gradients)) if call.wants(k) else None for k in range(len(terms)))
    return [None if g is None else _put(whole[k], call.need(k), g) for k, g in enumerate(shares)]


def _put(term: str, x: Array, share: Floats) -> Floats:
    """The gradient of a tensor of that of its diagonal, and of what was broadcast."""
    if len(set(term)) == len(term):
        return share.reshape(x.shape)
    out = np.zeros(x.shape)
    view = _diagonal(term, out)
    view[...] = share.reshape(view.shape)
    return out


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
