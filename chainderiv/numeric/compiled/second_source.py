"""Chain -> the text of a kernel file of second derivatives: c = φ''/φ' and the cost's bend, generated, and the walk."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import sympy

from chainderiv.compiling.arrays import compiled
from chainderiv.compiling.emit import IMPORTS, Lines, NotCompilable, folded
from chainderiv.compiling.fractions import as_fractions
from chainderiv.compiling.parts import Parts, slope_parts
from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import QUADRATIC, Cost, cancelled_product
from chainderiv.functions.gaps import gaps_of
from chainderiv.functions.rounding import rounding
from chainderiv.kinds import Floats, Mask
from chainderiv.numeric.compiled import second_lane, second_stand_in as stand_in, second_walk, source
from chainderiv.numeric.orbit_error import EPSILON, off_float
from chainderiv.symbolic.chain import Chain
from chainderiv.symbols import Expr, a

_HEAD = '''\
"""A kernel of chainderiv, generated: second derivatives of {name}."""

import numpy as np
from chainderiv.compiling.jit import njit

{imports}
from chainderiv.compiling.registers import wide
from chainderiv.compiling.vectormath.bits import EXPONENT, ONE, SHIFT, bits_of, float_of
from chainderiv.compiling.vectormath.exp import plain_parts

LANES, PITCH, EPSILON, UNCERTAIN = {lanes}, {pitch}, {epsilon!r}, {lost!r}
RESIDUAL, PINNED, LINEAR, JOINED = {flags}
TAIL, TURNING, ROUNDING, TAIL_TURNING, TAIL_ROUNDING = {tail}, {unsteady}

'''
FARTHEST = 1e8  # |z|, to which c is looked at
GENERATED = 4.0  # times the rounding of a formula that of the lines generated from it, whose functions are off by 2 ε
UNDERFLOWS = 1e-250  # |c|, below which its formula may lose what it has
JUMP = 1e-6  # of c, at a point where two branches meet


def kernel_source(chain: Chain, activation: Activation, pinned: bool) -> str:
    """A kernel file for the layers of one activation in a chain, and for the chain's end; raises NotCompilable.

    Where another activation is the last, this one's file is that of the chains that it makes alone.
    """
    last, cost = chain.activation(chain.depth), chain.cost
    if activation != last:
        last, cost = activation, QUADRATIC
    return _source(activation, last, cost, chain.residual, pinned)


def is_compilable(chain: Chain) -> bool:
    """Whether every layer and the end of a chain have a compiled form of their second derivatives."""
    try:
        for activation in dict.fromkeys(chain.activations):
            kernel_source(chain, activation, pinned=False)
    except NotCompilable:
        return False
    return True


@lru_cache(maxsize=256)  # not by the chain: its depth changes nothing
def _source(activation: Activation, output: Activation, cost: Cost, residual: bool, pinned: bool) -> str:
    if not activation.vouched:
        raise NotCompilable(
            f"nothing vouches for the digits of φ'' of {activation.name!r} in a compiled walk; use engine='numpy'"
        )
    parts = slope_parts(activation)
    if activation.curvature is not None:  # whose terms do not cancel where c is small, as those of φ''s may
        parts = replace(parts, bend=activation.curvature)
    jumps, sharpness = _jumps(activation, parts.bend), source._sharpness(parts.bend)
    unsteady = [0.0] * 4 if activation.piecewise_linear else _unsteadiness(parts.bend, jumps)
    rest = None if residual else cancelled_product(output, cost)
    text = _curved(activation, parts, jumps, sharpness) + source._ending(output, cost, residual)
    head = _HEAD.format(
        name=activation.name.replace('"', "'").replace("\\", "/"),
        imports=IMPORTS,
        lanes=stand_in.LANES,
        pitch=stand_in.PITCH,
        epsilon=EPSILON,
        lost=stand_in.UNCERTAIN,
        tail=stand_in.TAIL if np.isfinite(unsteady[2:]).all() else "np.inf",
        unsteady=", ".join(repr(v) if np.isfinite(v) else "np.inf" for v in unsteady),
        flags=(residual, pinned, activation.piecewise_linear, rest is not None),
    )
    bend = cost.second if rest is None else sympy.diff(rest, a)
    return (
        head + text + _bending(output, cost, bend, residual) + "".join(map(source._copied, (second_lane, second_walk)))
    )


def _curved(activation: Activation, parts: Parts, jumps: list[Expr], sharpness: float) -> str:
    """curved() of second_stand_in.py."""
    stated = [folded(e) for e in (activation.stable_value, parts.exponent, parts.rest, parts.whole)]
    bend = folded(parts.bend)
    lines = Lines(as_fractions([*stated, bend]))
    names = [lines.name_of(e) for e in stated]
    names += [source._size(activation.stable_value, names[0], lines), source._size(parts.whole, names[3], lines)]
    names += [lines.name_of(bend), _trusted(activation, jumps, sharpness, lines)]
    return source.function("curved", "z", lines, names)


def _trusted(activation: Activation, jumps: list[Expr], sharpness: float, lines: Lines) -> str:
    """How far z may be off while c tells what becomes of log|φ'|, and c of another branch is not met."""
    distance = source._trusted(activation, sharpness, lines)
    for point in jumps:
        here = lines.line(f"abs(z - {lines.name_of(point)})")
        if beside := off_float(point):
            here = lines.line(f"{here} - {beside!r}")
        distance = here if distance == "np.inf" else lines.line(f"min({distance}, {here})")
    return distance


