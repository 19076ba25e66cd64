"""The mathematics a second time, in plain mpmath and by hand: nothing here comes from chainderiv.

Every φ' is written so that no digits cancel but where φ' itself has a zero.
"""

import mpmath as mp

SELU = ("1.0507009873554805", "1.6732632423543772")


def sigmoid(z):
    return 1 / (1 + mp.exp(-z))


def sigmoid_prime(z):
    return 1 / (2 * mp.cosh(z / 2)) ** 2


def density(z):
    return mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi)


def softplus(z):
    return mp.log1p(mp.exp(z))


def _selu(z):
    scale, alpha = map(mp.mpf, SELU)
    return scale * z if z > 0 else scale * alpha * mp.expm1(z)


def _selu_prime(z):
    scale, alpha = map(mp.mpf, SELU)
    return scale if z > 0 else scale * alpha * mp.exp(z)


def _tanhshrink(z):
    """z - tanh z; near 0, where the two cancel, with 60 digits more."""
    with mp.workdps(mp.mp.dps + 60):
        return z - mp.tanh(z)


def _cubic(z):
    """2p of (1 + tanh p)/2 = σ(2p), p = √(2/π) (z + 0.044715 z³)."""
    return mp.sqrt(8 / mp.pi) * (z + mp.mpf("0.044715") * z**3)


def _cubic_prime(z):
    return mp.sqrt(8 / mp.pi) * (1 + 3 * mp.mpf("0.044715") * z * z)


def _from_one(z, q, q_prime):
    """(z σ(q))' - 1."""
    return z * sigmoid_prime(q) * q_prime - sigmoid(-q)


def _gated(z, q, q_prime):
    """The terms of (z σ(q))'."""
    return [sigmoid(q), z * sigmoid_prime(q) * q_prime]


PHI = {
    "sigmoid": sigmoid,
    "tanh": mp.tanh,
    "relu": lambda z: z if z > 0 else 0,
    "leaky_relu": lambda z: z if z > 0 else z / 100,
    "elu": lambda z: z if z > 0 else mp.expm1(z),
    "selu": _selu,
    "softplus": softplus,
    "softsign": lambda z: z / (1 + abs(z)),
    "gelu": lambda z: z * mp.ncdf(z),
    "silu": lambda z: z * sigmoid(z),
    "mish": lambda z: z * mp.tanh(softplus(z)),
    "arctan": mp.atan,
    "identity": lambda z: z,
    "prelu": lambda z: z if z > 0 else z / 4,
    "celu": lambda z: max(z, 0) + min(0, mp.expm1(z)),
    "relu6": lambda z: min(max(z, 0), 6),
    "relu2": lambda z: max(z, 0) ** 2,
    "hardtanh": lambda z: min(max(z, -1), 1),
    "hardsigmoid": lambda z: min(max(z + 3, 0), 6) / 6,
    "hardswish": lambda z: z * min(max(z + 3, 0), 6) / 6,
    "softshrink": lambda z: z - min(max(z, -0.5), 0.5),
    "tanhshrink": _tanhshrink,
    "logsigmoid": lambda z: -softplus(-z),
    "squareplus": lambda z: mp.exp(mp.asinh(z / 2)),
    "quick_gelu": lambda z: z * sigmoid(mp.mpf("1.702") * z),
    "gelu_tanh": lambda z: z * sigmoid(_cubic(z)),
    "snake": lambda z: z + (1 - mp.cos(2 * z)) / 2,
}

