"""Modules of torch, each with inputs, that a reader must follow."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
F, nn = torch.nn.functional, torch.nn

SLOPES = {
    **{
        name: getattr(F, name)
        for name in ("elu", "selu", "celu", "gelu", "silu", "mish", "hardswish", "hardsigmoid", "softplus")
    },
    **{
        name: getattr(F, name)
        for name in ("softsign", "logsigmoid", "tanhshrink", "leaky_relu", "relu6", "hardtanh", "softshrink")
    },
    "gelu by tanh": lambda z: F.gelu(z, approximate="tanh"),
    "elu of another depth": lambda z: F.elu(z, 0.5),
    "a steeper softplus": lambda z: F.softplus(z, beta=2.0),
    "glu": F.glu,
    "sigmoid": torch.sigmoid,
    "log of a softmax": lambda z: F.log_softmax(z, -1),
}


class Of(nn.Module):
    """A module of a function of itself and what it takes."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *x):
        return self.function(self, *x)


class Vision(nn.Module):
    """A small vision transformer upon a convolution."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm, self.pool = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(4)
        self.token = nn.Parameter(torch.randn(1, 1, 4))
        self.block = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        self.head, self.drop = nn.Linear(4, 2), nn.Dropout(0.5)

    def forward(self, x):
        x = self.pool(torch.relu(self.norm(self.stem(x))))
        count = x.shape[0]
        x = torch.cat([self.token.expand(count, -1, -1), x.flatten(2).transpose(1, 2)], 1)
        return self.head(self.drop(self.block(x))[:, 0])


def _in_place(self, x):
    h = self.a(x)
    kept = h
    return kept + F.relu(h, inplace=True)  # kept is written, too


def _shapes(self, x):
    parts = torch.chunk(self.a(x).view(x.size(0), 2, 3).permute(0, 2, 1), 3, 1)
    joined = torch.stack(parts, 1).squeeze(2).reshape(x.shape[0], -1).unsqueeze(1).clamp(-1, 1).sum(1)
    spread = x.var(1, keepdim=True, unbiased=False) + torch.where(x > 0, x, x * 0.1).std(1, keepdim=True)
    return joined + spread + torch.cat(torch.split(x, [2, 4], 1)[::-1], 1)


def _sums(self, x):
    return (
        self.a(self.n(x)) + x[:, 1:3] ** 2 / 3 - torch.rsqrt(x[:, :2].abs() + 1) + (1 - x[:, 2:4]).mean(1, keepdim=True)
    )


def _masked(self, x):
    here = self.a(x + torch.arange(6, dtype=torch.float32) / 6)
    return here.masked_fill(torch.ones(1, 4) > 2, 0.0) + F.pad(x, (1, 1, 0, 0))[:, :4]


def modules():
    """Modules and inputs by name, always the same."""
    torch.manual_seed(0)
    linear = nn.Linear
    norm = torch.nn.utils.parametrizations.weight_norm
    encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu", norm_first=True)
    found = {
        "plain": (nn.Sequential(linear(6, 5), nn.Tanh(), linear(5, 4), nn.ReLU(inplace=True), linear(4, 2)), [(3, 6)]),
        "sequence": (nn.Sequential(linear(6, 5), nn.GELU(), linear(5, 4)), [(3, 7, 6)]),
        "vision": (Vision().eval(), [(3, 3, 8, 8)]),
        "in place": (Of(_in_place, a=linear(5, 5)), [(3, 5)]),
        "convolutions": (
            nn.Sequential(
                *(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.PReLU(4), nn.MaxPool2d(2)),
                *(nn.Conv2d(4, 4, 3, padding="same", groups=2), nn.GroupNorm(2, 4), nn.AvgPool2d(2), nn.Upsample(scale_factor=2)),
                *(nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=1), nn.InstanceNorm2d(3, affine=True)),
                *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear(3, 2)),
            ).eval(),
            [(3, 3, 16, 16)],
        ),
        "one dimension": (nn.Sequential(nn.Conv1d(3, 4, 3, dilation=2), nn.ReLU(), nn.Flatten(), linear(20, 2)), [(3, 3, 9)]),
        "rms": (nn.Sequential(linear(6, 5), nn.RMSNorm(5), linear(5, 2)), [(4, 6)]),
        "words": (Of(lambda s, x: s.a(s.e(x).mean(1)), e=nn.Embedding(11, 4), a=linear(4, 2)), [torch.randint(0, 11, (3, 7))]),
        "sums": (Of(_sums, n=nn.LayerNorm(6), a=linear(6, 2)), [(3, 6)]),
        "causal": (Of(lambda s, x: F.scaled_dot_product_attention(s.a(x), x, x, is_causal=True), a=linear(6, 6)), [(3, 5, 6)]),
        "shapes": (Of(_shapes, a=linear(6, 6)), [(3, 6)]),
        "two inputs": (Of(lambda s, x, y: s.a(x) * torch.sigmoid(s.b(y)), a=linear(6, 4), b=linear(5, 4)), [(3, 6), (3, 5)]),
        "masked": (Of(_masked, a=linear(6, 4)), [(3, 6)]),
        "encoder": (nn.TransformerEncoder(encoder, 2, enable_nested_tensor=False).eval(), [(3, 5, 8)]),
        "tied": (Of(lambda s, x: s.a(torch.tanh(s.a(torch.tanh(s.a(x))))), a=linear(5, 5)), [(3, 5)]),
        "weight norm": (nn.Sequential(norm(linear(6, 5)), nn.Tanh(), linear(5, 2)), [(3, 6)]),
        **{name: (Of(lambda s, x, f=f: s.b(f(s.a(x))), a=linear(6, 6), b=linear(3 if name == "glu" else 6, 4)), [(3, 6)]) for name, f in SLOPES.items()},
    }  # fmt: skip
    return {
        name: (module, [torch.randn(x) if isinstance(x, tuple) else x for x in given])
        for name, (module, given) in found.items()
    }
