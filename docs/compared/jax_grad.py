"""jax.grad of a chain of sigmoids, in float64, beside the same gradient here."""

import jax

import chainderiv as cd

jax.config.update("jax_enable_x64", True)


def cost(b1, depth):
    """w = 0.9, the other biases 0.1, x = 0.5, y = 0."""
    a = jax.nn.sigmoid(0.9 * 0.5 + b1)
    for _ in range(depth - 1):
        a = jax.nn.sigmoid(0.9 * a + 0.1)
    return a**2 / 2


for depth in (24, 400, 600):
    theirs = float(jax.grad(cost)(0.1, depth))
    here = cd.evaluate(cd.Chain(depth=depth), 0.9, 0.1).log10
    print(f"depth {depth:3}: jax.grad {theirs:.12g}, chainderiv 10^{here:.6f}")
