"""chainderiv explore: one page on which the map of a chain's gradient follows the sliders; written, then opened."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainderiv.commands import common, pages
from chainderiv.errors import BadValue

if TYPE_CHECKING:
    from chainderiv.functions.activation import Activation

NAME = "chainderiv-explorer.html"


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = (
        "example: chainderiv explore\n"
        "         chainderiv explore --activation 'z*exp(-z**2)' --out mine.html --no-open\n"
        "         chainderiv explore --activation mish --measure digits\n\n"
        "the file holds all it needs: no server, no network"
    )
    add = parser.add_argument
    neurons = "a formula, or a name that is not in the catalogue, which is offered whole; may be repeated"
    add("--activation", action="append", metavar="NAME", help=neurons)
    add("--out", metavar="FILE", default=NAME, help=f"the page (.html, default {NAME})")
    add("--no-open", action="store_true", help="write the page without opening it in a browser")
    wide = "in the tab of wide layers the activations given, predicted and measured on this data set: some minutes each"
    add("--measure", metavar="DATASET", help=f"{wide} (mnist, fashion_mnist, digits, or a file)")
    common.data_option(parser)
    common.json_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the page, and open it."""
    from chainderiv.pages.explorer.page import save_explorer

    if not pages.is_page(options.out):
        raise BadValue(f"--out is {options.out!r}; give a name that ends in .html")
    activations = [common.stated_neuron(text) for text in options.activation or ()]
    save_explorer(options.out, activations, _measured(activations, options))
    opened = not options.no_open and pages.opened(options.out)
    if options.json:
        common.say_json({"file": options.out, "opened": opened, "activations": [phi.name for phi in activations]})
    else:
        common.say(f"written: {options.out}")
    return 0


def _measured(activations: list[Activation], options: argparse.Namespace) -> dict[str, Any] | None:
    """What wide layers of the activations give, where that is asked for."""
    if options.measure is None:
        if options.data is not None:
            raise BadValue("--data is where --measure finds its data set; give --measure as well, or leave it out")
        return None
    if not activations:
        raise BadValue("--measure measures the activations that are given; give --activation as well")
    from chainderiv.nn.data.data import load_data
    from chainderiv.pages.explorer.full_width import full_width

    with common.progress() as show:
        data = common.warned(lambda: load_data(options.measure, options.data))
        found = full_width(activations, data, report=show)
    # a file is found again by its path, and not by its name alone
    own = {"data": options.measure} if Path(options.measure).suffix else {}
    return {"made_by": options.typed, **found, **own, "folder": options.data}
