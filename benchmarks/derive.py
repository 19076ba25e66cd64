"""Deriving ∂C/∂b₁ beside SymPy's own diff of the composed cost, in one run: python -m benchmarks.derive.

Each figure is the median of several runs, SymPy's cache emptied before each, so that neither side profits from what it
has done before. Nothing here asserts a time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import sympy
from sympy.core.cache import clear_cache

import chainderiv as cd
from benchmarks.machine import machine

PEER_DEPTH = 20  # at 24 layers SymPy's diff of a composed sigmoid chain meets the recursion limit
DEPTHS = (1000, 2000, 4000, 8000)


def composed(depth: int) -> Any:
    """C(σ(w_L σ(… w_1 x + b_1 …) + b_L), y) as one nested expression."""
    chain = cd.Chain(depth)
    value = chain.parameter("x").symbol
    for layer in range(1, depth + 1):
        w, b = (chain.parameter(f"{kind}{layer}").symbol for kind in "wb")
        value = chain.activation(layer).formula.subs(cd.z, w * value + b)
    return chain.cost.formula.subs(cd.a, value)


def factors(depth: int) -> list[Any]:
    """Every factor of ∂C/∂b₁."""
    return list(cd.derive(cd.Chain(depth), "b1").factors)


def substituted(depth: int) -> Any:
    """The gradient as one nested expression, as SymPy's diff gives it."""
    return cd.derive(cd.Chain(depth), "b1").substitute()


def milliseconds(work: Callable[[], Any], runs: int) -> float:
    """Median wall time of a piece of work, SymPy's cache empty each time."""
    times = []
    for _ in range(runs):
        clear_cache()
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def peak_kilobytes(work: Callable[[], Any]) -> float:
    """The most memory that a piece of work holds at once, beyond what was there before."""
    clear_cache()
    tracemalloc.start()
    held = work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del held
    return peak / 1024


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.derive", description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="runs per figure (default 7)")
    runs = parser.parse_args().runs
    whole = composed(PEER_DEPTH)
    factors(2)  # imports
    ours, nested = (milliseconds(lambda f=f: f(PEER_DEPTH), runs) for f in (factors, substituted))
    peer = milliseconds(lambda: sympy.diff(whole, cd.Chain().parameter("b1").symbol), max(1, runs // 2))
    print(machine(), "sigmoid chain, quadratic cost, ∂C/∂b₁\n", sep="\n")
    print(f"depth {PEER_DEPTH}: {'sympy.diff of the composed cost':38} {peer:9.2f} ms")
    for what, took in (("every factor", ours), ("one nested expression from the factors", nested)):
        print(f"depth {PEER_DEPTH}: {what:38} {took:9.2f} ms   {peer / took:5.0f} × faster")
    print()
    for depth in DEPTHS:
        time_taken = milliseconds(lambda d=depth: factors(d), runs)
        memory = peak_kilobytes(lambda d=depth: factors(d))
        print(
            f"depth {depth}: every factor {time_taken:8.1f} ms, {1000 * time_taken / depth:5.1f} µs a layer; "
            f"{memory:7.0f} KiB, {1024 * memory / depth:5.0f} bytes a layer"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
