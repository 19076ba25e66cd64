"""An expression enclosed: a ball that is proved to hold its value, or an interval that holds all of them over another.

An expression is taken apart once into steps, each after its own parts, so that no depth of nesting is too deep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial, reduce
from typing import Any

import sympy
from flint import arb, ctx, fmpq
from sympy.codegen.cfunctions import log1p

from chainderiv.functions.intervals import (
    FUNCTIONS,
    LINE,
    PRODUCT,
    SUM,
    Ball,
    Interval,
    Rule,
    Unenclosed,
    hull,
    whole_power,
    working_bits,
)
from chainderiv.symbols import Expr, normal_cdf, z

_MOST_EXACT = 2**15  # bits of a rational number


def _power(base: Expr, exponent: Expr) -> tuple[Rule, tuple[Expr, ...]]:
    """The rule of a power, and what it is a function of."""
    if exponent.is_Float:
        exponent = sympy.Rational(exponent)
    if exponent.is_Integer:
        return _integer_power(int(exponent)), (base,)
    if exponent.is_Rational:
        share = fmpq(int(exponent.p), int(exponent.q))
        return Rule(lambda u: u**share, partial(_root_wide, share)), (base,)
    return FUNCTIONS[sympy.exp], (sympy.Mul(exponent, sympy.log(base, evaluate=False), evaluate=False),)


def _integer_power(n: int) -> Rule:
    def exactly(u: Any) -> Any | None:
        return None if (u == 0 and n < 0) or _bits(u) * abs(n) > _MOST_EXACT else u**n

    if n < 0:
        return Rule(lambda u: 1 / whole_power(u, -n), lambda u: Interval.of(arb(1)) / u**-n, exactly)
    return Rule(lambda u: whole_power(u, n), lambda u: u**n, exactly)


def _root_wide(share: Any, u: Interval) -> Interval:
    """What is never negative may still be enclosed by what is."""
    if u.high < 0:
        raise Unenclosed("a root of what is negative")
    low, high = (u.low if u.low >= 0 else arb(0)), (u.high if u.high >= 0 else u.high.upper())
    ends = [LINE.high if share < 0 and end == 0 else end**share for end in (low, high)]
    return Interval(*(ends if share > 0 else reversed(ends)))


def _chosen(pieces: Sequence[tuple[Expr, Any]], difference: Callable[[Expr], Interval]) -> Iterator[Expr]:
    """The values of the branches whose conditions may hold; difference gives what a comparison's sides differ by."""
    for value, when in pieces:
        holds = _holds(when, difference)
        if holds is not False:
            yield value
        if holds:
            return


def _branch_ball(pieces: Sequence[tuple[Expr, Any]], of: tuple[Any, ...], *at: Ball) -> Ball:
    values = [ball(value, *at, of=of) for value in _chosen(pieces, lambda d: Interval.of(ball(d, *at, of=of)))]
    return reduce(arb.union, values) if values else arb.nan()


def _branch_wide(pieces: Sequence[tuple[Expr, Any]], of: tuple[Any, ...], *at: Interval) -> Interval:
    values = [_wide(value, of, at) for value in _chosen(pieces, lambda d: _wide(d, of, at))]
    if len(values) == 1:
        return values[0]
    return hull([v.low for v in values], [v.high for v in values]) if values else LINE


def _branch_exactly(pieces: Sequence[tuple[Expr, Any]], of: tuple[Any, ...], *at: Any) -> Any | None:
    def difference(d: Expr) -> Interval:
        exact = stated(d, *at, of=of)
        return LINE if exact is None else Interval.of(exact)

    values = [stated(value, *at, of=of) for value in _chosen(pieces, difference)]
    return values[0] if len(values) == 1 else None


def _holds(when: Any, difference: Callable[[Expr], Interval]) -> bool | None:
    """Whether a condition is proved to hold, or not to; else None."""
    if when in (sympy.true, sympy.false):
        return bool(when)
    if isinstance(when, sympy.And | sympy.Or):
        parts, ends = [_holds(part, difference) for part in when.args], isinstance(when, sympy.Or)
        return ends if ends in parts else None if None in parts else not ends
    if isinstance(when, sympy.Not):
        held = _holds(when.args[0], difference)
        return None if held is None else not held
    if not isinstance(when, sympy.core.relational.Relational):
        raise Unenclosed(f"the condition {when}")
    # unevaluated: SymPy would round where there are decimals
    apart = when.lhs if when.rhs == 0 else sympy.Add(when.lhs, -when.rhs, evaluate=False)
    return _RELATIONS[when.rel_op](difference(apart))


