"""What torch exports of networks with rarer operators, against torch itself in float64."""

import copy
import warnings

import numpy as np
import pytest

from chainderiv.models.passes import backward, forward
from chainderiv.models.readers.reading import read

SINGLE = 2e-6  # float attributes, and constants that are folded, are float32 in a file


def networks(torch):
    """Each with an input, and operators that it is there for."""
    from torch import nn
    from torch.nn import functional as F

    class Warped(nn.Module):
        def __init__(self):
            super().__init__()
            self.turn, self.conv = nn.Linear(2 * 8 * 8, 6), nn.Conv2d(2, 3, 3)

        def forward(self, x):
            grid = F.affine_grid(self.turn(x.flatten(1)).reshape(-1, 2, 3), x.shape, align_corners=False)
            largest, _ = torch.topk(self.conv(F.grid_sample(x, grid, align_corners=False)).flatten(1), 5)
            return F.glu(largest[:, :4]).cumsum(1)

    class Attending(nn.Module):
        def __init__(self):
            super().__init__()
            self.q, self.norm = nn.Linear(16, 16), nn.RMSNorm(16)

        def forward(self, x):
            q = self.q(self.norm(x)).unflatten(2, (2, 8)).transpose(1, 2)
            y = F.scaled_dot_product_attention(q, q, q, is_causal=True).transpose(1, 2).flatten(2)
            products = torch.einsum("...ij,...kj->...ik", y, x)
            return F.interpolate(products[:, None], size=(3, 3), mode="bicubic", antialias=True).var(dim=(2, 3))

    class Folded(nn.Module):
        def forward(self, x):
            y = F.fold(F.unfold(F.pixel_shuffle(x, 2), 2), (6, 6), 2)
            return F.pad(y, (1, 1, 1, 1), mode="circular").flatten(1).sort(1)[0]

    return {
        "warped": (Warped(), (2, 2, 8, 8), {"GridSample", "TopK", "CumSum"}),
        "attending": (Attending(), (2, 5, 16), {"Attention", "Einsum", "Resize", "RMSNormalization"}),
        "folded": (Folded(), (2, 4, 3, 3), {"Col2Im", "DepthToSpace", "TopK"}),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["warped", "attending", "folded"])
def test_an_exported_network_has_torchs_values_and_gradient(name, tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("onnxscript", reason="onnxscript, by which torch exports, is not installed")
    torch.manual_seed(0)
    module, shape, operators = networks(torch)[name]
    module, x, path = module.eval(), torch.randn(shape), tmp_path / f"{name}.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (x,), path, dynamo=True, opset_version=23, external_data=False)
    graph = read(path)
    assert operators <= {node.operator for node in graph.nodes}
    passed = forward(graph, {graph.inputs[0].name: x.numpy()})
    double = x.double().requires_grad_()
    wanted = copy.deepcopy(module).double()(double)
    cotangent = np.random.default_rng(0).normal(size=tuple(wanted.shape))
    (wanted * torch.tensor(cotangent)).sum().backward()
    got, want = backward(passed, cotangent)[graph.inputs[0].name].to_float(), double.grad.numpy()
    assert np.abs(passed.output - wanted.detach().numpy()).max() < SINGLE * wanted.abs().max().item()
    assert np.abs(got - want).max() < SINGLE * np.abs(want).max()
