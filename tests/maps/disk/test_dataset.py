"""A map as an xarray.Dataset, in zarr and in netCDF, and back."""

import re
import sys
import warnings

import numpy as np
import pytest
import xarray

import chainderiv as cd
from chainderiv.errors import BadValue, DataError, MissingExtra, OutputError
from chainderiv.maps.disk import storing
from chainderiv.maps.regime import Regime
from tests.maps.disk.test_store import bits
from tests.test_extras import CURE

CHAIN = cd.Chain(5, ["tanh"] * 4 + ["sigmoid"], "cross_entropy")
GRID = {"w": cd.Axis(-3, 3, 23), "b2": cd.Axis(0.1, 10, 17, "log"), "b": 0.5, "x": 0.3}
VARIABLES = {
    "sign",
    "log_abs",
    "log10_abs",
    "link_log_sum",
    "largest_link",
    "uncertain",
    "below_quarter",
    "rate",
    "regime",
}


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setattr(storing, "STORED_TILE_POINTS", 40)


@pytest.fixture(scope="module")
def swept():
    return cd.sweep(CHAIN, **GRID)


def assert_says_all(data, swept):
    assert set(data.data_vars) == VARIABLES
    assert dict(data.sizes) == {"w": 23, "b2": 17}
    for name in ("w", "b2"):
        assert np.array_equal(data[name], swept.axes[name].values)
        assert data[name].attrs["units"] == "1"
    assert data.w.attrs["long_name"] == "weight of every layer"
    assert data.b2.attrs["long_name"] == "bias of layer 2"
    assert all(data[name].attrs["units"] == "1" and data[name].attrs["long_name"] for name in VARIABLES)
    for name in VARIABLES:
        assert data[name].dims == ("w", "b2")
        want = swept.readings.array("sign") if name == "sign" else getattr(swept, name)
        assert data[name].values.tobytes() == want.tobytes(), name
    assert data.attrs["chain"] == repr(CHAIN)
    assert data.attrs["formula"] == "tanh: tanh(z); sigmoid: 1/(1 + exp(-z))"
    assert data.attrs["wrt"] == "b1"
    assert data.attrs["fixed"] == "x=0.3, y=0.0, b=0.5"
    assert data.attrs["source"].startswith(f"chainderiv {cd.__version__}")
    codes = dict(zip(data.regime.attrs["flag_meanings"].split(), data.regime.attrs["flag_values"], strict=True))
    assert codes == {r.name.lower(): r for r in Regime}


def test_a_map_in_memory_is_a_dataset(swept):
    data = swept.to_xarray()
    assert_says_all(data, swept)
    w, b = swept.axes["w"].values[3], swept.axes["b2"].values[5]
    assert float(data.log_abs.sel(w=w, b2=b)) == swept.log_abs[3, 5]


def test_a_map_on_disk_is_a_dataset_that_is_read_when_it_is_asked_for(swept, tmp_path):
    stored = cd.sweep(CHAIN, out=tmp_path / "a.zarr", **GRID)
    data = stored.to_xarray()
    assert {type(data[name].data).__module__.split(".")[0] for name in VARIABLES} == {"dask"}
    assert_says_all(data.compute(scheduler="synchronous"), swept)


@pytest.mark.parametrize("name", ["rate", "link_log_sum"])
def test_damage_is_told_by_the_dataset_as_by_the_map(tmp_path, name):
    stored = cd.sweep(CHAIN, out=tmp_path / "a.zarr", **GRID)
    chunk = next((tmp_path / "a.zarr" / "link_log_sum" / "c" / "0").iterdir())
    chunk.write_bytes(bytes([chunk.read_bytes()[0] ^ 1]) + chunk.read_bytes()[1:])
    data = stored.to_xarray()
    with pytest.raises(DataError, match="link_log_sum' is damaged: .*mends it$"):
        data[name].compute()
    assert data.log_abs.values.tobytes() == stored.log_abs.tobytes()


def test_a_dataset_on_disk_can_be_given_to_other_processes(swept, tmp_path):
    import pickle

    data = cd.sweep(CHAIN, out=tmp_path / "a.zarr", **GRID).to_xarray()
    assert_says_all(pickle.loads(pickle.dumps(data)), swept)