def _jumps(activation: Activation, bend: Expr) -> list[Expr]:
    """Where c jumps: where branches meet, or at 0 where it is stated by the sign of z or by |z|."""
    by_size = bend.has(sympy.Abs, sympy.sign)
    points = dict.fromkeys([*activation.breaks, *activation.kinks, *([sympy.Integer(0)] if by_size else [])])
    value = compiled(bend)
    found = []
    for point in points:
        at = float(point)
        left, right = value(at + np.array([-1.0, 1.0]) * 1e-9 * max(1.0, abs(at)))
        if not abs(left - right) <= JUMP * (1.0 + abs(left)):
            found.append(point)
    return found


def _unsteadiness(bend: Expr, jumps: list[Expr]) -> list[float]:
    """TURNING to TAIL_ROUNDING: |dc/dz| and c's rounding over 1 + c², which has a pole where c has one, and over |c|.

    Raises NotCompilable where the first two have no bound; the others are then infinite.
    """
    far = np.geomspace(30.0, FARTHEST, 2001)[1:]
    spread = np.concatenate([-far[::-1], np.linspace(-30.0, 30.0, 60_001), far])
    value, size = compiled(bend), 1.0 + np.abs(spread)
    c = np.abs(value(spread))
    step = 1e-6 * np.maximum(1.0, np.abs(spread)) / (1.0 + c)
    apart = np.ones(spread.shape, bool)
    for point in jumps:
        apart &= np.abs(spread - float(point)) > 2.0 * step
    tail = apart & (size > 1.0 + stand_in.TAIL / 2) & (c > UNDERFLOWS)
    with np.errstate(invalid="ignore", divide="ignore"):
        turning = np.abs(value(spread + step) - value(spread - step)) / (2.0 * step)
        rounded = GENERATED * (compiled(rounding(bend))(spread) + c)
        found = [turning / (1.0 + c**2), rounded / (1.0 + c**2), turning / (c * size), rounded / (c * size**2)]
    largest = [1.01 * _largest(v, where) for v, where in zip(found, (apart, apart, tail, tail), strict=True)]
    cancelled = apart & (size > 1.0 + stand_in.TAIL) & (c <= UNDERFLOWS) & (EPSILON * rounded > UNDERFLOWS)
    if cancelled.any():  # a c of 0 is then what is left of larger terms, and no underflow
        largest[2:] = [np.inf, np.inf]
    if not np.isfinite(largest[:2]).all():
        raise NotCompilable("φ''/φ' of this activation is beyond the compiled engine; use engine='numpy'")
    return largest


def _largest(values: Floats, where: Mask) -> float:
    """The largest, infinite where they grow on to the ends."""
    middle, whole = (float(np.max(np.where(where, values, 0.0)[part])) for part in (slice(2000, -2000), slice(None)))
    return whole if whole <= max(1.0, 1.1 * middle) else np.inf


def _bending(output: Activation, cost: Cost, bend: Expr, residual: bool) -> str:
    """∂²C/∂a_L², or of what is left where the cost cancels φ'(z_L), the derivative by a_L; and what it is off by."""
    lines, limits = Lines(), [] if residual else gaps_of(output)
    value, off = "0.0", "0.0"
    for term in sympy.Add.make_args(sympy.sympify(bend)):
        coefficient, product = term.as_independent(a)
        one, of_one = lines.name_of(coefficient), "4.0"
        for leading, root, power in cost.factors_of(product):
            if root is None:
                one = lines.line(f"{one}*{lines.name_of(leading)}")
                continue
            if not power.is_Integer:
                raise NotCompilable(f"the cost {cost.name!r} is beyond the compiled engine; use engine='numpy'")
            miss, size = source.miss_of(root, limits, lines)
            relative = lines.line(f"2.0 + (moved + {size})/{lines.line(f'abs({miss})')}")
            scaled = lines.line(f"{lines.name_of(leading)}*{miss}")
            one = lines.line(f"{one}*{lines.name_of_power(scaled, int(power))}")
            of_one = lines.line(f"{of_one} + {float(abs(power))}*{relative}")
        value = lines.line(f"{value} + {one}")
        off = lines.line(f"{off} + abs({one})*{of_one}")
    return source.function("bending", "z, a, y, moved, e_z", lines, [value, off])
