"""chainderiv explore: one page on which the map of a chain's gradient follows the sliders; written, then opened."""

from __future__ import annotations

import argparse
from pathlib import Path

from chainderiv.commands import common
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

    target = Path(options.out)
    if target.suffix.lower() != ".html":
        raise BadValue(f"--out is {options.out!r}; give a name that ends in .html")
    activations = [common.stated_neuron(text) for text in options.activation or ()]
    save_explorer(target, activations)
    opened = not options.no_open and _opened(target)
    if options.json:
        common.say_json({"file": options.out, "opened": opened, "activations": [phi.name for phi in activations]})
        return 0
    common.say(f"written: {options.out}")
    if not options.no_open and not opened:
        common.complain(f"no browser was found; open {options.out} in one")
    return 0


def _opened(page: Path) -> bool:
    import webbrowser

    return webbrowser.open(page.resolve().as_uri())
