"""This package's sweep, and what machine code it made for it."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections import Counter
from typing import Any

import chainderiv as cd
from benchmarks.maps import B, Map, Run, W, X, Y
from benchmarks.turns import NotHere

WIDTHS = {"zmm": 512, "ymm": 256, "xmm": 128}
# arithmetic of vectors of doubles, as AT&T and Intel syntax spell it: vmulpd, vfmadd213pd, …
_PACKED = re.compile(r"^\s+v?(?:add|sub|mul|div|fn?m(?:add|sub)\w*?)pd\s.*?([xyz]mm)\d", re.MULTILINE)


def ours(map: Map, engine: str = "numba") -> Run:
    """A sweep over both axes, on all usable cores."""
    w, b = cd.Axis(*W, map.side), cd.Axis(*B, map.side)
    if map.thin > 1:
        last = (map.side - 1) // map.thin * map.thin
        w = cd.Axis(W[0], W[0] + last * (W[1] - W[0]) / (map.side - 1), last // map.thin + 1)
    chain = cd.Chain(map.depth, map.activation, residual=map.residual)
    parameters: dict[str, Any] = dict(map.held) | dict(zip(map.axes, (w, b), strict=True))

    def run() -> tuple[object, object, object]:
        try:
            s = cd.sweep(chain, wrt=map.wrt, engine=engine, x=X, y=Y, **parameters)
        except cd.errors.BadValue as e:
            raise NotHere(str(e)) from e
        return s.sign, s.log_abs, ~s.uncertain

    return run


def vector_instructions(assembly: str) -> dict[int, int]:
    """How many instructions of arithmetic on vectors of doubles a text has, by the bits of their registers."""
    counts = Counter(WIDTHS[register] for register in _PACKED.findall(assembly))
    return dict(sorted(counts.items(), reverse=True))


def machine_code(map: Map) -> dict[str, object]:
    """Seconds of the first map with an empty cache, and the vectors of the code, which Numba tells of fresh code alone.

    Machine code that Numba has loaded from its cache has no text any more: hence the passing folder.
    """
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CHAINDERIV_CACHE"] = folder
        began = time.perf_counter()
        ours(map)()
        took = time.perf_counter() - began
    kernels = [module for name, module in sys.modules.items() if name.startswith("chainderiv_kernel_")]
    used = [f for kernel in kernels for f in vars(kernel).values() if getattr(f, "signatures", None)]
    texts = [text for f in used if f.__module__.startswith("chainderiv_kernel_") for text in f.inspect_asm().values()]
    return {"cold_seconds": took, "vector_instructions": vector_instructions("\n".join(texts))}
