"""A map on disk: the same map, whatever happens to the process that writes it or to the disk it is on."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import sympy
from sympy import exp

import chainderiv as cd
from chainderiv.errors import BadValue, DataError, OutputError
from chainderiv.functions.activation import Activation
from chainderiv.maps.disk import storing
from chainderiv.maps.disk.manifest import describe, plan_from
from chainderiv.maps.disk.store import Store
from chainderiv.maps.disk.storing import Estimate
from chainderiv.maps.keywords import plan_of
from chainderiv.maps.plan import Plan, boxes, extent, fit_tile
from chainderiv.maps.sweep import Sweep
from chainderiv.numeric.reading import DTYPES
from chainderiv.symbols import z

CHAIN = cd.Chain(5, "tanh")
GRID = {"w": cd.Axis(-3, 3, 23), "b": cd.Axis(-2, 2, 17), "x": 0.3}
TILES = 12


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setattr(storing, "STORED_TILE_POINTS", 40)


@pytest.fixture
def read_tiles(monkeypatch):
    """The boxes that are evaluated, but for the single point that warms up."""
    seen, read = [], Plan.read

    def counted(plan, box):
        if set(extent(box)) != {1}:
            seen.append(plan.number(box))
        return read(plan, box)

    monkeypatch.setattr(Plan, "read", counted)
    return seen


def files(folder):
    """Every file of a map with its bytes."""
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(Path(folder).rglob("*")) if f.is_file()}


def bits(s):
    return {name: s.readings.array(name).tobytes() for name in DTYPES}


def test_a_map_on_disk_is_the_map_in_memory(tmp_path):
    stored, memory = cd.sweep(CHAIN, out=tmp_path / "a.zarr", **GRID), cd.sweep(CHAIN, **GRID)
    again = Sweep.open(tmp_path / "a.zarr")
    assert len(stored.plan.tiles) == TILES
    for one in (stored, again):
        assert bits(one) == bits(memory)
        assert one.sign.tobytes() == memory.sign.tobytes()
        assert one.rate.tobytes() == memory.rate.tobytes()
        assert (list(one.axes.items()), one.fixed, one.wrt) == (list(memory.axes.items()), memory.fixed, "b1")
        assert one.derivation == memory.derivation


def test_a_map_of_other_dimensions_is_kept_as_well(tmp_path):
    for k, grid in enumerate([
        {"w": 0.5, "b": cd.Axis(-1, 1, 101)},
        {"w": cd.Axis(-1, 1, 5), "w2": cd.Axis(0.1, 10, 7, "log"), "b": 0.1, "y": cd.Axis(0, 1, 6)},
    ]):  # fmt: skip
        path = tmp_path / f"{k}.zarr"
        assert bits(cd.sweep(CHAIN, out=path, wrt=("b1", "w2"), **grid)) == bits(
            cd.sweep(CHAIN, wrt=("b1", "w2"), **grid)
        )
        assert Sweep.open(path).derivation.named == "b1,w2"


def test_a_tile_whose_gradients_are_all_0_is_written_as_any_other(tmp_path):
    dead = {"w": cd.Axis(-2, -1, 40), "b": cd.Axis(-2, -1, 40)}
    stored = cd.sweep(cd.Chain(4, "relu"), out=tmp_path / "a.zarr", **dead)
    assert not stored.sign.any()
    assert cd.sweep(cd.Chain(4, "relu"), out=tmp_path / "a.zarr", **dead).readings.store.computed == 0


def test_tiles_cover_the_map_once():
    for shape in [(23, 17), (7,), (3, 1, 5), (2, 50)]:
        met = np.zeros(shape, int)
        for k, box in enumerate(tiles := boxes(tuple(slice(0, n) for n in shape), fit_tile(shape, 11))):
            met[box] += 1
            assert tiles[k] == box
        assert (met == 1).all()


def test_a_huge_plan_is_small():
    plan = storing.in_stored_tiles(plan_of(CHAIN, w=cd.Axis(0, 1, 10**6), b=cd.Axis(0, 1, 10**5)))
    assert plan.points == 10**11
    assert plan.number(plan.tiles[-1]) == len(plan.tiles) - 1 > 90_000


RUN = """
import sys
import chainderiv as cd
from chainderiv.maps.disk import storing
storing.STORED_TILE_POINTS = 600
cd.sweep(cd.Chain(150, "tanh"), w=cd.Axis(-2, 2, 120), b=cd.Axis(-2, 2, 120), x=0.3, engine="numpy",
         workers=int(sys.argv[2]), out=sys.argv[1])
