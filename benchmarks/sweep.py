"""Maps against their peers, as ratios in one run: python -m benchmarks.sweep (torch and jax: the `bench` group).

With --disk FOLDER a map of 40,000 × 40,000 points is written there as well, which takes 25 GB and some minutes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import chainderiv as cd

# private rooms, because a tile's reading and writing are timed apart
from chainderiv.maps.disk.store import Store
from chainderiv.maps.disk.storing import in_stored_tiles
from chainderiv.maps.keywords import plan_of

POINTS, RUNS = 1000, 5
W, B = cd.Axis(-12, 12, POINTS), cd.Axis(-10, 10, POINTS)
C_LOOP = """
#include <math.h>
void map(int n, int depth, const double *w, const double *b, double *sign, double *log_abs) {
#pragma omp parallel for
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double a = 0.3, g = 1.0;
            for (int l = 0; l < depth; l++) {
                double z = w[i] * a + b[j], s = 1 / (1 + exp(-z));
                g *= (l ? w[i] : 1.0) * s * (1 / (1 + exp(z)));
                a = s;
            }
            g *= a;
            sign[i * n + j] = (g > 0) - (g < 0);
            log_abs[i * n + j] = log(fabs(g));
        }
}
"""


def ours(name: str, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Sign and logarithm of the map, by this package."""
    s = cd.sweep(cd.Chain(depth, name), w=W, b=B, x=0.3, y=0.0, engine="numba")
    return s.sign, s.log_abs


def seconds(run: Callable[[], object], runs: int = RUNS) -> float:
    """The median of some runs after one that compiles."""
    run()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def with_jax(name: str, depth: int) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    """JAX's own jit(vmap(grad)), its sigmoid' written σ(z)σ(-z) so that it keeps its digits; deep chains by scan."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    @jax.custom_jvp
    def sigmoid(z: jax.Array) -> jax.Array:
        return 1 / (1 + jnp.exp(-z))

    sigmoid.defjvp(lambda at, along: (sigmoid(at[0]), sigmoid(at[0]) * sigmoid(-at[0]) * along[0]))
    phi = {"sigmoid": sigmoid, "tanh": jnp.tanh, "gelu": lambda z: jax.nn.gelu(z, approximate=False)}[name]

    def cost(first: jax.Array, w: jax.Array, b: jax.Array) -> jax.Array:
        a = phi(w * 0.3 + first)
        if depth <= 100:
            for _ in range(depth - 1):
                a = phi(w * a + b)
        else:
            a = jax.lax.scan(lambda a, _: (phi(w * a + b), None), a, None, length=depth - 1)[0]
        return a * a / 2

    @jax.jit
    def answer(w: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
        gradient = jax.vmap(jax.grad(cost))(b, w, b)
        return jnp.sign(gradient), jnp.log(jnp.abs(gradient))

    w, b = (jnp.asarray(v.ravel()) for v in np.meshgrid(W.values, B.values, indexing="ij"))
    rows = POINTS * POINTS if depth <= 100 else POINTS * 20  # reverse mode keeps every layer: a row block at a time

    def run() -> tuple[np.ndarray, np.ndarray]:
        parts = [answer(w[i : i + rows], b[i : i + rows]) for i in range(0, w.size, rows)]
        sign, log = (np.concatenate([np.asarray(p[k]) for p in parts]) for k in (0, 1))
        return sign.reshape(POINTS, POINTS), log.reshape(POINTS, POINTS)

    return run


def with_torch(depth: int) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    """torch's autograd on both threads."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    w, b = (torch.from_numpy(v) for v in np.meshgrid(W.values, B.values, indexing="ij"))

    def run() -> tuple[np.ndarray, np.ndarray]:
        first = b.clone().requires_grad_(True)
        a = torch.sigmoid(w * 0.3 + first)
        for _ in range(depth - 1):
            a = torch.sigmoid(w * a + b)
        (gradient,) = torch.autograd.grad((a * a / 2).sum(), first)
        return torch.sign(gradient).numpy(), torch.log(torch.abs(gradient)).numpy()

    return run


def with_c(depth: int) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    """A plain C loop, compiled for this machine."""
    import ctypes

    folder = Path(tempfile.mkdtemp())
    (folder / "map.c").write_text(C_LOOP)
    flags = ["-Ofast", "-march=native", "-fopenmp", "-shared", "-fPIC"]
    subprocess.run(["cc", *flags, str(folder / "map.c"), "-o", str(folder / "map.so"), "-lm"], check=True)
    function = ctypes.CDLL(str(folder / "map.so")).map
    sign, log = np.empty((POINTS, POINTS)), np.empty((POINTS, POINTS))
    arrays = [a.ctypes.data_as(ctypes.c_void_p) for a in (np.array(W.values), np.array(B.values), sign, log)]

    def run() -> tuple[np.ndarray, np.ndarray]:
        function(POINTS, depth, *arrays)
        return sign, log

    return run


def agree(got: tuple[np.ndarray, np.ndarray], peer: tuple[np.ndarray, np.ndarray]) -> str:
    """The largest difference of the logarithms where the peer is finite and above 1e-250."""
    judged = np.isfinite(peer[1]) & (peer[1] > np.log(1e-250))
    return f"{np.abs(got[1] - peer[1])[judged].max():.1e} over {judged.mean():.0%}"


