"""A torch.nn.Module that lives: exported by torch, and its operators of ATen put as ONNX's."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.given import shown
from chainderiv.models.graph import Graph
from chainderiv.models.readers.building import Building
from chainderiv.models.readers.limits import finite
from chainderiv.models.readers.refused import require_followed
from chainderiv.models.readers.torch_models.arithmetic import ARITHMETIC
from chainderiv.models.readers.torch_models.exporting import exported, require_modest
from chainderiv.models.readers.torch_models.layers import LAYERS
from chainderiv.models.readers.torch_models.putting import Held, Putting, Size
from chainderiv.models.readers.torch_models.shapes import SHAPES

RULES: Mapping[str, Callable[..., Any]] = {**LAYERS, **SHAPES, **ARITHMETIC}
OF_SIZES = {operator.mul: "Mul", operator.add: "Add", operator.sub: "Sub", operator.floordiv: "Div"}
# what may give the very tensor that it was given
SAME_TENSOR = frozenset({"contiguous", "detach", "alias", "lift_fresh_copy", "dropout", "to"})
# what gives a part of another tensor, and no tensor of its own
VIEWS = frozenset(
    {"view", "reshape", "flatten", "unflatten", "permute", "transpose", "t", "squeeze", "unsqueeze", "slice", "select"}
    | {"expand", "split", "split_with_sizes", "chunk", "unbind"}
)
MADE = {"zeros": 0.0, "ones": 1.0, "zeros_like": 0.0, "ones_like": 1.0, "full": None, "arange": None}


def graph_of_module(torch: Any, module: Any, inputs: Any = None) -> Graph:
    """The graph of a module in the mode that it is in, training or evaluation; the module is left as it is.

    inputs : an example of what it takes, or a list of such; None: what its first layer takes, and a note says so.
        The first dimension is the batch's, and free where torch.export can leave it so.

    Raises BadValue for recurrent and quantised layers, NaN and inf, and where torch.export gives up.
    """
    module = _bare(module)
    model = f"the {type(module).__name__}"
    for name, layer in module.named_modules():
        home = type(layer).__module__
        if "quantized" in home:
            require_followed(model, "quantized_layer", name)
        if home.startswith("torch."):  # one's own class may have any name, and is followed through what it does
            require_followed(model, type(layer).__name__, name or model)
    require_modest(module, model)
    program, notes = exported(torch, module, inputs)
    building = Building(model, notes=notes)
    return _Walk(torch, program, Putting(building)).graph()


def _bare(module: Any) -> Any:
    """The module itself, where torch.compile or a run on several devices stands around it."""
    for _ in range(4):
        kind = type(module).__name__
        inner = {"OptimizedModule": "_orig_mod", "DataParallel": "module", "DistributedDataParallel": "module"}.get(
            kind
        )
        if inner is None:
            break
        module = getattr(module, inner)
    return module


class _Walk:
    """One walk along the exported program's nodes."""

    def __init__(self, torch: Any, program: Any, put: Putting) -> None:
        self._torch, self._program, self._put = torch, program, put
        self._values: dict[Any, Any] = {}
        self._targets = dict(program.graph_signature.inputs_to_parameters) | dict(
            program.graph_signature.inputs_to_buffers
        )
        self._lifted = dict(program.graph_signature.inputs_to_lifted_tensor_constants)

    def graph(self) -> Graph:
        outputs: Sequence[Any] = ()
        for node in self._program.graph.nodes:
            if node.op == "placeholder":
                self._values[node] = self._given(node)
            elif node.op == "output":
                signature = {spec.arg.name for spec in self._program.graph_signature.output_specs if _is_users(spec)}
                outputs = [n for n in node.args[0] if getattr(n, "name", None) in signature]
            else:
                self._step(node, self._program.graph_module)
        names = [self._values[node].name for node in outputs]
        if not names:
            raise BadValue(f"{self._put.building.name} gives out no tensor; give one that does")
        return _pruned(self._put.building.graph(*names))

    def _step(self, node: Any, owner: Any) -> None:
        """A call, or a part of the program that its owner holds, which a call takes."""
        part = getattr(owner, str(node.target), None) if node.op == "get_attr" else None
        if node.op == "call_function":
            self._put.layer = _layer_of(node)
            self._values[node] = self._called(node)
        elif isinstance(part, self._torch.fx.GraphModule):
            self._values[node] = part
        else:
            raise self._put.refused(f"{node.op} {node.target}"[:60])

    def _with_gradients(self, node: Any) -> list[Any]:
        """A part that stands in torch.no_grad(), whose results are detached, or in enable_grad()."""
        enabled, part, *given = node.args
        operands, owner = iter(given), self._values[part]
        for inner in owner.graph.nodes:
            if inner.op == "placeholder":
                self._values[inner] = self._known(next(operands))
            elif inner.op == "output":
                left = [self._known(one) for one in inner.args[0]]
            else:
                self._step(inner, owner)
        return left if enabled else [self._detached(one) for one in left]

    def _detached(self, held: Any) -> Any:
        if not isinstance(held, Held):
            return held
        return replace(RULES["detach"](self._put, held), shape=held.shape, kind=held.kind)

    def _given(self, node: Any) -> Any:
        """A weight, a buffer, a constant or an input."""
        building, name = self._put.building, self._targets.get(node.name)
        if name is None and node.name in self._lifted:
            name = self._lifted[node.name]
        shape, kind = _shape_of(node), _kind_of(node)
        if name is None:
            if not shape and kind == "":
                raise self._put.refused(f"an input that is no tensor, {node.name!r}")
            building.dtype = kind
            return Held(building.given(node.name, shape), shape, kind)
        found = self._program.state_dict.get(name)
        found = self._program.constants.get(name) if found is None else found
        array = self._array(found)
        if array.dtype.kind == "f":
            array = finite(building.name, name, array, infinite=name not in self._targets.values())
        return Held(building.constant(name, array), array.shape, kind)

    def _array(self, tensor: Any) -> Any:
        held = tensor.detach().cpu()
        held = held.to(self._torch.float64) if held.dtype.is_floating_point else held
        return np.ascontiguousarray(held.numpy())

    def _called(self, node: Any) -> Any:
        if node.target in OF_SIZES:
            return self._size_arithmetic(node)
        if node.target is operator.getitem:
            return self._values[node.args[0]][node.args[1]]
        name = _aten_name(node.target)
        if name == "wrap_with_set_grad_enabled":
            return self._with_gradients(node)
        if name == "sym_size":
            return self._put.size(self._values[node.args[0]], node.args[1])
        require_followed(self._put.building.name, name, self._put.layer)
        in_place = name.endswith("_") and not name.startswith("__")
        rule_name = name.rstrip("_") if in_place else name
        if in_place and _is_buffer(node.args[0]):
            return None  # as the count of batches: no part of the gradient
        made = self._made(node, rule_name)
        if in_place:
            self._changed(node.args[0], made)
        return made

    def _made(self, node: Any, name: str) -> Any:
        args, kwargs = self._known(node.args), {k: self._known(v) for k, v in node.kwargs.items()}
        if name in MADE:
            return self._constant(node)
        rule = RULES.get(name)
        if rule is None:
            return self._unknown(node, name, args)
        try:
            made = rule(self._put, *args, **kwargs)
        except TypeError as e:
            raise self._put.refused(f"torch's {name} with settings that are not known here") from e
        if isinstance(made, Held):
            return replace(made, shape=_shape_of(node), kind=_kind_of(node))
        shapes = node.meta["val"]
        return tuple(replace(m, shape=_sizes(v.shape), kind=_dtype(v)) for m, v in zip(made, shapes, strict=True))

    def _unknown(self, node: Any, name: str, args: Any) -> Any:
        """Handed on by torch's name: whoever passes the graph says that it is not followed, and where."""
        tensors = [a for a in args if isinstance(a, Held)]
        out = self._put.node(f"aten.{name}", *tensors)
        made = node.meta.get("val")
        if not isinstance(made, tuple | list):
            return replace(out, shape=_shape_of(node), kind=_kind_of(node))
        return tuple(replace(out, shape=_sizes(getattr(v, "shape", ())), kind=_dtype(v)) for v in made)

    def _constant(self, node: Any) -> Held:
        """What torch makes of no tensor: its numbers are computed where its sizes are known."""
        shape = _shape_of(node)
        if None in shape or any(
            isinstance(a, self._torch.fx.Node) for a in node.args if _aten_name(node.target) == "arange"
        ):
            raise self._put.refused(f"{_aten_name(node.target)} of a size that depends on the batch")
        if _aten_name(node.target).endswith("_like"):
            array = np.full([n or 0 for n in shape], MADE[_aten_name(node.target)])
        else:
            with self._torch.no_grad():
                kwargs = {k: v for k, v in node.kwargs.items() if k != "device"}
                array = self._array(node.target(*node.args, **kwargs))
        return replace(self._put.constant(array), shape=shape, kind=_kind_of(node))

    def _size_arithmetic(self, node: Any) -> Any:
        left, right = (self._known(a) for a in node.args)
        if isinstance(left, int) and isinstance(right, int):
            return node.target(left, right)
        parts = [n if isinstance(n, Size) else self._put.whole([n]) for n in (left, right)]
        return Size(self._put.node(OF_SIZES[node.target], *parts).name)

    def _known(self, argument: Any) -> Any:
        """An argument with nodes replaced by what they hold."""
        if isinstance(argument, self._torch.fx.Node):
            return self._values[argument]
        if isinstance(argument, list | tuple):
            return [self._known(item) for item in argument]
        return argument

    def _changed(self, target: Any, made: Any) -> None:
        """What was written in place is seen by whoever looks at the tensor later."""
        self._values[target] = made
        whole = True
        while target.op == "call_function" and target.args:
            name, source = _aten_name(target.target), target.args[0]
            if name in VIEWS:
                whole = False
            elif name not in SAME_TENSOR:
                return
            if not whole and _used_beside(source, target):
                raise self._put.refused("a part of a tensor that is written in place")
            target = source
            if whole:
                self._values[target] = made


