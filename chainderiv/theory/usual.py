"""Where the usual initialisations lie, as standard deviations σ_w (of a weight times √fan_in) and σ_b."""

from __future__ import annotations

import math

from chainderiv.functions.activation import Activation
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.symbols import z
from chainderiv.theory.curve import homogeneous

FAN_IN = 100  # at which PyTorch's biases, which shrink with it, are told
HE = math.sqrt(2)
GAINS = {"sigmoid": 1.0, "tanh": 5 / 3, "selu": 3 / 4}  # torch.nn.init.calculate_gain, but for lines


def usual(activation: Activation, fan_in: int = FAN_IN) -> dict[str, tuple[float, float]]:
    """name -> (σ_w, σ_b) of what such layers are usually started from.

    >>> from chainderiv.functions.lookup import neuron
    >>> list(usual(neuron("selu")))[-1], usual(neuron("tanh"))["He"]
    ("PyTorch's gain", (1.4142135623730951, 0.0))
    """
    known = {
        "LeCun, Xavier": (1.0, 0.0),  # Xavier's where layers are of one width
        "He": (HE, 0.0),
        "Nielsen": (1.0, 1.0),
        # nn.Linear: weights and biases uniform within ±1/√fan_in
        "PyTorch's default": (1 / math.sqrt(3), 1 / math.sqrt(3 * fan_in)),
    }
    gain = torch_gain(activation)
    return known if gain in (None, 1.0, HE) else known | {"PyTorch's gain": (float(gain), 0.0)}


def torch_gain(activation: Activation) -> float | None:
    """What torch.nn.init.calculate_gain publishes for this formula, whatever its name; None where it has none.

    >>> from chainderiv.functions.lookup import neuron
    >>> [torch_gain(neuron(name)) for name in ("tanh", "selu", "identity", "gelu")]
    [1.6666666666666667, 0.75, 1.0, None]
    """
    if homogeneous(activation):
        left, right = (float(activation.derivative.subs(z, side)) for side in (-1, 1))
        # leaky_relu, and at its ends relu and linear
        return math.sqrt(2 / (1 + left**2)) if right == 1 and 0 <= left <= 1 else None
    return next((gain for name, gain in GAINS.items() if ACTIVATIONS[name].formula == activation.formula), None)
