"""Functions that an ONNX model defines itself, put in the places where they are called."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chainderiv.errors import BadValue
from chainderiv.given import shown

MOST_NESTED = 32  # functions in functions
MOST_UNFOLDED = 50_000  # operators
DEFAULT = ("", "ai.onnx")


def functions_of(proto: Any) -> dict[tuple[str, str], Any]:
    """A model's functions by domain and name."""
    return {(function.domain, function.name): function for function in proto.functions}


class Inlining:
    """The nodes of a graph with every call of a function of the model replaced by that function's nodes.

    Raises BadValue where that makes more nodes than any network has, as functions that call each other twice do.
    """

    def __init__(self, functions: Mapping[tuple[str, str], Any], model: str) -> None:
        self._functions, self._model = functions, model
        self._calls, self._sizes = itertools.count(1), dict[Any, int]()
        self._left = MOST_UNFOLDED

    def nodes(self, nodes: Iterable[Any]) -> Iterator[Any]:
        """NodeProtos, of which none calls a function; they are counted before any is made."""
        for node in nodes:
            function = self._functions.get((node.domain, node.op_type))
            if function is None:
                yield node
                continue
            self._left -= self._size(node, 0)
            if self._left < 0:
                raise BadValue(f"{self._model} unfolds to more than {MOST_UNFOLDED} operators; give a part of it")
            yield from self.nodes(list(self._called(node, function)))

    def _size(self, node: Any, depth: int) -> int:
        """How many operators a call unfolds to."""
        called = (node.domain, node.op_type)
        if called not in self._functions:
            return 1
        if depth > MOST_NESTED:
            raise BadValue(f"{self._model} has functions nested more than {MOST_NESTED} deep; export it without them")
        if called not in self._sizes:
            self._sizes[called] = sum(self._size(inner, depth + 1) for inner in self._functions[called].node)
        return self._sizes[called]

    def _called(self, call: Any, function: Any) -> Iterator[Any]:
        mark = f"{call.name or call.op_type}#{next(self._calls)}/"
        names = dict(itertools.zip_longest(function.input, call.input[: len(function.input)], fillvalue=""))
        results = dict(zip(function.output, call.output, strict=False))
        given = {a.name: a for a in function.attribute_proto} | {a.name: a for a in call.attribute}

        def renamed(tensor: str) -> str:
            found = results.get(tensor) or names.get(tensor, f"{mark}{tensor}" if tensor else "")
            return str(found)

        for node in function.node:
            yield _moved(node, renamed, given, mark, self._model)


def _moved(node: Any, renamed: Any, given: Mapping[str, Any], mark: str, model: str) -> Any:
    moved = type(node)()
    moved.CopyFrom(node)
    moved.input[:] = [renamed(tensor) for tensor in node.input]
    moved.output[:] = [renamed(tensor) for tensor in node.output]
    moved.name = mark + (node.name or node.op_type)
    del moved.attribute[:]
    for attribute in node.attribute:
        if attribute.HasField("g") or len(attribute.graphs):
            raise BadValue(
                f"{model} has a graph inside the function of {shown(mark[:-1])}; export it without functions"
            )
        if not attribute.ref_attr_name:
            moved.attribute.add().CopyFrom(attribute)
        elif attribute.ref_attr_name in given:
            moved.attribute.add().CopyFrom(given[attribute.ref_attr_name])
            moved.attribute[-1].name = attribute.name
    return moved
