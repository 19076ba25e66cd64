"""A formula in arbitrary precision: what the referees and the domain checks evaluate."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import mpmath
from sympy.utilities.lambdify import lambdify

_NAMES: list[Any] = [
    {"normal_cdf": mpmath.ncdf, "erfcx": lambda t: mpmath.exp(t * t) * mpmath.erfc(t)},
    "mpmath",
]


@lru_cache(maxsize=512)
def precise(expression: Any, *symbols: Any) -> Callable[..., Any]:
    """The mpmath function of the symbols that an expression states, at whatever digits are set when it is called.

    >>> from chainderiv.symbols import z
    >>> with mpmath.workdps(30):
    ...     print(precise(z**2 / 3, z)(mpmath.mpf(1)))
    0.333333333333333333333333333333
    """
    return lambdify(symbols, expression, modules=_NAMES)  # type: ignore[no-any-return]
