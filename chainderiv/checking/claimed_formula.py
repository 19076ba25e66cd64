"""A formula that is claimed to be a gradient: SymPy in a chain's symbols by name, valued in balls that prove it.

The bits are doubled until the ball shows 25 digits, or shows that the claim is nothing beside the gradient.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from sympy.core.function import AppliedUndef
from sympy.functions.elementary.piecewise import ExprCondPair

from chainderiv import symbols
from chainderiv.errors import BadValue
from chainderiv.functions.enclosing import ball
from chainderiv.functions.intervals import Unenclosed, working_bits
from chainderiv.given import shown
from chainderiv.kinds import Floats, Mask
from chainderiv.logsign import LogSign
from chainderiv.numeric.parameters import Parameters
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.referee import Known, Orbit, evaluated, walk
from chainderiv.symbolic.replacement import KEPT
from chainderiv.symbols import Expr

FIRST_BITS, MOST_BITS = 2**8, 2**15
FEWER_BITS = 2**11  # once a few points have shown that more do not help
HOPELESS = 3
SETTLED = 84  # bits, 25 digits
MOST_NESTED = 40  # operations within one another that are one expression to SymPy
NOTHING = 2**-60  # of the gradient: a claim that is certainly below it is 0 there
PHI = ("phi", "φ", "varphi")
_NAME = re.compile(r"([abwz])_?\{?([0-9]+)\}?")


@dataclass(frozen=True, eq=False)
class ClaimedFormula:
    """A SymPy expression, the atoms that it is a function of, and what each of them is at a point."""

    chain: Chain
    expression: Expr
    atoms: tuple[Any, ...]
    branches: tuple[tuple[Any, Expr], ...]  # what branches in it and the symbol that stands for it, inner before outer
    deepest: int  # the last layer whose z_l or a_l is wanted; 0 where none is

    def values(self, at: Parameters, where: Mask, near: Floats) -> tuple[LogSign, dict[int, str]]:
        """Its value at some of the points, and why it has none at others.

        near : log|∂C/∂θ|, which only tells when more bits are not worth it.
        """
        sign, log, why = np.full(at.shape, np.nan), np.full(at.shape, np.nan), dict[int, str]()
        for index in map(int, np.flatnonzero(where)):
            most = FEWER_BITS if len(why) >= HOPELESS else MOST_BITS
            value = self._settled(at.at((index,)), float(near[index]), most)
            if value is None:
                why[index] = f"no real number that {most} bits show"
                continue
            sign[index], log[index] = value
        return LogSign(sign, log), why

    def _settled(self, point: Parameters, near: float, most: int) -> tuple[float, float] | None:
        bits = FIRST_BITS
        while bits <= most:
            with working_bits(bits):
                value = self._ball(point)
                if value == 0:
                    return 0.0, -np.inf
                if value.is_finite():
                    if value.rel_accuracy_bits() >= SETTLED:
                        return (1.0 if value > 0 else -1.0), float(abs(value).log())
                    top = abs(value).upper()
                    if top > 0 and float(top.log()) < near + np.log(NOTHING):
                        return 0.0, -np.inf
            bits *= 2
        return None

    def _ball(self, point: Parameters) -> Any:
        layers = range(1, self.chain.depth + 1)
        w, b = ([float(array[layer]) for layer in layers] for array in (point.w, point.inner))
        orbit = walk(self.chain, w, b, None, float(point.x)) if self.deepest else Orbit([], [], [])
        place = _Place(self.chain, w, b, float(point.x), float(point.y), orbit)
        return self.ball([place.value(atom).ball for atom in self.atoms])

    def ball(self, known: list[Any]) -> Any:
        """Its ball where those of its atoms are known."""
        of = self.atoms
        for symbol, branch in self.branches:
            known, of = [*known, ball(branch, *known, of=of)], (*of, symbol)
        return ball(self.expression, *known, of=of)


@dataclass(frozen=True, eq=False)
class _Place:
    """The numbers of a point."""

    chain: Chain
    w: list[float]
    b: list[float]
    x: float
    y: float
    orbit: Orbit

    def value(self, atom: Any) -> Known:
        if isinstance(atom, KEPT):
            return self._of_a_factor(atom)
        kind, layer = placed(atom.name)
        numbers: dict[str, Callable[[], Known]] = {
            "x": lambda: Known.of(self.x),
            "y": lambda: Known.of(self.y),
            "w": lambda: Known.of(self.w[layer - 1]),
            "b": lambda: Known.of(self.b[layer - 1]),
            "z": lambda: self.orbit.z[layer],
            "a": lambda: self.orbit.a[layer],
        }
        return numbers[kind]()

    def _of_a_factor(self, atom: Any) -> Known:
        if isinstance(atom, symbols.CostSlope | symbols.CostSecond):
            formula = self.chain.cost.slope if isinstance(atom, symbols.CostSlope) else self.chain.cost.second
            return evaluated(formula, (symbols.a, symbols.y), (self.orbit.a[self.chain.depth], Known.of(self.y)))
        layer = placed(atom.args[1].name)[1]
        slope = self.chain.activation(layer).derivative
        formula = slope if isinstance(atom, symbols.PhiPrime) else sympy.diff(slope, symbols.z)
        return evaluated(formula, (symbols.z,), (self.orbit.z[layer],))


def placed(name: str) -> tuple[str, int]:
    """The kind and the layer of 'w_2', 'w2' or 'w_{2}'; of a_0 it is x.

    >>> placed("w_2"), placed("a0"), placed("y")
    (('w', 2), ('x', 0), ('y', 0))
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return name, 0
    return ("x", 0) if match[1] == "a" and int(match[2]) == 0 else (match[1], int(match[2]))


