"""Norms beyond float64, in a record, on disk and back; the right values are mpmath's."""

import json
import warnings

import mpmath
import numpy as np
import pytest

import chainderiv as cd
from chainderiv.commands.common import written
from chainderiv.nn.training.engines import measurer
from chainderiv.records.record_files import GRADIENTS
from tests.helpers import assert_same
from tests.nn.test_log_gradients import by_hand, log_sign
from tests.nn.training.runs_kept import small_data

DEEP = [6] + [4] * 470 + [3]


@pytest.fixture(scope="module")
def data():
    return small_data().take(3)


def norms_by_hand(net, data):
    """The L2 norms of the hidden layers at the start, in mpmath."""
    with mpmath.workdps(60):
        images, targets = data.train.images, np.eye(3)[data.train.labels]
        means = [delta.sum(axis=0) / len(images) for delta in by_hand(net, images, targets)[:-1]]
        return [mpmath.sqrt(mpmath.fsum(v**2 for v in mean)) for mean in means]


@pytest.fixture(scope="module")
def record(data):
    return cd.train(cd.Network(DEEP, rng=0), data, 1, engine="numpy")


def test_a_record_holds_the_logarithm_of_norms_that_underflow(record, data):
    want = norms_by_hand(cd.Network(DEEP, rng=0), data)
    with mpmath.workdps(60):
        assert_same(record.log_norms()[0], log_sign(np.array(want, object)), 1e5)
        ratio = float(mpmath.log(want[-1] / want[0]))
    first = record.log_norms()[0]
    assert_same(first[-1] / first[0], cd.LogSign(1.0, ratio), 1e5)
    assert ratio > 1.01 * np.log(np.finfo(float).max)


def test_floats_of_such_a_record_say_that_they_underflow(record):
    for ask, cure in ((record.norms, "log_norms"), (record.ratio, "log_norms"), (record.layer_norms, "log_weight")):
        with pytest.warns(RuntimeWarning, match=rf"beyond float64.*{cure}"):
            ask()


def test_it_comes_back_from_disk_and_an_altered_logarithm_is_told(record, tmp_path):
    record.save(tmp_path)
    same = cd.TrainingRecord.load(tmp_path)
    np.testing.assert_array_equal(same.log_norms().log, record.log_norms().log)
    assert same.rows() == record.rows()
    assert "log_norms_l2" in json.loads((tmp_path / "epochs.jsonl").read_text().splitlines()[0])
    with np.load(tmp_path / GRADIENTS) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["log_1"] = arrays["log_1"] + 1
    np.savez(tmp_path / GRADIENTS, **arrays)
    with pytest.raises(cd.errors.DataError, match="different runs"):
        cd.TrainingRecord.load(tmp_path)


def test_a_resumed_run_has_the_same_logarithms(record, data, tmp_path):
    cd.train(cd.Network(DEEP, rng=0), data, 0, engine="numpy", folder=tmp_path)
    resumed = cd.train(cd.Network(DEEP, rng=0), data, 1, engine="numpy", folder=tmp_path, resume=True)
    assert resumed.rows() == record.rows()
    for layer, logs in record.log_bias_gradients.items():
        np.testing.assert_array_equal(resumed.log_bias_gradients[layer].log, logs.log)


def test_a_record_that_float64_holds_has_files_as_before(data, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shallow = cd.train(cd.Network([6, 4, 4, 3], rng=0), data, 1)
        shallow.save(tmp_path)
        shallow.norms(), shallow.ratio(), shallow.layer_norms()
    assert not shallow.log_bias_gradients
    with np.load(tmp_path / GRADIENTS) as file:
        assert file.files == ["layer_1", "layer_2", "layer_3"]
    assert not any("log" in name for name in shallow.rows()[0])


def test_both_engines_measure_the_same(data):
    net = cd.Network(DEEP, rng=0)
    one, two = (measurer(engine, net, data).row(net, 0, np.zeros(net.depth)) for engine in ("numpy", "numba"))
    assert one.log_bias_gradients.keys() == two.log_bias_gradients.keys() != set()
    for layer, logs in one.log_bias_gradients.items():
        assert_same(two.log_bias_gradients[layer], logs)


def test_a_gradient_that_overflows_before_training_is_told_as_such(data):
    net = cd.Network([6] + [4] * 300 + [3], "identity", "cross_entropy", init="he")
    net.weights = [np.round(4096 * W) for W in net.weights]
    net.biases = [0 * b for b in net.biases]
    net.weights[0] *= 0
    with pytest.raises(cd.errors.BadValue, match="gradient overflows float64 before training"):
        cd.train(net, data, 1)
    assert net.log_mean_bias_gradients(data.train.images, data.train.labels)[0].norm().log10 > 308


def test_numbers_beyond_float64_are_written_with_the_digits_asked_for():
    assert written(cd.LogSign(-1.0, -1000.0), 4) == "-5.076e-435"
    assert written(cd.LogSign(1.0, float(-400 * np.log(10)) - 1e-9), 3) == "1e-400"
    assert [written(cd.LogSign.from_float(v), 3) for v in (0.0, -0.25, np.inf, np.nan)] == ["0", "-0.25", "inf", "nan"]
