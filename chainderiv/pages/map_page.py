"""Maps as a page: the formula, the picture, light and dark, what was swept, and what its points come to."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chainderiv.functions.described import text_of
from chainderiv.maps.counted import Tally
from chainderiv.maps.summary import summary
from chainderiv.maps.sweep import Sweep
from chainderiv.maps.told import told
from chainderiv.pages.writer import Figure, Table, write_page
from chainderiv.view.maps.cut import plot_cut
from chainderiv.view.maps.maps import plot_sweeps
from chainderiv.view.picture import picture
from chainderiv.wording import minus, number

TEMPLATE = "map.html.j2"
COUNTED = "what the points come to, in shares of all of them, and the size of the gradient, in units of C"


@dataclass(frozen=True)
class Look:
    """How the picture of a page looks: what plot_sweeps takes, dots an inch, and {axis: value} of a cut, or nothing."""

    words: Mapping[str, Any]
    dpi: float | None = None
    cut: Mapping[str, float] | None = None


def save_map_page(
    maps: Sequence[Sweep],
    tallies: Sequence[Tally],
    path: str | os.PathLike[str],
    quantity: str,
    look: Look,
    command: str,
) -> None:
    """Write the page and its numbers, each whole or not at all; the folder is made if it is missing.

    maps, tallies : one or more sweeps over one or two axes, and what each comes to. quantity : as in plot_sweep.
    command : what made them, as the page says. Raises OutputError, and BadValue for a quantity that is none.
    """
    each = [_one(*pair) for pair in zip(maps, tallies, strict=True)]
    light, dark = (picture(_drawn(maps, quantity, dark, look), "svg", look.dpi) for dark in (False, True))
    title = each[0]["title"] if len(each) == 1 else f"{len(each)} maps of a gradient"
    alt = f"Map of the quantity {quantity} of {'; '.join(one['title'] for one in each)}"
    data = {
        "title": title,
        "command": command,
        "maps": each,
        "figure": Figure(light, dark, alt, wide=len(each) > 1 or look.cut is not None),
    }
    numbers = [summary(one.plan, found) for one, found in zip(maps, tallies, strict=True)]
    write_page(path, TEMPLATE, data, {"quantity": quantity, "maps": numbers})


def _one(swept: Sweep, found: Tally) -> dict[str, Any]:
    shown = told(swept.plan, found)
    title = shown.before[0].partition(", over ")[0]
    rows = [(name.removesuffix(":"), minus(value)) for name, value in shown.rows]
    return {
        "title": title,
        "formula": swept.derivation.shown("mathml"),
        "swept": Table(["what", "value"], _setting(swept), f"What was swept: {title}.", words=True),
        "found": Table(["what", "how much"], rows, f"{title}: {COUNTED}.", words=True),
    }


def _setting(swept: Sweep) -> list[tuple[str, str]]:
    chain = swept.derivation.chain
    neurons = {f.name: f"{f.symbol}(z) = {text_of(f.formula)}" for f in chain.activations}
    spans = [
        (name, f"{number(a.start, 6)} … {number(a.stop, 6)}, {a.count} values, {a.scale}")
        for name, a in swept.axes.items()
    ]
    return [
        *((f"activation {name}", formula) for name, formula in neurons.items()),
        ("cost", chain.cost.name.replace("_", " ")),
        ("layers", f"{chain.depth}{', each of which adds to its input' if chain.residual else ''}"),
        *spans,
        *((name, number(value, 12)) for name, value in swept.fixed.items()),
    ]


def _drawn(maps: Sequence[Sweep], quantity: str, dark: bool, look: Look) -> Any:
    if look.cut is None:
        return plot_sweeps(maps, quantity, dark, **look.words)
    return plot_cut(maps[0], look.cut, quantity, dark, **{k: v for k, v in look.words.items() if k != "columns"})
