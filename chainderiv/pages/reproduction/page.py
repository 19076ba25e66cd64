"""The page of a reproduction: questions, figures, published numbers beside measured ones, and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chainderiv.experiments.beside import Table
from chainderiv.experiments.experiment import Drawing
from chainderiv.pages.html import Html, details, figure, files_beside, numbers, page, paragraph, section, split, table
from chainderiv.pages.reproduction.reproduced import Reproduced
from chainderiv.version import __version__


def reproduction_page(reproduced: Reproduced, pictures: Mapping[str, bytes], files: Iterable[str]) -> str:
    """index.html.

    pictures : as pictures() makes them. files : the names of what lies beside the page.
    """
    told = reproduced.told()
    sections = [_experiment(k, n, told[n], reproduced, pictures) for k, n in enumerate(reproduced.only, 1)]
    end = [_setting(reproduced), _files(reproduced, files)]
    return page(reproduced.of.title, _head(reproduced), [*sections, *end], f"chainderiv {__version__}")


def _experiment(
    place: int, name: str, told: Iterable[str], reproduced: Reproduced, pictures: Mapping[str, bytes]
) -> Html:
    """What it says, beside the first of an odd number of figures; then the tables over the whole width."""
    experiment = reproduced.of.experiments[name]
    introduction = experiment.introduction(reproduced.setup)
    said = [*([introduction] if introduction else []), *(sentence.replace("'", "’") for sentence in told)]
    prose = Html("".join(paragraph(text).text for text in said))
    drawn = [_figure(pictures, of, drawing) for of, drawing in experiment.figures.items()]
    content = [split(prose, drawn.pop(0)) if len(drawn) % 2 else prose]
    even = ' style="grid-template-columns: repeat(2, minmax(0, 1fr))"'
    content += [split(left, right, even) for left, right in zip(drawn[::2], drawn[1::2], strict=True)]
    tables = map(_table, experiment.section(reproduced.found[name]))
    return section(f"{place}. {experiment.question}", [*content, *tables])


def _figure(pictures: Mapping[str, bytes], name: str, drawing: Drawing[Any]) -> Html:
    return figure(pictures[f"{name}-light.svg"], pictures[f"{name}-dark.svg"], drawing.alt, drawing.caption)


def _table(given: Table) -> Html:
    whole = table(given.head, [list(map(_cell, row)) for row in given.rows], given.caption)
    return details(given.folded, [whole]) if given.folded else whole


def _cell(content: str | bool | None) -> str | Html:
    if isinstance(content, bool):
        return Html('<span class="good">yes</span>' if content else '<span class="bad">no</span>')
    return "–" if content is None else content


def _head(reproduced: Reproduced) -> list[Html]:
    lead = reproduced.of.lead(reproduced.setup)
    cards = _cards(reproduced)
    return [paragraph(lead, "lead"), *_warnings(reproduced), *([numbers(cards)] if cards else [])]


def _warnings(reproduced: Reproduced) -> list[Html]:
    texts = []
    asked = reproduced.setup.source.name
    if reproduced.data != asked:
        texts.append(f"{asked.upper()} could not be had: UCI’s 8 × 8 digits took its place.")
    if not reproduced.setup.as_published:
        texts.append(
            f"The measured numbers on this page are of {reproduced.setup.data_name}; the published ones are of MNIST. "
            "They stand side by side, and need not agree."
        )
    if reproduced.quick:
        short = "This is the quick form, with few seeds and short training. The same command without"
        texts.append(f'{short} <code style="white-space: nowrap">--quick</code> does the whole.')
    return [paragraph(Html(f'<span class="bad">Note.</span> {text}')) for text in texts]


def _cards(reproduced: Reproduced) -> list[tuple[str, str]]:
    cards = [card for _, experiment, found in reproduced.shown() for card in experiment.headline(found)]
    judged = [row.inside for _, row in reproduced.beside() if row.inside is not None]
    if judged and reproduced.setup.as_published:
        cards.insert(0, ("published figures inside the measured band", f"{sum(judged)} of {len(judged)}"))
    return cards


def _setting(reproduced: Reproduced) -> Html:
    return section("How it was measured", [paragraph(text) for text in reproduced.of.setting(reproduced.setup)])


def _files(reproduced: Reproduced, names: Iterable[str]) -> Html:
    holds = {
        "results.json": "every number of this page",
        "arrays.npz": "what was measured, a run a row",
        **{f"{name}.csv": f"a table of “{each.question}”" for name, each in reproduced.of.experiments.items()},
    }
    runs = (Html("<code>runs/</code>"), "every training run, from where the same command goes on")
    return files_beside({name: holds[name] for name in names}, runs)
