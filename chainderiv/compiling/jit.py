"""Numba's njit for kernel files."""

from __future__ import annotations

from typing import Any

import numba


def njit(*, cache: bool = False, **options: Any) -> Any:
    """numba.njit; what is kept (cache) is called by Python, and what is not only by the kernel's own compiled code.

    The latter goes without the wrappers that take Python's objects apart: a fifth of a kernel's compilation.
    """
    if not cache:
        options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    compile_at_first_call: Any = numba.njit  # its types know none of the two
    return compile_at_first_call(cache=cache, **options)
