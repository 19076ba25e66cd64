"""The gradient of a Keras model's cost on one batch, by the backend that trains it; the model is left as it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chainderiv.errors import BadValue


class Probe:
    """A batch, and how its gradient is taken: in training mode, with the scale of an optimizer that has one."""

    def __init__(self, model: Any, data: tuple[Any, ...]) -> None:
        keras = sys.modules["keras"]
        self._model = model
        self._data = tuple(keras.tree.map_structure(keras.ops.convert_to_tensor, one) for one in data)
        backend = keras.backend.backend()
        ways = {"torch": self._by_torch, "tensorflow": self._by_tensorflow, "jax": self._by_jax}
        if backend not in ways:
            raise BadValue(f"Keras runs on {backend}, which takes no gradients; give tensorflow, jax or torch")
        self._way = ways[backend]
        self._compiled: Any = None

    def gradients(self) -> tuple[list[Any], float]:
        """The gradients by model.trainable_variables, and what they are multiplied by."""
        optimizer = getattr(self._model, "optimizer", None)
        dynamic = getattr(optimizer, "dynamic_scale", None) if getattr(optimizer, "built", False) else None
        scale = 1.0 if dynamic is None else float(sys.modules["keras"].ops.convert_to_numpy(dynamic.value))
        return self._way(scale), scale

    def _cost(self) -> Any:
        x, y, *weight = self._data
        kinds = {"training": True} if self._model._call_has_training_arg else {}
        return self._model.compute_loss(
            x=x, y=y, y_pred=self._model(x, **kinds), sample_weight=weight[0] if weight else None
        )

    def _by_torch(self, scale: float) -> list[Any]:
        torch = sys.modules["torch"]
        values = [one.value for one in self._model.trainable_variables]
        drawing = [values[0].device] if values and values[0].device.type == "cuda" else []
        # a dropout of torch's draws from its own generator
        with _as_it_is(self._model), torch.random.fork_rng(drawing), torch.enable_grad():
            return list(torch.autograd.grad(self._cost() * scale, values, allow_unused=True))

    def _by_tensorflow(self, scale: float) -> list[Any]:
        tensorflow = sys.modules["tensorflow"]
        values = [one.value for one in self._model.trainable_variables]
        with _as_it_is(self._model):
            with tensorflow.GradientTape() as tape:
                cost = self._cost() * scale
            return list(tape.gradient(cost, values))

    def _by_jax(self, scale: float) -> list[Any]:
        """Without side effects, so that it is compiled once."""
        jax = sys.modules["jax"]
        if self._compiled is None:
            self._compiled = jax.jit(jax.grad(self._stateless))
        model = self._model
        kept = [[v.value for v in kind] for kind in (model.trainable_variables, *_others(model))]
        return list(self._compiled(*kept, self._data, scale))

    def _stateless(self, trained: Any, others: Any, metrics: Any, data: tuple[Any, ...], scale: Any) -> Any:
        x, y, *weight = data
        kinds = {"training": True} if self._model._call_has_training_arg else {}
        predicted, others, losses = self._model.stateless_call(trained, others, x, return_losses=True, **kinds)
        if losses:
            self._model._losses_override.clear()
            self._model._losses_override = losses
        cost, _ = self._model.stateless_compute_loss(
            trained, others, metrics, x=x, y=y, y_pred=predicted, sample_weight=weight[0] if weight else None
        )
        if losses:
            self._model._losses_override.clear()
        return cost * scale


def _others(model: Any) -> tuple[Any, Any]:
    return model.non_trainable_variables, model.metrics_variables


@contextmanager
def _as_it_is(model: Any) -> Iterator[None]:
    """What a pass in training mode changes is put back: the batches' statistics, the draws of dropout, metrics."""
    keras = sys.modules["keras"]
    changed = [variable for kind in _others(model) for variable in kind]
    kept = [keras.ops.copy(variable.value) for variable in changed]
    try:
        yield
    finally:
        for variable, value in zip(changed, kept, strict=True):
            variable.assign(value)
