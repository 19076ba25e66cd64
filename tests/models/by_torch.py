"""What torch's autograd makes of the table of cases in float64, and of networks; run it to store the answers.

python -m tests.models.by_torch        # writes answers.npz beside this file
"""

from pathlib import Path

import numpy as np

from .cases import CASES
from .networks import convolutional, sigmoids, transformer

ANSWERS = Path(__file__).parent / "answers.npz"


def functions():
    """Case -> torch's function of the inputs, as a tensor or a tuple of them."""
    import torch
    from torch.nn import functional as F

    def halo(x, left, right, top, bottom, value=0.0):
        return F.pad(x, (left, right, top, bottom), value=value)

    return {
        "add": torch.add,
        "add column": torch.add,
        "sub": torch.sub,
        "mul": torch.mul,
        "div": torch.div,
        "sum of three": lambda a, b, c: a + b + c,
        "mean of two": lambda a, b: (a + b) / 2,
        "pow 2": lambda a, b: a**2,
        "pow 3": lambda a, b: a**3,
        "pow of both": torch.pow,
        "max": lambda a, b, c: torch.maximum(torch.maximum(a, b), c),
        "min": torch.minimum,
        "where": lambda c, a, b: torch.where(c, a, b),
        "prelu": lambda x, w: F.prelu(x, w.reshape(-1)),
        "clip": lambda x, low, high: torch.clamp(x, -0.5, 0.7),
        "clip below": lambda x, low: torch.clamp(x, min=-0.5),
        "clip above": lambda x, low, high: torch.clamp(x, max=0.5),
        "neg": torch.neg,
        "abs": torch.abs,
        "sqrt": torch.sqrt,
        "log": torch.log,
        "reciprocal": torch.reciprocal,
        "tan": torch.tan,
        "asin": torch.asin,
        "acos": torch.acos,
        "acosh": torch.acosh,
        "atanh": torch.atanh,
        "mod": lambda a, b: torch.fmod(a, b),
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leakyrelu": lambda x: F.leaky_relu(x, 0.01),
        "elu": F.elu,
        "selu": F.selu,
        "celu": F.celu,
        "softplus": lambda x: F.softplus(x, threshold=700),
        "softsign": F.softsign,
        "gelu": F.gelu,
        "mish": F.mish,
        "hardswish": F.hardswish,
        "erf": torch.erf,
        "sin": torch.sin,
        "cos": torch.cos,
        "atan": torch.atan,
        "sinh": torch.sinh,
        "cosh": torch.cosh,
        "asinh": torch.asinh,
        "exp": torch.exp,
        "leaky 0.3": lambda x: F.leaky_relu(x, 0.3),
        "elu 2": lambda x: F.elu(x, 2.0),
        # F.celu's own way back divides by an alpha of float32, and is off by 1e-8 (torch 2.14)
        "celu 0.7": lambda x: torch.where(x > 0, x, 0.7 * torch.expm1(x / 0.7)),
        "gelu tanh": lambda x: F.gelu(x, approximate="tanh"),
        "swish": F.silu,
        "hard sigmoid of its own": lambda x: torch.clamp(0.3 * x + 0.4, 0, 1),
        "matmul": torch.matmul,
        "matmul of batches": torch.matmul,
        "matmul by one matrix": torch.matmul,
        "matmul of a vector": torch.matmul,
        "matmul by a vector": torch.matmul,
        "matmul of two vectors": torch.matmul,
        "gemm": lambda a, b, c: torch.addmm(c, a, b),
        "gemm turned": lambda a, b, c: 0.5 * a.T @ b.T + 2 * c,
        "gemm without a bias": lambda a, b: a @ b.T,
        "conv": lambda x, w, b: F.conv2d(halo(x, 0, 1, 1, 2), w, b, stride=(2, 1)),
        "conv in groups": lambda x, w: F.conv2d(x, w, groups=2, dilation=(2, 1)),
        "conv depthwise": lambda x, w: F.conv2d(halo(x, 1, 1, 0, 1), w, groups=4, stride=2),
        "conv same lower": lambda x, w: F.conv2d(halo(x, 2, 1, 1, 0), w),
        "conv 1d": lambda x, w, b: F.conv1d(x, w, b, stride=3, padding=1),
        "conv 3d": lambda x, w: F.conv3d(F.pad(x, (0, 0, 1, 0, 0, 1)), w),
        "conv transpose in groups": lambda x, w: F.conv_transpose1d(x, w, groups=2, stride=2, dilation=2),
        "conv transpose to a shape": lambda x, w: F.conv_transpose1d(x, w, stride=2)[..., 1:],
        "conv transpose same": lambda x, w: F.conv_transpose1d(x, w, stride=2, padding=1),
        "softmax masked": lambda x: torch.softmax(x, -1),
        "softmax": lambda x: torch.softmax(x, -1),
        "softmax of axis 1": lambda x: torch.softmax(x, 1),
        "softmax of old": lambda x: torch.softmax(x.reshape(2, 12), -1).reshape(2, 3, 4),
        "log softmax": lambda x: torch.log_softmax(x, 1),
        "concat": lambda *x: torch.cat(x, -1),
        "split": lambda x, n: torch.split(x, [2, 3], 1),
        "split evenly": lambda x: torch.split(x, [3, 2]),
        "expand": lambda x, n: x.expand(2, 3, 4),
        "tile": lambda x, n: x.repeat(2, 3),
        "transpose": lambda x: x.permute(2, 0, 1),
        "batch normalisation": lambda x, g, b, m, v: F.batch_norm(x, m.detach(), v.detach(), g, b),
        "batch normalisation in training": lambda x, g, b, m, v: F.batch_norm(
            x, m.clone(), v.clone(), g, b, training=True, eps=0.01
        ),
        "batch normalisation put into training": lambda x, g, b, m, v: F.batch_norm(
            x, m.clone(), v.clone(), g, b, training=True
        ),
        "layer normalisation": lambda x, g, b: F.layer_norm(x, (5,), g, b),
        "layer normalisation of two axes": lambda x, g: F.layer_norm(x, (3, 5), g, eps=0.01),
        "rms normalisation": lambda x, g: F.rms_norm(x, (5,), g, eps=1e-5),
        "group normalisation": lambda x, g, b: F.group_norm(x, 2, g, b),
        "group normalisation of old": lambda x, g, b: F.group_norm(
            x, 2, g.repeat_interleave(2), b.repeat_interleave(2)
        ),
        "instance normalisation": lambda x, g, b: F.instance_norm(x, weight=g, bias=b),
        "unit length": lambda x: F.normalize(x, dim=1),
        "unit sum": lambda x: F.normalize(x, p=1.0, dim=-1),
        "max pool": lambda x: F.max_pool2d(halo(x, 0, 1, 1, 1, -np.inf), (3, 2), (2, 1)),
        "max pool over the end": lambda x: F.max_pool2d(x, 2, 2, dilation=(2, 1), ceil_mode=True),
        "max pool by one that hangs over": lambda x: F.max_pool1d(x, 3, 2, dilation=2, ceil_mode=True),
        "average pool with its padding": lambda x: F.avg_pool2d(x, 3, 3, 1, ceil_mode=True),
        "global average pool": lambda x: F.adaptive_avg_pool2d(x, 1),
        "global max pool": lambda x: F.adaptive_max_pool2d(x, 1),
        "reducesum": lambda x, n: x.sum(1, keepdim=True),
        "reducemean": lambda x, n: x.mean(1, keepdim=True),
        "reducemax": lambda x, n: x.amax(1, keepdim=True),
        "reducemin": lambda x, n: x.amin(1, keepdim=True),
        "reduceprod": lambda x, n: x.prod(1, keepdim=True),
        "reducel2": lambda x, n: torch.linalg.vector_norm(x, dim=1, keepdim=True),
        "reducelogsumexp": lambda x, n: torch.logsumexp(x, 1, keepdim=True),
        "running sum": lambda x, n: torch.cumsum(x, 1),
        "gather": lambda x, n: x[:, n],
        "gather elements": lambda x, n: torch.gather(x, 1, n % 4),
        "gather nd": lambda x, n: x[n[:, 0], n[:, 1]],
        "pad": lambda x, n, v: F.pad(x, (1, 0, 0, 2), value=1.5),
        "pad by reflection": lambda x, n: F.pad(x[None], (1, 3), mode="reflect")[0][[2, 1, 0, 1, 2]],
        "triangle": lambda x, n: torch.triu(x, 1),
        "depth to space by columns": lambda x: F.pixel_shuffle(x, 2),
        "resize to a size": lambda x, *n: F.interpolate(x, (7, 2), mode="bilinear", align_corners=False),
        "resize by corners": lambda x, *n: F.interpolate(x, (5, 6), mode="bilinear", align_corners=True),
        "resize cubic": lambda x, *n: F.interpolate(x, scale_factor=(1.5, 2.0), mode="bicubic", align_corners=False),
        "resize by floors": lambda x, *n: F.interpolate(x, (5, 3), mode="nearest"),
        "upsample": lambda x, n: F.interpolate(x, scale_factor=(2.0, 3.0), mode="nearest"),
        "einsum": lambda a, b: torch.einsum("bik,bjk->bij", a, b),
        "einsum of three": lambda a, b, c: torch.einsum("ij,jk,k->i", a, b, c),
        "lrn": lambda x: F.local_response_norm(x, 3, 0.3, 0.75),
        "lrn of an even size": lambda x: (
            x / (1.5 + 0.3 / 4 * sum(F.pad(x, (0, 0, 0, 0, 1, 2))[:, k : k + 6] ** 2 for k in range(4))) ** 0.7
        ),
        "running sum from behind": lambda x, n: x.flip(1).cumsum(1).flip(1) - x,
        "einsum with dots": lambda a, b: torch.einsum("...ij,...jk->...ik", a, b),
        "einsum with dots inside": lambda a, b: torch.einsum("bdi,bdj->bij", a, b),
        "einsum of a diagonal": lambda a, b: torch.einsum("iji,i->ji", a, b),
        "scatter elements": lambda x, n, u: torch.scatter(x, 1, n % 4, u),
        "scatter elements added": lambda x, n, u: torch.scatter_add(x, 0, n, u),
        "scatter the largest": lambda x, n, u: torch.scatter_reduce(x, 0, n, u, "amax"),
        "scatter nd": lambda x, n, u: x.index_put((n[:, 0],), u),
        "scatter nd added": lambda x, n, u: x.index_put((n[:, 0], n[:, 1]), u, accumulate=True),
        "top": lambda x, n: tuple(torch.topk(x, 2)),
        "least of axis 0": lambda x, n: tuple(torch.topk(x, 2, 0, largest=False)),
        "power pool": lambda x: F.lp_pool2d(halo(x, 0, 1, 1, 1), 2, (3, 2), (2, 1)),
        "power pool of 3": lambda x: F.lp_pool1d(x.abs(), 3, 3, 2),
        "attention": F.scaled_dot_product_attention,
        "attention causal": lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.3),
        "attention in flat heads": lambda *x: (
            F.scaled_dot_product_attention(*(t.unflatten(2, (2, -1)).transpose(1, 2) for t in x))
            .transpose(1, 2)
            .flatten(2)
        ),
        "attention of heads that share": lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m, enable_gqa=True),
        "attention capped": lambda q, k, v: (0.8 * (q @ k.mT / 2 / 0.8).tanh()).softmax(-1) @ v,
        "attention with a past": lambda q, k, v, _, k0, v0: F.scaled_dot_product_attention(
            q, torch.cat([k0, k], 2), torch.cat([v0, v], 2)
        ),
        "grid sample": lambda x, g: F.grid_sample(x, g, align_corners=False),
        "grid sample beyond": lambda x, g: F.grid_sample(x, g, align_corners=True),
        "grid sample on the border": lambda x, g: F.grid_sample(x, g, padding_mode="border", align_corners=False),
        "grid sample thrown back": lambda x, g: F.grid_sample(x, g, padding_mode="reflection", align_corners=False),
        "grid sample of the nearest": lambda x, g: F.grid_sample(x, g, "nearest", align_corners=False),
        "grid sample of a volume": lambda x, g: F.grid_sample(x, g, align_corners=True),
        "affine grid": lambda x, n: F.affine_grid(x, n.tolist(), align_corners=False),
        "affine grid of a volume": lambda x, n: F.affine_grid(x, n.tolist(), align_corners=True),
        "folded": lambda x, *n: F.fold(x, (6, 8), (2, 3), stride=2)[..., 0:5, 1:7],
        "resize smoothed": lambda x, *n: F.interpolate(x, (3, 4), mode="bilinear", antialias=True),
        "resize cubic smoothed": lambda x, *n: F.interpolate(x, (4, 8), mode="bicubic", antialias=True),
        "scatter elements of old": lambda x, n, u: torch.scatter(x, 0, n, u),
        "compress": lambda x, n: x[n],
        "compress of all": lambda x, n: x.flatten()[:5][n],
        "einsum of one": lambda x: torch.einsum("ij->ji", x),
        "einsum of a sum": lambda a, b: torch.einsum("ij,jk->k", a, b),
        "top of old": lambda x: tuple(torch.topk(x, 3, 1)),
        "rotary": lambda x, c, s: torch.cat(
            [x[..., :2] * c[:, None] - x[..., 2:] * s[:, None], x[..., :2] * s[:, None] + x[..., 2:] * c[:, None]], -1
        ),
        "power pool over all": lambda x: torch.linalg.vector_norm(x, 3, (2, 3), keepdim=True),
        "reduce of all": torch.linalg.vector_norm,
    }


