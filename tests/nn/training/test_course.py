"""When a run is measured, by which rates it descends, when it stops and what is left where it fails."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, strategies as st

from chainderiv.errors import BadValue, Diverged, UnknownName
from chainderiv.nn.network import Network
from chainderiv.nn.training.course import checked_course
from chainderiv.nn.training.descent import Descent
from chainderiv.nn.training.engines import started
from chainderiv.nn.training.schedules import SCHEDULES
from chainderiv.nn.training.training import train
from chainderiv.records.record import TrainingRecord
from tests.kinds import slow
from tests.nn.training.runs_kept import PLAIN, SETTINGS, SIZES, fingerprint, run, small_data

ENGINES = ["numpy", "numba"]
STEPS = 9  # an epoch's, of 60 images in sevens


def asked_for(epochs, steps, measure_epochs, measure_steps):
    """The mini-batches behind which it is measured, as the docstring of train() says it."""
    every = range(1, epochs * steps + 1)
    at_ends = {step for step in every if step % (measure_epochs * steps) == 0}
    between = {step for step in every if measure_steps and step % measure_steps == 0}
    return sorted({0, epochs * steps} | at_ends | between)


@given(
    epochs=st.integers(0, 8), steps=st.integers(1, 12), measure_epochs=st.integers(1, 9),
    measure_steps=st.none() | st.integers(1, 40),
)  # fmt: skip
def test_a_course_stops_behind_exactly_the_mini_batches_that_were_asked_for(
    epochs, steps, measure_epochs, measure_steps
):
    course = checked_course(epochs, Descent(1, 0.1, 0), "constant", None, measure_epochs, measure_steps)
    stops = [(e - 1) * steps + stop for e in range(1, epochs + 1) for stop in course.stops(e, steps)]
    want = asked_for(epochs, steps, measure_epochs, measure_steps)
    assert [0, *stops] == want
    assert [step for step in range(epochs * steps + 1) if course.measures(step, steps)] == want


@pytest.mark.parametrize("measure_epochs", [1, 2, 7])
@pytest.mark.parametrize("measure_steps", [None, 1, 4, 9, 10, 35, 100])
def test_the_rows_stand_where_they_were_asked_for(measure_steps, measure_epochs):
    _, record = run(4, measure_steps=measure_steps, measure_epochs=measure_epochs)
    want = asked_for(4, STEPS, measure_epochs, measure_steps)
    assert record.steps.tolist() == want
    assert record.epoch.tolist() == [step / STEPS for step in want]
    assert record.epochs == 4


@pytest.mark.parametrize("settings", [SETTINGS, PLAIN], ids=["full", "plain"])
@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_measured_never_changes_what_is_trained(engine, settings):
    weights, by_step = set(), {}
    for measures in ((None, 1), (None, 100), (1, 1), (4, 3), (9, 1), (100, 2)):
        changes = settings | {"engine": engine, "measure_steps": measures[0], "measure_epochs": measures[1]}
        net, record = run(3, **changes)
        weights.add(b"".join(p.tobytes() for p in (*net.weights, *net.biases)))
        for row in record.rows():
            assert by_step.setdefault(row["step"], row) == row
    assert len(weights) == 1
    assert len(by_step) == 3 * STEPS + 1


@pytest.mark.parametrize(
    ("name", "epochs", "factors"),
    [
        ("constant", 3, [1, 1, 1]),
        ("linear", 4, [1, 3 / 4, 1 / 2, 1 / 4]),
        ("cosine", 4, [1, (1 + 2**-0.5) / 2, 1 / 2, (1 - 2**-0.5) / 2]),
        ("halving", 7, [2.0**-k for k in range(7)]),
        ("halving", 14, [2.0 ** -(k // 2) for k in range(14)]),
        ("halving", 3, [1, 2.0**-2, 2.0**-4]),
    ],
)
def test_a_schedule_s_factors_are_those_of_its_formula(name, epochs, factors):
    course = checked_course(epochs, Descent(1, 0.1, 0), name, None, 1, None)
    np.testing.assert_allclose([course.factor(e) for e in range(1, epochs + 1)], factors, rtol=1e-14, atol=0)


def by_hand(engine, rates, batch=7, seed=11):
    """The network after a descent with a rate for each epoch."""
    data = small_data()
    net, rng, state = Network(SIZES, rng=2).copy("float32"), np.random.default_rng(seed), None
    for rate in rates:
        descending = started(engine, net, data, Descent(batch, rate, 0.6, 0.5, 0.3))
        if state is not None:
            descending.restore(state)
        descending.advance(rng.permutation(60), 0, STEPS, 1.0)
        state = {name: array.copy() for name, array in descending.state().items()}
    return descending.network().copy("float64")


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_schedule_trains_as_rates_set_by_hand_do(engine, name):
    net, _ = run(5, engine=engine, schedule=name)
    rates = [0.5 * SCHEDULES[name](epoch / 5) for epoch in range(5)]
    wanted = by_hand(engine, rates)
    for one, two in zip((*net.weights, *net.biases), (*wanted.weights, *wanted.biases), strict=True):
        np.testing.assert_array_equal(one, two)
    off = by_hand(engine, [*rates[:4], rates[4] * 1.001])
    assert any((W != V).any() for W, V in zip(net.weights, off.weights, strict=True))


def stale_at(accuracy, patience):
    """The row at which so many have not risen above the best before them, the last one if there is none."""
    for row in range(len(accuracy)):
        if row - int(np.argmax(accuracy[: row + 1])) >= patience:
            return row
    return len(accuracy) - 1


@pytest.mark.parametrize("patience", [1, 2, 3, 5, 40])
def test_patience_stops_at_the_row_where_it_ends(patience):
    changes = {"measure_steps": None, "measure_epochs": 1}
    _, whole = run(40, **changes)
    _, record = run(40, patience=patience, **changes)
    end = stale_at(whole.accuracy, patience)
    assert record.rows() == whole.rows()[: end + 1]
    assert (end < 40) == (patience < 40)


def test_patience_counts_measurements_and_stops_at_the_end_of_an_epoch():
    changes = {"measure_steps": 1, "measure_epochs": 1, "learning_rate": 1e-9}  # the accuracy never rises
    assert [run(6, patience=p, **changes)[1].epochs for p in (1, 9, 10, 27, 28)] == [1, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("engine", "dtype"), [("numpy", "float32"), ("numpy", "float64"), ("numba", "float32"), slow(("numba", "float64"))]
)
def test_a_run_that_diverges_leaves_all_that_it_measured_in_its_folder(tmp_path, engine, dtype):
    net, data = Network(SIZES, "identity", "quadratic", rng=2), small_data()
    with pytest.raises(Diverged, match=r"epoch \d+: layer [123] is no longer finite .*smaller learning_rate") as caught:
        train(
            net, data, 50, 7, 2.0, 0.0, dtype=dtype, engine=engine, measure_steps=1, folder=tmp_path, rng=1,
        )  # fmt: skip
    assert "\n" not in str(caught.value)
    kept, record = TrainingRecord.load(tmp_path), caught.value.record
    assert kept.rows() == record.rows()
    assert len(kept.cost) > 3
    assert np.isfinite(kept.cost).all()
    assert f"epoch {record.epochs + 1}:" in str(caught.value)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_decay_that_blows_the_weights_up_is_named(tmp_path, engine):
    with pytest.raises(Diverged, match="smaller weight_decay or learning_rate"):
        run(60, engine=engine, weight_decay=5e4, momentum=0.0, clip=None, folder=tmp_path)
    assert TrainingRecord.load(tmp_path).steps[0] == 0


def test_runs_side_by_side_in_threads_have_the_bits_that_each_has_alone():
    def one(seed):
        return fingerprint(*run(6, rng=seed, engine="numba", **({} if seed % 2 else {"momentum": 0.0, "clip": None})))

    alone = [one(seed) for seed in range(4)]
    assert len(set(alone)) == 4
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert list(pool.map(one, range(4))) == alone


BAD = {
    "momentum 1": ({"momentum": 1}, BadValue, "momentum is 1; give a number from 0 to below 1"),
    "momentum -1": ({"momentum": -1}, BadValue, ">= 0"),
    "clip 0": ({"clip": 0}, BadValue, "> 0"),
    "patience 0": ({"patience": 0}, BadValue, "patience is 0"),
    "measure_steps 0": ({"measure_steps": 0}, BadValue, "measure_steps is 0"),
    "measure_epochs 1.5": ({"measure_epochs": 1.5}, BadValue, "measure_epochs is 1.5"),
    "schedule": ({"schedule": "cosin"}, UnknownName, "did you mean 'cosine'"),
    "engine": ({"engine": "numb"}, UnknownName, "did you mean 'numba'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_settings_get_one_line_and_leave_no_folder(tmp_path, case):
    settings, kind, words = BAD[case]
    with pytest.raises(kind) as caught:
        run(1, folder=tmp_path / "run", **settings)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("run/*"))
