"""Trees of arrays: the names and arrays of nested dicts, lists and tuples, and of whatever JAX knows as a tree."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from chainderiv.errors import BadValue
from chainderiv.given import shown

DEEPEST = 100
WANTED = "a dict, list or tuple of arrays, or a tree of JAX's"


def leaves(tree: Any, what: str) -> dict[str, Any]:
    """Name -> array, in the order in which dicts hold them. what : what the tree is, for errors.

    In a list, an array of one dimension behind a weight is its bias. Raises BadValue for what is no tree of arrays.

    >>> import numpy as np
    >>> list(leaves({"dense": {"kernel": np.eye(2), "bias": np.zeros(2)}}, "params"))
    ['dense/kernel', 'dense/bias']
    >>> list(leaves([(np.eye(2), np.zeros(2)), (np.eye(2), np.zeros(2))], "params"))
    ['0/0/weight', '0/0/bias', '1/0/weight', '1/0/bias']
    """
    return dict(_leaves(tree, what, ()))


def _leaves(tree: Any, what: str, above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if len(above) > DEEPEST:
        raise BadValue(f"{what} nests deeper than {DEEPEST}; give {WANTED}")
    if _is_array(tree):
        yield "/".join(above) or "weight", tree
    elif isinstance(tree, Mapping):
        for name, below in tree.items():
            yield from _leaves(below, what, (*above, str(name)))
    elif isinstance(tree, list | tuple):
        for name, below in zip(_names(tree), tree, strict=True):
            yield from _leaves(below, what, (*above, *name))
    elif tree is not None:
        yield from _by_jax(tree, what, above)


def _names(tree: list[Any] | tuple[Any, ...]) -> list[tuple[str, ...]]:
    """Of a list's items: their places, and of a weight and the bias behind it the weight's."""
    if hasattr(tree, "_fields"):
        return [(name,) for name in tree._fields]
    names: list[tuple[str, ...]] = []
    weight = None
    for place, one in enumerate(tree):
        dimensions = len(one.shape) if _is_array(one) else 0
        if dimensions > 1:
            weight = place
        is_bias = dimensions == 1 and weight == place - 1
        role = ("weight",) if dimensions > 1 else ("bias",) if is_bias else ()
        names.append((str(weight if is_bias else place), *role))
    return names


def _by_jax(tree: Any, what: str, above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    jax = sys.modules.get("jax")
    found = [] if jax is None else jax.tree_util.tree_flatten_with_path(tree)[0]
    for path, leaf in found:
        if not path or not _is_array(leaf):
            continue
        steps = [*above, *filter(None, map(_step, path))]
        yield "/".join(steps[:-1] if steps[-1] == "value" and len(steps) > 1 else steps), leaf  # Flax' box of an array
    if not found or not found[0][0]:
        raise BadValue(f"{what} holds {shown(tree)}; give {WANTED}")


def _step(one: Any) -> str:
    """A key of JAX's paths: that of a dict, an attribute's or a place."""
    return str(next((getattr(one, name) for name in ("key", "name", "idx") if hasattr(one, name)), one))


def _is_array(thing: Any) -> bool:
    return hasattr(thing, "shape") and hasattr(thing, "dtype") and not isinstance(thing, type)
