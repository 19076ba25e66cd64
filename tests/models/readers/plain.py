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


def _pads(node, size, kernel, strides, dilations):
    """Before and behind each dimension of space."""
    if node.attributes.get("auto_pad") == "SAME_UPPER":
        totals = [
            max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
            for n, k, s, d in zip(size, kernel, strides, dilations, strict=True)
        ]
        return [(t // 2, t - t // 2) for t in totals]
    told = node.attributes.get("pads", [0] * 2 * len(size))
    return list(zip(told[: len(size)], told[len(size) :], strict=True))


def _windows(node, x, kernel, fill):
    """(batch, channels, *places, *kernel)."""
    space = range(2, x.ndim)
    strides = node.attributes.get("strides", [1] * len(space))
    dilations = node.attributes.get("dilations", [1] * len(space))
    pads = _pads(node, x.shape[2:], kernel, strides, dilations)
    x = np.pad(x, [(0, 0), (0, 0), *pads], constant_values=fill)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]
    seen = np.lib.stride_tricks.sliding_window_view(x, reach, tuple(space))
    step = [slice(None, None, s) for s in strides] + [slice(None, None, d) for d in dilations]
    return seen[(slice(None), slice(None), *step)]


def _conv(node, x, w, b=None):
    groups, inner = node.attributes.get("group", 1), tuple(range(-w.ndim + 2, 0))
    outs = []
    for part, kernels in zip(np.split(x, groups, 1), np.split(w, groups, 0), strict=True):
        seen = _windows(node, part, w.shape[2:], 0.0)
        outs.append(np.tensordot(seen, kernels, ([1, *(k % seen.ndim for k in inner)], list(range(1, w.ndim)))))
    out = np.moveaxis(np.concatenate(outs, -1), -1, 1)
    return out if b is None else out + b.reshape(-1, *[1] * (x.ndim - 2))


def _pool(node, x):
    kernel, last = node.attributes["kernel_shape"], tuple(range(x.ndim, 2 * x.ndim - 2))
    if node.operator == "MaxPool":
        return _windows(node, x, kernel, -np.inf).max(last)
    return _windows(node, x, kernel, 0.0).sum(last) / _windows(node, np.ones_like(x), kernel, 0.0).sum(last)


def _batch_norm(node, x, gamma, beta, mean, variance):
    gamma, beta, mean, variance = (p.reshape(-1, *[1] * (x.ndim - 2)) for p in (gamma, beta, mean, variance))
    return gamma * (x - mean) / np.sqrt(variance + node.attributes["epsilon"]) + beta


def _layer_norm(node, x, gamma, beta=0.0):
    axes = tuple(range(node.attributes["axis"] % x.ndim, x.ndim))
    centred = x - x.mean(axes, keepdims=True)
    return gamma * centred / np.sqrt((centred**2).mean(axes, keepdims=True) + node.attributes["epsilon"]) + beta


def _reshape(node, x, shape):
    return x.reshape([x.shape[k] if n == 0 else n for k, n in enumerate(shape)])


def _hard(node, z):
    return np.clip(node.attributes.get("alpha", 0.2) * z + node.attributes.get("beta", 0.5), 0, 1)


def _activation(node, z):
    return np.array([float(node.attributes["activation"].formula.subs(symbols.z, v)) for v in z.flat]).reshape(z.shape)


def _selu(node, z):
    return 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(z))


def _reduce(function):
    return lambda node, x, axes: function(x, axis=tuple(axes), keepdims=bool(node.attributes.get("keepdims", 1)))


OPERATORS = {
    "Gemm": _gemm,
    "MatMul": lambda node, a, b: a @ b,
    "Add": lambda node, a, b: a + b,
    "Sub": lambda node, a, b: a - b,
    "Mul": lambda node, a, b: a * b,
    "Div": lambda node, a, b: a / b,
    "Max": lambda node, *a: np.maximum(*a),
    "Exp": lambda node, z: np.exp(z),
    "Tanh": lambda node, z: np.tanh(z),
    "Relu": lambda node, z: np.maximum(z, 0),
    "PRelu": lambda node, z, slope: np.where(z < 0, slope * z, z),
    "Clip": lambda node, z, low=None, high=None: np.clip(z, low, high),
    "Sigmoid": lambda node, z: 1 / (1 + np.exp(-z)),
    "Swish": lambda node, z: z / (1 + np.exp(-node.attributes.get("alpha", 1.0) * z)),
    "Gelu": lambda node, z: z * (1 + erf(z / np.sqrt(2))) / 2,
    "Elu": lambda node, z: np.where(z > 0, z, node.attributes.get("alpha", 1.0) * np.expm1(z)),
    "Selu": _selu,
    "Softplus": lambda node, z: np.log1p(np.exp(z)),
    "Softsign": lambda node, z: z / (1 + np.abs(z)),
    "HardSigmoid": _hard,
    "HardSwish": lambda node, z: z * np.clip(z / 6 + 0.5, 0, 1),
    "LeakyRelu": lambda node, z: np.where(z < 0, node.attributes.get("alpha", 0.01) * z, z),
    "Activation": _activation,
    "Softmax": _softmax,
    "LogSoftmax": lambda node, z: np.log(_softmax(node, z)),
    "Identity": lambda node, z: z,
    "Flatten": lambda node, x: x.reshape(int(np.prod(x.shape[: node.attributes.get("axis", 1)])), -1),
    "Reshape": _reshape,
    "Transpose": lambda node, x: x.transpose(node.attributes["perm"]),
    "Concat": lambda node, *x: np.concatenate(x, node.attributes["axis"]),
    "Conv": _conv,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "ReduceMean": _reduce(np.mean),
    "ReduceMax": _reduce(np.max),
    "Pad": lambda node, x, pads: np.pad(x, list(zip(pads[: x.ndim], pads[x.ndim :], strict=True))),
    "Gather": lambda node, table, at: np.take(table, at, node.attributes.get("axis", 0)),
    "Cast": lambda node, x: x.astype({1: float, 7: int, 11: float}[node.attributes["to"]]),
}


def run(graph, *inputs):
    """The first output of the graph at these inputs."""
    values = {**graph.constants, **{given.name: x for given, x in zip(graph.inputs, inputs, strict=True)}}
    for node in graph.nodes:
        values[node.outputs[0]] = OPERATORS[node.operator](
            node, *(values[name] if name else None for name in node.inputs)
        )
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
