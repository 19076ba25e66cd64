"""A record as a table and as a Dataset."""

import csv
import json
import os
import re
import sys

import numpy as np
import pytest

from chainderiv.errors import MissingExtra, OutputError
from chainderiv.nn.network import Network
from chainderiv.nn.training.training import train
from chainderiv.records.measurements import COLUMNS, LAYER_COLUMNS
from chainderiv.records.record import TrainingRecord
from tests.nn.training.runs_kept import run, small_data
from tests.test_extras import CURE


@pytest.fixture
def record():
    """Rows between epochs, three layers, NaN where nothing was measured."""
    return run(2, measure_steps=4)[1]


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def assert_holds(rows, record):
    """The table's numbers are, to the last bit, those of record.rows(); an empty field is None."""
    assert len(rows) == len(record.rows())
    for got, want in zip(rows, record.rows(), strict=True):
        flat = {}
        for name, value in want.items():
            flat |= {f"{name}_{k}": v for k, v in enumerate(value, 1)} if isinstance(value, list) else {name: value}
        assert {name: float(text) if text else None for name, text in got.items()} == flat


def test_a_table_holds_every_number_of_the_rows(record, tmp_path):
    record.to_csv(tmp_path / "run.csv")
    assert_holds(table(tmp_path / "run.csv"), record)


def test_a_table_with_another_last_digit_would_be_told(record, tmp_path):
    record.to_csv(tmp_path / "run.csv")
    rows = table(tmp_path / "run.csv")
    rows[2]["cost"] = repr(float(np.nextafter(float(rows[2]["cost"]), 9)))
    with pytest.raises(AssertionError):
        assert_holds(rows, record)


def test_a_table_s_header_names_layers_by_their_numbers(record, tmp_path):
    record.to_csv(tmp_path / "new" / "run.csv")
    header = (tmp_path / "new" / "run.csv").read_text().splitlines()[0].split(",")
    norms = [f"norms_{order}_{layer}" for order in ("l1", "l2") for layer in (1, 2)]
    layers = [f"{name}_{layer}" for name in LAYER_COLUMNS for layer in (1, 2, 3)]
    assert header == ["epoch", "step", "training_cost", "cost", "accuracy", *norms, *layers]


def test_a_table_of_a_network_without_hidden_layers_and_one_of_a_bare_record_are_tables(tmp_path):
    shallow = train(Network([6, 3]), small_data(), 1)
    bare = TrainingRecord({}, ((np.ones(2), np.ones(1)),), np.ones(1), np.array([np.inf]), np.zeros(1))
    for name, one in {"shallow": shallow, "bare": bare}.items():
        one.to_csv(tmp_path / name)
        assert_holds(table(tmp_path / name), one)


def test_a_table_that_cannot_be_written_is_one_line(record, tmp_path):
    (tmp_path / "file").write_text("here")
    for path in (tmp_path, tmp_path / "file" / "run.csv"):
        with pytest.raises(OutputError) as caught:
            record.to_csv(path)
        assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == ["file"]


def test_a_dataset_holds_every_number_by_name(record):
    data = pytest.importorskip("xarray") and record.to_xarray()
    assert dict(data.sizes) == {
        "row": len(record.cost), "layer": 3, "hidden_layer": 2, "neuron_1": 5, "neuron_2": 4, "neuron_3": 3,
    }  # fmt: skip
    for name in COLUMNS:
        np.testing.assert_array_equal(data[name], getattr(record, name))
    for name in LAYER_COLUMNS:
        np.testing.assert_array_equal(data[name], record.layers[name])
        assert data[name].dims == ("row", "layer")
        assert data[name].attrs["long_name"] == LAYER_COLUMNS[name]
    for order in ("l1", "l2"):
        np.testing.assert_array_equal(data[f"norms_{order}"], record.norms(order))
    for layer in (1, 2, 3):
        rows = [row[layer - 1] for row in record.bias_gradients]
        np.testing.assert_array_equal(data[f"bias_gradient_{layer}"], rows)
    assert json.loads(data.attrs["settings"]) == record.settings


def test_a_dataset_is_read_by_layer_and_epoch(record):
    data = pytest.importorskip("xarray") and record.to_xarray()
    np.testing.assert_array_equal(data.epoch, record.epoch)
    np.testing.assert_array_equal(data.step, record.steps)
    second = data.update_ratio.sel(layer=2).isel(row=-1)
    assert float(second) == record.layers["update_ratio"][-1, 1]
    assert float(data.norms_l2.sel(hidden_layer=1)[0]) == record.norms()[0, 0]


def test_a_dataset_goes_to_netcdf_and_back(record, tmp_path):
    pytest.importorskip("netCDF4")
    import xarray

    record.to_xarray().to_netcdf(tmp_path / "run.nc")
    with xarray.open_dataset(tmp_path / "run.nc") as back:
        np.testing.assert_array_equal(back.norms_l2, record.norms())


def test_without_xarray_the_error_says_what_to_install(record, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(MissingExtra, match=f"needs xarray; install it with: pip install {re.escape(CURE)}$"):
        record.to_xarray()
