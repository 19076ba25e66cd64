"""ln ‖x‖₂ of tensors of any library, right where the library's own norm underflows or overflows.

torch's norm of float32 entries of 1e-23 is 0.0, for it squares them in float32. Here a norm near that is taken anew in
float64, which holds the squares of every narrower kind, and a float64 tensor is scaled by a power of two where its
squares leave float64. Exactly 0 is told of exact zeros alone.
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainderiv.models.scaled import scaled

LEAST, MOST = 1e-140, 1e140  # norms between which no square that counts has left float64
NARROW_LEAST, NARROW_MOST = 1e-12, 1e18  # the same of float32: a million entries whose squares are lost weigh 1e-8


def ln_norms(tensors: Sequence[Any]) -> list[float]:
    """ln ‖x‖₂ of each: -inf where all entries are exactly 0, inf where one is infinite, NaN where one is NaN.

    What lies on an accelerator is reduced there, and comes back in one copy a device.

    >>> tiny = np.full(30, 1e-23, np.float32)
    >>> [round(log / math.log(10), 3) for log in ln_norms([tiny, np.array([3e-200, 4e-200])])]
    [-22.261, -199.301]
    >>> ln_norms([np.zeros(3), np.array([1.0, np.inf])])
    [-inf, inf]
    """
    found = [math.nan] * len(tensors)
    by_place: dict[tuple[str, Any], list[int]] = defaultdict(list)
    for k, tensor in enumerate(tensors):
        by_place[_place(tensor)].append(k)
    for (library, _), places in by_place.items():
        of_library = {"torch": _of_torch, "jax": _of_jax}.get(library, _of_numpy)
        for k, log in zip(places, of_library([tensors[k] for k in places]), strict=True):
            found[k] = log
    return found


def _place(tensor: Any) -> tuple[str, Any]:
    """The library that reduces it, and the device. Libraries are looked for, and never loaded."""
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    if torch is not None and isinstance(tensor, torch.Tensor):
        return "torch", tensor.device
    if jax is not None and isinstance(tensor, jax.Array):
        places = tensor.devices()
        if any(one.platform != "cpu" for one in places):
            return "jax", frozenset(places)
    return "numpy", None


def _of_numpy(tensors: Sequence[Any]) -> list[float]:
    return [_ln_norm(tensor) for tensor in tensors]


def _ln_norm(tensor: Any) -> float:
    array = np.asarray(tensor)
    if array.dtype.kind == "c":
        array = np.stack([array.real, array.imag])
    flat = np.asarray(array, np.float64).ravel()
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        square = float(flat @ flat)
    return math.log(square) / 2 if LEAST**2 < square < MOST**2 else scaled(flat).ln_norm()


def _of_torch(tensors: Sequence[Any]) -> list[float]:
    torch = sys.modules["torch"]
    with torch.no_grad():
        plain = [_plain(torch, tensor.detach()) for tensor in tensors]
        norms = torch.stack([_narrow(torch, x) for x in plain]).tolist()
        return [_checked(torch, norm, x) for norm, x in zip(norms, plain, strict=True)]


def _narrow(torch: Any, x: Any) -> Any:
    """The norm in the tensor's own precision, which is many times as fast; it does where no square has left it."""
    wide = x.dtype == torch.float64
    return torch.linalg.vector_norm(x, dtype=torch.float64 if wide else torch.float32).double()


def _plain(torch: Any, tensor: Any) -> Any:
    """Dense, real, and where float64 is to be had: Apple's devices have none."""
    if tensor.layout != torch.strided:
        tensor = tensor.coalesce().values() if tensor.layout == torch.sparse_coo else tensor.to_dense()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    return tensor.cpu() if tensor.device.type == "mps" else tensor


def _checked(torch: Any, norm: float, x: Any) -> float:
    """The logarithm of a norm, taken anew where squares may have left the precision that it was taken in."""
    if x.dtype == torch.float64:
        return math.log(norm) if LEAST < norm < MOST else _ln_norm(x.cpu().numpy())
    if not NARROW_LEAST < norm < NARROW_MOST:
        norm = torch.linalg.vector_norm(x, dtype=torch.float64).item()
    return math.nan if math.isnan(norm) else math.log(norm) if norm > 0 else -math.inf


def _of_jax(tensors: Sequence[Any]) -> list[float]:
    """JAX has float64 only where it is told to, so each is scaled by the power of two below its largest entry."""
    jax = sys.modules["jax"]
    exponents, norms = (np.asarray(x, np.float64) for x in jax.jit(_scaled_norms)(list(tensors)))
    with np.errstate(divide="ignore"):
        return [float(log) for log in np.log(norms) + exponents * math.log(2)]


def _scaled_norms(tensors: Sequence[Any]) -> tuple[Any, Any]:
    """(exponents, ‖x · 2^-exponent‖) of each."""
    jnp = sys.modules["jax"].numpy
    pairs = []
    for tensor in tensors:
        size = jnp.abs(tensor)
        x = size.astype(jnp.promote_types(size.dtype, jnp.float32))
        largest = jnp.max(x, initial=0)
        exponent = jnp.where(jnp.isfinite(largest) & (largest > 0), jnp.frexp(largest)[1], 0)
        half = exponent // 2  # in two steps: 2^149 is beyond float32
        y = jnp.ldexp(jnp.ldexp(x, -half), half - exponent)
        pairs.append((exponent, jnp.sqrt(jnp.sum(jnp.square(y)))))
    exponents, norms = zip(*pairs, strict=True)
    return jnp.stack(exponents), jnp.stack(norms)
