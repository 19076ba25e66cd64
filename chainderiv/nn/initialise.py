"""Initialisers: the random weights and biases that a network starts from, by name, by σ_w and σ_b, or as a function.

A weight's variance counts by fan-in, n_in; glorot's by both fans.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainderiv.errors import BadValue, bare, unknown_name
from chainderiv.given import shown, size
from chainderiv.nn.starts import Critical, Gaussian, Own, Start

Initialiser = Start | Gaussian | Critical | Own
FORM = "sigma_w=1.5,sigma_b=0.2 or critical,sigma_b=0.2"

_STARTS = [
    Start(
        "nielsen",
        "W ~ N(0, 1/n_in), b ~ N(0, 1): Nielsen (2015), chapter 3, default_weight_initializer.",
        lambda x, n_out, n_in: x / np.sqrt(n_in),
        sigma_b=1.0,
    ),
    Start(
        "large",
        "W ~ N(0, 1), b ~ N(0, 1): Nielsen (2015), chapter 3, large_weight_initializer.",
        lambda x, n_out, n_in: x,
        sigma_b=1.0,
    ),
    Start(
        "glorot",
        "W ~ N(0, 2/(n_in + n_out)), b = 0: Glorot and Bengio (2010), the variance of equation (16), normal.",
        lambda x, n_out, n_in: x * np.sqrt(2 / (n_in + n_out)),
    ),
    Start(
        "he",
        "W ~ N(0, 2/n_in), b = 0: He et al. (2015), equation (10).",
        lambda x, n_out, n_in: x * np.sqrt(2 / n_in),
    ),
    Start(
        "lecun",
        "W ~ N(0, 1/n_in), b = 0: LeCun et al. (1998), Efficient BackProp, equation (16).",
        lambda x, n_out, n_in: x * np.sqrt(1 / n_in),
    ),
    Start(
        "glorot_uniform",
        "W uniform within ±√(6/(n_in + n_out)), of glorot's variance, b = 0: Glorot and Bengio (2010), equation (16).",
        lambda x, n_out, n_in: x * np.sqrt(2 / (n_in + n_out)),
        law="uniform",
    ),
    Start(
        "he_uniform",
        "W uniform within ±√(6/n_in), of he's variance, b = 0: He et al. (2015), equation (10).",
        lambda x, n_out, n_in: x * np.sqrt(2 / n_in),
        law="uniform",
    ),
    Start(
        "lecun_uniform",
        "W uniform within ±√(3/n_in), of lecun's variance, b = 0: LeCun et al. (1998), equation (16).",
        lambda x, n_out, n_in: x * np.sqrt(1 / n_in),
        law="uniform",
    ),
    Start(
        "orthogonal",
        "WᵀW = 1 or WWᵀ = 1, whichever is the smaller, each such W as likely, b = 0: Saxe et al. (2014).",
        lambda x, n_out, n_in: x / np.sqrt(max(n_out, n_in)),
        law="orthogonal",
    ),
]
INITIALISERS: dict[str, Start | Critical] = {start.name: start for start in _STARTS} | {"critical": Critical()}


# what PyTorch, TensorFlow and papers call them
_CALLED = {
    "he": ("kaiming", "kaiming_normal", "he_normal", "msra"),
    "he_uniform": ("kaiming_uniform",),
    "glorot": ("xavier", "xavier_normal", "glorot_normal"),
    "glorot_uniform": ("xavier_uniform",),
    "lecun": ("lecun_normal",),
}
_BY_SPELLING = {bare(name): known for known in INITIALISERS for name in (known, *_CALLED.get(known, ()))}


def initialiser(given: Any) -> Initialiser:
    """The initialiser of that name or of another for it, of a text as FORM's, or as it is given.

    Raises
    ------
    UnknownName
        For a name that no table holds, and for what is neither a name nor a function.
    BadValue
        For a σ that is none.

    Examples
    --------
    >>> W, b = initialiser("he").of("relu")(np.random.default_rng(0), 30, 784)
    >>> W.shape, b.shape
    ((30, 784), (30,))
    >>> initialiser("kaiming_normal_").name, initialiser("Xavier uniform").name, initialiser("lecun_normal").name
    ('he', 'glorot_uniform', 'lecun')
    >>> initialiser("sigma_w=1.5,sigma_b=0.2"), initialiser("critical,sigma_b=0.2")
    (Gaussian(sigma_w=1.5, sigma_b=0.2), Critical(sigma_b=0.2))
    """
    if isinstance(given, Gaussian | Critical | Start):
        return given
    if isinstance(given, str) and set(given) & {",", "="}:
        return _of_numbers(given)
    if callable(given):
        return Own(given)
    known = _BY_SPELLING.get(bare(given)) if isinstance(given, str) else None
    if known is None:
        raise unknown_name("initialiser", given, INITIALISERS, f"; numbers will do: {FORM}")
    return INITIALISERS[known]


def _of_numbers(text: str) -> Gaussian | Critical:
    """sigma_w=…, with sigma_b=… behind it or not; or critical,sigma_b=…."""
    first, _, rest = text.partition(",")
    pairs = [part.partition("=")[::2] for part in (rest if bare(first) == "critical" else text).split(",")]
    values = {name.strip(): _number(text, value) for name, value in pairs}
    critical = {"sigma_b"} if bare(first) == "critical" else None
    if len(values) < len(pairs) or values.keys() not in (critical or {"sigma_w"}, critical or {"sigma_w", "sigma_b"}):
        raise BadValue(f"init is {shown(text)}; give a name, or {FORM}")
    if critical:
        return Critical(size("sigma_b", values["sigma_b"], zero=True))
    return Gaussian(**values)


def _number(text: str, value: str) -> float:
    try:
        return float(value)
    except ValueError as e:
        raise BadValue(f"init is {shown(text)}; give a name, or {FORM}") from e