def _used_beside(source: Any, view: Any) -> bool:
    return any(user is not view for user in source.users)


def _is_users(spec: Any) -> bool:
    return bool(spec.kind.name == "USER_OUTPUT")


def _is_buffer(node: Any) -> bool:
    return bool(node.op == "placeholder" and node.name.startswith("b_"))


def _aten_name(target: Any) -> str:
    return str(target).removeprefix("aten.").partition(".")[0]


def _layer_of(node: Any) -> str:
    """The module's name in the network; for the network itself, the operator's."""
    stack = [entry for entry in (node.meta.get("nn_module_stack") or {}).values() if not entry[0].startswith("_empty_")]
    return str(stack[-1][0]) if stack and stack[-1][0] else node.name


def _sizes(shape: Any) -> tuple[int | None, ...]:
    return tuple(int(n) if isinstance(n, int) else None for n in shape)


def _shape_of(node: Any) -> tuple[int | None, ...]:
    value = node.meta.get("val")
    return _sizes(value.shape) if hasattr(value, "shape") else ()


def _dtype(value: Any) -> str:
    return str(value.dtype).removeprefix("torch.") if hasattr(value, "dtype") else ""


def _kind_of(node: Any) -> str:
    return _dtype(node.meta.get("val"))


def _pruned(graph: Graph) -> Graph:
    """The graph without constants and nodes that nothing uses."""
    used, kept = set(graph.outputs), []
    for node in reversed(graph.nodes):
        if used & set(node.outputs):
            used |= set(node.inputs)
            kept.append(node)
    constants = {name: array for name, array in graph.constants.items() if name in used}
    return replace(graph, nodes=tuple(reversed(kept)), constants=constants)


def is_module(torch: Any, given: Any) -> bool:
    """Whether it is a module of torch."""
    return torch is not None and isinstance(given, torch.nn.Module)


def require_no_script(torch: Any, module: Any) -> None:
    """Raise BadValue for a compiled TorchScript module, whose program torch.export does not read."""
    if isinstance(module, torch.jit.ScriptModule):
        raise BadValue(f"model is {shown(type(module).__name__)}, of TorchScript; give the module before torch.jit")
