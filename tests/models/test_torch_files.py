"""Files that torch writes, diagnosed, against autograd in float64: layer by layer, to the digits that a file keeps."""

import itertools
import math

import numpy as np
import pytest

import chainderiv as cd

torch = pytest.importorskip("torch", reason="torch is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # torch's own, of what it deprecates
nn = torch.nn
DIGITS = 1e-12  # of ln, where a file keeps float64
SINGLE = 2e-6  # of ln, where a file's attributes are float32
LN_10 = math.log(10)
NEURONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU, "gelu": nn.GELU, "softplus": nn.Softplus}


def plain(neuron, depth, width=12):
    """Layers with 7 inputs and 5 outputs."""
    torch.manual_seed(depth)
    sizes = [7, *[width] * (depth - 1), 5]
    layers = [nn.Linear(m, n) for m, n in itertools.pairwise(sizes)]
    parts = [part for layer in layers for part in (layer, NEURONS[neuron]())][:-1]
    return nn.Sequential(*parts).double()


def batch(*shape):
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, 5, (shape[0],), generator=generator)
    return torch.randn(*shape, generator=generator, dtype=torch.float64), labels


def by_autograd(module, x, labels):
    """ln of ‖∂W‖ and of ‖∂b‖ of the mean cost by layers, and, where each is called as one, of ‖∂C/∂z‖ of an example."""
    made, layers = {}, [part for part in module.modules() if isinstance(part, (nn.Linear, nn.Conv2d))]
    hooks = [part.register_forward_hook(lambda m, _, z: made.setdefault(m, z).retain_grad()) for part in layers]
    module.zero_grad()
    nn.functional.cross_entropy(module(x), labels).backward()
    for hook in hooks:
        hook.remove()
    parameters = dict(module.named_parameters())
    weights = [name for name, p in parameters.items() if p.ndim > 1]
    sizes = [[parameters[name].grad.norm() for name in weights]]
    sizes += [[parameters[name.replace("weight", "bias")].grad.norm() for name in weights]]
    if len(made) == len(weights):
        sizes += [[made[part].grad.norm() * len(x) ** 0.5 for part in layers]]
    return [[math.log(float(size)) for size in row] for row in sizes]


def by_us(d):
    fields = ("log10_norm_weight_gradient", "log10_norm_mean_bias_gradient", "log10_norm_delta")
    return [[LN_10 * getattr(one, field) for one in d.layers] for field in fields]


def off(got, want):
    """The largest |Δln| over max(1, |ln|) of all layers."""
    got = got[: len(want)]
    assert [len(row) for row in got] == [len(row) for row in want]
    return max(
        abs(g - w) / max(1.0, abs(w))
        for ours, theirs in zip(got, want, strict=True)
        for g, w in zip(ours, theirs, strict=True)
    )


def as_npz(module, folder):
    np.savez(folder / "m.npz", **{name: a.numpy() for name, a in module.state_dict().items()})
    return folder / "m.npz"


def as_safetensors(module, folder):
    save = pytest.importorskip("safetensors.torch", reason="safetensors is not installed").save_file
    save(module.state_dict(), folder / "m.safetensors")
    return folder / "m.safetensors"


def as_pt(module, folder):
    torch.save(module.state_dict(), folder / "m.pt")
    return folder / "m.pt"


def as_itself(module, folder):
    return module


@pytest.mark.parametrize("write", [as_npz, as_safetensors, as_pt, as_itself])
@pytest.mark.parametrize(
    ("neuron", "depth"), [("relu", 4), ("tanh", 30), ("gelu", 12), ("softplus", 6), ("sigmoid", 60)]
)
def test_each_layer_of_a_file_of_arrays_has_autograds_gradient_to_twelve_digits(write, neuron, depth, tmp_path):
    module, (x, labels) = plain(neuron, depth), batch(9, 7)
    want = by_autograd(module, x, labels)
    neurons = {} if write is as_itself else {"activation": neuron}
    d = cd.diagnose(write(module, tmp_path), x.numpy(), labels.numpy(), **neurons)
    assert off(by_us(d), want) <= DIGITS


