"""∂C/∂θ of a chain in FLINT's balls, written by hand: an oracle that shares nothing with the package but the formulas.

A value is told once its ball is narrow; where 2^14 bits do not narrow it, or it has left FLINT, it is None.
"""

from flint import arb, ctx

MOST_BITS = 2**14
LAMBDA, ALPHA = ("1.0507009873554805", "1.6732632423543772")


class Undecided(Exception):
    """More bits are wanted: a ball lies on both sides of a kink."""


def _side(z):
    if z > 0:
        return 1
    if z <= 0:
        return 0
    raise Undecided


def _small(z):
    """exp(-|z|)."""
    return (-abs(z)).exp()


def _sigmoid(z):
    e = _small(z)
    return (1 / (1 + e) if z > 0 else e / (1 + e)), e / (1 + e) ** 2


def _softplus(z):
    return (z if z > 0 else arb(0)) + (1 + _small(z)).log(), _sigmoid(z)[0]


def _tanh(z):
    return z.tanh(), 1 / z.cosh() ** 2


def _gelu(z):
    cdf, density = (-z / arb(2).sqrt()).erfc() / 2, (-z * z / 2).exp() / (2 * arb.pi()).sqrt()
    return z * cdf, cdf + z * density


def _silu(z):
    s, slope = _sigmoid(z)
    return z * s, s + z * slope


def _mish(z):
    s, slope = _softplus(z)
    t, t_slope = _tanh(s)
    return z * t, t + z * t_slope * slope


def _by_side(right, left):
    return lambda z: right(z) if _side(z) else left(z)


def _between(low, high, inside, below, above):
    """inside(z) strictly between two numbers, else what holds on either side."""

    def neuron(z):
        if z > low and z < high:
            return inside(z)
        if z <= low:
            return below(z)
        if z >= high:
            return above(z)
        raise Undecided

    return neuron


def _constant(value):
    return lambda z: (arb(value), arb(0))


def _line(z):
    return z, arb(1)


def _hardswish_inside(z):
    return z * (z + 3) / 6, (2 * z + 3) / 6


def _shrunk(z):
    half = arb(1) / 2
    if z > half:
        return z - half, arb(1)
    if z < -half:
        return z + half, arb(1)
    if z >= -half and z <= half:
        return arb(0), arb(0)
    raise Undecided


def _tanhshrink(z):
    t, _ = _tanh(z)
    return z - t, t * t


def _logsigmoid(z):
    value, _ = _softplus(-z)
    return -value, _sigmoid(-z)[0]


def _squareplus(z):
    root = (z * z + 4).sqrt()
    value = (z / 2).asinh().exp()
    return value, value / root


def _gate(q, q_prime):
    """z σ(q)."""

    def neuron(z):
        s, slope = _sigmoid(q(z))
        return z * s, s + z * q_prime(z) * slope

    return neuron


def _cubic(z):
    return (8 / arb.pi()).sqrt() * (z + arb("0.044715") * z**3)


def _cubic_prime(z):
    return (8 / arb.pi()).sqrt() * (1 + 3 * arb("0.044715") * z * z)


def _snake(z):
    return z + z.sin() ** 2, 1 + (2 * z).sin()


def _scaled(z):
    return arb(LAMBDA) * z, arb(LAMBDA)


def _selu_left(z):
    c = arb(LAMBDA) * arb(ALPHA)
    return c * z.expm1(), c * z.exp()


NEURONS = {
    "identity": lambda z: (z, arb(1)),
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "relu": _by_side(lambda z: (z, arb(1)), lambda z: (arb(0), arb(0))),
    "leaky_relu": _by_side(lambda z: (z, arb(1)), lambda z: (z / 100, arb(1) / 100)),
    "elu": _by_side(lambda z: (z, arb(1)), lambda z: (z.expm1(), z.exp())),
    "selu": _by_side(_scaled, _selu_left),
    "softplus": _softplus,
    "softsign": lambda z: (z / (1 + abs(z)), 1 / (1 + abs(z)) ** 2),
    "gelu": _gelu,
    "silu": _silu,
    "mish": _mish,
    "arctan": lambda z: (z.atan(), 1 / (1 + z * z)),
    "prelu": _by_side(_line, lambda z: (z / 4, arb(1) / 4)),
    "celu": _by_side(_line, lambda z: (z.expm1(), z.exp())),
    "relu6": _between(0, 6, _line, _constant(0), _constant(6)),
    "relu2": _by_side(lambda z: (z * z, 2 * z), _constant(0)),
    "hardtanh": _between(-1, 1, _line, _constant(-1), _constant(1)),
    "hardsigmoid": _between(-3, 3, lambda z: (z / 6 + arb(1) / 2, arb(1) / 6), _constant(0), _constant(1)),
    "hardswish": _between(-3, 3, _hardswish_inside, _constant(0), _line),
    "softshrink": _shrunk,
    "tanhshrink": _tanhshrink,
    "logsigmoid": _logsigmoid,
    "squareplus": _squareplus,
    "quick_gelu": _gate(lambda z: arb("1.702") * z, lambda z: arb("1.702")),
    "gelu_tanh": _gate(_cubic, _cubic_prime),
    "snake": _snake,
}


def _gradient(name, w, b, x, y, kind, layer, residual):
    """∂C/∂w_k or ∂C/∂b_k of C = (a_L - y)²/2."""
    neuron, a, product = NEURONS[name], arb(x), arb(1)
    for k, (weight, bias) in enumerate(zip(w, b, strict=True), start=1):
        before, z = a, arb(weight) * a + arb(bias)
        value, slope = neuron(z)
        a = before + value if residual else value
        if k == layer:
            product = slope * (before if kind == "w" else 1)
        elif k > layer:
            product *= 1 + arb(weight) * slope if residual else arb(weight) * slope
    return product * (a - arb(y))


def sign_and_log(name, w, b, x, y, kind="b", layer=1, residual=False):
    """(sign, log|∂C/∂θ|), or None where it is not proved."""
    bits, before = 128, ctx.prec
    try:
        while bits <= MOST_BITS:
            ctx.prec = bits
            try:
                value = _gradient(name, w, b, x, y, kind, layer, residual)
            except Undecided:
                bits *= 4
                continue
            if value == 0:
                return 0.0, float("-inf")
            if value.is_finite() and value.rel_accuracy_bits() > 70:
                return (1.0 if value > 0 else -1.0), float(abs(value).log())
            bits *= 4
        return None
    finally:
        ctx.prec = before