"""


def start(path, workers=2):
    return subprocess.Popen([sys.executable, "-c", RUN, str(path), str(workers)], stderr=subprocess.PIPE)


def lines(path):
    journal = path / "tiles.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


@pytest.mark.slow
def test_a_sweep_killed_at_any_moment_goes_on_and_is_the_same_to_the_byte(tmp_path):
    undisturbed, path, rng = tmp_path / "whole.zarr", tmp_path / "killed.zarr", random.Random()
    first = start(undisturbed, workers=1)
    assert (first.communicate()[1], first.returncode) == (b"", 0)
    kept = [0]
    for _ in range(3):
        process, began = start(path), time.monotonic()
        # one more tile is there, so each turn gets further; the moment after it is any
        while lines(path) <= kept[-1] and process.poll() is None and time.monotonic() - began < 20:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kept.append(lines(path))
    assert kept[-1] > kept[1] > 0
    last = start(path)
    _, errors = last.communicate()
    assert last.returncode == 0, errors
    assert files(path) == files(undisturbed)
    assert [f.name for f in tmp_path.iterdir() if f.name.startswith(".")] == []


def damage(how, path):
    chunk = path / "log_abs" / "c" / "1" / "0"
    content = bytearray(chunk.read_bytes())
    if how == "flipped":
        content[len(content) // 2] ^= 1
        chunk.write_bytes(content)
    elif how == "cut short":
        chunk.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        chunk.write_bytes(b"")
    elif how == "gone":
        chunk.unlink()
    elif how == "another's":  # whole in itself, so that only the manifest can tell
        shutil.copy(path / "log_abs" / "c" / "0" / "0", chunk)


@pytest.mark.parametrize("how", ["flipped", "cut short", "empty", "gone", "another's"])
def test_a_damaged_tile_is_found_and_alone_computed_again(tmp_path, read_tiles, how):
    path = tmp_path / "a.zarr"
    plan = cd.sweep(CHAIN, out=path, **GRID).plan
    whole, number = files(path), plan.number((slice(2, 4), slice(0, 17)))
    damage(how, path)
    assert files(path) != whole
    read_tiles.clear()
    cd.sweep(CHAIN, out=path, **GRID)
    assert read_tiles == [number]
    assert files(path) == whole


def test_the_journal_is_on_the_disk_before_it_takes_the_place_of_the_former_one(tmp_path, monkeypatch):
    """Written, flushed, synced, renamed: otherwise a power cut can leave the name with nothing behind it."""
    store = cd.sweep(CHAIN, out=tmp_path / "a.zarr", **GRID).readings.store
    sums, seen, sync, rename = store.sums(), [], os.fsync, Path.replace

    def synced(descriptor):
        held = os.fstat(descriptor)
        seen.append(("synced", held.st_ino, held.st_size))
        sync(descriptor)

    def renamed(file, target):
        held = file.stat()
        seen.append(("renamed", held.st_ino, held.st_size, Path(target).name))
        return rename(file, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    store.write_sums(sums)
    held = (tmp_path / "a.zarr" / "tiles.jsonl").stat()
    assert len(sums) == TILES
    assert held.st_size > 0
    assert seen == [
        ("synced", held.st_ino, held.st_size), ("renamed", held.st_ino, held.st_size, "tiles.jsonl"),
    ]  # fmt: skip


def test_an_undamaged_map_is_not_computed_again(tmp_path, read_tiles):
    cd.sweep(CHAIN, out=tmp_path / "a.zarr", **GRID)
    assert sorted(read_tiles) == list(range(TILES))
    read_tiles.clear()
    cd.sweep(CHAIN, out=tmp_path / "a.zarr", **GRID)
    assert read_tiles == []


@pytest.mark.parametrize("how", ["flipped", "cut short", "empty"])
def test_damage_is_not_read_as_numbers(tmp_path, how):
    path = tmp_path / "a.zarr"
    cd.sweep(CHAIN, out=path, **GRID)
    damage(how, path)
    with pytest.raises(DataError, match=r"a\.zarr.log_abs' is damaged: .*same sweep with the same out mends it$"):
        _ = Sweep.open(path).log_abs


def test_what_a_kill_leaves_half_written_is_cleared_away(tmp_path, read_tiles):
    path = tmp_path / "a.zarr"
    cd.sweep(CHAIN, out=path, **GRID)
    whole = files(path)
    journal = whole["tiles.jsonl"].splitlines(keepends=True)
    # the last line is cut, the others stand out of order; files of a write that never ended
    (path / "tiles.jsonl").write_bytes(b"".join(journal[-2::-1]) + journal[-1][:-9])
    (path / "sign" / "c" / "1" / "0.abc.partial").write_bytes(b"half")
    (path / "zarr.abc.partial").write_bytes(b"half")
    (path / ".12345678.tiles.jsonl").write_bytes(b"half")
    read_tiles.clear()
    cd.sweep(CHAIN, out=path, **GRID)
    assert read_tiles == [TILES - 1]
    assert files(path) == whole


MADE = """
import sys, time
import chainderiv as cd
from chainderiv.maps.disk import store, storing
storing.STORED_TILE_POINTS = 40
write_frame = store.write_frame
def stop_behind(*given):
    write_frame(*given)
    print("made", flush=True)
    sys.stdin.read()
