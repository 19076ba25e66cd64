"""How long the explorer takes to draw its map anew, in headless Chromium: python -m benchmarks.explorer [NAME …].

400 × 400 points at depth 20, by WebGL2 in software (SwiftShader) and by plain JavaScript, the input x another
each time. A time runs from the change of the address until the picture, its boundary lines and all numbers of the page
are there; of it the map takes what the page itself tells below it: walking all points, painting them, and the boundary
lines. CPU time is that of all processes of the browser: it is what other work on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import load, machine, processor, versions
from chainderiv.pages.explorer.page import page_data, page_of

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--enable-unsafe-swiftshader")  # as where there is no GPU: the page itself is drawn without it
NAMES = ("sigmoid", "tanh", "relu", "gelu")
ASKED = {("sigmoid", "auto"): 50, ("sigmoid", "javascript"): 250}  # milliseconds
DEPTH, RUNS = 20, 15
ENGINES = {"auto": "WebGL2", "javascript": "JavaScript"}
_REDRAW = """
async ([hash, runs]) => {
  const root = document.documentElement, times = [], maps = [];
  const drawn = () => new Promise(done => {
    const seen = new MutationObserver(() => root.dataset.drawn && (seen.disconnect(), done(performance.now())));
    seen.observe(root, { attributes: true, attributeFilter: ["data-drawn"] });
  });
  for (let run = 0; run < runs; run++) {
    const began = performance.now(), end = drawn();
    location.hash = hash + "&x=" + (0.5 + (run + Math.random()) / 1000);
    times.push(await end - began);
    maps.push(Number(document.getElementById("drawn").dataset.ms));
    await new Promise(done => setTimeout(done, 50));
  }
  return [times, maps, root.dataset.drawn];
}
"""


@dataclass(frozen=True)
class Redraws:
    """One line: milliseconds of each redraw and of its map, CPU milliseconds of one; by : "gl" or "js", what drew."""

    name: str
    engine: str
    milliseconds: list[float]
    of_map: list[float]
    cpu: float
    by: str
    asked: int | None

    def __str__(self) -> str:
        asked = "" if self.asked is None else f"  asked: under {self.asked}"
        times = (f(one) for one in (self.of_map, self.milliseconds) for f in (statistics.median, min))
        return f"{self.name:10}{ENGINES[self.engine]:12}" + "".join(f"{t:9.0f}" for t in (*times, self.cpu)) + asked


HEAD = f"{'':22}{'map':>9}{'least':>9}{'in all':>9}{'least':>9}{'CPU':>9}  milliseconds"


def redraws(page: Any, name: str, engine: str, runs: int = RUNS) -> Redraws:
    """Of an open page: the first redraws, which compile, do not count."""
    state = f"#activation={name}&depth={DEPTH}&engine={engine}"
    page.evaluate(_REDRAW, [state, 3])
    before = browser_seconds()
    times, maps, by = page.evaluate(_REDRAW, [state, runs])
    cpu = 1e3 * (browser_seconds() - before) / runs
    return Redraws(name, engine, times, maps, cpu, by, ASKED.get((name, engine)))


def browser_seconds() -> float:
    """CPU seconds of the browsers that this process has started; 0 where the system does not tell."""
    stats = [path.read_text().rpartition(")")[2].split() for path in _browsers()]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")


def _browsers() -> Iterator[Path]:
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
    for number in parents:
        line = [number]
        while line[-1] in parents:
            line.append(parents[line[-1]])
        if os.getpid() in line[1:] and "chrom" in Path(f"/proc/{number}/comm").read_text():
            yield Path(f"/proc/{number}/stat")


@contextmanager
def opened(names: Iterable[str]) -> Iterator[Any]:
    """The explorer's page of these activations, in a browser that has drawn it."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        path = Path(folder, "explorer.html")
        path.write_text(page_of(page_data([], names)), encoding="utf-8")
        browser = driver.chromium.launch(executable_path=found, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-drawn='gl'], html[data-drawn='js']", state="attached")
        yield page
        browser.close()


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explorer", description=__doc__)
    parser.add_argument("names", nargs="*", default=NAMES, help=f"activations (default {', '.join(NAMES)})")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"redraws of each (default {RUNS})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all of it there as well")
    options = parser.parse_args()
    before, found = load(), []
    print(machine(), f"400 × 400 points, depth {DEPTH}\n", HEAD, sep="\n")
    with opened(options.names) as page:
        for engine in ENGINES:
            for name in options.names:
                found.append(redraws(page, name, engine, options.runs))
                print(found[-1], flush=True)
        browser = page.context.browser.version
    print(f"\nChromium {browser}; load average afterwards {load()}")
    if options.json is not None:
        told = {"processor": processor(), "versions": versions(), "browser": browser, "load_before": before}
        told |= {"load_after": load(), "depth": DEPTH, "redraws": [asdict(one) for one in found]}
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
