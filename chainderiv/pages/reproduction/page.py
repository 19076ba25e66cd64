"""The page of a reproduction: questions, figures, published numbers beside measured ones, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from chainderiv.pages.html import Content, Html, details, figure, html, numbers, page, paragraph, section, table
from chainderiv.pages.reproduction import beside, reading
from chainderiv.pages.reproduction.beside import Beside
from chainderiv.pages.reproduction.captions import CAPTIONS
from chainderiv.pages.reproduction.figures import FIGURES, NO_THEORY
from chainderiv.pages.reproduction.plan import QUESTIONS, Reproduced
from chainderiv.pages.tour.page import number
from chainderiv.version import __version__

TITLE = "Why are deep networks hard to train? The published experiments, measured again over many seeds"
BAND = ("median", "5 to 95 % of the seeds")
NORM = "L2 norm of the mean of ∂C/∂b over the first 1000 training images"


def reproduction_page(reproduced: Reproduced, pictures: Mapping[str, bytes], files: Iterable[str]) -> str:
    """index.html.

    pictures : as pictures() makes them. files : the names of what lies beside the page.
    """
    sections = [_experiment(place, name, reproduced, pictures) for place, name in enumerate(reproduced.plan.only, 1)]
    return page(TITLE, _head(reproduced), [*sections, _setting(reproduced), _files(files)], f"chainderiv {__version__}")


def _experiment(place: int, name: str, reproduced: Reproduced, pictures: Mapping[str, bytes]) -> Html:
    """What it says, beside a figure that has no other beside it; then the tables over the whole width."""
    said = [paragraph(sentence.replace("'", "’")) for sentence in reading.told(reproduced)[name]]
    prose = Html("".join(map(html, [*_introduction(name, reproduced), *said])))
    drawn = [_figure(pictures, each) for each in FIGURES[name]]
    content = [prose] if len(drawn) == 2 else [_beside(prose, drawn.pop(0))]
    if drawn:
        content.append(_beside(drawn[0], drawn[1], even=True))
    return section(f"{place}. {QUESTIONS[name]}", [*content, *SECTIONS[name](reproduced)])


def _beside(left: Html, right: Html, even: bool = False) -> Html:
    columns = ' style="grid-template-columns: repeat(2, minmax(0, 1fr))"' if even else ""
    return Html(f'<div class="split"{columns}><div>{left.text}</div><div>{right.text}</div></div>')


def _introduction(name: str, reproduced: Reproduced) -> list[Html]:
    plan = reproduced.plan
    text = INTRODUCTIONS.get(name, "").format(remedy_seeds=plan.remedy_seeds, remedy_epochs=plan.remedy_epochs)
    return [paragraph(text)] if text else []


def _figure(pictures: Mapping[str, bytes], name: str) -> Html:
    alt, caption = CAPTIONS[name]
    return figure(pictures[f"{name}-light.svg"], pictures[f"{name}-dark.svg"], alt, caption)


def _head(reproduced: Reproduced) -> list[Html]:
    plan = reproduced.plan
    lead = (
        "Nielsen’s book (2015, chapter 5) shows with single runs that the early layers of a deep network learn "
        f"slowly. Here each run is repeated with {plan.setup.seeds} seeds, so that what chance does can be told from "
        "what depth does."
    )
    cards = _cards(reproduced)
    return [Html(f'<p class="lead">{html(lead)}</p>'), *_warnings(reproduced), *([numbers(cards)] if cards else [])]


def _warnings(reproduced: Reproduced) -> list[Html]:
    texts: list[Content] = []
    if reproduced.stand_in:
        texts.append(
            f"{reproduced.plan.setup.source.name.upper()} could not be had: scikit-learn’s 8 × 8 digits took its place."
        )
    if not reproduced.as_published:
        texts.append(
            f"The measured numbers on this page are of {_data_name(reproduced.data)}; the published ones are of MNIST. "
            "They stand side by side, and need not agree."
        )
    if reproduced.plan.quick:
        texts.append(Html(
            "This is the quick form, with few seeds and short training. The same command without "
            '<code style="white-space: nowrap">--quick</code> does the whole.'
        ))  # fmt: skip
    return [Html(f'<p><span class="bad">Note.</span> {html(text)}</p>') for text in texts]


def _data_name(name: str) -> str:
    return {"digits": "scikit-learn’s 8 × 8 digits", "mnist": "MNIST", "fashion_mnist": "Fashion-MNIST"}[name]


def _cards(reproduced: Reproduced) -> list[tuple[str, Content]]:
    found, cards = reproduced.found, list[tuple[str, Content]]()
    judged = [row.inside for row in _shown(reproduced) if row.inside is not None]
    if judged and reproduced.as_published:
        cards.append(("published figures inside the measured band", f"{sum(judged)} of {len(judged)}"))
    if found.norms is not None and reproduced.shows("norms"):
        hidden = max(found.norms.l2)
        ratio = float(np.median(found.norms.slower(hidden)[:, 0]))
        cards.append(
            (f"last of {hidden} hidden layers’ gradient over the first’s, at the start", f"{number(ratio)} : 1")
        )
    if found.accuracy is not None and reproduced.shows("accuracy"):
        worse = sum(c.differs and c.difference < 0 for c in found.accuracy.comparisons)
        cards.append(("steps to one more hidden layer that make it worse, of those tested",
                      f"{worse} of {len(found.accuracy.comparisons)}"))  # fmt: skip
    return cards


def _shown(reproduced: Reproduced) -> list[Beside]:
    return [row for row in beside.everything(reproduced.found) if reproduced.shows(row.experiment)]


def _bars(reproduced: Reproduced) -> Iterable[Html]:
    found = reproduced.found
    assert found.bars is not None
    measured = [] if found.norms is None else beside.start_norms(found.norms)
    rows = []
    for layer, norm in enumerate(found.bars.norms, 1):
        one = next((r for r in measured if (r.hidden, r.layer) == (len(found.bars.norms), layer)), None)
        band = ("–", "–") if one is None else (number(one.band[1]), _band(one, number))
        rows.append(
            (
                f"hidden layer {layer}",
                _published(published_norm(len(found.bars.norms), layer), number),
                number(norm),
                *band,
            )
        )
    yield table(["layer", "published", "run shown", *BAND], rows, f"{NORM}.")


def published_norm(hidden: int, layer: int) -> float | None:
    """The published norm at the start."""
    from chainderiv.experiments.published import START_NORMS

    return START_NORMS[hidden][layer - 1] if hidden in START_NORMS else None


def _norms(reproduced: Reproduced) -> Iterable[Html]:
    norms = reproduced.found.norms
    assert norms is not None
    start, slow = beside.start_norms(norms), beside.slower(norms)
    yield _table("quantity", start, f"{NORM}.")
    if slow:
        yield _table("quantity", slow, "How many times slower the first layer learns than the last.")
    l1 = [
        (f"hidden layer {layer} of {hidden}", number(float(np.median(column))), _range(column, number))
        for hidden, values in norms.l1.items()
        for layer, column in enumerate(values[:, 0].T, 1)
    ]
    yield details("The same in the L1 norm, Σ |∂C/∂b|", [table(["quantity", *BAND], l1, "At the start.")])


def _accuracy(reproduced: Reproduced) -> Iterable[Html]:
    reached = reproduced.found.accuracy
    assert reached is not None
    rows = beside.accuracies(reached)
    means = [
        (f"{100 * row.measured.mean():.2f}", _pair(low, high, percent))
        for row, (low, high) in zip(rows, reached.intervals, strict=True)
    ]
    yield _table("quantity, %", rows, "Validation accuracy after the last epoch, in per cent.", percent,
                 ("mean", "its 95 % interval"), means)  # fmt: skip


def _insertion(reproduced: Reproduced) -> Iterable[Html]:
    inserted, reached = reproduced.found.insertion, reproduced.found.accuracy
    assert inserted is not None
    assert reached is not None
    rows = [
        (str(depth), str(extra), f"{100 * kept.mean():.2f}", f"{100 * runs.mean():.2f}", _range(runs, percent))
        for depth, extra, kept, runs in zip(
            reached.depths, inserted.inserted, inserted.kept.T, inserted.trained, strict=True
        )
    ]
    yield table(["hidden layers", "inserted", "accuracy kept: mean", "trained: mean", BAND[1]], rows,
                "Validation accuracy in per cent.")  # fmt: skip


def _costs(reproduced: Reproduced) -> Iterable[Html]:
    costs = reproduced.found.costs
    assert costs is not None
    hidden = max(costs.quadratic.l2)
    shrinks = costs.shrinks(hidden)
    starts = [n.at_start(hidden)[0] for n in (costs.cross_entropy, costs.quadratic)]
    rows = [
        (f"hidden layer {k + 1} of {hidden}", _published(published_norm(hidden, k + 1), number), number(starts[0][k]),
         number(starts[1][k]), number(float(np.median(shrinks[:, k]))), _range(shrinks[:, k], number))
        for k in range(hidden)
    ]  # fmt: skip
    yield table(["layer", "published", "cross-entropy", "quadratic", "quadratic over it", BAND[1]], rows,
                "L2 norm at the start, medians; the published ones are with cross-entropy.")  # fmt: skip


def _remedies(reproduced: Reproduced) -> Iterable[Html]:
    found = reproduced.found.remedies
    assert found is not None
    link = [
        (name, number(found.link(name)), *(number(float(np.median(start[:, k]))) for k in (0, -1)))
        for name, start in found.start.items()
    ]
    yield table(["neurons", "factor per layer", "first layer’s norm", "last layer’s"], link,
                f"At the start, {found.depths[-1]} hidden layers. Factor: from a layer to the one below.")  # fmt: skip
    reached = [(name, *map(_reached, runs)) for name, runs in found.accuracy.items()]
    yield table(["neurons", *(f"{d} hidden" for d in found.depths)], reached,
                "Validation accuracy, median in per cent; in brackets how many runs diverged.")  # fmt: skip


def _reached(runs: np.ndarray) -> str:
    finite = runs[np.isfinite(runs)]
    middle = percent(float(np.median(finite))) if len(finite) else "–"
    lost = len(runs) - len(finite)
    return f"{middle} ({lost} of {len(runs)} diverged)" if lost else middle


def _ratios(reproduced: Reproduced) -> Iterable[Html]:
    found = reproduced.found.ratios
    assert found is not None
    theory = NO_THEORY if found.predicted is None else f"theory: {found.predicted:.4f}"
    rows = beside.layer_ratios(found)
    cells = [(theory.removeprefix("theory: "),)] * len(rows)
    yield _table("ratio of norms", rows, "At the start. The published ones are ratios of published norms.", number,
                 ("theory",), cells)  # fmt: skip


INTRODUCTIONS = {
    "insertion": (
        "A network of one trained hidden layer is given more hidden layers that only pass their input on. It is as "
        "deep as one that is trained from the start, and computes nearly the same as before."
    ),
    "costs": (
        "With sigmoid outputs, cross-entropy cancels σ′(z_L), the output layer’s own. The links below it keep theirs."
    ),
    "remedies": (
        "The same training with other neurons, each with the initial weights made for it: {remedy_seeds} seeds and "
        "{remedy_epochs} epochs here. The chapter publishes no figures of these."
    ),
    "ratios": (
        "A chain of single neurons has a link w σ′(z) per layer. In a full network the ratio of the norms of "
        "neighbouring layers stands in its place."
    ),
}
SECTIONS: dict[str, Callable[[Reproduced], Iterable[Html]]] = {
    "bars": _bars,
    "norms": _norms,
    "accuracy": _accuracy,
    "insertion": _insertion,
    "costs": _costs,
    "remedies": _remedies,
    "ratios": _ratios,
}


def percent(value: float) -> str:
    """A fraction in per cent.

    >>> percent(0.9648)
    '96.48'
    """
    return f"{100 * value:.2f}"


def _table(
    what: str, rows: Sequence[Beside], caption: str, write: Callable[[float], str] = number,
    more: Sequence[str] = (), cells: Sequence[Sequence[str]] | None = None,
) -> Html:  # fmt: skip
    """Published, median, band and whether it lies inside; then further columns."""
    body: list[tuple[Content, ...]] = [
        (row.what, _published(row.published, write), write(row.band[1]), _band(row, write), _verdict(row), *extra)
        for row, extra in zip(rows, cells or [()] * len(rows), strict=True)
    ]
    return table([what, "published", *BAND, "inside?", *more], body, caption)


def _published(value: float | None, write: Callable[[float], str]) -> str:
    return "–" if value is None else write(value)


def _verdict(row: Beside) -> Html:
    if row.inside is None:
        return Html("–")
    return Html('<span class="good">yes</span>' if row.inside else '<span class="bad">no</span>')


def _band(row: Beside, write: Callable[[float], str]) -> str:
    low, _, high = row.band
    return _pair(low, high, write)


def _range(values: np.ndarray, write: Callable[[float], str]) -> str:
    low, high = np.quantile(values, [0.05, 0.95])
    return _pair(float(low), float(high), write)


def _pair(low: float, high: float, write: Callable[[float], str]) -> str:
    return f"{write(low)} … {write(high)}"


def _setting(reproduced: Reproduced) -> Html:
    plan, data = reproduced.plan, reproduced.plan.setup.source.load()
    setup = plan.setup
    few = (
        " With so few seeds the band of 5 to 95 % reaches from nearly the least to nearly the greatest run and is "
        "narrower than it would be with many."
        if setup.seeds < 20 else ""
    )  # fmt: skip
    text = (
        f"Data: {_data_name(data.name)}, {len(data.train)} images to train on and {len(data.validation)} to validate. "
        f"Networks: {data.pixels} inputs, hidden layers of {setup.width} sigmoid neurons, {data.classes} outputs, "
        "weights N(0, 1/n), biases N(0, 1), cross-entropy, unless said otherwise. Norms over epochs: "
        f"{setup.full_batch_epochs} epochs of full-batch descent on the first {min(1000, len(data.train))} images, "
        f"η = 0.1, λ = 5.0, each norm taken before its update. Accuracy: {setup.epochs} epochs in mini-batches of 10, "
        f"η = 0.1, λ = 5.0 per 50,000 images. {setup.seeds} seeds; the band is 5 to 95 % of them.{few}"
    )
    tests = (
        "Differences of accuracy are tested by Welch’s test, corrected for their number by Holm’s method; "
        "Hedges’ g is the difference in units of the runs’ own spread."
    )
    return section("How it was measured", [paragraph(text), paragraph(tests)])


def _files(names: Iterable[str]) -> Html:
    rows = [(Html(f'<a href="{name}">{name}</a>'), FILES[name]) for name in names]
    figures = (Html("<code>*-light.svg</code>, <code>*-dark.png</code>, …"), "every figure, light and dark")
    runs = (Html("<code>runs/</code>"), "every training run, from where the same command goes on")
    return section("Files beside this page", [
        table(["file", "holds"], [*rows, figures, runs], "In the same folder.", words=True)
    ])  # fmt: skip


FILES = {
    "results.json": "every number of this page",
    "arrays.npz": "what was measured, a run a row",
    **{f"{name}.csv": f"a table of “{question}”" for name, question in QUESTIONS.items()},
}