store.write_frame = stop_behind
cd.sweep(cd.Chain(5, "tanh"), w=cd.Axis(-3, 3, 23), b=cd.Axis(-2, 2, 17), x=0.3, out=sys.argv[1])
"""


def making(path):
    """A process that is about to put a new map in its place."""
    one = subprocess.Popen([sys.executable, "-c", MADE, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert one.stdout.readline() == b"made\n"
    return one


def test_what_a_kill_leaves_beside_the_map_is_cleared_away_and_a_living_process_s_is_not(tmp_path):
    path = tmp_path / "a[1].zarr"
    killed = making(path)
    killed.kill()
    killed.communicate()
    (left,) = tmp_path.iterdir()
    living = making(path)
    (its,) = set(tmp_path.iterdir()) - {left}
    strangers = [tmp_path / f".{name}" for name in ("a[1].zarr.mybackup", "a1.zarr.0123abcd", "b.zarr.0123abcd")]
    for stranger in strangers:
        stranger.mkdir()
    cd.sweep(CHAIN, out=path, **GRID)
    assert set(tmp_path.iterdir()) == {path, its, *strangers}
    whole = files(path)
    living.communicate(b"")
    assert living.returncode == 0
    assert set(tmp_path.iterdir()) == {path, *strangers}
    assert files(path) == whole


@pytest.mark.parametrize(("other", "said"), [
    ({"w": cd.Axis(-3, 3.5, 23)}, "w.stop is 3.0 there and 3.5 here"),
    ({"x": 0.4}, "fixed.x is 0.3 there and 0.4 here"),
    ({"chain": cd.Chain(6, "tanh")}, "depth is 5 there and 6 here"),
    ({"chain": cd.Chain(5, "gelu")}, "activations is tanh there and gelu here"),
    ({"chain": cd.Chain(5, Activation("tanh", z**3))}, "tanh.formula is tanh(z) there and z**3 here"),
    ({"chain": cd.Chain(5, "tanh", residual=True)}, "residual is False there and True here"),
    ({"wrt": "w2"}, "wrt is b1 there and w2 here"),
    ({"engine": "mpmath"}, "engine is numpy there and mpmath here"),
])  # fmt: skip
def test_another_map_is_refused_and_told_from_this_one(tmp_path, other, said):
    path = tmp_path / "a.zarr"
    cd.sweep(CHAIN, out=path, **GRID)
    whole = files(path)
    with pytest.raises(OutputError) as e:
        cd.sweep(**({"chain": CHAIN, "out": path} | GRID | other))
    assert said in str(e.value)
    assert "\n" not in str(e.value)
    assert files(path) == whole


class Stop(KeyboardInterrupt):
    pass


def stop_at(tile):
    def progress(done, _):
        if done == tile:
            raise Stop

    return progress


SWISH = [Activation("swish", z / (1 + exp(-sympy.Float(rate) * z))) for rate in (1.702, 1.7020000000000002)]


def test_a_map_of_another_17th_digit_is_another(tmp_path):
    assert str(SWISH[0].formula) == str(SWISH[1].formula)
    cd.sweep(cd.Chain(3, SWISH[0]), out=tmp_path / "a.zarr", **GRID)
    with pytest.raises(OutputError, match="swish.exact.formula is .* there and .* here"):
        cd.sweep(cd.Chain(3, SWISH[1]), out=tmp_path / "a.zarr", **GRID)


@pytest.mark.parametrize(
    "activation",
    ["gelu", Activation("swish", z / (1 + 3**-z)), Activation.from_formula("mine", "where(z > 0, z, z/10)")],
)
def test_a_map_of_before_is_opened_and_gone_on_with(tmp_path, read_tiles, activation):
    path, chain = tmp_path / "a.zarr", cd.Chain(3, activation)
    with pytest.raises(Stop):
        cd.sweep(chain, out=path, workers=1, progress=stop_at(4), **GRID)
    description = json.loads((path / "manifest.json").read_text())
    for one in description["activations"]:
        one.pop("exact", None)
    (path / "manifest.json").write_text(json.dumps(description))
    read_tiles.clear()
    whole = cd.sweep(chain, out=path, **GRID)
    assert sorted(read_tiles) == list(range(4, TILES))
    opened = Sweep.open(path)
    assert bits(opened) == bits(whole)
    assert str(opened.derivation.chain.activations) == str(chain.activations)


def test_a_map_that_could_not_be_opened_is_refused_and_leaves_nothing(tmp_path):
    own = Activation("own", z + sympy.loggamma(z**2 + 1))
    assert bits(cd.sweep(cd.Chain(3, own), engine="mpmath", w=cd.Axis(0, 1, 2), b=0.1))
    with pytest.raises(BadValue, match="activation 'own' .* cannot be kept on disk") as e:
        cd.sweep(cd.Chain(3, own), engine="mpmath", w=cd.Axis(0, 1, 2), b=0.1, out=tmp_path / "a.zarr")
    assert "\n" not in str(e.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", ["[" * 100_000, "3", '{"format": 1, "activations": [3]}', '{"format": 1, "activations": [{}]}']
)
def test_a_damaged_manifest_is_one_line(tmp_path, content):
    path = tmp_path / "a.zarr"
    cd.sweep(CHAIN, out=path, **GRID)
    (path / "manifest.json").write_text(content)
    with pytest.raises((DataError, BadValue)) as e:
        Sweep.open(path)
    assert "\n" not in str(e.value)


def test_axes_in_another_order_are_another_map(tmp_path):
    cd.sweep(CHAIN, out=tmp_path / "a.zarr", **GRID)
    with pytest.raises(OutputError, match="axes is w, b there and b, w here"):
        cd.sweep(CHAIN, out=tmp_path / "a.zarr", b=GRID["b"], w=GRID["w"], x=0.3)


def test_neither_a_stranger_s_folder_nor_another_name_is_written_to(tmp_path):
    (tmp_path / "mine.zarr").mkdir()
    (tmp_path / "mine.zarr" / "precious").write_text("x")
    with pytest.raises(DataError, match="is no map of chainderiv"):
        cd.sweep(CHAIN, out=tmp_path / "mine.zarr", **GRID)
    assert [f.name for f in tmp_path.rglob("*")] == ["mine.zarr", "precious"]
    for name in ("a.npz", "a", 7):
        with pytest.raises(BadValue, match="ends in .zarr"):
            cd.sweep(CHAIN, out=name, **GRID)


def test_an_interrupt_leaves_what_is_written_and_says_how_to_go_on(tmp_path, read_tiles):
    path = tmp_path / "a.zarr"
    with pytest.raises(Stop) as e:
        cd.sweep(CHAIN, out=path, workers=1, progress=stop_at(4), **GRID)
    assert "the same sweep goes on" in e.value.__notes__[0]
    with pytest.raises(DataError, match=f"holds 4 of {TILES} tiles"):
        Sweep.open(path)
    read_tiles.clear()
    told = []
    done = cd.sweep(CHAIN, out=path, progress=lambda *a: told.append(a), **GRID)
    assert sorted(read_tiles) == list(range(4, TILES))
    # four that are checked, then those that are computed
    assert told == [(k, TILES) for k in range(1, TILES + 1)]
    assert bits(done) == bits(cd.sweep(CHAIN, **GRID))


def test_a_map_that_does_not_fit_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(storing.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(OutputError, match=r"would take about .* and 1 kB are free"):
        cd.sweep(CHAIN, out=tmp_path / "a.zarr", **GRID)
    assert list(tmp_path.iterdir()) == []


def test_one_that_no_longer_fits_keeps_what_it_has(tmp_path, monkeypatch):
    with pytest.raises(Stop):
        cd.sweep(CHAIN, out=tmp_path / "a.zarr", workers=1, progress=stop_at(4), **GRID)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(storing.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(OutputError, match="are free"):
        cd.sweep(CHAIN, out=tmp_path / "a.zarr", **GRID)
    assert len(Store.open(tmp_path / "a.zarr").sums()) == 4


def test_the_estimate_comes_first_and_is_near(tmp_path, monkeypatch):
    monkeypatch.setattr(storing, "STORED_TILE_POINTS", 2**13)
    heard = []
    grid = {"w": cd.Axis(-3, 3, 400), "b": cd.Axis(-2, 2, 300), "x": 0.3}
    stored = cd.sweep(
        CHAIN, out=tmp_path / "a.zarr", announce=heard.append, progress=lambda *a: heard.append(a), **grid
    )
    estimate, *told = heard
    assert isinstance(estimate, Estimate)
    assert told == [(k, estimate.tiles) for k in range(1, estimate.tiles + 1)]
    assert (estimate.points, estimate.tiles_left) == (120_000, estimate.tiles - 1)
    store = stored.readings.store
    took = sum(store.size_of(box) for box in stored.plan.tiles[1:])
    assert 0.8 < estimate.bytes_left / took < 1.25


def test_two_writers_do_not_meet(tmp_path):
    path = tmp_path / "a.zarr"

    def second(*_):
        cd.sweep(CHAIN, out=path, **GRID)

    with pytest.raises(OutputError, match="another process is writing"):
        cd.sweep(CHAIN, out=path, progress=second, **GRID)
    cd.sweep(CHAIN, out=path, **GRID)


def test_only_a_map_on_disk_may_outgrow_memory(tmp_path):
    huge = {"w": cd.Axis(0, 1, 40_000), "b": cd.Axis(0, 1, 40_000)}
    with pytest.raises(BadValue, match="out='map.zarr'"):
        cd.sweep(CHAIN, **huge)
    with pytest.raises(BadValue, match="at most 100,000,000,000"):
        cd.sweep(CHAIN, out=tmp_path / "a.zarr", w=cd.Axis(0, 1, 10**6), b=cd.Axis(0, 1, 10**6))


def test_what_is_too_large_for_memory_is_read_in_parts(tmp_path, monkeypatch):
    whole = cd.sweep(CHAIN, out=tmp_path / "a.zarr", **GRID)
    values = whole.log_abs
    monkeypatch.setattr("chainderiv.maps.disk.store.MOST", 100)
    stored = Sweep.open(tmp_path / "a.zarr")
    with pytest.raises(BadValue, match="391 points, and at most 100"):
        _ = stored.log_abs
    part = stored.part(w=slice(None, None, 4), b=slice(3, 9))
    assert part.log_abs.tobytes() == values[::4, 3:9].tobytes()
    assert repr(part.axes["w"]).startswith("Axis(start=-3.0, stop=")
    assert "np." not in repr(part.axes)
    np.testing.assert_allclose(part.axes["b"].values, GRID["b"].values[3:9], rtol=1e-15, atol=1e-15)
    for wrong in ({"v": slice(None)}, {"w": slice(0, 1)}, {"b": slice(None, None, -1)}):
        with pytest.raises(BadValue):
            stored.part(**wrong)


def test_the_manifest_is_json_that_names_what_it_is_of(tmp_path):
    cd.sweep(CHAIN, out=tmp_path / "a.zarr", **GRID)
    said = json.loads((tmp_path / "a.zarr" / "manifest.json").read_text())
    assert (said["format"], said["package"]) == (1, f"chainderiv {cd.__version__}")
    assert said["activations"][0]["formula"] == "tanh(z)"
    assert said["cost"] == {"name": "quadratic", "formula": "(a - y)**2/2"}
    assert len((tmp_path / "a.zarr" / "tiles.jsonl").read_text().splitlines()) == TILES


@pytest.mark.parametrize("chain", [
    cd.Chain(3, ["relu", "tanh", "sigmoid"], "cross_entropy"),
    cd.Chain(1000, ["gelu"] * 999 + ["sigmoid"]),
    cd.Chain(4, Activation.from_formula("mine", "where(z > 1, log(z) + 1, z) + 0.25*z", symbol="φ")),
    cd.Chain(4, Activation("swish", z / (1 + 3**-z)), residual=True),
    cd.Chain(1),
])  # fmt: skip
def test_a_chain_is_read_back_from_its_description(chain):
    plan = plan_of(chain, w=cd.Axis(-1, 1, 3), b=0.5)
    back = plan_from(json.loads(json.dumps(describe(plan))))
    assert back.derivation == plan.derivation
    assert describe(back) == describe(plan)


def test_a_description_of_another_format_is_refused():
    description = describe(plan_of(CHAIN, w=cd.Axis(-1, 1, 3), b=0.5))
    with pytest.raises(DataError, match="has the format 2"):
        plan_from(description | {"format": 2})
    with pytest.raises(DataError, match="damaged"):
        plan_from({k: v for k, v in description.items() if k != "axes"})


@pytest.mark.slow
def test_memory_does_not_grow_with_the_map(tmp_path):
    """A map of 286 MB in arrays, written by a process that may grow by 150 MB."""
    run = f"""
import resource
import chainderiv as cd
cd.sweep(cd.Chain(2), w=cd.Axis(0, 1, 60), b=cd.Axis(0, 1, 50), engine="numpy", out={str(tmp_path / "warm.zarr")!r})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
cd.sweep(cd.Chain(2), w=cd.Axis(0, 1, 3500), b=cd.Axis(0, 1, 3200), engine="numpy", out={str(tmp_path / "a.zarr")!r})
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", run],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "0"},
    )
    assert float(done.stdout) < 150
