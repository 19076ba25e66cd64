"""Numba's njit for kernel files."""

from __future__ import annotations

from typing import Any

import numba


def njit(*, cache: bool = False, **options: Any) -> Any:
    """numba.njit; what is kept (cache) is called by Python, and what is not only by the kernel's own compiled code.

    The latter goes without the wrapper that C would call. Python's stays: without it a call from Python is a crash.
    """
    if not cache:
        options |= {"no_cfunc_wrapper": True}
    compile_at_first_call: Any = numba.njit  # its types do not know it
    return compile_at_first_call(cache=cache, **options)
