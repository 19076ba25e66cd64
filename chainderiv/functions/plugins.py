"""Activations of other packages, by the entry-point group "chainderiv.activations".

A package states in its pyproject.toml

    [project.entry-points."chainderiv.activations"]
    snake = "its.module:SNAKE"

and the name leads to an Activation, to the text of a formula in z, or to a function of no arguments that gives either.
Nothing is loaded before the name is asked for. A name of the catalogue stays the catalogue's.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation

GROUP = "chainderiv.activations"


def plugin_names() -> tuple[str, ...]:
    """The names that installed packages offer, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


@lru_cache(maxsize=64)
def plugin(name: str) -> Activation | None:
    """The activation that an installed package offers by that name, or None.

    Raises
    ------
    BadValue
        When two packages offer the name, when the package's own code fails, or when what it gives is no activation.
    """
    points = {(p.value, _package(p)): p for p in entry_points(group=GROUP, name=name)}
    if not points:
        return None
    if len(points) > 1:
        packages = " and ".join(sorted(_package(p) for p in points.values()))
        raise BadValue(f"activation {name!r} is offered by {packages}; uninstall one of them")
    (point,) = points.values()
    return _made(name, _loaded(point), _package(point))


def _package(point: EntryPoint) -> str:
    return repr(point.dist.name) if point.dist is not None else repr(point.value)


def _loaded(point: EntryPoint) -> Any:
    try:
        given = point.load()
        return given() if callable(given) else given
    # another package's code may fail in any way, and its fault must not look like ours
    except Exception as e:
        raise BadValue(
            f"activation {point.name!r} of the package {_package(point)} cannot be loaded "
            f"({type(e).__name__}: {' '.join(str(e).split())}); mend or uninstall it"
        ) from e


def _made(name: str, given: Any, package: str) -> Activation:
    if isinstance(given, str):
        return Activation.from_formula(name, given)
    if isinstance(given, Activation):
        return given
    raise BadValue(
        f"activation {name!r} of the package {package} is {type(given).__name__}; "
        "its entry point must give an Activation or the text of a formula"
    )
