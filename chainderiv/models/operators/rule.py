"""Rule: what an operator computes and how a gradient passes back through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.kinds import Array, Floats
from chainderiv.models.scaled import Scaled

Back = Sequence["Floats | Scaled | None"]
MOST_OF_ONE = 2**30  # bytes that one tensor may take in float64: a file of 74 bytes can ask for 160 GB


class Unfollowed(BadValue):
    """A use of an operator that its rule does not follow; the message says which."""


@dataclass(frozen=True)
class Call:
    """One operator at work on arrays.

    inputs : arrays, None for one that is left out. Floats are float64.
    outputs : arrays; on the way forward there are none yet.
    attributes, opset : the node's and the graph's.
    training : whether normalisations take the batch's statistics.
    wanted : of each input whether its gradient is asked for.
    results : how many outputs the node names.
    """

    inputs: tuple[Array | None, ...]
    attributes: Mapping[str, Any]
    opset: int
    training: bool = False
    outputs: tuple[Array, ...] = ()
    wanted: tuple[bool, ...] = ()
    results: int = 1

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute, or what stands for it where the node has none."""
        value = self.attributes.get(name)
        return default if value is None else value

    def input(self, k: int) -> Array | None:
        """The k-th input, None where it is left out."""
        return self.inputs[k] if k < len(self.inputs) else None

    def need(self, k: int) -> Array:
        """The k-th input; raises BadValue where it is left out."""
        value = self.input(k)
        if value is None:
            raise BadValue(f"input {k + 1} is missing; give a file whose operators are complete")
        return value

    def wants(self, k: int) -> bool:
        """Whether the gradient of the k-th input is asked for."""
        return k < len(self.wanted) and self.wanted[k]


@dataclass(frozen=True)
class Rule:
    """forward(call) → the outputs' arrays; backward(call, gradients) → the inputs' gradients.

    backward : what reaches the outputs comes as float64 arrays with an exponent in common that the pass keeps, None
        where nothing does; what goes to the inputs is linear in it. None instead of a function: no gradient passes
        (an integer, a step). "unknown" is said by a missing rule alone.
    kind : what a stage of this operator is called: weight, slope, normalisation, pooling, shape, shift, sum …
    """

    forward: Callable[[Call], Array | tuple[Array, ...]]
    backward: Callable[[Call, Sequence[Floats | None]], Back] | None
    kind: str


class TooLarge(BadValue):
    """A pass that takes more memory than it may, which fewer examples would not."""


def fits(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape, if an array of it takes no more than MOST_OF_ONE; raises TooLarge."""
    count = 1
    for length in shape:
        count *= int(length)
    if count * 8 > MOST_OF_ONE or any(int(length) < 0 for length in shape):
        raise TooLarge(
            f"a tensor of the shape {tuple(map(int, shape))} is asked for; one may take {MOST_OF_ONE // 2**20} MiB: "
            "give fewer or smaller examples"
        )
    return tuple(map(int, shape))


def single(gradients: Sequence[Floats | None]) -> Floats:
    """The gradient of the first output, which reached the operator or else it would not be asked."""
    first = gradients[0]
    assert first is not None
    return first


def is_float(value: Any) -> bool:
    """Whether it is an array of real numbers, which alone have gradients."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
