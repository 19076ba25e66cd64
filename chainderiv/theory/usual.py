"""Where the usual initialisations lie, as standard deviations σ_w (of a weight times √fan_in) and σ_b."""

from __future__ import annotations

import math

from chainderiv.functions.activation import Activation

FAN_IN = 100  # at which PyTorch's biases, which shrink with it, are told
USUAL = {
    "LeCun, Xavier": (1.0, 0.0),  # Xavier's where layers are of one width
    "He": (math.sqrt(2), 0.0),
    "Nielsen": (1.0, 1.0),
    # nn.Linear: weights and biases uniform within ±1/√fan_in
    "PyTorch's default": (1 / math.sqrt(3), 1 / math.sqrt(3 * FAN_IN)),
}
GAINS = {"tanh": 5 / 3, "selu": 3 / 4}  # torch.nn.init.calculate_gain; its other gains are 1 and He's


def usual(activation: Activation) -> dict[str, tuple[float, float]]:
    """name -> (σ_w, σ_b) of what such layers are usually started from.

    >>> from chainderiv.functions.lookup import neuron
    >>> list(usual(neuron("selu")))[-1], usual(neuron("tanh"))["He"]
    ("PyTorch's gain", (1.4142135623730951, 0.0))
    """
    gain = GAINS.get(activation.name)
    return USUAL if gain is None else USUAL | {"PyTorch's gain": (gain, 0.0)}
