"""load_network(): the network that a training run left in its folder."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainderiv.errors import BadValue, DataError
from chainderiv.functions.activation import Activation
from chainderiv.functions.described import read
from chainderiv.given import path_of
from chainderiv.nn.network import Network
from chainderiv.nn.training.checkpoint import WEIGHTS
from chainderiv.records.record_files import DAMAGE, RUN


def load_network(folder: str | os.PathLike[str]) -> Network:
    """The network as the last epoch on disk left it: train(…, folder=folder) or `chainderiv train --out` wrote it.

    Raises
    ------
    DataError
        When a file is missing or damaged.
    BadValue
        When folder is no path, an activation's description is damaged, or one by name is not to be had here.

    Examples
    --------
    >>> import tempfile
    >>> from chainderiv import load_data, train
    >>> net, digits = Network([64, 10, 10], "tanh"), load_data("digits")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     record = train(net, digits, 1, folder=folder)
    ...     same = load_network(folder)
    >>> bool((same.output(digits.test.images) == net.output(digits.test.images)).all())
    True
    """
    source = path_of("folder", folder)
    try:
        settings: dict[str, Any] = json.loads((source / RUN).read_text())["settings"]
        with np.load(io.BytesIO((source / WEIGHTS).read_bytes()), allow_pickle=False) as arrays:
            layers = range(1, len(settings["sizes"]))
            weights, biases = ([arrays[f"{name}_{n}"] for n in layers] for name in ("weight", "bias"))
        hidden = _neuron(settings, "activation")
        output = "softmax" if settings["output"] == "softmax" else _neuron(settings, "output")
        same = {name: settings[name] for name in ("sizes", "cost", "residual")}
        seed, dtype, init = settings["init_seed"] or 0, settings["network_dtype"], settings["init"]
        net = Network(activation=hidden, output=output, rng=seed, dtype=dtype, **same)
    except DAMAGE as e:
        if isinstance(e, BadValue):
            raise
        raise DataError(
            f"folder {str(source)!r} holds no whole training run ({e}); give one that a training run wrote"
        ) from e
    net.weights, net.biases = weights, biases
    net.init = str(init)  # how they were drawn once; an own function is not to be had here
    return net


def _neuron(settings: Mapping[str, Any], role: str) -> Activation:
    # older runs hold the name and the formula alone
    beside = {"name": settings[role], "formula": settings[f"{role}_formula"]}
    return read(settings.get(f"{role}_described", {}) | beside)
