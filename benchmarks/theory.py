"""A phase diagram beside SciPy's adaptive quadrature, in one run: python -m benchmarks.theory [NAME …].

Ours is q*, χ_q, χ₁, c* and ξ_c at 200 × 200 points with their tables, from nothing but compiled code. The peer is one
`scipy.integrate.dblquad` of E φ(u) φ(v) for each point, one step of the map of c: its time is the median over some
points of the map, with SciPy's own tolerances. CPU seconds of one process; nothing asserts a time.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.integrate import dblquad

import chainderiv as cd
from benchmarks.machine import machine
from chainderiv.compiling.arrays import array_functions
from chainderiv.functions.lookup import neuron
from chainderiv.theory.moments import moments

POINTS = 200
WEIGHTS, BIASES = cd.Axis(0.1, 5, POINTS), cd.Axis(0, 3, POINTS)
PLACES = [(40, 40), (40, 120), (80, 80), (120, 40), (160, 160)]  # of the map, where SciPy is asked
REACH = 8.0  # of x and y
MOST = 0.9  # correlation at which SciPy is asked


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of a piece of work."""
    began = time.process_time()
    work()
    return time.process_time() - began


def diagram(name: str) -> cd.PhaseDiagram:
    """All that a map of the theory has, from nothing but compiled code."""
    moments.cache_clear()
    found = cd.phase_diagram(name, WEIGHTS, BIASES)
    _ = found.c_star, found.xi_c
    return found


def one_dblquad(name: str, q: float, c: float) -> float:
    """E φ(u) φ(v) for u, v ~ N(0, q) of the correlation c."""
    phi, root, rest = array_functions(neuron(name)).value, math.sqrt(q), math.sqrt(1 - c * c)

    def integrand(y: float, x: float) -> float:
        values = phi(np.array([root * x, root * (c * x + rest * y)]))
        return float(values[0] * values[1]) * math.exp(-(x * x + y * y) / 2) / (2 * math.pi)

    return float(dblquad(integrand, -REACH, REACH, -REACH, REACH)[0])


def row(name: str) -> str:
    """One activation's times and their ratio."""
    array_functions(neuron(name)).derivative(np.ones(2))
    ours = seconds(lambda: diagram(name))
    found = diagram(name)
    places = [(r, c) for r, c in PLACES if 0 < found.q_star[r, c] < math.inf]
    if not places:
        return f"{name:12} {ours:8.2f} s    no signal settles at the points where SciPy is asked"
    asked = [(float(found.q_star[p]), min(float(found.c_star[p]), MOST)) for p in places]
    peer = statistics.median(seconds(partial(one_dblquad, name, q, c)) for q, c in asked)
    return f"{name:12} {ours:8.2f} s   {1000 * peer:9.1f} ms a point   {POINTS**2 * peer / ours:10,.0f} ×"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.theory", description=__doc__)
    parser.add_argument("names", nargs="*", default=list(cd.ACTIVATIONS), help="activations (default all)")
    names = parser.parse_args().names
    diagram("tanh")  # imports
    print(machine(), f"{POINTS} x {POINTS} points, CPU seconds, beside one dblquad for each point\n", sep="\n")
    for name in names:
        print(row(name), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