# the terms of φ'; a whole number 0 is a zero that the formula states, and not digits that ran out
TERMS = {
    "sigmoid": lambda z: [sigmoid_prime(z)],
    "tanh": lambda z: [1 / mp.cosh(z) ** 2],
    "relu": lambda z: [mp.mpf(1) if z > 0 else 0],
    "leaky_relu": lambda z: [mp.mpf(1) if z > 0 else mp.mpf(1) / 100],
    "elu": lambda z: [mp.mpf(1) if z > 0 else mp.exp(z)],
    "selu": lambda z: [_selu_prime(z)],
    "softplus": lambda z: [sigmoid(z)],
    "softsign": lambda z: [1 / (1 + abs(z)) ** 2],
    "gelu": lambda z: [mp.ncdf(z), z * density(z)],
    "silu": lambda z: [sigmoid(z), z * sigmoid_prime(z)],
    "mish": lambda z: [mp.tanh(softplus(z)), z * sigmoid(z) / mp.cosh(softplus(z)) ** 2],
    "arctan": lambda z: [1 / (1 + z * z)],
    "identity": lambda z: [mp.mpf(1)],
    "prelu": lambda z: [mp.mpf(1) if z > 0 else mp.mpf(1) / 4],
    "celu": lambda z: [mp.mpf(1) if z > 0 else mp.exp(z)],
    "relu6": lambda z: [mp.mpf(1) if 0 < z < 6 else 0],
    "relu2": lambda z: [2 * z if z > 0 else 0],
    "hardtanh": lambda z: [mp.mpf(1) if -1 < z < 1 else 0],
    "hardsigmoid": lambda z: [mp.mpf(1) / 6 if -3 < z < 3 else 0],
    "hardswish": lambda z: [mp.mpf(1)] if z >= 3 else [z / 3, mp.mpf(1) / 2] if z > -3 else [0],
    "softshrink": lambda z: [mp.mpf(1) if abs(z) > 0.5 else 0],
    "tanhshrink": lambda z: [mp.tanh(z) ** 2],
    "logsigmoid": lambda z: [sigmoid(-z)],
    "squareplus": lambda z: [mp.exp(mp.asinh(z / 2)) / mp.sqrt(z * z + 4)],
    "quick_gelu": lambda z: _gated(z, mp.mpf("1.702") * z, mp.mpf("1.702")),
    "gelu_tanh": lambda z: _gated(z, _cubic(z), _cubic_prime(z)),
    "snake": lambda z: [mp.mpf(1), mp.sin(2 * z)],
}


def phi_prime(name, z):
    return sum(TERMS[name](z))


# φ' - 1 where φ' tends to 1 on the right, or on the left: its logarithm lives on what is left
FROM_ONE = {
    "softplus": lambda z: -sigmoid(-z),
    "gelu": lambda z: z * density(z) - mp.ncdf(-z),
    "silu": lambda z: z * sigmoid_prime(z) - sigmoid(-z),
    "mish": lambda z: z * sigmoid(z) / mp.cosh(softplus(z)) ** 2 - 2 / ((1 + mp.exp(z)) ** 2 + 1),
    "squareplus": lambda z: -mp.exp(-mp.asinh(z / 2)) / mp.sqrt(z * z + 4),
    "tanhshrink": lambda z: -1 / mp.cosh(z) ** 2,
    "quick_gelu": lambda z: _from_one(z, mp.mpf("1.702") * z, mp.mpf("1.702")),
    "gelu_tanh": lambda z: _from_one(z, _cubic(z), _cubic_prime(z)),
}
FROM_ONE_LEFT = {"tanhshrink": FROM_ONE["tanhshrink"], "logsigmoid": lambda z: -sigmoid(z)}


def log_phi_prime(name, z):
    """log|φ'(z)|."""
    gaps = FROM_ONE if z > 1 else FROM_ONE_LEFT if z < -1 else {}
    return mp.log1p(gaps[name](z)) if name in gaps else mp.log(abs(phi_prime(name, z)))


def cost(name, a, y):
    return (a - y) ** 2 / 2 if name == "quadratic" else -y * mp.log(a) - (1 - y) * mp.log(1 - a)


def cost_slope(name, a, y):
    return a - y if name == "quadratic" else (a - y) / (a * (1 - a))


