"""Random small graphs of the table's operators, each as its version of ONNX has it: axes, shapes and numbers at random."""

import numpy as np

from chainderiv.models.graph import Graph, Input, Node

OPSETS = (7, 8, 9, 10, 11, 12, 13, 15, 17, 18, 19, 20, 21, 22)


class Draw:
    """A chain of operators under way: its last tensor `t` of the shape `shape`."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.opset = int(self.rng.choice(OPSETS))
        self.shape = tuple(self.rng.integers(1, 5, self.rng.integers(0, 5)).tolist())
        self.nodes, self.constants, self.t = [], {}, "x"
        self.inputs = (Input("x", self.shape),)

    def pick(self, *several):
        return several[self.rng.integers(len(several))]

    def flip(self):
        return bool(self.rng.integers(2))

    def normal(self, *shape):
        return self.constant(np.asarray(self.rng.normal(size=shape)))

    def positive(self, *shape):
        return self.constant(np.asarray(0.3 + self.rng.gamma(2.0, 0.5, size=shape)))

    def ints(self, *numbers):
        return self.constant(np.array(numbers, np.int64))

    def constant(self, array):
        self.constants[f"c{len(self.constants)}"] = array
        return f"c{len(self.constants) - 1}"

    def add(self, operator, *inputs, outputs=1, **attributes):
        """The operator at work on t; of several outputs a random one goes on."""
        made = tuple(f"t{len(self.nodes)}_{k}" for k in range(outputs))
        self.nodes.append(Node(operator, inputs, made, attributes, f"{operator} {len(self.nodes)}"))
        self.t = made[self.rng.integers(len(made)) if operator == "Split" else 0]

    def axis(self, since=11, count=None):
        """One of the axes, from behind where the version allows it."""
        n = len(self.shape) if count is None else count
        k = int(self.rng.integers(n))
        return k - n if self.opset >= since and self.flip() else k

    def partner(self):
        """A constant that broadcasts with t, of any rank."""
        keep = self.shape[self.rng.integers(len(self.shape) + 1) :]
        shape = tuple(1 if self.rng.random() < 0.3 else n for n in keep)
        return (
            (2, *shape) if len(self.shape) < 4 and len(shape) == len(self.shape) and self.rng.random() < 0.2 else shape
        )

    def graph(self):
        return Graph(tuple(self.nodes), self.constants, self.inputs, (self.t,), opset=self.opset)


def smooth(d):
    names = [("Sigmoid", 7), ("Tanh", 7), ("Softplus", 7), ("Softsign", 7), ("Elu", 7), ("Selu", 7), ("LeakyRelu", 7)]
    names += [
        ("Relu", 7),
        ("ThresholdedRelu", 10),
        ("Abs", 7),
        ("Neg", 7),
        ("Sin", 7),
        ("Cos", 7),
        ("Atan", 7),
        ("HardSigmoid", 7),
    ]
    names += [("Erf", 9), ("Celu", 12), ("HardSwish", 14), ("Mish", 18), ("Gelu", 20), ("Identity", 7), ("Shrink", 9)]
    name = d.pick(*(n for n, since in names if since <= d.opset))
    attributes = {"alpha": 0.7} if name in ("Elu", "LeakyRelu", "Celu", "ThresholdedRelu") and d.flip() else {}
    if name == "Gelu" and d.flip():
        attributes["approximate"] = "tanh"
    d.add(name, d.t, **attributes)


def binary(d):
    name, other = d.pick("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean", "Pow"), d.partner()
    if name in ("Max", "Min", "Sum", "Mean") and d.opset < 8:
        other = d.shape
    if name == "Pow":
        d.add("Softplus", d.t)
    c = d.positive(*other) if name in ("Div", "Pow") else d.normal(*other)
    d.add(name, *((d.t, c) if d.flip() or name == "Pow" else (c, d.t)))
    if name == "Div":
        d.add("Tanh", d.t)


def where(d):
    if d.opset >= 9:
        shape = d.partner()
        d.add(
            "Where",
            d.constant(np.asarray(d.rng.random(shape) < 0.5)),
            *d.pick((d.t, d.normal()), (d.normal(*shape), d.t)),
        )


def transpose(d):
    d.add("Transpose", d.t, **({} if d.flip() or not d.shape else {"perm": d.rng.permutation(len(d.shape)).tolist()}))


def reshape(d):
    size = int(np.prod(d.shape))
    d.add("Reshape", d.t, d.ints(*d.pick((-1,), (1, -1), (size, 1), (0, -1) if d.shape else (-1,))))


def flatten(d):
    if d.shape:
        d.add("Flatten", d.t, axis=d.axis())


def squeeze(d):
    if len(d.shape) < 4:
        axes = [d.axis(count=len(d.shape) + 1)]
        d.add("Unsqueeze", d.t, **{"axes": axes}) if d.opset < 13 else d.add("Unsqueeze", d.t, d.ints(*axes))
    elif 1 in d.shape:
        axes = [d.shape.index(1)]
        d.add("Squeeze", d.t, **{"axes": axes}) if d.opset < 13 else d.add("Squeeze", d.t, d.ints(*axes))


def concat(d):
    if d.shape:
        axis = d.axis()
        other = list(d.shape)
        other[axis] = 2
        d.add("Concat", *d.pick((d.t, d.normal(*other)), (d.normal(*other), d.t, d.t)), axis=axis)


def split(d):
    axis = d.axis() if d.shape else 0
    if d.shape and d.shape[axis] > 1:
        parts = [1, d.shape[axis] - 1]
        if d.opset < 13:
            d.add("Split", d.t, outputs=2, axis=axis, split=parts)
        elif d.opset >= 18 and d.flip():
            d.add("Split", d.t, outputs=2, axis=axis, num_outputs=2)
        else:
            d.add("Split", d.t, d.ints(*parts), outputs=2, axis=axis)


def cut(d):
    if d.shape:
        axis = d.axis(since=10)
        start, end = d.pick((0, 1), (1, 2**40), (-2, 2**31 - 1), (0, -1), (-1, 3))
        if d.opset < 10:
            d.add("Slice", d.t, starts=[start], ends=[end], **({"axes": [axis]} if axis else {}))
        else:
            step, start, end = d.pick((1, start, end), (2, 0, 9), (-1, -1, -(2**40)), (-2, 3, 0))
            d.add("Slice", d.t, d.ints(start), d.ints(end), d.ints(axis), d.ints(step))


def gather(d):
    if d.shape:
        axis = d.axis()
        n = d.shape[axis]
        low = -n if d.opset >= 11 else 0
        shape = d.pick((), (2,), (2, 2)) if len(d.shape) < 4 else (2,)
        places = d.constant(d.rng.integers(low, n, shape))
        if d.opset >= 11 and d.flip():
            d.add("GatherElements", d.t, d.constant(d.rng.integers(low, n, d.shape)), axis=axis)
        else:
            d.add("Gather", d.t, places, axis=axis)


def scatter(d):
    if d.shape and d.opset >= 11:
        axis = d.axis()
        places = np.argsort(d.rng.random(d.shape), axis)
        how = {"reduction": "add"} if d.opset >= 16 and d.flip() else {}
        if how and d.flip():
            places[...] = places % max(1, d.shape[axis] - 1)
        d.add("ScatterElements", d.t, d.constant(places), d.normal(*d.shape), axis=axis, **how)


def expand(d):
    if d.flip():
        d.add("Tile", d.t, d.ints(*d.rng.integers(1, 3, len(d.shape)))) if d.shape else None
    elif d.opset >= 8:
        d.add(
            "Expand", d.t, d.ints(*d.pick(d.shape, (2, *d.shape) if len(d.shape) < 4 else d.shape, (1,) * len(d.shape)))
        )


def pad(d):
    n = len(d.shape)
    if n:
        mode, pads = d.pick("constant", "constant", "edge", "reflect"), d.rng.integers(0, 3, 2 * n)
        if mode == "reflect":
            pads = np.minimum(pads, np.array(d.shape * 2) - 1)
        if d.opset < 11:
            d.add("Pad", d.t, pads=pads.tolist(), mode=mode, value=0.5)
        elif d.opset >= 18 and d.flip():
            axis = d.axis()
            d.add("Pad", d.t, d.ints(*pads[[axis % n, axis % n + n]]), d.normal(), d.ints(axis), mode=mode)
        else:
            d.add("Pad", d.t, d.ints(*pads), *((d.normal(),) if d.flip() else ()), mode=mode)


def reduction(d):
    name = d.pick("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp", "LogSum")
    if name == "LogSum":
        d.add("Softplus", d.t)
    keep = {} if d.flip() else {"keepdims": int(d.flip())}
    as_input = d.opset >= (13 if name == "Sum" else 18)
    axes = None if not d.shape or d.rng.random() < 0.2 else sorted({d.axis() % len(d.shape) for _ in range(2)})
    if axes is not None and d.opset >= 11 and d.flip():
        axes = [k - len(d.shape) for k in axes]
    if as_input:
        d.add(f"Reduce{name}", d.t, *(() if axes is None else (d.ints(*axes),)), **keep)
    else:
        d.add(f"Reduce{name}", d.t, **keep, **({} if axes is None else {"axes": axes}))


def softmax(d):
    if d.shape:
        d.add(
            d.pick("Softmax", "LogSoftmax"),
            d.t,
            **({} if d.flip() and (d.opset >= 13 or len(d.shape) > 1) else {"axis": d.axis()}),
        )


def matmul(d):
    if d.shape:
        n = d.shape[-1]
        right = d.pick(
            (n, 2),
            (n,),
            (2, n, 3) if len(d.shape) < 3 else (n, 1),
            (*d.shape[:-2], n, 2) if len(d.shape) > 1 else (n, 3),
        )
        if d.flip() or len(d.shape) < 2:
            d.add("MatMul", d.t, d.normal(*right))
        else:
            m = d.shape[-2]
            d.add("MatMul", d.normal(*d.pick((2, m), (m,), (*d.shape[:-2], 3, m))), d.t)


def gemm(d):
    if len(d.shape) == 2:
        turned_a, turned_b = int(d.flip()), int(d.flip())
        rows, n = d.shape[::-1] if turned_a else d.shape
        c = d.normal(*d.pick((3,), (rows, 3), (1, 3), (rows, 1), ()))
        sizes = {"alpha": 0.5, "beta": -1.5} if d.flip() else {}
        d.add("Gemm", d.t, d.normal(*((3, n) if turned_b else (n, 3))), c, transA=turned_a, transB=turned_b, **sizes)


def _sides(d, kernel):
    """Padding, stated or automatic, and strides."""
    # onnxruntime refuses windows that are apart and padded automatically
    found = {"strides": [int(d.rng.integers(1, min(k, 2) + 1)) for k in kernel]} if d.flip() else {}
    if d.rng.random() < 0.3:
        return found | {"auto_pad": d.pick("SAME_UPPER", "SAME_LOWER", "VALID")}
    return found | ({} if d.flip() else {"pads": [int(d.rng.integers(0, k)) for k in kernel * 2]})


def _image(d):
    """t as an image of one or two dimensions, none shorter than 3."""
    if len(d.shape) not in (3, 4) or min(d.shape[2:]) < 3:
        channels, size = int(d.rng.integers(1, 3)) * 2, d.rng.integers(3, 6, d.rng.integers(1, 3)).tolist()
        count = int(np.prod(d.shape))
        d.add("Reshape", d.t, d.ints(1, count))
        d.add("MatMul", d.t, d.normal(count, channels * int(np.prod(size))))
        d.add("Reshape", d.t, d.ints(1, channels, *size))
        d.shape = (1, channels, *size)


def convolution(d):
    _image(d)
    kernel = d.rng.integers(1, 4, len(d.shape) - 2).tolist()
    sides, channels = _sides(d, kernel), d.shape[1]
    groups = d.pick(1, channels) if channels else 1
    if "auto_pad" not in sides and d.flip() and min(d.shape[2:]) > 4:
        sides["dilations"] = [2] * len(kernel)
        kernel = [min(k, 2) for k in kernel]
        sides.pop("pads", None)
    bias = (d.normal(2 * groups),) if d.flip() else ()
    if d.flip():
        d.add("Conv", d.t, d.normal(2 * groups, channels // groups, *kernel), *bias, group=groups, **sides)
    else:
        sides.pop("auto_pad", None)
        sides["pads"] = [0] * (2 * len(kernel)) if "dilations" in sides else sides.get("pads", [0] * (2 * len(kernel)))
        d.add("ConvTranspose", d.t, d.normal(channels, 2, *kernel), *bias, group=groups, **sides)


def pooling(d):
    _image(d)
    kernel = d.rng.integers(1, 4, len(d.shape) - 2).tolist()
    name = d.pick("MaxPool", "AveragePool", "LpPool", "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
    if name.startswith("Global"):
        return d.add(name, d.t)
    sides = _sides(d, kernel)
    if name == "AveragePool" and d.flip():
        sides["count_include_pad"] = 1
    if d.opset >= (18 if name == "LpPool" else 10) and "auto_pad" not in sides and d.flip():
        sides["ceil_mode"] = 1
    return d.add(name, d.t, kernel_shape=kernel, **sides)


def normalisation(d):
    _image(d)
    c, shape = d.shape[1], d.shape
    kinds = (
        ["Batch", "Instance", "Lp"]
        + ["LRN"] * (len(shape) == 4)
        + ["Layer"] * (d.opset >= 17)
        + ["Group"] * (d.opset >= 21)
    )
    kind = d.pick(*kinds)
    if kind == "Batch":
        d.add("BatchNormalization", d.t, d.normal(c), d.normal(c), d.normal(c), d.positive(c), epsilon=0.01)
    elif kind == "Instance":
        d.add("InstanceNormalization", d.t, d.normal(c), d.normal(c), epsilon=0.01)
    elif kind == "Group":
        d.add("GroupNormalization", d.t, d.normal(c), d.normal(c), epsilon=0.01, num_groups=d.pick(1, c))
    elif kind == "Lp":
        d.add("LpNormalization", d.t, axis=d.axis(since=1), p=d.pick(1, 2))
    elif kind == "LRN":
        d.add("LRN", d.t, size=d.pick(1, 3), alpha=0.2, bias=1.5)
    else:
        axis = d.axis()
        beta = (d.normal(*shape[axis % len(shape) :]),) if d.flip() else ()
        d.add("LayerNormalization", d.t, d.normal(*shape[axis % len(shape) :]), *beta, axis=axis, epsilon=0.01)


def resize(d):
    _image(d)
    scales = [1.0, 1.0, *(d.pick(0.6, 1.0, 1.5, 2.0) for _ in d.shape[2:])]
    mode = d.pick("nearest", "linear")
    if d.opset < 10:
        if d.opset >= 9:
            d.add("Upsample", d.t, d.constant(np.maximum(scales, 1.0)), mode=mode)
    elif d.opset == 10:
        d.add("Resize", d.t, d.constant(np.array(scales)), mode=mode)
    else:
        if len(d.shape) == 4 and d.flip():
            mode = "cubic"
        how = {
            "coordinate_transformation_mode": d.pick("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
        }
        if mode == "nearest":
            how["nearest_mode"] = d.pick("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")
        roi = "" if d.opset >= 13 else d.constant(np.zeros(0))
        d.add("Resize", d.t, roi, d.constant(np.array(scales)), mode=mode, **how)


def limits(d):
    low, high = sorted(d.rng.normal(size=2).tolist())
    if d.opset < 11:
        d.add("Clip", d.t, **d.pick({"min": low}, {"max": high}, {"min": low, "max": high}))
    else:
        low, high = (d.constant(np.array(v)) for v in (low, high))
        d.add("Clip", d.t, *d.pick((low,), ("", high), (low, high)))


def rows(d):
    """What sums and cuts along rows."""
    if d.shape and d.opset >= 11 and d.flip():
        d.add(
            "CumSum",
            d.t,
            d.constant(np.array(d.axis())),
            **d.pick({}, {"exclusive": 1}, {"reverse": 1}, {"exclusive": 1, "reverse": 1}),
        )
    elif len(d.shape) > 1 and d.opset >= 14:
        d.add("Trilu", d.t, d.constant(np.array(int(d.rng.integers(-1, 2)))), upper=int(d.flip()))
    elif d.shape and d.opset >= 10:
        d.add(
            "TopK",
            d.t,
            d.ints(1),
            outputs=2,
            axis=d.axis(since=10),
            **({"largest": int(d.flip())} if d.opset >= 11 else {}),
        )


def slopes(d):
    shape = d.partner()
    if len(shape) <= len(d.shape):
        d.add("PRelu", d.t, d.positive(*shape))


def dropout(d):
    d.add("Dropout", d.t, **({"ratio": 0.3} if d.opset < 12 else {}))


def einsum(d):
    n = len(d.shape)
    if d.opset >= 12 and n > 1:
        letters = "abcdefgh"[:n]
        k = int(d.rng.integers(n))
        rest = letters.replace(letters[k], "")
        right = d.pick(f"...{letters[-1]}", "") if k != n - 1 else ""
        if right:
            d.add("Einsum", d.t, d.normal(d.shape[-1], 2), equation=f"...{letters[-1]},{letters[-1]}z->...z")
        else:
            d.add(
                "Einsum",
                d.t,
                d.normal(d.shape[k], 2),
                equation=f"{letters},{letters[k]}z->{d.pick('z' + rest, rest[::-1] + 'z', 'z')}",
            )


KINDS = (smooth, binary, where, transpose, reshape, flatten, squeeze, concat, split, cut, gather, scatter, expand, pad)
KINDS += (
    reduction,
    softmax,
    matmul,
    gemm,
    convolution,
    pooling,
    normalisation,
    resize,
    limits,
    rows,
    slopes,
    dropout,
    einsum,
)


def random_graph(seed, shape_of, length=4):
    """A chain of so many kinds of operators. shape_of(graph, x) -> the shape of what it makes, by our own way forward."""
    d = Draw(seed)
    x = np.asarray(d.rng.normal(size=d.shape))
    for _ in range(length):
        KINDS[d.rng.integers(len(KINDS))](d)
        if d.nodes:
            d.shape = shape_of(d.graph(), x)
        if int(np.prod(d.shape)) > 2000 or len(d.shape) > 5 or 0 in d.shape:
            break
    if not d.nodes:
        d.add("Tanh", "x")
    return d.graph(), x
