"""Chain -> the text of a kernel file: a neuron and an ending, generated from the formulas, and the walk as it is."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import lru_cache
from types import ModuleType

import numpy as np
import sympy

from chainderiv.compiling.arrays import compiled
from chainderiv.compiling.emit import IMPORTS, Lines, NotCompilable, folded
from chainderiv.compiling.fractions import SIZE, as_fractions
from chainderiv.compiling.parts import Parts, slope_parts, value_parts
from chainderiv.functions.activation import Activation
from chainderiv.functions.branches import pieces
from chainderiv.functions.cost import QUADRATIC, Cost, cancelled_slope
from chainderiv.functions.gaps import Gap, gaps_of
from chainderiv.functions.rounding import rounding
from chainderiv.numeric.compiled import bounded, settling, stand_in, walk
from chainderiv.numeric.conditioning import LOST
from chainderiv.numeric.orbit_error import EPSILON, off_float
from chainderiv.symbolic.chain import Chain
from chainderiv.symbols import Expr, y, z

_HEAD = '''\
"""A kernel of chainderiv, generated: {name}."""

import numpy as np
from chainderiv.compiling.jit import njit

{imports}
from chainderiv.compiling.registers import each_lane, wide

LANES, PITCH, LONGEST, CHUNK, EPSILON, UNCERTAIN = {lanes}, {pitch}, {longest}, {chunk}, {epsilon!r}, {lost!r}
RESIDUAL, PINNED, LINEAR, BOUNDED, VOUCHED = {flags}
SECOND = {second!r}
LOWER, UPPER, REACH, STEEP, BEND, TURN, FALL = {limits}

'''
_FUNCTION = """
@njit(error_model="numpy", fastmath={{"contract"}}, forceinline=True)
def {name}({arguments}):
    {body}
    return {results}

"""
_MARK = "# ---- what follows is copied into every kernel file\n"
FARTHEST = 1e3  # |z|, to which what has a limit is followed
FIRST_ORDER = 1e-5  # of a scale: what the second order then adds is below 1e-10


def kernel_source(activation: Activation, chain: Chain, pinned: bool) -> str:
    """A kernel file for the layers of one activation in a chain, and for the chain's end; raises NotCompilable.

    Where another activation is the last, this one's file is that of the chains that it makes alone.
    """
    last, cost = chain.activation(chain.depth), chain.cost
    if activation != last:
        last, cost = activation, QUADRATIC
    return _source(activation, last, cost, chain.residual, pinned)


@lru_cache(maxsize=256)  # not by the chain: its depth changes nothing
def _source(activation: Activation, output: Activation, cost: Cost, residual: bool, pinned: bool) -> str:
    parts = slope_parts(activation)
    sharpness = _sharpness(parts.bend)
    limits = _limits(activation, parts)
    text = _neuron(activation, parts, sharpness) + _ending(output, cost, residual)
    head = _HEAD.format(
        name=activation.name.replace('"', "'").replace("\\", "/"),  # no cost's: kernels of one text are one
        imports=IMPORTS,
        lanes=stand_in.LANES,
        pitch=stand_in.PITCH,
        chunk=stand_in.CHUNK,
        longest=stand_in.LONGEST,
        epsilon=EPSILON,
        lost=LOST,
        second=walk.MARGIN * sharpness**2,
        limits=", ".join(repr(v) if np.isfinite(v) else "np.inf" for v in limits or [np.inf] * 7),
        flags=(residual, pinned, activation.piecewise_linear, _bounded(activation), activation.vouched),
    )
    if limits is None or residual or pinned:
        return head + text + _copied(walk)
    near = _near_neuron(activation, parts, bounded.DEEP / limits[-1])
    return head + text + near + "".join(map(_copied, (walk, bounded, settling)))


def _copied(module: ModuleType) -> str:
    return inspect.getsource(module).partition(_MARK)[2]


def is_compilable(chain: Chain) -> bool:
    """Whether every layer and the end of a chain have a compiled form."""
    try:
        for activation in dict.fromkeys(chain.activations):
            kernel_source(activation, chain, pinned=False)
    except NotCompilable:
        return False
    return True


def _neuron(activation: Activation, parts: Parts, sharpness: float) -> str:
    stated = [folded(e) for e in (activation.stable_value, parts.exponent, parts.rest, parts.whole)]
    bend, roundings = _folded_size(parts.bend), [folded(e) for e in _roundings(activation, parts.whole)]
    lines = Lines(as_fractions([*stated, bend, *roundings]))
    names = [lines.name_of(e) for e in stated]
    names += [_size(activation.stable_value, names[0], lines), _size(parts.whole, names[3], lines)]
    names += [lines.line(f"abs({lines.name_of(bend)})"), _trusted(activation, sharpness, lines)]
    names += [lines.name_of(e) for e in roundings]
    return function("neuron", "z", lines, names)


def _near_neuron(activation: Activation, parts: Parts, far: float) -> str:
    """φ and φ' for |z| up to far, which is all that is asked under the bound: there no exponential underflows."""
    stated = [folded(e) for e in (activation.stable_value, parts.whole)]
    fractions = as_fractions(stated)
    near = {u: f"near_{function}" for u, function in fractions.items() if u.subs(SIZE, far) > -700}
    lines = Lines(fractions | near)
    value, slope = map(lines.name_of, stated)
    return function("near_neuron", "z", lines, [value, slope, _size(parts.whole, slope, lines)])


