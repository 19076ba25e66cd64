"""Readings: where the arrays of a map come from."""

from __future__ import annotations

from typing import Protocol

from chainderiv.kinds import Array, Box
from chainderiv.numeric.reading import Reading


class Readings(Protocol):
    """A map's arrays, which are a Reading's: one that is the whole map, or another that gives the same."""

    def array(self, name: str) -> Array:
        """One of them, over the whole map."""

    def read(self, box: Box) -> Reading:
        """A part of the map: one slice per dimension, which may have steps."""
