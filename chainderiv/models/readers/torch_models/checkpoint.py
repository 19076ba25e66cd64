""".pt and .pth: what torch.load(weights_only=True) gives, where torch is installed, as a dict of arrays."""

from __future__ import annotations

import importlib
import re
import zipfile
from collections.abc import Mapping
from typing import Any

from chainderiv.errors import BadValue, MissingExtra
from chainderiv.models.readers.limits import Budget, one_line, reading, require_few, require_not_blown_up
from chainderiv.models.readers.signature import File

LEAST = (2, 6)  # before it, weights_only=True could be made to run code (CVE-2025-32434)
INSIDE = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "module", "params", "ema")
SAFE = "save it as safetensors.torch.save_file(model.state_dict(), 'model.safetensors')"


def arrays_of_checkpoint(file: File) -> dict[str, Any]:
    """The arrays of a state dict, by name; one in a checkpoint is found under the usual words.

    Raises MissingExtra without torch, BadValue for a torch below 2.6, whose weights_only was no protection, for a whole
    module, which would run code, and for more than a model may take.
    """
    torch = _torch(file.name)
    with reading(file.name):
        _require_no_bomb(file)
        try:
            loaded = torch.load(file.path, map_location="cpu", weights_only=True)
        except Exception as e:
            if "weights_only" in str(e) or "Unsupported" in str(e):
                raise BadValue(
                    f"{file.name} holds more than weights, a whole module perhaps, which would run code; "
                    "save model.state_dict(), or give the module live"
                ) from e
            raise
        found = _state(loaded, file.name)
        require_few(file.name, "arrays", len(found))
        budget = Budget(file.name)
        for name, tensor in found.items():
            budget.take(str(name), tuple(tensor.shape))
        return {str(name): tensor for name, tensor in found.items()}


def _torch(model: str) -> Any:
    try:
        torch = importlib.import_module("torch")
    except ImportError as e:
        raise MissingExtra(f"{model} needs torch, which is not installed; where it is, {SAFE}") from e
    version = re.match(r"(\d+)\.(\d+)", torch.__version__)
    if version is None or (int(version[1]), int(version[2])) < LEAST:
        raise BadValue(
            f"{model} is not read with torch {one_line(torch.__version__)}, below {LEAST[0]}.{LEAST[1]}, whose "
            f"weights_only=True can run code; install a newer one, or {SAFE}"
        )
    return torch


def _require_no_bomb(file: File) -> None:
    if zipfile.is_zipfile(file.path):
        with zipfile.ZipFile(file.path) as packed:
            require_not_blown_up(file.name, sum(member.file_size for member in packed.infolist()), file.size)


def _state(loaded: Any, model: str, depth: int = 0) -> dict[Any, Any]:
    """Tensors by name: the mapping itself, or the one within it."""
    if isinstance(loaded, Mapping):
        tensors = {name: value for name, value in loaded.items() if hasattr(value, "detach")}
        if tensors:
            return tensors
        for word in INSIDE:
            if word in loaded and depth < 4:
                return _state(loaded[word], model, depth + 1)
    raise BadValue(f"{model} holds no state dict; save model.state_dict()")
