"""What the numbers of a reproduction say, in sentences: each is computed, none knows how it should come out."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from chainderiv.experiments import published
from chainderiv.experiments.all import Accuracy, Bars, Costs, Insertion, Norms, Ratios, Remedies
from chainderiv.experiments.statistics import Comparison, against_the_one_before
from chainderiv.pages.reproduction import beside
from chainderiv.pages.reproduction.beside import PUBLISHED_RATIOS, Beside
from chainderiv.pages.reproduction.plan import Reproduced
from chainderiv.pages.tour.page import number
from chainderiv.view.networks.depths import settled

SAME = 0.25  # factors within a quarter of one another count as one and the same


def bars(found: Bars) -> str:
    """The layers' norms."""
    first, last = found.norms[0], found.norms[-1]
    return (
        f"In the run shown, the last hidden layer's mean ∂C/∂b has the norm {number(last)} and the first one's "
        f"{number(first)}: {_times(last / first)}."
    )


def norms(found: Norms) -> str:
    """The deepest network's first layer against its last, at the start and over the epochs."""
    hidden = max(found.l2)
    if hidden == 1:
        return f"The one hidden layer's norm is {number(found.at_start(1)[0, 0])} at the start (median)."
    ratio = np.median(found.slower(hidden), axis=0)
    return (
        f"With {hidden} hidden layers the last one's norm at the start is {number(ratio[0])} times the first one's "
        f"(median over the seeds). Over the {len(ratio) - 1} epochs that follow the factor lies between "
        f"{number(ratio.min())} and {number(ratio.max())}, and ends at {number(ratio[-1])}."
    )


def inside(rows: Sequence[Beside]) -> str:
    """How many published figures lie in the measured bands."""
    judged = [row.inside for row in rows if row.inside is not None]
    return f"{sum(judged)} of the {len(judged)} published figures lie inside the band of 5 to 95 % of the seeds."


def accuracy(found: Accuracy) -> list[str]:
    """Each step to a deeper network, tested."""
    return [f"{_minus(sentence)}." for sentence in found.sentences()]


def guessing(found: Accuracy, classes: int) -> list[str]:
    """Which networks have not begun to learn: those within a half of what chance gives."""
    depths = [str(d) for d, runs in zip(found.depths, found.final, strict=True) if runs.mean() < 1.5 / classes]
    if not depths:
        return []
    epochs = found.by_epoch[0].shape[1] - 1
    return [
        f"Chance alone gives {100 / classes:.0f} %: networks of {' and of '.join(depths)} hidden layers have not begun "
        f"to learn in these {epochs} epochs."
    ]


def spread(found: Accuracy) -> str:
    """The published differences against how far two runs of one network lie apart by chance."""
    depths = [d for d in found.depths if d in published.ACCURACY]
    if len(depths) < 2:
        return "Nothing published can be compared at these depths."
    last, before = depths[-1], depths[-2]
    fell = published.ACCURACY[last] - published.ACCURACY[before]
    sizes = [found.final[found.depths.index(d)].std(ddof=1) for d in (before, last)]
    apart = float(np.hypot(*sizes))
    verdict = "less than" if abs(fell) < apart else "more than"
    return _minus(
        f"The published single runs differ by {100 * fell:+.2f} points from {before} to {last} hidden layers. Two runs "
        f"that differ in nothing but these depths and their seeds vary by {100 * apart:.2f} points (standard deviation "
        f"of the difference): the published step is {verdict} that."
    )


def insertion(found: Insertion, reached: Accuracy) -> str:
    """The most that inserted layers change, against as deep networks trained from the start."""
    change = np.abs(found.kept - found.kept[:, :1]).max()
    most = f"by more than {100 * change:.2f} points" if change > 0 else "at all"
    [gap] = against_the_one_before([found.trained[0], found.trained[-1]])
    return _minus(
        f"Up to {found.inserted[-1]} layers that pass their input on do not change the accuracy of a trained network "
        f"{most}. "
        f"Trained from the start, networks of {reached.depths[-1]} hidden layers end "
        f"{100 * abs(gap.difference):.2f} points {'below' if gap.difference < 0 else 'above'} those of "
        f"{reached.depths[0]} (95 % interval {100 * gap.low:+.2f} to {100 * gap.high:+.2f}). "
        f"{_blame(float(change), gap)}"
    )


def _blame(change: float, gap: Comparison) -> str:
    if not gap.differs:
        return "Chance explains that difference well enough: at these depths training loses nothing that can be told."
    if gap.difference > 0:
        return "Here the training of the deeper networks loses nothing."
    if change < -gap.difference:
        return "A deep network that is as good exists; this training does not find it."
    return "The inserted layers lose as much, so that this says nothing against the training."


