"""The referee: every factor of a derivation in a ball that is proved to hold it, the bits doubled until it is narrow.

It evaluates the plain formulas and SymPy's plain derivatives; none of the stable forms is used here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add, mul
from typing import TYPE_CHECKING, Any, NamedTuple

import sympy
from flint import arb, ctx, fmpq

from chainderiv import symbols
from chainderiv.errors import BadShape, BadValue
from chainderiv.functions.enclosing import ball, stated
from chainderiv.functions.intervals import Ball, Unenclosed, working_bits
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.factor import Factor, symbol_of
from chainderiv.symbolic.replacement import KEPT, bare
from chainderiv.symbolic.term import Term
from chainderiv.symbols import Expr

if TYPE_CHECKING:
    from chainderiv.kinds import Progress

FIRST_BITS, MOST_BITS = 2**8, 2**20
MOST_SECONDS = 1.0  # of a thread's work after which the bits are not doubled again: that would take three times as long
ALGEBRA_BITS = 2**12  # where they do not tell a value from 0, SymPy is asked: e^(-1/2) - e^(-1/2) is 0 in no ball
TOLD = 2**12  # layers between two words of progress
SETTLED = 84  # bits, 25 digits, to which a value must be known


class Signed(NamedTuple):
    """A number as its sign and the natural logarithm of its size: what a LogSign of one is made of, without NumPy."""

    sign: float
    log: float


@dataclass(frozen=True)
class Known:
    """A number: a ball that holds it, and itself where it is known as a fraction: 3 (1/3) - 1 is 0 in no ball."""

    ball: Ball
    exact: Any = None

    @classmethod
    def of(cls, given: Any) -> Known:
        """A fraction, or a float as it stands."""
        exact = given if isinstance(given, fmpq) else arb(given).fmpq()
        return cls(arb(exact), exact)

    def __add__(self, other: Known) -> Known:
        """Their sum."""
        return evaluated(_LEFT + _RIGHT, (_LEFT, _RIGHT), (self, other))

    def __mul__(self, other: Known) -> Known:
        """Their product."""
        return evaluated(_LEFT * _RIGHT, (_LEFT, _RIGHT), (self, other))


_LEFT, _RIGHT = sympy.symbols("left right")


def evaluated(expression: Expr, of: tuple[Any, ...], at: Sequence[Known]) -> Known:
    """An expression in some symbols at numbers."""
    fractions = [number.exact for number in at]
    exact = None if None in fractions else stated(expression, *fractions, of=of)
    if exact is not None:
        return Known.of(exact)
    value = ball(expression, *(number.ball for number in at), of=of)
    if ctx.prec >= ALGEBRA_BITS and value.contains(0) and None not in fractions:
        numbers = [sympy.Rational(int(f.p), int(f.q)) for f in fractions]
        # decimals as the fractions that they are: SymPy's own arithmetic with them rounds
        decimals = {number: sympy.Rational(number) for number in expression.atoms(sympy.Float)}
        if expression.xreplace(decimals | dict(zip(of, numbers, strict=True))) == 0:
            return Known.of(0)
    return Known(value)


@dataclass(frozen=True)
class Orbit:
    """w[l] for l = 1 … L from place 0 on; z[l] and a[l] for l = 0 … L (z[0] is unused)."""

    w: Sequence[Known]
    z: Sequence[Known]
    a: Sequence[Known]


def per_layer(name: str, given: Any, depth: int) -> list[float]:
    """One number per layer from a number or L numbers; raises BadShape or BadValue."""
    if isinstance(given, str | bytes):
        raise BadValue(f"{name} is {given!r}; give numbers")
    try:
        values = list(given)
    except TypeError:  # a single number
        values = [given] * depth
    if len(values) != depth:
        raise BadShape(f"{name} has {len(values)} numbers; give one, or one per layer ({depth})")
    try:
        floats = [float(v) for v in values]
    except (TypeError, ValueError, OverflowError) as e:
        raise BadValue(f"{name} is {given!r}; give numbers that float64 holds") from e
    if not all(map(math.isfinite, floats)):
        raise BadValue(f"{name} is {given!r}; give finite numbers")
    return floats


def walk(
    chain: Chain,
    w: Sequence[float],
    b: Sequence[float] | None,
    z: Sequence[float] | None,
    x: float,
    progress: Progress | None = None,
) -> Orbit:
    """The orbit at the bits that are set: z_l = w_l a_{l-1} + b_l, or z_l as given."""
    weights = [Known.of(v) for v in w]
    zs, activations = [Known.of(0)], [Known.of(x)]
    for layer in range(1, chain.depth + 1):
        if z is not None:
            free = Known.of(z[layer - 1])
        if b is not None:
            free = weights[layer - 1] * activations[-1] + Known.of(b[layer - 1])
        value = evaluated(chain.activation(layer).formula, (symbols.z,), (free,))
        zs.append(free)
        activations.append(activations[-1] + value if chain.residual else value)
        if progress is not None and layer % TOLD == 0:
            progress(layer, chain.depth)
    return Orbit(weights, zs, activations)


def factor_values(chain: Chain, factors: Sequence[Any], beyond: bool = False, **point: Any) -> tuple[Signed, ...]:
    """Every factor of a chain's derivation, a place or an expression, each proved to SETTLED bits.

    The point is as in Derivation.at.

    beyond says whether a logarithm that leaves float64 may be ±∞; otherwise it is refused.

    Raises
    ------
    BadShape, BadValue
        When w, b or z are not one number or one per layer, both or none of b and z are given, or a factor cannot be
        proved: it has no value there, or it is 0 or so small that the bits do not tell it from 0.

    Source: Johansson (2017), "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic".
    """
    return tuple(_settled(chain, lambda orbit, y: [_value(chain, f, orbit, y) for f in factors], beyond, **point))


def term_values(chain: Chain, terms: Sequence[Term], **point: Any) -> tuple[tuple[Signed, ...], ...]:
    """The factors of every term of a second derivative; raises as factor_values does."""

    def in_a_row(orbit: Orbit, y: float) -> list[Known]:
        return [value for factors in _term_factors(chain, terms, orbit, y) for value in factors]

    values = iter(_settled(chain, in_a_row, **point))
    return tuple(tuple(next(values) for _ in term.factors) for term in terms)


def second_value(chain: Chain, terms: Sequence[Term], **point: Any) -> Signed:
    """The sum of the terms that survive of a second derivative; raises as factor_values does."""

    def total(orbit: Orbit, y: float) -> list[Known]:
        products = (reduce(mul, factors, Known.of(1)) for factors in _term_factors(chain, terms, orbit, y))
        return [reduce(add, products, Known.of(0))]

    return _settled(chain, total, **point)[0]


def _term_factors(chain: Chain, terms: Sequence[Term], orbit: Orbit, y: float) -> Iterator[list[Known]]:
    """The factors of each term, every distinct one evaluated once."""
    known: dict[Any, Known] = {}
    for term in terms:
        keys = [term.replaced.get(k, place) for k, place in enumerate(term.places)]
        for key in keys:
            if key not in known:
                known[key] = _value(chain, key, orbit, y)
        yield [known[key] for key in keys]


def _settled(
    chain: Chain,
    evaluate: Callable[[Orbit, float], list[Known]],
    beyond: bool = False,
    *,
    w: Any,
    b: Any = None,
    z: Any = None,
    x: float = 0.5,
    y: float = 0.0,
    progress: Progress | None = None,
) -> list[Signed]:
    """What is evaluated on the orbit of a point and at its y, settled."""
    if (b is None) == (z is None):
        which = "neither b nor z is given" if b is None else "b and z are both given"
        raise BadValue(f"{which}; give one of the two (z pins every pre-activation)")
    ws = per_layer("w", w, chain.depth)
    bs = None if b is None else per_layer("b", b, chain.depth)
    zs = None if z is None else per_layer("z", z, chain.depth)
    (x_,), (y_,) = per_layer("x", x, 1), per_layer("y", y, 1)
    return settle(lambda: evaluate(walk(chain, ws, bs, zs, x_, progress), y_), beyond)


def settle(evaluate: Callable[[], list[Known]], beyond: bool = False) -> list[Signed]:
    """The values of an evaluation, repeated with twice the bits until the ball of each proves it.

    A ball that holds 0 and more proves no zero; a zero is one where arithmetic is exact: of fractions, of balls
    without a radius. What is not proved within MOST_BITS and MOST_SECONDS is refused.
    """
    bits, start = FIRST_BITS, time.thread_time()
    while True:
        with working_bits(bits):
            try:
                now = evaluate()
            except Unenclosed as e:
                raise BadValue(f"the digits of a factor cannot be proved: it holds {e}; use another engine") from e
            open_ = [value.ball for value in now if not _proved(value.ball)]
            if not open_:
                return [_signed(value.ball, beyond) for value in now]
        if 2 * bits > MOST_BITS or time.thread_time() - start > MOST_SECONDS:
            why = "its sign is not told from 0" if open_[0].is_finite() else "it has no finite value that they show"
            raise BadValue(
                f"a factor does not settle within {bits} bits: {why} (it is 0, singular, or saturated beyond them); "
                "give other parameters"
            )
        bits *= 2


def _proved(value: Ball) -> bool:
    return bool(value == 0 or (value.is_finite() and value.rel_accuracy_bits() >= SETTLED))


def _value(chain: Chain, factor: Any, orbit: Orbit, y: float) -> Known:
    """One factor at the bits that are set, by its place; a replaced one is an expression in the chain's symbols."""
    if isinstance(factor, Factor):
        if factor.kind == "weight":
            return orbit.w[factor.layer - 1]
        if factor.kind == "prime":
            slope = chain.activation(factor.layer).derivative
            return evaluated(slope, (symbols.z,), (orbit.z[factor.layer],))
        factor = symbol_of(chain, factor)
    atoms = sorted(factor.atoms(*KEPT) | bare(factor).free_symbols, key=str)
    values = [_atom(chain, atom, orbit, y) for atom in atoms]
    if factor in atoms:
        return values[atoms.index(factor)]
    return evaluated(factor, tuple(atoms), values)


