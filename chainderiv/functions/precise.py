"""A formula in mpmath, at as many digits as are set: what the judges and the domain checks evaluate."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import mpmath
import sympy
from sympy.utilities.lambdify import lambdify

from chainderiv.functions.elementary import ROWS
from chainderiv.functions.held import held

MOST_MAGNITUDE = 2**17  # of a number whose exponential or sine is taken: mpmath works with as many bits


def _capped(name: str) -> Callable[[Any], Any]:
    """mpmath's function, which raises OverflowError where its work would grow with the number and not its digits."""
    function = getattr(mpmath, name)

    def evaluate(t: Any) -> Any:
        if mpmath.isfinite(t) and t != 0 and mpmath.mag(t) > MOST_MAGNITUDE:
            raise OverflowError(f"{name} of a number beyond 2^{MOST_MAGNITUDE}")
        return function(t)

    return evaluate


_NAMES: list[Any] = [
    {row.name: row.precise for row in ROWS if row.precise is not None}
    | {name: _capped(name) for name in ("exp", "expm1", "sin", "cos", "tan", "sinh", "cosh")},
    "mpmath",
]
_LOCK = threading.RLock()


@contextmanager
def working_digits(count: int) -> Iterator[None]:
    """Work with count decimal digits, one thread at a time: mpmath's precision is one for the whole process.

    >>> with working_digits(30):
    ...     print(mpmath.mp.dps)
    30
    """
    with _LOCK, mpmath.workdps(count):
        yield


def _at_digits(number: Any) -> Any:
    return mpmath.mpf(number._eval_evalf(mpmath.mp.prec))


@lru_cache(maxsize=512)
def precise(expression: Any, *symbols: Any) -> Callable[..., Any]:
    """The mpmath function of the symbols that an expression states, at whatever digits are set when it is called.

    >>> from chainderiv.symbols import z
    >>> with mpmath.workdps(30):
    ...     print(precise(z**2 / 3, z)(mpmath.mpf(1)))
    0.333333333333333333333333333333
    """
    # what is known by intervals alone, as a Root, comes as one more argument: at the digits of the moment
    enclosed = [part for part in expression.atoms(sympy.AtomicExpr) if hasattr(part, "enclose")]
    if enclosed:
        names = [sympy.Dummy(real=True) for _ in enclosed]
        inner = precise(expression.xreplace(dict(zip(enclosed, names, strict=True))), *symbols, *names)
        return lambda *at: inner(*at, *map(_at_digits, enclosed))
    return lambdify(symbols, _with_log1p(expression), modules=_NAMES)  # type: ignore[no-any-return]


def _with_log1p(expression: Any) -> Any:
    """log(1 + e^z) as log1p: otherwise z = -1e4 alone needs 4343 digits before it differs from 0."""
    if not expression.has(sympy.log):
        return held(expression)
    from sympy.codegen.rewriting import log1p_opt, optimize  # 15 ms

    # held: log1p_opt would factor exp(1.702 z), a power of e^z of fifteen digits, and not return
    return optimize(held(expression), [log1p_opt])
