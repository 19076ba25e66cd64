"""chainderiv reproduce: run the experiments of a source, over many seeds, and write a page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from chainderiv.commands import common, crew, pages
from chainderiv.errors import BadValue
from chainderiv.experiments.catalogue import REPRODUCTIONS, reproduction_of
from chainderiv.experiments.reproduction import Reproduction, chosen
from chainderiv.experiments.runs import Source
from chainderiv.experiments.setup import Setup
from chainderiv.pages.reproduction.reproduction import Result, reproduction

DEEPEST, DEEP = 8, 4
OF_DEPTH = "nielsen5"  # the source that --max-depth is of


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = (
        "example: chainderiv reproduce nielsen5 --quick\n         chainderiv reproduce meanfield --quick --open"
    )
    add = parser.add_argument
    add("source", metavar="SOURCE", help="; ".join(f"{name}: {each.about}" for name, each in REPRODUCTIONS.items()))
    add("--quick", action="store_true", help="few seeds on the small digits, in a minute; no network")
    goes_on = "folder (default chainderiv-SOURCE); started again, the same command goes on with what is there"
    add("--out", metavar="DIR", help=goes_on)
    seeds = "; ".join(f"{n} {r.full['seeds']}, quick {r.quick['seeds']}" for n, r in REPRODUCTIONS.items())
    add("--seeds", metavar="N", help=f"runs of each kind (default {seeds})")
    depths = f"most hidden layers in accuracy of {OF_DEPTH}, 2 to {DEEPEST} (default {DEEP})"
    add("--max-depth", metavar="N", help=depths)
    names = "; ".join(f"{name} {','.join(each.experiments)}" for name, each in REPRODUCTIONS.items())
    add("--only", metavar="NAMES", help=f"with commas between, of {names} (default all)")
    common.data_option(parser)
    crew.declare(parser)
    pages.open_option(parser)
    common.json_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the experiments, write the folder and print where to look and what was found."""
    of = reproduction_of(options.source)
    out = f"chainderiv-{options.source}" if options.out is None else options.out
    if not out.strip():
        raise BadValue("--out is empty; give the name of a folder")
    settings, source, only = _settings(of, options), _source(options), _only(of, options.only)
    with crew.crew(options) as workers, common.progress() as show:
        setup = Setup(source, **settings, **workers)
        common.warned(source.load)
        try:
            result = reproduction(setup, out, only, options.quick, show, options.source, options.typed)
        except KeyboardInterrupt as e:
            if Path(out).exists():  # one in which there is nothing goes again
                e.add_note(f"the same command goes on from {out}")
            raise
    if options.json:
        common.say_json({"folder": str(result.folder), "index": str(result.index), **result.results})
    else:
        _print(result)
    pages.open_if_asked(options, result.index)
    return 0


def _settings(of: Reproduction, options: argparse.Namespace) -> dict[str, Any]:
    """What Setup takes; of what is trained fewer seeds, never more than are asked for."""
    settings = dict(of.quick if options.quick else of.full)
    if options.seeds is not None:
        settings["seeds"] = _within("seeds", options.seeds, 2, 1000)
    if "remedy_seeds" in settings:
        settings["remedy_seeds"] = min(settings["seeds"], settings["remedy_seeds"])
    if options.source == OF_DEPTH:
        deepest = DEEP if options.max_depth is None else _within("max-depth", options.max_depth, 2, DEEPEST)
        return settings | {"accuracy_depths": tuple(range(1, deepest + 1))}
    if options.max_depth is not None:
        raise BadValue(f"--max-depth is of {OF_DEPTH}, and {options.source} is asked for; leave it out")
    return settings


def _within(name: str, text: str, least: int, most: int) -> int:
    value = common.whole(name, text)
    if not least <= value <= most:
        raise BadValue(f"--{name} is {value}; give a whole number from {least} to {most}")
    return value


def _only(of: Reproduction, text: str | None) -> tuple[str, ...]:
    """The experiments asked for, in their own order; raises UnknownName and BadValue."""
    names = None if text is None else [part.strip() for part in text.split(",") if part.strip()]
    if names == []:
        raise BadValue(f"--only is {text!r}; give one or more of {','.join(of.experiments)}")
    return chosen(of.experiments, names)


def _source(options: argparse.Namespace) -> Source:
    if options.quick and options.data is not None:
        raise BadValue("--quick and --data are given together; the quick form has data of its own: leave one out")
    folder = None if options.data is None else str(Path(options.data).resolve())
    return Source("digits" if options.quick else "mnist", folder)


def _print(result: Result) -> None:
    common.say(f"open {result.index}")
    for name, sentences in result.reproduced.told().items():
        common.say(f"{name}: {sentences[0]}")
        for sentence in sentences[1:]:
            common.say(f"  {sentence}")