def _atom(chain: Chain, atom: Any, orbit: Orbit, y: float) -> Known:
    if isinstance(atom, symbols.CostSlope | symbols.CostSecond):
        formula = chain.cost.slope if isinstance(atom, symbols.CostSlope) else chain.cost.second
        return evaluated(formula, (symbols.a, symbols.y), (orbit.a[chain.depth], Known.of(y)))
    if isinstance(atom, symbols.PhiPrime | symbols.PhiSecond):
        layer = symbols.layer_of(atom.args[1])
        slope = chain.activation(layer).derivative
        formula = slope if isinstance(atom, symbols.PhiPrime) else sympy.diff(slope, symbols.z)
        return evaluated(formula, (symbols.z,), (orbit.z[layer],))
    kind, _, index = atom.name.partition("_")
    known = {
        "w": lambda: orbit.w[int(index) - 1],
        "z": lambda: orbit.z[int(index)],
        "a": lambda: orbit.a[int(index)],
        "x": lambda: orbit.a[0],
        "y": lambda: Known.of(y),
    }
    try:
        return known[kind]()
    except (KeyError, ValueError, IndexError) as e:
        raise BadValue(f"a factor holds {atom}, which the chain does not have; use w_l, z_l, a_l, x or y") from e


def _signed(value: Ball, beyond: bool) -> Signed:
    if value == 0:
        return Signed(0.0, -math.inf)
    log = float(abs(value).log())
    if math.isinf(log) and not beyond:
        raise BadValue("a factor's logarithm leaves float64; give other parameters")
    return Signed(1.0 if value > 0 else -1.0, log)