def costs(found: Costs) -> str:
    """One factor in all layers, and the layers as far apart as before."""
    hidden = max(found.quadratic.l2)
    shrinks = np.median(found.shrinks(hidden), axis=0)
    entropy, quadratic = (float(np.median(n.slower(hidden)[:, 0])) for n in (found.cross_entropy, found.quadratic))
    alike = float(shrinks.max() / shrinks.min()) < 1 + SAME
    first = (
        f"The quadratic cost's norms are {number(float(shrinks.min()))} to {number(float(shrinks.max()))} of the "
        f"cross-entropy's at the start, {'nearly the same factor in each' if alike else 'not one factor in all'} of "
        f"the {hidden} hidden layers. "
    )
    if hidden == 1:
        return first
    stays = abs(np.log(entropy / quadratic)) < np.log(1 + SAME)
    return first + (
        f"The last layer's norm is {number(entropy)} times the first one's with cross-entropy and {number(quadratic)} "
        f"times with the quadratic cost: "
        + ("the cancelled σ′ is one factor, and the links between the layers stay." if stays
           else "here the cost changes how far the layers lie apart.")
    )  # fmt: skip


def remedies(found: Remedies) -> list[str]:
    """Which neurons keep the norm from layer to layer, and how well the deepest networks do."""
    links = {name: found.link(name) for name in found.start}
    order = sorted(links, key=lambda name: abs(np.log(links[name])))
    deep = found.depths[-1]
    best, worst = order[0], order[-1]
    reached = {name: runs[-1] for name, runs in found.accuracy.items()}
    kept = {name: float(np.nanmedian(runs)) for name, runs in reached.items() if settled(runs)}
    sentences = [
        f"Going down one layer multiplies the norm by {number(links[best])} for {best}, the nearest to 1, and by "
        f"{number(links[worst])} for {worst}, the farthest ({deep} hidden layers, at the start)."
    ]
    if kept:
        top, bottom = max(kept, key=kept.__getitem__), min(kept, key=kept.__getitem__)
        sentences.append(
            f"With {deep} hidden layers {top} reaches {100 * kept[top]:.2f} % and {bottom} {100 * kept[bottom]:.2f} % "
            "(medians of the runs that did not diverge)."
        )
    lost = [_lost(name, found) for name, runs in found.accuracy.items() if np.isnan(np.concatenate(runs)).any()]
    if lost:
        sentences.append(f"At η = 0.1 training diverges for {'; '.join(lost)}.")
    return sentences


def _lost(name: str, found: Remedies) -> str:
    """How many runs diverged, depth by depth."""
    counts = zip(found.depths, map(np.isnan, found.accuracy[name]), strict=True)
    told = [f"{lost.sum()} of {len(lost)} with {depth}" for depth, lost in counts if lost.any()]
    return f"{name} ({', '.join(told)} hidden layers)"


def ratios(found: Ratios) -> str:
    """The geometric mean of the links, beside that of the published norms."""
    figures = [ratio for each in PUBLISHED_RATIOS.values() for ratio in each]
    count = sum(row.shape[1] for row in found.measured.values())
    return (
        f"Over {count} pairs of neighbouring layers, and all seeds, the geometric mean of the ratio is "
        f"{found.link:.4f}; that of the {len(figures)} ratios of published norms is {_geometric(figures):.4f}. Ten "
        f"such links in a row would multiply a gradient by {number(found.link**10, 2)}."
    )


def _minus(text: str) -> str:
    """A true minus sign before numbers; hyphens stay."""
    return re.sub(r"-(?=\d)", "−", text)


def _geometric(values: Sequence[float]) -> float:
    return float(np.exp(np.mean(np.log(values))))


def _times(ratio: float) -> str:
    return f"{number(float(ratio))} times as much" if ratio >= 1 else f"{number(float(1 / ratio))} times less"


def told(reproduced: Reproduced) -> dict[str, list[str]]:
    """The sentences of every experiment that was asked for."""
    found, said = reproduced.found, dict[str, list[str]]()

    def judged(rows: Sequence[Beside]) -> list[str]:
        """Nothing of other data, whose figures need not agree."""
        return [inside(rows)] if reproduced.as_published else []

    if found.bars is not None:
        said["bars"] = [bars(found.bars)]
    if found.norms is not None:
        said["norms"] = [norms(found.norms), *judged([*beside.start_norms(found.norms), *beside.slower(found.norms)])]
    if found.accuracy is not None:
        chance = guessing(found.accuracy, reproduced.plan.setup.source.load().classes)
        apart = [spread(found.accuracy)] if reproduced.as_published else []
        said["accuracy"] = [*accuracy(found.accuracy), *chance, *apart, *judged(beside.accuracies(found.accuracy))]
    if found.insertion is not None and found.accuracy is not None:
        said["insertion"] = [insertion(found.insertion, found.accuracy)]
    if found.costs is not None:
        said["costs"] = [costs(found.costs)]
    if found.remedies is not None:
        said["remedies"] = remedies(found.remedies)
    if found.ratios is not None:
        said["ratios"] = [ratios(found.ratios), *judged(beside.layer_ratios(found.ratios))]
    return {name: sentences for name, sentences in said.items() if reproduced.shows(name)}
