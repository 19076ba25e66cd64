"""A map as a table: one row per point, read back to the last bit."""

import csv
import sys

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue, MissingExtra, OutputError
from chainderiv.maps import table
from chainderiv.maps.regime import Regime

GRID = {"w": cd.Axis(-3, 3, 13), "b": cd.Axis(-1, 1, 5), "x": 0.3}


@pytest.fixture(scope="module", params=["plain", "depth", "one axis", "depth 1"])
def swept(request):
    if request.param == "depth":
        return cd.sweep(cd.Chain(), depth=cd.Axis(1, 4, 4), **GRID)
    if request.param == "one axis":
        return cd.sweep(cd.Chain(4), **GRID | {"b": 0.5})
    return cd.sweep(cd.Chain(1 if request.param == "depth 1" else 5, "tanh"), **GRID)


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def assert_holds(rows, swept):
    """Each row is a point, in the order of the arrays, and each number the array's, to the last bit."""
    assert len(rows) == swept.log_abs.size
    for row, place in zip(rows, np.ndindex(swept.log_abs.shape), strict=True):
        for (name, axis), k in zip(swept.axes.items(), place, strict=True):
            assert float(row[name]) == axis.values[k]
        for name in ("sign", "log_abs", "log10_abs", *(["rate"] if "rate" in row else [])):
            number = getattr(swept, name)[place]
            assert np.isnan(number) if row[name] == "" else float(row[name]) == number
        assert [row["below_quarter"], row["uncertain"]] == [
            str(bool(getattr(swept, name)[place])).lower() for name in ("below_quarter", "uncertain")
        ]
        if "regime" in row:
            assert row["regime"] == Regime(int(swept.regime[place])).name.lower()


def test_a_table_holds_every_point_of_the_map(swept, tmp_path, monkeypatch):
    monkeypatch.setattr(table, "BLOCK_ROWS", 7)
    swept.to_csv(tmp_path / "new" / "map.csv")
    rows = read(tmp_path / "new" / "map.csv")
    assert_holds(rows, swept)
    assert ("rate" in rows[0]) == (swept.derivation.chain.depth > 1)


def test_a_table_with_another_last_digit_or_two_rows_exchanged_would_be_told(tmp_path):
    s = cd.sweep(cd.Chain(4), **GRID)
    s.to_csv(tmp_path / "map.csv")
    rows = read(tmp_path / "map.csv")
    rows[3]["log_abs"] = repr(float(np.nextafter(float(rows[3]["log_abs"]), 9)))
    with pytest.raises(AssertionError):
        assert_holds(rows, s)
    rows = read(tmp_path / "map.csv")
    rows[1], rows[2] = rows[2], rows[1]
    with pytest.raises(AssertionError):
        assert_holds(rows, s)


def test_a_frame_has_a_row_per_point_and_a_number_word_or_truth_in_each_cell(swept):
    pandas = pytest.importorskip("pandas")
    frame = swept.to_pandas()
    assert len(frame) == swept.log_abs.size
    kinds = (int, float, str, bool, np.number, np.bool_)
    assert all(isinstance(cell, kinds) for column in frame for cell in frame[column])
    np.testing.assert_array_equal(frame.log10_abs, swept.log10_abs.ravel())
    assert isinstance(frame, pandas.DataFrame)


def test_without_pandas_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match="needs pandas; install it with"):
        cd.sweep(cd.Chain(2), **GRID).to_pandas()


def test_a_map_too_long_for_a_table_and_a_place_that_cannot_be_written_are_refused(tmp_path, monkeypatch):
    s = cd.sweep(cd.Chain(2), **GRID)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError):
        s.to_csv(tmp_path / "file" / "map.csv")
    monkeypatch.setattr(table, "MOST_ROWS", 10)
    with pytest.raises(BadValue, match="65 points is too long; give 10 at most"):
        s.to_csv(tmp_path / "map.csv")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_dataset_has_decimal_logarithms_beside_the_natural_ones():
    pytest.importorskip("xarray")
    s = cd.sweep(cd.Chain(4), **GRID)
    data = s.to_xarray()
    np.testing.assert_array_equal(data.log10_abs, s.log10_abs)
    assert "decimal logarithm" in data.log10_abs.attrs["long_name"]
