"""One neuron of each kind: what compiles, trains or runs a program of a neuron is tried on these, what is cheap on all."""

KINDS = (
    "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "softplus", "softsign", "gelu", "silu", "mish", "arctan",
    "identity",
)  # fmt: skip
