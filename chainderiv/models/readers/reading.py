"""read(): the graph of whatever a person brings, a file or what lives in their program."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.given import path_of, shown
from chainderiv.models.graph import Graph
from chainderiv.models.readers.arrays import read_arrays
from chainderiv.models.readers.keras.file import graph_of_h5, graph_of_keras
from chainderiv.models.readers.npz import arrays_of_npz
from chainderiv.models.readers.onnx_files.file import graph_of_onnx, graph_of_proto
from chainderiv.models.readers.own import graph_of_network, graph_of_run
from chainderiv.models.readers.safetensors import arrays_of_safetensors
from chainderiv.models.readers.scikit import graph_of_mlp
from chainderiv.models.readers.signature import FORMATS, File, file_of
from chainderiv.models.readers.torch_models.checkpoint import arrays_of_checkpoint
from chainderiv.models.readers.torch_models.module import graph_of_module, is_module, require_no_script
from chainderiv.nn.network import Network

WANTED = f"a path ({FORMATS}, or the folder of a run), a dict of arrays, a Network, or a live model"
OF_ARRAYS = {"npz": arrays_of_npz, "safetensors": arrays_of_safetensors, "pt": arrays_of_checkpoint}
OF_GRAPHS = {"onnx": graph_of_onnx, "keras": graph_of_keras, "h5": graph_of_h5}


def read(
    model: Any,
    activation: str | Activation | None = None,
    output: str | Activation | None = None,
    inputs: Any = None,
) -> Graph:
    """The graph of a model; nothing in a file is executed, and at most 0.9 GB of arrays is read.

    model : path of a file, whose kind its contents tell, or of the folder that a training run left; dict of arrays by
        name; Network; fitted MLPClassifier or MLPRegressor; onnx.ModelProto; Graph, which is given back.
        torch.nn.Module, by way of torch.export and in the mode that it is in.
    activation : the hidden layers', where the model holds arrays alone. output : the last layer's; None: the same.
    inputs : an example of what a torch.nn.Module takes, or a list of such; None: what its first layer suggests.

    Raises
    ------
    BadValue
        For what is not read, in one line with the cure: pickles, Lambda layers, loops, quantised and recurrent ones,
        NaN and inf, and what asks for more than 0.9 GB.
    DataError
        For a file that is missing or damaged.
    MissingExtra
        Where the library of a format is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> graph = read({"W1": np.ones((3, 2)), "b1": np.zeros(3), "W2": np.ones((1, 3))}, "tanh", output="identity")
    >>> [node.operator for node in graph.nodes], graph.inputs[0].shape
    (['Gemm', 'Tanh', 'Gemm'], (None, 2))
    >>> from chainderiv.nn.network import Network
    >>> [node.operator for node in read(Network([4, 3, 2])).nodes]
    ['Gemm', 'Sigmoid', 'Gemm', 'Sigmoid']
    """
    if isinstance(model, Graph):
        return model
    if isinstance(model, str | os.PathLike):
        return _read_file(file_of(path_of("model", model)), activation, output)
    if isinstance(model, Mapping):
        return read_arrays(model, activation, output)
    torch = sys.modules.get("torch")
    if is_module(torch, model):
        _require_unsaid(activation, output, f"the {type(model).__name__}")
        require_no_script(torch, model)
        return graph_of_module(torch, model, inputs)
    return _read_live(model, activation, output)


def holds_arrays_alone(model: Any) -> bool:
    """Whether a model is a dict or a file of arrays, which state no activation."""
    if isinstance(model, str | os.PathLike):
        return file_of(path_of("model", model)).kind in OF_ARRAYS
    return isinstance(model, Mapping)


def _read_live(model: Any, activation: str | Activation | None, output: str | Activation | None) -> Graph:
    named = f"the {type(model).__name__}"
    if isinstance(model, Network):
        _require_unsaid(activation, None, named)
        return graph_of_network(model, output)
    if any(_is_of("sklearn.neural_network", kind, model) for kind in ("MLPClassifier", "MLPRegressor")):
        _require_unsaid(activation, None, named)
        return graph_of_mlp(model, output)
    if _is_of("sklearn.pipeline", "Pipeline", model):
        raise BadValue("model is a Pipeline; give the network in it, as in model[-1], and data as it comes there")
    if _is_of("onnx", "ModelProto", model):
        _require_unsaid(activation, output, named)
        return graph_of_proto(model, named)
    if _is_of("keras", "Model", model):
        raise BadValue(f"model is {named}, of Keras, which is read from its file; give the path of model.save(….keras)")
    raise BadValue(f"model is {shown(model)}; give {WANTED}")


def _read_file(file: File, activation: str | Activation | None, output: str | Activation | None) -> Graph:
    if file.kind == "run":
        _require_unsaid(activation, None, file.name)
        return graph_of_run(file, output)
    if file.kind in OF_ARRAYS:
        return read_arrays(OF_ARRAYS[file.kind](file), activation, output, file.name, spent=True)
    if file.kind in OF_GRAPHS:
        read = OF_GRAPHS[file.kind](file)
        if not isinstance(read, Graph):
            return read_arrays(read, activation, output, file.name, spent=True)
        _require_unsaid(activation, output, file.name)
        return read
    raise BadValue(f"{file.name} is of no kind that is read here; give {FORMATS}")


def _is_of(library: str, kind: str, model: object) -> bool:
    """Whether it is of a class of a library that the program has loaded; nothing is imported for it."""
    found = getattr(sys.modules.get(library), kind, None)
    return isinstance(found, type) and isinstance(model, found)


def _require_unsaid(activation: object, output: object, model: str) -> None:
    for name, given in (("activation", activation), ("output", output)):
        if given is not None:
            raise BadValue(f"{name} is {shown(given)}, and {model} states its own; leave it out")
