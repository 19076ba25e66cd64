"""The page of a tour: the argument in short sentences, each beside the number or picture that bears it out."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from chainderiv.checking.verification import Row
from chainderiv.pages.html import Html, details, figure, files_beside, formula, numbers, page, paragraph, section, table
from chainderiv.pages.tour.figures import FIGURES
from chainderiv.pages.tour.findings import Findings
from chainderiv.records.measurements import MEASURED_IMAGES
from chainderiv.symbolic.notation import equations
from chainderiv.version import __version__
from chainderiv.wording import minus, number, span

TITLE = "Why the first layers of a deep network learn slowly, or much too fast"
FILES = {
    "formula.txt": "the formula and its derivation, in Unicode",
    "formula.tex": "the formula as a LaTeX document",
    "results.json": "every number of this page",
}


def tour_page(found: Findings, pictures: Mapping[str, bytes]) -> str:
    """index.html.

    pictures : name-light.svg and name-dark.svg for link-map, gradient-map, bars and training.
    """
    sections = [
        _formula(found),
        _link(pictures),
        _map(found, pictures),
        _exploding(found),
        _check(found),
        _digits(found, pictures),
        files_beside(FILES),
    ]
    return page(TITLE, _head(found), sections, f"chainderiv {__version__}, seed {found.seed}.")


def power(log10: float) -> str:
    """10 to a power that may lie outside float64, as HTML."""
    return f"10<sup>{log10:.2f}</sup>".replace("-", "−")


def _at(letter: str, less: str = "") -> str:
    """A letter with the index l, or l−1: what is a variable in italics, and what is a number not."""
    return f"<i>{letter}</i><sub><i>l</i>{less}</sub>"


def _told(text: str) -> Html:
    """A paragraph of HTML; ~ is a space at which no line ends."""
    return paragraph(Html(text.replace("~", "\u00a0")))


def _head(found: Findings) -> list[Html]:
    low, high = found.log10_range
    lead = (
        "A network learns by gradients. The gradient that reaches an early layer is a product with two factors per "
        "layer, and products of many factors seldom stay near 1: they vanish or they explode. This page follows "
        "that product from the formula to real digits. Its numbers come from one run; those of Nielsen are named."
    )
    entries: list[tuple[str, str | Html]] = [
        ("|∂C/∂b₁| on the map, smallest and largest", Html(f"{power(low)} to {power(high)}")),
        ("worst disagreement of the check, |\u2060Δlog|", number(found.worst_disagreement, 2)),
        ("second hidden layer’s gradient over the first’s, at the start", f"{number(found.record.ratio()[0])} : 1"),
    ]
    return [paragraph(lead, "lead"), numbers(entries)]


def _formula(found: Findings) -> Html:
    steps = [(one.name, found.derivation.line(one).partition(": ")[2]) for one in found.derivation.steps]
    told = [
        _told(
            f"Take the simplest deep network: one neuron per layer, four layers. Layer <i>l</i> computes "
            f"{_at('z')}~=~{_at('w')}~{_at('a', '−1')} + {_at('b')} and passes on {_at('a')}~=~σ({_at('z')}). How much "
            "the cost <i>C</i> changes with the first bias follows from the chain rule alone:"
        ),
        formula(found.derivation.to("mathml")),
        _told(
            "The first σ′ belongs to the layer whose bias we move. After it comes one link w~σ′(z) for every "
            "layer on the way to the output, and last the slope of the cost there. Each added layer adds one link."
        ),
    ]
    derivation = table(["step", "equation and reason"], steps, "From the output back.", words=True)
    return section("1. One product decides", [*told, details("The derivation, step by step", [derivation])])


def _link(pictures: Mapping[str, bytes]) -> Html:
    told = [
        _told(
            "σ′(z) = σ(z)(1 − σ(z)) is never larger than 1/4, its value at z = 0. So a link with |w| &lt; 1 is below "
            "1/4 whatever z is, and weights drawn from a standard normal distribution have |w| &lt; 1 two times out "
            "of three. Ten links below 1/4 shrink a gradient more than a million times."
        ),
        _told(
            "To reach 1 a link needs |w| ≥ 4, and z near 0 besides. But z = wa + b grows with w, so a large weight "
            "tends to push z out of the narrow band where it would amplify."
        ),
    ]
    return section("2. One link is usually small", told, _figure(pictures, "link-map"))


def _map(found: Findings, pictures: Mapping[str, bytes]) -> Html:
    low, high = found.log10_range
    exploding, quarter = (float(part.mean()) for part in (found.map.regime == 1, found.map.below_quarter))
    told = [
        _told(
            "Now give all four layers the same weight w and bias b, feed in x = 0.5 and ask for y = 0. "
            "We call the mean of ln~|w~σ′(z)| over the links the rate. Below 0 the gradient shrinks from "
            "layer to layer, above 0 it grows; the solid line is where it is 0."
        ),
        _told(
            f"The gradient vanishes almost everywhere: it explodes on {100 * exploding:.1f} % of this map, and on "
            f"{100 * quarter:.0f} % of it every single link is below 1/4 (beyond the dashed line). "
            f"|∂C/∂b₁| runs from {power(low)} to {power(high)}. Every gradient is kept as a "
            "sign and a logarithm, so that none is rounded to 0 at any depth."
        ),
        _told(
            "The colour shows the gradient itself, which also holds the first σ′ and the slope of the cost. That "
            "is why the inside of the solid line can still be blue: growth from layer to layer has begun, but four "
            "layers are too few to make up for a small start."
        ),
    ]
    return section("3. The whole product over weight and bias", told, _figure(pictures, "gradient-map"))


def _exploding(found: Findings) -> Html:
    rows = [
        (equations.write(found.derivation.chain, factor), number(value.to_float(), 10), number(product.to_float(), 10))
        for factor, value, product in zip(
            found.derivation.factors, found.exploding, found.running_products, strict=True
        )
    ]
    before = found.running_products[-2].to_float()
    told = [
        _told(
            "Choose w = 100 in every layer and each bias so that z~=~0, where σ′ is "
            f"largest: then every link is 100~·~1/4~=~{number(found.links[0].to_float())}. The factors before the "
            f"cost’s slope multiply to 25³~/~4~=~{number(before, 8)}, and each further layer would multiply by 25 "
            "again."
        ),
        _told(
            "So the trouble is not that gradients are small. It is that they are unstable: only where the links "
            "balance near 1 do all layers learn at a similar pace, and nothing holds them there."
        ),
    ]
    caption = "Every factor of ∂C/∂b₁ at w = 100, z = 0, x = 0.5, y = 0."
    return section("4. How to make it explode", told, table(["factor", "value", "product so far"], rows, caption))


def _check(found: Findings) -> Html:
    check = found.verification
    verdict = '<span class="good">They agree</span>' if check.passed else '<span class="bad">They disagree</span>'
    by_method = groupby(sorted(check.rows, key=lambda row: row.method), key=lambda row: row.method)
    summary = [_summary(method, list(rows)) for method, rows in by_method]
    every = [
        (row.parameter, *_summary(row.method, [row]), number(row.allowed, 2) if row.judged else "–")
        for row in check.rows
    ]
    told = [
        _told(
            "The derived gradient of every weight, every bias and the input is compared, at random points, with "
            "judges that only evaluate the cost and never see a derivative. "
            f"{verdict}: at {check.judged} pairs of a point and a parameter the largest difference of logarithms is "
            f"{number(found.worst_disagreement, 2)}."
        ),
        _told(
            "Ordinary finite differences in float64 can judge only gradients that are not small; where they cannot, "
            "they are not asked, because an answer of 0 would agree with anything that vanishes. The complex step "
            "and differences with many digits judge the rest."
        ),
    ]
    head = ["judge", "judged", "log₁₀ |gradient|", "worst |Δlog|"]
    rows = table(["parameter", *head, "allowed"], every, "Symbolic gradient against each judge.")
    together = table(head, summary, "All parameters together.")
    return section("5. Is the formula right?", [*told, details("Every parameter", [rows])], together)


def _summary(method: str, rows: list[Row]) -> tuple[str, str, str, str]:
    judged = [row for row in rows if row.judged]
    count = f"{sum(row.judged for row in rows)} of {sum(row.points for row in rows)}"
    if not judged:
        return method, count, "–", "–"
    low, high = min(row.log10_smallest for row in judged), max(row.log10_largest for row in judged)
    worst = max(row.worst_error for row in judged)
    return method, count, span(low, high, lambda end: minus(f"{end:.1f}")), number(worst, 2)


def _digits(found: Findings, pictures: Mapping[str, bytes]) -> Html:
    record, sizes = found.record, found.record.settings["sizes"]
    ratio, norms = record.ratio(), record.norms()[0]
    data = record.settings["data"]
    text = (
        f"A network of {sizes[0]} inputs, hidden layers of {' and '.join(map(str, sizes[1:-1]))} sigmoid neurons and "
        f"{sizes[-1]} outputs reads handwritten digits. Before "
        f"any training, the mean of ∂C/∂b over {min(MEASURED_IMAGES, data['training_images'])} images has the norm "
        f"{number(norms[0])} in the first hidden layer and {number(norms[-1])} in the last: "
        f"a factor of {number(ratio[0])}. By gradient descent, that is how much slower the first layer starts to learn."
    )
    later = (
        f"Over {record.epochs} epochs the validation accuracy goes from {100 * record.accuracy[0]:.0f} % to "
        f"{100 * record.accuracy[-1]:.0f} %, and the ratio of the norms moves from {number(ratio[0])} to "
        f"{number(ratio[-1])}. The layers need not stay apart, but the slow start costs time, and it grows with depth: "
        "Nielsen measured 0.003 in the first of four hidden layers against 0.285 in the last."
    )
    note = (
        f"{data['training_images']} images of 8 × 8 pixels to train on, {data['validation_images']} to validate; "
        f"weights N(0, 1/n), biases N(0, 1), cross-entropy cost, mini-batches of {record.settings['batch_size']}, "
        f"learning rate {record.settings['learning_rate']:g}."
    )
    figures = Html(_figure(pictures, "bars").text + _figure(pictures, "training").text)
    return section("6. The same on real digits", [_told(text), _told(later), paragraph(note, "note")], figures)


def _figure(pictures: Mapping[str, bytes], name: str) -> Html:
    drawing = FIGURES[name]
    return figure(pictures[f"{name}-light.svg"], pictures[f"{name}-dark.svg"], drawing.alt, drawing.caption)