def correct(evaluate, agreeing=50, first=60, most=2**17):
    """evaluate() at digits that are doubled until two in a row agree to `agreeing`; a zero counts only when stated."""
    digits, before = first, None
    while digits <= most:
        with mp.workdps(digits):
            try:
                now = evaluate()
            except ZeroDivisionError:  # 1 - σ(z) rounds to 0
                now = mp.mpf(0)
            if isinstance(now, int) and now == 0:
                return now
            if before is not None and now != 0 and abs(now - before) <= abs(now) * mp.mpf(10) ** -(agreeing + 2):
                return now
        before, digits = now, 2 * digits
    raise AssertionError(f"no {agreeing} digits agree at {most}")


def layers(value, depth):
    """One number per layer, from one or from depth of them."""
    return [float(v) for v in value] if hasattr(value, "__len__") else [float(value)] * depth


def orbit(names, w, b, x, residual=False):
    """z_1 … z_L and a_0 … a_L at the digits that are set."""
    a, z = [mp.mpf(x)], []
    for name, weight, bias in zip(names, w, b, strict=True):
        z.append(mp.mpf(weight) * a[-1] + mp.mpf(bias))
        a.append(PHI[name](z[-1]) + (a[-1] if residual else 0))
    return z, a


def residual_gradient(names, w, b, x, y, wrt):
    """∂C/∂θ of a residual chain with the quadratic cost, layer by layer."""
    z, a = orbit(names, w, b, x, residual=True)
    kind, layer = wrt[0], int(wrt[1:] or 0)
    product = {"b": 1, "x": 1, "w": a[max(layer - 1, 0)]}[kind]
    for k in range(max(layer, 1), len(names) + 1):
        link = phi_prime(names[k - 1], z[k - 1])
        if k == layer and isinstance(link, int) and link == 0:
            return 0
        product = product * (link if k == layer else 1 + mp.mpf(w[k - 1]) * link)
    return product * (a[-1] - mp.mpf(y))


def gradient(names, cost_name, w, b, x, y, wrt):
    """∂C/∂θ as the product of the hand-written derivatives, at the digits that are set."""
    z, a = orbit(names, w, b, x)
    kind, layer = wrt[0], int(wrt[1:] or 0)
    start = max(layer, 1)
    product = {"b": lambda: 1, "w": lambda: a[layer - 1], "x": lambda: mp.mpf(w[0])}[kind]()
    for k in range(start, len(names) + 1):
        link = 1 if k == start else mp.mpf(w[k - 1])
        prime = phi_prime(names[k - 1], z[k - 1])
        if isinstance(prime, int) and prime == 0:
            return 0
        product = product * link * prime
    return product * cost_slope(cost_name, a[-1], mp.mpf(y))


def moved_cost(names, cost_name, w, b, x, y, moves, residual=False):
    """C with parameters moved: moves are pairs such as ("w2", by)."""
    w, b, a = [mp.mpf(v) for v in w], [mp.mpf(v) for v in b], mp.mpf(x)
    for name, by in moves:
        if name == "x":
            a += by
        else:
            (w if name[0] == "w" else b)[int(name[1:]) - 1] += by
    for name, weight, bias in zip(names, w, b, strict=True):
        a = PHI[name](weight * a + bias) + (a if residual else 0)
    return cost(cost_name, a, mp.mpf(y))


def difference(names, cost_name, w, b, x, y, wrt, residual=False):
    """(C(θ + h) - C(θ - h))/2h with a step of a third of the digits: sees φ and C alone."""
    h = mp.mpf(10) ** -(mp.mp.dps // 3)
    up, down = (moved_cost(names, cost_name, w, b, x, y, [(wrt, by)], residual) for by in (h, -h))
    return (up - down) / (2 * h)


def second_difference(names, cost_name, w, b, x, y, pair, residual=False):
    """(C(+,+) - C(+,-) - C(-,+) + C(-,-))/4h² with a step of a quarter of the digits: sees φ and C alone."""
    h = mp.mpf(10) ** -(mp.mp.dps // 4)
    corners = [
        s * t * moved_cost(names, cost_name, w, b, x, y, [(pair[0], s * h), (pair[1], t * h)], residual)
        for s in (1, -1) for t in (1, -1)
    ]  # fmt: skip
    return mp.fsum(corners) / (4 * h * h)
