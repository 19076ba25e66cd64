"""sweep(): a gradient over a grid of parameters, in tiles over any concurrent.futures.Executor."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from chainderiv.errors import BadValue, DataError
from chainderiv.given import function, path_of, up_to
from chainderiv.kinds import Box, Floats, Mask, Progress, Signs
from chainderiv.logsign import LogSign
from chainderiv.maps.axis import MOST, Axis
from chainderiv.maps.counted import counted
from chainderiv.maps.cutting import cut_plan
from chainderiv.maps.disk.dataset import open_netcdf, save_netcdf, to_dataset
from chainderiv.maps.disk.store import Store, StoredReadings
from chainderiv.maps.disk.storing import Announce, checked_path, in_stored_tiles, save_to_store, sweep_to_store
from chainderiv.maps.keywords import plan_of
from chainderiv.maps.layer_map import activation_over, factor_over
from chainderiv.maps.plan import Plan, in_tiles, part_of
from chainderiv.maps.regime import LOG_QUARTER, regime
from chainderiv.maps.table import to_frame, write_csv
from chainderiv.maps.tiles import each_done
from chainderiv.maps.told import told
from chainderiv.numeric.reading import Reading, Readings
from chainderiv.shown import Shown, Shows
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.derivation import Derivation
from chainderiv.symbolic.derive import Wrt
from chainderiv.symbolic.second import SecondDerivation
from chainderiv.workers import Crew

TILES, TILE_POINTS = 8, 2**17
MOST_COUNTED = 10**7  # points, a tenth of a second: more are counted when tally() is asked, and not to be printed
MOST_STORED = 10**11


@dataclass(frozen=True, eq=False)
class Sweep(Shows):
    """A map: ∂C/∂θ and the links over a grid; every array has one dimension per Axis, in the order of the keywords.

    Attributes
    ----------
    plan : Plan. What was swept, and how.
    readings : Reading of the whole map, or another that gives the same arrays.

    Examples
    --------
    >>> s = sweep(Chain(depth=4), w=Axis(-12, 12, 5), b=Axis(-10, 10, 3))
    >>> list(s.axes), s.rate.shape, s.wrt
    (['w', 'b'], (5, 3), 'b1')
    """

    plan: Plan
    readings: Readings = field(repr=False)

    def _shown(self) -> Shown:
        """What was swept, how much of it vanishes and explodes, and how far it reaches."""
        return told(self.plan, counted(self.plan, self.readings) if self.plan.points <= MOST_COUNTED else None)

    @classmethod
    def open(cls, path: str | Path) -> Sweep:
        """A map that `sweep(out=…)` or `save` wrote: a folder .zarr, read as it is asked for, or a file .nc.

        Raises
        ------
        DataError
            For what is no map, is damaged or was not finished.
        BadValue, MissingExtra
            For another kind of name; where zarr or netCDF4 is missing.
        """
        place = path_of("path", path)
        if place.suffix.lower() == ".nc":
            return cls(*open_netcdf(place))
        store = Store.open(checked_path(path))
        if (there := len(store.sums())) < (tiles := len(store.plan.tiles)):
            raise DataError(
                f"{str(path)!r} holds {there:,} of {tiles:,} tiles; run the sweep that began it again, which goes on"
            )
        return cls(store.plan, StoredReadings(store))

    def save(self, path: str | Path) -> None:
        """Write the map to a folder .zarr or a file .nc (extra `scale`); `Sweep.open` reads it back.

        Raises
        ------
        BadValue, OutputError, MissingExtra
            For another kind of name; where it cannot be written; where zarr or netCDF4 is missing.
        """
        if path_of("path", path).suffix.lower() == ".nc":
            return save_netcdf(self.plan, self.readings, path_of("path", path))
        return save_to_store(self.plan, self.readings.read, checked_path(path))

    def to_xarray(self) -> Any:
        """An xarray.Dataset with one named dimension per Axis, units and attributes (extra `scale`).

        Variables: sign, log_abs, log10_abs, link_log_sum, largest_link, uncertain, below_quarter and, from depth 2 on,
        rate and regime. Of a map on disk they are read when they are asked for, by Dask. Raises MissingExtra.

        Examples
        --------
        >>> s = sweep(Chain(depth=4), w=Axis(-12, 12, 5), b=Axis(-10, 10, 3))
        >>> data = s.to_xarray()
        >>> dict(data.sizes), data.attrs["wrt"], round(float(data.rate.sel(w=12, b=0)), 3)
        ({'w': 5, 'b': 3}, 'b1', -9.505)
        """
        return to_dataset(self.plan, self.readings)

    def part(self, **slices: slice) -> Sweep:
        """Read a part of the map into memory: a slice of points per Axis by name, as w=slice(0, None, 100).

        Its axes go from the first to the last point taken, evenly, so a value may differ in its last digit from the
        whole map's. Raises BadValue for a name that is no Axis, a step below 1 and fewer than 2 points.
        """
        return Sweep(*part_of(self.plan, self.readings.read, slices))

    def to_pandas(self) -> Any:
        """A pandas.DataFrame with one row per point (extra `scale`): the axes, sign, log_abs, log10_abs, rate, regime,
        below_quarter and uncertain. Raises MissingExtra.

        Examples
        --------
        >>> s = sweep(Chain(depth=4), w=Axis(-12, 12, 5), b=Axis(-10, 10, 3))
        >>> s.to_pandas().groupby("w").log10_abs.max().round(2).to_list()
        [-3.45, -1.83, -inf, -6.7, -14.99]
        """
        return to_frame(self.plan, self.readings)

    def to_csv(self, path: str | Path) -> None:
        """Write the columns of `to_pandas` as a table, one line per point; an undefined number is an empty cell.

        The regime is a word. What is exactly 0 has log_abs -inf. Raises BadValue for more than 10,000,000 points, and
        OutputError.
        """
        write_csv(self.plan, self.readings, path_of("path", path))

    def cut(self, **at: float) -> Sweep:
        """The map along a line: at one number on each of the axes named, as s.cut(w=2.0), over those that are left.

        The gradients are evaluated there, whether or not the map has points at that number; on a point they are the
        map's. Raises BadValue for a name that is no axis, a number outside it, and where no axis is left.

        Examples
        --------
        >>> s = sweep(Chain(depth=4), w=Axis(-12, 12, 5), b=Axis(-10, 10, 3))
        >>> s.cut(w=6).log10_abs.round(6).tolist() == s.log10_abs[3].round(6).tolist(), s.cut(w=6).fixed["w"]
        (True, 6.0)
        """
        plan = cut_plan(self.plan, at)
        return Sweep(plan, plan.read(tuple(slice(0, count) for count in plan.shape)))

    @property
    def derivation(self) -> Derivation | SecondDerivation:
        """What was evaluated."""
        return self.plan.derivation

    @property
    def axes(self) -> Mapping[str, Axis]:
        """The Axis of each dimension by name, in order."""
        return self.plan.axes

    @property
    def fixed(self) -> Mapping[str, float]:
        """The parameters that are not swept."""
        return self.plan.fixed

    @property
    def wrt(self) -> str:
        """'b1', or 'b1,w2' of a second derivative."""
        return self.derivation.named

    @cached_property
    def gradient(self) -> LogSign:
        """∂C/∂θ; NaN in both parts where it is undefined."""
        return LogSign.of(self.sign, self.log_abs)

    @cached_property
    def sign(self) -> Floats:
        """-1, 0 or 1; NaN where the gradient is undefined."""
        return np.where(np.isnan(self.log_abs), np.nan, self.readings.array("sign"))

    @property
    def log_abs(self) -> Floats:
        """log|∂C/∂θ|, natural; -inf where the gradient is 0."""
        return self.readings.array("log_abs")

    @property
    def log10_abs(self) -> Floats:
        """log10|∂C/∂θ|."""
        return np.asarray(self.log_abs / np.log(10.0))

    @property
    def link_log_sum(self) -> Floats:
        """Σ log|link| over the links l = 2 … L, natural; 0 at depth 1."""
        return self.readings.array("link_log_sum")

    @property
    def largest_link(self) -> Floats:
        """The largest log|link|, natural; -inf at depth 1."""
        return self.readings.array("largest_link")

    @property
    def uncertain(self) -> Mask:
        """Where rounding along the orbit may move log_abs by more than 1e-9.

        That is by a bound of its own with the engine "numba", and by 8 ε κ (see `condition`) with "numpy"; with
        "mpmath" it is nowhere. In very deep chains float64 itself cannot hold a logarithm of some 10^6 to 1e-9.
        """
        return self.readings.array("uncertain")

    @cached_property
    def rate(self) -> Floats:
        """Mean over the links l = 2 … L of log|link|, natural, per link; raises BadValue at depth 1.

        A link is w_l φ'(z_l), or 1 + w_l φ'(z_l) in a residual chain. Along a depth axis it is NaN at depth 1.
        """
        if self.derivation.chain.depth == 1:
            raise BadValue("a chain of depth 1 has no link and so no rate or regime; give depth 2 or more")
        with np.errstate(invalid="ignore"):
            return np.asarray(self.link_log_sum / self.plan.links())

    @cached_property
    def regime(self) -> Signs:
        """Regime.VANISHING (-1), STABLE (0), EXPLODING (1) or UNDEFINED (2), from the rate."""
        return regime(self.rate)

    @property
    def below_quarter(self) -> Mask:
        """Where every link is under 1/4 in size, the source's own vanishing region."""
        return np.asarray(self.largest_link < LOG_QUARTER)

    def factor(self, layer: int) -> LogSign:
        """w_l φ'(z_l), or 1 + w_l φ'(z_l) of a residual chain, the factor of a layer from 1 to L; raises BadValue.

        It is NaN where a depth axis has no such layer. The orbit is float64's, whatever the engine.

        >>> s = sweep(Chain(depth=4), w=Axis(50, 100, 2), z=Axis(-1, 0, 2))
        >>> s.factor(3).to_float()[:, 1].round(9).tolist()
        [12.5, 25.0]
        """
        return factor_over(self.plan, self._whole, up_to("layer", layer, self.derivation.chain.depth))

    def activation(self, layer: int) -> LogSign:
        """a_l of a layer from 1 to L, whatever its size; otherwise as `factor`.

        >>> s = sweep(Chain(depth=4), w=Axis(50, 100, 2), z=0)
        >>> s.activation(4).to_float().tolist()
        [0.5, 0.5]
        """
        return activation_over(self.plan, self._whole, up_to("layer", layer, self.derivation.chain.depth))

    @property
    def _whole(self) -> Box:
        return tuple(slice(0, count) for count in self.plan.shape)


