"""A polynomial in t and in exponentials that decay, its dominant exponential taken out: what is left stays finite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Bounded:
    """A polynomial as exp(-dominant) · (leading + what vanishes)."""

    polynomial: Any  # with the powers of the exponentials that all terms share taken out
    shift: tuple[int, ...]  # the powers of the dominant term within polynomial; all 0 but where g meets 1/u
    dominant_power: tuple[int, ...]  # those of the exponentials in the dominant term of the whole
    leading: Any  # the dominant term's coefficient, a polynomial in the other generators


def bounded(polynomial: Any, count: int) -> Bounded:
    """A polynomial's dominant exponential, taken out; count generators, from the second on, are exponentials."""
    powers = [monomial[1 : 1 + count] for monomial in polynomial]
    if not powers:
        return Bounded(polynomial, (0,) * count, (0,) * count, polynomial)
    common = tuple(min(column) for column in zip(*powers, strict=True)) if count else ()
    dominant = min(powers)  # the exponential of highest degree decides first
    shift = tuple(d - c for d, c in zip(dominant, common, strict=True))
    taken, leading = polynomial.ring.zero, polynomial.ring.zero
    for monomial, coefficient in polynomial.terms():
        head, own, tail = monomial[:1], monomial[1 : 1 + count], monomial[1 + count :]
        rest = tuple(p - c for p, c in zip(own, common, strict=True))
        taken[head + rest + tail] = coefficient
        if own == dominant:
            leading[head + (0,) * count + tail] = coefficient
    return Bounded(taken, shift, dominant, leading)


def used(element: Any) -> set[int]:
    """The indices of the generators that occur in an element of the field or in a polynomial."""
    parts = [element.numer, element.denom] if hasattr(element, "numer") else [element]
    return {i for p in parts for monomial in p for i, power in enumerate(monomial) if power}
