"""chainderiv reproduce: run the published experiments again, over many seeds, and write a page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from chainderiv.commands import common, crew
from chainderiv.errors import BadValue, unknown_name
from chainderiv.experiments.catalogue import EXPERIMENTS, chosen
from chainderiv.experiments.runs import Source
from chainderiv.experiments.setup import Setup
from chainderiv.pages.reproduction.reproduction import Result, reproduction

SOURCES = {"nielsen5": "Nielsen (2015), chapter 5"}
DEEPEST = 8
# the quick form ends within a minute on two cores
FULL: dict[str, Any] = {"seeds": 20, "full_batch_epochs": 500, "epochs": 30, "deepest": (1, 2, 4, 6, 8, 10)}
QUICK: dict[str, Any] = {"seeds": 3, "full_batch_epochs": 100, "epochs": 30, "deepest": (1, 4, 10)}
REMEDY_SEEDS = {False: 5, True: 2}


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = "example: chainderiv reproduce nielsen5 --quick"
    add, out = parser.add_argument, "chainderiv-nielsen5"
    add("source", metavar="SOURCE", help="; ".join(f"{k}: {v}" for k, v in SOURCES.items()))
    add("--quick", action="store_true", help="few seeds on the small digits, in a minute; no network")
    goes_on = f"folder (default {out}); started again, the same command goes on with what is there"
    add("--out", default=out, metavar="DIR", help=goes_on)
    add("--seeds", metavar="N", help=f"runs of each kind (default {FULL['seeds']}, quick {QUICK['seeds']})")
    add("--max-depth", default="4", metavar="N", help=f"most hidden layers in accuracy, 2 to {DEEPEST} (default 4)")
    add("--only", metavar="NAMES", help=f"with commas between: {','.join(EXPERIMENTS)} (default all)")
    common.data_option(parser)
    crew.declare(parser)
    common.json_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the experiments, write the folder and print where to look and what was found."""
    if options.source not in SOURCES:
        raise unknown_name("source", options.source, SOURCES)
    if not options.out.strip():
        raise BadValue("--out is empty; give the name of a folder")
    settings, source, only = _settings(options), _source(options), _only(options.only)
    deepest = _within("max-depth", options.max_depth, 2, DEEPEST)
    with crew.crew(options) as workers, common.progress() as show:
        setup = Setup(
            source,
            accuracy_depths=tuple(range(1, deepest + 1)),
            remedy_seeds=min(settings["seeds"], REMEDY_SEEDS[options.quick]),
            **settings,
            **workers,
        )
        common.warned(source.load)
        try:
            result = reproduction(setup, options.out, only, options.quick, show)
        except KeyboardInterrupt:
            common.complain(f"chainderiv: interrupted; the same command goes on from {options.out}")
            return 130
    if options.json:
        common.say_json({"folder": str(result.folder), "index": str(result.index), **result.results})
    else:
        _print(result)
    return 0


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    usual = QUICK if options.quick else FULL
    return usual if options.seeds is None else usual | {"seeds": _within("seeds", options.seeds, 2, 1000)}


def _within(name: str, text: str, least: int, most: int) -> int:
    value = common.whole(name, text)
    if not least <= value <= most:
        raise BadValue(f"--{name} is {value}; give a whole number from {least} to {most}")
    return value


def _only(text: str | None) -> tuple[str, ...]:
    """The experiments asked for, in their own order; raises UnknownName and BadValue."""
    names = None if text is None else [part.strip() for part in text.split(",") if part.strip()]
    if names == []:
        raise BadValue(f"--only is {text!r}; give one or more of {','.join(EXPERIMENTS)}")
    return chosen(names)


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
