"""The parameters of a map on the command line: numbers and axes, kept in the order in which they are given."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from chainderiv.commands import common
from chainderiv.errors import BadValue
from chainderiv.maps.axis import Axis

FLAGS = {
    "w": "every weight",
    "b": "every bias",
    "z": "every pre-activation, in the place of b",
    "x": "input (default 0.5)",
    "y": "target (default 0)",
}
WEIGHTS, BIASES = "-12:12:401", "-10:10:401"  # where none are given
FORM = "give a number, or an axis start:stop:count such as 0:1:101"
Given = list[tuple[str, str]]


class _InOrder(argparse.Action):
    """Append (flag, text) to one list, whatever the flag: the dimensions of a map are in the order of its axes."""

    def __call__(
        self, parser: argparse.ArgumentParser, options: argparse.Namespace, values: Any, flag: str | None = None
    ) -> None:
        setattr(options, self.dest, [*getattr(options, self.dest), (str(flag).lstrip("-"), str(values))])


def declare(parser: argparse.ArgumentParser) -> None:
    """--w, --b, --z, --x, --y and --axis."""
    kept: dict[str, Any] = {"dest": "parameters", "action": _InOrder, "default": []}
    for name, text in FLAGS.items():
        parser.add_argument(f"--{name}", metavar="AXIS", help=f"{text}: start:stop:count (:log), or a number", **kept)
    parser.add_argument("--axis", metavar="NAME=AXIS", help="one parameter: w2=-3:3:201; or depth=1:50:50", **kept)


def parameters(given: Given) -> dict[str, Axis | float]:
    """What was given, by name and in order; a default w stands before it and a default b behind. Raises BadValue."""
    read: dict[str, Axis | float] = {}
    for flag, text in given:
        name, value = _named(text) if flag == "axis" else (flag, text)
        if name in read:
            raise BadValue(f"{name} is given twice; give it once")
        read[name] = _value(f"axis {name}" if flag == "axis" else flag, value)
    if not any(name[0] == "w" for name in read):
        read = {"w": Axis.parse(WEIGHTS), **read}
    if not any(name[0] in "bz" for name in read):
        read["b"] = Axis.parse(BIASES)
    return read


def axes_of(read: dict[str, Any]) -> dict[str, Axis]:
    """Those of the parameters that are axes."""
    return {name: value for name, value in read.items() if isinstance(value, Axis)}


def _named(text: str) -> Sequence[str]:
    name, equals, axis = text.partition("=")
    if not equals or not name.strip():
        raise BadValue(f"--axis is {text!r}; give NAME=start:stop:count, such as w2=-3:3:201")
    return name.strip(), axis


def _value(flag: str, text: str) -> Axis | float:
    if ":" in text:
        try:
            return Axis.parse(text)
        except BadValue as e:
            raise BadValue(f"--{flag}{'=' if ' ' in flag else ' '}{text}: {e}") from e
    try:
        return common.number(flag, text)
    except BadValue as e:
        raise BadValue(f"--{flag} is {text!r}; {FORM}") from e