def sweep(
    chain: Chain,
    *,
    wrt: Wrt = "b1",
    engine: str | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    out: str | Path | None = None,
    announce: Announce | None = None,
    **parameters: Any,
) -> Sweep:
    """∂C/∂θ over a grid: every keyword that is an Axis becomes a dimension, in the order given.

    Parameters
    ----------
    wrt : 'b1', 'w3', 'x', …, or two of them for the second derivative.
    engine : 'numba', 'numpy' or 'mpmath'; by default 'numba' for large work, whose kernel is compiled on first use and
        kept in the user's cache folder (CHAINDERIV_CACHE names another), else 'numpy'.
    executor : any concurrent.futures.Executor; without one the tiles are computed by threads here.
    workers : how many threads (1: this one alone), or how many workers the executor has; by default the usable cores,
        or what the executor tells. The map is the same, bit for bit, whoever computes it.
    progress : called with (tiles done, tiles in all); a tile that is on disk already is done when it is checked.
    out : folder that ends in .zarr, for a map larger than memory (extra `scale`): each tile is written as it is done,
        and the arrays of the Sweep are read from there when they are asked for. Where the map is there in part,
        because an earlier call was interrupted or killed, what is whole is kept and the rest is computed.
    announce : called with an Estimate of the disk space and the time, judged by a first tile, before the others,
        where there are others.
    **parameters : Axis or number.
        w, b tie all layers; w2, b3 name one and override it; z pins every pre-activation in the place of b
        (b_l = z - w_l a_{l-1}); x (0.5) and y (0.0) are the input and the target. depth, an Axis of whole numbers,
        takes the place of the chain's own depth; of two activations the second stays the last layer's.

    Raises
    ------
    BadValue, UnknownName
        For an unknown parameter, a missing w or b, z together with b, no Axis at all, or workers that are no number;
        for more than 100,000,000 points without out, and more than 10^11 with it.
    OutputError, MissingExtra
        With out: where it holds another map, cannot be written or does not fit on the disk; where zarr is missing.

    Source: the map of Nielsen (2015), chapter 5: where |w σ'(z)| is under 1/4 and where it exceeds 1.

    Examples
    --------
    >>> s = sweep(Chain(depth=4), w=Axis(-12, 12, 5), b=Axis(-10, 10, 3))
    >>> s.log_abs.shape, s.regime[2, 1]   # w = 0: every link is 0
    ((5, 3), np.int8(-1))
    """
    crew, progress, announce = Crew(executor, workers), function("progress", progress), function("announce", announce)
    if out is not None:
        path = checked_path(out)
        stored = in_stored_tiles(plan_of(chain, wrt, engine, **parameters))
        require_points(stored.points, MOST_STORED, "")
        return Sweep(stored, StoredReadings(sweep_to_store(stored, path, crew, progress, announce)))
    plan = in_tiles(plan_of(chain, wrt, engine, **parameters), TILES, TILE_POINTS)
    require_points(plan.points, MOST, ", or out='map.zarr' to keep the map on disk")
    whole, tiles = Reading.empty(plan.shape), plan.tiles
    done = each_done(plan, tiles, lambda box: plan.fill(whole, box), whole.put, crew)
    for count, _ in enumerate(done, 1):
        if progress is not None:
            progress(count, len(tiles))
    return Sweep(plan, whole)


def require_points(points: int, most: int, advice: str) -> None:
    """Raise BadValue, with an advice in the caller's language, where a map has more points than that."""
    if points > most:
        raise BadValue(f"the grid has {points:,} points; give axes whose counts multiply to at most {most:,}{advice}")
