"""Figures and Axes of our own making, which a notebook shows where they are the last thing in a cell."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

DOTS = 200  # an inch, drawn at half that size: sharp on any screen
Shown = tuple[bytes, dict[str, int]]


class OwnFigure(Figure):
    """A figure that pyplot does not know; a notebook shows it without any backend of pyplot's."""

    def _repr_png_(self) -> Shown:
        """A PNG and the size at which it is shown, in pixels; IPython asks for it where pyplot's backend does not."""
        content = io.BytesIO()
        self.savefig(content, format="png", dpi=DOTS, facecolor=self.get_facecolor())
        wide, high = (round(100 * inches) for inches in self.get_size_inches())
        return content.getvalue(), {"width": wide, "height": high}


class OwnAxes(Axes):
    """Axes of an OwnFigure, which show the whole of it."""

    def _repr_png_(self) -> Shown:
        """See OwnFigure."""
        figure: Any = self.get_figure(root=True)
        return figure._repr_png_()  # type: ignore[no-any-return]
