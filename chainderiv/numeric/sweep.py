"""sweep(): a gradient over a grid of parameters, in tiles over any concurrent.futures.Executor."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainderiv.errors import BadValue
from chainderiv.logsign import LogSign
from chainderiv.numeric.axis import MOST, Axis
from chainderiv.numeric.kernel import kernel
from chainderiv.numeric.parameters import Floats, Layered, Parameters, numbers
from chainderiv.numeric.regime import regime
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.derivation import Derivation, Wrt, derive
from chainderiv.symbolic.second import SecondDerivation

TILE_POINTS = 2**15  # a tile's dozen float64 arrays stay near the cache
LOG_QUARTER = float(np.log(0.25))
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Sweep:
    """A map: ∂C/∂θ and the links over a grid; every array has one dimension per Axis, in the order of the keywords.

    Attributes
    ----------
    derivation : Derivation, or SecondDerivation of two parameters.
    axes : dict of name -> Axis, in the order of the dimensions.
    fixed : dict of name -> number, the parameters that are not swept.
    gradient : LogSign of ∂C/∂θ.
    """

    derivation: Derivation | SecondDerivation
    axes: Mapping[str, Axis]
    fixed: Mapping[str, float]
    gradient: LogSign = field(repr=False)
    link_log_sum: Floats = field(repr=False)
    largest_link: Floats = field(repr=False)

    @property
    def wrt(self) -> str:
        """'b1', or 'b1,w2' of a second derivative."""
        return self.derivation.named

    @property
    def sign(self) -> Floats:
        """-1, 0 or 1."""
        return np.asarray(self.gradient.sign)

    @property
    def log_abs(self) -> Floats:
        """log|∂C/∂θ|, natural; -inf where the gradient is 0."""
        return np.asarray(self.gradient.log)

    @property
    def log10_abs(self) -> Floats:
        """log10|∂C/∂θ|."""
        return np.asarray(self.gradient.log10)

    @cached_property
    def rate(self) -> Floats:
        """Mean over the links l = 2 … L of log|link|, natural, per link; raises BadValue at depth 1.

        A link is w_l φ'(z_l), or 1 + w_l φ'(z_l) in a residual chain.
        """
        links = self.derivation.chain.depth - 1
        if not links:
            raise BadValue("a chain of depth 1 has no link and so no rate or regime; give depth 2 or more")
        return self.link_log_sum / links

    @cached_property
    def regime(self) -> NDArray[np.int8]:
        """Regime.VANISHING (-1), STABLE (0), EXPLODING (1) or UNDEFINED (2), from the rate."""
        return regime(self.rate)

    @property
    def below_quarter(self) -> NDArray[np.bool_]:
        """Where every link is under 1/4 in size, the source's own vanishing region."""
        return np.asarray(self.largest_link < LOG_QUARTER)


