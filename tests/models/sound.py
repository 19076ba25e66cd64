"""Networks that nothing is wrong with, drawn by a number, and faults that are planted in them."""

import itertools

import numpy as np

import chainderiv as cd

from .networks import Builder

STARTS = {
    "He, relu": ("relu", lambda n, m: (2 / m) ** 0.5),
    "Xavier, tanh": ("tanh", lambda n, m: (2 / (n + m)) ** 0.5),
    "LeCun, tanh": ("tanh", lambda n, m: m**-0.5),
    "LeCun, selu": ("selu", lambda n, m: m**-0.5),
    "orthogonal, relu": ("relu", 2**0.5),
    "orthogonal, tanh": ("tanh", 1.0),
    "orthogonal, selu": ("selu", 0.690486073634),  # what cd.gains("selu") finds
}
NARROWEST, WIDEST, SHALLOWEST, DEEPEST = 16, 256, 3, 60


def orthogonal(rng, n, m, gain):
    """(n, m), rows or columns orthonormal, times the gain."""
    q, r = np.linalg.qr(rng.normal(size=(max(n, m), min(n, m))))
    q = q * np.sign(np.diag(r))
    return gain * (q if n >= m else q.T)


def drawn(rng, n, m, start):
    return orthogonal(rng, n, m, start) if isinstance(start, float) else rng.normal(size=(n, m)) * start(n, m)


def arrays(rng, sizes, start):
    """W1, b1, W2, … of layers of these sizes, biases 0."""
    layers = [(drawn(rng, n, m, start), np.zeros(n)) for m, n in itertools.pairwise(sizes)]
    return {f"{kind}{k}": array for k, pair in enumerate(layers, 1) for kind, array in zip("Wb", pair, strict=True)}


def sound(number):
    """(name, activation, arrays, sizes) of the network of that number: every start, width and depth comes."""
    rng = np.random.default_rng([17, number])
    name = list(STARTS)[number % len(STARTS)]
    activation, start = STARTS[name]
    depth = int(rng.integers(SHALLOWEST, DEEPEST + 1))
    ends = np.exp(rng.uniform(np.log(NARROWEST), np.log(WIDEST), size=2))
    # an orthogonal (n, m) with n > m shortens what comes back by √(m/n): it is critical at a single width alone
    if isinstance(start, float) or rng.random() < 0.7:
        ends[1] = ends[0]
    widths = np.geomspace(*ends, depth - 1).round().astype(int)
    sizes = [int(rng.integers(2, 785)), *widths.tolist(), int(rng.integers(1, 101))]
    return name, activation, arrays(rng, sizes, start), sizes


def diagnosed(number):
    """What is said of it."""
    _, activation, made, _ = sound(number)
    return cd.diagnose(made, activation=activation, output="identity", rng=number)


LARGEST = 3.2  # rms z, above which a bias of -8 is fewer than 2.5 deviations: lengths of ReLUs wander with depth
ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "selu": lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(np.minimum(z, 0))),
}
PLANTS = ("times 100", "over 100", "bias -8")


def planted(number):
    """(what, the layer, activation, arrays): a sound network, at most 20 deep, with a fault in one layer."""
    rng = np.random.default_rng([18, number])
    name = list(STARTS)[number % len(STARTS)]
    activation, start = STARTS[name]
    depth = int(rng.integers(4, 21))
    sizes = [int(rng.integers(16, 100)), *[int(rng.integers(NARROWEST, 129))] * (depth - 1), int(rng.integers(10, 101))]
    made = arrays(rng, sizes, start)
    what = PLANTS[number // len(STARTS) % len(PLANTS)]
    layer = int(rng.integers(1, depth + (what != "bias -8")))  # the last layer's slope is 1 whatever its bias
    if what == "bias -8":
        size = rms(made, layer, ACTIVATIONS[activation])
        if size > LARGEST:
            return planted(number + 1000 * len(STARTS) * len(PLANTS))
        made[f"b{layer}"] -= 8
    else:
        made[f"W{layer}"] *= 100 if what == "times 100" else 0.01
    return what, layer, activation, made


def rms(made, layer, phi):
    """√mean z² of a layer, for standard normal inputs."""
    a = np.random.default_rng(0).normal(size=(64, made["W1"].shape[1]))
    for k in range(1, layer + 1):
        z = a @ made[f"W{k}"].T
        a = phi(z)
    return float(np.sqrt(np.mean(z**2)))


KINDS = ("residual", "layer normalisation", "batch normalisation")


def block(b, t, kind, width, gain):
    """One more layer, or a residual block of two."""
    if kind == "residual":
        inner = b.add("Relu", b.add("MatMul", t, b.weight(width, width, gain=2**0.5)))
        return b.add("Add", t, b.add("MatMul", inner, b.weight(width, width, gain=gain)))
    z = b.add("MatMul", t, b.weight(width, width, gain=2**0.5))
    ones, zeros = b.constant(np.ones(width)), b.constant(np.zeros(width))
    if kind == "layer normalisation":
        return b.add("Relu", b.add("LayerNormalization", z, ones, zeros, axis=-1))
    return b.add("Relu", b.add("BatchNormalization", z, ones, zeros, zeros, ones))


def normalised(kind, number):
    """(graph, depth) of a sound network of a kind: He's start, branches divided by the root of their number."""
    rng = np.random.default_rng([19, number])
    depth = int(rng.integers(SHALLOWEST, DEEPEST + 1))
    width = int(np.exp(rng.uniform(np.log(NARROWEST), np.log(WIDEST))).round())
    inputs, outputs = int(rng.integers(2, 785)), int(rng.integers(1, 101))
    blocks = max(1, (depth - 2) // 2 if kind == "residual" else depth - 2)
    b = Builder((64, inputs), seed=[20, number])
    t = b.add("Relu", b.add("MatMul", "x", b.weight(inputs, width, gain=2**0.5)))
    for _ in range(blocks):
        t = block(b, t, kind, width, (2 / blocks) ** 0.5)
    return b.graph(b.add("MatMul", t, b.weight(width, outputs))), depth
