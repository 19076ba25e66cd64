"""Whoever computes the tiles, the map is the same; who dies, loses nothing; and few tiles are held at once."""

import math
import os
import signal
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest

import chainderiv as cd
from chainderiv.errors import BadValue, CostDomain, WorkersLost
from chainderiv.maps import sweep as sweeping
from chainderiv.maps.disk import storing
from chainderiv.maps.keywords import plan_of
from chainderiv.workers import ATTEMPTS, as_done
from tests.kinds import slow
from tests.maps.disk.test_store import bits, files

CHAIN = cd.Chain(60, "tanh")
GRID = {"w": cd.Axis(-2, 2, 20), "b": cd.Axis(-2, 2, 50), "x": 0.3, "engine": "numpy"}
BOXES = [(slice(k, k + 1),) for k in range(20)]


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setattr(sweeping, "TILE_POINTS", 50)
    monkeypatch.setattr(storing, "STORED_TILE_POINTS", 50)


@pytest.mark.parametrize("workers", [slow(None), slow(1), 2, slow(5)])
def test_the_number_of_threads_leaves_no_trace(workers, tmp_path):
    cd.sweep(CHAIN, out=tmp_path / "one.zarr", workers=1, **GRID)
    cd.sweep(CHAIN, out=tmp_path / "a.zarr", workers=workers, **GRID)
    assert files(tmp_path / "a.zarr") == files(tmp_path / "one.zarr")
    assert bits(cd.sweep(CHAIN, workers=workers, **GRID)) == bits(cd.sweep(CHAIN, workers=1, **GRID))


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_threads_and_processes_read_what_one_thread_reads(engine):
    grid = GRID | {"engine": engine}
    alone = bits(cd.sweep(CHAIN, workers=1, **grid))
    assert bits(cd.sweep(CHAIN, workers=2, **grid)) == alone
    with ThreadPoolExecutor(2) as pool:
        assert bits(cd.sweep(CHAIN, executor=pool, **grid)) == alone


@pytest.mark.slow
def test_processes_write_the_same_map(tmp_path):
    cd.sweep(CHAIN, out=tmp_path / "one.zarr", workers=1, **GRID)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        cd.sweep(CHAIN, out=tmp_path / "two.zarr", executor=pool, **GRID)
    assert files(tmp_path / "one.zarr") == files(tmp_path / "two.zarr")


@pytest.mark.parametrize(("side", "least"), [(100, 1), (600, 21), (1000, 62), (3000, 64), (40_000, 1500)])
def test_a_map_on_disk_has_four_tiles_for_each_of_16_workers_where_it_has_the_points(side, least, monkeypatch):
    monkeypatch.undo()
    plan = storing.in_stored_tiles(plan_of(CHAIN, w=cd.Axis(-2, 2, side), b=cd.Axis(-2, 2, side)))
    assert len(plan.tiles) >= least
    # a map that is smaller than the smallest tile is one
    assert min(2**14 * 0.9, side * side) <= math.prod(plan.tile_shape) <= 2**20
    assert (len(plan.tiles) == 1) == (side * side < 2**14)


def test_all_tiles_of_a_stored_map_but_the_first_are_given_to_the_executor(tmp_path, monkeypatch):
    monkeypatch.undo()
    pool = Flaky(0, None)
    swept = cd.sweep(cd.Chain(2), out=tmp_path / "a.zarr", executor=pool, w=cd.Axis(-2, 2, 400), b=cd.Axis(-2, 2, 500))
    assert len(pool.calls) == len(swept.plan.tiles) - 1 == 12


@pytest.mark.slow
def test_where_a_process_dies_the_map_is_finished_here():
    told = []
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:

        def progress(done, _):
            told.append(done)
            if done == 3:
                os.kill(next(iter(pool._processes)), signal.SIGKILL)

        with pytest.warns(RuntimeWarning, match="the pool of workers broke"):
            swept = cd.sweep(CHAIN, executor=pool, progress=progress, **GRID)
    assert told == list(range(1, 21))
    assert bits(swept) == bits(cd.sweep(CHAIN, workers=1, **GRID))


class Flaky(Executor):
    """Every call fails as often as is said, in the way that is said, then is done at once."""

    def __init__(self, fails, error):
        self.fails, self.error, self.calls, self.flying, self.most = fails, error, [], 0, 0

    def submit(self, fn, box, attempt):
        self.calls.append((box, attempt))
        future = Future()
        if attempt > self.fails:
            future.set_result(fn(box, attempt))
        elif self.error is None:
            future.cancel()
            future.set_running_or_notify_cancel()
        else:
            future.set_exception(self.error)
        return future


@pytest.mark.parametrize("error", [None, OSError("the line is cut")])
def test_a_tile_that_is_lost_is_given_out_again(error):
    pool = Flaky(ATTEMPTS - 1, error)
    done = list(as_done(pool, lambda box, attempt: (box, attempt), BOXES, 4))
    assert sorted(done, key=lambda one: one[0][0].start) == [(box, (box, ATTEMPTS)) for box in BOXES]
    assert len(pool.calls) == ATTEMPTS * len(BOXES)


def test_a_tile_that_is_lost_too_often_is_given_up():
    with pytest.raises(WorkersLost, match="3 times"):
        list(as_done(Flaky(ATTEMPTS, None), lambda *a: a, BOXES, 4))
    with pytest.raises(OSError, match="the line is cut"):
        list(as_done(Flaky(ATTEMPTS, OSError("the line is cut")), lambda *a: a, BOXES, 4))


def test_what_a_user_can_mend_is_not_tried_again():
    pool = Flaky(ATTEMPTS, CostDomain("no"))
    with pytest.raises(CostDomain):
        list(as_done(pool, lambda *a: a, BOXES[:1], 4))
    assert len(pool.calls) == 1


def test_no_more_tiles_are_held_than_the_window():
    given = 0

    def boxes():
        nonlocal given
        for box in BOXES:
            given += 1
            yield box

    with ThreadPoolExecutor(2) as pool:
        for taken, _ in enumerate(as_done(pool, lambda *a: a, boxes(), 4)):
            assert given <= taken + 4


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "two"])
def test_workers_are_counted_in_whole_numbers(workers):
    with pytest.raises(BadValue, match="give a whole number from 1"):
        cd.sweep(CHAIN, workers=workers, **GRID)
