"""What a caller chooses of any figure, checked: its size and that of its dots, its title, the ends of an axis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chainderiv.errors import BadValue
from chainderiv.given import is_finite, of_kind, shown

LEAST, MOST = 0.5, 100.0  # inches
LEAST_DOTS, MOST_DOTS = 10.0, 2400.0  # an inch


def size_of(given: Any) -> tuple[float, float] | None:
    """(width, height) in inches, or None; raises BadValue.

    >>> size_of((3.4, 2.8)), size_of(None)
    ((3.4, 2.8), None)
    """
    if given is None:
        return None
    pair = list(given) if isinstance(given, list | tuple) else []
    if len(pair) != 2 or not all(is_finite(side) and LEAST <= side <= MOST for side in pair):
        raise BadValue(f"size is {shown(given)}; give (width, height) in inches, each from {LEAST:g} to {MOST:g}")
    return float(pair[0]), float(pair[1])


def dots_of(given: Any) -> float | None:
    """Dots an inch, or None; raises BadValue."""
    if given is not None and not (is_finite(given) and LEAST_DOTS <= given <= MOST_DOTS):
        raise BadValue(f"dpi is {shown(given)}; give dots an inch, from {LEAST_DOTS:g} to {MOST_DOTS:g}, or None")
    return None if given is None else float(given)


def title_of(given: Any) -> str | None:
    """A title, or None for the usual one; raises BadValue."""
    wanted = "a text, '' for none, or None for the usual one"
    return None if given is None else words("title", of_kind("title", given, str, wanted))


def words(name: str, text: str) -> str:
    r"""A text whose formulas between dollar signs, if any, Matplotlib can set; raises BadValue.

    >>> words("title", r"depth $L$ at $\\chi_1 = 1$, 5 $")
    'depth $L$ at $\\\\chi_1 = 1$, 5 $'
    """
    from matplotlib import rcParams
    from matplotlib.cbook import is_math_text
    from matplotlib.mathtext import MathTextParser

    for line in text.splitlines():
        if not rcParams["text.usetex"] and is_math_text(line):
            try:
                MathTextParser("path").parse(line)
            except ValueError as e:
                cure = "give a formula of Matplotlib's mathtext between dollar signs, or \\$ for a dollar sign"
                raise BadValue(f"{name} is {shown(text)}, which cannot be set; {cure}") from e
    return text


def as_it_stands(text: str) -> str:
    r"""A text, such as the name of somebody's activation, that Matplotlib is to set as it stands.

    >>> as_it_stands("5 $ or 6 $")
    '5 \\$ or 6 \\$'
    """
    return text.replace("$", r"\$")


def switch(name: str, given: Any) -> bool:
    """True or False, NumPy's among them; raises BadValue."""
    if str(getattr(given, "dtype", "")) == "bool" and not given.ndim:
        return bool(given)
    return bool(of_kind(name, given, bool, "True or False"))


def limits_of(given: Any) -> tuple[float, float] | None:
    """The ends of a scale, of (low, high) or a number n for (-n, n); raises BadValue."""
    if given is None:
        return None
    if is_finite(given) and given > 0:
        return -float(given), float(given)
    if (pair := pair_of(given)) is None:
        raise BadValue(f"limits is {shown(given)}; give (low, high), or a number n > 0 for (-n, n)")
    return pair


def pair_of(given: Any) -> tuple[float, float] | None:
    """Two finite numbers, ascending; None where it is no such pair.

    >>> pair_of([0.5, 2]), pair_of((2, 1)), pair_of("12")
    ((0.5, 2.0), None, None)
    """
    pair = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else []
    if len(pair) != 2 or not all(map(is_finite, pair)) or pair[0] >= pair[1]:
        return None
    return float(pair[0]), float(pair[1])
