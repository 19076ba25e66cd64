"""Verification: what the judges said, per parameter and method."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from chainderiv.kinds import Mask
from chainderiv.logsign import LogSign
from chainderiv.numeric.parameters import Parameters
from chainderiv.shown import Shown, Shows
from chainderiv.writing import plain

HEADER = ("parameter", "method", "judged", "worst |Δlog|", "allowed", "log10 |gradient|", "")
SHOWN_ROWS = 60
SHOWN_LAYERS = 6  # of a point that is printed
METHODS = ("complex step", "mpmath differences", "float64 differences")


@dataclass(frozen=True)
class Row:
    """What one judge says of one parameter.

    Attributes
    ----------
    parameter : 'b1', 'w3', 'x', or a layer's array of a Network.
    method : 'complex step', 'mpmath differences' or 'float64 differences'.
    judged, points : at how many points it could judge, of how many.
    worst_error, allowed : the worst |Δlog| against what is allowed there (a Network's: relative to the sum of the
        sizes of the terms). inf where a sign or a zero differs.
    log10_smallest, log10_largest : the range of log10|gradient| over the judged points; NaN where none was.
    passed : whether every judged point is within what is allowed; None where none was judged.
    factor : in `Verification.worst` alone, the factor that disagrees most with its own layer's difference quotient.
    noticed : the relative error from which on this judge notices one that all points share: what is allowed and what
        is off already, together, at the point where they are least; inf where it judged none. None of a Network, whose
        judges allow the same everywhere.

    Examples
    --------
    >>> from chainderiv import Chain, verify
    >>> row = verify(Chain(depth=2), points=5).rows[0]
    >>> row.parameter, row.method, row.judged, row.worst_error <= row.allowed
    ('b1', 'complex step', 5, True)
    """

    parameter: str
    method: str
    judged: int
    points: int
    worst_error: float = 0.0
    allowed: float = 0.0
    log10_smallest: float = math.nan
    log10_largest: float = math.nan
    passed: bool | None = None
    factor: str | None = None
    noticed: float | None = None


@dataclass(frozen=True)
class Verification(Shows):
    """The judges' verdicts; printed, or displayed in a notebook, it is a table and what follows from it.

    Attributes
    ----------
    rows : one Row per parameter and method.
    worst : the Row with the largest error relative to what is allowed, its factor named; None if nothing was judged.
    could_judge : per parameter and method, which points were judged.
    worst_point : of a Chain, where that error is: {'w': […], 'b': […], 'x': …, 'y': …}, which `evaluate` takes as
        keywords. None of a Network, or where nothing was judged.
    worst_ratio : of a claim, claim/gradient there as a LogSign.
    diagnosis : of a claim, what is wrong with it, where one sentence holds at every judged point: 'the factor w₂ is
        missing'; of one that passes, which digits it loses. None where there is nothing to say.

    Examples
    --------
    >>> from chainderiv import Chain, verify
    >>> found = verify(Chain(depth=2), points=5)
    >>> found.passed, found.judged, len(found.rows), found.smallest_noticed < 1e-11
    (True, 25, 15, True)
    """

    rows: tuple[Row, ...]
    worst: Row | None
    could_judge: dict[tuple[str, str], Mask] = field(repr=False)
    worst_point: dict[str, Any] | None = field(default=None, repr=False)
    worst_ratio: LogSign | None = None
    diagnosis: str | None = None

    @property
    def judged(self) -> int:
        """How many pairs of parameter and point at least one method could judge."""
        together: dict[str, Mask] = {}
        for (parameter, _), mask in self.could_judge.items():
            together[parameter] = together.get(parameter, np.zeros_like(mask)) | mask
        return int(sum(mask.sum() for mask in together.values()))

    @property
    def smallest_noticed(self) -> float:
        """The relative error that would have been noticed in any one gradient, were it the same at every point.

        Each parameter's most watchful judge counts, and of the parameters the one watched least; inf where a parameter
        has no judged point. A Network's errors are relative to the sum of the sizes of its terms.
        """
        least: dict[str, float] = {}
        for row in self.rows:
            all_over = row.allowed + row.worst_error if row.judged else math.inf
            noticed = all_over if row.noticed is None else row.noticed
            least[row.parameter] = min(noticed, least.get(row.parameter, math.inf))
        return max(least.values(), default=math.inf)

    @property
    def passed(self) -> bool:
        """Every judged point within its bound, and no parameter without a judged point."""
        seen = {row.parameter for row in self.rows if row.judged}
        return bool(self.rows) and all(row.passed is not False and row.parameter in seen for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: passed, judged, smallest_noticed, diagnosis, worst, its point and ratio, and the rows."""
        found = {"passed": self.passed, "judged": self.judged, "smallest_noticed": self.smallest_noticed}
        worst, rows = self.worst and asdict(self.worst), [asdict(row) for row in self.rows]
        ratio = self.worst_ratio
        parts = None if ratio is None else {"sign": float(ratio.sign), "log": float(ratio.log)}
        where = {"worst": worst, "worst_point": self.worst_point, "worst_ratio": parts}
        return dict(plain({**found, "diagnosis": self.diagnosis, **where, "rows": rows}))

    def _shown(self) -> Shown:
        """The table; errors of a second derivative are relative to the sum of the sizes of its terms."""
        second = any("," in row.parameter for row in self.rows)
        header = HEADER if not second else (*HEADER[:3], "worst |Δ|/Σ|terms|", *HEADER[4:])
        after = (
            []
            if (more := len(self.rows) - SHOWN_ROWS) <= 0
            else [f"… {more} more rows (.rows and --json have them all)"]
        )
        return Shown((), header, [_cells(row) for row in self.rows[:SHOWN_ROWS]], [*after, *self._sentences(second)])

    def _sentences(self, second: bool) -> list[str]:
        said, worst = [], self.worst
        if worst is not None:
            blame = "" if worst.passed or worst.factor is None else f"; the fault is in {worst.factor}"
            said.append(
                f"worst: {worst.parameter} by {worst.method}, {'error' if second else '|Δlog|'} = "
                f"{worst.worst_error:.2g} of {worst.allowed:.2g} allowed{blame}"
            )
            if not worst.passed and self.worst_point is not None:
                by = "" if self.worst_ratio is None else f": claim/gradient = {self.worst_ratio}"
                said.append(f"at {_point_line(self.worst_point)}{by}")
        if self.diagnosis is not None:
            said.append(f"the claim: {self.diagnosis}")
        if math.isfinite(noticed := self.smallest_noticed):
            said.append(f"a relative error of {noticed:.2g} in any one, the same at every point, would be noticed")
        verdict = "agreed" if self.passed else "DISAGREED" if self.judged else "nothing could be judged"
        return [*said, f"{verdict}: {self.judged} pairs of parameter and point judged"]


