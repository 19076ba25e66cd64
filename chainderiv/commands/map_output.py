"""What a map is written to on the command line: a picture, a film, numbers or a table, and how it looks."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from chainderiv.commands import common, pages
from chainderiv.commands.pages import PAGE
from chainderiv.errors import BadValue
from chainderiv.extras import require_netcdf
from chainderiv.maps.axis import Axis
from chainderiv.maps.counted import Tally
from chainderiv.maps.depth import DEPTH
from chainderiv.maps.disk.store import StoredReadings
from chainderiv.maps.sweep import Sweep
from chainderiv.maps.table import require_rows
from chainderiv.writing import require_writable, write_npz

PICTURES, FILMS, NUMBERS = (".png", ".svg", ".pdf"), (".gif", ".mp4"), (".npz", ".nc", ".zarr")
OF_PICTURES = ("title", "size", "dpi", "columns", "cut")
LEAST_DPI, MOST_DPI = 10, 2400


@dataclass(frozen=True)
class Output:
    """The options, read.

    file, table : where to, None for nowhere. look : what plot_sweeps takes beside sweeps and quantity. dpi, fps : None
    where they are not given. cut : the axis and the number of a cut.
    """

    file: Path | None
    table: Path | None
    look: dict[str, Any]
    dark: bool = False
    dpi: float | None = None
    fps: float | None = None
    cut: tuple[str, float] | None = None


def declare(parser: argparse.ArgumentParser) -> None:
    """--out, --csv and what a picture looks like."""
    add = parser.add_argument
    forms = "a picture (.png, .svg, .pdf), a page of it (.html), a film over depth and two axes "
    forms += "(.gif, .mp4), or the numbers (.npz, .nc, or "
    forms += ".zarr for a map larger than memory; killed, the same command goes on with it)"
    add("--out", metavar="FILE", help=forms)
    add("--csv", metavar="FILE", help="write every point as a line of a table")
    declare_look(parser)
    add("--columns", metavar="N", help="panels in a row, of several activations (default 3 at the most)")
    add(
        "--cut",
        action="append",
        metavar="NAME=VALUE",
        help="the line at one value of an axis beside the map, such as w=2",
    )
    add("--fps", metavar="N", help="frames a second of a film (default 4)")
    pages.open_option(parser)


def declare_look(parser: argparse.ArgumentParser) -> None:
    """--title, --size, --dpi and --dark."""
    add = parser.add_argument
    add("--title", metavar="TEXT", help="above the picture, in the place of what was swept; '' for none")
    add("--size", metavar="WxH", help="of the picture, in inches, such as 3.4x2.8")
    add("--dpi", metavar="N", help=f"dots an inch of a .png, {LEAST_DPI} to {MOST_DPI} (default 150)")
    add("--dark", action="store_true", help="for a dark page")


def look_of_a_picture(options: argparse.Namespace) -> tuple[dict[str, Any], tuple[float, float] | None, float | None]:
    """What declare_look stated, of a command that writes pictures alone: title, size and dpi; raises BadValue."""
    named = [name for name in ("title", "size", "dpi") if getattr(options, name) is not None]
    for name in [*named, *(["dark"] if options.dark else [])]:
        if options.out is None:
            raise BadValue(f"--{name} is of a picture; give --out, such as --out phase.png, or leave it out")
    title = {} if options.title is None else {"title": options.title}
    size = None if options.size is None else _size(options.size)
    return title, size, None if options.dpi is None else _positive("dpi", options.dpi, LEAST_DPI, MOST_DPI)


def refuse_dark_page(options: argparse.Namespace) -> None:
    """A page is dark where its reader's is; raises BadValue for --dark."""
    if options.dark and pages.is_page(options.out):
        raise BadValue("--dark is of a picture, and a page is dark where its reader's is; give a .png, or leave it out")


def require_picture(out: str | None) -> None:
    """Refuse, before the work is done, a name that no picture can be written to; raises BadValue and OutputError."""
    _require_ending(out, PICTURES)


def require_picture_or_page(out: str | None) -> None:
    """The same, a page's name allowed as well."""
    _require_ending(out, (*PICTURES, PAGE))


