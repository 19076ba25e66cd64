"""Named initialisers: the random weights and biases that a network starts from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainderiv.errors import bare, unknown_name
from chainderiv.kinds import Floats

Initialiser = Callable[[np.random.Generator, int, int], tuple[Floats, Floats]]


def nielsen(rng: np.random.Generator, fan_out: int, fan_in: int) -> tuple[Floats, Floats]:
    """W ~ N(0, 1/n_in), b ~ N(0, 1): Nielsen (2015), chapter 3, default_weight_initializer."""
    W, b = large(rng, fan_out, fan_in)
    return W / np.sqrt(fan_in), b


def large(rng: np.random.Generator, fan_out: int, fan_in: int) -> tuple[Floats, Floats]:
    """W ~ N(0, 1), b ~ N(0, 1): Nielsen (2015), chapter 3, large_weight_initializer."""
    return rng.standard_normal((fan_out, fan_in)), rng.standard_normal(fan_out)


def glorot(rng: np.random.Generator, fan_out: int, fan_in: int) -> tuple[Floats, Floats]:
    """W ~ N(0, 2/(n_in + n_out)), b = 0: Glorot and Bengio (2010), the variance of equation (16), normal."""
    return _unbiased(rng, fan_out, fan_in, 2 / (fan_in + fan_out))


def he(rng: np.random.Generator, fan_out: int, fan_in: int) -> tuple[Floats, Floats]:
    """W ~ N(0, 2/n_in), b = 0: He et al. (2015), equation (10)."""
    return _unbiased(rng, fan_out, fan_in, 2 / fan_in)


def lecun(rng: np.random.Generator, fan_out: int, fan_in: int) -> tuple[Floats, Floats]:
    """W ~ N(0, 1/n_in), b = 0: LeCun et al. (1998), Efficient BackProp, equation (16)."""
    return _unbiased(rng, fan_out, fan_in, 1 / fan_in)


def _unbiased(rng: np.random.Generator, fan_out: int, fan_in: int, variance: float) -> tuple[Floats, Floats]:
    return rng.standard_normal((fan_out, fan_in)) * np.sqrt(variance), np.zeros(fan_out)


# each: (rng, fan_out, fan_in) -> W (fan_out, fan_in), b (fan_out,), float64
INITIALISERS: dict[str, Initialiser] = {"nielsen": nielsen, "large": large, "glorot": glorot, "he": he, "lecun": lecun}


# what PyTorch, TensorFlow and papers call them; their uniform forms are other distributions, and are not here
_CALLED = {
    "he": ("kaiming", "kaiming_normal", "he_normal", "msra"),
    "glorot": ("xavier", "xavier_normal", "glorot_normal"),
    "lecun": ("lecun_normal",),
}
_BY_SPELLING = {bare(name): known for known in INITIALISERS for name in (known, *_CALLED.get(known, ()))}


def initialiser(name: Any) -> Initialiser:
    """The initialiser of that name, or of another name for it; raises UnknownName.

    >>> W, b = initialiser("he")(np.random.default_rng(0), 30, 784)
    >>> W.shape, b.shape
    ((30, 784), (30,))
    >>> initialiser("kaiming_normal_").__name__
    'he'
    """
    return INITIALISERS[initialiser_name(name)]


def initialiser_name(name: Any) -> str:
    """The table's name for an initialiser as people call it; raises UnknownName.

    >>> initialiser_name("Xavier"), initialiser_name("lecun_normal")
    ('glorot', 'lecun')
    """
    known = _BY_SPELLING.get(bare(name)) if isinstance(name, str) else None
    if known is None:
        uniform = isinstance(name, str) and "uniform" in name.lower()
        also = "; the uniform forms are not offered: he, glorot and lecun are normal" if uniform else ""
        raise unknown_name("initialiser", name, INITIALISERS, also)
    return known
