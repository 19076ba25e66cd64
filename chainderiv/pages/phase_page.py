"""A phase diagram as a page: the picture, light and dark, and the numbers of the cell that is pointed at."""

from __future__ import annotations

import json
import os
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.functions.described import text_of
from chainderiv.given import path_of
from chainderiv.pages.html import Content, Html, figure, page, paragraph, section, table
from chainderiv.theory.mean_field import MEANS, MeanField, mean_field
from chainderiv.theory.phase import TOLD, PhaseDiagram
from chainderiv.theory.usual import usual
from chainderiv.version import __version__
from chainderiv.view.maps.phase_map import plot_phase
from chainderiv.view.picture import picture
from chainderiv.view.theme import SIZE, lone_axes
from chainderiv.writing import folder_for_writing, write_whole

DIGITS, ENDLESS, UNKNOWN, NONE = 5, "inf", "not known", "–"
CELL = ("chi_1", "q_star", "c_star")
HEADER = ("start", "σ_w", "σ_b", "χ₁", "q*", "c*", "gradients")
STYLE = """<style>
.chart { position: relative; max-width: 44rem; }
.chart img { display: block; width: 100%; height: auto; max-width: none; margin: 0; }
.chart .field { position: absolute; cursor: crosshair; touch-action: pan-y; }
.chart .field:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.chart .cell { position: absolute; width: 13px; height: 13px; margin: -6.5px; border: 2px solid var(--ink);
  outline: 2px solid var(--paper); border-radius: 50%; pointer-events: none; }
.told { display: block; min-height: 3.4em; font-variant-numeric: tabular-nums; max-width: 44rem; }
.starts button { font: inherit; color: var(--accent); background: none; border: 0; padding: 0; cursor: pointer;
  text-decoration: underline; }
</style>"""
SCRIPT = """<script>
(() => {
  const data = JSON.parse(document.getElementById("numbers").textContent);
  const field = document.querySelector(".field"), mark = document.querySelector(".cell");
  const told = document.querySelector(".told"), [w, b] = data.axes;
  const along = (axis, v) => axis.log ? Math.log(v) : v;
  const value = (axis, k) => {
    const [low, high] = [along(axis, axis.start), along(axis, axis.stop)];
    const v = low + (high - low) * k / (axis.count - 1);
    return axis.log ? Math.exp(v) : v;
  };
  const share = (axis, v) => {
    const [low, high] = [along(axis, axis.low), along(axis, axis.high)];
    return (along(axis, v) - low) / (high - low);
  };
  const nearest = (axis, part) => {
    const [low, high] = [along(axis, axis.low), along(axis, axis.high)];
    const [first, last] = [along(axis, axis.start), along(axis, axis.stop)];
    const k = Math.round((low + part * (high - low) - first) / (last - first) * (axis.count - 1));
    return Math.min(Math.max(k, 0), axis.count - 1);
  };
  const text = v => v === null ? "\\u2013" : v === Infinity ? "infinite" : String(+v.toPrecision(5));
  const tell = (at, numbers, phase, name) => {
    mark.hidden = !(share(w, at[0]) >= 0 && share(w, at[0]) <= 1 && share(b, at[1]) >= 0 && share(b, at[1]) <= 1);
    mark.style.left = 100 * share(w, at[0]) + "%";
    mark.style.top = 100 * (1 - share(b, at[1])) + "%";
    const [chi, q, c] = numbers.map(text);
    told.textContent = (name ? name + ": " : "") + "\\u03c3_w = " + text(at[0]) + ", \\u03c3_b = " + text(at[1]) +
      "; \\u03c7\\u2081 = " + chi + ", q* = " + q + ", c* = " + c + "; " + phase;
  };
  let [i, k] = data.first;
  const cell = () => {
    const n = k * w.count + i;
    tell([value(w, i), value(b, k)], data.cells.map(rows => rows[n]), data.phases[data.phase[n]], "");
  };
  field.addEventListener("pointermove", e => {
    const box = field.getBoundingClientRect();
    i = nearest(w, (e.clientX - box.left) / box.width);
    k = nearest(b, 1 - (e.clientY - box.top) / box.height);
    cell();
  });
  field.addEventListener("pointerdown", () => field.focus());
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  field.addEventListener("keydown", e => {
    const step = steps[e.key];
    if (!step) return;
    e.preventDefault();
    const far = e.shiftKey ? 10 : 1;
    i = Math.min(Math.max(i + far * step[0], 0), w.count - 1);
    k = Math.min(Math.max(k + far * step[1], 0), b.count - 1);
    cell();
  });
  field.addEventListener("focus", cell);
  for (const button of document.querySelectorAll(".starts button")) {
    const start = data.starts[button.dataset.start];
    button.addEventListener("click", () => tell(start.at, start.numbers, start.phase, start.name));
  }
  cell();
})();
</script>"""


class Start(NamedTuple):
    """A usual start: its name, (σ_w, σ_b), and the theory there, None where it is not known."""

    name: str
    at: tuple[float, float]
    field: MeanField | None


