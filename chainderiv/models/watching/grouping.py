"""Groups: which parameters make a layer, read from their names and shapes, and in which order the layers stand."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from chainderiv.errors import BadValue, unknown_name
from chainderiv.given import several
from chainderiv.models.readers.keys import Key, in_order, key

# what wrappers put into a name, which is not the model's: torch.compile, checkpointing, weight normalisation
_WRAPPED = re.compile(r"(?:_orig_mod|_checkpoint_wrapped_module|_fsdp_wrapped_module)\.")
_PARAMETRIZED = re.compile(r"\.?parametrizations\.(\w+)\.original\d*$")
_BY_BATCH = re.compile(r"batch_?norm|instance_?norm|(?:^|[/._])bn\d*(?:[/._]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Parameter:
    """A parameter as the library has it. by_batch : whether it belongs to a normalisation by the batch's statistics."""

    name: str
    shape: tuple[int, ...]
    by_batch: bool = False


@dataclass(frozen=True)
class Group:
    """The parameters of one layer, by their places; numbers count from 1.

    neurons, inputs : outputs of the weight, and the weights of each.
    cancelled : whether a normalisation by the batch follows, which takes the bias off again: its gradient is then 0.
    """

    number: int
    name: str
    weights: tuple[int, ...]
    biases: tuple[int, ...]
    neurons: int
    inputs: int
    cancelled: bool


def by_name(name: str, shape: Sequence[int]) -> Parameter:
    """A parameter of which nothing is known beside.

    >>> by_name("model._orig_mod.bn1.weight", (8,))
    Parameter(name='model.bn1.weight', shape=(8,), by_batch=True)
    """
    bare = plain_name(name)
    return Parameter(bare, tuple(int(n) for n in shape), _BY_BATCH.search(bare) is not None)


def plain_name(name: str) -> str:
    """A parameter's name without what wrappers add.

    >>> plain_name("_orig_mod.0.parametrizations.weight.original1"), plain_name("0.weight_g")
    ('0.weight', '0.weight')
    """
    bare = _PARAMETRIZED.sub(r".\1", _WRAPPED.sub("", name)).lstrip(".")
    return re.sub(r"\.weight_[gv]$", ".weight", bare)


def grouped(parameters: Sequence[Parameter], outputs_first: bool, only: Sequence[str] | None = None) -> list[Group]:
    """The layers of these parameters: each with a weight of two dimensions or more, numbers in names by their size.

    outputs_first : whether a weight without a bias is (out, in). only : names of layers, from the input on; None: all.
    Raises UnknownName for a name in only that no layer has, BadValue where no parameter is a weight.

    >>> shapes = {"fc10.weight": (3, 5), "fc10.bias": (3,), "fc9.weight": (5, 4), "fc9.bias": (5,), "bn.weight": (5,)}
    >>> for one in grouped([by_name(*item) for item in shapes.items()], outputs_first=True):
    ...     print(one.number, one.name, one.neurons, one.inputs, one.cancelled)
    1 fc9 5 4 True
    2 fc10 3 5 False
    """
    read = [key(one.name) for one in parameters]
    members: dict[tuple[str, ...], list[int]] = {}
    for place, one in enumerate(read):
        members.setdefault(one.stem, []).append(place)
    followed = _followed_by_batch(parameters, read)
    made = [_group(parameters, read, members[stem], outputs_first, stem in followed) for stem in in_order(members)]
    found = [one for one in made if one is not None]
    if not found:
        names = ", ".join(one.name for one in parameters[:3]) or "none"
        raise BadValue(f"no parameter is a weight of two dimensions or more (parameters: {names}); give a network's")
    chosen = found if only is None else _chosen(found, only)
    return [Group(number, *_rest(one)) for number, one in enumerate(chosen, 1)]


def _rest(one: Group) -> tuple[str, tuple[int, ...], tuple[int, ...], int, int, bool]:
    return one.name, one.weights, one.biases, one.neurons, one.inputs, one.cancelled


def _chosen(found: Sequence[Group], only: Sequence[str]) -> list[Group]:
    by_its_name = {one.name: one for one in found}
    names = several("layers", only, str, "names of layers, from the input on")
    for name in names:
        if name not in by_its_name:
            raise unknown_name("layer", name, by_its_name)
    if not names:
        raise BadValue("layers is empty; give names of layers, or None for all")
    return [by_its_name[name] for name in names]


def _followed_by_batch(parameters: Sequence[Parameter], read: Sequence[Key]) -> set[tuple[str, ...]]:
    """The layers that stand right before a normalisation by the batch of as many neurons, in the model's own order."""
    found, before = set(), None
    for one, k in zip(parameters, read, strict=True):
        if one.by_batch and before is not None:
            found.add(before)
            before = None
        elif len(one.shape) > 1 and not one.by_batch:
            before = k.stem
    return found


def _group(
    parameters: Sequence[Parameter], read: Sequence[Key], places: Sequence[int], outputs_first: bool, cancelled: bool
) -> Group | None:
    """None where there is no weight: a normalisation's factors, a neuron's slope."""
    weights = [k for k in places if len(parameters[k].shape) > 1 and read[k].role != "bias"]
    if not weights or any(parameters[k].by_batch for k in places):
        return None
    biases = [k for k in places if k not in weights]
    first = max((parameters[k].shape for k in weights), key=math.prod)
    of_bias = math.prod(parameters[biases[0]].shape) if biases else 0
    fits = of_bias > 0 and math.prod(first) % of_bias == 0
    neurons = of_bias if fits else first[0 if outputs_first else -1]
    inputs = max(1, math.prod(first) // max(1, neurons))
    name = re.sub(r"(?<=\d)[./]weight$", "", read[weights[0]].layer)  # where the layer's name is its place alone
    return Group(0, name, tuple(weights), tuple(biases), max(1, neurons), inputs, cancelled)
