"""Lines to paste that draw W ~ N(0, σ_w²/fan_in) and b ~ N(0, σ_b²) in PyTorch, Keras and JAX."""

from __future__ import annotations

TORCH = """\
import torch

for layer in model.modules():
    if isinstance(layer, torch.nn.Linear):
        torch.nn.init.normal_(layer.weight, std={w!r} / layer.in_features**0.5)
        if layer.bias is not None:
            torch.nn.init.{bias}"""
# an initialiser of Keras draws the same numbers for every layer of a shape: each takes one of its own
KERAS = """\
import keras

def start():  # in each layer: kernel_initializer=start(), bias_initializer={bias}
    return keras.initializers.VarianceScaling(scale={w!r}**2, mode="fan_in", distribution="untruncated_normal")"""
JAX = """\
import jax

start = jax.nn.initializers.variance_scaling({w!r}**2, "fan_in", "normal")
# in each layer: W = start(key, (fan_in, fan_out)) and b = {bias}; in Flax kernel_init=start"""
PASTED = {"torch": TORCH, "keras": KERAS, "jax": JAX}
LIBRARIES = {"torch": "PyTorch", "keras": "Keras", "jax": "JAX"}
NO_BIASES = {"torch": "zeros_(layer.bias)", "keras": '"zeros"', "jax": "0"}
BIASES = {
    "torch": "normal_(layer.bias, std={b!r})",
    "keras": "keras.initializers.RandomNormal(stddev={b!r})",
    "jax": "{b!r} * jax.random.normal(another_key, (fan_out,))",
}


def pasted(target: str, sigma_w: float, sigma_b: float) -> str:
    """The lines for one of PASTED.

    >>> pasted("keras", 1.5, 0.2).splitlines()[2].partition("bias_")[2]
    'initializer=keras.initializers.RandomNormal(stddev=0.2)'
    """
    bias = BIASES[target].format(b=sigma_b) if sigma_b else NO_BIASES[target]
    return PASTED[target].format(w=sigma_w, bias=bias)