def sweep(
    chain: Chain,
    *,
    wrt: Wrt = "b1",
    engine: str = "numpy",
    executor: Executor | None = None,
    progress: Progress | None = None,
    **parameters: Any,
) -> Sweep:
    """∂C/∂θ over a grid: every keyword that is an Axis becomes a dimension, in the order given.

    Parameters
    ----------
    wrt : 'b1', 'w3', 'x', …, or two of them for the second derivative.
    executor : any concurrent.futures.Executor; without one the tiles are computed here, one by one.
    progress : called with (tiles done, tiles in all).
    **parameters : Axis or number.
        w, b tie all layers; w2, b3 name one and override it; z pins every pre-activation in the place of b
        (b_l = z - w_l a_{l-1}); x (0.5) and y (0.0) are the input and the target.

    Raises
    ------
    BadValue, UnknownName
        For an unknown parameter, a missing w or b, z together with b, or no Axis at all.

    Source: the map of Nielsen (2015), chapter 5: where |w σ'(z)| is under 1/4 and where it exceeds 1.

    Examples
    --------
    >>> s = sweep(Chain(depth=4), w=Axis(-12, 12, 5), b=Axis(-10, 10, 3))
    >>> s.log_abs.shape, s.regime[2, 1]   # w = 0: every link is 0
    ((5, 3), np.int8(-1))
    """
    derivation = derive(chain, wrt)
    values = _checked(chain, {"x": 0.5, "y": 0.0} | parameters)
    axes = {name: v for name, v in values.items() if isinstance(v, Axis)}
    # the order of the dimensions is that of the caller's keywords
    axes = {name: axes[name] for name in [*parameters, *axes] if name in axes}
    if not axes:
        raise BadValue("nothing is swept; give at least one parameter as an Axis(start, stop, count)")
    if (points := math.prod(int(axis.count) for axis in axes.values())) > MOST:
        raise BadValue(f"the grid has {points:,} points; give axes whose counts multiply to at most {MOST:,}")
    fixed = {name: float(v) for name, v in values.items() if name not in axes}
    tiles = _tiles(tuple(a.count for a in axes.values()))
    work = partial(_read, derivation, engine, axes, fixed)
    done: Iterable[Any] = map(work, tiles) if executor is None else executor.map(work, tiles)
    parts = []
    for part in done:
        parts.append(part)
        if progress is not None:
            progress(len(parts), len(tiles))
    sign, log, links, largest = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Sweep(derivation, axes, fixed, LogSign(sign, log), links, largest)


def _tiles(shape: tuple[int, ...]) -> list[slice]:
    """Slabs of the first dimension of about TILE_POINTS points."""
    rows = max(1, TILE_POINTS // int(np.prod(shape[1:], dtype=int)))
    return [slice(i, min(i + rows, shape[0])) for i in range(0, shape[0], rows)]


def _read(
    derivation: Derivation | SecondDerivation,
    engine: str,
    axes: Mapping[str, Axis],
    fixed: Mapping[str, float],
    rows: slice,
) -> tuple[Floats, Floats, Floats, Floats]:
    grids: dict[str, Floats] = {name: np.asarray(value) for name, value in fixed.items()}
    for dimension, (name, axis) in enumerate(axes.items()):
        values = axis.values[rows] if dimension == 0 else axis.values
        grids[name] = values.reshape([-1 if i == dimension else 1 for i in range(len(axes))])
    reading = kernel(derivation, engine)(_parameters(grids))
    return (
        np.asarray(reading.gradient.sign),
        np.asarray(reading.gradient.log),
        reading.link_log_sum,
        reading.largest_link,
    )


def _parameters(grids: Mapping[str, Floats]) -> Parameters:
    def layers(kind: str) -> Layered:
        own = {int(name[1:]): v for name, v in grids.items() if name[0] == kind and name != kind}
        return Layered(tied=grids.get(kind), own=own)

    pinned = Layered(tied=grids["z"]) if "z" in grids else None
    return Parameters(layers("w"), None if pinned else layers("b"), pinned, grids["x"], grids["y"])


def _checked(chain: Chain, given: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in ("w", "b", "z", "x", "y"):
            if not re.fullmatch(r"[wb][0-9]+", name):
                raise BadValue(f"parameter {name!r} is unknown; give w, b, z, x, y or one layer's, such as w2 or b3")
            chain.parameter(name)
        if isinstance(value, Axis):
            values[name] = value
        elif numbers(name, value).ndim:
            raise BadValue(f"{name} is an array; give a number or an Axis (evaluate takes arrays)")
        else:
            values[name] = float(value)
    _require_kinds(chain, values)
    return values


def _require_kinds(chain: Chain, values: Mapping[str, Any]) -> None:
    def missing(kind: str) -> bool:
        return kind not in values and any(f"{kind}{layer}" not in values for layer in range(1, chain.depth + 1))

    if "z" in values and (both := [n for n in values if n[0] == "b"]):
        raise BadValue(f"z and {both[0]} are both given; z pins every pre-activation, so leave {both[0]} out")
    if missing("w"):
        raise BadValue("w is not given; give w for all layers, or w1 … wL")
    if "z" not in values and missing("b"):
        raise BadValue("neither b nor z is given; give b for all layers (or b1 … bL), or z to pin the pre-activations")
