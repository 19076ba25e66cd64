"""Files that are whole or not there, whoever writes them."""

import os
from pathlib import Path

import pytest

import chainderiv as cd
from chainderiv.cli import main
from chainderiv.errors import OutputError
from chainderiv.writing import beside, require_writable, write_whole


class Broken(Exception):
    pass


def test_what_is_written_beside_takes_the_place_of_what_was_there(tmp_path):
    path = tmp_path / "map.nc"
    path.write_bytes(b"old")
    with beside(path) as file:
        assert (file.parent, file.suffix) == (tmp_path, ".nc")
        file.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert [(f.name, f.read_bytes()) for f in tmp_path.iterdir()] == [("map.nc", b"new")]


@pytest.mark.parametrize(("error", "raised"), [
    (Broken, Broken), (KeyboardInterrupt, KeyboardInterrupt), (OSError(28, "No space left on device"), OutputError),
])  # fmt: skip
def test_a_failure_of_any_kind_leaves_the_old_file_and_nothing_beside_it(tmp_path, error, raised):
    path = tmp_path / "map.nc"
    path.write_bytes(b"old")

    def write_half():
        with beside(path) as file:
            file.write_bytes(b"ha")
            raise error

    with pytest.raises(raised):
        write_half()
    assert [(f.name, f.read_bytes()) for f in tmp_path.iterdir()] == [("map.nc", b"old")]


def test_a_file_that_cannot_be_written_is_named_with_the_reason(tmp_path):
    with pytest.raises(OutputError, match=r"missing/a.txt' cannot be written \(No such file or directory\)"):
        write_whole(tmp_path / "missing" / "a.txt", b"")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc")
def test_a_folder_that_takes_no_file_is_refused_before_the_work(capsys):
    assert main(["map", "--w", "-1:1:3", "--b", "-1:1:3", "--out", "/proc/x.png"]) == 2
    said = capsys.readouterr()
    assert "'/proc/x.png' cannot be written (" in said.err
    assert "sigmoid" not in said.err  # no progress: nothing was computed


def test_the_check_before_the_work_leaves_the_folder_as_it_was(tmp_path):
    (tmp_path / "a.png").write_bytes(b"old")
    require_writable(tmp_path / "a.png")
    assert [(f.name, f.read_bytes()) for f in tmp_path.iterdir()] == [("a.png", b"old")]


def test_a_netcdf_that_fails_halfway_leaves_the_former_one(tmp_path, monkeypatch):
    import xarray

    s = cd.sweep(cd.Chain(2), w=cd.Axis(-1, 1, 3), b=0)
    s.save(tmp_path / "new" / "a.nc")
    old = (tmp_path / "new" / "a.nc").read_bytes()

    def fail(data, path, **_):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xarray.Dataset, "to_netcdf", fail)
    with pytest.raises(OutputError, match="No space left"):
        s.save(tmp_path / "new" / "a.nc")
    assert [(f.name, f.read_bytes()) for f in (tmp_path / "new").iterdir()] == [("a.nc", old)]


def test_a_file_is_on_disk_before_it_has_its_name(tmp_path, monkeypatch):
    sync, seen = os.fsync, []

    def synced(descriptor):
        seen.append((os.fstat(descriptor).st_size, (tmp_path / "a.txt").exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    write_whole(tmp_path / "a.txt", b"four")
    assert seen == [(4, False)]
    assert (tmp_path / "a.txt").read_bytes() == b"four"
