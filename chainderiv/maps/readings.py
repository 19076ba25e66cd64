"""Readings: where the arrays of a map come from."""

from __future__ import annotations

from typing import Protocol

from chainderiv.kinds import Box, Floats, Mask, Signs
from chainderiv.numeric.reading import Reading


class Readings(Protocol):
    """A map's arrays: a Reading that is the whole map, or what lies on disk.

    The arrays are a Reading's; read takes one slice per dimension, which may have steps.
    """

    @property
    def sign(self) -> Signs:
        """-1, 0 or 1."""

    @property
    def log_abs(self) -> Floats:
        """log|gradient|, natural."""

    @property
    def link_log_sum(self) -> Floats:
        """Σ log|link|, natural."""

    @property
    def largest_link(self) -> Floats:
        """The largest log|link|, natural."""

    @property
    def uncertain(self) -> Mask:
        """Where the logarithm cannot be trusted."""

    def read(self, box: Box) -> Reading:
        """A part of the map."""