def against(what: str, peer: Callable[[], Callable[[], object]], name: str, depth: int, at_least: float) -> None:
    """Print one line of the table."""
    try:
        run = peer()
    except (ImportError, OSError, subprocess.CalledProcessError) as e:
        print(f"{name} {depth:>6}  {what:<24} not here ({type(e).__name__})")
        return
    mine, theirs = seconds(lambda: ours(name, depth)), seconds(run, RUNS if depth <= 100 else 1)
    difference = agree(ours(name, depth), run())
    print(
        f"{name:<8}{depth:>6}  {what:<24}{1e3 * mine:8.1f} ms {1e3 * theirs:10.1f} ms  {theirs / mine:7.1f} x"
        f"  (at least {at_least:g})  |Δlog| {difference}",
        flush=True,
    )


def cold_and_warm() -> None:
    """`chainderiv map` with an empty and with a filled cache, against the imports alone."""
    imports = "import numba, sympy, matplotlib.figure, matplotlib.backends.backend_agg"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "chainderiv.cli", "map", "--depth", "20", "--out", f"{folder}/map.png"]
        command += ["--w", f"-12:12:{POINTS}", "--b", f"-10:10:{POINTS}"]
        surroundings = os.environ | {"CHAINDERIV_CACHE": folder}

        def once(arguments: list[str]) -> float:
            began = time.perf_counter()
            subprocess.run(arguments, check=True, capture_output=True, env=surroundings)
            return time.perf_counter() - began

        bare = float(np.median([once([sys.executable, "-c", imports]) for _ in range(3)]))
        cold, warm = once(command), float(np.median([once(command) for _ in range(3)]))
    print(f"map to PNG: cold {cold:.2f} s, warm {warm:.2f} s = {warm / bare:.2f} x the imports alone ({bare:.2f} s)")


def writing(folder: Path) -> float:
    """Seconds a point, of writing alone: the same tile again and again, by as many threads as there are cores."""
    plan = in_stored_tiles(plan_of(cd.Chain(20), w=cd.Axis(-12, 12, 8192), b=cd.Axis(-10, 10, 8192), x=0.3))
    tile, store = plan.read(plan.tiles[0]), Store.of(folder / "written.zarr", plan)
    with ThreadPoolExecutor() as pool:
        began = time.perf_counter()
        list(pool.map(lambda box: store.put(box, tile), plan.tiles))
        took = time.perf_counter() - began
    shutil.rmtree(store.path)
    return took / plan.points


def to_disk(folder: Path, side: int) -> None:
    """A map larger than memory: what it takes at most of memory, and what a point costs."""
    path = folder / "map.zarr"
    program = (
        "import pathlib, time, chainderiv as cd; began = time.perf_counter();"
        f"cd.sweep(cd.Chain(20), w=cd.Axis(-12, 12, {side}), b=cd.Axis(-10, 10, {side}), x=0.3, out={str(path)!r});"
        # getrusage would count this process's own memory, from before the other began
        "took, status = time.perf_counter() - began, pathlib.Path('/proc/self/status').read_text();"
        "print(took, status.partition('VmHWM:')[2].split()[0])"
    )
    memory, written = seconds(lambda: ours("sigmoid", 20)) / POINTS**2, writing(folder)
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    took, most = map(float, answer.split())
    size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    shutil.rmtree(path)
    print(
        f"{side:,} x {side:,} to disk: {took:.0f} s, {size / 1e9:.1f} GB, at most {most / 1e3:.0f} MB of memory; "
        f"{1e9 * took / side**2:.1f} ns a point = {took / side**2 / (memory + written):.2f} x a map in memory "
        f"({1e9 * memory:.1f} ns) and the writing ({1e9 * written:.1f} ns)"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--disk", type=Path, metavar="FOLDER", help="write a map larger than memory there as well")
    parser.add_argument("--side", type=int, default=40_000, help="its points along either axis")
    options = parser.parse_args()
    print("activation, depth, peer, ours, theirs, ratio")
    against("JAX jit(vmap(grad))", lambda: with_jax("sigmoid", 20), "sigmoid", 20, 8)
    against("torch autograd", lambda: with_torch(20), "sigmoid", 20, 5)
    against("C -Ofast -fopenmp", lambda: with_c(20), "sigmoid", 20, 1)
    against("JAX jit(vmap(grad))", lambda: with_jax("tanh", 20), "tanh", 20, 6)
    against("JAX jit(vmap(grad))", lambda: with_jax("gelu", 20), "gelu", 20, 3)
    hundred, deep = (seconds(lambda depth=d: ours("sigmoid", depth)) for d in (100, 10_000))
    print(f"sigmoid: depth 10,000 takes {deep / hundred:.2f} x the time of depth 100 ({1e3 * hundred:.1f} ms)")
    cold_and_warm()
    against("JAX scan", lambda: with_jax("sigmoid", 1000), "sigmoid", 1000, 100)
    if options.disk is not None:
        to_disk(options.disk, options.side)


if __name__ == "__main__":
    main()