def _ending(output: Activation, cost: Cost, residual: bool) -> str:
    """∂C/∂a_L, or where it is cancelled φ'(z_L) ∂C/∂a_L, as value · exp(exponent)."""
    cancelled, limits = (None, []) if residual else (cancelled_slope(output, cost), gaps_of(output))
    parts = None if residual else value_parts(output)
    of_value = [] if parts is None else [parts.exponent, parts.rest, parts.bend]
    lines = Lines(as_fractions(map(folded, [*of_value, *(gap.value for gap in limits)])))
    value, exponent, off = "1.0", "0.0", "0.0"
    for leading, root, power in cancelled or cost.factors:
        constant = lines.name_of(leading)
        if root is None:
            value = lines.line(f"{value}*{constant}")
            continue
        if not power.is_Integer:
            raise NotCompilable(f"the cost {cost.name!r} is beyond the compiled engine; use engine='numpy'")
        miss, size = miss_of(root, limits, lines)
        relative = lines.line(f"1.0 + (moved + {size})/{lines.line(f'abs({miss})')}")
        if parts is not None and root in (y, 0):
            # the miss is a_L itself
            alone = f"{lines.name_of(root)} == 0.0"
            more = lines.name_of(folded(parts.exponent))
            bend = lines.line(f"abs({lines.name_of(folded(parts.bend))})")
            miss = lines.line(f"pick({alone}, {lines.name_of(folded(parts.rest))}, {miss})")
            exponent = lines.line(f"{exponent} + {float(power)}*{lines.line(f'pick({alone}, {more}, 0.0)')}")
            relative = lines.line(f"pick({alone}, {lines.line(f'2.0 + abs({more}) + {bend}*e_z')}, {relative})")
        value = lines.line(f"{value}*{lines.name_of_power(lines.line(f'{constant}*{miss}'), int(power))}")
        off = lines.line(f"{off} + {float(abs(power))}*{relative}")
    return function("ending", "z, a, y, moved, e_z", lines, [value, exponent, off])


def miss_of(root: Expr, near_limits: Sequence[Gap], lines: Lines) -> tuple[str, str]:
    """a_L - root, and the size of what is rounded in it; near a limit of φ both are those of the gap to it."""
    target = lines.name_of(root)
    miss, size = lines.line(f"a - {target}"), lines.line("abs(a)")
    for gap in near_limits:
        limit = lines.name_of(gap.limit)
        value = lines.name_of(folded(gap.value))
        from_gap = lines.line(f"{'-' if gap.sign < 0 else ''}{value} - ({target} - {limit})")
        near = lines.line(f"abs({target} - {limit}) <= {gap.near!r}")
        miss, size = lines.line(f"pick({near}, {from_gap}, {miss})"), lines.line(f"pick({near}, {value}, {size})")
    return miss, size


def _size(expression: Expr, name: str, lines: Lines) -> str:
    """The size of what a name holds, which is the name itself where it is never negative."""
    return name if all(value.is_nonnegative for value, _ in pieces(expression)) else lines.line(f"abs({name})")


