"""A dict of arrays: weights and biases by their names, chained by their shapes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainderiv.errors import BadShape, BadValue
from chainderiv.functions.activation import Activation
from chainderiv.given import shown
from chainderiv.kinds import Array, Floats
from chainderiv.models.graph import Graph
from chainderiv.models.readers.keys import Key, in_order, is_bookkeeping, key
from chainderiv.models.readers.layers import Layer, stacked
from chainderiv.models.readers.limits import Budget, copied, finite, require_few
from chainderiv.models.readers.recurrent import require_no_recurrence

MOST_GROUPS = 6  # of layers by their first word, whose order the shapes may tell
MOST_NESTED = 32
OTHER_FORM = "give the model as .onnx or .keras, or live"
FORMS = {1: "torch's (out, in)", 2: "(in, out)"}


def read_arrays(
    given: Mapping[Any, Any],
    activation: str | Activation | None,
    output: str | Activation | None = None,
    model: str = "the dict of arrays",
    spent: bool = False,
) -> Graph:
    """The graph of fully connected layers whose weights and biases are given by name.

    given : arrays by name, also nested: {"layers": [{"weight": …, "bias": …}, …]}. A weight is (out, in) or (in, out),
        which the chain of shapes and the biases tell; where both fit, it is taken as torch's (out, in), and the graph's
        notes say so. A weight of three dimensions is a stack of layers in their order.
    activation : that of the hidden layers. output : that of the last one; None: the same.
    spent : whether the dict may be emptied, so that no array is held twice.

    Raises BadValue without an activation, for object arrays, quantised, recurrent and convolutional weights, NaN and
    inf; BadShape where the shapes make no chain.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> sizes = {"layers.10": (2, 5), "layers.9": (5, 3)}
    >>> arrays = {f"{name}.weight": rng.normal(size=shape) for name, shape in sizes.items()}
    >>> [node.name for node in read_arrays(arrays, "tanh", "identity").nodes]
    ['layers.9', 'layers.9', 'layers.10']
    """
    named = dict(_flat(given, model))
    if spent and isinstance(given, dict):
        given.clear()
    require_no_recurrence(model, {name: np.shape(array) for name, array in named.items()})
    if activation is None:
        raise BadValue(
            f"{model} holds arrays, and not what stands between them; give the hidden layers' activation, as in "
            "activation='tanh'"
        )
    if not named:
        raise BadValue(f"{model} holds no arrays; give weights and biases by name")
    dtype = "float64" if all(array.dtype == np.float64 for array in named.values()) else "float32"
    numbers = _numbers(named, model, spent)
    chained, notes = _chained(_raw_layers(numbers, model), model)
    last = activation if output is None else output
    return stacked(chained, activation, last, model, dtype, notes)


@dataclass(frozen=True, eq=False)
class _Raw:
    """A layer before it is known which of its weight's dimensions is the input's."""

    key: Key
    weight: Floats
    bias: Floats | None
    bias_name: str = ""


def _flat(given: Any, model: str, above: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Arrays by their whole names."""
    if depth > MOST_NESTED:
        raise BadValue(f"{model} is nested more than {MOST_NESTED} deep; give arrays by name")
    for name, value in given.items() if isinstance(given, Mapping) else enumerate(given):
        whole = f"{above}.{name}" if above else str(name)
        if isinstance(value, Mapping) or (isinstance(value, list | tuple) and _holds_arrays(value)):
            yield from _flat(value, model, whole, depth + 1)
        elif not is_bookkeeping(whole):
            yield whole, _as_array(value, whole, model)


def _holds_arrays(value: Sequence[Any]) -> bool:
    return any(isinstance(item, Mapping) or getattr(item, "ndim", 0) > 0 for item in value)


def _as_array(value: Any, name: str, model: str) -> Array:
    if hasattr(value, "detach"):  # a tensor of a live state_dict
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as e:
        raise BadValue(f"{model} holds {shown(name)}, which is no array; give arrays of numbers") from e
    if array.dtype.hasobject:
        raise BadValue(f"{model} holds {shown(name)} as Python objects, which are not read; give arrays of numbers")
    return array


def _numbers(named: dict[str, Array], model: str, spent: bool) -> dict[str, Floats]:
    """Every array in float64, finite, taken out of the dict; what is no part of full layers is refused by its name."""
    budget = Budget(model)
    require_few(model, "arrays", len(named))
    for name, array in named.items():
        _require_plain(name, array, model)
        budget.take(name, array.shape)
    held = finite if spent else copied
    return {name: held(model, name, named.pop(name)) for name in list(named)}


def _require_plain(name: str, array: Array, model: str) -> None:
    last = name.rpartition(".")[2]
    if last in ("running_mean", "running_var", "moving_mean", "moving_variance", "gamma", "beta"):
        raise BadValue(f"{model} holds {shown(name)} of a normalisation, whose place arrays do not tell; {OTHER_FORM}")
    if array.dtype.itemsize == 1:
        raise BadValue(f"{model} holds {shown(name)} of {array.dtype}, quantised; give the weights as floats")
    if array.dtype.kind not in "fiu":
        raise BadValue(f"{model} holds {shown(name)} of {array.dtype}; give arrays of real numbers")
    if array.ndim > 3 or (array.ndim == 3 and len(array) > 1 and array.shape[1] != array.shape[2]):
        raise BadValue(
            f"{model} holds {shown(name)} {array.shape}, as of a convolution, whose place arrays do not tell; "
            f"{OTHER_FORM}"
        )
    if not array.size:
        raise BadShape(f"{model} holds {shown(name)} {array.shape}, which is empty; give weights")


