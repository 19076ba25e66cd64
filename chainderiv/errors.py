"""The errors a user can meet: each says what was given, what is allowed and what to do."""

from __future__ import annotations

import difflib
import pickle
from collections.abc import Iterable


class ChainderivError(Exception):
    """Every error that a user can mend; the command line prints it in one line and exits with 2."""


class BadValue(ChainderivError, ValueError):
    """A value outside what is allowed."""


class BadIndex(ChainderivError, IndexError):
    """A place beyond the last one."""


class UnknownName(ChainderivError, KeyError):
    """A name that no table holds."""

    # KeyError would print the message between quotation marks
    __str__ = Exception.__str__


class TooDeep(ChainderivError, ValueError):
    """A chain too deep for the form that was asked for."""


class BadShape(ChainderivError, ValueError):
    """Arrays whose shapes do not fit."""


class CostDomain(ChainderivError, ValueError):
    """A cost that the output's values can leave."""


class DataError(ChainderivError, OSError):
    """A data file that is missing, cut short or altered."""


class OutputError(ChainderivError, OSError):
    """A file or folder that cannot be written."""


class MissingExtra(ChainderivError, ImportError):
    """A part of chainderiv whose libraries are not installed."""


class WorkersLost(ChainderivError, RuntimeError):
    """A sweep whose workers die of it, one after another."""


class Diverged(ChainderivError, ArithmeticError):
    """A training run whose numbers stopped being finite."""


# what unpickling a damaged file may raise
DAMAGED = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def unknown_name(kind: str, given: object, known: Iterable[str]) -> UnknownName:
    """The error for a name that is in no table, with the nearest known one.

    >>> str(unknown_name("activation", "sigmod", ["relu", "sigmoid"]))
    "activation 'sigmod' is unknown; did you mean 'sigmoid'? (known: relu, sigmoid)"
    """
    names = sorted(known)
    near = difflib.get_close_matches(str(given).lower(), names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UnknownName(f"{kind} {given!r} is unknown{hint} (known: {', '.join(names)})")
