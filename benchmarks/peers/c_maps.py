"""C on all cores: vectors over points with the vector math library, and the bound that one division a layer sets."""

from __future__ import annotations

import ctypes
import platform
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.maps import LONGEST_CHUNK, Array, Map, Run, X, Y
from benchmarks.turns import NotHere

# prefer-vector-width: on Intel gcc else stays at half of the register. The division is not to be simplified away.
FLAGS = ["-O3", "-march=native", "-fopenmp"]
if platform.machine() in ("x86_64", "AMD64"):
    FLAGS.append("-mprefer-vector-width=512")
FAST = [*FLAGS, "-ffast-math"]


def compiler() -> str:
    """gcc where it is there, else the system's cc; raises NotHere."""
    found = shutil.which("gcc") or shutil.which("cc")
    if found is None:
        raise NotHere("no C compiler here (gcc, cc)")
    return found


def compiler_version() -> str:
    """Its first line about itself, or that there is none."""
    try:
        told = subprocess.run([compiler(), "--version"], check=True, capture_output=True, text=True)
    except (NotHere, OSError, subprocess.CalledProcessError) as e:
        return f"C: {e}"
    return told.stdout.partition("\n")[0]


def vector_calls(source: str = "blocks.c") -> dict[str, int]:
    """Which functions of the vector math library the compiled loop calls: _ZGVeN8v_exp takes eight points at once."""
    with _compiled(source, ["-S"], FAST) as assembly:
        return dict(sorted(Counter(re.findall(r"\b_ZGV\w+", assembly.read_text())).items()))


def c_blocks(map: Map) -> Run:
    """One exp and one division a layer and point, blocks in the first-level cache."""
    if map.activation != "sigmoid":
        raise NotHere("the loop in C is of sigmoids")
    function = _loaded("blocks.c", FAST).map
    (w, b), pointer = map.lines, ctypes.POINTER(ctypes.c_double)
    function.argtypes = [ctypes.c_int] * 4 + [ctypes.c_double] * 2 + [pointer] * 4

    def run() -> tuple[Array, Array]:
        sign, log_abs = np.empty((w.size, b.size)), np.empty((w.size, b.size))
        arrays = [v.ctypes.data_as(pointer) for v in (w, b, sign, log_abs)]
        function(w.size, b.size, map.depth, LONGEST_CHUNK, X, Y, *arrays)
        return sign, log_abs

    return run


def divisions(map: Map) -> Run:
    """Nothing but one division of vectors a layer and point."""
    function = _loaded("division.c", FLAGS).divide
    function.argtypes, function.restype = [ctypes.c_long, ctypes.c_int, ctypes.c_double], ctypes.c_double
    points = map.side * -(-map.side // map.thin)
    return lambda: function(points, map.depth, 1.5)


def _loaded(source: str, flags: list[str]) -> ctypes.CDLL:
    with _compiled(source, ["-c", "-fPIC"], flags) as made:
        library = made.with_name("library.so")
        # linked with -ffast-math it would end subnormal numbers in the whole process that loads it
        _run([compiler(), "-shared", "-fopenmp", str(made), "-o", str(library), "-lm"])
        return ctypes.CDLL(str(library))


@contextmanager
def _compiled(source: str, kind: list[str], flags: list[str]) -> Iterator[Path]:
    """What the compiler makes of a file that stands beside this one."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made.o"
        _run([compiler(), *flags, *kind, str(Path(__file__).with_name(source)), "-o", str(made)])
        yield made


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise NotHere(f"the C compiler fails: {done.stderr.strip().splitlines()[-1]}")
