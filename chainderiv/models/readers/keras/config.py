"""A Keras configuration as a list of calls: which layer takes which tensors, in an order that can be followed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chainderiv.errors import BadValue, DataError
from chainderiv.given import shown
from chainderiv.models.readers.limits import require_few
from chainderiv.models.readers.refused import require_followed

MODELS = ("Sequential", "Functional", "Model")
MOST_NESTED = 16
Tensor = tuple[str, int, int]  # the layer that makes it, by its whole name; which of its calls, which of its outputs
EXPORT = "export the model to .onnx, as by model.export(path, format='onnx')"


@dataclass(frozen=True)
class KerasLayer:
    """A layer: name is its own, with those of the models around it; store is where a .keras keeps its weights."""

    kind: str
    name: str
    store: str
    config: Mapping[str, Any]
    is_operation: bool = False


@dataclass(frozen=True)
class Call:
    """A layer at work; arguments are tensors and numbers."""

    layer: KerasLayer
    arguments: tuple[Any, ...]
    output: Tensor
    keywords: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Calls:
    """A whole model; inputs are of layers of the kind InputLayer."""

    calls: tuple[Call, ...]
    outputs: tuple[Tensor, ...]


def calls_of(config: Any, model: str) -> Calls:
    """The calls of a Sequential or functional model; models in models are unfolded.

    Raises BadValue for subclassed models, Lambda layers, layers of one's own, recurrent ones and loops.
    """
    _require_no_code(config, model)
    return _Walk(model).model(config, "", "", None, 0)


def _require_no_code(config: Any, model: str) -> None:
    """Raise BadValue for a Lambda layer, or a function written out, wherever it stands."""
    waiting = [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if item.get("class_name") in ("Lambda", "__lambda__", "TFOpLambda", "SlicingOpLambda"):
                raise BadValue(f"{model} holds a Lambda layer, which is a program and is not run; {EXPORT}")
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


class _Walk:
    def __init__(self, model: str) -> None:
        self.title = model
        self.count = 0

    def model(self, told: Any, name: str, store: str, given: list[Any] | None, depth: int) -> Calls:
        """A model and what it is called with; None: it stands alone, and its inputs are the network's."""
        kind, config = told["class_name"], told["config"]
        if depth > MOST_NESTED:
            raise BadValue(f"{self.title} has models nested more than {MOST_NESTED} deep; {EXPORT}")
        if kind == "Sequential":
            return self._sequential(config, name, store, given, depth)
        if kind in MODELS and isinstance(config, dict) and "layers" in config:
            return self._functional(config, name, store, given, depth)
        raise BadValue(f"{self.title} is a model of the class {shown(kind)}, whose call is a program; {EXPORT}")

    def _layers(self, config: Any, name: str, store: str) -> Iterator[tuple[Any, KerasLayer]]:
        """What the configuration says of each layer, and where its weights are: by class and order."""
        used: dict[str, int] = {}
        told = config["layers"] if isinstance(config, dict) else config
        for item in told:
            self.count += 1
            require_few(self.title, "layers", self.count)
            kind, own = item["class_name"], item["config"]
            called = item.get("name") or own["name"]
            if not isinstance(called, str) or not isinstance(kind, str):
                raise DataError(f"{self.title} has a layer without a name; give a whole file")
            operation = ".ops." in str(item.get("module"))
            place = "" if operation else f"{store}layers/{_numbered(snake_case(kind), used)}"
            self._require_known(item, kind, called)
            yield item, KerasLayer(kind, f"{name}{called}", place, own, operation)

    def _require_known(self, item: Mapping[str, Any], kind: str, called: str) -> None:
        require_followed(self.title, kind.rpartition(">")[2], called)
        module = item.get("module")
        if ">" in kind or (module is not None and not str(module).startswith("keras")):
            raise BadValue(f"{self.title} has a layer of one's own, {shown(kind)} at {shown(called)}; {EXPORT}")

    def _sequential(self, config: Any, name: str, store: str, given: list[Any] | None, depth: int) -> Calls:
        calls: list[Call] = []
        current: Any = given[0] if given else None
        for item, layer in self._layers(config, name, store):
            if layer.kind == "InputLayer":
                if current is None:
                    current = (layer.name, 0, 0)
                    calls.append(Call(layer, (), current))
                continue
            if current is None:  # of before Keras 3: the first layer states what it takes
                calls.append(_stated_input(layer, self._shape_of_first(config, item), self.title))
                current = calls[-1].output
            current = self._called(item, layer, (current,), {}, 0, calls, depth)
        if current is None:
            raise DataError(f"{self.title} has no layers; give a whole file")
        return Calls(tuple(calls), (current,))

    def _shape_of_first(self, config: Any, item: Any) -> Any:
        stated = config.get("build_input_shape") if isinstance(config, dict) else None
        inner = item["config"]
        own = inner.get("batch_input_shape") or inner.get("batch_shape") if isinstance(inner, dict) else None
        return own or stated

    def _functional(self, config: Any, name: str, store: str, given: list[Any] | None, depth: int) -> Calls:
        layers = list(self._layers(config, name, store))
        inputs = [name + first[0] for first in _histories(config["input_layers"])]
        known: dict[Tensor, Any] = {}
        calls: list[Call] = []
        if given is not None:
            if len(given) != len(inputs):
                raise DataError(f"{self.title} calls {shown(name)} with {len(given)} tensors; give a whole file")
            known = {(made, 0, 0): tensor for made, tensor in zip(inputs, given, strict=True)}
        waiting = [
            (item, layer, number, inbound)
            for item, layer in layers
            for number, inbound in enumerate(item.get("inbound_nodes") or [None])
            if (layer.name, 0, 0) not in known
        ]
        while waiting:
            left = [one for one in waiting if not self._go(*one, known=known, calls=calls, name=name, depth=depth)]
            if len(left) == len(waiting):
                raise DataError(f"{self.title} has layers that wait for each other; give a whole file")
            waiting = left
        wanted = [(name + made, call, out) for made, call, out in _histories(config["output_layers"])]
        return Calls(tuple(calls), tuple(_found(known, tensor, self.title) for tensor in wanted))

    def _go(
        self, item: Any, layer: KerasLayer, number: int, inbound: Any, *, known: dict[Tensor, Any], calls: list[Call],
        name: str, depth: int,
    ) -> bool:  # fmt: skip
        """Make a call where all that it takes is there."""
        if inbound is None:
            if layer.kind != "InputLayer":
                return True  # a layer that is held and not called
            known[layer.name, 0, 0] = (layer.name, 0, 0)
            calls.append(Call(layer, (), (layer.name, 0, 0)))
            return True
        arguments, keywords = _arguments(inbound, name)
        if any(tensor not in known for tensor in _tensors(arguments)):
            return False
        taken = tuple(_replaced(argument, known) for argument in arguments)
        made = self._called(item, layer, taken, keywords, number, calls, depth)
        known[layer.name, number, 0] = made
        return True

    def _called(
        self, item: Any, layer: KerasLayer, arguments: tuple[Any, ...], keywords: Mapping[str, Any], number: int,
        calls: list[Call], depth: int,
    ) -> Tensor:  # fmt: skip
        if layer.kind not in MODELS:
            calls.append(Call(layer, arguments, (layer.name, number, 0), keywords))
            return calls[-1].output
        given = list(_tensors(arguments))
        inner = self.model(item, f"{layer.name}/", f"{layer.store}/", given, depth + 1)
        # called again, a model within makes tensors of other names
        mark = f"@{number}" if number else ""
        renamed = {call.output: (call.output[0] + mark, *call.output[1:]) for call in inner.calls}
        for call in inner.calls:
            moved = tuple(_replaced(argument, renamed, strict=False) for argument in call.arguments)
            calls.append(Call(call.layer, moved, renamed[call.output], call.keywords))
        return renamed.get(inner.outputs[0], inner.outputs[0])


