"""LogSign(sign, log): a real number as its sign and the natural logarithm of its size."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.errors import BadShape, BadValue
from chainderiv.given import floats, is_finite, is_whole
from chainderiv.shown import in_html
from chainderiv.wording import formatted, signed


@dataclass(frozen=True, eq=False)
class LogSign:
    """sign · exp(log): a number whose size may lie far outside float64.

    Parameters
    ----------
    sign : float or ndarray of -1, 0, 1. Zero has sign 0 and log -inf; an undefined number is NaN in both.
    log : float or ndarray of the same shape. Natural logarithm of the size, dimensionless.

    Raises
    ------
    BadShape
        When sign and log do not broadcast together.
    BadValue
        When a sign is another number, or is 0 where the logarithm is not -inf.

    Examples
    --------
    >>> tiny = LogSign.from_float(-1.25e-300)
    >>> print(round((tiny * tiny).log10, 9))
    -599.806179974
    >>> print(tiny * tiny, f"{tiny * tiny:.2e}", float(tiny * tiny))
    +1.5625e-600 1.56e-600 0.0
    """

    sign: Any
    log: Any
    __array_ufunc__ = None  # array · LogSign is ours, not an array of objects

    def __post_init__(self) -> None:
        self._hold(self.sign, self.log)
        sign, log = np.asarray(self.sign), np.asarray(self.log)
        other = ~(np.isnan(sign) | (np.abs(sign) <= 1) & (sign == np.round(sign)))
        if other.any():
            raise BadValue(f"sign is {sign[other].flat[0]:g}; give -1, 0, 1 or NaN, and the size's logarithm as log")
        sized = (sign == 0) & ~np.isneginf(log)
        if sized.any():
            raise BadValue(f"sign is 0 where log is {log[sized].flat[0]:g}; give log -inf there, for zero has no size")

    @classmethod
    def of(cls, sign: ArrayLike, log: ArrayLike) -> LogSign:
        """The same without a look at the signs, for parts that are a LogSign's already: the walks make many."""
        made = cls.__new__(cls)
        made._hold(sign, log)
        return made

    def _hold(self, given_sign: Any, given_log: Any) -> None:
        try:
            sign, log = np.broadcast_arrays(floats("sign", given_sign), floats("log", given_log))
        except BadValue:
            raise
        except ValueError as e:
            raise BadShape(
                f"sign has shape {np.shape(given_sign)} and log {np.shape(given_log)}; give shapes that broadcast"
            ) from e
        # [()] turns a 0-d array into a scalar, so that single numbers print and compare as such; + 0.0 unsigns zeros
        object.__setattr__(self, "sign", (sign + 0.0)[()])
        object.__setattr__(self, "log", log[()])

    def __repr__(self) -> str:
        if self.shape:
            return f"LogSign(sign={self.sign!r}, log={self.log!r})"
        return f"LogSign(sign={float(self.sign):g}, log={float(self.log)!r})"

    def __str__(self) -> str:
        """The numbers to six digits, also beyond float64; of a long array its ends."""
        written: Any = {"int": lambda k: signed(self.sign.flat[k], self.log.flat[k])}
        if self.shape:
            return np.array2string(np.arange(self.log.size).reshape(self.shape), formatter=written)
        return signed(self.sign, self.log)

    def _repr_html_(self) -> str:
        return in_html(str(self))

    def __format__(self, spec: str) -> str:
        """A single number by a format of Python's for floats, as .3e or +12.4g, also where it leaves float64.

        Raises BadShape for an array, and BadValue for a spec that is none.

        >>> f"{LogSign(-1.0, -1700.0):12.3e}"
        ' -5.005e-739'
        """
        if not spec:
            return str(self)
        return formatted(self._single("a format"), self.log, spec)

    def __float__(self) -> float:
        """The ordinary number, 0 where it underflows and inf where it overflows; raises BadShape for an array."""
        self._single("float()")
        return float(self.to_float())

    def __bool__(self) -> bool:
        """Whether a single number is not 0, as of any number; raises BadShape for an array.

        >>> bool(LogSign(1, -1e6)), bool(LogSign.from_float(0.0))
        (True, False)
        """
        if np.size(self.log) != 1:
            raise BadShape(f"a truth value is asked of numbers of the shape {self.shape}; take one, or g.sign != 0")
        return bool(np.all(np.asarray(self.sign) != 0))

    def _single(self, asked: str) -> Any:
        """The sign of a single number; raises BadShape."""
        if self.shape:
            raise BadShape(f"{asked} is asked of numbers of the shape {self.shape}; take one, as g[0], or g.to_float()")
        return self.sign

    @classmethod
    def from_float(cls, value: ArrayLike) -> LogSign:
        """The LogSign of ordinary numbers (inf keeps its sign, NaN stays NaN)."""
        array = floats("value", value)
        with np.errstate(divide="ignore"):
            return cls.of(np.sign(array), np.log(np.abs(array)))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the numbers held."""
        return np.shape(self.log)

    @property
    def log10(self) -> Any:
        """Decimal logarithm of the size, dimensionless."""
        return self.log / np.log(10.0)

    def to_float(self) -> Any:
        """The ordinary numbers: 0 where they underflow, inf where they overflow."""
        with np.errstate(over="ignore", under="ignore"):
            # 0 · exp(-inf) is 0, as it should be; a zero never carries log = +inf
            return (np.asarray(self.sign) * np.exp(self.log))[()]

    def __getitem__(self, index: Any) -> LogSign:
        return LogSign.of(np.asarray(self.sign)[index], np.asarray(self.log)[index])

    def __neg__(self) -> LogSign:
        return LogSign.of(-np.asarray(self.sign), self.log)

    def __abs__(self) -> LogSign:
        return LogSign.of(np.abs(self.sign), self.log)

    def _operand(self, other: LogSign | ArrayLike) -> LogSign:
        """The other of two; raises BadShape where the two do not broadcast."""
        other = other if isinstance(other, LogSign) else LogSign.from_float(other)
        if other.shape != self.shape:
            try:
                np.broadcast_shapes(self.shape, other.shape)
            except ValueError as e:
                raise BadShape(
                    f"numbers of the shapes {self.shape} and {other.shape} are given; give shapes that broadcast"
                ) from e
        return other

    def __mul__(self, other: LogSign | float) -> LogSign:
        other = self._operand(other)
        sign = np.asarray(self.sign) * other.sign
        with np.errstate(invalid="ignore"):
            log = np.asarray(self.log) + other.log
        # zero times a number that overflowed even in the logarithm is still zero
        return LogSign.of(sign, np.where(sign == 0, -np.inf, log))

    __rmul__ = __mul__

    def __pow__(self, exponent: float) -> LogSign:
        """self**exponent; a negative number takes whole exponents only and is NaN otherwise."""
        if not isinstance(exponent, numbers.Real):
            raise BadValue(f"exponent is {exponent!r}; give a number")
        if exponent == 0:
            return LogSign.of(np.ones(self.shape), np.zeros(self.shape))
        whole = float(exponent).is_integer()
        negative = (-1.0 if exponent % 2 else 1.0) if whole else np.nan
        sign = np.where(np.asarray(self.sign) < 0, negative, self.sign)
        if exponent < 0:
            sign = np.where(sign == 0, 1.0, sign)
        log = np.asarray(self.log) * exponent
        return LogSign.of(sign, np.where(np.isnan(sign), np.nan, log))

    def __truediv__(self, other: LogSign | float) -> LogSign:
        other = self._operand(other)
        undefined = (np.asarray(self.sign) == 0) & (np.asarray(other.sign) == 0)
        quotient = self * other**-1
        return LogSign.of(np.where(undefined, np.nan, quotient.sign), np.where(undefined, np.nan, quotient.log))

    def __rtruediv__(self, other: float) -> LogSign:
        return LogSign.from_float(other) / self

    def __add__(self, other: LogSign | float) -> LogSign:
        other = self._operand(other)
        first, second = np.asarray(self.log), np.asarray(other.log)
        top = np.maximum(first, second)
        anchor = np.where(np.isfinite(top), top, 0.0)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            total = self.sign * np.exp(first - anchor) + other.sign * np.exp(second - anchor)
            return LogSign.of(np.sign(total), np.log(np.abs(total)) + anchor)

    __radd__ = __add__

    def __sub__(self, other: LogSign | float) -> LogSign:
        return self + (-self._operand(other))

    def __rsub__(self, other: float) -> LogSign:
        return LogSign.from_float(other) + (-self)

    def product(self, axis: int | None = None) -> LogSign:
        """Π over an axis (all of them by default)."""
        axis = self._checked(axis)
        sign = np.prod(np.asarray(self.sign), axis=axis)
        with np.errstate(invalid="ignore"):
            log = np.sum(np.asarray(self.log), axis=axis)
        return LogSign.of(sign, np.where(sign == 0, -np.inf, log))

    def _checked(self, axis: int | None) -> int | None:
        """The axis, if there is such a one; raises BadValue."""
        if axis is not None and not is_whole(axis, -len(self.shape), len(self.shape) - 1):
            raise BadValue(f"axis is {axis!r}; give one of the {len(self.shape)} from 0 on, or None for all")
        return axis

    def norm(self, order: int = 2, axis: int | None = None) -> LogSign:
        """(Σ |g|^order)^(1/order) over an axis, the sizes rescued by their largest.

        order : a finite number > 0. Raises BadValue for another.
        """
        if not is_finite(order) or order <= 0:
            raise BadValue(f"norm order is {order!r}; give a finite number > 0, such as 1 or 2")
        axis, log = self._checked(axis), np.asarray(self.log)
        top = np.max(log, axis=axis, keepdims=True)
        anchor = np.where(np.isfinite(top), top, 0.0)
        with np.errstate(divide="ignore", over="ignore"):
            total = np.log(np.sum(np.exp(order * (log - anchor)), axis=axis)) / order
        log_norm = total + np.squeeze(anchor, axis=axis)
        sign = np.where(np.isneginf(log_norm), 0.0, np.where(np.isnan(log_norm), np.nan, 1.0))
        return LogSign.of(sign, log_norm)