def test_a_weight_that_is_off_by_a_billionth_is_found(tmp_path):
    module, (x, labels) = plain("tanh", 8), batch(9, 7)
    want = by_autograd(module, x, labels)
    module[4].weight.data *= 1 + 1e-9
    assert (
        not off(by_us(cd.diagnose(as_npz(module, tmp_path), x.numpy(), labels.numpy(), activation="tanh")), want)
        <= DIGITS
    )


class Residual(nn.Module):
    """x + f(x)."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return x + self.inner(x)


def exported():
    """Modules that torch writes as ONNX, with the shape of their inputs."""
    torch.manual_seed(3)
    block = Residual(nn.Sequential(nn.LayerNorm(12), nn.Linear(12, 24), nn.GELU(), nn.Linear(24, 12)))
    # behind the ReLU: one behind the convolution is put into its weights when it is written
    image = nn.Sequential(
        *(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(6), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 8, 3, stride=2), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)),
    )
    image[2].running_mean.data, image[2].running_var.data = torch.randn(6) / 5, torch.rand(6) + 0.5
    attention = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu", norm_first=True)
    found = {
        **{name: (plain(name, 6), (9, 7)) for name in ("tanh", "gelu", "softplus")},
        "thirty-five sigmoids": (plain("sigmoid", 35), (9, 7)),
        "elu, hardswish and leaky relu": (
            nn.Sequential(
                *(nn.Linear(7, 12), nn.ELU(0.7), nn.Linear(12, 12), nn.Hardswish()),
                *(nn.Linear(12, 12), nn.LeakyReLU(0.03), nn.Linear(12, 5)),
            ),
            (9, 7),
        ),
        "residual": (nn.Sequential(nn.Linear(7, 12), block, nn.Linear(12, 5)), (9, 7)),
        "image": (image, (3, 3, 12, 12)),
        "attention": (nn.Sequential(attention, nn.Flatten(), nn.Linear(24, 5)), (4, 3, 8)),
    }
    return {name: (module.double().eval(), shape) for name, (module, shape) in found.items()}


EXPORTED = exported()


WAYS = [(name, True) for name in EXPORTED] + [(name, False) for name in ("gelu", "residual", "image", "attention")]


@pytest.mark.parametrize(("name", "exports"), WAYS, ids=[f"{n} by {'export' if e else 'tracing'}" for n, e in WAYS])
def test_an_onnx_file_has_the_gradients_of_the_module_that_it_came_from(name, exports, tmp_path):
    for package in ("onnx", "onnxscript"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    (module, shape), file = EXPORTED[name], tmp_path / "m.onnx"
    x, labels = batch(*shape)
    torch.onnx.export(module, (x,), file, dynamo=exports, external_data=False, verbose=False)
    d = cd.diagnose(file, x.numpy(), labels.numpy(), "log_likelihood")
    assert off(by_us(d), by_autograd(module, x, labels)) <= SINGLE


def test_a_gradient_that_torch_says_is_0_in_single_precision_is_told_as_what_it_is():
    """The squares of 1e-23 are no float32, and torch's own norm of such a gradient is 0."""
    assert float(torch.full((30,), 1e-23).norm()) == 0
    module, (x, labels) = plain("sigmoid", 35, width=30).float(), batch(9, 7)
    nn.functional.cross_entropy(module(x.float()), labels).backward()
    first = module[0].bias.grad
    assert float(first.norm()) == 0
    assert bool((first != 0).any())
    d = cd.diagnose(module, x.float(), labels.numpy())
    want = by_autograd(module.double(), x.float().double(), labels)
    assert want[1][0] < -22 * LN_10
    assert off(by_us(d), want) <= DIGITS
    assert d.verdict == "vanishing"
