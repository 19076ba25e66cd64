"""A map as an xarray.Dataset and as a netCDF file, and back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from chainderiv.errors import DataError
from chainderiv.extras import extra, require_netcdf
from chainderiv.kinds import Array, Box
from chainderiv.maps.disk.manifest import (
    DESCRIPTION,
    SUM,
    axis_attributes,
    is_sealed,
    map_attributes,
    plan_from,
    variable_attributes,
)
from chainderiv.maps.disk.store import Store, StoredReadings
from chainderiv.maps.plan import Plan
from chainderiv.maps.regime import LOG_QUARTER, regime
from chainderiv.numeric.reading import DTYPES, Reading, Readings
from chainderiv.writing import beside, folder_for_writing


def to_dataset(plan: Plan, readings: Readings) -> Any:
    """The Dataset of a map; lazy where it lies on disk."""
    xarray = extra("xarray", "to_xarray")
    array, attributes = readings.array, map_attributes(plan)
    if isinstance(readings, StoredReadings):
        # the axes are the plan's, which the manifest states under its checksum
        array, attributes = partial(_lazy, readings.store), readings.store.attributes
    dims = tuple(plan.axes)
    data = xarray.Dataset(
        {name: (dims, array(name), variable_attributes(name, plan)) for name in DTYPES},
        {name: (name, axis.values, axis_attributes(name)) for name, axis in plan.axes.items()},
        attributes,
    )
    return _with_derived(data, plan, xarray)


@dataclass(frozen=True, eq=False)
class _StoredArray:
    """One array of a map on disk, as Dask wants it; damage raises DataError, as everywhere, and not zarr's own."""

    store: Store
    name: str

    @property
    def shape(self) -> tuple[int, ...]:
        return self.store.plan.shape

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(DTYPES[self.name])

    def __getitem__(self, box: Box) -> Array:
        return self.store.read_array(self.name, box)


def _lazy(store: Store, name: str) -> Any:
    dask_array = extra("dask.array", "a map on disk as an xarray.Dataset")
    return dask_array.from_array(_StoredArray(store, name), store.plan.tile_shape, name=False)


def _with_derived(data: Any, plan: Plan, xarray: Any) -> Any:
    data["log10_abs"] = data.log_abs / np.log(10.0)
    data["below_quarter"] = data.largest_link < LOG_QUARTER
    if plan.derivation.chain.depth > 1:
        links = np.asarray(plan.links())
        # at depth 1 there is none: a rate of NaN, and no warning when Dask divides
        data["rate"] = data.link_log_sum / np.where(links > 0, links, np.nan)
        data["regime"] = xarray.apply_ufunc(regime, data.rate, dask="parallelized", output_dtypes=[np.int8])
    for name in {"log10_abs", "below_quarter", "rate", "regime"} & set(data.data_vars):
        data[name].attrs = variable_attributes(name, plan)
    return data


def save_netcdf(plan: Plan, readings: Readings, path: Path) -> None:
    """Write the Dataset as netCDF-4, whole or not at all; raises OutputError, MissingExtra."""
    require_netcdf()
    data = to_dataset(plan, readings)
    folder_for_writing(path.parent)
    with beside(path) as file:
        packed = {"zlib": True, "complevel": 1, "fletcher32": True}
        try:
            data.to_netcdf(file, engine="netcdf4", encoding=dict.fromkeys(data.variables, packed))
        except RuntimeError as e:  # what HDF makes of a full disk
            raise OSError(str(e)) from e


def open_netcdf(path: Path) -> tuple[Plan, Reading]:
    """The plan and the readings of a file; raises DataError, MissingExtra."""
    require_netcdf()
    xarray = extra("xarray", "a map in netCDF")
    try:
        with xarray.open_dataset(path, engine="netcdf4") as data:
            description = json.loads(data.attrs[DESCRIPTION])
            if SUM in description and not is_sealed(description):
                raise DataError(f"{str(path)!r} is damaged: it no longer says what it is of; save the map again")
            plan = plan_from(description)
            arrays = {name: np.ascontiguousarray(data[name].values, dtype) for name, dtype in DTYPES.items()}
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError) as e:
        if isinstance(e, DataError):
            raise
        raise DataError(f"{str(path)!r} is no map of chainderiv ({e}); give a file that save wrote") from e
    if arrays["log_abs"].shape != plan.shape:
        raise DataError(f"{str(path)!r} has arrays of another shape than its axes; save the map again")
    return plan, Reading(**arrays)