def _certain(yes: bool, no: bool) -> bool | None:
    return True if yes else False if no else None


_RELATIONS: dict[str, Callable[[Interval], bool | None]] = {
    ">": lambda d: _certain(d.low > 0, d.high <= 0),
    ">=": lambda d: _certain(d.low >= 0, d.high < 0),
    "<": lambda d: _certain(d.high < 0, d.low >= 0),
    "<=": lambda d: _certain(d.high <= 0, d.low > 0),
    "==": lambda d: _certain(d.low == 0 == d.high, d.low > 0 or d.high < 0),
    "!=": lambda d: _certain(d.low > 0 or d.high < 0, d.low == 0 == d.high),
}


def _constant(part: Any) -> Rule:
    """The rule of a number, which has no arguments."""
    if part.is_Rational or part.is_Float:
        exact = sympy.Rational(part)
        number = fmpq(int(exact.p), int(exact.q))
        return Rule(lambda: arb(number), lambda: Interval.of(arb(number)), lambda: number)
    if hasattr(part, "enclose"):
        return Rule(lambda: part.enclose(ctx.prec).ball(), lambda: part.enclose(ctx.prec))
    made = partial(_root_of, part) if isinstance(part, sympy.CRootOf) else _CONSTANTS.get(part)
    if made is None:
        raise Unenclosed(f"the constant {part}")
    return Rule(made, lambda: Interval.of(made()))


def _root_of(part: Any) -> Ball:
    """A real root of a polynomial, which SymPy keeps between two fractions."""
    near = sympy.Rational(1, 2**ctx.prec)
    value = part.eval_rational(dx=near)
    return arb(fmpq(int(value.p), int(value.q))) + arb(0, fmpq(1, 2**ctx.prec))


_CONSTANTS: dict[Any, Callable[[], Ball]] = {
    sympy.pi: arb.pi,
    sympy.E: arb.const_e,
    sympy.EulerGamma: arb.const_euler,
    sympy.Catalan: arb.const_catalan,
    sympy.GoldenRatio: lambda: (1 + arb(5).sqrt()) / 2,
    sympy.oo: lambda: LINE.high,
    -sympy.oo: lambda: LINE.low,
}


def _taken_apart(part: Any, of: tuple[Any, ...]) -> tuple[Rule, tuple[Any, ...]]:
    """The rule of an expression's outermost operation, and its arguments."""
    if part.is_Add:
        return SUM, part.args
    if part.is_Mul:
        return PRODUCT, part.args
    if isinstance(part, sympy.Piecewise):
        both = part.args, of
        return Rule(partial(_branch_ball, *both), partial(_branch_wide, *both), partial(_branch_exactly, *both)), of
    if part.is_Pow and part.base != sympy.E:
        return _power(part.base, part.exp)
    if part.is_Atom or hasattr(part, "enclose") or isinstance(part, sympy.CRootOf):
        return _constant(part), ()
    head = sympy.exp if part.is_Pow else part.func
    if head not in FUNCTIONS:
        raise Unenclosed(f"the function {getattr(head, '__name__', head)}")
    return FUNCTIONS[head], part.args[-1:] if part.is_Pow else part.args


Steps = list[tuple[Rule, tuple[int, ...]]]


@lru_cache(maxsize=2048)
def _program(expression: Expr, of: tuple[Any, ...], steady: bool) -> tuple[Steps, int]:
    """The parts of an expression, each once and after its own, as (rule, places of its parts); symbols first."""
    places = {symbol: k for k, symbol in enumerate(of)}
    steps, waiting = Steps(), [expression]
    while waiting:
        part = waiting[-1]
        if part in places:
            waiting.pop()
            continue
        rule, inner = _taken_apart(steadied(part) if steady else part, of)
        missing = [u for u in inner if u not in places]
        if not missing:
            places[part] = len(of) + len(steps)
            steps.append((rule, tuple(places[u] for u in inner)))
        waiting += missing
    return steps, places[expression]


def _balls(steps: Steps, values: list[Ball]) -> list[Ball]:
    """The values of more parts behind those that are known."""
    for rule, places in steps:
        values.append(rule.ball(*[values[i] for i in places]))
    return values


