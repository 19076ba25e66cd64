"""ROWS: the neurons of the catalogue, in their order. A new one is a Row in the file of its kind, and a place here."""

from __future__ import annotations

import re

from chainderiv.errors import bare
from chainderiv.functions.neurons import gated, rectified, sigmoids
from chainderiv.functions.neurons.row import Row

ROWS: dict[str, Row] = {
    row.name: row
    for row in (
        *(sigmoids.SIGMOID, sigmoids.TANH, rectified.RELU, rectified.LEAKY_RELU, rectified.ELU, rectified.SELU),
        *(sigmoids.SOFTPLUS, sigmoids.SOFTSIGN, gated.GELU, gated.SILU, gated.MISH, sigmoids.ARCTAN, sigmoids.IDENTITY),
        *(rectified.PRELU, rectified.CELU, rectified.RELU6, rectified.RELU2, rectified.HARDTANH, rectified.HARDSIGMOID),
        *(rectified.HARDSWISH, rectified.SOFTSHRINK, sigmoids.TANHSHRINK, sigmoids.LOGSIGMOID, sigmoids.SQUAREPLUS),
        *(gated.QUICK_GELU, gated.GELU_TANH, sigmoids.SNAKE),
    )
}
# np.exp, torch.sigmoid, F.relu, torch.nn.GELU: whose function it is does not matter
HOMES = r"(?:(?:np|numpy|jnp|jax|math|torch|nn|functional|F|tf|keras|activations|scipy|special|sp|sympy)\.)*"
_CALLED = re.compile(rf"{HOMES}(.*?)(?:\(\))?", re.DOTALL)
_BY_SPELLING = {bare(name): row.name for row in ROWS.values() for name in (row.name, *row.aliases)}


def canonical(name: str) -> str | None:
    """The catalogue's name for a neuron as people call it, else None.

    >>> canonical("Leaky ReLU"), canonical("swish"), canonical("torch.nn.GELU"), canonical("swash")
    ('leaky_relu', 'silu', 'gelu', None)
    """
    called = _CALLED.fullmatch(name)
    return None if called is None else _BY_SPELLING.get(bare(called[1]))
