"""The errors a user can meet: each says what was given, what is allowed and what to do."""

from __future__ import annotations

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


LEAST = 4  # letters of a word whose misspelling is seen
SHORT = 5  # letters from which on another letter in the place of one is a slip, and no other word


def unknown_name(kind: str, given: object, known: Iterable[str], also: str = "", slip: bool = True) -> UnknownName:
    """The error for a name that is in no table, with the one that it misspells, if it may be one, and what else does.

    >>> str(unknown_name("activation", "sigmod", ["relu", "sigmoid"]))
    "activation 'sigmod' is unknown; did you mean 'sigmoid'? (known: relu, sigmoid)"
    """
    names = sorted(known)
    near = misspelt(str(given), names) if slip else None
    hint = "" if near is None else f"; did you mean {near!r}?"
    return UnknownName(f"{kind} {given!r} is unknown{hint} (known: {', '.join(names)}){also}")


def misspelt(given: str, known: Iterable[str]) -> str | None:
    """The one known name that is written with a slip: a letter left out, doubled, wrong, or changed with the next.

    Case, blanks, _ and - do not count. None where several could be meant, and where it is as likely another word: relu
    is no misspelt prelu.

    >>> misspelt("sigmiod", ["relu", "sigmoid"]), misspelt("Log Likelihood", ["log_likelihood"])
    ('sigmoid', 'log_likelihood')
    >>> misspelt("swish", ["mish"]), misspelt("prelu", ["relu"]), misspelt("selo", ["selu"])
    (None, None, None)
    """
    word = bare(given)
    near = {name for name in known if _is_slip(word, bare(name))}
    return near.pop() if len(near) == 1 else None


def bare(name: str) -> str:
    """A name as it is compared: LeakyReLU, "Leaky ReLU" and leaky_relu are one.

    >>> bare("Leaky ReLU"), bare("hard-tanh")
    ('leakyrelu', 'hardtanh')
    """
    return "".join(c for c in name.lower() if c not in "_-" and not c.isspace())


def _is_slip(written: str, meant: str) -> bool:
    if written == meant:
        return True
    if len(meant) < LEAST or abs(len(written) - len(meant)) > 1:
        return False
    at = next(
        (k for k, (a, b) in enumerate(zip(written, meant, strict=False)) if a != b), min(len(written), len(meant))
    )
    if len(written) < len(meant):
        return written[at:] == meant[at + 1 :]
    if len(written) > len(meant):
        doubled = at > 0 and written[at] == written[at - 1]
        return doubled and written[at + 1 :] == meant[at:]
    swapped = written[at : at + 2] == meant[at : at + 2][::-1] and written[at + 2 :] == meant[at + 2 :]
    wrong = len(meant) >= SHORT and written[at + 1 :] == meant[at + 1 :]
    return swapped or wrong
