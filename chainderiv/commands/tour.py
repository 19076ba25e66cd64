"""chainderiv tour: one folder that shows the whole argument, on data that need no network."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from chainderiv.commands import common, pages
from chainderiv.errors import BadValue


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = "example: chainderiv tour --open\n         chainderiv tour --out my-tour --seed 1"
    parser.add_argument("--out", default="chainderiv-tour", metavar="DIR", help="folder (default chainderiv-tour)")
    parser.add_argument("--seed", default="0", help="default 0")
    pages.open_option(parser)
    common.json_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the folder and print where to look and three numbers."""
    from chainderiv.pages.tour.tour import tour

    seed = common.seed(options.seed)
    if not options.out.strip():
        raise BadValue("--out is empty; give the name of a folder")
    with common.progress() as show:
        result = tour(options.out, progress=show, seed=seed)
    if options.json:
        common.say_json({name: str(v) if hasattr(v, "joinpath") else v for name, v in asdict(result).items()})
    else:
        common.say(f"open {result.index}")
        common.say(
            f"log10 |∂C/∂b₁| on the map: {result.log10_smallest:.2f} to {result.log10_largest:.2f} "
            "(it is exactly 0 where w is)"
        )
        common.say(f"worst disagreement of the verification: |Δlog| = {result.worst_disagreement:.1e}")
        common.say(f"last over first hidden layer's gradient norm: {result.norm_ratio:.2f} (before training)")
    pages.open_if_asked(options, result.index)
    return 0 if result.verified else 3
