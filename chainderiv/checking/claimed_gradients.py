"""A function that is claimed to give a Network's gradients: what it returns, checked, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from chainderiv.checking.diagnosis import times_of
from chainderiv.checking.returned import array_of, called
from chainderiv.errors import BadShape, BadValue, ChainderivError
from chainderiv.functions.cost import COSTS
from chainderiv.given import shown
from chainderiv.kinds import Array
from chainderiv.logsign import LogSign
from chainderiv.nn.network import Network
from chainderiv.wide import to_float

Arrays = dict[str, list[Array]]  # by 'w' and 'b', one per layer
NAMES = {"w": "weights", "b": "biases"}
WANTED = (
    "give (weight gradients, bias gradients), each a list with one array per layer, or all in one list, W1, b1, W2, …"
)
SHOWN = 8  # names in a list
ALIKE = 1e-6  # of the largest number of an array: so near is one that is told to be a multiple of another


def claimed_gradients(net: Network, function: Callable[..., Any], images: Array, labels: Array) -> Arrays:
    """What the function returns for a network's own numbers, as arrays of the types that it has.

    Either a pair of lists, or, in the order in which a PyTorch model has its parameters, W_1, b_1, W_2, b_2, …

    Raises BadValue for what is no pair of lists of arrays of float32 or float64, and BadShape for other shapes.
    """
    own: Arrays = {"w": net.weights, "b": net.biases}
    given = [[p.copy() for p in own[kind]] for kind in "wb"]
    cure = "give a function of (weights, biases, images, labels), which are two lists of arrays and two arrays"
    returned = called("gradients", cure, function, *given, images.copy(), labels.copy())
    try:
        parts = list(returned.values() if isinstance(returned, Mapping) else returned)
    except TypeError as e:
        raise BadValue(f"gradients returns {shown(returned)}; {WANTED}") from e
    if _alternate(parts, net.depth):
        parts = [parts[::2], parts[1::2]]
    if len(parts) != 2:
        raise BadValue(f"gradients returns {len(parts)} things; {WANTED}")
    return {kind: _layers(NAMES[kind], part, own[kind]) for kind, part in zip("wb", parts, strict=True)}


def _alternate(parts: Sequence[Any], depth: int) -> bool:
    """Whether they are W_1, b_1, W_2, b_2, …; one that is missing may be either."""
    wanted = [2, 1] * depth
    return len(parts) == len(wanted) and all(
        part is None or getattr(part, "ndim", None) == ndim for part, ndim in zip(parts, wanted, strict=True)
    )


def _layers(name: str, given: Any, own: Sequence[Array]) -> list[Array]:
    try:
        parts = list(given)
    except TypeError as e:
        raise BadValue(f"gradients returns {shown(given)} for the {name}; {WANTED}") from e
    if len(parts) != len(own):
        raise BadShape(f"gradients returns {len(parts)} arrays for the {name}; give {len(own)}, one per layer")
    return [_array(f"{name}[{k}]", part, like) for k, (part, like) in enumerate(zip(parts, own, strict=True))]


def _array(name: str, given: Any, own: Array) -> Array:
    """An array or a tensor of the shape of the parameters whose gradient it is."""
    if given is None:
        raise BadValue(f"the gradient of {name} is None; call backward() before it is read, or use the parameter in C")
    try:
        array = array_of(f"the gradient of {name}", given)
    except BadValue:
        raise
    except (TypeError, ValueError) as e:  # as of lists of different lengths
        raise BadValue(f"the gradient of {name} is {shown(given)}; give an array of float32 or float64") from e
    if array.dtype.kind in "iu":
        array = array.astype(float)
    if array.dtype not in (np.float32, np.float64):
        raise BadValue(f"the gradient of {name} is of {array.dtype}; give float32 or float64")
    if array.shape != own.shape:
        cure = f"give {own.shape}"
        if array.shape == own.shape[::-1]:
            cure = f"it is transposed: {cure}, a row for each neuron of the layer"
        elif array.size == own.size:
            cure = f"{cure}, reshaped"
        elif array.shape[1:] == own.shape:
            cure = f"{cure}, the mean over the images"
        raise BadShape(f"the gradient of {name} has shape {array.shape}; {cure}")
    return array


def fault_of(
    net: Network, claimed: Arrays, own: Arrays, wrong: Sequence[tuple[str, int]], at: tuple[Array, Array]
) -> str:
    """What is wrong with claimed gradients of which some arrays disagree; own are the network's, which are right."""
    for kind, layer in wrong:
        if not np.isfinite(claimed[kind][layer]).all():
            return f"{NAMES[kind]}[{layer}] holds NaN or infinity"
    every = [(kind, layer) for kind in "wb" for layer in range(net.depth)]
    ratios = {place: _multiple(claimed[place[0]][place[1]], own[place[0]][place[1]]) for place in every}
    alike = set(ratios.values())
    if alike == {-1.0}:
        return "their sign is wrong in every layer"
    if len(alike) == 1 and not alike & {None, 1.0}:
        return f"they are {_named_multiple(alike.pop(), len(at[0]))}, in every layer"
    if said := _of_other_costs(net, claimed, at):
        return said
    return "; ".join(_of_arrays(net, claimed, own, wrong, ratios, len(at[0])))


