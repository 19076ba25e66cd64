"""A network as a graph of operators, named and defined as ONNX's operator set has them, whatever file it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
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


def leading_to(graph: Graph, output: str) -> Graph:
    """The graph with one output, and the nodes that it needs; the inputs stay, as all are given.

    >>> nodes = (Node("Tanh", ("x",), ("a",)), Node("TopK", ("x",), ("b",)))
    >>> [node.operator for node in leading_to(Graph(nodes, {}, (), ("a", "b")), "a").nodes]
    ['Tanh']
    """
    needed, kept = {output}, []
    for node in reversed(graph.nodes):
        if needed & set(node.outputs):
            needed.update(_read_by(node))
            kept.append(node)
    return replace(graph, nodes=tuple(reversed(kept)), outputs=(output,))


def _read_by(node: Node) -> Iterator[str]:
    """The tensors that a node reads, and that the branches of an If read of the graph around them."""
    yield from node.inputs
    for branch in node.attributes.values():
        if isinstance(branch, Graph):
            yield from branch.outputs
            for inner in branch.nodes:
                yield from _read_by(inner)
