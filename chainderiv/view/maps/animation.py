"""A sweep over depth and two other axes as a film: one map for each depth, in one scale of colours."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure
from numpy.typing import NDArray

from chainderiv.errors import BadValue
from chainderiv.given import function, of_kind, path_of, size
from chainderiv.kinds import Array, Box, Progress
from chainderiv.maps.axis import Axis
from chainderiv.maps.depth import DEPTH, depths_of
from chainderiv.maps.sweep import Sweep
from chainderiv.numeric.reading import Reading, Readings
from chainderiv.view.fitting import legend_columns
from chainderiv.view.maps.colours import colour_bar, scale_of
from chainderiv.view.maps.drawing import cells_of
from chainderiv.view.maps.look import Look
from chainderiv.view.maps.map_view import MapView, ends_of, view_sweep
from chainderiv.view.maps.panel import draw_map, map_entries
from chainderiv.view.maps.quantities import Quantity, quantity_at
from chainderiv.view.theme import SIZE, new_axes, new_figure, palette as palette_of, theme
from chainderiv.writing import beside, folder_for_writing, write_whole

FORMS = (".gif", ".mp4")
MOST_FRAMES = 1000
DOTS = 100  # an inch
LOOK = Look(names=False)
STILL = 2.0  # seconds that the last frame of a GIF stays

Image = NDArray[np.uint8]


def animate_sweep(
    sweep: Sweep,
    path: str | os.PathLike[str],
    quantity: str = "gradient",
    *,
    seconds_a_frame: float = 0.25,
    dark: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write a film of maps, one for each depth L of a sweep over depth and two other axes, as .gif or .mp4.

    All frames share one scale of colours, from the smallest to the largest finite value at any depth, and one layout;
    the title names the depth. The regions are not named, for their names would jump. The frame of a depth that has no
    such quantity, as depth 1 has no link and so no rate, says so.

    Parameters
    ----------
    sweep : Sweep over three axes, one of them depth; the first of the others runs to the right.
    path : name that ends in .gif, or in .mp4 where Matplotlib finds ffmpeg.
    quantity : as in plot_sweep.
    seconds_a_frame : how long a depth is shown, in seconds, above 0.
    dark : whether the film is for a dark page.
    progress : called with (frames done, frames in all).

    Returns
    -------
    The file, which is whole or not there.

    Raises
    ------
    UnknownName
        For another quantity.
    BadValue
        For another ending or other axes; for .mp4 where no ffmpeg is found.
    OutputError
        When the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from chainderiv import Axis, Chain, sweep
    >>> s = sweep(Chain(), depth=Axis(1, 3, 3), w=Axis(-12, 12, 9), b=Axis(-10, 10, 7))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     film = animate_sweep(s, folder + "/map.gif")
    ...     film.read_bytes()[:6]
    b'GIF89a'
    """
    target = path_of("path", path)
    require_film(target)
    seconds_a_frame, progress = size("seconds_a_frame", seconds_a_frame, zero=False), function("progress", progress)
    frames = depth_frames(sweep)
    images = _images(frames, quantity_at(quantity, sweep.derivation.chain.depth), dark, progress)
    folder_for_writing(target.parent)
    if target.suffix.lower() == ".gif":
        _write_gif(target, images, seconds_a_frame, _palette(dark))
    else:
        _write_mp4(target, images, seconds_a_frame)
    return target


def require_film(path: Path) -> None:
    """Raise BadValue where a film of that name cannot be made here."""
    if path.suffix.lower() not in FORMS:
        raise BadValue(f"{str(path)!r} ends in no form of film; give a name that ends in {' or '.join(FORMS)}")
    if path.suffix.lower() == ".mp4" and not _has_ffmpeg():
        raise BadValue(f"{str(path)!r} takes ffmpeg, which is not found; install it, or give a name that ends in .gif")


def require_film_axes(axes: Mapping[str, Axis]) -> None:
    """Raise BadValue where a sweep over these axes is no film: other than depth and two more, or over 1000 depths."""
    if DEPTH not in axes or len(axes) != 3:
        raise BadValue(
            f"a film takes three axes, depth and two others, and is given {', '.join(axes)}; "
            "give depth=Axis(1, 50, 50), or --axis depth=1:50:50"
        )
    if axes[DEPTH].count > MOST_FRAMES:
        raise BadValue(f"a film of {axes[DEPTH].count} depths is too long; give {MOST_FRAMES} at most, in larger steps")


def _has_ffmpeg() -> bool:
    from matplotlib import animation

    return bool(animation.writers.is_available("ffmpeg"))


def depth_frames(sweep: Sweep) -> list[Sweep]:
    """One Sweep over the two other axes for each depth, which reads from the whole when it is asked for.

    Raises as require_film_axes does.

    Examples
    --------
    >>> from chainderiv import Axis, Chain, sweep
    >>> s = sweep(Chain(), w=Axis(-1, 1, 3), depth=Axis(2, 4, 3), b=Axis(0, 1, 2))
    >>> [(one.derivation.chain.depth, one.log_abs.shape) for one in depth_frames(s)]
    [(2, (3, 2)), (3, (3, 2)), (4, (3, 2))]
    """
    of_kind("sweep", sweep, Sweep, "what sweep(…) returns")
    require_film_axes(sweep.axes)
    depths, place = depths_of(sweep.axes[DEPTH]), list(sweep.axes).index(DEPTH)
    return [Sweep(sweep.plan.at_depth(int(depth)), _Layer(sweep.readings, place, k)) for k, depth in enumerate(depths)]


