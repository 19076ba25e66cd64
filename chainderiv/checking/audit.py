"""How many digits φ, φ' and log|φ'| hold in float64: the formula itself and the form in use, against correct digits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

import numpy as np
import sympy

from chainderiv.checking.points import near_kink
from chainderiv.compiling.arrays import array_functions, compiled
from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.lookup import neuron
from chainderiv.functions.rewriting.digits import MOST, Digits, digits_that_hold
from chainderiv.functions.turning.root import in_digits
from chainderiv.given import is_finite, is_whole
from chainderiv.kinds import Floats
from chainderiv.shown import Shown, Shows

NORMAL = float(np.finfo(float).tiny)
QUANTITIES = ("φ", "φ'", "log|φ'|")


@dataclass(frozen=True)
class Run:
    """Neighbouring z of the spread, from first to last, at which too few digits hold; worst is the fewest."""

    first: float
    last: float
    worst: float


@dataclass(frozen=True)
class AuditRow:
    """One quantity in one form.

    Attributes
    ----------
    quantity : "φ", "φ'" or "log|φ'|".
    form : "formula" (as stated, with SymPy's derivative) or "used" (what the package evaluates).
    worst, at : the fewest digits that hold, and at which z.
    judged, undecided : the number of z with correct digits, and of z where the formula did not give them.
    lost_left, lost_right : |z| from which outwards too few digits hold, on either side; None for never.
    isolated : the other runs of z at which fewer hold, each with its first and last z and the worst digits there:
        a cancellation between z that are right.

    Examples
    --------
    >>> row = audit("tanh").row("φ'", "formula")
    >>> row.worst, row.lost_from < 10
    (0.0, True)
    """

    quantity: str
    form: str
    worst: float
    at: float
    judged: int
    undecided: int
    lost_left: float | None
    lost_right: float | None
    isolated: tuple[Run, ...]

    @property
    def lost_from(self) -> float | None:
        """The smaller |z| of the two sides, None for never."""
        lost = [z for z in (self.lost_left, self.lost_right) if z is not None]
        return min(lost, default=None)


@dataclass(frozen=True)
class Audit(Shows):
    """What `audit` found; printed it is a table with a sentence for each quantity.

    Attributes
    ----------
    name, formula : the activation.
    digits : how many were asked for.
    rows : AuditRow per quantity and form.
    undecided : (quantity, z) without correct digits within `most` digits of work; they count as not right.
    avoided : the kinks that the spread stays off.
    rewritten : the quantities whose form in use is not the formula itself.
    most : the most digits of work.

    Examples
    --------
    >>> found = audit("tanh")
    >>> found.holds, found.rewritten
    (True, ("φ'", "log|φ'|"))
    """

    name: str
    formula: str
    digits: float
    rows: tuple[AuditRow, ...]
    undecided: tuple[tuple[str, float], ...]
    avoided: tuple[float, ...]
    rewritten: tuple[str, ...]
    most: int

    def row(self, quantity: str, form: str = "used") -> AuditRow:
        """The row of one quantity in one form."""
        for row in self.rows:
            if (row.quantity, row.form) == (quantity, form):
                return row
        raise BadValue(f"no row {quantity!r}, {form!r}; give one of {QUANTITIES} and 'used' or 'formula'")

    @property
    def holds(self) -> bool:
        """Whether the forms in use hold the digits wherever judged, and nothing is undecided."""
        used = [row for row in self.rows if row.form == "used"]
        return not self.undecided and all(row.judged > 0 and row.worst >= self.digits for row in used)

    def to_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self) | {"holds": self.holds}

    def _shown(self) -> Shown:
        head = f"{self.name}: {self.formula}, digits that hold of the {self.digits:g} asked for"
        rows = [
            (r.quantity, r.form, f"{r.worst:.1f}", f"{r.at:.5g}", str(r.judged), str(r.undecided)) for r in self.rows
        ]
        return Shown([head], ("", "form", "digits", "at z =", "judged", "undecided"), rows, self._sentences())

    def _sentences(self) -> list[str]:
        said = [self._sentence(quantity) for quantity in QUANTITIES]
        if self.undecided:
            where = ", ".join(f"{q} at {z:g}" for q, z in self.undecided[:4])
            more = f" and {len(self.undecided) - 4} more" if len(self.undecided) > 4 else ""
            said.append(f"undecided within {self.most} digits: {where}{more}; these count as not right")
        if self.avoided:
            said.append(f"kinks, which the spread stays off: {', '.join(f'{k:g}' for k in self.avoided)}")
        return [*said, f"holds: {'yes' if self.holds else 'no'}"]

    def _sentence(self, quantity: str) -> str:
        plain, used = self.row(quantity, "formula"), self.row(quantity)
        fault, remaining = _fault(plain, self.digits), _fault(used, self.digits)
        if not plain.judged:
            return f"{quantity}: nothing could be judged"
        if fault is None and remaining is None:
            in_use = f", the rewriting in use {used.worst:.1f}" if quantity in self.rewritten else ""
            return f"{quantity}: the formula itself holds {plain.worst:.1f}{in_use}"
        first = f"{quantity}: the formula itself " + (f"holds {plain.worst:.1f}" if fault is None else fault)
        if remaining is None:
            return f"{first}; the stable rewriting in use holds {used.worst:.1f}"
        if quantity not in self.rewritten:
            return f"{first}; no rewriting is in use"
        return f"{first}; the rewriting in use {remaining}"


def _fault(row: AuditRow, digits: float) -> str | None:
    """Where a form loses its digits, in words; None where it does not."""
    if row.worst >= digits:
        return None
    sides = []
    if row.lost_left is not None and row.lost_right is not None and row.lost_left == row.lost_right:
        sides.append(f"from |z| = {row.lost_right:.4g} on")
    else:
        sides += [f"from z = {row.lost_right:.4g} on"] if row.lost_right is not None else []
        sides += [f"from z = {-row.lost_left:.4g} down"] if row.lost_left is not None else []
    lost = [f"loses its digits {' and '.join(sides)}"] if sides else []
    if row.isolated:
        runs = [f"{_place(run)} (to {run.worst:.1f})" for run in row.isolated[:3]]
        more = f" and {len(row.isolated) - 3} more" if len(row.isolated) > 3 else ""
        lost.append(f"cancels near z = {', '.join(runs)}{more}")
    return " and ".join(lost)


def _place(run: Run) -> str:
    return f"{run.first:.4g}" if run.first == run.last else f"{run.first:.4g} … {run.last:.4g}"


def audit(given: str | Activation, digits: float = 12, most: int = MOST) -> Audit:
    """Judge φ, φ' and log|φ'| in float64 on a spread of |z| <= 1e4, against 50 correct digits.

    The correct digits are the formula's own, from mpmath, the precision doubled until two in a row agree to 50 digits.
    The digits that hold are -log10 of the relative error, at most 16; of log|φ'| the error is taken relative to
    max(1, |log|), because a gradient's logarithm is a sum of these. Below float64's smallest normal number the error
    counts in units of that number, and a correctly signed 0 is right where the true value underflows.

    Parameters
    ----------
    given : str or Activation.
    digits : float. How many digits are asked for.
    most : int. The most decimal digits to work with; where they do not settle a value, it counts as undecided.

    Raises
    ------
    UnknownName
        When the catalogue has no such name.
    BadValue
        When digits is not between 1 and 16, most is under 100, or the activation cannot be evaluated.

    Examples
    --------
    >>> audit("relu").holds
    True
    """
    if not is_finite(digits) or not 1 <= digits <= 16:
        raise BadValue(f"digits is {digits!r}; give a number from 1 to 16 (float64 holds 15.95)")
    if not is_whole(most, 100):
        raise BadValue(f"most is {most!r}; give a whole number of digits, 100 or more")
    f = neuron(given)
    judging = _Judging(f, float(digits), most)
    rows = tuple(judging.row(quantity, form) for quantity in QUANTITIES for form in ("formula", "used"))
    return Audit(
        f.name, in_digits(f.formula), digits, rows, judging.undecided, judging.avoided, judging.rewritten, most
    )


def spread() -> Floats:
    """About 270 z, ascending: 0, ± 1e-12 … 1e4, dense where activations turn, and where exponentials leave float64."""
    sizes = np.concatenate(
        [np.geomspace(1e-12, 0.1, 23), np.geomspace(0.1, 1e3, 49)[1:], np.geomspace(1e3, 1e4, 6)[1:]]
    )
    edges = [7.5, 8.5, 17.5, 19.1, 26.6, 27.3, 36.1, 37.1, 38.6, 354.5, 372.7, 709.5, 710.0, 745.0, 746.0]
    middle = np.linspace(-4, 4, 81) + 1 / 64
    return np.unique(np.concatenate([-sizes, sizes, middle, edges, np.negative(edges), [0.0]]))


class _Judging:
    """The correct digits of one activation on the spread, and what its forms make of them."""

    def __init__(self, f: Activation, digits: float, most: int) -> None:
        self.digits = digits
        functions = array_functions(f)
        everywhere = spread()
        self.z = everywhere[~near_kink(f, everywhere)]
        self.points: list[float] = self.z.tolist()
        self.avoided = tuple(float(k) for k in f.kinks)
        value, slope = (
            [read(p) for p in self.points] for read in (Digits(f.branched, most), Digits(f.derivative, most))
        )
        correct: Any = [c.value for c in value], [c.value for c in slope], [c.log for c in slope]
        self.true: dict[str, list[Any]] = dict(zip(QUANTITIES, correct, strict=True))
        plain = f.branched, f.derivative, sympy.log(sympy.Abs(f.derivative))
        used = f.stable_value, f.stable_derivative, f.log_abs_derivative
        self.rewritten = tuple(q for q, own, form in zip(QUANTITIES, plain, used, strict=True) if own != form)
        in_use = functions.value, functions.derivative, functions.log_abs_derivative
        self.read = {
            "formula": dict(zip(QUANTITIES, map(compiled, plain), strict=True)),
            "used": dict(zip(QUANTITIES, in_use, strict=True)),
        }
        self.undecided = tuple(
            (q, z) for q, true in self.true.items() for z, t in zip(self.points, true, strict=True) if t is None
        )

    def row(self, quantity: str, form: str) -> AuditRow:
        got, true = self.read[form][quantity](self.z), self.true[quantity]
        least = 1.0 if quantity == "log|φ'|" else 0.0
        marks = [
            None if want is None else digits_that_hold(float(g), want, least) for g, want in zip(got, true, strict=True)
        ]
        judged = [(mark, z) for mark, z in zip(marks, self.points, strict=True) if mark is not None]
        worst, at = min(judged, key=lambda pair: (pair[0], abs(pair[1])), default=(0.0, 0.0))
        left, right, isolated = self._runs(marks, true)
        undecided = len(marks) - len(judged)
        return AuditRow(quantity, form, worst, at, len(judged), undecided, left, right, isolated)

    def _runs(self, marks: list[float | None], true: list[Any]) -> tuple[float | None, float | None, tuple[Run, ...]]:
        """Where the digits are gone to the left, to the right, and between."""
        # a right underflow says nothing about the digits: 1 - tanh² is 0 from 19 on, and right again from 373 on
        telling = [
            (z, mark)
            for z, mark, t in zip(self.points, marks, true, strict=True)
            if mark is not None and not (mark >= self.digits and abs(t) < NORMAL)
        ]
        runs = list(_failing(telling, self.digits))
        left = right = None
        if runs and telling[-1][0] == runs[-1].last > 0:
            right = max(runs.pop().first, 0.0)
        if runs and telling[0][0] == runs[0].first < 0:
            left = max(-runs.pop(0).last, 0.0)
        return left, right, tuple(runs)


def _failing(points: Iterable[tuple[float, float]], digits: float) -> Iterable[Run]:
    for fails, neighbours in groupby(points, lambda point: point[1] < digits):
        if fails:
            zs, marks = zip(*neighbours, strict=True)
            yield Run(zs[0], zs[-1], min(marks))
