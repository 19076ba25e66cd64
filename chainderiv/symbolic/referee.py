"""The referee: every factor of a derivation in mpmath, the working digits doubled until they settle.

It evaluates the plain formulas and SymPy's plain derivatives; none of the stable forms is used here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy

from chainderiv import symbols
from chainderiv.errors import BadShape, BadValue
from chainderiv.functions.precise import precise, working_digits
from chainderiv.logsign import LogSign
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.factor import Factor, symbol_of
from chainderiv.symbolic.term import Term

FIRST_DIGITS = 60
MOST_DIGITS = FIRST_DIGITS * 2**10
SETTLED = 25  # digits on which two precisions must agree


@dataclass(frozen=True)
class Orbit:
    """z[l] and a[l] for l = 0 … L (z[0] is unused), as mpmath numbers."""

    w: Sequence[Any]
    z: Sequence[Any]
    a: Sequence[Any]


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
    if any(v != v or v in (float("inf"), float("-inf")) for v in floats):
        raise BadValue(f"{name} is {given!r}; give finite numbers")
    return floats


def walk(chain: Chain, w: Sequence[float], b: Sequence[float] | None, z: Sequence[float] | None, x: float) -> Orbit:
    """The orbit at the digits that are set: z_l = w_l a_{l-1} + b_l, or z_l as given."""
    # a stated zero stays a whole number, which `settle` knows to be exact
    weights = [mpmath.mpf(v) if v else 0 for v in w]
    zs, activations = [mpmath.mpf(0)], [mpmath.mpf(x) if x else 0]
    for layer in range(1, chain.depth + 1):
        pinned = None if z is None else mpmath.mpf(z[layer - 1])
        free = pinned if b is None else weights[layer - 1] * activations[-1] + mpmath.mpf(b[layer - 1])
        value = precise(chain.activation(layer).formula, symbols.z)(free)
        zs.append(free)
        activations.append(activations[-1] + value if chain.residual else value)
    return Orbit(weights, zs, activations)


def factor_values(
    chain: Chain, factors: Sequence[Any], *, w: Any, b: Any = None, z: Any = None, x: float = 0.5, y: float = 0.0
) -> tuple[LogSign, ...]:
    """Every factor of a chain's derivation as LogSign, from digits that were doubled until all of them settled.

    Raises
    ------
    BadShape, BadValue
        When w, b or z are not one number or one per layer, or both or none of b and z are given.
    """
    orbit_at, y_ = _orbits(chain, w, b, z, x, y)

    def evaluate() -> tuple[list[Any], float]:
        orbit, largest = orbit_at()
        return [_value(chain, f, orbit, y_) for f in factors], largest

    return tuple(_log_sign(v) for v in settle(evaluate, chain.vouched))


def term_values(
    chain: Chain, terms: Sequence[Term], *, w: Any, b: Any = None, z: Any = None, x: float = 0.5, y: float = 0.0
) -> tuple[tuple[LogSign, ...], ...]:
    """The factors of every term of a second derivative; raises as factor_values does."""
    orbit_at, y_ = _orbits(chain, w, b, z, x, y)

    def evaluate() -> tuple[list[Any], float]:
        orbit, largest = orbit_at()
        return [v for term in _term_factors(chain, terms, orbit, y_, {}) for v in term], largest

    flat = iter([_log_sign(v) for v in settle(evaluate, chain.vouched)])
    return tuple(tuple(next(flat) for _ in term.factors) for term in terms)


def second_value(
    chain: Chain, terms: Sequence[Term], *, w: Any, b: Any = None, z: Any = None, x: float = 0.5, y: float = 0.0
) -> LogSign:
    """The sum of the terms that survive of a second derivative; raises as factor_values does."""
    orbit_at, y_ = _orbits(chain, w, b, z, x, y)

    def evaluate() -> tuple[list[Any], float]:
        orbit, largest = orbit_at()
        known: dict[Any, Any] = {}
        products = [_product(term) for term in _term_factors(chain, terms, orbit, y_, known)]
        # a stated zero in every term is a stated zero of the sum
        total = 0 if all(isinstance(p, int) for p in products) else mpmath.fsum(products)
        # the factors must settle as well: one that is still 0 for want of digits would take its term from the sum
        return [total, *known.values()], largest

    return _log_sign(settle(evaluate, chain.vouched)[0])


def _product(values: list[Any]) -> Any:
    return 0 if any(isinstance(v, int) and v == 0 for v in values) else mpmath.fprod(values)


def _term_factors(
    chain: Chain, terms: Sequence[Term], orbit: Orbit, y: float, known: dict[Any, Any]
) -> Iterator[list[Any]]:
    """The factors of each term, every distinct one evaluated once and kept in known."""
    for term in terms:
        keys = [term.replaced.get(k, place) for k, place in enumerate(term.places)]
        for key in keys:
            if key not in known:
                expression = symbol_of(chain, key) if isinstance(key, Factor) else key
                known[key] = _value(chain, expression, orbit, y)
        yield [known[key] for key in keys]


def _orbits(
    chain: Chain, w: Any, b: Any, z: Any, x: float, y: float
) -> tuple[Callable[[], tuple[Orbit, float]], float]:
    """A function that walks at the digits that are set and gives the largest |z_l| too; and y, checked."""
    if (b is None) == (z is None):
        which = "neither b nor z is given" if b is None else "b and z are both given"
        raise BadValue(f"{which}; give one of the two (z pins every pre-activation)")
    ws = per_layer("w", w, chain.depth)
    bs = None if b is None else per_layer("b", b, chain.depth)
    zs = None if z is None else per_layer("z", z, chain.depth)
    (x_,), (y_,) = per_layer("x", x, 1), per_layer("y", y, 1)

    def walked() -> tuple[Orbit, float]:
        orbit = walk(chain, ws, bs, zs, x_)
        return orbit, max((abs(float(v)) for v in orbit.z), default=0.0)

    return walked, y_


def settle(evaluate: Callable[[], tuple[list[Any], float]], trusted: bool = True) -> list[Any]:
    """Repeat an evaluation, the digits doubled, until two in a row agree to SETTLED digits.

    A formula of a user's own is not trusted: where one of its terms is lost to the digits and another is not, two
    precisions can agree on what is left. So its digits must first exceed what any exp(-4|z|) of the orbit needs.

    A zero may be digits that ran out (1 - tanh²(100) is 0 at 50): it is believed where the formula itself states it
    (a whole number, not an mpf), or when the digits exceed what any exp(-4|z|) of the orbit needs. A division by 0
    may be digits that ran out as well (1/(1 - σ(200))).
    """
    digits, before = FIRST_DIGITS, None
    while digits <= MOST_DIGITS:
        with working_digits(digits):
            try:
                now, largest = evaluate()
            except ZeroDivisionError:
                now, largest = None, 0.0
            enough = digits > 1000 + 4 * largest
            settled = trusted or digits > FIRST_DIGITS + 4 * largest
            if before and now and settled and all(_agree(p, q, enough) for p, q in zip(before, now, strict=True)):
                return now
        before, digits = now, 2 * digits
    raise BadValue(
        f"a factor does not settle within {MOST_DIGITS} digits (it is singular, or saturated beyond them); "
        "give other parameters"
    )


def _agree(before: Any, now: Any, enough: bool) -> bool:
    if now == 0:
        return before == 0 and (enough or isinstance(now, int))
    return bool(abs(before - now) <= abs(now) * mpmath.mpf(10) ** -SETTLED)


KEPT = (symbols.PhiPrime, symbols.PhiSecond, symbols.CostSlope, symbols.CostSecond)


def _value(chain: Chain, factor: Any, orbit: Orbit, y: float) -> Any:
    """One factor at the digits that are set; a replaced one is an expression in the chain's symbols."""
    atoms = sorted(factor.atoms(*KEPT) | _loose_symbols(factor), key=str)
    values = [_atom(chain, atom, orbit, y) for atom in atoms]
    if factor in atoms:
        return values[atoms.index(factor)]
    stand_ins = [symbols.activation(10**7 + i) for i in range(len(atoms))]
    return precise(factor.xreplace(dict(zip(atoms, stand_ins, strict=True))), *stand_ins)(*values)


