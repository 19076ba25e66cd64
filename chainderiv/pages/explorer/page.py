"""The explorer's page put together in one file: template, style and scripts of this folder, data of the package."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from chainderiv.errors import BadValue
from chainderiv.experiments.setup import SAID
from chainderiv.functions.activation import Activation
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.functions.described import text_of
from chainderiv.functions.formula import parse_formula
from chainderiv.functions.lookup import named
from chainderiv.given import path_of
from chainderiv.maps.regime import BAND, LOG_QUARTER
from chainderiv.pages.explorer.formulas import formulas, shared_formulas
from chainderiv.pages.explorer.full_width import shipped
from chainderiv.pages.explorer.programs import chains, programs
from chainderiv.pages.maths import face
from chainderiv.symbolic.bounding.bounds import bounds
from chainderiv.theory.phase import TOLD
from chainderiv.version import __version__
from chainderiv.view.theme import DARK, LIGHT, Palette
from chainderiv.writing import folder_for_writing, write_whole

# one idea each, in the order in which they stand in the page
SCRIPTS = (
    *("state", "engine", "factors", "field", "graphics", "paint", "contour", "ticks"),
    *("words_en", "words_zh", "words", "formula", "charts", "plot", "scene", "saying", "share", "presets"),
    *("wide", "wide_charts", "wide_phase", "wide_page", "controls", "pointing", "main"),
)
COMPUTING = SCRIPTS[:5]  # those that need no page


def save_explorer(
    path: str | os.PathLike[str], activations: Sequence[Activation] = (), measured: dict[str, Any] | None = None
) -> None:
    """Write the page to a file .html, whole or not at all; raises BadValue and OutputError.

    measured : what full_width gives, to be shown in place of what is shipped.
    """
    target = path_of("path", path)
    if target.suffix.lower() != ".html":
        raise BadValue(f"path is {str(target)!r}; give a name that ends in .html")
    text = explorer_page(activations, measured)
    folder_for_writing(Path(target).parent)
    write_whole(target, text.encode())


def explorer_page(activations: Sequence[Activation] = (), measured: dict[str, Any] | None = None) -> str:
    """The page, which asks for nothing: the whole catalogue, and before it the activations given.

    Raises BadValue for an activation that neither JavaScript nor GLSL can say.
    """
    return page_of(page_data(activations, measured=measured))


def page_of(data: dict[str, Any]) -> str:
    """The page of what `page_data` gives."""
    parts = {
        "generator": f"chainderiv {__version__}",
        "style": face() + filled(source("style.css"), {"light": _variables(LIGHT), "dark": _variables(DARK)}),
        "data": as_json(data),
        "scripts": 'const DATA = JSON.parse(document.getElementById("data").textContent);\n' + scripts(SCRIPTS),
    }
    return filled(source("page.html"), parts)


def page_data(
    activations: Sequence[Activation] = (),
    catalogue: Iterable[str] = ACTIVATIONS,
    measured: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """All that the scripts know of the package, for the activations given and those of the catalogue that are named."""
    own = {phi.name: phi for phi in activations}
    offered = {**own, **{name: ACTIVATIONS[name] for name in catalogue if name not in own}}
    return {
        "first": next(iter(offered)),
        "programs": programs(list(offered.values())),
        "formulas": {name: formulas(phi) for name, phi in offered.items()},
        "neurons": {name: {"text": _text(phi)} for name, phi in offered.items()},
        "shared": dict(shared_formulas()),
        "cancels": {name: _cancels(phi) for name, phi in offered.items()},
        "costs": {"quadratic": True, "cross_entropy": True},
        "bounds": _bounds(),
        "wide": _wide(measured or shipped(), own),
        "band": BAND,
        "log_quarter": LOG_QUARTER,
        "palettes": {"light": _palette(LIGHT), "dark": _palette(DARK)},
    }


def _wide(measured: dict[str, Any], own: dict[str, Activation]) -> dict[str, Any]:
    """What is known of wide layers, and words about it."""
    said = SAID.get(measured["data"], measured["data"])
    texts = {name: _text(phi) for name, phi in own.items()}
    return {"folder": None, **measured, "said": said, "told": TOLD, "texts": texts}


def source(name: str) -> str:
    """A file of this folder."""
    return files("chainderiv.pages.explorer").joinpath(name).read_text(encoding="utf-8")


def scripts(names: Sequence[str]) -> str:
    """Scripts one behind the other."""
    return "\n".join(source(f"scripts/{name}.js") for name in names)


def filled(template: str, parts: dict[str, str]) -> str:
    """A template with each {{name}} replaced, once: what is put in is not read again.

    >>> filled("{{a}}, {{b}}", {"a": "{{b}}", "b": "2"})
    '{{b}}, 2'
    """
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def as_json(data: Any) -> str:
    """JSON that may stand in a page: it ends no element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _cancels(phi: Activation) -> dict[str, bool]:
    """By cost, whether it cancels φ'(z_L)."""
    return {one.cost.name: one.output_rest is not None for one in chains(phi) if not one.residual}


def _text(phi: Activation) -> str | None:
    """The formula as the command line takes it, where the name is not enough; the name where that is the formula."""
    if named(phi.name):
        return None
    try:
        stated = parse_formula(phi.name)
    except BadValue:
        stated = None
    return phi.name if stated == phi.formula else text_of(phi.formula)


def _bounds() -> dict[str, Any]:
    """The numbers of the source's argument: the slope's supremum, the smallest weight, and the widest window."""
    found = bounds("sigmoid")
    widest = found.widest
    words = {
        "supremum": str(found.supremum),
        "smallest": str(found.smallest_weight),
        "weight": f"{float(widest.weight):.1f}",
        "width": f"{float(widest.width):.2f}",
    }
    return {"widest_weight": round(float(widest.weight), 2), "words": words}


def _palette(colours: Palette) -> dict[str, Any]:
    """A theme's colours as the scripts ask for them."""
    kept = ("paper", "ink", "soft", "zero", "undefined", "low", "high", "diverging")
    return {name: asdict(colours)[name] for name in kept} | {"accent": colours.cycle[0]}


def _variables(colours: Palette) -> str:
    """A theme's colours as CSS variables."""
    shrinks, grows = colours.diverging[1], colours.diverging[5]
    card = {LIGHT.paper: "#f5f7f9", DARK.paper: "#1c2127"}[colours.paper]
    values = {"paper": colours.paper, "ink": colours.ink, "soft": colours.soft, "grid": colours.grid, "card": card}
    values |= {"accent": colours.cycle[0], "shrinks": shrinks, "grows": grows}
    return " ".join(f"--{name}: {value};" for name, value in values.items())
