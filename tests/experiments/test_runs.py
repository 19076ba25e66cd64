"""Many training runs side by side: the same records whoever takes them, each once, kept and gone on with."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache, partial
from multiprocessing import get_context
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg  # noqa: F401 (brings a BLAS of its own, which would else come in the middle of a test)
from threadpoolctl import threadpool_info, threadpool_limits

from chainderiv import workers as executors
from chainderiv.errors import BadShape, BadValue, ChainderivError, UnknownName, WorkersLost
from chainderiv.experiments import runs
from chainderiv.experiments.runs import Source, Training, run_all
from chainderiv.functions.activation import Activation
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.maps.cluster import cluster
from chainderiv.nn.data import data as data_module
from chainderiv.nn.data.data import load_data
from chainderiv.nn.network import Network
from chainderiv.nn.training.training import train
from chainderiv.records.record import TrainingRecord
from tests.experiments.runs_of import DIGITS, DIVERGING, LONG, OWN, RUNS, SETTINGS, bits
from tests.maps.cluster import local_cluster

# Dask's event loop and its sockets are torn down at the end of the process, after pytest has counted
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def alone():
    """What one thread gives, a run after the other."""
    return bits(run_all(RUNS, DIGITS, workers=1))


def test_a_run_is_the_network_trained_with_the_settings_that_it_states():
    stated = Training((64, 9, 9, 10), 7, "tanh", "quadratic", "sigmoid", "glorot", settings=SETTINGS)
    [record] = run_all([stated], DIGITS)
    net = Network([64, 9, 9, 10], "tanh", "quadratic", "sigmoid", "glorot", 7)
    digits = load_data("digits")
    data = replace(digits, train=digits.train.first(300), validation=digits.validation.first(100))
    assert bits([record]) == bits([train(net, data, 4, 10, 0.5, 0.1, rng=7)])
    assert record.accuracy[-1] > 2 * record.accuracy[0]


def test_the_records_come_in_the_order_of_the_statements(alone):
    assert bits(run_all(RUNS[::-1], DIGITS, workers=2)) == alone[::-1]
    assert len({str(told) for told in alone}) == len(RUNS)
    for (settings, _), stated in zip(alone, RUNS, strict=True):
        assert (tuple(settings["sizes"]), settings["seed"]) == (stated.sizes, stated.seed)


@pytest.mark.parametrize("workers", [2, 4, None])
def test_the_number_of_threads_leaves_no_trace(workers, alone):
    assert bits(run_all(RUNS, DIGITS, workers=workers)) == alone


@pytest.mark.slow
def test_processes_give_the_same_bits_and_know_the_runs_by_the_same_names(alone):
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        assert bits(run_all(RUNS, DIGITS, executor=pool)) == alone
        assert list(pool.map(attrgetter("name"), RUNS)) == [t.name for t in RUNS]


def test_threads_of_ones_own_give_the_same_bits(alone):
    with ThreadPoolExecutor(3) as pool:
        assert bits(run_all(RUNS, DIGITS, executor=pool)) == alone


def test_another_seed_would_be_seen(alone):
    assert bits(run_all([replace(RUNS[0], seed=9)], DIGITS)) != alone[:1]


@pytest.mark.slow
def test_where_a_process_dies_the_runs_are_finished_here(alone):
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:

        def progress(done, _):
            if done == 1:
                os.kill(next(iter(pool._processes)), signal.SIGKILL)

        with pytest.warns(RuntimeWarning, match="the pool of workers broke"):
            found = run_all(RUNS, DIGITS, executor=pool, progress=progress)
    assert bits(found) == alone


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    with local_cluster(tmp_path_factory.mktemp("dask"), workers=2) as running:
        yield running


def kill_at_the_first(dask, replaced=True):
    """Progress that kills a worker when a run is done, and gives the cluster a new one."""

    def progress(done, _):
        if done == 1:
            dask.kill_worker()
            if replaced:
                dask.add_worker()

    return progress


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_bits_although_a_worker_is_killed(dask, alone):
    with cluster(scheduler_file=str(dask.file)) as (executor, workers):
        found = run_all(RUNS, DIGITS, executor=executor, workers=workers, progress=kill_at_the_first(dask))
    assert bits(found) == alone


@pytest.mark.slow
def test_without_second_attempts_the_same_kill_is_fatal(dask, monkeypatch):
    """The test above does take a run from a worker."""
    monkeypatch.setattr(executors, "ATTEMPTS", 1)
    endless = [replace(one, settings=one.settings | {"epochs": 10**6}) for one in LONG]
    with cluster(scheduler_file=str(dask.file)) as (executor, _):
        kill = partial(kill_one_at_work, dask, executor._client)
        with pytest.raises(WorkersLost):
            run_all([RUNS[0], *endless], DIGITS, executor=executor, workers=2, progress=lambda *_: kill())


def kill_one_at_work(dask, client):
    """Kill a worker that has a run: one that is only coming, or has none, would lose none."""
    while True:
        numbers = client.run(os.getpid, on_error="ignore")
        busy = {numbers.get(address) for address, runs in client.processing().items() if runs}
        for process in dask.workers:
            if process.pid in busy:
                return process.kill()
        time.sleep(0.05)


class Counting(Executor):
    """Does every call at once, and tells of what."""

    def __init__(self):
        self.calls = []

    def submit(self, fn, training, attempt):
        self.calls.append((training, attempt))
        future = Future()
        try:
            future.set_result(fn(training, attempt))
        except ChainderivError as e:
            future.set_exception(e)
        return future


def test_the_same_statement_twice_is_taken_once():
    pool, told = Counting(), []
    again = Training((64, 12, 10), 1, settings=dict(reversed(RUNS[1].settings.items())))
    records = run_all([RUNS[1], RUNS[0], again], DIGITS, executor=pool, progress=lambda *done: told.append(done))
    assert pool.calls == [(RUNS[1], 1), (RUNS[0], 1)]
    assert records[0] is records[2]
    assert told == [(1, 2), (2, 2)]


def test_progress_counts_every_run_once_whoever_is_first():
    told = []
    run_all(RUNS, DIGITS, workers=3, progress=lambda *done: told.append(done))
    assert told == [(k, len(RUNS)) for k in range(1, len(RUNS) + 1)]


def test_no_runs_give_no_records():
    assert run_all([], DIGITS) == []


def test_a_run_that_diverged_gives_what_was_measured_before_and_says_so(alone):
    settings, _ = alone[-1]
    assert "training diverged in epoch" in settings["diverged"]
    assert "smaller learning_rate" in settings["diverged"]
    [record] = run_all([DIVERGING], DIGITS)
    assert 1 <= len(record.accuracy) < 1 + SETTINGS["epochs"]
    assert np.isfinite(record.training_cost).all()
    first = DIVERGING.network().copy("float64").mean_bias_gradients(*images_of(DIGITS))
    for got, want in zip(record.bias_gradients[0], first, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-18)
    assert not any("diverged" in settings for settings, _ in alone[:-1])


def images_of(source):
    part = source.load().train
    return part.images, part.labels


def test_in_a_folder_a_run_that_diverged_diverges_the_same_when_it_is_asked_for_again(tmp_path, alone):
    for _ in range(2):
        assert bits(run_all([DIVERGING], DIGITS, tmp_path)) == alone[-1:]


@pytest.mark.parametrize(
    ("training", "error"),
    [
        (Training((64, 5, 10), settings={"epochs": -1}), BadValue),
        (Training((64, 5, 10), "one"), BadValue),
        (Training((60, 5, 10), settings=SETTINGS), BadShape),
        (Training((64, 5, 10), activation="sigmod"), UnknownName),
    ],
)
def test_what_network_and_train_refuse_is_raised_and_not_tried_again(training, error):
    pool = Counting()
    with pytest.raises(error):
        run_all([training], DIGITS, executor=pool)
    assert len(pool.calls) == 1
    with pytest.raises(error):
        run_all([training], DIGITS)


@pytest.mark.parametrize("workers", [0, -1, 1.5, True])
def test_workers_are_counted_in_whole_numbers(workers):
    with pytest.raises(BadValue, match="give a whole number from 1"):
        run_all(RUNS, DIGITS, workers=workers)


# ---- folders


def test_what_a_folder_holds_is_the_record_and_is_not_trained_again(tmp_path, alone, monkeypatch):
    assert bits(run_all(RUNS, DIGITS, tmp_path)) == alone
    assert {p.name for p in tmp_path.iterdir()} == {t.name for t in RUNS}
    for training, (settings, arrays) in zip(RUNS[:-1], alone, strict=False):
        assert bits([TrainingRecord.load(tmp_path / training.name)]) == [(settings, arrays)]

    def never(*_):
        raise AssertionError("it is trained again")

    monkeypatch.setattr("chainderiv.nn.training.training.Run._epoch", never)
    told = []
    assert bits(run_all(RUNS[:-1], DIGITS, tmp_path, progress=lambda *done: told.append(done))) == alone[:-1]
    assert len(told) == len(RUNS) - 1
    with pytest.raises(AssertionError, match="trained again"):  # what would be seen if it were
        run_all([replace(RUNS[0], seed=8)], DIGITS, tmp_path)


def test_a_folder_goes_on_to_more_epochs_as_one_longer_run_would(tmp_path):
    shorter, longer = (Training((64, 9, 10), settings=SETTINGS | {"epochs": n}) for n in (2, 5))
    assert shorter.name != longer.name
    [undisturbed] = run_all([longer], DIGITS)
    run_all([shorter], DIGITS, tmp_path)
    (tmp_path / shorter.name).rename(tmp_path / longer.name)
    assert bits(run_all([longer], DIGITS, tmp_path)) == bits([undisturbed])


def test_a_folder_of_other_data_is_refused(tmp_path):
    run_all(RUNS[:1], DIGITS, tmp_path)
    with pytest.raises(BadValue, match="holds a run with data"):
        run_all(RUNS[:1], replace(DIGITS, training_images=200), tmp_path)


def epochs_kept(folder):
    """How many epochs the runs in a folder were measured, as far as their files tell at this moment."""
    counts = []
    for path in folder.glob("*/epochs.jsonl"):
        counts.append(path.read_text().count("\n") - 1)
    return counts


@pytest.mark.slow
def test_runs_killed_in_the_middle_go_on_to_the_same_bits(tmp_path):
    undisturbed = bits(run_all(LONG, DIGITS))
    program = subprocess.Popen([sys.executable, "-m", "tests.experiments.runs_of", str(tmp_path)], cwd=ROOT)
    try:
        end = time.monotonic() + 300
        while not any(kept > 20 for kept in epochs_kept(tmp_path)):
            assert time.monotonic() < end, "nothing was kept within five minutes"
            assert program.poll() is None, "the program ended before it was killed"
            time.sleep(0.005)
    finally:
        program.kill()
        program.wait()
    left = epochs_kept(tmp_path)
    assert max(left) > 0
    assert sum(left) < 400 * len(LONG)
    assert bits(run_all(LONG, DIGITS, tmp_path)) == undisturbed


# ---- BLAS


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_within_a_run_blas_has_one_thread_and_afterwards_as_many_as_before(monkeypatch):
    seen, whole = [], runs.train

    def watched(net, *arguments, **settings):
        time.sleep(0.02 * (net.seed + 1))  # so that they overlap, and the first is out while others are in
        record = whole(net, *arguments, **settings)
        seen.append(blas_threads())
        return record

    monkeypatch.setattr(runs, "train", watched)
    with threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        if not before or min(before) < 2:
            pytest.skip("BLAS has one thread here, whatever it is told")
        run_all([Training((64, 9, 10), seed, settings=SETTINGS) for seed in range(6)], DIGITS, workers=3)
        assert blas_threads() == before
    assert len(seen) == 6
    assert {threads for each in seen for threads in each} == {1}


def test_a_run_that_fails_gives_blas_its_threads_back():
    with threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        with pytest.raises(BadValue):
            run_all([Training((64, 9, 10), settings={"epochs": -1})], DIGITS)
        assert blas_threads() == before


# ---- Source


def test_a_source_gives_the_first_images_of_training_and_of_validation():
    digits = load_data("digits")
    data = Source("digits", None, 30, 20).load()
    np.testing.assert_array_equal(data.train.images, digits.train.images[:30])
    np.testing.assert_array_equal(data.train.labels, digits.train.labels[:30])
    np.testing.assert_array_equal(data.validation.images, digits.validation.images[:20])
    np.testing.assert_array_equal(data.test.images, digits.test.images)
    whole = Source("digits").load()
    assert (len(whole.train), len(whole.validation)) == (1297, 250)
    assert len(Source("digits", training_images=10**6).load().train) == 1297
    assert Source("digits", training_images=30).load().sha256 != whole.sha256


def test_a_source_is_read_once_in_a_process(monkeypatch):
    read = []
    real = data_module.LOADERS["digits"]
    monkeypatch.setitem(data_module.LOADERS, "digits", lambda folder: read.append(folder) or real(folder))
    runs._whole.cache_clear()
    runs._loaded.cache_clear()
    for images in (None, 20, 30, 20):
        source = Source("digits", training_images=images)
        assert source.load() is source.load()
    assert len(read) == 1


def test_a_source_reads_a_folder_and_says_what_it_lacks(tmp_path):
    with pytest.raises(UnknownName, match="did you mean 'digits'"):
        Source("digit").load()
    with pytest.raises(OSError, match="train-images"):
        Source("mnist", str(tmp_path)).load()


def test_the_real_mnist_is_named_and_cut(mnist):
    data = Source("mnist", training_images=1000, validation_images=500).load()
    np.testing.assert_array_equal(data.train.images, mnist.train.images[:1000])
    np.testing.assert_array_equal(data.validation.labels, mnist.validation.labels[:500])


# ---- names

BASE = Training((64, 12, 10), 0, "tanh", settings=SETTINGS)


@lru_cache
def others():
    """Runs that differ from it in one thing."""
    return {
        "sizes": replace(BASE, sizes=(64, 12, 12, 10)),
        "sizes read together": replace(BASE, sizes=(641, 2, 10)),
        "many layers": replace(BASE, sizes=(64, *[12] * 100, 10)),
        "many layers and another": replace(BASE, sizes=(64, *[12] * 99, 11, 10)),
        "seed": replace(BASE, seed=1),
        "activation": replace(BASE, activation="sigmoid"),
        "cost": replace(BASE, cost="quadratic"),
        "output": replace(BASE, output="sigmoid"),
        "init": replace(BASE, init="he"),
        "residual": replace(BASE, residual=True),
        **{name: replace(BASE, settings=SETTINGS | {name: value}) for name, value in {
            "epochs": 5, "batch_size": 11, "learning_rate": 0.5000000001, "weight_decay": 0.2, "dtype": "float64",
            "momentum": 0.1, "schedule": "cosine", "clip": 1.0, "patience": 3, "measure_epochs": 2, "measure_steps": 5,
            "engine": "numpy",
        }.items()},
        "no settings": replace(BASE, settings={}),
        "own formula": replace(BASE, activation=Activation.from_formula("tanh", "z/(1+Abs(z))")),
        "own formula of the same name": replace(BASE, activation=Activation.from_formula("tanh", "z/(1+2*Abs(z))")),
        "a number's 17th digit": replace(BASE, activation=Activation.from_formula("tanh", "z/(1+2.0000000000000001*Abs(z))")),
        "without its stable forms": replace(BASE, activation=Activation("tanh", ACTIVATIONS["tanh"].formula)),
        "own output": replace(BASE, output=Activation.from_formula("own", "1/(1+exp(-2*z))")),
        "own output of the same name": replace(BASE, output=Activation.from_formula("own", "1/(1+exp(-3*z))")),
    }  # fmt: skip


NAMES = ["z/(1+exp(-1.5*z))", "../../etc", 'a\\b:c*?"<>|', "σ", "...", " ", "x" * 300, "CON/", "a\nb\0"]


def test_runs_that_differ_in_anything_have_other_names():
    names = {BASE.name, *(other.name for other in others().values())}
    assert len(names) == len(others()) + 1


@pytest.mark.parametrize("given", [name for name in NAMES if len(name.splitlines()) == 1 and name.strip()])
def test_a_name_is_a_legal_folder_s_on_every_system(given, tmp_path):
    name = Training((64, 12, 10), activation=replace(OWN, name=given)).name
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    assert len(name) < 200
    (tmp_path / name).mkdir()
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_runs_of_known_names_are_found_again():
    assert BASE.name == "tanh_64-12-10_seed0_46d3f6212c0b3b13"
    assert replace(BASE, output="sigmoid").name == "tanh_64-12-10_seed0_f99e68022c091ae6"


def test_a_name_says_the_neuron_the_widths_and_the_seed():
    assert replace(BASE, seed=17).name.startswith("tanh_64-12-10_seed17_")
    assert Training((64, 12, 10), activation=OWN).name.startswith("z_1_exp_1_5_z_64-12-10_seed0_")


def test_own_formulas_of_one_name_have_a_folder_each(tmp_path):
    stated = [others()["own formula"], others()["own formula of the same name"]]
    first = bits(run_all(stated, DIGITS))
    assert bits(run_all(stated, DIGITS, tmp_path)) == first
    assert first[0] != first[1]
    assert len(list(tmp_path.iterdir())) == 2