def test_xarray_opens_the_folder_without_us_and_without_a_warning(swept, tmp_path):
    cd.sweep(CHAIN, out=tmp_path / "a.zarr", **GRID)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = xarray.open_zarr(tmp_path / "a.zarr", chunks=None, consolidated=True)
    assert np.array_equal(data.log_abs.values, swept.log_abs)
    assert data.log_abs.attrs["units"] == "1"
    assert set(data.data_vars) == VARIABLES - {"log10_abs", "rate", "regime", "below_quarter"}


@pytest.mark.parametrize("name", ["a.zarr", "a.nc"])
def test_a_saved_map_is_read_back_as_it_was(swept, tmp_path, name):
    swept.save(tmp_path / "new" / name)
    back = cd.Sweep.open(tmp_path / "new" / name)
    assert bits(back) == bits(swept)
    assert (list(back.axes.items()), back.fixed) == (list(swept.axes.items()), swept.fixed)
    assert back.derivation == swept.derivation
    assert_says_all(back.to_xarray().compute(scheduler="synchronous"), swept)
    assert [f.name for f in (tmp_path / "new").iterdir()] == [name]


def test_netcdf_holds_the_dataset(swept, tmp_path):
    swept.save(tmp_path / "a.nc")
    with xarray.open_dataset(tmp_path / "a.nc") as data:
        assert_says_all(data.load(), swept)


def test_what_was_saved_in_zarr_can_be_gone_on_with(swept, tmp_path):
    swept.save(tmp_path / "a.zarr")
    cd.sweep(CHAIN, out=tmp_path / "b.zarr", **GRID)
    with pytest.raises(OutputError, match="another map"):
        cd.sweep(CHAIN, out=tmp_path / "a.zarr", **GRID | {"x": 0.4})


def test_infinities_and_undefined_gradients_come_back(tmp_path):
    from dataclasses import replace

    dead = cd.sweep(cd.Chain(3, "relu"), w=1.0, b=cd.Axis(-5, 5, 12))
    log = dead.log_abs.copy()
    log[1] = np.nan
    odd = replace(dead, readings=replace(dead.readings, log_abs=log))
    for name in ("a.zarr", "a.nc"):
        odd.save(tmp_path / name)
        back = cd.Sweep.open(tmp_path / name)
        assert bits(back) == bits(odd)
        assert np.isneginf(back.log_abs[0])
        assert np.isnan(back.sign[1])


def test_depth_1_has_no_rate():
    assert set(cd.sweep(cd.Chain(1), w=GRID["w"], b=0).to_xarray().data_vars) == VARIABLES - {"rate", "regime"}


def test_depth_is_a_dimension_like_another(tmp_path):
    grid = {"w": cd.Axis(-3, 3, 23), "depth": cd.Axis(1, 9, 9), "b": 0.1}
    memory, stored = cd.sweep(cd.Chain(4), **grid), cd.sweep(cd.Chain(4), out=tmp_path / "a.zarr", **grid)
    assert bits(cd.Sweep.open(tmp_path / "a.zarr")) == bits(stored) == bits(memory)
    data = stored.to_xarray().compute(scheduler="synchronous")
    np.testing.assert_array_equal(data.rate, memory.rate)
    assert np.isnan(data.rate.sel(depth=1)).all()
    assert np.array_equal(data.depth, np.arange(1, 10))
    assert data.depth.attrs["long_name"] == "depth"


def test_other_files_and_names_are_refused(swept, tmp_path):
    (tmp_path / "a.nc").write_bytes(b"no such thing")
    xarray.Dataset({"v": ("n", [1.0])}).to_netcdf(tmp_path / "b.nc")
    for name in ("a.nc", "b.nc", "c.nc", "c.zarr"):
        with pytest.raises(DataError, match="is no map of chainderiv"):
            cd.Sweep.open(tmp_path / name)
    for name in ("a.txt", "a"):
        with pytest.raises(BadValue, match="ends in .zarr"):
            swept.save(tmp_path / name)


@pytest.mark.parametrize(("missing", "act"), [
    ("zarr", lambda s, folder: s.save(folder / "a.zarr")),
    ("zarr", lambda _, folder: cd.sweep(CHAIN, out=folder / "a.zarr", **GRID)),
    ("netCDF4", lambda s, folder: s.save(folder / "a.nc")),
    ("xarray", lambda s, _: s.to_xarray()),
])  # fmt: skip
def test_a_missing_library_is_named_with_what_to_install(swept, tmp_path, monkeypatch, missing, act):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match=f"needs {missing}; install it with: pip install {re.escape(CURE)}$"):
        act(swept, tmp_path)
    assert list(tmp_path.iterdir()) == []
