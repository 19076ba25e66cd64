"""A network as a graph of operators, named and defined as ONNX's operator set has them, whatever file it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chainderiv.kinds import Array

OPSET = 18  # of ONNX, whose meaning of operators is taken where a file has no version of its own


@dataclass(frozen=True)
class Node:
    """One operator at work.

    operator : ONNX's name, as "Gemm" or "Relu".
    inputs, outputs : names of tensors; "" is an optional one that is left out.
    attributes : ints, floats, strings, lists of these, and arrays, by ONNX's names.
    name : what people know it by: the layer's name, or the file's name of the node.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True)
class Input:
    """A tensor that is given from without: None stands for a size that is free, as that of a batch."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str = "float32"


@dataclass(frozen=True)
class Graph:
    """Operators in an order in which each stands behind what it needs.

    constants : arrays by the names of their tensors: weights, biases and what shapes need; float64 where they are
        floats, integers and bools as they were.
    outputs : names; the first is what a cost is taken of.
    name : of the model, as messages and titles tell it.
    notes : what a reader assumed, a sentence each.
    """

    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    name: str = "model"
    opset: int = OPSET
    notes: tuple[str, ...] = ()
