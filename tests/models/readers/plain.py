"""A forward pass in a few lines, to see what a reader's graph computes: independent of the package's own."""

import itertools

import numpy as np
from scipy.special import erf

from chainderiv import symbols


def _gemm(node, a, w, b=0.0):
    a = a.T if node.attributes.get("transA") else a
    w = w.T if node.attributes.get("transB") else w
    return node.attributes.get("alpha", 1.0) * (a @ w) + node.attributes.get("beta", 1.0) * b


def _softmax(node, z):
    e = np.exp(z - z.max(axis=node.attributes.get("axis", -1), keepdims=True))
    return e / e.sum(axis=node.attributes.get("axis", -1), keepdims=True)


OPERATORS = {
    "Gemm": _gemm,
    "MatMul": lambda node, a, b: a @ b,
    "Add": lambda node, a, b: a + b,
    "Mul": lambda node, a, b: a * b,
    "Tanh": lambda node, z: np.tanh(z),
    "Relu": lambda node, z: np.maximum(z, 0),
    "Sigmoid": lambda node, z: 1 / (1 + np.exp(-z)),
    "Swish": lambda node, z: z / (1 + np.exp(-node.attributes.get("alpha", 1.0) * z)),
    "Gelu": lambda node, z: z * (1 + erf(z / np.sqrt(2))) / 2,
    "LeakyRelu": lambda node, z: np.where(z < 0, node.attributes.get("alpha", 0.01) * z, z),
    "Activation": lambda node, z: np.array([float(node.attributes["activation"].formula.subs(symbols.z, v)) for v in z.flat]).reshape(z.shape),
    "Softmax": _softmax,
    "Identity": lambda node, z: z,
    "Flatten": lambda node, x: x.reshape(int(np.prod(x.shape[: node.attributes.get("axis", 1)])), -1),
}  # fmt: skip


def run(graph, *inputs):
    """The first output of the graph at these inputs."""
    values = {**graph.constants, **{given.name: x for given, x in zip(graph.inputs, inputs, strict=True)}}
    for node in graph.nodes:
        (out,) = node.outputs
        values[out] = OPERATORS[node.operator](node, *(values[name] for name in node.inputs))
    return values[graph.outputs[0]]


def stack(rng, sizes, biased=True):
    """Weights (out, in) and biases of random layers."""
    pairs = list(itertools.pairwise(sizes))
    return [(rng.normal(size=(n, m)), rng.normal(size=n) if biased else None) for m, n in pairs]


def forward(layers, x, hidden, last=lambda z: z):
    """What such layers compute."""
    for place, (w, b) in enumerate(layers):
        z = x @ w.T + (0 if b is None else b)
        x = last(z) if place == len(layers) - 1 else hidden(z)
    return x
