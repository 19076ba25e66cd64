"""A model of Keras that trains: a callback that takes the gradient of a batch of its own, for fit() shows no other."""

from __future__ import annotations

import sys
from typing import Any, cast

from chainderiv.errors import BadShape, BadValue
from chainderiv.models.watching.grouping import by_name, grouped
from chainderiv.models.watching.keras_gradients import Probe
from chainderiv.models.watching.record import WatchRecord
from chainderiv.models.watching.watching import Read, Watch

DATA = "data=(x, y), a batch of which the gradient is taken, or (x, y, sample_weight)"


class KerasWatch(Watch):
    """A callback of fit(), and for a loop of one's own tick(grads)."""

    def __init__(self, model: Any, layers: Any, every: int, on_record: Any, keep: int, data: Any) -> None:
        if not model.built:
            raise BadValue("the Keras model is not built yet; call it once, or build(), before it is watched")
        self._watched = model
        given = [by_name(variable.path, variable.shape) for variable in model.trainable_variables]
        super().__init__(grouped(given, False, layers), every, on_record, keep)
        self._probe = None if data is None else Probe(model, _pair(data))

    def tick(self, grads: Any, scale: Any = None) -> WatchRecord | None:
        """Count a step; the record where one is due, else None.

        grads : the gradients, in the order of model.trainable_variables.
        scale : what the cost was multiplied by and the gradients still are, a number. None: 1, but where the model
            computes in float16, sizes are left out.

        Raises BadValue and BadShape for other gradients, BadValue for another scale.
        """
        return self._measured(self._read(list(grads)), scale) if self._due() else None

    def on_train_begin(self, logs: Any = None) -> None:
        """Keras' hook: see that there is a batch."""
        if self._probe is None:
            raise BadValue(f"a Keras model that fit() trains is watched with {DATA}; or call tick(grads) in a loop")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keras' hook: count a step."""
        if self._probe is not None and self._due():
            _ = self.model  # type: ignore[attr-defined]  # Keras' own, which brings JAX' state up to date
            gradients, scale = self._probe.gradients()
            self._measured(self._read(gradients), scale)

    def _read(self, gradients: list[Any]) -> Read:
        variables = self._watched.trainable_variables
        if len(gradients) != len(variables):
            raise BadValue(f"grads has {len(gradients)}; give {len(variables)}, as model.trainable_variables are")
        for gradient, one in zip(gradients, variables, strict=True):
            if gradient is not None and tuple(gradient.shape) != tuple(one.shape):
                raise BadShape(
                    f"the gradient of {one.path!r} has shape {tuple(gradient.shape)}; give {tuple(one.shape)}"
                )
        return Read([_array(g) for g in gradients], [_array(one.value) for one in variables], _dtype(self._watched))


def keras_watch(model: Any, layers: Any, every: int, on_record: Any, keep: int, data: Any) -> KerasWatch:
    """One that Keras takes for a callback of its own: its class is there only where Keras is."""
    callback = sys.modules["keras"].callbacks.Callback
    kind: Any = type("KerasWatch", (KerasWatch, callback), {"__doc__": KerasWatch.__doc__})
    made = cast(KerasWatch, kind.__new__(kind))
    callback.__init__(made)
    KerasWatch.__init__(made, model, layers, every, on_record, keep, data)
    return made


def _pair(data: Any) -> tuple[Any, ...]:
    if not isinstance(data, tuple) or len(data) not in (2, 3):
        raise BadValue(f"data is a {type(data).__name__}; give {DATA}")
    return data


def _array(tensor: Any) -> Any:
    """torch's and JAX' as they are, which are reduced where they lie; of TensorFlow's a copy, its sparse ones dense."""
    if tensor is None or hasattr(tensor, "layout") or hasattr(tensor, "devices"):
        return tensor
    return sys.modules["keras"].ops.convert_to_numpy(tensor)


def _dtype(model: Any) -> str:
    kinds = {str(layer.compute_dtype) for layer in model.layers}
    return next((kind for kind in ("float16", "bfloat16") if kind in kinds), str(model.dtype))
