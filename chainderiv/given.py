"""What a caller gives, told apart and checked: numbers, paths, functions, a source of randomness, and things of ours.

A number is one whatever library made it (numbers.Integral, numbers.Real); True and False are none.
"""

from __future__ import annotations

import math
import numbers
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainderiv.errors import BadValue

if TYPE_CHECKING:  # what prints a formula starts without NumPy
    import numpy as np

    from chainderiv.kinds import Floats


def is_whole(given: Any, least: float, most: float = math.inf) -> bool:
    """Whether it is a whole number from least to most.

    >>> import numpy as np
    >>> is_whole(np.int64(3), 1), is_whole(True, 1), is_whole(3.0, 1), is_whole(10**400, 1)
    (True, False, False, True)
    """
    return isinstance(given, numbers.Integral) and not isinstance(given, bool) and least <= int(given) <= most


def is_finite(given: Any) -> bool:
    """Whether it is a real number that float64 holds.

    >>> import numpy as np
    >>> is_finite(np.float32(3)), is_finite(float("nan")), is_finite(10**400), is_finite("3")
    (True, False, False, False)
    """
    if not isinstance(given, numbers.Real) or isinstance(given, bool):
        return False
    try:
        return math.isfinite(float(given))
    except OverflowError:  # a whole number beyond 1e308
        return False


def whole_number(name: str, given: Any, least: int) -> int:
    """The whole number given; raises BadValue for another kind or one below least."""
    if not is_whole(given, least):
        raise BadValue(f"{name} is {shown(given)}; give a whole number >= {least}")
    return int(given)


def up_to(name: str, given: Any, most: int) -> int:
    """The whole number given, from 1 to most; raises BadValue."""
    if not is_whole(given, 1, most):
        raise BadValue(f"{name} is {shown(given)}; give a whole number from 1 to {most}")
    return int(given)


def size(name: str, given: Any, zero: bool) -> float:
    """The finite number given, above 0 (or from 0 on); raises BadValue."""
    if is_finite(given) and (given > 0 or (zero and given == 0)):
        return float(given)
    raise BadValue(f"{name} is {shown(given)}; give a finite number {'>=' if zero else '>'} 0")


def generator(rng: Any) -> np.random.Generator:
    """The Generator given, or the one that a whole number seeds; raises BadValue."""
    import numpy as np

    if isinstance(rng, np.random.Generator):
        return rng
    if not is_whole(rng, 0):
        raise BadValue(f"rng is {shown(rng)}; give a whole number >= 0 or a numpy.random.Generator")
    return np.random.default_rng(int(rng))


def shown(given: Any) -> str:
    """What was given, in a line that is not long; a number as its digits, whatever library made it.

    >>> import numpy as np
    >>> shown("x"), len(shown("x" * 1000)), shown(np.int64(9)), shown(-(10**5000))
    ("'x'", 60, '9', 'about -10^5000')
    """
    if isinstance(given, numbers.Integral) and abs(int(given)) >= 10**50:  # Python refuses to print the longest
        return f"about {'-' * (given < 0)}10^{round(math.log10(abs(int(given))))}"
    try:
        line = " ".join((str(given) if isinstance(given, numbers.Real) else repr(given)).split())
    except ValueError:  # such a number within
        return f"a {type(given).__name__} of numbers too long to print"
    return line if len(line) <= 60 else line[:57] + "..."


def of_kind(name: str, given: Any, kinds: Any, wanted: str) -> Any:
    """What is given, of one of these kinds; raises BadValue for another, and says what is wanted."""
    if not isinstance(given, kinds):
        raise BadValue(f"{name} is {shown(given)}; give {wanted}")
    return given


def several(name: str, given: Any, kinds: Any, wanted: str) -> list[Any]:
    """The items of what is given, each of one of these kinds; raises BadValue."""
    try:
        items = list(given)
    except TypeError as e:
        raise BadValue(f"{name} is {shown(given)}; give {wanted}") from e
    for item in items:
        of_kind(f"an item of {name}", item, kinds, wanted)
    return items


def path_of(name: str, given: Any) -> Path:
    """The path given; raises BadValue for what is none."""
    return Path(of_kind(name, given, str | os.PathLike, "a path"))


def truth(name: str, given: Any) -> bool:
    """True or False, as given; raises BadValue for anything else."""
    if not isinstance(given, bool):
        raise BadValue(f"{name} is {shown(given)}; give True or False")
    return given


def function(name: str, given: Any) -> Any:
    """The function given, or None; raises BadValue for anything else."""
    if given is not None and not callable(given):
        raise BadValue(f"{name} is {shown(given)}; give a function, or None")
    return given


def _is_none(given: Any) -> bool:
    return given is None or isinstance(given, str | bytes)


def floats(name: str, given: Any) -> Floats:
    """The numbers given as a float64 array, NaN and inf among them; raises BadValue for what are no real numbers."""
    import numpy as np

    try:
        read = np.asarray(given)
        # a text would be read as the number in it, and None as NaN
        if read.dtype.kind in "SUTMmc" or (read.dtype.kind == "O" and any(map(_is_none, read.flat))):
            raise TypeError(f"{read.dtype} is no kind of real number")
        return np.asarray(read, float)
    except (TypeError, ValueError, OverflowError) as e:
        raise BadValue(f"{name} is {shown(given)}; give numbers") from e
