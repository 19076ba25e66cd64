"""neural_tangents: the kernel of fifty wide layers of erf, beside mean_field's fixed point."""

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)
from neural_tangents import stax  # noqa: E402, the type of floats is decided before

import chainderiv as cd  # noqa: E402

hidden = [stax.Dense(1, W_std=1.5, b_std=0.2), stax.Erf()] * 50
_, _, kernel = stax.serial(*hidden, stax.Dense(1, W_std=1.5, b_std=0.2))
q = float(kernel(np.ones((1, 100)), None, "nngp")[0, 0])
here = cd.mean_field(cd.Activation.from_formula("erf", "erf(z)"), sigma_w=1.5, sigma_b=0.2)
print(f"variance of z after fifty layers, neural_tangents: {q:.12f}")
print(f"q*, chainderiv:                                    {here.q_star:.12f}, error below 1e-12: {here.error < 1e-12}")
print(f"phase: {here.phase}, χ₁ = {here.chi_1:.6f}, depth scales ξ_q = {here.xi_q:.2f}, ξ_c = {here.xi_c:.2f}")
