"""neuron(): the Activation of a name, the catalogue's or one that another package offers.

A package states in its pyproject.toml

    [project.entry-points."chainderiv.activations"]
    serf = "its.module:SERF"

and the name leads to an Activation, to the text of a formula in z, or to a function of no arguments that gives either.
Nothing is loaded before the name is asked for. A name of the catalogue stays the catalogue's; what else people call
its neurons (swish, LeakyReLU, "Leaky ReLU") leads to them where no package offers that name.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chainderiv.errors import BadValue, UnknownName, bare, unknown_name
from chainderiv.functions.activation import Activation
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.functions.neurons.table import canonical

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


# the field has a ramp of nearly every letter (RReLU, CReLU, PELU, GLU): such a word is another neuron, and no slip
ANOTHER = re.compile("[a-z]{0,4}lu|tan")


def neuron(given: str | Activation) -> Activation:
    """The Activation of that name, or the Activation itself; a name is the catalogue's, else a plug-in's.

    Raises UnknownName where neither has such a name, BadValue where the plug-in of that name gives no activation.

    >>> neuron("LeakyReLU").name, neuron("swish").name
    ('leaky_relu', 'silu')
    """
    if isinstance(given, Activation):
        return given
    found = named(given) if isinstance(given, str) else None
    if found is None:
        raise unknown(given, "Activation.from_formula('mine', 'z*exp(-z**2)')")
    return found


def named(name: str) -> Activation | None:
    """The Activation of a name, or None; raises BadValue where the plug-in of that name gives no activation."""
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    found, known = _plugin(name), canonical(name)
    return ACTIVATIONS[known] if found is None and known is not None else found


def unknown(given: object, formula: str) -> UnknownName:
    """The error for a name that leads nowhere; formula is how one is given in its place."""
    slip = not (isinstance(given, str) and ANOTHER.fullmatch(bare(given)))
    return unknown_name("activation", given, names_known(), f"; a formula will do: {formula}", slip)


def names_known() -> list[str]:
    """The names of the catalogue, and of the plug-ins."""
    return [*ACTIVATIONS, *sorted({point.name for point in _offered()} - ACTIVATIONS.keys())]


def _offered(**which: Any) -> Any:
    """The entry points of what is installed, all of them or those of one name."""
    from importlib.metadata import entry_points  # heavy: only a name that is not the catalogue's asks for it

    return entry_points(group="chainderiv.activations", **which)


@lru_cache(maxsize=64)
def _plugin(name: str) -> Activation | None:
    """The activation that an installed package offers by that name, or None.

    Raises BadValue where two packages offer the name, the package's own code fails, or what it gives is no activation.
    """
    points = {(p.value, _package(p)): p for p in _offered(name=name)}
    if not points:
        return None
    if len(points) > 1:
        packages = " and ".join(sorted(_package(p) for p in points.values()))
        raise BadValue(f"activation {name!r} is offered by {packages}; uninstall one of them")
    (point,) = points.values()
    given = _loaded(point)
    if isinstance(given, str):
        return Activation.from_formula(name, given)
    if isinstance(given, Activation):
        return given
    raise BadValue(
        f"activation {name!r} of the package {_package(point)} is {type(given).__name__}; "
        "its entry point must give an Activation or the text of a formula"
    )


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
