"""A figure as the bytes of a file, and as a file that is whole or not there."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainderiv.errors import BadValue
from chainderiv.given import of_kind, path_of
from chainderiv.view.choices import dots_of
from chainderiv.view.theme import theme
from chainderiv.writing import folder_for_writing, write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# no date in the file: the same figure gives the same bytes
FORMATS: dict[str, dict[str, Any]] = {
    "png": {},
    "svg": {"metadata": {"Date": None}},
    "pdf": {"metadata": {"CreationDate": None}},
}


def picture(figure: Figure | Axes, form: str = "svg", dpi: float | None = None) -> bytes:
    """A figure, or the one that Axes stand on, as the content of a 'png', 'svg' or 'pdf' file.

    dpi : dots an inch, by default 150. Raises BadValue for another form, and for what is no figure.

    >>> from chainderiv.view.networks.curves import plot_bars
    >>> picture(plot_bars([[0.1, 0.2]]), "png")[1:4]
    b'PNG'
    """
    if form not in FORMATS:
        raise BadValue(f"picture format is {form!r}; give {', '.join(FORMATS)}")
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

    of_kind("figure", figure, (Axes, FigureBase), "a Figure or the Axes that a plot returned")
    whole: Any = figure.figure.figure  # Axes may stand on a part of one
    content, dots = io.BytesIO(), dots_of(dpi)
    # dark does not matter: the background is the figure's own
    with theme():
        whole.savefig(content, format=form, facecolor=whole.get_facecolor(), dpi=dots, **FORMATS[form])
    return content.getvalue()


def save_picture(figure: Figure | Axes, path: str | os.PathLike[str], dpi: float | None = None) -> Path:
    """Write a figure, in the form that the name's ending says; the folder is made if it is missing.

    dpi : dots an inch of a .png, and of a map within a .svg or .pdf; by default 150. A .pdf embeds its letters as
    TrueType, as journals ask for.

    Raises
    ------
    BadValue
        When the name ends neither in .png nor in .svg nor in .pdf, the figure is none, or dpi no number of dots.
    OutputError
        When the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from chainderiv import plot_bars
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_picture(plot_bars([[0.1, 0.2]]), folder + "/bars.svg").name
    'bars.svg'
    """
    target = path_of("path", path)
    form = target.suffix.lower().removeprefix(".")
    if form not in FORMATS:
        raise BadValue(f"{str(target)!r} ends in no picture format; give a name that ends in .{', .'.join(FORMATS)}")
    content = picture(figure, form, dpi)
    folder_for_writing(target.parent)
    write_whole(target, content)
    return target
