"""torch on all cores: tensors in place, chunk by chunk, or autograd."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.maps import LONGEST_CHUNK, Array, Map, Run, X, Y
from chainderiv.workers import usable_cores

# Measured to be the fastest of 2^11 to 2^20: five arrays of it stay in the second-level cache.
CHUNK = 2**15


def torch_closed(map: Map) -> Run:
    """The product in place, σ' as σ(z) σ(-z), its exponent taken out now and then where the chain is deep.

    A Python thread a core, each with its chunks, is four times as fast as torch's own threads within each operation.
    """
    import torch

    torch.set_num_threads(1)
    w, b = (torch.from_numpy(v) for v in map.points)
    pool = ThreadPoolExecutor(usable_cores())

    def walk(first: int, sign: Any, log: Any) -> None:
        part = slice(first, first + CHUNK)
        v, c, g, scratch = w[part], b[part], sign[part], log[part]
        a, exponent = torch.full_like(v, X), torch.zeros_like(v)
        torch.reciprocal(v, out=g)
        for layer in range(map.depth):
            torch.addcmul(c, v, a, out=scratch)
            torch.sigmoid(scratch, out=a)
            g.mul_(a).mul_(v).mul_(scratch.neg_().sigmoid_())
            if layer % LONGEST_CHUNK == LONGEST_CHUNK - 1 and map.depth > 2 * LONGEST_CHUNK:
                mantissa, power = torch.frexp(g)
                g.copy_(mantissa)
                exponent.add_(power)
        g.mul_(a.sub_(Y))
        torch.log(torch.abs(g, out=scratch), out=scratch).add_(exponent, alpha=0.6931471805599453)
        g.sign_()

    def run() -> tuple[Array, Array]:
        sign, log = torch.empty_like(w), torch.empty_like(w)
        list(pool.map(lambda first: walk(first, sign, log), range(0, len(w), CHUNK)))
        return sign.numpy(), log.numpy()

    return run


def torch_autograd(map: Map) -> Run:
    """Its own sigmoid and autograd, likewise chunk by chunk."""
    import torch

    torch.set_num_threads(1)
    pieces = list(zip(*(torch.from_numpy(v).split(CHUNK) for v in map.points), strict=True))
    pool = ThreadPoolExecutor(usable_cores())

    def piece(parameters: tuple[Any, Any]) -> tuple[Any, Any]:
        w, b = parameters
        first = b.clone().requires_grad_()
        a = torch.sigmoid(w * X + first)
        for _ in range(map.depth - 1):
            a = torch.sigmoid(torch.addcmul(b, w, a))
        (g,) = torch.autograd.grad(((a - Y) ** 2 / 2).sum(), first)
        return torch.sign(g), g.abs_().log_()

    def run() -> tuple[Array, ...]:
        return tuple(torch.cat(part).numpy() for part in zip(*pool.map(piece, pieces), strict=True))

    return run
