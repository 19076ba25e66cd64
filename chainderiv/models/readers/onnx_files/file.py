""".onnx, parsed with the package onnx: nodes, constants and attributes as they stand there."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chainderiv.errors import BadValue, ChainderivError, DataError
from chainderiv.extras import extra
from chainderiv.given import shown
from chainderiv.kinds import Array
from chainderiv.models.graph import Graph, Input, Node
from chainderiv.models.readers.limits import Budget, finite, one_line, reading, require_few
from chainderiv.models.readers.onnx_files.functions import DEFAULT, Inlining, functions_of
from chainderiv.models.readers.onnx_files.lean import LARGE_FILE, without_numbers
from chainderiv.models.readers.onnx_files.tensors import NAMES, array_of
from chainderiv.models.readers.onnx_files.wire import require_few_parts
from chainderiv.models.readers.refused import require_followed
from chainderiv.models.readers.signature import File

LEAST_OPSET = 7  # before it, Add and Mul had another way of broadcasting
MOST_NESTED = 16  # graphs in graphs
# whose inputs, but for the first, are weights: an inf there is none that anyone meant
WITH_WEIGHTS = frozenset(
    {"Gemm", "MatMul", "Conv", "ConvTranspose", "BatchNormalization", "InstanceNormalization", "LayerNormalization"}
    | {"GroupNormalization", "RMSNormalization", "PRelu"}
)
# attributes that make an operator's output of any size
SHAPED = {"ConstantOfShape": 0, "Expand": 1, "RandomNormal": None, "RandomUniform": None, "EyeLike": None}


def graph_of_onnx(file: File) -> Graph:
    """The graph of an ONNX file.

    Raises BadValue for external data, loops, quantised and recurrent operators, NaN and inf weights, opsets below 7 and
    more than a model may take; DataError for a damaged file; MissingExtra without the package onnx.
    """
    onnx = extra("onnx", f"{file.name}, an ONNX file,", "models")
    with reading(file.name):
        large = file.size >= LARGE_FILE
        try:
            proto = onnx.ModelProto.FromString(_parsed(file, large))
        except ChainderivError:
            raise
        except Exception as e:
            raise DataError(f"{file.name} is no ONNX file ({one_line(e)}); give a whole file") from e
        return graph_of_proto(proto, file.name, file.path if large else None)


def _parsed(file: File, large: bool) -> bytes:
    """What is parsed: the whole, or of a large file what is no tensor's numbers."""
    if not large:
        content = file.path.read_bytes()
        require_few_parts(file.name, memoryview(content))
        return content
    with (
        file.path.open("rb") as opened,
        mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as view,
    ):
        require_few_parts(file.name, view)
        return without_numbers(file.name, view)


def graph_of_proto(proto: Any, model: str, file: Path | None = None) -> Graph:
    """The graph of a ModelProto. file : in which the numbers of its tensors were left, if they were."""
    opsets = {o.domain: o.version for o in proto.opset_import}
    opset = next((opsets[domain] for domain in DEFAULT if domain in opsets), 1)
    if opset < LEAST_OPSET:
        raise BadValue(
            f"{model} is of opset {opset}, and {LEAST_OPSET} is the least; convert it with "
            "onnx.version_converter.convert_version(model, 18)"
        )
    if not proto.HasField("graph"):
        raise DataError(f"{model} holds no graph; give a whole file")
    return _Reader(model, int(opset), Budget(model), Inlining(functions_of(proto), model), file).graph(proto.graph, {})