def answers():
    """ "case/y0" -> an output, "case/x0" -> an input's gradient, of the cotangents of the table."""
    import torch

    found = {}
    for name, function in functions().items():
        case = CASES[name]
        given = [
            None if x is None else torch.tensor(x, requires_grad=k in case.moving) for k, x in enumerate(case.inputs)
        ]
        outputs = function(*given)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        total = sum((torch.tensor(c) * y).sum() for c, y in zip(case.cotangents(), outputs, strict=True))
        total.backward()
        found.update({f"{name}/y{k}": y.detach().numpy() for k, y in enumerate(outputs)})
        found.update({f"{name}/x{k}": given[k].grad.numpy() for k in case.moving if given[k].grad is not None})
    return found


def operators():
    """ONNX's operators of the networks in networks.py, as torch has them: of the inputs and the attributes."""
    import torch
    from torch.nn import functional as F

    def image(x, a):
        return list(a.get("pads", [0, 0])[: x.ndim - 2])

    return {
        "MatMul": lambda a, x, y: x @ y,
        "Gemm": lambda a, x, y, z: torch.addmm(z, x, y),
        "Conv": lambda a, x, w, b=None: F.conv2d(x, w, b, padding=image(x, a)),
        "BatchNormalization": lambda a, x, g, b, m, v: F.batch_norm(x, m.detach(), v.detach(), g, b),
        "MaxPool": lambda a, x: F.max_pool2d(x, a["kernel_shape"], a["strides"]),
        "GlobalAveragePool": lambda a, x: F.adaptive_avg_pool2d(x, 1),
        "Flatten": lambda a, x: x.flatten(1),
        "Relu": lambda a, x: torch.relu(x),
        "Sigmoid": lambda a, x: torch.sigmoid(x),
        "Erf": lambda a, x: torch.erf(x),
        "Sqrt": lambda a, x: torch.sqrt(x),
        "Add": lambda a, x, y: x + y,
        "Sub": lambda a, x, y: x - y,
        "Mul": lambda a, x, y: x * y,
        "Div": lambda a, x, y: x / y,
        "Pow": lambda a, x, y: x**y,
        "ReduceMean": lambda a, x: x.mean(a["axes"], keepdim=True),
        "Softmax": lambda a, x: torch.softmax(x, a["axis"]),
        "Transpose": lambda a, x: x.permute(a["perm"]),
        "Reshape": lambda a, x, n: x.reshape(n.tolist()),
        "Shape": lambda a, x: torch.tensor(x.shape),
        "Slice": lambda a, x, i, j: x[int(i[0]) : int(j[0])],
        "Concat": lambda a, *x: torch.cat(x, a["axis"]),
    }