def snake_case(name: str) -> str:
    """A class's name as Keras writes it in a .keras.

    >>> snake_case("BatchNormalization"), snake_case("Conv2D"), snake_case("ReLU")
    ('batch_normalization', 'conv2d', 're_lu')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _numbered(name: str, used: dict[str, int]) -> str:
    """dense, dense_1, dense_2 …: in the order of the layers, whatever they are called."""
    used[name] = used.get(name, -1) + 1
    return f"{name}_{used[name]}" if used[name] else name


def _stated_input(layer: KerasLayer, shape: Any, model: str) -> Call:
    if not isinstance(shape, list):
        raise BadValue(f"{model} states no shape of its input; build the model before it is saved")
    given = KerasLayer("InputLayer", f"{layer.name}_input", "", {"batch_shape": shape})
    return Call(given, (), (given.name, 0, 0))


def _histories(told: Any) -> list[Tensor]:
    """Tensors as input_layers and output_layers have them: one, or a list."""
    listed = [told] if len(told) == 3 and isinstance(told[0], str) else told
    if isinstance(listed, dict):
        listed = list(listed.values())
    return [(str(made), int(call), int(out)) for made, call, out in listed]


def _arguments(inbound: Any, name: str) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """What a layer is called with: of Keras 3 a table, of Keras 2 a list of tensors."""
    if isinstance(inbound, dict):
        return tuple(_read(argument, name) for argument in inbound["args"]), inbound.get("kwargs") or {}
    listed = [inbound] if inbound and isinstance(inbound[0], str) else inbound
    tensors = [(name + str(made), int(call), int(out)) for made, call, out, *_ in listed]
    return (tensors if len(tensors) > 1 else tensors[0],), {}


def _read(argument: Any, name: str) -> Any:
    if isinstance(argument, dict) and argument.get("class_name") == "__keras_tensor__":
        made, call, out = argument["config"]["keras_history"]
        return (name + str(made), int(call), int(out))
    return [_read(item, name) for item in argument] if isinstance(argument, list) else argument


def _tensors(arguments: Any) -> Iterator[Tensor]:
    for argument in arguments:
        if isinstance(argument, tuple):
            yield argument
        elif isinstance(argument, list):
            yield from _tensors(argument)


def _replaced(argument: Any, known: Mapping[Any, Any], strict: bool = True) -> Any:
    if isinstance(argument, tuple):
        return known[argument] if strict else known.get(argument, argument)
    return [_replaced(item, known, strict) for item in argument] if isinstance(argument, list) else argument


def _found(known: Mapping[Tensor, Any], tensor: Tensor, model: str) -> Any:
    if tensor not in known:
        raise DataError(f"{model} gives out {shown(tensor[0])}, which no layer makes; give a whole file")
    return known[tensor]
