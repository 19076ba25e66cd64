"""Lines to paste that draw W ~ N(0, σ_w²/fan_in) and b = 0 in PyTorch, Keras and JAX."""

from __future__ import annotations

TORCH = """\
import torch

for layer in model.modules():
    if isinstance(layer, torch.nn.Linear):
        torch.nn.init.normal_(layer.weight, std={w!r} / layer.in_features**0.5)
        if layer.bias is not None:
            torch.nn.init.zeros_(layer.bias)"""
# an initialiser of Keras draws the same numbers for every layer of a shape: each takes one of its own. What Keras and
# JAX call truncated_normal has the same variance; the untruncated one is what the theory speaks of
KERAS = """\
import keras

def start():  # in each layer: kernel_initializer=start(), bias_initializer="zeros"
    return keras.initializers.VarianceScaling(scale={w!r}**2, mode="fan_in", distribution="untruncated_normal")"""
JAX = """\
import jax

start = jax.nn.initializers.variance_scaling({w!r}**2, "fan_in", "normal")
# in each layer: W = start(key, (fan_in, fan_out)) and b = 0; in Flax kernel_init=start"""
PASTED = {"torch": TORCH, "keras": KERAS, "jax": JAX}