@dataclass(frozen=True)
class _Layer:
    """The readings of one depth of a map."""

    whole: Readings = field(repr=False)
    place: int
    index: int

    def read(self, box: Box) -> Reading:
        """A part of it."""
        one = (slice(self.index, self.index + 1),)
        tile = self.whole.read(box[: self.place] + one + box[self.place :])
        return Reading(**{name: np.squeeze(array, self.place) for name, array in tile.arrays.items()})

    def array(self, name: str) -> Array:
        """One array."""
        return self.read((slice(None), slice(None))).array(name)


def _images(frames: Sequence[Sweep], quantity: Quantity, dark: bool, progress: Progress | None) -> Iterator[Image]:
    """Each depth's picture, shape (height, width, 3)."""
    figure = new_figure(SIZE, dark)
    figure.set_dpi(DOTS)  # with SIZE an even number of pixels either way: a video codec takes no other
    with theme(dark):
        cells = cells_of(new_axes(figure))
    # the scale is known only when all have been read, and a view is no larger than a picture
    views = [view_sweep(one, quantity, cells) for one in frames]

    def there(one: Sweep) -> bool:
        return not quantity.absent(one.derivation.chain.depth)

    drawing = _Drawing(figure, quantity, ends_of([v for one, v in zip(frames, views, strict=True) if there(one)]), dark)
    drawing.lay_out(frames, views)
    for k, (one, view) in enumerate(zip(frames, views, strict=True), 1):
        yield drawing.image(one, view)
        if progress is not None:
            progress(k, len(frames))


class _Drawing:
    """One figure that is drawn anew for each frame, in the layout of the first."""

    def __init__(self, figure: Figure, quantity: Quantity, ends: tuple[float, float], dark: bool) -> None:
        self.figure, self.quantity, self.dark, self.ends = figure, quantity, dark, ends
        self.norm = scale_of(*ends, even=not quantity.logarithm)
        self.ax = figure.axes[0]

    def lay_out(self, frames: Sequence[Sweep], views: Sequence[MapView]) -> None:
        """Place everything for good, with one legend of what any frame shows."""
        mesh = self._draw(frames[-1], views[-1])
        with theme(self.dark) as colours:
            # from the deepest on: at depth 1 there is only what is undefined
            pairs = zip(reversed(frames), reversed(views), strict=True)
            shown = [entry for one, view in pairs for entry in map_entries(one, self.quantity, view, colours)]
            handles = list({entry.get_label(): entry for entry in shown}.values())
            if mesh is not None:
                colour_bar([self.ax], mesh, self.quantity.label(frames[-1]), *self.ends)
            if handles:
                columns = legend_columns(self.figure, handles, float(self.figure.bbox.width))
                self.figure.legend(handles=handles, loc="outside lower left", ncols=columns)
            self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")

    def image(self, frame: Sweep, view: MapView) -> Image:
        """The picture of a frame."""
        self._draw(frame, view)
        canvas: Any = self.figure.canvas
        with theme(self.dark):
            canvas.draw()
        return np.array(canvas.buffer_rgba())[..., :3]

    def _draw(self, frame: Sweep, view: MapView) -> Any:
        with theme(self.dark) as colours:
            self.ax.clear()
            return draw_map(self.ax, frame, self.quantity, view, self.norm, colours, LOOK)


def _write_gif(target: Path, images: Iterable[Image], seconds: float, colours: Image) -> None:
    first, *rest = (_indexed(image, colours) for image in images)
    content = io.BytesIO()
    times = [round(1000 * seconds)] * len(rest) + [round(1000 * max(seconds, STILL))]
    first.save(content, format="GIF", save_all=True, append_images=rest, duration=times, loop=0)
    write_whole(target, content.getvalue())


def _indexed(image: Image, colours: Image) -> Any:
    """The picture in those colours, each pixel in the nearest: the same ones in every frame, and no dithering."""
    from PIL import Image as Pillow

    packed = image.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    found, where = np.unique(packed, return_inverse=True)
    unpacked = (found[:, None] >> np.array([16, 8, 0], np.uint32) & 255).astype(np.float32)
    own = colours.astype(np.float32)
    nearest = np.argmin((own**2).sum(axis=1) - 2 * unpacked @ own.T, axis=1).astype(np.uint8)
    indexed = Pillow.fromarray(nearest[where].reshape(packed.shape), "P")
    indexed.putpalette(colours.tobytes())
    return indexed


def _palette(dark: bool) -> Image:
    """256 colours for a GIF, shape (256, 3): the scale's own, those of the theme, and greys for what is written."""
    own = palette_of(dark)
    named = to_rgba_array([own.zero, own.undefined, own.low, own.high, own.soft, own.grid])[:, :3]
    paper, ink = to_rgba_array([own.paper, own.ink])[:, :3]
    greys = paper + (ink - paper) * np.linspace(0, 1, 50)[:, None]
    scale = own.colours(np.linspace(0, 1, 256 - len(named) - len(greys)))[:, :3]
    return np.round(255 * np.concatenate([named, greys, scale])).astype(np.uint8)


def _write_mp4(target: Path, images: Iterable[Image], seconds: float) -> None:
    from matplotlib import animation

    figure = Figure(figsize=SIZE, dpi=DOTS)
    rate: Any = 1 / seconds  # Matplotlib's types want a whole number, and ffmpeg does not
    writer: Any = animation.writers["ffmpeg"](fps=rate)
    with beside(target) as file, writer.saving(figure, str(file), DOTS):
        for image in images:
            figure.clear()
            figure.figimage(image)
            writer.grab_frame()
