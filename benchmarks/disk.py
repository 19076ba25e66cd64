"""A map larger than memory, 40,000 × 40,000 points of depth 20, written to disk: python -m benchmarks.disk FOLDER.

It takes 25 GB and some minutes. What a point costs stands beside what it costs in memory and what writing it does.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import chainderiv as cd
from benchmarks.machine import machine
from benchmarks.maps import Map
from benchmarks.peers.ours import ours

# private rooms, because a tile's reading and writing are timed apart
from chainderiv.maps.disk.store import Store
from chainderiv.maps.disk.storing import in_stored_tiles
from chainderiv.maps.keywords import plan_of

RUNS = 5


def reading() -> float:
    """Seconds a point, of a map in memory."""
    map = Map(20)
    run = ours(map)
    run()
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times) / map.side**2


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


def to_disk(folder: Path, side: int) -> str:
    """A map larger than memory: what it takes at most of memory, and what a point costs."""
    path = folder / "map.zarr"
    program = (
        "import pathlib, time, chainderiv as cd; began = time.perf_counter();"
        f"cd.sweep(cd.Chain(20), w=cd.Axis(-12, 12, {side}), b=cd.Axis(-10, 10, {side}), x=0.3, out={str(path)!r});"
        # getrusage would count this process's own memory, from before the other began
        "took, status = time.perf_counter() - began, pathlib.Path('/proc/self/status').read_text();"
        "print(took, status.partition('VmHWM:')[2].split()[0])"
    )
    memory, written = reading(), writing(folder)
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    took, most = map(float, answer.split())
    size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    shutil.rmtree(path)
    return (
        f"{side:,} × {side:,} to disk: {took:.0f} s, {size / 1e9:.1f} GB, at most {most / 1e3:.0f} MB of memory; "
        f"{1e9 * took / side**2:.1f} ns a point = {took / side**2 / (memory + written):.2f} × a map in memory "
        f"({1e9 * memory:.1f} ns) and the writing ({1e9 * written:.1f} ns)"
    )


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.disk", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the map is written, and deleted again")
    parser.add_argument("--side", type=int, default=40_000, help="its points along either axis (default 40,000)")
    options = parser.parse_args()
    print(machine(), to_disk(options.folder, options.side), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