def _raw_layers(numbers: Mapping[str, Floats], model: str) -> list[_Raw]:
    """Weights with their biases, in order; a stack of layers taken apart."""
    keys = {name: key(name) for name in numbers}
    if not any(k.role for k in keys.values()):
        return _unnamed(numbers)
    stems = in_order(k.stem for k in keys.values())
    found: dict[tuple[tuple[str, ...], str], str] = {}
    for name, k in keys.items():
        if not k.role:
            raise BadValue(
                f"{model} holds {shown(name)}, which names neither a weight nor a bias; leave it out, or name it so"
            )
        if (k.stem, k.role) in found:
            raise BadValue(f"{model} holds {shown(found[k.stem, k.role])} and {shown(name)} for one layer; give one")
        found[k.stem, k.role] = name
    layers: list[_Raw] = []
    for stem in stems:
        weight, bias = found.get((stem, "weight")), found.get((stem, "bias"))
        if weight is None:
            raise BadShape(f"{model} holds {shown(bias)} and no weight beside it; give both")
        layers += _apart(keys[weight], numbers[weight], None if bias is None else numbers[bias], model, bias or "")
    return layers


def _unnamed(numbers: Mapping[str, Floats]) -> list[_Raw]:
    """arr_0, arr_1, …: an array of one dimension is the bias of the weight before it."""
    order = {stem: place for place, stem in enumerate(in_order(key(name).stem for name in numbers))}
    names = sorted(numbers, key=lambda name: order[key(name).stem])
    layers: list[_Raw] = []
    for name in names:
        array = numbers[name]
        if array.ndim == 1 and layers and layers[-1].bias is None:
            layers[-1] = _Raw(layers[-1].key, layers[-1].weight, array, name)
        else:
            layers += _apart(key(name), array, None, name)
    return layers


def _apart(k: Key, weight: Floats, bias: Floats | None, model: str, bias_name: str = "") -> list[_Raw]:
    if weight.ndim < 2:
        raise BadValue(
            f"{model} holds {shown(k.text)} {weight.shape}, as of a normalisation, whose place arrays do not tell; "
            f"{OTHER_FORM}"
        )
    if weight.ndim == 2:
        return [_Raw(k, weight, None if bias is None else bias.reshape(-1), bias_name)]
    if bias is not None and (bias.ndim < 2 or len(bias) != len(weight)):
        raise BadShape(
            f"{model} holds {shown(k.text)} {weight.shape}, a stack of {len(weight)} layers, and a bias {bias.shape}; "
            f"give a bias a layer, ({len(weight)}, {weight.shape[1]})"
        )
    biases = [None] * len(weight) if bias is None else [b.reshape(-1) for b in bias]
    names = [Key(f"{k.text}[{n}]", k.role, (*k.stem, str(n)), k.inputs_first) for n in range(len(weight))]
    parts = enumerate(zip(names, weight, biases, strict=True))
    return [_Raw(name, W, b, f"{bias_name}[{n}]") for n, (name, W, b) in parts]


def _chained(layers: list[_Raw], model: str) -> tuple[list[Layer], list[str]]:
    """The layers as they follow each other, weights (out, in)."""
    for order in _orders(layers):
        for form in _forms(order):
            return _oriented(order, form), _notes(order, form)
    raise BadShape(f"{model} holds layers that do not follow each other: {_break(layers)}")


def _orders(layers: list[_Raw]) -> Iterator[list[_Raw]]:
    """The order that the names tell; where it makes no chain, the only one of groups by first word that does."""
    yield layers
    groups: dict[str, list[_Raw]] = {}
    for layer in layers:
        groups.setdefault(layer.key.stem[0] if layer.key.stem else "", []).append(layer)
    if 1 < len(groups) <= MOST_GROUPS:
        others = [list(itertools.chain(*order)) for order in itertools.permutations(groups.values())]
        fitting = [order for order in others if _forms(order)]
        if len(fitting) == 1:
            yield fitting[0]


def _forms(layers: Sequence[_Raw]) -> list[int]:
    """Which of a weight's dimensions may be the outputs': 1 is the first, 2 the second; torch's comes first."""
    likely = (2, 1) if any(layer.key.inputs_first for layer in layers) else (1, 2)
    return [form for form in likely if _fits(layers, form)]


def _fits(layers: Sequence[_Raw], form: int) -> bool:
    sizes = [layer.weight.shape[::-1] if form == 1 else layer.weight.shape for layer in layers]
    follows = all(below[1] == above[0] for below, above in itertools.pairwise(sizes))
    return follows and all(
        layer.bias is None or layer.bias.size == n[1] for layer, n in zip(layers, sizes, strict=True)
    )


def _oriented(layers: Sequence[_Raw], form: int) -> list[Layer]:
    turned = [layer.weight if form == 1 else layer.weight.T for layer in layers]
    return [
        Layer(layer.key.layer, W, layer.bias, (layer.key.text, layer.bias_name))
        for layer, W in zip(layers, turned, strict=True)
    ]


def _notes(layers: Sequence[_Raw], form: int) -> list[str]:
    if len(_forms(layers)) == 1:
        return []
    return [f"the shapes fit both (out, in) and (in, out); the weights were taken as {FORMS[form]}"]


def _break(layers: Sequence[_Raw]) -> str:
    """The first place at which neither form goes on."""
    for count in range(1, len(layers) + 1):
        if not _forms(layers[:count]):
            told = [f"{shown(layer.key.text)} {layer.weight.shape}" for layer in layers[max(count - 2, 0) : count]]
            beside = layers[count - 1].bias
            bias = "" if beside is None else f" with a bias of {beside.size}"
            return f"{' and then '.join(told)}{bias}; give the layers of one chain, or the model as .onnx"
    return "give the layers of one chain"
