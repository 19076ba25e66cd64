"""Whether Numba is here to compile: where it cannot be loaded, the NumPy engines serve, and one line says so."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from chainderiv.errors import BadValue

# what a Numba that does not fit its NumPy, its LLVM or this Python raises when it is loaded
UNLOADABLE = (ImportError, OSError, SystemError, AttributeError, RuntimeError, TypeError)


BLAS = "scipy.linalg.cython_blas"
_lean = False


def be_lean() -> None:
    """Have Numba loaded, when it is, without SciPy's linear algebra, which takes a tenth of a map's command.

    No kernel calls it, but Numba's own does: only for a process in which nobody else compiles.
    """
    global _lean
    _lean = True


@contextmanager
def _hidden(module: str) -> Iterator[None]:
    """A module that is not loaded yet cannot be found inside."""
    modules: dict[str, Any] = sys.modules
    here = modules.setdefault(module, None) is not None
    try:
        yield
    finally:
        if not here:
            del modules[module]


@lru_cache(maxsize=1)
def trouble() -> str | None:
    """Why Numba cannot be loaded, in a line; None where it can."""
    try:
        if _lean:
            with _hidden(BLAS):
                importlib.import_module("numba.np.arraymath")  # it looks for linear algebra once, when it is loaded
        for module in ("numba", "numba.extending"):
            importlib.import_module(module)
    except UNLOADABLE as e:
        return " ".join(f"{type(e).__name__}: {e}".split())
    return None


@lru_cache(maxsize=1)
def can_compile() -> bool:
    """Whether kernels can be compiled; where they cannot, a warning says so once, and that NumPy serves."""
    why = trouble()
    if why is not None:
        warnings.warn(
            f"Numba cannot be loaded ({why}): NumPy does its work, and slower; to mend it: pip install numba",
            RuntimeWarning,
            stacklevel=2,
        )
    return why is None


def require_compiler() -> None:
    """Raise BadValue where Numba is asked for by name and cannot be loaded."""
    why = trouble()
    if why is not None:
        raise BadValue(
            f"engine is 'numba', and Numba cannot be loaded ({why}); install it with: pip install numba, "
            "or give 'numpy', or none"
        )
