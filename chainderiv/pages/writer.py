"""Pages of HTML that carry all they show, each with its numbers as JSON beside it: templates filled, files renamed.

Data flow one way: a page's module makes a mapping of text, numbers and blocks; its template sets them, and escapes all
that it does not say to be markup; typesetting has the last hand. Only here is the template engine known.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainderiv.errors import OutputError
from chainderiv.given import path_of
from chainderiv.pages.maths import face
from chainderiv.pages.typesetting import typeset
from chainderiv.version import __version__
from chainderiv.wording import number, share
from chainderiv.writing import folder_for_writing, plain, require_writable, write_whole

if TYPE_CHECKING:  # slow to load, and only what writes a page waits for it
    from jinja2 import Environment
    from markupsafe import Markup

PAGE, TWIN = ".html", ".json"
OURS = "chainderiv_page"  # the key of a twin that says of which page it is


@dataclass(frozen=True)
class Figure:
    """A picture in two versions, each an SVG file; what is read out in its place, what stands below, and whether it
    is several side by side, of the page's width.
    """

    light: bytes
    dark: bytes
    alt: str
    caption: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Table:
    """A table, its caption above it; a cell is text, whether something holds, or None, a dash.

    words : whether its cells are words, and stand on the left.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str | bool | None]]
    caption: str
    words: bool = False


def render(template: str, **data: Any) -> str:
    """The page that a template of pages/templates makes of the data; a name that is missing is an error.

    >>> "<h1>a &amp; b</h1>" in render("page.html.j2", title="a & b")
    True
    """
    return typeset(_environment().get_template(template).render(version=__version__, **data))


def write_page(
    path: str | os.PathLike[str], template: str, data: Mapping[str, Any], numbers: Mapping[str, Any]
) -> None:
    """Write NAME.html, and beside it NAME.json with its numbers; the page last: where it is, its numbers are.

    Raises OutputError where one of them cannot be written, or a NAME.json of another origin is there.
    """
    page = path_of("path", path)
    twin = twin_of(page)
    folder_for_writing(page.parent)
    _require_ours(twin)
    text = render(template, **data, twin=twin.name)
    write_whole(twin, _as_json(page.name, data.get("command", ""), numbers))
    write_whole(page, text.encode())


def twin_of(page: Path) -> Path:
    """The file of a page's numbers.

    >>> twin_of(Path("new/phase.html")).as_posix()
    'new/phase.json'
    """
    return page.with_suffix(TWIN)


def require_page(page: Path) -> None:
    """Raise OutputError, before the work is done, where a page or its numbers could not be written after it."""
    for path in (page, twin_of(page)):
        require_writable(path)
    _require_ours(twin_of(page))


def _require_ours(twin: Path) -> None:
    """A file of that name that another program wrote is not taken for an earlier page's numbers."""
    if not os.path.lexists(twin):
        return
    try:
        if OURS in json.loads(twin.read_text("utf-8")):
            return
    except (OSError, ValueError, TypeError, RecursionError):
        pass
    raise OutputError(
        f"{str(twin)!r} is of another origin, and the page's numbers would be written there; give the page another "
        "name, or move that file away"
    )


def _as_json(page: str, command: str, numbers: Mapping[str, Any]) -> bytes:
    content = plain({OURS: page, "version": __version__, "command": command, **numbers})
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    loader = PackageLoader("chainderiv.pages", "templates")
    made = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {"svg": _svg, "number": number, "share": share}
    made.globals |= {"source": lambda name: _source(made, name), "maths": lambda: Markup(face())}
    return made


def _svg(picture: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(picture).decode()}"


def _source(environment: Environment, name: str) -> Markup:
    """A style or a script of ours as it stands: it is no template, and its braces are its own."""
    from markupsafe import Markup

    assert environment.loader is not None  # for mypy
    return Markup(environment.loader.get_source(environment, name)[0])
