"""The page of a tour: the argument in short sentences, each beside the number or picture that bears it out."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from chainderiv.checking.verification import Row
from chainderiv.pages.html import Html, details, figure, formula, html, numbers, page, paragraph, section, table
from chainderiv.pages.tour.findings import Findings
from chainderiv.symbolic.notation import equations
from chainderiv.version import __version__
from chainderiv.wording import number

TITLE = "Why the first layers of a deep network learn slowly, or much too fast"


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
        _files(),
    ]
    return page(TITLE, _head(found), sections, f"chainderiv {__version__}, seed {found.seed}.")


def power(log10: float) -> Html:
    """10 to a power that may lie outside float64."""
    return Html(f"10<sup>{log10:.2f}</sup>".replace("-", "−"))


def _told(text: str) -> Html:
    """A paragraph; ~ is a space at which no line ends."""
    return paragraph(text.replace("~", "\u00a0"))


def _head(found: Findings) -> list[Html]:
    low, high = found.log10_range
    lead = (
        "A network learns by gradients. The gradient that reaches an early layer is a product with two factors per "
        "layer, and products of many factors seldom stay near 1: they vanish or they explode. This page follows "
        "that product from the formula to real digits. Its numbers come from one run; those of Nielsen are named."
    )
    return [
        Html(f'<p class="lead">{html(lead)}</p>'),
        numbers([
            ("|∂C/∂b₁| on the map, smallest and largest", Html(f"{power(low).text} to {power(high).text}")),
            ("worst disagreement of the check, |Δ log|", number(found.worst_disagreement, 2)),
            ("second hidden layer’s gradient over the first’s, at the start", f"{number(found.record.ratio()[0])} : 1"),
        ]),
    ]  # fmt: skip


def _formula(found: Findings) -> Html:
    steps = [(one.name, found.derivation.line(one).partition(": ")[2]) for one in found.derivation.steps]
    return section("1. One product decides", [
        paragraph(Html(
            "Take the simplest deep network: one neuron per layer, four layers. Layer <i>l</i> computes "
            "z<sub>l</sub> = w<sub>l</sub> a<sub>l−1</sub> + b<sub>l</sub> and passes on "
            "a<sub>l</sub> = σ(z<sub>l</sub>). How much the cost C changes with the first bias follows from the "
            "chain rule alone:"
        )),
        formula(found.derivation.to("mathml")),
        _told(
            "The first σ′ belongs to the layer whose bias we move. After it comes one link w~σ′(z) for every "
            "layer on the way to the output, and last the slope of the cost there. Each added layer adds one link."
        ),
        details(
            "The derivation, step by step",
            [table(["step", "equation and reason"], steps, "From the output back.", words=True)],
        ),
    ])  # fmt: skip


def _link(pictures: Mapping[str, bytes]) -> Html:
    return section("2. One link is usually small", [
        _told(
            "σ′(z) = σ(z)(1 − σ(z)) is never larger than 1/4, its value at z = 0. So a link with |w| < 1 is below "
            "1/4 whatever z is, and weights drawn from a standard normal distribution have |w| < 1 two times out "
            "of three. Ten links below 1/4 shrink a gradient more than a million times."
        ),
        _told(
            "To reach 1 a link needs |w| ≥ 4, and z near 0 besides. But z = wa + b grows with w, so a large weight "
            "tends to push z out of the narrow band where it would amplify."
        ),
    ], _figure(
        pictures, "link-map",
        "Map of one link over weight and pre-activation. It is below 1/4 outside two bands around z = 0; inside "
        "them, beyond weights of 4 in size, a tongue opens to either side where it exceeds 1.",
        "The size of one link. Dashed: 1/4. Solid: 1. Only inside the solid line does a link amplify. At w = 0 it "
        "is exactly 0.",
    ))  # fmt: skip


def _map(found: Findings, pictures: Mapping[str, bytes]) -> Html:
    low, high = found.log10_range
    exploding, quarter = (float(part.mean()) for part in (found.map.regime == 1, found.map.below_quarter))
    return section("3. The whole product over weight and bias", [
        _told(
            "Now give all four layers the same weight w and bias b, feed in x = 0.5 and ask for y = 0. "
            "We call the mean of ln~|w~σ′(z)| over the links the rate. Below 0 the gradient shrinks from "
            "layer to layer, above 0 it grows; the solid line is where it is 0."
        ),
        paragraph(Html(
            f"The gradient vanishes almost everywhere: it explodes on {100 * exploding:.1f} % of this map, and on "
            f"{100 * quarter:.0f} % of it every single link is below 1/4 (beyond the dashed line). "
            f"|∂C/∂b₁| runs from {power(low).text} to {power(high).text}. Every gradient is kept as a "
            "sign and a logarithm, so that none is rounded to 0 at any depth."
        )),
        _told(
            "The colour shows the gradient itself, which also holds the first σ′ and the slope of the cost. That "
            "is why the inside of the solid line can still be blue: growth from layer to layer has begun, but four "
            "layers are too few to make up for a small start."
        ),
    ], _figure(
        pictures, "gradient-map",
        "Map of the gradient of the first bias over weight and bias. Nearly all of it is labelled vanishing; a thin "
        "strip at positive weight and negative bias and a wedge at negative weight and positive bias are "
        "labelled exploding.",
        "log₁₀ |∂C/∂b₁|. Solid: the rate is 0, the boundary between vanishing and exploding. Dashed: the largest "
        "link is 1/4.",
    ))  # fmt: skip


def _exploding(found: Findings) -> Html:
    rows = [
        (equations.write(found.derivation.chain, factor), number(value.to_float(), 10), number(product.to_float(), 10))
        for factor, value, product in zip(
            found.derivation.factors, found.exploding, found.running_products, strict=True
        )
    ]
    before = found.running_products[-2].to_float()
    return section("4. How to make it explode", [
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
    ], table(
        ["factor", "value", "product so far"], rows, "Every factor of ∂C/∂b₁ at w = 100, z = 0, x = 0.5, y = 0.",
    ))  # fmt: skip


def _check(found: Findings) -> Html:
    check = found.verification
    verdict = '<span class="good">They agree</span>' if check.passed else '<span class="bad">They disagree</span>'
    by_method = groupby(sorted(check.rows, key=lambda row: row.method), key=lambda row: row.method)
    summary = [_summary(method, list(rows)) for method, rows in by_method]
    every = [
        (row.parameter, row.method, f"{row.judged} of {row.points}", _range(row.log10_smallest, row.log10_largest),
         number(row.worst_error, 2), number(row.allowed, 2)) if row.judged
        else (row.parameter, row.method, f"0 of {row.points}", "–", "–", "–")
        for row in check.rows
    ]  # fmt: skip
    return section("5. Is the formula right?", [
        paragraph(Html(
            "The derived gradient of every weight, every bias and the input is compared, at random points, with "
            "judges that only evaluate the cost and never see a derivative. "
            f"{verdict}: at {check.judged} pairs of a point and a parameter the largest difference of logarithms is "
            f"{number(found.worst_disagreement, 2)}."
        )),
        _told(
            "Ordinary finite differences in float64 can judge only gradients that are not small; where they cannot, "
            "they are not asked, because an answer of 0 would agree with anything that vanishes. The complex step "
            "and differences with many digits judge the rest."
        ),
        details("Every parameter", [
            table(["parameter", "judge", "judged", "log₁₀ |gradient|", "worst |Δ log|", "allowed"], every,
                  "Symbolic gradient against each judge."),
        ]),
    ], table(
        ["judge", "judged", "log₁₀ |gradient|", "worst |Δ log|"], summary, "All parameters together.",
    ))  # fmt: skip


def _summary(method: str, rows: list[Row]) -> tuple[str, str, str, str]:
    judged = [row for row in rows if row.judged]
    count = f"{sum(row.judged for row in rows)} of {sum(row.points for row in rows)}"
    if not judged:
        return method, count, "–", "–"
    low, high = min(row.log10_smallest for row in judged), max(row.log10_largest for row in judged)
    return method, count, _range(low, high), number(max(row.worst_error for row in judged), 2)


def _range(low: float, high: float) -> str:
    return f"{low:.1f} … {high:.1f}".replace("-", "−")


def _digits(found: Findings, pictures: Mapping[str, bytes]) -> Html:
    record, sizes = found.record, found.record.settings["sizes"]
    ratio, norms = record.ratio(), record.norms()[0]
    data = record.settings["data"]
    text = (
        f"A network of {sizes[0]} inputs, hidden layers of {' and '.join(map(str, sizes[1:-1]))} sigmoid neurons and "
        f"{sizes[-1]} outputs reads handwritten digits. Before "
        f"any training, the mean of ∂C/∂b over {min(1000, data['training_images'])} images has the norm "
        f"{number(norms[0])} in the first hidden layer and {number(norms[-1])} in the last: "
        f"a factor of {number(ratio[0])}. By gradient descent, that is how much slower the first layer starts to learn."
    )
    later = (
        f"Over {record.epochs} epochs the validation accuracy rises from {100 * record.accuracy[0]:.0f} % to "
        f"{100 * record.accuracy[-1]:.0f} %, and the ratio of the norms moves from {number(ratio[0])} to "
        f"{number(ratio[-1])}. The layers need not stay apart, but the slow start costs time, and it grows with depth: "
        "Nielsen measured 0.003 in the first of four hidden layers against 0.285 in the last."
    )
    bars = _figure(
        pictures, "bars",
        f"Bars for the neurons of {len(found.bars)} hidden layers, to one scale: those of the first layer are much "
        "shorter than those of the last.",
        "Mean ∂C/∂b of every hidden neuron before training, all bars to one scale. Right: positive. Left: negative.",
    )  # fmt: skip
    training = _figure(
        pictures,
        "training",
        "Two charts over the epochs of training. Above, the norm of the gradient in each hidden layer on a "
        "logarithmic axis; below, the validation accuracy.",
        "Above: the norm of the mean ∂C/∂b of each hidden layer. Below: the fraction of validation images read "
        "correctly.",
    )
    note = (
        f"{data['training_images']} images of 8 × 8 pixels to train on, {data['validation_images']} to validate; "
        f"weights N(0, 1/n), biases N(0, 1), cross-entropy cost, mini-batches of {record.settings['batch_size']}, "
        f"learning rate {record.settings['learning_rate']:g}."
    )
    return section(
        "6. The same on real digits",
        [_told(text), _told(later), Html(f'<p class="note">{html(note)}</p>')],
        Html(bars.text + training.text),
    )


def _files() -> Html:
    links = {
        "formula.txt": "the formula and its derivation, in Unicode",
        "formula.tex": "the formula as a LaTeX document",
        "results.json": "every number of this page",
    }
    rows = [(Html(f'<a href="{name}">{name}</a>'), what) for name, what in links.items()]
    figures = (Html("<code>*-light.svg</code>, <code>*-dark.png</code>, …"), "every figure, light and dark")
    listed = table(["file", "holds"], [*rows, figures], "In the same folder.", words=True)
    return section("Files beside this page", [listed])


def _figure(pictures: Mapping[str, bytes], name: str, alt: str, caption: str) -> Html:
    return figure(pictures[f"{name}-light.svg"], pictures[f"{name}-dark.svg"], alt, caption)