def _folded_size(bend: Expr) -> Expr:
    """|bend| up to its sign: of an odd bend one side serves for both."""
    right, left = (bend.subs(sympy.sign(z), s).subs(z, s * SIZE) for s in (1, -1))
    return right if right in (left, -left) else folded(bend)


def _trusted(activation: Activation, sharpness: float, lines: Lines) -> str:
    """How far z may be off while φ''/φ' alone tells what becomes of log|φ'|.

    To a jump of φ', and no further than FIRST_ORDER of the scale on which φ' changes: φ''/φ' may be 0 just here.
    """
    distance = "np.inf"
    if not (activation.piecewise_linear or _bounded(activation)):
        distance = lines.line(f"{FIRST_ORDER / sharpness!r}*max(1.0, t)")
    for kink in activation.kinks:
        here = lines.line(f"abs(z - {lines.name_of(kink)})")
        if beside := off_float(kink):
            here = lines.line(f"{here} - {beside!r}")
        distance = here if distance == "np.inf" else lines.line(f"min({distance}, {here})")
    return distance


def _bounded(activation: Activation) -> bool:
    """Whether φ is smooth and has both limits: then z is no larger than the parameters."""
    stable = activation.stable
    return stable.above_lower is not None and stable.below_upper is not None and not activation.kinks


def _limits(activation: Activation, parts: Parts) -> list[float] | None:
    """LOWER to FALL of stand_in.py; None where one but TURN is infinite, or nothing vouches for the digits."""
    if not (_bounded(activation) and activation.vouched):
        return None
    far = np.geomspace(30.0, FARTHEST, 1001)[1:]
    spread = np.concatenate([-far[::-1], np.linspace(-30.0, 30.0, 60_001), far])
    fall = sympy.Abs(activation.log_abs_derivative) / (1 + sympy.Abs(z))
    sizes = [np.abs(compiled(e)(spread)) for e in (activation.stable_value, parts.whole, parts.bend, fall)]
    if not all(np.isfinite(size).all() and size.max() <= 1.1 * size[1000:-1000].max() for size in sizes):
        return None  # one grows on, or has no bound
    if abs(np.sign(compiled(parts.rest)(spread)).sum()) < spread.size:
        return None  # a layer is no monotone map
    reach, steep, bend, fall = (1.01 * float(size.max()) for size in sizes)
    bends = compiled(parts.bend)(spread)
    turn = float(np.max(np.abs(np.diff(bends) / np.diff(spread))))
    smooth = turn <= 100.0 * bend  # across a jump it grows with the spread's fineness
    ends: list[float] = [float(limit) for limit in (activation.lower, activation.upper) if limit is not None]
    return [*ends, reach, steep, max(1.0, bend), max(1.0, bend, 1.01 * np.sqrt(turn)) if smooth else np.inf, fall]


def _sharpness(bend: Expr) -> float:
    """sqrt of the largest |d(φ''/φ')/dz| where φ''/φ' is small, over |z| <= 30; at least 1."""
    spread = np.linspace(-30.0, 30.0, 60_001)
    values = np.asarray(compiled(bend)(spread))
    change = np.abs(np.diff(values)) / np.diff(spread)
    flat = np.abs(values[1:]) < 1.0
    return float(np.sqrt(np.nanmax(np.where(flat & np.isfinite(change), change, 1.0), initial=1.0)))


def _roundings(activation: Activation, slope: Expr) -> tuple[Expr, Expr]:
    """The roundings of φ, and of φ' relative to it, in units of ε; 0 where stated forms vouch for their digits."""
    if activation.vouched:
        return sympy.Integer(0), sympy.Integer(0)
    value = activation.value_rounding
    relative = [(rounding(e) / sympy.Abs(e) if e.has(z) else sympy.Integer(0), when) for e, when in pieces(slope)]
    joined = relative[0][0] if len(relative) == 1 else sympy.Piecewise(*relative, evaluate=False)
    return sympy.Integer(0) if value is None else value, joined


def function(name: str, arguments: str, lines: Lines, results: Sequence[str]) -> str:
    """A function's text: its lines, which may hold t = |z|, and what it returns."""
    sized = ["t = abs(z)", *lines.lines]
    return _FUNCTION.format(name=name, arguments=arguments, body="\n    ".join(sized), results=", ".join(results))