@dataclass
class _Reader:
    model: str
    opset: int
    budget: Budget
    inlining: Inlining
    file: Path | None = None
    depth: int = field(default=0)

    def graph(self, proto: Any, outside: Mapping[str, Any]) -> Graph:
        """A graph; outside: the tensors that it may use of the graph around it."""
        if len(proto.sparse_initializer):
            raise BadValue(f"{self.model} holds sparse tensors; export it with dense ones")
        require_few(self.model, "arrays", len(proto.initializer))
        constants = {t.name: array_of(t, t.name, self.budget, self.file) for t in proto.initializer}
        inputs = tuple(self._input(v) for v in proto.input if v.name not in constants)
        known = {**outside, **dict.fromkeys(i.name for i in inputs), **constants}
        nodes = tuple(self._nodes(proto.node, constants, known))
        outputs = tuple(value.name for value in proto.output)
        for name in outputs:
            if name not in known:
                raise DataError(f"{self.model} gives out {shown(name)}, which no operator makes; give a whole file")
        if not outputs:
            raise DataError(f"{self.model} has no output; give a whole file")
        return Graph(nodes, constants, inputs, outputs, self.model, self.opset)

    def _nodes(self, protos: Iterable[Any], constants: dict[str, Array], known: dict[str, Any]) -> Iterator[Node]:
        for proto in self.inlining.nodes(protos):
            operator = proto.op_type if proto.domain in DEFAULT else f"{proto.domain}.{proto.op_type}"
            where = proto.name or next(iter(proto.output), "")
            require_followed(self.model, proto.op_type, where)
            self._require_order(proto, known, where)
            if operator == "Constant":
                constants[proto.output[0]] = known[proto.output[0]] = self._constant(proto, where)
                continue
            node = Node(operator, tuple(proto.input), tuple(proto.output), self._attributes(proto, known), where)
            self._require_sound(node, known)
            known |= dict.fromkeys(node.outputs)
            yield node

    def _require_order(self, proto: Any, known: Mapping[str, Any], where: str) -> None:
        for name in proto.input:
            if name and name not in known:
                raise DataError(
                    f"{self.model} uses {shown(name)} at {shown(where)} before it is made; give a whole file"
                )
        for name in proto.output:
            if name in known and name:
                raise DataError(f"{self.model} makes {shown(name)} twice; give a whole file")
        if not any(proto.output):
            raise DataError(f"{self.model} has an operator {shown(proto.op_type)} without an output; give a whole file")

    def _require_sound(self, node: Node, known: Mapping[str, Any]) -> None:
        """Raise BadValue for weights that are inf, and for an output of a stated size that is too large."""
        if node.operator in WITH_WEIGHTS:
            for name in node.inputs[1:]:
                if known.get(name) is not None and known[name].dtype.kind == "f":
                    finite(self.model, name, known[name])
        place = SHAPED.get(node.operator)
        if place is not None and len(node.inputs) > place and known.get(node.inputs[place]) is not None:
            Budget(self.model).take(node.name, [int(n) for n in known[node.inputs[place]].ravel()])

    def _constant(self, proto: Any, where: str) -> Array:
        found = self._attributes(proto, {})
        if len(found) != 1:
            raise DataError(f"{self.model} has a constant {shown(where)} without one value; give a whole file")
        return _as_array(*found.popitem(), where, self.model)

    def _attributes(self, proto: Any, known: Mapping[str, Any]) -> dict[str, Any]:
        return {a.name: self._attribute(a, proto, known) for a in proto.attribute}

    def _attribute(self, a: Any, node: Any, known: Mapping[str, Any]) -> Any:
        where = f"{node.name or node.op_type}.{a.name}"
        if a.type == a.TENSOR:
            return array_of(a.t, where, self.budget, self.file)
        if a.type == a.GRAPH:
            return self._inside(a.g, known)
        if a.type == a.STRING:
            return a.s.decode("utf-8", "replace")
        if a.type == a.STRINGS:
            return [s.decode("utf-8", "replace") for s in a.strings]
        plain = {a.FLOAT: "f", a.INT: "i", a.FLOATS: "floats", a.INTS: "ints"}
        if a.type not in plain:
            raise BadValue(f"{self.model} holds {shown(where)}, of a kind that is not followed; export it without")
        found = getattr(a, plain[a.type])
        return found if a.type in (a.FLOAT, a.INT) else list(found)

    def _inside(self, proto: Any, known: Mapping[str, Any]) -> Graph:
        if self.depth >= MOST_NESTED:
            raise BadValue(f"{self.model} has graphs nested more than {MOST_NESTED} deep; export it without")
        self.depth += 1
        graph = self.graph(proto, known)
        self.depth -= 1
        return graph

    def _input(self, value: Any) -> Input:
        kind = value.type.WhichOneof("value")
        if kind != "tensor_type":
            raise BadValue(f"{self.model} takes {shown(value.name)}, which is no tensor; export it with tensors alone")
        told = value.type.tensor_type
        if not told.HasField("shape"):
            raise BadValue(f"{self.model} states no shape of {shown(value.name)}; export it with the inputs' shapes")
        sizes = tuple(d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in told.shape.dim)
        return Input(value.name, sizes, NAMES.get(told.elem_type, "unknown"))


def _as_array(name: str, value: Any, where: str, model: str) -> Array:
    import numpy as np

    if isinstance(value, np.ndarray):
        return value
    if name not in ("value_float", "value_floats", "value_int", "value_ints"):
        raise BadValue(f"{model} has a constant {shown(where)} that is no tensor of numbers; export it without")
    return np.asarray(value, np.float64 if "float" in name else np.int64)
