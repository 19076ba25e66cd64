"""`chainderiv map` to PNG, its cache empty and filled, beside the imports alone: python -m benchmarks.start."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.machine import machine

RUNS = 5
IMPORTS = "import numba, sympy, matplotlib.figure, matplotlib.backends.backend_agg"


def once(arguments: list[str], cache: str) -> float:
    """Seconds of a process of its own."""
    began = time.perf_counter()
    subprocess.run(arguments, check=True, capture_output=True, env=os.environ | {"CHAINDERIV_CACHE": cache})
    return time.perf_counter() - began


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of which the median counts (default {RUNS})")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        draw = [sys.executable, "-m", "chainderiv.cli", "map", "--depth", "20", "--out", f"{folder}/map.png"]
        draw += ["--w", "-12:12:1000", "--b", "-10:10:1000"]
        cold = once(draw, folder)
        # in turns, so that whatever else the machine does meets both
        pairs = [(once(draw, folder), once([sys.executable, "-c", IMPORTS], folder)) for _ in range(runs)]
    warm, bare = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(drawn / imported for drawn, imported in pairs)
    print(machine())
    print(f"1000 × 1000 points to PNG: cold {cold:.2f} s, warm {warm:.2f} s; the imports alone {bare:.2f} s")
    print(f"warm over the imports: {ratio:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