def _loose_symbols(factor: Any) -> set[Any]:
    """The symbols that stand in a factor outside its φ' and ∂C/∂a."""
    return set(factor.replace(lambda e: isinstance(e, KEPT), lambda _: sympy.Integer(1)).free_symbols)


def _atom(chain: Chain, atom: Any, orbit: Orbit, y: float) -> Any:
    if isinstance(atom, symbols.CostSlope | symbols.CostSecond):
        target = 0 if y == 0 else mpmath.mpf(y)
        formula = chain.cost.slope if isinstance(atom, symbols.CostSlope) else chain.cost.second
        return precise(formula, symbols.a, symbols.y)(orbit.a[chain.depth], target)
    if isinstance(atom, symbols.PhiPrime | symbols.PhiSecond):
        layer = symbols.layer_of(atom.args[1])
        slope = chain.activation(layer).derivative
        formula = slope if isinstance(atom, symbols.PhiPrime) else sympy.diff(slope, symbols.z)
        return precise(formula, symbols.z)(orbit.z[layer])
    kind, _, index = atom.name.partition("_")
    known = {
        "w": lambda: orbit.w[int(index) - 1],
        "z": lambda: orbit.z[int(index)],
        "a": lambda: orbit.a[int(index)],
        "x": lambda: orbit.a[0],
        "y": lambda: mpmath.mpf(y),
    }
    try:
        return known[kind]()
    except (KeyError, ValueError, IndexError) as e:
        raise BadValue(f"a factor holds {atom}, which the chain does not have; use w_l, z_l, a_l, x or y") from e


def _log_sign(value: Any) -> LogSign:
    if value == 0:
        return LogSign(0.0, float("-inf"))
    return LogSign(float(mpmath.sign(value)), float(mpmath.log(abs(value))))
