"""A module of torch that trains: its parameters' .grad, read after backward()."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import Any

from chainderiv.errors import BadValue
from chainderiv.models.watching.grouping import Group, Parameter, grouped, plain_name
from chainderiv.models.watching.record import WatchRecord
from chainderiv.models.watching.watching import Read, Watch

_BY_BATCH = re.compile(r"BatchNorm|InstanceNorm")
SHARDED = "the gradients are sharded over several processes; sizes are of this one's share"


@dataclass
class _Seen:
    """What the forward pass saw: autocast's number type, None outside, and how often a weight had been changed."""

    autocast: str | None = None
    trained: Any = field(default=None, repr=False)
    version: int | None = None

    def stepped(self) -> bool:
        """Whether that weight has been changed since, as every optimizer's step does, in place."""
        return self.version is not None and self.trained._version != self.version


class TorchWatch(Watch):
    """Reads .grad, which in-place neurons and torch.compile leave as it is; backward hooks of its own it has none.

    A hook before the forward pass of the whole module notes whether autocast is on, and nothing else.
    """

    def __init__(self, module: Any, layers: Any, every: int, on_record: Any, keep: int) -> None:
        super().__init__(groups_of(module, layers), every, on_record, keep)
        self._module, self._names = module, [name for name, _ in module.named_parameters()]
        self._seen = _Seen()
        trained = next((p for p in module.parameters() if p.requires_grad), next(module.parameters()))
        self._hook = module.register_forward_pre_hook(_looker(self._seen, trained))

    def tick(self, scale: Any = None) -> WatchRecord | None:
        """Count a step, after backward(); the record where one is due, else None.

        scale : what the cost was multiplied by: a number, a GradScaler, which is asked whether it has unscaled, or
            (GradScaler, optimizer). None: nothing is divided by; where gradients pass through float16, sizes are
            left out then.

        Raises BadValue for another scale.
        """
        return self._measured(self._read(), scale) if self._due() else None

    def close(self) -> None:
        """Take the hook off; the records stay."""
        self._hook.remove()

    def _read(self) -> Read:
        now = dict(self._module.named_parameters())  # a state that was loaded may have put others in their place
        parameters = [now.get(name) for name in self._names]
        gradients = [None if one is None else _local(one.grad) for one in parameters]
        weights = [_nothing() if one is None else _local(one) for one in parameters]
        kinds = {str(g.dtype).removeprefix("torch.") for g in gradients if g is not None} | {self._seen.autocast}
        dtype = next((kind for kind in ("float16", "bfloat16", "float32", "float64") if kind in kinds), "float32")
        sharded = any(type(one).__name__ == "DTensor" for one in parameters)
        return Read(gradients, weights, dtype, [SHARDED] * sharded, self._seen.stepped())


def groups_of(module: Any, layers: Any) -> list[Group]:
    """The layers of a module, in the order in which its parameters are registered."""
    torch = sys.modules["torch"]
    by_batch = {name for name, one in module.named_modules() if _BY_BATCH.search(type(one).__name__)}
    found = []
    for name, parameter in module.named_parameters():
        if isinstance(parameter, torch.nn.parameter.UninitializedParameter):
            raise BadValue(f"parameter {name!r} has no shape yet; call the module once before it is watched")
        found.append(Parameter(plain_name(name), tuple(parameter.shape), name.rpartition(".")[0] in by_batch))
    return grouped(_unwrapped(module, found), outputs_first=True, only=layers)


def _unwrapped(module: Any, parameters: list[Parameter]) -> list[Parameter]:
    """Names as the module itself has them, where a run on several devices stands around it."""
    if type(module).__name__ not in ("DataParallel", "DistributedDataParallel"):
        return parameters
    return [Parameter(one.name.removeprefix("module."), one.shape, one.by_batch) for one in parameters]


def _looker(seen: _Seen, trained: Any) -> Any:
    torch = sys.modules["torch"]

    def look(*_: object) -> None:
        if torch.compiler.is_compiling():  # what is compiled stays as it would be without
            return
        device = trained.device.type
        on = torch.is_autocast_enabled(device)
        seen.autocast = str(torch.get_autocast_dtype(device)).removeprefix("torch.") if on else None
        seen.trained, seen.version = trained, trained._version

    return look


def _nothing() -> Any:
    """In the place of a parameter that has gone."""
    return sys.modules["torch"].zeros(0)


def _local(tensor: Any) -> Any:
    return tensor.to_local() if type(tensor).__name__ == "DTensor" else tensor