def save_phase_page(
    diagram: PhaseDiagram, path: str | os.PathLike[str], quantity: str = "chi_1", dpi: float | None = None, **look: Any
) -> None:
    """Write the page, whole or not at all; the folder is made if it is missing. Raises OutputError."""
    target, text = path_of("path", path), phase_page(diagram, quantity, dpi, **look)
    folder_for_writing(Path(target).parent)
    write_whole(target, text.encode())


def phase_page(diagram: PhaseDiagram, quantity: str = "chi_1", dpi: float | None = None, **look: Any) -> str:
    """The page, which asks for nothing: pointer, arrow keys and the names of the usual starts read out its numbers.

    quantity and look : as in plot_phase, and size in inches.

    Examples
    --------
    >>> from chainderiv import Axis, phase_diagram
    >>> "<title>Wide layers of tanh</title>" in phase_page(phase_diagram("tanh", Axis(0.5, 3, 6), Axis(0, 1, 3)))
    True
    """
    light, place, limits = _drawn(diagram, quantity, False, dpi, look)
    dark = _drawn(diagram, quantity, True, dpi, look)[0]
    name, starts = diagram.activation.name, _starts(diagram)
    picture_of_both = figure(light, dark, f"Phase diagram of {name}: {quantity} over sigma_w and sigma_b", "")
    how = "Point at the diagram, or give it the focus and use the arrow keys, with Shift ten cells at a time."
    content = [
        Html(STYLE),
        _chart(picture_of_both, place),
        Html('<output class="told" aria-live="polite"></output>'),
        paragraph(how, "note"),
        _table(starts),
        Html(f'<script type="application/json" id="numbers">{_as_json(_numbers(diagram, limits, starts))}</script>'),
        Html(SCRIPT),
    ]
    what = (
        "σ_w is the standard deviation of a weight times √fan_in, σ_b that of a bias. In each layer on its way back "
        "the mean squared gradient grows by χ₁. q* is the variance of z, c* the correlation that two inputs tend to."
    )
    head = [paragraph(f"φ(z) = {text_of(diagram.activation.formula)}", "lead"), paragraph(what)]
    return page(f"Wide layers of {name}", head, [section("Phase diagram", content)], f"chainderiv {__version__}")


def _drawn(diagram: PhaseDiagram, quantity: str, dark: bool, dpi: float | None, look: dict[str, Any]) -> Any:
    """The picture, where the Axes stand on it, and the limits of both."""
    words = {name: given for name, given in look.items() if name != "size"}
    ax = plot_phase(diagram, lone_axes(look.get("size") or SIZE, dark), quantity, dark, **words)
    content = picture(ax, "svg", dpi)  # which lays it out
    return content, ax.get_position(), (ax.get_xlim(), ax.get_ylim())


def _chart(drawn: Html, place: Any) -> Html:
    """The picture with a field over its Axes, which takes pointer and keys."""
    box = f"left:{place.x0:.4%};bottom:{place.y0:.4%};width:{place.width:.4%};height:{place.height:.4%}"
    field = f'<div class="field" style="{box}" tabindex="0" role="application" aria-label="cells of the diagram">'
    above, below = drawn.text.split("<picture>")[0], drawn.text.split("</picture>")[1]
    inner = drawn.text[len(above) : -len(below)]
    return Html(f'{above}<div class="chart">{inner}{field}<div class="cell" hidden></div></div></div>{below}')


def _starts(diagram: PhaseDiagram) -> list[Start]:
    found = []
    for name, at in usual(diagram.activation).items():
        try:
            found.append(Start(name, at, mean_field(diagram.activation, *at)))
        except BadValue:
            found.append(Start(name, at, None))
    return found


def _table(starts: list[Start]) -> Html:
    rows: list[list[Content]] = []
    for k, (name, at, field) in enumerate(starts):
        button = Html(f'<button type="button" data-start="{k}">{escape(name)}</button>')
        numbers = [_told(getattr(field, one)) for one in CELL] if field else [NONE] * len(CELL)
        does = MEANS[field.phase].removeprefix("gradients ") if field else ""
        rows.append([button, *(f"{x:.4g}" for x in at), *numbers, does])
    caption = "Where layers usually start; a name shows the place."
    return Html(f'<div class="starts">{table(HEADER, rows, caption).text}</div>')


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


def _told(value: float) -> str:
    return NONE if np.isnan(value) else "infinite" if np.isposinf(value) else f"{value:.{DIGITS}g}"


def _words(phase: str) -> str:
    return f"{phase}: {MEANS[phase]}"


def _number(value: float) -> float | str | None:
    return None if np.isnan(value) else ENDLESS if np.isposinf(value) else float(f"{value:.{DIGITS}g}")


def _as_json(numbers: dict[str, Any]) -> str:
    """JSON that may stand in a page: it ends no element, and what is infinite is a number too large for a reader."""
    text = json.dumps(numbers, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace(f'"{ENDLESS}"', "1e999").replace("<", "\\u003c")
