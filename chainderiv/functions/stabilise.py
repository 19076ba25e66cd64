"""Stable forms of φ, φ' and log|φ'| found from the formula alone: rewritten, measured, and accepted only if equal.

On each half line the formula becomes exp(polynomial) times a quotient that stays finite (halfline, tails); that is
written out in several ways (render), near 0 also as a Maclaurin polynomial, and the ways are measured against correct
digits and put together where each is good (regimes).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import attrgetter

import mpmath
import sympy
from flint import arb
from sympy.codegen.cfunctions import log1p
from sympy.polys.polyerrors import BasePolynomialError

from chainderiv.functions.branches import Branches, by_branch, log_of_size as _log, pieces
from chainderiv.functions.enclosing import enclose
from chainderiv.functions.held import released
from chainderiv.functions.intervals import Interval, Unenclosed, sign
from chainderiv.functions.rewriting.conjugate import conjugate
from chainderiv.functions.rewriting.digits import Digits, without_cancelling_tails
from chainderiv.functions.rewriting.halfline import Quotient, t
from chainderiv.functions.rewriting.maclaurin import maclaurin
from chainderiv.functions.rewriting.regimes import Contest, Region, equal, joined, regions
from chainderiv.functions.rewriting.render import log_from, logarithm, rendered
from chainderiv.functions.rewriting.tails import as_quotient
from chainderiv.functions.stable import Stable
from chainderiv.symbols import Expr, z

MOST_OPERATIONS, MOST_REGIONS = 150, 8
MOST_NESTED = 6  # functions within functions: each nest multiplies what the search works through
_VALUE, _SLOPE = attrgetter("value"), attrgetter("derivative")  # of a region
# what SymPy and mpmath raise for a formula that they cannot take apart
_UNSUITABLE = (
    *(ValueError, TypeError, AttributeError, KeyError, IndexError, NotImplementedError, ArithmeticError),
    *(NameError, SyntaxError, RecursionError, AssertionError, StopIteration, BasePolynomialError, Unenclosed),
)


@lru_cache(maxsize=256)
def stable_forms(formula: Expr) -> Stable | None:
    """Forms of φ, φ', log|φ'|, log|φ| and the gaps to φ's limits that keep their digits where the plain ones lose them.

    Only what was found, is equal to the formula to 40 digits at random points on every branch, and holds more digits
    than the plain form in float64; None where that is nothing. It never raises.

    >>> stable_forms(1 / (1 + sympy.exp(-z))).log_abs_derivative
    -Abs(z) - 2*log1p(exp(-Abs(z)))
    >>> stable_forms(z**3) is None
    True
    """
    try:
        if formula.count_ops() > MOST_OPERATIONS or _nested(formula) > MOST_NESTED:
            return None
        branches = Branches(formula)
        found = regions(branches)
        if len(found) > MOST_REGIONS:
            return None
        forms = {name: form for name, form in _found(branches, found) if form is not None}
    except _UNSUITABLE:
        return None
    return Stable(**forms) if forms else None


def _nested(expression: Expr) -> int:
    """How many functions stand within one another."""
    return int(isinstance(expression, sympy.Function)) + max(map(_nested, expression.args), default=0)


def _found(branches: Branches, found: list[Region]) -> Iterable[tuple[str, Expr | None]]:
    value = _form(found, _VALUE, _value_forms, branches.value)
    derivative = _form(found, _SLOPE, _value_forms, branches.derivative)
    log_slope = _log(branches.derivative if derivative is None else derivative)
    log_value = _log(branches.value if value is None else value)
    yield "value", value
    yield "derivative", derivative
    yield "log_abs_derivative", _form(found, _SLOPE, _log_forms, log_slope, logarithm_of=True)
    yield "log_abs_value", _form(found, _VALUE, _log_forms, log_value, logarithm_of=True)
    for name, side in (("above_lower", -1), ("below_upper", 1)):
        yield name, _gap(found, side)


def _form(
    found: list[Region],
    quantity: Callable[[Region], Expr],
    forms: Callable[[Region, Expr], list[Expr]],
    baseline: Expr | None,
    logarithm_of: bool = False,
) -> Expr | None:
    """A quantity's form, or its logarithm's, over all regions; None where the baseline is enough or it is not equal."""
    served, better = [], baseline is None
    for region in found:
        expression = quantity(region)
        if expression.is_number or region.is_point:
            if logarithm_of:
                expression = -sympy.oo if expression == 0 else _log(expression)
            served.append((region, [(expression, region.near)]))
            continue
        contest = _contest(region, expression, forms(region, expression), logarithm_of)
        better = better or not contest.is_enough(baseline, relative=quantity is _SLOPE)
        served.append((region, contest.winners()))
    if not better:
        return None
    whole = _with_absolute_value(joined(served))
    return whole if _equals(whole, found, quantity, logarithm_of) else None


def _contest(region: Region, expression: Expr, forms: list[Expr], logarithm_of: bool) -> Contest:
    contest = Contest(region, expression, logarithm_of)
    contest.enter([contest.plain, *forms])
    if contest.weak_near_zero and (series := maclaurin(expression)) is not None:
        contest.enter([_log(series), *_log1p_series(expression)] if logarithm_of else [series])
    return contest


def _log1p_series(expression: Expr) -> list[Expr]:
    """log|f| by the series of |f| - 1, for f that is ±1 at 0."""
    at_zero = expression.subs(z, 0)
    if at_zero not in (1, -1):
        return []
    series = maclaurin(expression - at_zero)
    return [] if series is None else [log1p(at_zero * series)]


def _quotient(region: Region, expression: Expr) -> Quotient | None:
    try:
        return as_quotient(expression, region.side)
    except _UNSUITABLE:
        return None


def _cancelling_later(expression: Expr) -> list[Expr]:
    conjugated = conjugate(expression)
    return [without_cancelling_tails(expression)] + ([] if conjugated is None else [conjugated])


def _value_forms(region: Region, expression: Expr) -> list[Expr]:
    made, q = _cancelling_later(expression), _quotient(region, expression)
    if q is not None:
        made += [rendered(q, near) for near in ([False] if q.is_large else [False, True])]
        if any(isinstance(g, sympy.exp) for g in q.generators[1 + len(q.rates) :]):
            made.append(sympy.powsimp(rendered(q), combine="exp"))  # exp(z) exp(-exp(z)) is inf · 0 far out
        if (led := q.leading()) is not None:
            made.append(rendered(led))
    return _in_z(made, region)


def _log_forms(region: Region, expression: Expr) -> list[Expr]:
    made = list(map(_log, _cancelling_later(expression)))
    q = _quotient(region, expression)
    if q is not None:
        made.append(logarithm(q))
        if q.is_large:
            return _in_z(made, region)
        limits = [q.element.field(1), q.element.field(-1)]
        if q.limit is not None and q.limit and q.limit not in limits:
            limits.insert(0, q.limit)
        made += [log_from(q, limit, near) for limit in limits for near in (False, True)]
        made += [_log(rendered(q, near=True))]
        if (led := q.leading()) is not None:
            made.append(logarithm(led))
    return _in_z(made, region)


def _in_z(forms: list[Expr], region: Region) -> list[Expr]:
    return [released(form.subs(t, region.side * z)) for form in forms]


def _gap(found: list[Region], side: int) -> Expr | None:
    """φ - lim φ at -∞ (side -1) or lim φ at +∞ - φ (side 1), where that limit is finite and never crossed."""
    limit = _limit(found, side)
    if limit is None:
        return None

    def gap(region: Region) -> Expr:
        return side * (limit - region.value)

    def forms(region: Region, expression: Expr) -> list[Expr]:
        own = _quotient(region, region.value)
        made = _value_forms(region, expression)
        return made if own is None else [*made, *_in_z([side * (limit - rendered(own))], region)]

    form = _form(found, gap, forms, baseline=None)
    if form is None or not _is_positive(form, found):
        return None
    form = by_branch(_with_positive_factors, form)
    at_zero = gap(next(region for region in found if region.low == 0)).subs(z, 0)
    if at_zero.is_Rational and form.subs(z, 0) != at_zero:  # SymPy has no exact value of erfcx and the like at 0
        form = sympy.Piecewise((at_zero, sympy.Eq(z, 0)), *pieces(form))
    return form


def limit_of(formula: Expr, side: int) -> Expr | None:
    """lim φ at ±∞ as an exact number, where it is approached and found; else None.

    >>> limit_of(sympy.erf(z + 300), -1)
    -1
    """
    try:
        return _limit(regions(Branches(formula)), side)
    except _UNSUITABLE:
        return None


def _limit(found: list[Region], side: int) -> Expr | None:
    outermost = found[0] if side > 0 else found[-1]
    q = _quotient(outermost, outermost.value)
    if q is None or q.limit is None or outermost.value.is_number:
        return None
    return released(q.expression(q.limit))


def _with_positive_factors(form: Expr) -> Expr:
    """A positive form without a factor -1, so that its logarithm can be taken factor by factor."""
    number, rest = form.as_coeff_Mul()
    return form if number > 0 else -number * sympy.Abs(rest)


def _is_positive(form: Expr, found: list[Region]) -> bool:
    # an interval's end may be infinite: exp(exp(z)) has no ball far out
    points = (Interval.of(arb(p)) for region in found for p in region.points)
    return all(sign(enclose(form, point, 2000)) == 1 for point in points)


def _with_absolute_value(form: Expr) -> Expr:
    """An even form, one branch a side, in |z|."""
    if not isinstance(form, sympy.Piecewise) or len(form.args) != 2:
        return form
    (right, when), (left, _) = form.args
    if when in (z >= 0, z > 0) and right.subs(z, t) == left.subs(z, -t):
        return right.subs(z, sympy.Abs(z))
    return form


def _equals(whole: Expr, found: list[Region], quantity: Callable[[Region], Expr], logarithm_of: bool) -> bool:
    """Whether a form is the formula's own to EQUAL digits at random points of every region, and where two meet."""
    rng, form = random.Random(5), Digits(whole, 1000)
    for region in found:
        expression = quantity(region)
        points = _random_points(region, rng)
        if region.low.is_Rational and region.with_low:
            points.append(float(region.low))
        formula = Digits(expression, 1000, relative=True)
        for point in points:
            want = formula(point).log if logarithm_of else formula(point).value
            got = form(point).value
            if equal(got, want) is False and not (got is None and mpmath.isinf(want)):
                return False
    return True


def _random_points(region: Region, rng: random.Random) -> list[float]:
    near, far = float(region.near), float(region.far)
    tops = [far] if far < 4 else [min(far, top) for top in (0.2, 1.0, 4.0, 30.0, 800.0)]
    return [region.side * rng.uniform(near, top) for top in tops if top > near for _ in range(3)]
