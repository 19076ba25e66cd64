"""Parameters as a tree of arrays, JAX's way: the gradients are given at each tick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainderiv.errors import BadShape, BadValue
from chainderiv.models.watching.grouping import by_name, grouped
from chainderiv.models.watching.pytrees import leaves
from chainderiv.models.watching.record import WatchRecord
from chainderiv.models.watching.watching import Read, Watch


class TreeWatch(Watch):
    """Trees of JAX, Flax, Haiku or NumPy: numbers when they are given, whatever computed them."""

    def __init__(self, params: Any, layers: Any, every: int, on_record: Any, keep: int) -> None:
        given = leaves(params, "model")
        super().__init__(
            grouped([by_name(name, one.shape) for name, one in given.items()], False, layers), every, on_record, keep
        )
        self._shapes = {name: tuple(one.shape) for name, one in given.items()}

    def tick(self, grads: Any, params: Any = None, scale: Any = None) -> WatchRecord | None:
        """Count a step; the record where one is due, else None.

        grads : the gradients, a tree as the parameters' own, in which some may be missing.
        params : the parameters now, of which ‖∂W‖/‖W‖ is taken; None: it is left out.
        scale : what the cost was multiplied by and the gradients still are, a number. None: 1, but where gradients are
            float16, sizes are left out.

        Raises BadValue for another tree or scale, BadShape for a gradient of another shape than its parameter.
        """
        if not self._due():
            return None
        gradients = self._by_place(grads, "grads")
        weights = [None] * len(self._shapes) if params is None else self._by_place(params, "params")
        kinds = {str(g.dtype) for g in gradients if g is not None}
        dtype = next((kind for kind in ("float16", "bfloat16", "float32", "float64") if kind in kinds), "float32")
        return self._measured(Read(gradients, weights, dtype), scale)

    def _by_place(self, tree: Any, what: str) -> list[Any]:
        given = leaves(tree, what)
        unknown = next((name for name in given if name not in self._shapes), None)
        if unknown is not None:
            raise BadValue(f"{what} has {unknown!r}, which the watched parameters have not; give a tree as theirs")
        return [self._checked(name, given, what) for name in self._shapes]

    def _checked(self, name: str, given: Mapping[str, Any], what: str) -> Any:
        found = given.get(name)
        if found is not None and tuple(found.shape) != self._shapes[name]:
            raise BadShape(f"{what} has {name!r} of shape {tuple(found.shape)}; give one of {self._shapes[name]}")
        return found