def network_answers():
    """ "network/tensor" -> ln ‖∂C/∂t‖ of the input, the constants and what every node makes."""
    import torch

    found, rules = {}, operators()
    for name, (graph, x, cotangent) in drawn().items():
        values = {n: torch.tensor(v, requires_grad=v.dtype.kind == "f") for n, v in graph.constants.items()}
        values["x"] = torch.tensor(x, requires_grad=True)
        for node in graph.nodes:
            values[node.outputs[0]] = rules[node.operator](node.attributes, *(values[n] for n in node.inputs))
            if values[node.outputs[0]].requires_grad:
                values[node.outputs[0]].retain_grad()
        (torch.tensor(cotangent) * values[graph.outputs[0]]).sum().backward()
        sizes = {n: v.grad.norm() for n, v in values.items() if v.requires_grad and v.grad is not None}
        found.update(
            {f"{name}/{n}": np.array(float(torch.log(size))) for n, size in sizes.items() if torch.isfinite(size)}
        )
    return found


def drawn():
    """Network -> its graph, an input and a cotangent."""
    rng, found = np.random.default_rng(6), {}
    for name, graph, shape, shape_of_output in (
        ("sigmoids", sigmoids(200), (1, 3), (1, 3)),
        ("convolutional", convolutional(), (3, 3, 8, 8), (3, 4)),
        ("transformer", transformer(), (2, 5, 8), (2, 5, 8)),
    ):
        found[name] = graph, rng.normal(size=shape), rng.normal(size=shape_of_output)
    return found


def stored():
    """The answers that were kept."""
    with np.load(ANSWERS) as kept:
        values, found = kept["values"], {}
        for name, shape in zip(kept["names"], kept["shapes"], strict=True):
            lengths = [int(n) for n in shape if n >= 0]
            count = int(np.prod(lengths))
            found[str(name)], values = values[:count].reshape(lengths), values[count:]
    return found


def store(found):
    """The answers in one file: an array for each would take longer to name than to hold."""
    shapes = np.full((len(found), max(a.ndim for a in found.values())), -1, np.int16)
    for row, a in zip(shapes, found.values(), strict=True):
        row[: a.ndim] = a.shape
    values = np.concatenate([np.ravel(a) for a in found.values()])
    np.savez_compressed(ANSWERS, names=np.array(list(found)), shapes=shapes, values=values)


if __name__ == "__main__":
    store(answers() | network_answers())
