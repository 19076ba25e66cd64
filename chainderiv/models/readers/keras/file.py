""".keras and .h5: the configuration and the weights are read, and the model is never loaded, which could run code."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

from chainderiv.errors import BadValue, DataError
from chainderiv.given import shown
from chainderiv.kinds import Array, Floats
from chainderiv.models.graph import Graph
from chainderiv.models.readers.building import Building
from chainderiv.models.readers.keras.building import Held, Place
from chainderiv.models.readers.keras.config import Call, Calls, KerasLayer, calls_of
from chainderiv.models.readers.keras.hdf5 import Contents, contents
from chainderiv.models.readers.keras.layers import laid
from chainderiv.models.readers.limits import finite, reading, require_not_blown_up
from chainderiv.models.readers.signature import File

MOST_CONFIG = 10**7  # bytes of JSON
CONTAINERS = ("", "_layer_checkpoint_dependencies/")  # the second is of TensorFlow 2.12
Weights = Callable[[KerasLayer], Sequence[Array]]


def graph_of_keras(file: File) -> Graph:
    """The graph of a .keras: config.json, and the weights by class and order ("dense", "dense_1", …).

    Raises BadValue for Lambda layers, layers of one's own, recurrent ones, and what a reader refuses of any file;
    DataError for a damaged file; MissingExtra without h5py.
    """
    with reading(file.name), zipfile.ZipFile(file.path) as packed:
        members = {member.filename: member for member in packed.infolist()}
        require_not_blown_up(file.name, sum(m.file_size for m in members.values()), file.size)
        config = json_of(_content(packed, members, "config.json", file.name), file.name)
        calls = calls_of(config, file.name)
        told = {}
        if "metadata.json" in members:
            told = json_of(_content(packed, members, "metadata.json", file.name), file.name)
        name = next(name for name in members if name.endswith(".h5"))
        _require_plain(members[name], file.name)
        arrays = contents(file.path, file.name, name)
        return _graph(calls, str(told.get("keras_version", "3")), _by_order(arrays), file.name)


def graph_of_h5(file: File) -> Graph | dict[str, Array]:
    """The graph of a model in .h5; of weights alone the arrays by name.

    Raises as graph_of_keras does.
    """
    found = contents(file.path, file.name)
    with reading(file.name):
        if "model_config" not in found.texts:
            return found.arrays
        calls = calls_of(json_of(found.texts["model_config"].encode(), file.name), file.name)
        return _graph(calls, found.texts.get("keras_version", "2"), _by_name(found), file.name)


def json_of(content: bytes, model: str) -> Any:
    """What JSON states; raises BadValue where it is too long."""
    if len(content) > MOST_CONFIG:
        raise BadValue(f"{model} has a configuration of {len(content)} bytes, and {MOST_CONFIG} are the most")
    return json.loads(content)


def _content(packed: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str, model: str) -> bytes:
    _require_plain(members[name], model)
    with packed.open(members[name]) as stream:
        return stream.read(members[name].file_size)


def _require_plain(member: zipfile.ZipInfo, model: str) -> None:
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadValue(f"{model} is packed in a way that Keras does not pack; save it anew with model.save")


def _by_order(kept: Contents) -> Weights:
    """The weights of a layer as a .keras keeps them: vars/0, vars/1, … below its class and order."""

    def found(layer: KerasLayer) -> list[Array]:
        for container in CONTAINERS:
            store = layer.store.replace("layers/", container) if container else layer.store
            places = kept.under(f"{store}/vars")
            if places:
                return [kept.array(f"{store}/vars/{n}") for n in range(len(places))]
        return []

    return found


def _by_name(kept: Contents) -> Weights:
    """The weights of a layer as a .h5 keeps them: by its name, in the order of weight_names."""

    def found(layer: KerasLayer) -> list[Array]:
        outer, _, own = layer.name.partition("/")
        names = kept.weight_names.get(outer, [])
        if own:  # a model within: its layers' weights stand together under its name
            inner = own.rpartition("/")[2]
            names = [name for name in names if inner in name.split("/")]
        return [kept.array(f"model_weights/{outer}/{name}") for name in names]

    return found


def _graph(calls: Calls, version: str, weights: Weights, model: str) -> Graph:
    building = Building(model)
    held: dict[Any, Held] = {}
    read: dict[str, list[Floats]] = {}
    for call in calls.calls:
        if call.layer.kind == "InputLayer":
            held[call.output] = _given(building, call)
            continue
        if call.layer.name not in read:  # a layer that is called twice has its weights once
            read[call.layer.name] = [finite(model, call.layer.name, array) for array in weights(call.layer)]
        place = Place(building, call.layer, read[call.layer.name], version)
        held[call.output] = laid(place, [_held(argument, held) for argument in call.arguments])
    if not building.inputs:
        raise DataError(f"{model} has no input; give a whole file")
    outputs = [held[tensor] for tensor in calls.outputs]
    last = [Place(building, KerasLayer("Output", "output", "", {}), [], version).last(out).name for out in outputs]
    return building.graph(*last)


def _held(argument: Any, held: dict[Any, Held]) -> Any:
    if isinstance(argument, tuple):
        return held[argument]
    return [_held(item, held) for item in argument] if isinstance(argument, list) else argument


def _given(building: Building, call: Call) -> Held:
    config = call.layer.config
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    if shape is None and "shape" in config:
        shape = [None, *config["shape"]]
    if not isinstance(shape, list) or not all(n is None or (isinstance(n, int) and n > 0) for n in shape):
        raise BadValue(
            f"{building.name} states no shape of {shown(call.layer.name)}; build the model before it is saved"
        )
    return Held(building.given(call.layer.name, shape), len(shape))