def is_placed(name: str, chain: Chain) -> bool:
    """Whether a chain has a symbol of that name."""
    kind, layer = placed(name)
    return name in ("x", "y") or (kind == "x") or (kind in tuple("abwz") and 1 <= layer <= chain.depth)


def claimed_formula(chain: Chain, given: Any) -> ClaimedFormula:
    """A SymPy expression as a claim; raises BadValue for what is not the chain's."""
    if not isinstance(given, sympy.Expr):
        raise BadValue(
            f"claim is {shown(given)}; give a SymPy expression, a formula as text, or a function of w, b, x, y"
        )
    atoms, branches, whole = _parts(chain, given)
    for atom in atoms:
        _require(chain, atom)
    claim = ClaimedFormula(chain, whole, atoms, branches, _deepest(chain, atoms))
    _require_rules(claim)
    return claim


def applied(chain: Chain, name: str, arguments: tuple[Expr, ...], primes: int = 0) -> Expr:
    """φ, φ' or φ'' of the chain's neuron of that name, at an argument; raises BadValue for another name."""
    u = arguments[0]
    kind, layer = placed(str(u)) if u.is_Symbol else ("", 0)
    own = kind == "z" and 1 <= layer <= chain.depth
    layers = [layer] if own and name in PHI else range(1, len(chain.activations) + 1)
    called = {f for f in map(chain.activation, layers) if name in (f.name, f.symbol, *PHI)}
    if len(called) != 1 or len(arguments) != 1:
        known = ", ".join(dict.fromkeys(f.name for f in chain.activations))
        raise BadValue(
            f"the claim holds {shown(name)[1:-1]}(…), which is no one neuron of the chain; "
            f"give {known}, or phi of a z_l"
        )
    (f,) = called
    if own and primes and chain.activation(layer) == f:
        made = symbols.PhiPrime if primes == 1 else symbols.PhiSecond
        return made(sympy.Symbol(f.name), symbols.pre_activation(layer))
    formulas = (f.formula, f.derivative) if primes < 2 else (sympy.diff(f.derivative, symbols.z),) * 3
    return formulas[primes].xreplace({symbols.z: u})