def _multiple(claimed: Array, own: Array) -> float | None:
    """c where claimed is c · own, rounded to six digits, else None."""
    top = np.abs(own).max()
    if not top or not np.isfinite(claimed).all():
        return None
    scaled = own / top
    c = float((claimed / top * scaled).sum() / (scaled * scaled).sum())
    near = np.abs(claimed / top - c * scaled).max() <= ALIKE * abs(c)
    return float(f"{c:.5g}") if near and c else None


def _named_multiple(c: float | None, images: int) -> str:
    assert c is not None
    said = times_of(LogSign.from_float(c))
    if images > 1 and c == float(images):
        return f"{said} the mean: the sum over the {images} images, and the mean is wanted"
    if images > 1 and abs(c * images - 1) < 1e-4:
        return f"{said} the mean: divided by the number of images, {images}, once too often"
    return f"{said} the mean"


def _of_other_costs(net: Network, claimed: Arrays, at: tuple[Array, Array]) -> str | None:
    """The same network with another cost, as where the output's slope is left out."""
    for name in COSTS:
        if name == net.cost.name:
            continue
        try:
            other = Network(net.sizes, net.activation, name, net.output_activation or "softmax", residual=net.residual)
        except ChainderivError:  # a cost that the output does not admit
            continue
        other.weights, other.biases = net.weights, net.biases
        found = dict(zip("wb", other.wide_gradients(*at), strict=True))
        pairs = [(c, o) for kind in "wb" for c, o in zip(claimed[kind], found[kind], strict=True)]
        if all(_multiple(c, to_float(o)) == 1 for c, o in pairs):
            return f"they are the gradients of the cost {name!r}, and the network's is {net.cost.name!r}"
    return None


def _of_arrays(
    net: Network,
    claimed: Arrays,
    own: Arrays,
    wrong: Sequence[tuple[str, int]],
    ratios: dict[tuple[str, int], float | None],
    images: int,
) -> Iterator[str]:
    said: dict[str, list[str]] = {}
    for kind, layer in wrong:
        parameter = (net.weights if kind == "w" else net.biases)[layer]
        what = _of_one(claimed[kind][layer], own[kind], layer, ratios[kind, layer], images, NAMES[kind], parameter)
        said.setdefault(what, []).append(f"{NAMES[kind]}[{layer}]")
    for what, names in said.items():
        yield f"of {listed(names)} the gradient {what}"
    layers = sorted({layer for _, layer in wrong})
    if layers == list(range(len(layers))) and 0 < len(layers) < net.depth:
        last = len(layers)
        yield (
            f"all of layer {last + 1} and above is right, so the fault lies where δ is passed from layer {last + 1} to "
            f"layer {last}, or in layer {last}"
        )


def _of_one(
    claimed: Array, own: Sequence[Array], layer: int, c: float | None, images: int, name: str, parameter: Array
) -> str:
    """What is wrong with one array."""
    others = [n for n in range(len(own)) if n != layer and own[n].shape == claimed.shape]
    same = next((n for n in others if _multiple(claimed, own[n]) == 1), None)
    if not claimed.any():
        return "is 0 everywhere"
    if c == 1:
        top = np.abs(own[layer]).max()
        off = np.abs(claimed / top - own[layer] / top).max()
        return f"differs from the right one by up to {off:.1e} of its largest entry"
    if c is not None:
        return f"is {_named_multiple(c, images)}" if c != -1 else "has the wrong sign"
    if _multiple(claimed, parameter) == 1:
        return "is the parameter itself, and no gradient"
    if claimed.ndim == 2 and claimed.shape[0] == claimed.shape[1] and _multiple(claimed, own[layer].T) == 1:
        return "is transposed"
    return "is no multiple of the right one" if same is None else f"is that of {name}[{same}]"


def listed(names: Sequence[str]) -> str:
    """Names with commas between, the middle left out where they are many.

    >>> listed(["a", "b"]), listed([f"w{k}" for k in range(20)])
    ('a, b', 'w0, w1, …, w18, w19')
    """
    many = len(names) > SHOWN
    return ", ".join([*names[:2], "…", *names[-2:]] if many else names)
