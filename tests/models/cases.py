"""Every operator at work: one table for the finite differences here and for torch and onnxruntime elsewhere."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainderiv.models.graph import Graph, Input, Node
from chainderiv.models.passes import backward, forward


@dataclass(frozen=True)
class Case:
    """inputs : arrays, None where one is left out; floats among them are differentiated but for the numbers in fixed."""

    operator: str
    inputs: tuple
    attributes: dict[str, Any] = field(default_factory=dict)
    opset: int = 18
    results: int = 1
    fixed: tuple[int, ...] = ()
    training: bool = False

    @property
    def names(self):
        return tuple("" if x is None else f"x{k}" for k, x in enumerate(self.inputs))

    @property
    def moving(self):
        return [k for k, x in enumerate(self.inputs) if x is not None and x.dtype.kind == "f" and k not in self.fixed]

    def graph(self):
        inputs = tuple(Input(f"x{k}", x.shape) for k, x in enumerate(self.inputs) if x is not None)
        outputs = tuple(f"y{k}" for k in range(self.results))
        node = Node(self.operator, self.names, outputs, self.attributes)
        return Graph((node,), {}, inputs, outputs, opset=self.opset)

    def passed(self, inputs=None):
        given = {f"x{k}": x for k, x in enumerate(inputs or self.inputs) if x is not None}
        return forward(self.graph(), given, self.training)

    def outputs(self, inputs=None):
        passed = self.passed(inputs)
        return [passed.value(f"y{k}") for k in range(self.results)]

    def cotangents(self):
        rng = np.random.default_rng(7)
        return [rng.normal(size=y.shape) for y in self.outputs()]

    def gradients(self):
        """Input -> gradient, of the random cotangents."""
        passed = self.passed()
        given = {f"y{k}": c for k, c in enumerate(self.cotangents()) if passed.values[f"y{k}"].dtype.kind == "f"}
        found = backward(passed, given)
        return {k: found[f"x{k}"].to_float() for k in self.moving}


def draw(*shape, seed=0, low=None):
    """Normal numbers, none within 1/20 of 0, where neurons have kinks; or numbers from low on."""
    rng = np.random.default_rng([seed, *shape])
    if low is not None:
        return low + rng.gamma(2.0, 0.5, size=shape)
    normal = rng.normal(size=shape)
    return normal + np.copysign(0.05, normal)


def apart(*shape):
    """Numbers none of which lies within 1/20 of another: so far has the largest to move to be another."""
    return 0.05 * (np.random.default_rng(shape).permutation(int(np.prod(shape))).reshape(shape) - np.prod(shape) / 2)


def places(lengths, *shape, beyond=0, corners=False):
    """Of a grid over an image: places of it and so far beyond its ends, none near the middle or the end of a pixel."""
    rng, found = np.random.default_rng(shape), []
    for n in reversed(lengths):
        p = rng.integers(-beyond, n - 1 + beyond, shape) + rng.uniform(0.1, 0.4, shape)
        found.append(2 * p / (n - 1) - 1 if corners else (2 * p + 1) / n - 1)
    return np.stack(found, axis=-1)


x23 = draw(2, 3)
image = draw(2, 4, 6, 5)


def ints(*numbers):
    return np.array(numbers, np.int64)


CASES = {
    "add": Case("Add", (x23, draw(3))),
    "add column": Case("Add", (draw(2, 1), draw(3, seed=2))),
    "sub": Case("Sub", (draw(1, 3), draw(2, 1))),
    "mul": Case("Mul", (draw(4, 1, 3), draw(2, 3))),
    "div": Case("Div", (x23, draw(3, low=0.5))),
    "sum of three": Case("Sum", (x23, draw(3), draw(2, 1))),
    "mean of two": Case("Mean", (x23, draw(3))),
    "pow 2": Case("Pow", (x23, np.array(2.0)), fixed=(1,)),
    "pow 3": Case("Pow", (x23, ints(3))),
    "pow of both": Case("Pow", (draw(2, 3, low=0.3), draw(3))),
    "max": Case("Max", (x23, 0.8 * draw(2, 3, seed=5), np.array([[0.3], [-0.2]]))),
    "min": Case("Min", (x23, 0.8 * draw(2, 3, seed=6))),
    "where": Case("Where", (x23 > 0, draw(2, 3, seed=3), draw(3))),
    "prelu": Case("PRelu", (draw(2, 3, 4), draw(3, 1, low=0.1))),
    "clip": Case("Clip", (draw(3, 4), np.array(-0.5), np.array(0.7)), fixed=(1, 2)),
    "clip below": Case("Clip", (draw(3, 4), np.array(-0.5)), fixed=(1,)),
    "clip above": Case("Clip", (draw(3, 4), None, np.array(0.5)), fixed=(2,)),
    "clip by attributes": Case("Clip", (draw(3, 4),), {"min": -0.25, "max": 0.75}, opset=6),
    "neg": Case("Neg", (x23,)),
    "abs": Case("Abs", (x23,)),
    "sqrt": Case("Sqrt", (draw(2, 3, low=0.2),)),
    "log": Case("Log", (draw(2, 3, low=0.2),)),
    "reciprocal": Case("Reciprocal", (draw(2, 3, low=0.2),)),
    "tan": Case("Tan", (0.5 * x23,)),
    "asin": Case("Asin", (np.tanh(x23),)),
    "acos": Case("Acos", (np.tanh(x23),)),
    "acosh": Case("Acosh", (draw(2, 3, low=1.2),)),
    "atanh": Case("Atanh", (np.tanh(x23),)),
    "mod": Case("Mod", (x23, np.array([0.7, 0.3, 0.9])), {"fmod": 1}, fixed=(1,)),
    **{name.lower(): Case(name, (draw(3, 4),)) for name in (
        "Sigmoid", "Tanh", "Relu", "LeakyRelu", "Elu", "Selu", "Celu", "Softplus", "Softsign", "Gelu", "Mish", "HardSigmoid",
        "HardSwish", "ThresholdedRelu", "Shrink", "Erf", "Sin", "Cos", "Atan", "Sinh", "Cosh", "Asinh", "Exp")},
    "leaky 0.3": Case("LeakyRelu", (draw(3, 4),), {"alpha": 0.3}),
    "elu 2": Case("Elu", (draw(3, 4),), {"alpha": 2.0}),
    "celu 0.7": Case("Celu", (draw(3, 4),), {"alpha": 0.7}),
    "selu of its own": Case("Selu", (draw(3, 4),), {"alpha": 1.5, "gamma": 1.1}),
    "gelu tanh": Case("Gelu", (draw(3, 4),), {"approximate": "tanh"}, opset=20),
    "swish": Case("Swish", (draw(3, 4),), opset=24),
    "hard sigmoid of its own": Case("HardSigmoid", (draw(3, 4),), {"alpha": 0.3, "beta": 0.4}),
    "shrink by a bias": Case("Shrink", (draw(3, 4),), {"lambd": 0.4, "bias": 0.2}),
    "matmul": Case("MatMul", (draw(2, 3), draw(3, 4))),
    "matmul of batches": Case("MatMul", (draw(2, 1, 2, 3), draw(5, 3, 4))),
    "matmul by one matrix": Case("MatMul", (draw(2, 5, 3), draw(3, 4))),
    "matmul of a vector": Case("MatMul", (draw(3), draw(2, 3, 4))),
    "matmul by a vector": Case("MatMul", (draw(2, 4, 3), draw(3))),
    "matmul of two vectors": Case("MatMul", (draw(3), draw(3, seed=1))),
    "gemm": Case("Gemm", (draw(2, 3), draw(3, 4), draw(4))),
    "gemm turned": Case("Gemm", (draw(3, 2), draw(4, 3), draw(2, 1)), {"transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0}),
    "gemm without a bias": Case("Gemm", (draw(2, 3), draw(4, 3)), {"transB": 1}),
    "conv": Case("Conv", (image, draw(3, 4, 3, 2), draw(3)), {"pads": [1, 0, 2, 1], "strides": [2, 1]}),
    "conv in groups": Case("Conv", (image, draw(6, 2, 2, 2)), {"group": 2, "dilations": [2, 1]}),
    "conv depthwise": Case("Conv", (image, draw(4, 1, 3, 3)), {"group": 4, "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    "conv same lower": Case("Conv", (image, draw(2, 4, 2, 4)), {"auto_pad": "SAME_LOWER"}),
    "conv 1d": Case("Conv", (draw(2, 3, 9), draw(4, 3, 3), draw(4)), {"strides": [3], "pads": [1, 1]}),
    "conv 3d": Case("Conv", (draw(1, 2, 3, 4, 3), draw(2, 2, 2, 2, 2)), {"pads": [0, 1, 0, 1, 0, 0]}),
    "conv transpose": Case("ConvTranspose", (draw(2, 4, 3, 4), draw(4, 3, 3, 2), draw(3)), {"strides": [2, 3], "pads": [1, 0, 1, 1], "output_padding": [1, 0]}),
    "conv transpose in groups": Case("ConvTranspose", (draw(2, 4, 5), draw(4, 2, 3)), {"group": 2, "dilations": [2], "strides": [2]}),
    "conv transpose to a shape": Case("ConvTranspose", (draw(1, 2, 3), draw(2, 2, 3)), {"strides": [2], "output_shape": [6]}),
    "conv transpose beyond its end": Case("ConvTranspose", (draw(1, 2, 3), draw(2, 2, 1)), {"strides": [2], "output_shape": [6]}),
    "conv transpose same": Case("ConvTranspose", (draw(1, 2, 3), draw(2, 2, 4)), {"strides": [2], "auto_pad": "SAME_UPPER"}),
    "softmax masked": Case("Softmax", (np.where(np.tri(3) > 0, draw(2, 3, 3), -np.inf),)),
    "softmax": Case("Softmax", (draw(2, 3, 4),)),
    "softmax of axis 1": Case("Softmax", (draw(2, 3, 4),), {"axis": 1}),
    "softmax of old": Case("Softmax", (draw(2, 3, 4),), {"axis": 1}, opset=11),
    "log softmax": Case("LogSoftmax", (draw(2, 3, 4),), {"axis": 1}),
    "identity": Case("Identity", (x23,)),
    "dropout": Case("Dropout", (x23, np.array(0.5)), fixed=(1,)),
    "cast": Case("Cast", (x23,), {"to": 10}),
    "cast like": Case("CastLike", (x23, np.array(1.0)), fixed=(1,)),
    "flatten": Case("Flatten", (draw(2, 3, 4),), {"axis": 2}),
    "reshape": Case("Reshape", (draw(2, 3, 4), ints(0, -1))),
    "squeeze": Case("Squeeze", (draw(2, 1, 4), ints(1))),
    "squeeze of old": Case("Squeeze", (draw(2, 1, 4, 1),), {"axes": [1, 3]}, opset=11),
    "unsqueeze": Case("Unsqueeze", (draw(2, 4), ints(0, 2))),
    "transpose": Case("Transpose", (draw(2, 3, 4),), {"perm": [2, 0, 1]}),
    "transpose of all": Case("Transpose", (draw(2, 3, 4),)),
    "concat": Case("Concat", (draw(2, 3), draw(2, 1), draw(2, 2)), {"axis": -1}),
    "split": Case("Split", (draw(2, 5), ints(2, 3)), {"axis": 1}, results=2),
    "split evenly": Case("Split", (draw(5, 2),), {"num_outputs": 2}, results=2),
    "expand": Case("Expand", (draw(3, 1), ints(2, 1, 4))),
    "tile": Case("Tile", (draw(2, 3), ints(2, 3))),
    "batch normalisation": Case("BatchNormalization", (image, draw(4), draw(4, seed=1), draw(4, seed=2), draw(4, low=0.3))),
    "batch normalisation in training": Case("BatchNormalization", (image, draw(4), draw(4, seed=1), draw(4, seed=2), draw(4, low=0.3)), {"training_mode": 1, "epsilon": 0.01}, fixed=(3, 4)),
    "batch normalisation put into training": Case("BatchNormalization", (draw(5, 3), draw(3), draw(3, seed=1), draw(3, seed=2), draw(3, low=0.3)), fixed=(3, 4), training=True),
    "layer normalisation": Case("LayerNormalization", (draw(2, 3, 5), draw(5), draw(5, seed=1))),
    "layer normalisation of two axes": Case("LayerNormalization", (draw(2, 3, 5), draw(3, 5)), {"axis": 1, "epsilon": 0.01}),
    "rms normalisation": Case("RMSNormalization", (draw(2, 3, 5), draw(5)), opset=23),
    "group normalisation": Case("GroupNormalization", (image, draw(4), draw(4, seed=1)), {"num_groups": 2}, opset=21),
    "group normalisation of old": Case("GroupNormalization", (image, draw(2), draw(2, seed=1)), {"num_groups": 2}),
    "instance normalisation": Case("InstanceNormalization", (image, draw(4), draw(4, seed=1))),
    "unit length": Case("LpNormalization", (draw(2, 3, 4),), {"axis": 1}),
    "unit sum": Case("LpNormalization", (draw(2, 3),), {"p": 1}),
    "lrn": Case("LRN", (draw(2, 6, 3, 2),), {"size": 3, "alpha": 0.3}),
    "lrn of an even size": Case("LRN", (draw(2, 6, 3, 2),), {"size": 4, "alpha": 0.3, "beta": 0.7, "bias": 1.5}),
    "max pool": Case("MaxPool", (apart(2, 2, 6, 5),), {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]}),
    "max pool over the end": Case("MaxPool", (apart(2, 2, 6, 5),), {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1, "dilations": [2, 1]}),
    "max pool by one that hangs over": Case("MaxPool", (apart(1, 2, 4),), {"kernel_shape": [3], "strides": [2], "dilations": [2], "ceil_mode": 1}),
    "average pool": Case("AveragePool", (image,), {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]}),
    "average pool with its padding": Case("AveragePool", (image,), {"kernel_shape": [3, 3], "strides": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1, "ceil_mode": 1}, opset=19),
    "global average pool": Case("GlobalAveragePool", (image,)),
    "global max pool": Case("GlobalMaxPool", (apart(2, 2, 6, 5),)),
    **{name.lower(): Case(name, (draw(2, 3, 4, low=0.2), ints(1))) for name in (
        "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare",
        "ReduceLogSum", "ReduceLogSumExp")},
    "reduce of old": Case("ReduceMean", (draw(2, 3, 4),), {"axes": [0, 2], "keepdims": 0}, opset=11),
    "reduce of all": Case("ReduceL2", (draw(2, 3),), {"keepdims": 0}),
    "reduce of none": Case("ReduceSum", (draw(2, 3), ints()), {"noop_with_empty_axes": 1}),
    "running sum": Case("CumSum", (draw(2, 4), ints(1))),
    "running sum from behind": Case("CumSum", (draw(2, 4), ints(1)), {"exclusive": 1, "reverse": 1}),
    "slice": Case("Slice", (draw(4, 5, 3), ints(1, -1), ints(2**62, -(2**62)), ints(0, 1), ints(2, -2))),
    "slice of old": Case("Slice", (draw(4, 5),), {"starts": [1, 0], "ends": [3, -1]}, opset=9),
    "gather": Case("Gather", (draw(4, 5), np.array([[0, 2], [2, -1]])), {"axis": 1}),
    "gather one": Case("Gather", (draw(4, 5), np.array(1))),
    "gather elements": Case("GatherElements", (draw(3, 4), np.array([[0, 3, 3], [1, -1, 0]])), {"axis": 1}),
    "gather nd": Case("GatherND", (draw(3, 4, 2), np.array([[0, 1], [2, 3], [0, 1]]))),
    "gather nd of batches": Case("GatherND", (draw(2, 4, 2), np.array([[1], [3]])), {"batch_dims": 1}),
    "einsum with dots": Case("Einsum", (draw(2, 1, 3, 4), draw(1, 5, 4, 2)), {"equation": "...ij,...jk->...ik"}),
    "einsum with dots of old": Case("Einsum", (draw(2, 3, 4), draw(4)), {"equation": "...j,j"}),
    "einsum with dots inside": Case("Einsum", (draw(2, 3, 4), draw(2, 3, 5)), {"equation": "b...i,b...j->bij"}),
    "einsum of a diagonal": Case("Einsum", (draw(3, 4, 3), draw(3)), {"equation": "iji,i->ji"}),
    "einsum of one": Case("Einsum", (draw(2, 3),), {"equation": "ij->ji"}),
    "scatter elements": Case("ScatterElements", (draw(3, 4), np.array([[0, 3], [-1, 0]]), draw(2, 2)), {"axis": 1}),
    "scatter elements added": Case("ScatterElements", (draw(3, 4), np.array([[0, 2, 0], [0, 0, 1]]), draw(2, 3)), {"reduction": "add"}),
    "scatter elements of old": Case("Scatter", (draw(3, 4), np.array([[1, 0]]), draw(1, 2)), opset=9),
    "scatter the largest": Case("ScatterElements", (draw(3, 4), np.array([[0, 2, 0], [0, 0, 1]]), draw(2, 3, seed=4)), {"reduction": "max"}),
    "scatter twice to one place": Case("ScatterND", (draw(4, 3), np.array([[1], [1]]), draw(2, 3))),
    "scatter nd added": Case("ScatterND", (draw(4, 3), np.array([[1, 2], [1, 2], [-1, 0]]), draw(3)), {"reduction": "add"}),
    "scatter nd the least": Case("ScatterND", (draw(4, 3), np.array([[1], [2]]), draw(2, 3, seed=5)), {"reduction": "min"}),
    "top": Case("TopK", (apart(3, 5), ints(2)), results=2),
    "least of axis 0": Case("TopK", (apart(3, 5), ints(2)), {"axis": 0, "largest": 0}, results=2),
    "top of old": Case("TopK", (apart(3, 5),), {"k": 3, "axis": 1}, opset=9, results=2),
    "reversed": Case("ReverseSequence", (draw(4, 3, 2), ints(2, 4, 1))),
    "reversed along 1": Case("ReverseSequence", (draw(3, 4), ints(2, 4, 1)), {"time_axis": 1, "batch_axis": 0}),
    "compress": Case("Compress", (draw(3, 4), np.array([True, False, True])), {"axis": 0}),
    "compress of all": Case("Compress", (draw(3, 4), np.array([False, True, True, False, True]))),
    "centred": Case("CenterCropPad", (draw(5, 3, 4), ints(2, 6)), {"axes": [0, 2]}),
    "centred the other way": Case("CenterCropPad", (draw(4, 3), ints(1, 6))),
    "power pool": Case("LpPool", (draw(2, 2, 6, 5),), {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]}),
    "power pool of 3": Case("LpPool", (draw(2, 2, 7),), {"kernel_shape": [3], "p": 3, "strides": [2]}),
    "power pool over all": Case("GlobalLpPool", (draw(2, 2, 4, 3),), {"p": 3}),
    "attention": Case("Attention", (draw(2, 2, 3, 4), draw(2, 2, 5, 4), draw(2, 2, 5, 3)), opset=23),
    "attention causal": Case("Attention", (draw(1, 2, 4, 4), draw(1, 2, 4, 4, seed=1), draw(1, 2, 4, 4, seed=2)), {"is_causal": 1, "scale": 0.3}, opset=23),
    "attention in flat heads": Case("Attention", (draw(2, 3, 8), draw(2, 5, 8), draw(2, 5, 4)), {"q_num_heads": 2, "kv_num_heads": 2}, opset=23),
    "attention of heads that share": Case("Attention", (draw(1, 4, 3, 2), draw(1, 2, 5, 2), draw(1, 2, 5, 3), draw(3, 5)), opset=23),
    "attention masked": Case("Attention", (draw(2, 2, 3, 4), draw(2, 2, 5, 4), draw(2, 2, 5, 3), np.array([[1, 1, 0, 1, 0]] * 2 + [[0] * 5], bool)), opset=23),
    "attention capped": Case("Attention", (draw(1, 2, 3, 4), draw(1, 2, 5, 4), draw(1, 2, 5, 3)), {"softcap": 0.8}, opset=24),
    "attention with a past": Case("Attention", (draw(1, 2, 2, 4), draw(1, 2, 2, 4, seed=1), draw(1, 2, 2, 3), None, draw(1, 2, 3, 4), draw(1, 2, 3, 3)), opset=23),
    "rotary": Case("RotaryEmbedding", (draw(2, 2, 3, 4), draw(2, 3, 2), draw(2, 3, 2, seed=1)), opset=23),
    "rotary by places": Case("RotaryEmbedding", (draw(1, 3, 12), draw(5, 2), draw(5, 2, seed=1), ints(4, 0, 1)[None]), {"num_heads": 2, "rotary_embedding_dim": 4, "interleaved": 1}, opset=23),
    "grid sample": Case("GridSample", (draw(2, 3, 4, 5), places((4, 5), 2, 3, 2)), opset=20),
    "grid sample beyond": Case("GridSample", (draw(1, 2, 4, 5), places((4, 5), 1, 3, 4, beyond=2, corners=True)), {"align_corners": 1}, opset=20),
    "grid sample on the border": Case("GridSample", (draw(1, 2, 4, 5), places((4, 5), 1, 3, 4, beyond=2)), {"padding_mode": "border"}, opset=20),
    "grid sample thrown back": Case("GridSample", (draw(1, 2, 4, 5), places((4, 5), 1, 3, 4, beyond=9)), {"padding_mode": "reflection"}, opset=20),
    "grid sample of the nearest": Case("GridSample", (draw(1, 2, 4, 5), 0.9 * draw(1, 3, 4, 2)), {"mode": "nearest"}, opset=20, fixed=(1,)),
    "grid sample of a volume": Case("GridSample", (draw(1, 2, 3, 4, 3), places((3, 4, 3), 1, 2, 2, 2, corners=True)), {"align_corners": 1}, opset=20),
    "affine grid": Case("AffineGrid", (draw(2, 2, 3), ints(2, 3, 4, 5)), opset=20),
    "affine grid of a volume": Case("AffineGrid", (draw(2, 3, 4), ints(2, 1, 2, 3, 4)), {"align_corners": 1}, opset=20),
    "folded": Case("Col2Im", (draw(2, 12, 9), ints(5, 6), ints(2, 3)), {"strides": [2, 2], "pads": [0, 1, 1, 1]}),
    "resize smoothed": Case("Resize", (draw(1, 2, 7, 6), None, None, ints(1, 2, 3, 4)), {"mode": "linear", "antialias": 1, "exclude_outside": 1}),
    "resize smoothed to the edge": Case("Resize", (draw(1, 2, 7, 6), None, None, ints(1, 2, 3, 4)), {"mode": "linear", "antialias": 1}),
    "resize cubic smoothed to the edge": Case("Resize", (draw(1, 1, 9, 6), None, None, ints(1, 1, 4, 8)), {"mode": "cubic", "antialias": 1}),
    "resize cubic smoothed": Case("Resize", (draw(1, 2, 9, 6), None, None, ints(1, 2, 4, 8)), {"mode": "cubic", "antialias": 1, "cubic_coeff_a": -0.5, "exclude_outside": 1}),
    "resize cubic inside": Case("Resize", (draw(1, 2, 4, 5), None, np.array([1.0, 1.0, 1.5, 2.0])), {"mode": "cubic", "exclude_outside": 1}, fixed=(2,)),
    "resize of old tensorflow": Case("Resize", (draw(1, 2, 3, 4), np.zeros(8), np.array([1.0, 1.0, 2.0, 1.5])), {"coordinate_transformation_mode": "tf_half_pixel_for_nn", "nearest_mode": "floor"}, opset=11, fixed=(1, 2)),
    "resize to fit": Case("Resize", (draw(1, 2, 4, 6), None, None, ints(7, 8)), {"mode": "linear", "axes": [2, 3], "keep_aspect_ratio_policy": "not_larger"}),
    "scatter nd": Case("ScatterND", (draw(4, 3), np.array([[1], [3]]), draw(2, 3))),
    "pad": Case("Pad", (draw(3, 4), ints(0, 1, 2, 0), np.array(1.5)), fixed=(2,)),
    "pad of an axis": Case("Pad", (draw(3, 4), ints(1, -1), None, ints(1))),
    "pad by reflection": Case("Pad", (draw(3, 4), ints(2, 1, 0, 3)), {"mode": "reflect"}),
    "pad with the edge": Case("Pad", (draw(3, 4),), {"mode": "edge", "pads": [0, 2, 1, 1]}, opset=10),
    "triangle": Case("Trilu", (draw(3, 4), np.array(1))),
    "lower triangle": Case("Trilu", (draw(2, 3, 3),), {"upper": 0}),
    "depth to space": Case("DepthToSpace", (draw(1, 8, 2, 3),), {"blocksize": 2}),
    "depth to space by columns": Case("DepthToSpace", (draw(1, 8, 2, 3),), {"blocksize": 2, "mode": "CRD"}),
    "space to depth": Case("SpaceToDepth", (draw(1, 2, 4, 6),), {"blocksize": 2}),
    "resize": Case("Resize", (draw(1, 2, 3, 4), None, np.array([1.0, 1.0, 2.0, 1.5])), fixed=(2,)),
    "resize to a size": Case("Resize", (draw(1, 2, 3, 4), None, None, ints(1, 2, 7, 2)), {"mode": "linear"}),
    "resize by corners": Case("Resize", (draw(1, 2, 3, 4), None, None, ints(1, 2, 5, 6)), {"mode": "linear", "coordinate_transformation_mode": "align_corners"}),
    "resize cubic": Case("Resize", (draw(1, 2, 4, 5), None, np.array([1.0, 1.0, 1.5, 2.0])), {"mode": "cubic"}, fixed=(2,)),
    "resize by floors": Case("Resize", (draw(1, 1, 3, 4), None, None, ints(1, 1, 5, 3)), {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}),
    "upsample": Case("Upsample", (draw(1, 2, 3, 2), np.array([1.0, 1.0, 2.0, 3.0])), opset=9, fixed=(1,)),
    "einsum": Case("Einsum", (draw(2, 3, 4), draw(2, 5, 4)), {"equation": "bik,bjk->bij"}),
    "einsum of three": Case("Einsum", (draw(2, 3), draw(3, 4), draw(4)), {"equation": "ij,jk,k"}),
    "einsum of a sum": Case("Einsum", (draw(2, 3), draw(3, 4)), {"equation": "ij,jk->k"}),
}  # fmt: skip