def _wide(expression: Expr, of: tuple[Any, ...], over: tuple[Interval, ...]) -> Interval:
    steps, last = _program(expression, of, False)
    values = list(over)
    for rule, places in steps:
        values.append(rule.wide(*[values[i] for i in places]))
    return values[last]


def steadied(part: Expr) -> Expr:
    """The outermost operation written so that it cancels later, by an identity: log1p, 1 ± tanh, 1 - tanh², 1 ± erf.

    1 + erf(-100) alone needs 14,400 bits to differ from 0, and 1 - tanh(1e6) three million.

    >>> steadied(1 - sympy.tanh(z) ** 2), steadied(sympy.log(1 + sympy.exp(z)))
    (cosh(z)**(-2), log1p(exp(z)))
    """
    if isinstance(part, sympy.log) and part.args[0].is_Add and sympy.Integer(1) in part.args[0].args:
        others = list(part.args[0].args)
        others.remove(sympy.Integer(1))
        return log1p(sympy.Add(*others, evaluate=False), evaluate=False)
    if part.is_Add and part.has(sympy.tanh, sympy.erf, sympy.erfc):
        number, rest = part.as_coeff_Add()
        for term in rest.args if rest.is_Add and number != 0 else (rest,):
            joined = _joined(number, *term.as_coeff_Mul())
            if joined is not None:
                return joined + rest - term
    return part


def _joined(number: Expr, coefficient: Expr, function: Expr) -> Expr | None:
    """number + coefficient · function without cancellation, for a function that tends to ±1 where they are alike."""
    side = sympy.sign(coefficient) * sympy.sign(number)
    if isinstance(function, sympy.erfc) and number != 0 and 2 * coefficient == -number:
        return number * normal_cdf(sympy.sqrt(2) * function.args[0])
    if number == 0 or abs(coefficient) != abs(number):
        return None
    if isinstance(function, sympy.erf):
        return 2 * number * normal_cdf(side * sympy.sqrt(2) * function.args[0])
    if isinstance(function, sympy.tanh):
        return 2 * number / (1 + sympy.exp(-2 * side * function.args[0]))
    if function.is_Pow and isinstance(function.base, sympy.tanh) and function.exp == 2 and side == -1:
        return number / sympy.cosh(function.base.args[0]) ** 2
    return None


def ball(expression: Expr, *at: Ball, of: tuple[Any, ...] = (z,)) -> Ball:
    """A ball that holds an expression in some symbols where each of these is in a ball, at the bits that are set.

    It is NaN where the expression has no value, or where too few bits tell that it has one. Raises Unenclosed for an
    expression with a function that has no rule here.

    >>> with working_bits(64):
    ...     print(float(ball(1 - sympy.tanh(z) ** 2, arb(100)).log()))
    -198.6137056388801
    """
    steps, last = _program(expression, of, True)
    return _balls(steps, list(at))[last]


def enclose(expression: Expr, over: Interval, bits: int) -> Interval:
    """An interval that holds every value of an expression in z over an interval of z.

    Raises Unenclosed for an expression with a function that has no rule here.

    >>> found = enclose(z * sympy.exp(-z), Interval(arb(0), arb(1)), 53)
    >>> float(found.low), float(found.high)
    (0.0, 1.0)
    """
    with working_bits(bits):
        found = _wide(expression, (z,), (over,))
        return hull([found.low], [found.high])


def stated(expression: Expr, *at: Any, of: tuple[Any, ...] = (z,)) -> Any | None:
    """An expression's value at rational numbers by exact arithmetic, where it is known to be one itself; else None.

    >>> stated(sympy.exp(-z) * (9 * z**2 - 1), fmpq(1, 3)), stated(sympy.exp(z), fmpq(1))
    (0, None)
    """
    steps, last = _program(expression, of, False)
    values, balls = list[Any](at), [arb(value) for value in at]
    for rule, places in steps:
        inner = [values[i] for i in places]
        if None in inner:
            zero = None
            if rule is PRODUCT and fmpq(0) in inner:
                # 0 times a number that is not known exactly is 0, but only where its ball shows that there is one
                _balls(steps[len(balls) - len(at) : len(values) - len(at)], balls)
                zero = fmpq(0) if all(balls[i].is_finite() for i in places if values[i] is None) else None
            values.append(zero)
            continue
        value = rule.exactly(*inner)
        values.append(None if value is None or _bits(value) > _MOST_EXACT else value)
    return values[last]


def _bits(value: Any) -> int:
    return int(max(value.p.bit_length(), value.q.bit_length()))
