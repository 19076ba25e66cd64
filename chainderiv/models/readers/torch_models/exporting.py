"""torch.export of a module that lives, with inputs that are given or that its first layer suggests."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.given import shown
from chainderiv.models.readers.limits import MOST_BYTES, one_line

BATCH = 2  # 1 would be taken for a size that is always 1
SIDES = (32, 28, 64, 224, 16, 8, 128, 299)  # of images, where nothing else tells
GIVE = "give inputs=, an example of what the model takes"


def exported(torch: Any, module: Any, inputs: Any) -> tuple[Any, list[str]]:
    """The exported program, and notes. Raises BadValue where torch cannot export it."""
    tried: list[str] = []
    for example in _examples(torch, module, inputs):
        for free in (1, 2, 0):
            try:
                return _export(torch, module, example, free), _notes(example, free > 0, inputs is not None)
            except Exception as e:
                tried.append(one_line(e) or type(e).__name__)
                if free == 0 and inputs is not None:
                    raise BadValue(
                        f"the {type(module).__name__} cannot be exported by torch.export ({tried[-1]}); give inputs "
                        "that it takes, or export the model to .onnx"
                    ) from e
    why = f" ({tried[-1]})" if tried else ""
    raise BadValue(f"the {type(module).__name__} does not tell what it takes{why}; {GIVE}")


def _export(torch: Any, module: Any, example: tuple[Any, ...], free: int) -> Any:
    """free: 0 leaves no size free, 1 the batch's, 2 does so for a forward that takes *args."""
    batch = tuple({0: torch.export.Dim.AUTO} if x.ndim else None for x in example)
    shapes = (None, batch, (batch,))[free]
    with torch.enable_grad(), _quiet():  # in which a part without gradients is marked
        return torch.export.export(module, example, dynamic_shapes=shapes, strict=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch logs of a shape that does not fit: several are tried."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    kept, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = kept


def _notes(example: tuple[Any, ...], free: bool, told: bool) -> list[str]:
    shapes = " and ".join(str(tuple(x.shape)) for x in example)
    notes = [] if told else [f"no inputs were given; the model was read with those of shape {shapes}"]
    return notes if free else [*notes, f"the model takes batches of {example[0].shape[0]} alone as it was exported"]


def _examples(torch: Any, module: Any, inputs: Any) -> Iterator[tuple[Any, ...]]:
    if inputs is not None:
        listed = inputs if isinstance(inputs, list | tuple) else [inputs]
        yield tuple(_as_tensor(torch, module, x) for x in listed)
        return
    kind = next((p.dtype for p in module.parameters() if p.dtype.is_floating_point), torch.float32)
    device = next((p.device for p in module.parameters()), "cpu")
    for shape, whole in _shapes(module):
        with torch.no_grad():
            drawn = torch.zeros(shape, dtype=torch.int64) if whole else torch.zeros(shape, dtype=kind)
        yield (drawn.to(device),)


def _as_tensor(torch: Any, module: Any, given: Any) -> Any:
    if isinstance(given, torch.Tensor):
        tensor = given.detach()
    else:
        try:
            tensor = torch.as_tensor(np.asarray(given))
        except (TypeError, ValueError, RuntimeError) as e:
            raise BadValue(f"inputs is {shown(given)}; {GIVE}") from e
    first = next(iter(module.parameters()), None)
    if first is None:
        return tensor
    return tensor.to(first.device, first.dtype if tensor.dtype.is_floating_point else tensor.dtype)


def _shapes(module: Any) -> Iterator[tuple[tuple[int, ...], bool]]:
    """Shapes that the first layers with weights take, and whether of whole numbers."""
    for layer in list(module.modules())[:50]:
        kind = type(layer).__name__
        if kind == "Embedding":
            yield (BATCH, 16), True
        elif kind == "Linear":
            yield (BATCH, layer.in_features), False
            yield (BATCH, 16, layer.in_features), False
        elif kind.startswith("Conv") and hasattr(layer, "in_channels"):
            space = layer.weight.ndim - 2
            for side in SIDES if space < 3 else SIDES[-3:-2]:
                yield (BATCH, layer.in_channels, *[side] * space), False
        elif kind in ("LayerNorm", "RMSNorm"):
            yield (BATCH, *layer.normalized_shape), False
            yield (BATCH, 16, *layer.normalized_shape), False
        elif kind.startswith("BatchNorm"):
            yield (BATCH, layer.num_features), False
        else:
            continue
        return


def require_modest(module: Any, model: str) -> None:
    """Raise BadValue where the weights take more than a model may."""
    tensors = [*module.parameters(), *module.buffers()]
    if any(type(tensor).__name__.startswith("Uninitialized") for tensor in tensors):
        raise BadValue(f"{model} has layers whose sizes are not known yet; call it once with an example")
    if any(tensor.device.type == "meta" for tensor in tensors):
        raise BadValue(f"{model} has weights on the device 'meta', which has no numbers; load them first")
    total = sum(int(tensor.numel()) for tensor in tensors) * 8
    if total > MOST_BYTES:
        raise BadValue(
            f"{model} has weights of {total:.2g} bytes in float64, and {MOST_BYTES:.0e} are the most; give a part of it"
        )
