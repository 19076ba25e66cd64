"""What a caller's function returns, or raises, whatever library made it: an array of NumPy's, or one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.kinds import Array

# what Python and PyTorch raise where a function is given what it was not written for
OF_ITS_OWN = TypeError, AttributeError, LookupError, NameError, RuntimeError


def array_of(name: str, given: Any) -> Array:
    """An array of what is given; of a tensor its numbers, wherever they lie and whether or not it is differentiated.

    Raises BadValue for a tensor that NumPy has no array for, as of bfloat16; else what NumPy raises.
    """
    if not hasattr(given, "detach"):
        return np.asarray(given)
    try:
        return np.asarray(given.numpy(force=True))
    except (TypeError, RuntimeError) as e:
        raise BadValue(
            f"{name} is a tensor that is no array of NumPy's ({one_line(e)}); give a dense one of float32 or float64"
        ) from e


def called(name: str, cure: str, function: Callable[..., Any], *given: Any) -> Any:
    """What a function returns; raises BadValue, with the cure, for what it raises of its own."""
    try:
        return function(*given)
    except BadValue:
        raise
    except OF_ITS_OWN as e:
        raise BadValue(f"{name} raises {type(e).__name__}: {one_line(e)}; {cure}") from e


def one_line(error: Exception) -> str:
    r"""What an error says, on one line.

    >>> one_line(ValueError("a\n  b"))
    'a b'
    """
    return " ".join(str(error).split())
