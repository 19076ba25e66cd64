"""What an experiment is: one question, and how what it found is written, drawn and told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from numpy.typing import ArrayLike

from chainderiv.experiments.beside import Beside, Table
from chainderiv.experiments.setup import Setup
from chainderiv.kinds import Report
from chainderiv.view.picture import picture
from chainderiv.view.theme import new_figure, theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Found = TypeVar("Found")
Rows = Iterable[Sequence[Any]]  # of a CSV file, the column names first
Tables = Iterable[Table]


@dataclass(frozen=True)
class Drawing(Generic[Found]):
    """One figure: its size in inches, what is read out in its place, and what stands below.

    draw : (found, an empty figure, whether it is dark) → what it draws there.
    """

    draw: Callable[[Found, Figure, bool], object]
    size: tuple[float, float]
    alt: str
    caption: str

    def figure(self, found: Found, dark: bool = False) -> Figure:
        """The figure, of what was found."""
        figure = new_figure(self.size, dark)
        with theme(dark):
            self.draw(found, figure, dark)
        return figure


def pictures_of(drawings: Sequence[tuple[str, Drawing[Any], Any]], report: Report) -> dict[str, bytes]:
    """name-light.svg, name-light.png, name-dark.svg and name-dark.png of each (name, drawing, found)."""
    pictures = {}
    report("figures", 0, len(drawings))
    for done, (name, drawing, found) in enumerate(drawings, 1):
        for shade in ("light", "dark"):
            figure = drawing.figure(found, shade == "dark")
            for form in ("svg", "png"):
                pictures[f"{name}-{shade}.{form}"] = picture(figure, form)
                # laid out once: the second file takes half the time, and its parts stand where the first one's do
                figure.set_layout_engine("none")
        report("figures", done, len(drawings))
    return pictures


@dataclass(frozen=True)
class Experiment(Generic[Found]):
    """One question that is asked of many seeds; EXPERIMENTS holds the published ones by name.

    Parameters
    ----------
    question : the heading of its section on the page.
    run : (setup, the results of what it needs) → what it found, a frozen dataclass.
    summary : found → its part of results.json; what is not finite becomes null.
    table : found → the rows of its CSV file, the column names first.
    figures : by the name of the file.
    reading : (found, setup) → what the numbers say, in sentences; none may know how they should come out.
    section : found → the tables of its section.
    needs : the experiments whose results it is computed from.
    trains : setup → how many runs it trains.
    introduction : setup → what a reader must know before its figures.
    arrays : found → what was measured, by name: a run a row, then epochs, then layers.
    beside : found → every published figure beside what was measured.
    headline : found → what the page shows in large print at its top: (what it is, its value).

    Examples
    --------
    >>> import chainderiv as cd
    >>> bars = cd.EXPERIMENTS["bars"]
    >>> found = bars.run(cd.Setup(cd.Source("digits"), seeds=2))
    >>> bars.question, [f"{norm:.2f}" for norm in found.norms]
    ('How large is the gradient in each hidden neuron at the start?', ['0.05', '0.25'])
    """

    question: str
    run: Callable[..., Found]
    summary: Callable[[Found], Mapping[str, Any]]
    table: Callable[[Found], Rows]
    figures: Mapping[str, Drawing[Found]]
    reading: Callable[[Found, Setup], Sequence[str]]
    section: Callable[[Found], Tables]
    needs: tuple[str, ...] = ()
    trains: Callable[[Setup], int] = lambda setup: 0
    introduction: Callable[[Setup], str] = lambda setup: ""
    arrays: Callable[[Found], Mapping[str, ArrayLike]] = lambda found: {}
    beside: Callable[[Found], Sequence[Beside]] = lambda found: ()
    headline: Callable[[Found], Sequence[tuple[str, str]]] = lambda found: ()
