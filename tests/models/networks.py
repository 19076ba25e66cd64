"""Networks as graphs, as the tests of passes and stages want them: each with inputs, weights drawn by a seed."""

import numpy as np

from chainderiv.models.graph import Graph, Input, Node


class Builder:
    """Nodes one behind the other; each call adds one and gives the name of what it makes."""

    def __init__(self, shape, seed=0, scale=1.0):
        self.rng, self.scale = np.random.default_rng(seed), scale
        self.nodes, self.constants = [], {}
        self.inputs = (Input("x", shape),)

    def weight(self, *shape, gain=1.0):
        """A constant drawn with a standard deviation of gain/√fan-in."""
        name = f"w{len(self.constants)}"
        fan_in = np.prod(shape[1:]) if len(shape) > 2 else shape[0]
        self.constants[name] = self.rng.normal(size=shape) * gain * self.scale / np.sqrt(fan_in)
        return name

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(value)
        return name

    def add(self, operator, *inputs, name="", **attributes):
        made = f"t{len(self.nodes)}"
        self.nodes.append(Node(operator, inputs, (made,), attributes, name))
        return made

    def graph(self, output):
        return Graph(tuple(self.nodes), self.constants, self.inputs, (output,))


def sigmoids(depth, width=3, seed=5, gain=1.0):
    """Matrix and sigmoid, again and again."""
    b, t = Builder((1, width), seed), "x"
    for layer in range(depth):
        t = b.add("Sigmoid", b.add("MatMul", t, b.weight(width, width, gain=gain), name=f"layer {layer + 1}"))
    return b.graph(t)


def convolutional():
    """Convolution, normalisation, ReLU, pooling, a residual block, and a linear layer behind a mean over the image."""
    b = Builder((None, 3, 8, 8))
    t = b.add("Conv", "x", b.weight(6, 3, 3, 3), b.weight(6), pads=[1, 1, 1, 1], name="conv1")
    t = b.add("Relu", _batch(b, t, 6))
    t = b.add("MaxPool", t, kernel_shape=[2, 2], strides=[2, 2])
    u = b.add("Relu", _batch(b, b.add("Conv", t, b.weight(6, 6, 3, 3), pads=[1, 1, 1, 1], name="conv2"), 6))
    t = b.add("Add", b.add("Conv", u, b.weight(6, 6, 3, 3), pads=[1, 1, 1, 1], name="conv3"), t)
    t = b.add("Flatten", b.add("GlobalAveragePool", b.add("Relu", t)))
    return b.graph(b.add("Gemm", t, b.weight(6, 4), b.weight(4), name="fc"))


def _batch(b, t, channels):
    mean, var = b.weight(channels), b.constant(1 + b.rng.random(channels))
    return b.add(
        "BatchNormalization", t, b.constant(1 + 0.1 * b.rng.normal(size=channels)), b.weight(channels), mean, var
    )


def normalised(b, t, width):
    """LayerNormalization in nine operators, as files of old have it."""
    apart = b.add("Sub", t, b.add("ReduceMean", t, axes=[-1]))
    var = b.add("ReduceMean", b.add("Pow", apart, b.constant(2.0)), axes=[-1])
    unit = b.add("Div", apart, b.add("Sqrt", b.add("Add", var, b.constant(1e-5))))
    return b.add("Add", b.add("Mul", unit, b.constant(1 + 0.1 * b.rng.normal(size=width))), b.weight(width))


def gelu(b, t):
    """GELU in five operators."""
    inner = b.add("Add", b.add("Erf", b.add("Div", t, b.constant(np.sqrt(2.0)))), b.constant(1.0))
    return b.add("Mul", b.add("Mul", t, inner), b.constant(0.5))


def transformer(words=5, width=8, heads=2, blocks=2):
    """Blocks of attention and of two layers, each behind a normalisation and beside a skip; shapes are computed."""
    b = Builder((None, words, width), seed=3)
    t = "x"
    for k in range(blocks):
        t = b.add("Add", _attention(b, normalised(b, t, width), width, heads, f"block {k + 1}/attention"), t)
        inner = gelu(b, b.add("MatMul", normalised(b, t, width), b.weight(width, 4 * width), name=f"block {k + 1}/up"))
        t = b.add("Add", t, b.add("MatMul", inner, b.weight(4 * width, width), name=f"block {k + 1}/down"))
    return b.graph(normalised(b, t, width))


def _attention(b, t, width, heads, name):
    batch = b.add("Slice", b.add("Shape", t), b.constant([0]), b.constant([1]))
    apart = b.add("Concat", batch, b.constant([-1, heads, width // heads]), axis=0)
    whole = b.add("Concat", batch, b.constant([-1, width]), axis=0)
    q, k, v = (
        b.add("Transpose", b.add("Reshape", b.add("MatMul", t, b.weight(width, width)), apart), perm=order)
        for order in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3])
    )
    scores = b.add("Div", b.add("MatMul", q, k), b.constant(np.sqrt(width / heads)))
    seen = b.add("Transpose", b.add("MatMul", b.add("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
    return b.add("MatMul", b.add("Reshape", seen, whole), b.weight(width, width), name=name)