def _parts(chain: Chain, expression: Expr) -> tuple[tuple[Any, ...], tuple[tuple[Any, Expr], ...], Expr]:
    """What it is a function of, what branches in it, and itself with a symbol in the place of each branch.

    Of a relu in a relu SymPy's own walks see 2^L terms; here every part is met once, after its own parts, and a sum or
    product that stands in several places is one such branch too, and so is one that is deeply nested.
    """
    height = dict[Any, int]()
    made, branches, waiting, several = dict[Any, Any](), list[tuple[Any, Expr]](), [expression], _shared(expression)
    while waiting:
        part = waiting[-1]
        if (plain := _differentiated(chain, part)) != part:
            if plain not in made:
                waiting.append(plain)
            else:
                made[part], height[part] = made[plain], height[plain]
                waiting.pop()
            continue
        inner = () if isinstance(part, KEPT) else part.args
        missing = [u for u in inner if u not in made]
        waiting += missing
        if missing:
            continue
        made[waiting.pop()] = again = _rebuilt(chain, part, [made[u] for u in inner])
        height[part] = 1 + max((height[u] for u in inner), default=0)
        tall = height[part] > MOST_NESTED and (part.is_Add or part.is_Mul)
        if isinstance(part, sympy.Piecewise) or part in several or tall:
            height[part] = 0
            made[part] = sympy.Dummy("part", real=True)
            branches.append((made[part], again))
    atoms = [part for part in made if isinstance(part, KEPT) or getattr(part, "is_Symbol", False)]
    return tuple(sorted(atoms, key=str)), tuple(branches), made[expression]


def _differentiated(chain: Chain, part: Any) -> Any:
    """A derivative that SymPy left open, of sigmoid(u) by u as diff leaves it, written out; else the part itself."""
    open_, u = part, None
    if isinstance(part, sympy.Subs) and len(part.variables) == 1:
        open_, u = part.expr, part.point[0]
    if not isinstance(open_, sympy.Derivative):
        return part
    inner, count = open_.expr, len(open_.variables)
    if not isinstance(inner, AppliedUndef):
        return part.doit()
    of = part.variables[0] if u is not None else inner.args[0]
    if inner.args != (of,) or set(open_.variables) != {of} or count > 2:  # φ and its two slopes are known
        return part
    return applied(chain, inner.func.__name__, (of if u is None else u,), count)


def _shared(expression: Expr) -> set[Any]:
    """The sums and products that are parts of more than one other part."""
    seen, several, waiting = {expression}, set[Any](), [expression]
    while waiting:
        for inner in waiting.pop().args:
            if inner not in seen:
                seen.add(inner)
                waiting.append(inner)
            elif inner.is_Add or inner.is_Mul:
                several.add(inner)
    return several


def _rebuilt(chain: Chain, part: Any, inner: list[Any]) -> Any:
    if isinstance(part, AppliedUndef):  # sigmoid(…) or phi(…), by name
        return applied(chain, part.func.__name__, tuple(inner))
    if all(new is old for new, old in zip(inner, part.args, strict=False)):
        return part
    if isinstance(part, ExprCondPair):
        return ExprCondPair(*inner)
    return (sympy.Piecewise if isinstance(part, sympy.Piecewise) else part.func)(*inner, evaluate=False)


def _require(chain: Chain, atom: Any) -> None:
    """Raise BadValue for a symbol that the chain does not have."""
    if isinstance(atom, symbols.CostSlope | symbols.CostSecond):
        return
    symbol = atom if atom.is_Symbol else atom.args[1]
    if not (symbol.is_Symbol and is_placed(symbol.name, chain)):
        top = chain.depth
        raise BadValue(
            f"the claim holds {shown(str(symbol))[1:-1]}, which a chain of depth {top} does not have; "
            f"give w_1 … w_{top}, b_l, z_l, a_l, x and y"
        )


def _deepest(chain: Chain, atoms: tuple[Any, ...]) -> int:
    kept = [chain.depth for atom in atoms if isinstance(atom, KEPT)]
    return max(
        [*kept, *(layer for kind, layer in (placed(a.name) for a in atoms if a.is_Symbol) if kind in "az")], default=0
    )


def _require_rules(claim: ClaimedFormula) -> None:
    """Every function in it must be one that balls know."""
    try:
        with working_bits(64):
            claim.ball([Known.of(1).ball for _ in claim.atoms])
    except Unenclosed as e:
        raise BadValue(
            f"the claim holds {e}, whose digits cannot be proved; write it out, or give a function of w, b, x, y"
        ) from e
