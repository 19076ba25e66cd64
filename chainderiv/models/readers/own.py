"""Our own networks: one that lives, and the folder that a training run left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chainderiv.errors import BadShape, DataError
from chainderiv.functions.activation import Activation
from chainderiv.kinds import Array
from chainderiv.models.graph import Graph
from chainderiv.models.readers.layers import Layer, stacked
from chainderiv.models.readers.limits import Budget, copied, reading
from chainderiv.models.readers.npz import arrays_of_npz
from chainderiv.models.readers.signature import File, file_of
from chainderiv.nn.network import Network
from chainderiv.nn.training.kept_network import load_network

RUN, WEIGHTS = "run.json", "weights.npz"
MOST_SETTINGS = 10**7  # bytes


def graph_of_network(net: Network, output: str | Activation | None = None, model: str = "the Network") -> Graph:
    """The graph of a Network, layers called 1, 2, … L; output: another last activation than the network's own.

    Raises BadShape where the weights were replaced by others that do not fit, BadValue for NaN and inf.

    >>> graph = graph_of_network(Network([4, 3, 2], "tanh", "log_likelihood"))
    >>> [node.operator for node in graph.nodes]
    ['Gemm', 'Tanh', 'Gemm', 'Softmax']
    """
    own = "softmax" if net.output_activation is None else net.output_activation
    layers = [_layer(net, number, model) for number in range(1, net.depth + 1)]
    adds = [net.adds(number) for number in range(1, net.depth + 1)]
    return stacked(layers, net.activation, own if output is None else output, model, str(net.dtype), adds=adds)


def _layer(net: Network, number: int, model: str) -> Layer:
    weight, bias = net.weights[number - 1], net.biases[number - 1]
    wanted = (net.sizes[number], net.sizes[number - 1])
    if weight.shape != wanted or bias.shape != wanted[:1]:
        raise BadShape(f"{model} holds weights {weight.shape} and biases {bias.shape} of layer {number}; give {wanted}")
    weight, bias = (copied(model, f"layer {number}", array) for array in (weight, bias))
    return Layer(str(number), weight, bias)


def graph_of_run(file: File, output: str | Activation | None = None) -> Graph:
    """The graph of the network that a run left in its folder. Raises DataError where a file is missing or damaged."""
    with reading(file.name):
        _require_modest(file.path, file.name)
        return graph_of_network(load_network(file.path), output, file.name)


def _require_modest(folder: Path, model: str) -> None:
    """Raise where the folder is none of a run, or asks for more than a model may take."""
    run = folder / RUN
    if not run.is_file():
        raise DataError(f"folder {model} holds no {RUN}; give one that a training run wrote, or a file")
    if run.stat().st_size > MOST_SETTINGS:
        raise DataError(f"folder {model} has a {RUN} of more than {MOST_SETTINGS} bytes; give one that train wrote")
    sizes = json.loads(run.read_bytes())["settings"]["sizes"]
    kept: dict[str, Array] = arrays_of_npz(file_of(folder / WEIGHTS))
    budget = Budget(model)
    for number in range(1, len(sizes)):
        shape: tuple[Any, ...] = (sizes[number], sizes[number - 1])
        budget.take(f"layer {number}", shape)
        if kept[f"weight_{number}"].shape != shape or kept[f"bias_{number}"].shape != shape[:1]:
            raise DataError(f"folder {model} keeps other weights of layer {number} than {RUN} states; train again")