def _point_line(point: dict[str, Any]) -> str:
    """A point as Python reads it; of a deep chain the first layers alone."""
    cut = len(point["w"]) > SHOWN_LAYERS
    parts = [f"{name}=[{', '.join(map(repr, point[name][:SHOWN_LAYERS]))}{', …' * cut}]" for name in "wb"]
    whole = " (.worst_point and --json have it whole)" * cut
    return ", ".join([*parts, *(f"{name}={point[name]!r}" for name in "xy")]) + whole


def point_of(at: Parameters, index: int) -> dict[str, Any]:
    """One of the points as keywords of `evaluate`."""
    point = at.at((index,))
    layers = range(1, at.w.values.shape[-1] + 1)
    w, b = ([float(array[layer]) for layer in layers] for array in (point.w, point.inner))
    return {"w": w, "b": b, "x": float(point.x), "y": float(point.y)}


def _cells(row: Row) -> tuple[str, ...]:
    judged = row.parameter, row.method, f"{row.judged}/{row.points}"
    if not row.judged:
        return (*judged, "", "", "", "")
    reach = f"{row.log10_smallest:.1f} to {row.log10_largest:.1f}"
    return (*judged, f"{row.worst_error:.1e}", f"{row.allowed:.1e}", reach, "ok" if row.passed else "FAILED")
