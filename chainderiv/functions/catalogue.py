"""ACTIVATIONS: the catalogue, an Activation of every row of neurons/table.py, made when it is asked for."""

from __future__ import annotations

from collections import UserDict
from typing import Any

from chainderiv.functions.activation import Activation
from chainderiv.functions.neurons.row import Row
from chainderiv.functions.neurons.table import ROWS


class Catalogue(UserDict[str, Any]):
    """The activations by name. Of rows, which are cheap, the Activations are made on first use.

    >>> Catalogue({"relu": ROWS["relu"]})["relu"].formula
    Piecewise((z, z > 0), (0, True))
    """

    def __getitem__(self, name: str) -> Activation:
        """The Activation of that name; raises KeyError."""
        found = self.data[name]
        made: Activation = _made(found) if isinstance(found, Row) else found
        self.data[name] = made
        return made


def _made(row: Row) -> Activation:
    return Activation(row.name, row.stated, row.symbol, row.latex, row.stable())


ACTIVATIONS = Catalogue(ROWS)
