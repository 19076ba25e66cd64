"""chainderiv map: where a chain's gradient vanishes and explodes."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from chainderiv.commands import common, crew, map_output, map_parameters, pages
from chainderiv.errors import BadValue
from chainderiv.maps.axis import MOST, Axis
from chainderiv.maps.depth import DEPTH, depths_of
from chainderiv.maps.summary import summary
from chainderiv.maps.sweep import Sweep, require_points, sweep
from chainderiv.maps.tally import tally
from chainderiv.maps.told import told
from chainderiv.symbolic.chain import Chain
from chainderiv.view.maps.quantities import quantity_at

QUANTITIES = ("gradient", "rate", "regime", "below_quarter", "uncertain", "factor:3", "activation:3")


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = (
        "example: chainderiv map --depth 4 --w -12:12:1001 --b -10:10:1001 --out map.png\n"
        "         chainderiv map --activation sigmoid --activation tanh --out map.html --open"
    )
    common.chain_options(parser, several=True)
    parser.set_defaults(depth=None)  # so that one that is given is told from none
    common.wrt_option(parser)
    map_parameters.declare(parser)
    parser.add_argument("--quantity", default="gradient", help=f"{', '.join(QUANTITIES)} … (default gradient)")
    map_output.declare(parser)
    crew.declare(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Sweep, then save and summarise."""
    parameters = map_parameters.parameters(options.parameters)
    axes = map_parameters.axes_of(parameters)
    if not axes:
        numbers = " and ".join(f"--{name}" if len(name) == 1 else name for name in parameters)
        raise BadValue(
            f"{numbers} are numbers, and nothing is swept; give one of them as an axis, such as --w -12:12:401"
        )
    options.depth = _depth(options.depth, parameters)
    if options.quantity in ("rate", "regime") and common.whole("depth", options.depth) == 1:
        raise BadValue(f"--quantity {options.quantity} is given at depth 1, which has no link; give --depth 2 or more")
    chains = common.chains(options)
    quantity_at(options.quantity, chains[0].depth)
    _check_size(axes, options.out)
    to = map_output.output(options, len(chains), axes)
    with crew.crew(options) as workers, common.progress() as show:
        maps = [_sweep(chain, options, parameters | workers, show) for chain in chains]
        tallies = [tally(one) for one in maps]
        map_output.save(maps, tallies, options.quantity, to, show, options.typed)
    if options.json:
        summaries = [summary(one.plan, found) for one, found in zip(maps, tallies, strict=True)]
        common.say_json({"maps": summaries, "file": options.out, "csv": options.csv})
    else:
        for one, found in zip(maps, tallies, strict=True):
            common.show(told(one.plan, found))
        for said in map_output.outcomes(maps[0], to):
            common.say(said)
    pages.open_if_asked(options, options.out)
    return 0


def _depth(given: str | None, parameters: Mapping[str, Any]) -> str:
    """The number of layers, or of a depth axis the last; raises BadValue."""
    if DEPTH not in parameters:
        return common.USUAL_DEPTH if given is None else given
    if given is not None:
        raise BadValue(f"--depth {given} and --axis depth are given together; give one of them")
    axis = parameters[DEPTH]
    if not isinstance(axis, Axis):
        raise BadValue(f"--axis depth={axis:g} is one depth; give --depth {axis:g}, or --axis depth=1:50:50")
    return str(depths_of(axis)[-1])


def _sweep(chain: Chain, options: argparse.Namespace, keywords: dict[str, Any], show: common.Show) -> Sweep:
    what = f"{chain.activations[0].name}, depth {chain.depth}"
    stored = options.out if options.out and Path(options.out).suffix.lower() == ".zarr" else None
    return sweep(
        chain,
        wrt=common.wrt(options.wrt),
        progress=partial(show, what),
        out=stored,
        announce=lambda estimate: common.complain(f"{stored}: {estimate}"),
        **keywords,
    )


def _check_size(axes: Mapping[str, Axis], out: str | None) -> None:
    """Before sweep, which would give the same advice in Python."""
    if out is None or Path(out).suffix.lower() != ".zarr":
        points = math.prod(axis.count for axis in axes.values())
        require_points(points, MOST, ", or --out map.zarr to keep the map on disk")
