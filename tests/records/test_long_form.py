"""A record in long form: one row per measurement and layer, and no list in any cell."""

import mpmath
import numpy as np
import pytest

from chainderiv.logsign import LogSign
from chainderiv.records.record import TrainingRecord
from tests.nn.training.runs_kept import run

pandas = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def record():
    return run(2, measure_steps=4)[1]


def assert_is_the_record(frame, record):
    """Each row is its measurement's and its layer's, by formulas of its own."""
    depth = len(record.bias_gradients[0])
    assert len(frame) == depth * len(record.cost)
    for number, row in enumerate(frame.itertuples()):
        k, layer = divmod(number, depth)
        assert (row.epoch, row.step, row.layer) == (record.epoch[k], record.steps[k], layer + 1)
        assert (row.cost, row.accuracy) == (record.cost[k], record.accuracy[k])
        gradient = [mpmath.mpf(float(g)) for g in record.bias_gradients[k][layer]]
        assert row.norm_l2 == pytest.approx(float(mpmath.sqrt(sum(g**2 for g in gradient))), rel=1e-13)
        assert row.log_norm_l1 == pytest.approx(float(mpmath.log(sum(abs(g) for g in gradient))), rel=1e-13)
        for name in ("weight_norm_l2", "saturated", "update_ratio"):
            np.testing.assert_array_equal(getattr(row, name), record.layers[name][k, layer])


def test_each_row_is_one_layer_at_one_measurement(record):
    assert_is_the_record(record.to_pandas(), record)


def test_layers_exchanged_would_be_told(record):
    frame = record.to_pandas()
    frame.loc[[0, 1], "norm_l2"] = frame.loc[[1, 0], "norm_l2"].to_numpy()
    with pytest.raises(AssertionError):
        assert_is_the_record(frame, record)


def test_no_cell_holds_a_list(record):
    frame = record.to_pandas()
    assert all(np.isscalar(cell) for column in frame for cell in frame[column])
    assert set(frame.groupby("layer").norm_l2.count()) == {len(record.cost)}


def test_the_logarithms_hold_what_leaves_float64():
    small = LogSign(np.ones((1, 3)), np.full((1, 3), -2000.0))
    record = TrainingRecord({}, ((np.zeros(3), np.ones(2)),), *np.ones((3, 1)), log_bias_gradients={1: small})
    first = record.to_pandas().iloc[0]
    assert first.norm_l2 == 0
    assert first.log_norm_l2 == pytest.approx(-2000 + np.log(3) / 2, rel=1e-13)
