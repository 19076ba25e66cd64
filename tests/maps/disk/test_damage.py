"""A map on disk whose files are damaged in hundreds of ways: it reads as the right one, or says so in one line."""

import json
import random
import re
import shutil
from itertools import islice

import numpy as np
import pytest
import xarray

import chainderiv as cd
from chainderiv.errors import ChainderivError, DataError, OutputError
from chainderiv.maps.disk import storing
from chainderiv.maps.disk.manifest import describe, plan_from
from chainderiv.maps.keywords import plan_of
from chainderiv.maps.sweep import Sweep
from tests.kinds import slow
from tests.maps.disk.test_store import bits, files

CHAIN = cd.Chain(3, "tanh")
GRID = {"w": cd.Axis(-3, 3, 7), "b": cd.Axis(0.1, 10, 5, "log"), "x": 0.3}
NUMBER = re.compile(rb"(?<![\w.#])-?[0-9]+(\.[0-9]+)?(?![\w.])")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished map of four tiles."""
    path = tmp_path_factory.mktemp("whole") / "a.zarr"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storing, "in_stored_tiles", tiled)
        patch.setattr("chainderiv.maps.sweep.in_stored_tiles", tiled)
        yield cd.sweep(CHAIN, out=path, engine="numpy", **GRID).readings.store.path


def tiled(plan):
    from dataclasses import replace

    return replace(plan, tile_shape=(4, 3))


def flipped(content, rng):
    at = rng.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]


def edited(content, rng):
    """With another number in one place; None where it has none."""
    found = list(NUMBER.finditer(content))
    if not found or b"{" not in content:
        return None
    number = rng.choice(found)
    other = rng.choice(
        [b"7.0", b"0", b"-1", b"1e12", b"1000000000000", b"1e999", b"NaN", b"3", b'"3"', b"[2]", b"null"]
    )
    return content[: number.start()] + other + content[number.end() :]


DAMAGES = {
    "flipped": flipped,
    "cut short": lambda content, rng: content[: rng.randrange(len(content))],
    "grown": lambda content, rng: content + rng.randbytes(rng.randrange(1, 9)),
    "garbage": lambda content, rng: rng.randbytes(len(content)),
    "empty": lambda content, rng: b"",
    "edited": edited,
    "gone": lambda content, rng: b"gone",
}


def damages(path, rng):
    """Every kind of damage to every file, those by chance several times."""
    for name, content in files(path).items():
        for how, damage in DAMAGES.items():
            by_chance = how not in ("empty", "gone", "garbage")
            often = 8 if by_chance and name in ("manifest.json", "zarr.json", "tiles.jsonl") else 1
            for _ in range(often):
                new = damage(content, rng)
                if new is not None and new != content:
                    yield name, how, None if how == "gone" else new


def damaged(path, name, content):
    if content is None:
        (path / name).unlink()
    else:
        (path / name).write_bytes(content)


def described(s):
    data = s.to_xarray().compute(scheduler="synchronous")
    return (
        *(list(s.axes.items()), s.fixed, s.wrt, s.derivation, s.plan.engine, bits(s), data.attrs),
        {name: (data[name].values.tobytes(), str(data[name].attrs)) for name in data.variables},
    )


def one_line(act):
    """What it gives, or None where it raises an error of the package in one line; any other error is a failure."""
    try:
        return act()
    except ChainderivError as e:
        if "\n" in str(e):
            raise
        return None


@pytest.mark.parametrize("every", [15, slow(1)], ids="each {}th".format)
def test_a_damaged_map_is_the_right_one_or_one_line_and_is_mended_by_going_on(whole, tmp_path, every):
    rng, want, before = random.Random(16), described(Sweep.open(whole)), files(whole)
    told, met, path = 0, 0, tmp_path / "a.zarr"
    for name, how, content in islice(damages(whole, rng), 0, None, every):
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(whole, path)
        damaged(path, name, content)
        opened = one_line(lambda: described(Sweep.open(path)))
        assert opened in (None, want), (name, how)
        met += 1
        told += opened is None
        resumed = described(cd.sweep(CHAIN, out=path, engine="numpy", **GRID))
        assert resumed == want, (name, how)
        assert files(path) == before, (name, how)
    assert met >= 280 // every
    # what is not told changes nothing: a line's end, a number written otherwise
    assert met - told < max(2, 0.05 * met)


def as_before(path):
    """Make a map one that was written when nothing but its tiles was under a checksum."""
    description = json.loads((path / "manifest.json").read_text())
    description = {name: value for name, value in description.items() if name not in ("sha256", "files")}
    (path / "manifest.json").write_text(json.dumps(description))
    group = json.loads((path / "zarr.json").read_text())
    group["attributes"]["chainderiv"] = json.dumps(description)
    for name in ("w", "b"):
        group["consolidated_metadata"]["metadata"][name]["codecs"].pop()
        (path / name / "zarr.json").write_text(json.dumps(group["consolidated_metadata"]["metadata"][name]))
        (path / name / "c" / "0").write_bytes(GRID[name].values.tobytes())
    (path / "zarr.json").write_text(json.dumps(group))


@pytest.fixture
def old(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "old.zarr")
    as_before(tmp_path / "old.zarr")
    return tmp_path / "old.zarr"


def test_a_map_without_checksums_opens_and_has_them_when_it_was_gone_on_with(whole, old):
    assert xarray.open_zarr(old).w.values.tolist() == GRID["w"].values.tolist()
    assert bits(Sweep.open(old)) == bits(Sweep.open(whole))
    done = cd.sweep(CHAIN, out=old, engine="numpy", **GRID)
    assert done.readings.store.computed == 0
    assert files(old) == files(whole)


def test_a_map_without_checksums_must_say_twice_what_it_is(whole, old):
    text = (old / "manifest.json").read_text()
    (old / "manifest.json").write_text(text.replace('"stop": 3.0', '"stop": 7.0'))
    with pytest.raises(DataError, match="manifest.json' is damaged"):
        Sweep.open(old)
    for stop in (3, 7):
        with pytest.raises(DataError, match="do not agree on what the map is; delete the folder"):
            cd.sweep(CHAIN, out=old, engine="numpy", **GRID | {"w": cd.Axis(-3, stop, 7)})


@pytest.mark.parametrize("every", [15, slow(1)], ids="each {}th".format)
def test_a_damaged_map_without_checksums_is_never_a_traceback(old, tmp_path, every):
    path, tried = tmp_path / "a.zarr", list(damages(old, random.Random(17)))
    assert len(tried) > 50
    for name, _, content in tried[::every]:
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(old, path)
        damaged(path, name, content)
        one_line(lambda: described(Sweep.open(path)))
        one_line(lambda: cd.sweep(CHAIN, out=path, engine="numpy", **GRID))


def test_another_map_s_damaged_manifest_is_still_another_map_s(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "a.zarr")
    (tmp_path / "a.zarr" / "manifest.json").unlink()
    with pytest.raises(OutputError, match="w.stop is 3.0 there and 7.0 here"):
        cd.sweep(CHAIN, out=tmp_path / "a.zarr", engine="numpy", **GRID | {"w": cd.Axis(-3, 7, 7)})


@pytest.mark.parametrize(("change", "said"), [
    ({"layers": [[0, 10**12]]}, "layers of 3 are"),
    ({"layers": [[0, -1], [0, 4]]}, "layers of 3 are"),
    ({"layers": [[0, 1.5], [0, 1.5]]}, "layers of 3 are"),
    ({"layers": []}, "layers of 3 are"),
    ({"tile_shape": [0, 3]}, "tile_shape is"),
    ({"tile_shape": [4]}, "tile_shape is"),
    ({"tile_shape": [4, 10**12]}, "tile_shape is"),
    ({"tile_shape": ["../4", 3]}, "tile_shape is"),
    ({"axes": [{"name": "../../w", "start": 0, "stop": 1, "count": 3, "scale": "linear"}]}, "'../../w' is unknown"),
    ({"fixed": {"x": 0.3, "y": 0.0, "../b": 1}}, "'../b' is unknown"),
    ({"fixed": {"x": [0.3], "y": 0.0}}, "x is an array"),
    ({"depth": 10**12}, "layers of 1000000000000 are"),
])  # fmt: skip
def test_a_description_that_no_sweep_has_is_refused(change, said):
    description = describe(plan_of(cd.Chain(3, ["tanh", "tanh", "relu"]), **GRID, engine="numpy"))
    assert description["layers"] == [[0, 2], [1, 1]]
    with pytest.raises(ChainderivError, match=re.escape(said)) as e:
        plan_from(json.loads(json.dumps(description | change)))
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "w/../../secret", "c/0/../../../secret", "..", ""])
def test_a_manifest_that_names_a_file_outside_the_map_is_refused(whole, tmp_path, name):
    from chainderiv.maps.disk.manifest import sealed

    (tmp_path / "secret").write_bytes(b"mine")
    path = tmp_path / "a.zarr"
    shutil.copytree(whole, path)
    said = json.loads((path / "manifest.json").read_text())
    said.pop("sha256")
    said["files"][name] = said["files"]["zarr.json"]
    (path / "manifest.json").write_text(json.dumps(sealed(said)))
    with pytest.raises(DataError, match="which is no file of a map"):
        Sweep.open(path)
    assert bits(cd.sweep(CHAIN, out=path, engine="numpy", **GRID)) == bits(Sweep.open(whole))
    assert (tmp_path / "secret").read_bytes() == b"mine"
    assert files(path) == files(whole)


def test_any_reader_notices_a_damaged_axis(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "a.zarr")
    chunk = tmp_path / "a.zarr" / "w" / "c" / "0"
    chunk.write_bytes(flipped(chunk.read_bytes(), random.Random(3)))
    with pytest.raises(ValueError, match="checksum"):
        xarray.open_zarr(tmp_path / "a.zarr").w.load()
    assert np.array_equal(
        cd.sweep(CHAIN, out=tmp_path / "a.zarr", engine="numpy", **GRID).axes["w"].values, GRID["w"].values
    )
    assert np.array_equal(xarray.open_zarr(tmp_path / "a.zarr").w, GRID["w"].values)


def test_a_damaged_netcdf_is_the_right_map_or_one_line(tmp_path):
    rng, path, want = random.Random(3), tmp_path / "a.nc", cd.sweep(CHAIN, engine="numpy", **GRID)
    want.save(path)
    content, told = path.read_bytes(), 0
    damages = [
        *(flipped(content, rng) for _ in range(150)),
        *(content[: rng.randrange(len(content))] for _ in range(30)),
    ]
    for damage in damages:
        path.write_bytes(damage)
        opened = one_line(lambda: Sweep.open(path))
        told += opened is None
        assert opened is None or (bits(opened), opened.axes, opened.fixed) == (bits(want), want.axes, want.fixed)
    assert told > 10  # most of so small a file is room that is not used


def test_a_netcdf_that_says_another_number_is_refused(tmp_path):
    cd.sweep(CHAIN, engine="numpy", **GRID).save(tmp_path / "a.nc")
    with xarray.load_dataset(tmp_path / "a.nc") as data:
        assert '"stop": 3.0' in data.attrs["chainderiv"]
        data.attrs["chainderiv"] = data.attrs["chainderiv"].replace('"stop": 3.0', '"stop": 7.0')
        data.to_netcdf(tmp_path / "b.nc")
    with pytest.raises(DataError, match="no longer says what it is of"):
        Sweep.open(tmp_path / "b.nc")


def test_a_netcdf_without_a_checksum_opens(tmp_path):
    want = cd.sweep(CHAIN, engine="numpy", **GRID)
    want.save(tmp_path / "a.nc")
    with xarray.load_dataset(tmp_path / "a.nc") as data:
        said = json.loads(data.attrs["chainderiv"])
        data.attrs["chainderiv"] = json.dumps({name: value for name, value in said.items() if name != "sha256"})
        data.to_netcdf(tmp_path / "b.nc")
    assert bits(Sweep.open(tmp_path / "b.nc")) == bits(want)
