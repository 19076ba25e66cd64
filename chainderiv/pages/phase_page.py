"""A phase diagram as a page: the picture, light and dark, and the numbers of the cell that is pointed at."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.functions.described import text_of
from chainderiv.pages.writer import Figure, render, write_page
from chainderiv.theory.mean_field import MEANS, MeanField, mean_field
from chainderiv.theory.phase import TOLD, PhaseDiagram
from chainderiv.theory.usual import usual
from chainderiv.view.maps.phase_map import plot_phase
from chainderiv.view.picture import picture
from chainderiv.view.theme import SIZE, lone_axes
from chainderiv.wording import number

TEMPLATE = "phase.html.j2"
DIGITS, ENDLESS, UNKNOWN, NONE = 5, "inf", "not known", "–"
CELL = ("chi_1", "q_star", "c_star")
HEADER = ("start", "σ_w", "σ_b", "χ₁", "q*", "c*", "gradients")


class Start(NamedTuple):
    """A usual start: its name, (σ_w, σ_b), and the theory there, None where it is not known."""

    name: str
    at: tuple[float, float]
    field: MeanField | None


def save_phase_page(
    diagram: PhaseDiagram,
    path: str | os.PathLike[str],
    quantity: str = "chi_1",
    dpi: float | None = None,
    command: str = "",
    **look: Any,
) -> None:
    """Write the page and its numbers, each whole or not at all; the folder is made if it is missing.

    command : what made it, as the page says. Raises OutputError.
    """
    data, numbers = _data(diagram, quantity, dpi, command, look)
    write_page(path, TEMPLATE, data, numbers)


def phase_page(
    diagram: PhaseDiagram, quantity: str = "chi_1", dpi: float | None = None, command: str = "", **look: Any
) -> str:
    """The page, which asks for nothing: pointer, arrow keys and the names of the usual starts read out its numbers.

    quantity and look : as in plot_phase, and size in inches.

    Examples
    --------
    >>> from chainderiv import Axis, phase_diagram
    >>> "<title>Wide layers of tanh</title>" in phase_page(phase_diagram("tanh", Axis(0.5, 3, 6), Axis(0, 1, 3)))
    True
    """
    return render(TEMPLATE, **_data(diagram, quantity, dpi, command, look)[0])


def _data(
    diagram: PhaseDiagram, quantity: str, dpi: float | None, command: str, look: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the template shows, and the numbers in it."""
    light, place, limits = _drawn(diagram, quantity, False, dpi, look)
    dark = _drawn(diagram, quantity, True, dpi, look)[0]
    name, starts = diagram.activation.name, _starts(diagram)
    numbers = _numbers(diagram, limits, starts)
    data = {
        "title": f"Wide layers of {name}",
        "command": command or _in_python(diagram),
        "formula": text_of(diagram.activation.formula),
        "chart": Figure(light, dark, f"Phase diagram of {name}: {quantity} over sigma_w and sigma_b"),
        "box": f"left:{place.x0:.4%};bottom:{place.y0:.4%};width:{place.width:.4%};height:{place.height:.4%}",
        "header": HEADER,
        "starts": [_row(start) for start in starts],
        "numbers": _as_json(numbers),
    }
    return data, _for_json(diagram, numbers)


def _in_python(diagram: PhaseDiagram) -> str:
    """What computes the same diagram in Python."""
    axes = (f"cd.Axis({a.start:g}, {a.stop:g}, {a.count}, scale={a.scale!r})" for a in diagram.axes.values())
    return f"import chainderiv as cd\ncd.phase_diagram({diagram.activation.name!r}, {', '.join(axes)})"


def _drawn(diagram: PhaseDiagram, quantity: str, dark: bool, dpi: float | None, look: dict[str, Any]) -> Any:
    """The picture, where the Axes stand on it, and the limits of both."""
    words = {name: given for name, given in look.items() if name != "size"}
    ax = plot_phase(diagram, lone_axes(look.get("size") or SIZE, dark), quantity, dark, **words)
    content = picture(ax, "svg", dpi)  # which lays it out
    return content, ax.get_position(), (ax.get_xlim(), ax.get_ylim())


def _starts(diagram: PhaseDiagram) -> list[Start]:
    found = []
    for name, at in usual(diagram.activation).items():
        try:
            found.append(Start(name, at, mean_field(diagram.activation, *at)))
        except BadValue:
            found.append(Start(name, at, None))
    return found


def _row(start: Start) -> tuple[str, ...]:
    """Its name, its place and what the theory says there."""
    field = start.field
    numbers = [_told(getattr(field, one)) for one in CELL] if field else [NONE] * len(CELL)
    does = MEANS[field.phase].removeprefix("gradients ") if field else ""
    return (start.name, *(f"{x:.4g}" for x in start.at), *numbers, does)


def _numbers(diagram: PhaseDiagram, limits: Any, starts: list[Start]) -> dict[str, Any]:
    """What the script reads: axes, cells row by row from the lowest σ_b on, what each does, and the starts."""
    axes = [
        {"start": a.start, "stop": a.stop, "count": a.count, "log": a.scale == "log", "low": low, "high": high}
        for a, (low, high) in zip(diagram.axes.values(), limits, strict=True)
    ]
    words = [_words(phase) for phase in MEANS]
    off = diagram.chi_1 - 1
    phase = np.select([off < -TOLD, off > TOLD, np.isfinite(off)], [0, 1, 2], 2 * len(words))
    phase += np.where(np.isinf(diagram.q_star) & np.isfinite(off), len(words), 0)
    return {
        "axes": axes,
        "cells": [[_number(x) for x in getattr(diagram, one).ravel().tolist()] for one in CELL],
        "phases": [*words, *(f"{one}, and signals grow without end" for one in words), UNKNOWN],
        "phase": phase.ravel().tolist(),
        "starts": [
            {
                "name": name,
                "at": at,
                "numbers": [_number(getattr(field, one)) for one in CELL] if field else [None] * len(CELL),
                "phase": _words(field.phase) if field else UNKNOWN,
            }
            for name, at, field in starts
        ],
        "first": [len(values) // 2 for values in (diagram.sigma_w, diagram.sigma_b)],
    }


def _for_json(diagram: PhaseDiagram, numbers: dict[str, Any]) -> dict[str, Any]:
    """The same for those who read it elsewhere: axes and each kind of cell by name, what is infinite as a word."""
    return {
        "activation": diagram.activation.name,
        "formula": text_of(diagram.activation.formula),
        "axes": {name: [a.start, a.stop, a.count, a.scale] for name, a in diagram.axes.items()},
        "shares": diagram.shares,
        "cells": dict(zip(CELL, numbers["cells"], strict=True)),
        **{name: numbers[name] for name in ("phases", "phase", "starts")},
    }


def _told(value: float) -> str:
    return NONE if np.isnan(value) else "infinite" if np.isposinf(value) else number(value, DIGITS)


def _words(phase: str) -> str:
    return f"{phase}: {MEANS[phase]}"


def _number(value: float) -> float | str | None:
    return None if np.isnan(value) else ENDLESS if np.isposinf(value) else float(f"{value:.{DIGITS}g}")


def _as_json(numbers: dict[str, Any]) -> str:
    """JSON that may stand in a page: it ends no element, and what is infinite is a number too large for a reader."""
    text = json.dumps(numbers, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace(f'"{ENDLESS}"', "1e999").replace("<", "\\u003c")
