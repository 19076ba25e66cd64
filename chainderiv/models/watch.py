"""watch(): the gradients of a network while it trains, in the loop of the program that trains it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from chainderiv.errors import BadValue
from chainderiv.models.watching.keras_watch import keras_watch
from chainderiv.models.watching.pytrees import WANTED
from chainderiv.models.watching.record import WatchRecord
from chainderiv.models.watching.torch_watch import TorchWatch
from chainderiv.models.watching.tree_watch import TreeWatch


def watch(
    model: Any,
    every: int = 100,
    *,
    layers: Sequence[str] | None = None,
    data: Any = None,
    on_record: Callable[[WatchRecord], object] | None = None,
    keep: int = 10_000,
) -> Any:
    """Watch the gradients of a training run: ‖mean ∂C/∂b_l‖₂, ‖∂C/∂W_l‖ and ‖∂W_l‖/‖W_l‖ per layer, and a verdict.

    Call tick() in every step, after backward(), and before the gradients are clipped or set to 0; every so many
    of them it measures and returns a WatchRecord, else None. The norms are right where the library's own are 0:
    torch 2.14's norm of float32 entries of 1e-23 is.

    What is given decides what tick takes:

    - a module of torch: `w.tick(scale=None)`, which reads .grad. scale : the GradScaler, or (GradScaler, optimizer), or
      a number; a scaler that has unscaled is asked, and nothing is divided twice. Nothing is divided by a scale that is
      not given: where autocast's float16 is seen and no scale is given, sizes are left out, and the verdict, which
      is by ratios, stands. Not seen are autocast inside a module that is compiled after it is watched, and a scaler
      with bfloat16.
    - a model of Keras: the watch is a callback, `model.fit(…, callbacks=[cd.watch(model, data=(x, y))])`, and takes the
      gradient on that batch, for fit() shows nobody its own; a loop of one's own calls `w.tick(grads, scale=None)`.
    - parameters of JAX, Flax, Haiku or NumPy, a tree of arrays: `w.tick(grads, params=None, scale=None)`.

    A step that overflows under a scaler is told as such (`record.overflowed`) and no verdict; the next tick is
    measured in its stead. In-place neurons and torch.compile change nothing: no hook is set on a gradient.

    Gradients of parameters alone know less than `chainderiv.diagnose`, which passes data through the network: not the
    slopes, not which of several dead layers is the first, nothing of the first layer's weights. Biases behind which the
    batch is normalised are left aside. Out of scope: gradients that are sharded over processes (FSDP, ZeRO), whose norm
    is that of one process' share, which may be 0.

    Parameters
    ----------
    every : ticks from one record to the next; the first tick is one.
    layers : names of layers from the input on, to watch these alone or where the model registers them in another order.
    data : for a model of Keras, (x, y) or (x, y, sample_weight).
    on_record : called with each record. keep : how many of the latest records are kept.

    Returns
    -------
    Watch
        A context, which lets the model go at its end; print it, `.save("run.csv")`, or log `record.scalars()`.

    Raises
    ------
    BadValue
        For a model that is none of these, or has no weights. UnknownName for a layer that is not there.

    Nielsen (2015), chapter 5, for the speeds of learning ‖∂C/∂b_l‖.

    Examples
    --------
    >>> import numpy as np, chainderiv as cd
    >>> params = [(np.eye(30), np.zeros(30)) for _ in range(3)]
    >>> grads = [(np.full((30, 30), size), np.full(30, size)) for size in (1e-23, 1e-20, 1e-17)]
    >>> with cd.watch(params, every=100) as w:
    ...     record = w.tick(grads, params)
    >>> record.verdict, round(record.layers[0].log10_norm_mean_bias_gradient, 3)
    ('vanishing', -22.261)
    """
    torch, keras = sys.modules.get("torch"), sys.modules.get("keras")
    if keras is not None and isinstance(model, keras.Model):  # which on torch is a module, too
        return keras_watch(model, layers, every, on_record, keep, data)
    if data is not None:
        raise BadValue("data is for models of Keras; other gradients come from the loop, by tick()")
    if torch is not None and isinstance(model, torch.nn.Module):
        return TorchWatch(model, layers, every, on_record, keep)
    try:
        return TreeWatch(model, layers, every, on_record, keep)
    except BadValue as e:
        if hasattr(model, "shape") or isinstance(model, dict | list | tuple):
            raise
        wanted = f"a torch.nn.Module, a keras.Model, or parameters as {WANTED}"
        raise BadValue(f"model is a {type(model).__name__}; give {wanted}") from e
