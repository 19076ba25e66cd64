"""Watching parameters of JAX and Flax: trees as they come out of jit, against NumPy in float64."""

import math

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.models.watching.norms import _of_jax, ln_norms

jax = pytest.importorskip("jax", reason="jax is not installed; trees of NumPy are watched without it")
jnp = jax.numpy


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_what_is_reduced_on_the_device_is_what_numpy_finds(dtype):
    low = 2.0**-14 if dtype == "float16" else 2.0**-126
    high = 2.0**13 if dtype == "float16" else 2.0**122
    tensors = [jnp.asarray(np.linspace(1, 2, 50) * size, dtype) for size in (low, 1e-3, high)]
    want = [
        math.log(np.linalg.norm(np.asarray(t, float) / s)) + math.log(s)
        for t, s in zip(tensors, (low, 1e-3, high), strict=True)
    ]
    assert ln_norms(tensors) == pytest.approx(want, rel=1e-12)
    assert _of_jax(tensors) == pytest.approx(want, rel=1e-6, abs=1e-6)


def test_zeros_infinities_and_nan_are_told_on_the_device():
    zero, infinite, broken = _of_jax([jnp.zeros(3), jnp.array([1.0, jnp.inf]), jnp.array([jnp.nan, 1.0])])
    assert (zero, infinite) == (-math.inf, math.inf)
    assert math.isnan(broken)


def test_a_tree_out_of_jit_has_its_layers_in_the_order_of_their_numbers():
    params = jax.jit(lambda: {f"Dense_{k}": {"kernel": jnp.eye(20) / 4, "bias": jnp.zeros(20)} for k in range(12)})()
    assert list(params)[2] == "Dense_10"

    def cost(params, x):
        for k in range(12):
            x = jax.nn.sigmoid(x @ params[f"Dense_{k}"]["kernel"] + params[f"Dense_{k}"]["bias"])
        return jnp.mean(x**2)

    grads = jax.jit(jax.grad(cost))(params, jnp.ones((4, 20)))
    record = cd.watch(params).tick(grads, params)
    assert [layer.name for layer in record.layers] == [f"Dense_{k}" for k in range(12)]
    assert record.verdict == "vanishing"
    kernel = np.asarray(grads["Dense_0"]["kernel"], float)
    assert record.layers[0].log10_norm_weight_gradient == pytest.approx(math.log10(np.linalg.norm(kernel)), rel=1e-12)


def test_modules_of_flax_are_watched_by_their_state_or_whole():
    nnx = pytest.importorskip("flax.nnx", reason="flax is not installed; its trees are JAX's")
    model = nnx.Sequential(nnx.Linear(6, 5, rngs=nnx.Rngs(0)), jax.nn.relu, nnx.Linear(5, 2, rngs=nnx.Rngs(1)))
    grads = nnx.grad(lambda m, x: jnp.mean(m(x) ** 2))(model, jnp.ones((3, 6)))
    for given in (nnx.state(model, nnx.Param), model):
        record = cd.watch(given).tick(grads)
        assert [layer.neurons for layer in record.layers] == [5, 2]
        assert record.verdict == "healthy"
