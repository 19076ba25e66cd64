"""JAX on all cores, in float64: reverse mode, forward mode, and the product written out."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.maps import LONGEST_CHUNK, Map, Run, X, Y
from chainderiv.workers import usable_cores

# Points of a block, whose arrays stay in the second-level cache, and of reverse mode, which keeps every layer, points ×
# layers: measured to be fastest. A map in one piece, which JAX's own threads share, takes up to three times as long.
BLOCK, LEAST, HELD = 5000, 200, 500_000
PIECE = 20_000_000  # points × layers of a piece that memory holds well
UNROLLED = 100  # layers below which a piece may be faster without a scan,
FLAT = (("sigmoid", "plain"), ("tanh", "product"))  # and of which neurons it is


def jax_reverse(map: Map, slope: str = "product", answer: str = "logs", blocks: bool = True) -> Run:
    """jit(vmap(grad)), σ' the 'product' σ(z) σ(-z) or JAX's 'plain' one; sign and 'logs', or the 'gradient' alone.

    blocks : whether the points come in blocks that fit a cache, or in as large a piece as memory allows.
    """
    jax, jnp = _jax(usable_cores() if blocks else 1)
    flat = not blocks and map.depth < UNROLLED and (map.activation, slope) in FLAT
    cost = _cost(map, slope, flat)

    @jax.jit
    def found(w: Any, b: Any) -> Any:
        g = jax.vmap(jax.grad(cost))(b, w, b)
        return g if answer == "gradient" else (jnp.sign(g), jnp.log(jnp.abs(g)))

    return _in_blocks(map, found, max(LEAST, min(BLOCK, HELD // map.depth))) if blocks else _in_pieces(map, found)


def jax_forward(map: Map, slope: str = "product", answer: str = "logs") -> Run:
    """jit(vmap(jacfwd)), which keeps no layer: of one input it is the faster way, and fewer write it."""
    jax, jnp = _jax(usable_cores())
    cost = _cost(map, slope, flat=False)

    @jax.jit
    def found(w: Any, b: Any) -> Any:
        g = jax.vmap(jax.jacfwd(cost))(b, w, b)
        return g if answer == "gradient" else (jnp.sign(g), jnp.log(jnp.abs(g)))

    return _in_blocks(map, found, BLOCK)


def jax_closed(map: Map) -> Run:
    """The product as a scan, with one exp a layer and its exponent taken out every few: right at any depth."""
    jax, jnp = _jax(usable_cores())

    def layer(state: Any, parameters: Any) -> Any:
        (a, g), (w, b) = state, parameters
        e = jnp.exp(-(w * a + b))
        s = 1 / (1 + e)
        return s, g * (w * e * (s * s))

    def layers(count: int, state: Any, parameters: Any) -> Any:
        return jax.lax.scan(lambda now, _: (layer(now, parameters), None), state, None, length=count)[0]

    def chunk(state: Any, parameters: Any) -> Any:
        a, g, exponent = state
        a, g = layers(LONGEST_CHUNK, (a, g), parameters)
        g, power = jnp.frexp(g)
        return a, g, exponent + power

    @jax.jit
    def answer(w: Any, b: Any) -> Any:
        a, g = layers(map.depth % LONGEST_CHUNK, (jnp.full_like(w, X), 1 / w), (w, b))
        state = (a, g, jnp.zeros_like(w, dtype=jnp.int32))
        chunks = map.depth // LONGEST_CHUNK
        a, g, exponent = jax.lax.scan(lambda now, _: (chunk(now, (w, b)), None), state, None, length=chunks)[0]
        g = g * (a - Y)
        return jnp.sign(g), jnp.log(jnp.abs(g)) + exponent * np.log(2.0)

    return _in_blocks(map, answer, BLOCK)


def _jax(devices: int = 1) -> tuple[Any, Any]:
    """The first call decides how many devices the processor is: what one of them is given runs one after another."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ.setdefault("XLA_FLAGS", f"--xla_force_host_platform_device_count={devices}")
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax, jax.numpy


def _neuron(name: str, slope: str) -> Callable[[Any], Any]:
    jax, jnp = _jax()
    if name == "sigmoid" and slope == "product":

        @jax.custom_jvp
        def sigmoid(z: Any) -> Any:
            return 1 / (1 + jnp.exp(-z))

        sigmoid.defjvp(lambda at, along: (sigmoid(at[0]), sigmoid(at[0]) * sigmoid(-at[0]) * along[0]))
        found: Callable[[Any], Any] = sigmoid
        return found
    return {"sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "gelu": lambda z: jax.nn.gelu(z, approximate=False)}[name]


def _cost(map: Map, slope: str, flat: bool) -> Callable[[Any, Any, Any], Any]:
    """The cost as a function of the first bias, and of what ties the layers."""
    jax, _ = _jax()
    phi = _neuron(map.activation, slope)

    def cost(first: Any, w: Any, b: Any) -> Any:
        a = phi(w * X + first)
        if flat:
            for _ in range(map.depth - 1):
                a = phi(w * a + b)
        else:
            a = jax.lax.scan(lambda a, _: (phi(w * a + b), None), a, None, length=map.depth - 1)[0]
        return (a - Y) ** 2 / 2

    return cost


def _cut(map: Map, points: int) -> list[list[Any]]:
    """w and b of so many points at a time."""
    _, jnp = _jax()
    w, b = map.points
    return [[jnp.asarray(v[first : first + points]) for v in (w, b)] for first in range(0, w.size, points)]


def _joined(parts: Sequence[Any]) -> Any:
    """What every part gave, as one array of NumPy or as several."""
    if isinstance(parts[0], tuple):
        return tuple(_joined(part) for part in zip(*parts, strict=True))
    return np.asarray(parts[0]) if len(parts) == 1 else np.concatenate([np.asarray(part) for part in parts])


def _in_pieces(map: Map, answer: Callable[[Any, Any], Any]) -> Run:
    """One piece after another, JAX's own threads in each."""
    pieces = _cut(map, PIECE // map.depth)
    return lambda: _joined([answer(*piece) for piece in pieces])


def _in_blocks(map: Map, answer: Callable[[Any, Any], Any], points: int) -> Run:
    """A device a core, each with its blocks."""
    jax, _ = _jax()
    devices = itertools.cycle(jax.devices())
    blocks = [jax.device_put(block, device) for block, device in zip(_cut(map, points), devices, strict=False)]
    return lambda: _joined([answer(*block) for block in blocks])