def _require_ending(out: str | None, endings: tuple[str, ...]) -> None:
    if out is None:
        return
    if Path(out).suffix.lower() not in endings:
        raise BadValue(f"--out is {out!r}; give a name that ends in {', '.join(endings[:-1])} or {endings[-1]}")
    require_place(out)


def require_place(out: str) -> None:
    """Raise OutputError, before the work is done, where a file, or a page and its numbers, could not be written."""
    if pages.is_page(out):
        from chainderiv.pages.writer import require_page

        require_page(Path(out))
    else:
        require_writable(Path(out))


def output(options: argparse.Namespace, maps: int, axes: Mapping[str, Axis]) -> Output:
    """The options read; raises, before the work is done, for what would be refused only after it.

    Raises
    ------
    BadValue, OutputError, MissingExtra
        For a name or an option that does not suit the map; where a file cannot be written; without netCDF4.
    """
    suffix = "" if options.out is None else Path(options.out).suffix.lower()
    for name in OF_PICTURES:
        if getattr(options, name) is not None and suffix not in (*PICTURES, PAGE):
            raise BadValue(
                f"--{name} is of a picture; give --out a name that ends in .png, .svg, .pdf or .html, or leave it out"
            )
    refuse_dark_page(options)
    pages.require_page_to_open(options)
    if options.dark and suffix not in (*PICTURES, *FILMS):
        raise BadValue("--dark is of a picture or a film; give --out, such as --out map.png, or leave it out")
    if options.fps is not None and suffix not in FILMS:
        raise BadValue("--fps is of a film; give --out a name that ends in .gif or .mp4, or leave it out")
    if options.cut is not None and len(options.cut) > 1:
        raise BadValue(f"--cut is given {len(options.cut)} times; give one, for beside the map there is one line")
    cut = None if options.cut is None else _cut(options.cut[0], maps, axes)
    _check_out(options.out, maps, axes)
    _check_csv(options.csv, maps, axes)
    look: dict[str, Any] = {} if options.title is None else {"title": options.title}
    look |= {} if options.size is None else {"size": _size(options.size)}
    if options.columns is not None:
        look["columns"] = _positive("columns", options.columns, 1, 100, common.whole)
    return Output(
        None if options.out is None else Path(options.out),
        None if options.csv is None else Path(options.csv),
        look,
        options.dark,
        None if options.dpi is None else _positive("dpi", options.dpi, LEAST_DPI, MOST_DPI),
        None if options.fps is None else _positive("fps", options.fps, 0.01, 100),
        cut,
    )


def _positive(name: str, text: str, least: float, most: float, read: Any = common.number) -> Any:
    value = read(name, text)
    if not least <= value <= most:
        raise BadValue(f"--{name} is {text!r}; give a number from {least:g} to {most:g}")
    return value


def _size(text: str) -> tuple[float, float]:
    from chainderiv.view.choices import size_of

    wide, _, high = text.lower().partition("x")
    try:
        pair = float(wide), float(high)
    except ValueError as e:
        raise BadValue(f"--size is {text!r}; give width and height in inches, such as 3.4x2.8") from e
    return size_of(pair) or pair


def _cut(text: str, maps: int, axes: Mapping[str, Axis]) -> tuple[str, float]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not name:
        raise BadValue(f"--cut is {text!r}; give the name of an axis and a number, such as w=2")
    if maps > 1 or len(axes) != 2:
        raise BadValue(f"--cut is of one map over two axes, and {maps} over {len(axes)} are given; leave it out")
    at = common.number("cut", value)
    if name not in axes or not axes[name].start <= at <= axes[name].stop:
        within = " or ".join(f"{n} from {axis.start:g} to {axis.stop:g}" for n, axis in axes.items())
        raise BadValue(f"--cut is {text!r}; give {within}")
    return name, at


def _check_csv(csv: str | None, maps: int, axes: Mapping[str, Axis]) -> None:
    if csv is None:
        return
    if not csv.strip():
        raise BadValue("--csv is empty; give a name, or leave it out")
    if maps > 1:
        raise BadValue(f"--csv {csv} holds one map, and {maps} activations are given; give one")
    points = 1
    for axis in axes.values():
        points *= axis.count
    require_rows(points)
    require_writable(Path(csv))


