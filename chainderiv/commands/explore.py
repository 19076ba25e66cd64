"""chainderiv explore: one page on which the map of a chain's gradient follows the sliders; written, then opened."""

from __future__ import annotations

import argparse

from chainderiv.commands import common, pages
from chainderiv.errors import BadValue

NAME = "chainderiv-explorer.html"


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = (
        "example: chainderiv explore\n"
        "         chainderiv explore --activation 'z*exp(-z**2)' --out mine.html --no-open\n\n"
        "the file holds all it needs: no server, no network"
    )
    add = parser.add_argument
    neurons = "a formula, or a name that is not in the catalogue, which is offered whole; may be repeated"
    add("--activation", action="append", metavar="NAME", help=neurons)
    add("--out", metavar="FILE", default=NAME, help=f"the page (.html, default {NAME})")
    add("--no-open", action="store_true", help="write the page without opening it in a browser")
    common.json_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the page, and open it."""
    from chainderiv.pages.explorer.page import save_explorer

    if not pages.is_page(options.out):
        raise BadValue(f"--out is {options.out!r}; give a name that ends in .html")
    activations = [common.stated_neuron(text) for text in options.activation or ()]
    save_explorer(options.out, activations)
    opened = not options.no_open and pages.opened(options.out)
    if options.json:
        common.say_json({"file": options.out, "opened": opened, "activations": [phi.name for phi in activations]})
    else:
        common.say(f"written: {options.out}")
    return 0
