"""The page of a reproduction: questions, figures, published numbers beside measured ones, and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chainderiv.experiments import beside
from chainderiv.pages.reproduction.reproduced import Reproduced
from chainderiv.pages.writer import Figure, Table, render

NUMBERS = "results.json"


def reproduction_page(reproduced: Reproduced, pictures: Mapping[str, bytes], files: Iterable[str]) -> str:
    """index.html.

    pictures : as pictures() makes them. files : the names of what lies beside the page.
    """
    of, setup, told = reproduced.of, reproduced.setup, reproduced.told()
    return render(
        "reproduction.html.j2",
        title=of.title,
        command=reproduced.command,
        twin=NUMBERS,
        lead=of.lead(setup),
        asked=setup.source.name,
        used=reproduced.data,
        as_published=setup.as_published,
        data_name=setup.data_name,
        quick=reproduced.quick,
        cards=_cards(reproduced),
        experiments=[_experiment(name, told[name], reproduced, pictures) for name in reproduced.only],
        setting=of.setting(setup),
        files=_files(reproduced, files),
    )


def _experiment(
    name: str, told: Iterable[str], reproduced: Reproduced, pictures: Mapping[str, bytes]
) -> dict[str, Any]:
    experiment = reproduced.of.experiments[name]
    introduction = experiment.introduction(reproduced.setup)
    return {
        "question": experiment.question,
        "said": [*([introduction] if introduction else []), *(sentence.replace("'", "’") for sentence in told)],
        "figures": [
            Figure(pictures[f"{of}-light.svg"], pictures[f"{of}-dark.svg"], drawing.alt, drawing.caption)
            for of, drawing in experiment.figures.items()
        ],
        "tables": [_table(given) for given in experiment.section(reproduced.found[name])],
    }


def _table(given: beside.Table) -> tuple[str, Table]:
    """The line that it is folded under, and itself."""
    return given.folded, Table(given.head, given.rows, given.caption)


def _cards(reproduced: Reproduced) -> list[tuple[str, str]]:
    cards = [card for _, experiment, found in reproduced.shown() for card in experiment.headline(found)]
    judged = [row.inside for _, row in reproduced.beside() if row.inside is not None]
    if judged and reproduced.setup.as_published:
        cards.insert(0, ("published figures inside the measured band", f"{sum(judged)} of {len(judged)}"))
    return cards


def _files(reproduced: Reproduced, names: Iterable[str]) -> dict[str, str]:
    holds = {
        NUMBERS: "every number of this page",
        "arrays.npz": "what was measured, a run a row",
        **{f"{name}.csv": f"a table of “{each.question}”" for name, each in reproduced.of.experiments.items()},
    }
    return {name: holds[name] for name in names}
