"""The page of a reproduction: questions, figures, published numbers beside measured ones, and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chainderiv.experiments.beside import Table
from chainderiv.experiments.catalogue import EXPERIMENTS
from chainderiv.experiments.experiment import Drawing
from chainderiv.pages.html import Html, details, figure, files_beside, numbers, page, paragraph, section, split, table
from chainderiv.pages.reproduction.reproduced import Reproduced
from chainderiv.records.measurements import MEASURED_IMAGES
from chainderiv.version import __version__
from chainderiv.view.networks.lines import BAND_SAID

TITLE = "Why are deep networks hard to train? The published experiments, measured again over many seeds"


def reproduction_page(reproduced: Reproduced, pictures: Mapping[str, bytes], files: Iterable[str]) -> str:
    """index.html.

    pictures : as pictures() makes them. files : the names of what lies beside the page.
    """
    told = reproduced.told()
    sections = [_experiment(k, n, told[n], reproduced, pictures) for k, n in enumerate(reproduced.only, 1)]
    return page(TITLE, _head(reproduced), [*sections, _setting(reproduced), _files(files)], f"chainderiv {__version__}")


def _experiment(
    place: int, name: str, told: Iterable[str], reproduced: Reproduced, pictures: Mapping[str, bytes]
) -> Html:
    """What it says, beside the first of an odd number of figures; then the tables over the whole width."""
    experiment, introduction = EXPERIMENTS[name], EXPERIMENTS[name].introduction(reproduced.setup)
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
    lead = (
        "Nielsen’s book (2015, chapter 5) shows with single runs that the early layers of a deep network learn "
        f"slowly. Here each run is repeated with {reproduced.setup.seeds} seeds, so that what chance does can be told "
        "from what depth does."
    )
    cards = _cards(reproduced)
    return [paragraph(lead, "lead"), *_warnings(reproduced), *([numbers(cards)] if cards else [])]


def _warnings(reproduced: Reproduced) -> list[Html]:
    texts = []
    asked = reproduced.setup.source.name
    if reproduced.data != asked:
        texts.append(f"{asked.upper()} could not be had: UCI’s 8 × 8 digits took its place.")
    if not reproduced.setup.as_published:
        texts.append(
            f"The measured numbers on this page are of {_data_name(reproduced.data)}; the published ones are of MNIST. "
            "They stand side by side, and need not agree."
        )
    if reproduced.quick:
        short = "This is the quick form, with few seeds and short training. The same command without"
        texts.append(f'{short} <code style="white-space: nowrap">--quick</code> does the whole.')
    return [paragraph(Html(f'<span class="bad">Note.</span> {text}')) for text in texts]


def _data_name(name: str) -> str:
    return {"digits": "UCI’s 8 × 8 digits", "mnist": "MNIST", "fashion_mnist": "Fashion-MNIST"}[name]


def _cards(reproduced: Reproduced) -> list[tuple[str, str]]:
    cards = [card for _, experiment, found in reproduced.shown() for card in experiment.headline(found)]
    judged = [row.inside for _, row in reproduced.beside() if row.inside is not None]
    if judged and reproduced.setup.as_published:
        cards.insert(0, ("published figures inside the measured band", f"{sum(judged)} of {len(judged)}"))
    return cards


def _setting(reproduced: Reproduced) -> Html:
    setup, data = reproduced.setup, reproduced.setup.source.load()
    first = min(MEASURED_IMAGES, len(data.train))
    few = (
        f" With so few seeds the band of {BAND_SAID} reaches from nearly the least to nearly the greatest run and is "
        "narrower than it would be with many."
    )
    seeds = f"{setup.seeds} seeds; the band is {BAND_SAID} of them.{few if setup.seeds < 20 else ''}"
    text = (
        f"Data: {_data_name(data.name)}, {len(data.train)} images to train on and {len(data.validation)} to validate. "
        f"Networks: {data.pixels} inputs, hidden layers of {setup.width} sigmoid neurons, {data.classes} outputs, "
        "weights N(0, 1/n), biases N(0, 1), cross-entropy, unless said otherwise. Norms over epochs: "
        f"{setup.full_batch_epochs} epochs of full-batch descent on the first {first} images, "
        f"η = 0.1, λ = 5.0, each norm taken before its update. Accuracy: {setup.epochs} epochs in mini-batches of 10, "
        f"η = 0.1, λ = 5.0 per 50,000 images. {seeds}"
    )
    tests = (
        "Differences of accuracy are tested by Welch’s test, corrected for their number by Holm’s method; "
        "Hedges’ g is the difference in units of the runs’ own spread."
    )
    return section("How it was measured", [paragraph(text), paragraph(tests)])


def _files(names: Iterable[str]) -> Html:
    holds = {
        "results.json": "every number of this page",
        "arrays.npz": "what was measured, a run a row",
        **{f"{name}.csv": f"a table of “{each.question}”" for name, each in EXPERIMENTS.items()},
    }
    runs = (Html("<code>runs/</code>"), "every training run, from where the same command goes on")
    return files_beside({name: holds[name] for name in names}, runs)
