"""JAX on all cores, in float64: reverse mode, forward mode, and the product written out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.maps import LONGEST_CHUNK, Array, Map, Run, X, Y

MOST_HELD = 2e7  # numbers that reverse mode keeps, points × layers: a gigabyte of them slows it
SCANNED = 100  # layers from which on an unrolled loop compiles for minutes


def jax_reverse(map: Map, slope: str = "product", answer: str = "logs") -> Run:
    """jit(vmap(grad)), σ' the 'product' σ(z) σ(-z) or JAX's 'plain' one; sign and 'logs', or the 'gradient' alone."""
    return _differentiated(map, "reverse", slope, answer)


def jax_forward(map: Map, slope: str = "product", answer: str = "logs") -> Run:
    """jit(vmap(jvp)), which keeps no layer: of one input it is the faster way, and fewer write it."""
    return _differentiated(map, "forward", slope, answer)


def jax_closed(map: Map) -> Run:
    """The product as a scan, with one exp a layer and its exponent taken out every few: right at any depth."""
    jax, jnp = _jax()

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

    return _over_points(map, answer, rows=1_000_000)


def _jax() -> tuple[Any, Any]:
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
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


def _differentiated(map: Map, mode: str, slope: str, answer: str) -> Run:
    jax, jnp = _jax()
    phi = _neuron(map.activation, slope)
    # measured: the faster of the two, of each
    unrolled = map.depth < SCANNED and mode == "reverse" and (slope == "plain" or map.activation == "tanh")

    def cost(first: Any, w: Any, b: Any) -> Any:
        a = phi(w * X + first)
        if unrolled:
            for _ in range(map.depth - 1):
                a = phi(w * a + b)
        else:
            a = jax.lax.scan(lambda a, _: (phi(w * a + b), None), a, None, length=map.depth - 1)[0]
        return (a - Y) ** 2 / 2

    @jax.jit
    def found(w: Any, b: Any) -> Any:
        g = jax.vmap((jax.grad if mode == "reverse" else jax.jacfwd)(cost))(b, w, b)
        return g if answer == "gradient" else (jnp.sign(g), jnp.log(jnp.abs(g)))

    rows = int(MOST_HELD / map.depth) if mode == "reverse" else 1_000_000
    return _over_points(map, found, rows)


def _over_points(map: Map, answer: Callable[[Any, Any], Any], rows: int) -> Run:
    """The answer over blocks of so many points at most, as arrays of NumPy."""
    _, jnp = _jax()
    w, b = map.points
    blocks = [[jnp.asarray(v[first : first + rows]) for v in (w, b)] for first in range(0, w.size, rows)]

    def joined(parts: Sequence[Any]) -> Array:
        arrays = [np.asarray(part) for part in parts]
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

    def run() -> Array | tuple[Array, ...]:
        parts = [answer(*block) for block in blocks]
        return (
            tuple(joined(part) for part in zip(*parts, strict=True)) if isinstance(parts[0], tuple) else joined(parts)
        )

    return run