def _check_out(out: str | None, maps: int, axes: Mapping[str, Axis]) -> None:
    if out is None:
        return
    suffix = Path(out).suffix.lower()
    numbers = suffix in NUMBERS
    if not numbers and suffix not in (*PICTURES, *FILMS, PAGE):
        endings = ".png, .svg, .pdf, .html, .gif, .mp4, .npz, .nc or .zarr"
        raise BadValue(f"--out is {out!r}; give a name that ends in {endings}")
    if numbers and maps > 1:
        raise BadValue(f"--out {out} holds the numbers of one map, and {maps} activations are given; give one")
    if suffix in FILMS:
        _check_film(Path(out), maps, axes)
    elif not numbers and len(axes) > 2:
        film = ", or in .gif for a film over the depth" if DEPTH in axes and len(axes) == 3 else ""
        raise BadValue(
            f"{len(axes)} axes are given and a picture has 1 or 2; give numbers for the others, or a name in .npz{film}"
        )
    if suffix == ".zarr":
        return  # a folder, and perhaps one to go on with: the sweep itself refuses what it cannot use
    if suffix == ".nc":
        require_netcdf()
    require_place(out)


def _check_film(out: Path, maps: int, axes: Mapping[str, Axis]) -> None:
    from chainderiv.view.maps.animation import require_film, require_film_axes

    if maps > 1:
        raise BadValue(f"--out {out} is a film of one map, and {maps} activations are given; give one")
    require_film_axes(axes)
    require_film(out)


def save(
    maps: Sequence[Sweep], tallies: Sequence[Tally], quantity: str, to: Output, show: common.Show, command: str
) -> None:
    """Write what was asked for; tallies: what each map comes to; command: what made them, as a page says."""
    one = maps[0]
    if to.table is not None:
        one.to_csv(to.table)
    suffix = "" if to.file is None else to.file.suffix.lower()
    if to.file is None or suffix == ".zarr":  # which was written as it was computed
        return
    if suffix == ".nc":
        one.save(to.file)
    elif suffix in FILMS:
        from chainderiv.view.maps.animation import animate_sweep

        pace = {} if to.fps is None else {"seconds_a_frame": 1 / to.fps}
        animate_sweep(one, to.file, quantity, dark=to.dark, progress=partial(show, "frames"), **pace)
    elif suffix == ".npz":
        names = ["sign", "log_abs", "below_quarter", "uncertain"]
        names += ["rate", "regime"] if one.derivation.chain.depth > 1 else []
        axes = {f"axis_{name}": axis.values for name, axis in one.axes.items()}
        write_npz(to.file, {name: getattr(one, name) for name in names} | axes)
    elif suffix == PAGE:
        from chainderiv.pages.map_page import Look, save_map_page

        look = Look(to.look, to.dpi, None if to.cut is None else dict([to.cut]))
        save_map_page(maps, tallies, to.file, quantity, look, command)
    else:
        _save_picture(maps, quantity, to, to.file)


def _save_picture(maps: Sequence[Sweep], quantity: str, to: Output, file: Path) -> None:
    from chainderiv.view.maps.cut import plot_cut
    from chainderiv.view.maps.maps import plot_sweeps
    from chainderiv.view.picture import save_picture

    if to.cut is None:
        figure = plot_sweeps(maps, quantity, to.dark, **to.look)
    else:
        look = {name: value for name, value in to.look.items() if name != "columns"}
        figure = plot_cut(maps[0], dict([to.cut]), quantity, to.dark, **look)
    save_picture(figure, file, to.dpi)


def outcomes(one: Sweep, to: Output) -> list[str]:
    """What was done to each file."""
    said = [] if to.file is None else [_outcome(one, str(to.file))]
    return [*said, *([] if to.table is None else [f"written: {to.table}"])]


def _outcome(one: Sweep, out: str) -> str:
    if not isinstance(one.readings, StoredReadings):
        return f"written: {out}"
    store = one.readings.store
    if not store.computed:
        return f"complete already: {out}"
    tiles = f"{store.damaged} damaged tile{'s' if store.damaged > 1 else ''}"
    return f"written: {out} ({tiles} computed again)" if store.damaged else f"written: {out}"
