"""A disk that fails while a map or a training is written: one line, nothing half-written, and it goes on afterwards."""

import errno
import io
import os
import shutil
from contextlib import contextmanager, suppress

import pytest

import chainderiv as cd
from chainderiv.cli import main
from chainderiv.errors import OutputError
from chainderiv.maps.disk import storing
from chainderiv.maps.sweep import Sweep
from chainderiv.records.record import TrainingRecord
from tests.kinds import costly, slow
from tests.maps.disk.test_store import bits, files
from tests.nn.training.runs_kept import fingerprint, run

CHAIN = cd.Chain(3, "tanh")
GRID = {"w": cd.Axis(-3, 3, 23), "b": cd.Axis(-2, 2, 17), "engine": "numpy", "workers": 1}
FULL, READ_ONLY = (OSError(code, os.strerror(code)) for code in (errno.ENOSPC, errno.EROFS))
resource = pytest.importorskip("resource")


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setattr(storing, "STORED_TILE_POINTS", 150)


class Failing:
    """Everything that makes, fills or renames a file or folder, of which all after the first so many fail."""

    def __init__(self, patch, after, error):
        self.left, self.error, self.failed = after, error, False
        for module, name in ((os, "mkdir"), (os, "replace"), (os, "rename"), (os, "truncate")):
            patch.setattr(module, name, self._failing(getattr(module, name)))
        right_open, right_os_open = io.open, os.open

        def opened(file, mode="r", *rest, **keywords):
            if set(mode) & set("wax+") and not isinstance(file, int):
                self._live()
            return right_open(file, mode, *rest, **keywords)

        def os_opened(path, flags, *rest, **keywords):
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self._live()
            return right_os_open(path, flags, *rest, **keywords)

        patch.setattr(io, "open", opened)
        patch.setattr("builtins.open", opened)
        patch.setattr(os, "open", os_opened)

    def _live(self):
        self.left -= 1
        if self.left < 0:
            self.failed = True
            raise self.error

    def _failing(self, right):
        def operation(*given, **keywords):
            self._live()
            return right(*given, **keywords)

        return operation


def failures(act, error, step, prepare=lambda after: None):
    """Let act fail at the 1st operation on files, at one a few after it, and so on; after each it is judged."""
    for after in range(0, 10_000, step):
        prepare(after)
        with pytest.MonkeyPatch.context() as patch:
            failing = Failing(patch, after, error)
            try:
                act(after)
            except OutputError as e:
                said = str(e)
        if not failing.failed:
            assert after > 10 * step
            return
        assert "\n" not in said
        assert error.strerror in said, said
        yield after
    raise AssertionError("it does not end")


def assert_nothing_half_written(path, whole):
    """What is there of a map is whole files of it, and the first lines of its journal."""
    for name, content in (files(path) if path.exists() else {}).items():
        if name == "tiles.jsonl":
            assert set(content.splitlines(keepends=True)) <= set(whole[name].splitlines(keepends=True))
        else:
            assert content == whole[name], name
    assert [f.name for f in path.parent.glob(".*")] == []


@pytest.fixture
def whole(tmp_path):
    return files(cd.sweep(CHAIN, out=tmp_path / "whole.zarr", **GRID).readings.store.path)


@pytest.mark.parametrize("error", [FULL, slow(READ_ONLY)], ids=["full", "read-only"])
def test_a_map_whose_disk_fails_at_any_operation_goes_on_afterwards(tmp_path, whole, error):
    def act(after):
        cd.sweep(CHAIN, out=tmp_path / str(after) / "a.zarr", **GRID)

    for after in failures(act, error, 7):
        path = tmp_path / str(after) / "a.zarr"
        assert_nothing_half_written(path, whole)
        cd.sweep(CHAIN, out=path, **GRID)
        assert files(path) == whole


@pytest.mark.slow
def test_a_map_whose_mending_fails_at_any_operation_is_mended_the_next_time(tmp_path, whole):
    want = bits(Sweep.open(tmp_path / "whole.zarr"))

    def damaged(after):
        path = tmp_path / str(after) / "a.zarr"
        shutil.copytree(tmp_path / "whole.zarr", path)
        (path / "log_abs" / "zarr.json").write_bytes(b"damaged")
        (path / "w" / "c" / "0").unlink()
        (path / "sign" / "c" / "0" / "0").unlink()

    def act(after):
        cd.sweep(CHAIN, out=tmp_path / str(after) / "a.zarr", **GRID)

    for after in failures(act, FULL, 5, damaged):
        with suppress(cd.errors.DataError):
            assert bits(Sweep.open(tmp_path / str(after) / "a.zarr")) == want
        act(after)
        assert files(tmp_path / str(after) / "a.zarr") == whole


@pytest.mark.slow
@pytest.mark.parametrize("error", [FULL, READ_ONLY], ids=["full", "read-only"])
def test_a_training_whose_disk_fails_at_any_operation_goes_on_afterwards(tmp_path, monkeypatch, error):
    monkeypatch.setattr("chainderiv.nn.training.checkpoint.SECONDS", 0.0)
    want = fingerprint(*run(3, engine="numpy"))
    for after in failures(lambda k: run(3, engine="numpy", folder=tmp_path / str(k)), error, 1):
        folder = tmp_path / str(after)
        assert list(folder.glob(".*")) == []
        if (folder / "run.json").exists():
            assert TrainingRecord.load(folder).epochs <= 3
        assert fingerprint(*run(3, engine="numpy", folder=folder, resume=True)) == want


@contextmanager
def largest_file(size):
    """Files of this process may grow no larger, as on a disk that fills up while they are written."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 1, 50, 130, 300, 700, 1000, 3000, 9000])
def test_a_map_whose_files_are_cut_off_goes_on_afterwards(tmp_path, whole, size):
    path = tmp_path / "a.zarr"
    with largest_file(size), pytest.raises(OutputError, match="File too large") as e:
        cd.sweep(CHAIN, out=path, **GRID)
    assert "\n" not in str(e.value)
    assert_nothing_half_written(path, whole)
    cd.sweep(CHAIN, out=path, **GRID)
    assert files(path) == whole


def test_a_journal_that_is_cut_off_ends_in_a_whole_line(tmp_path, whole):
    store = Sweep.open(tmp_path / "whole.zarr").readings.store
    lines = whole["tiles.jsonl"].splitlines(keepends=True)
    journal = store.path / "tiles.jsonl"
    journal.write_bytes(lines[0])
    with largest_file(len(lines[0]) + 10), pytest.raises(OutputError, match="File too large"):
        store.note(1, "0" * 44)
    assert journal.read_bytes() == lines[0]


@pytest.mark.parametrize("size", [0, 100, 1000, 3000])
def test_a_training_whose_files_are_cut_off_goes_on_afterwards(tmp_path, size):
    with largest_file(size), pytest.raises(OutputError, match="File too large") as e:
        run(3, folder=tmp_path)
    assert "\n" not in str(e.value)
    assert list(tmp_path.glob(".*")) == []
    assert fingerprint(*run(3, folder=tmp_path, resume=True)) == fingerprint(*run(3))


COMMANDS = {
    "map.zarr": ["map", "--w", "-1:1:99", "--b", "-1:1:99", "--out"],
    "map.npz": ["map", "--w", "-1:1:99", "--b", "-1:1:99", "--out"],
    "map.nc": ["map", "--w", "-1:1:99", "--b", "-1:1:99", "--out"],
    "map.svg": ["map", "--w", "-1:1:99", "--b", "-1:1:99", "--out"],
    "map.gif": ["map", "--w", "-1:1:99", "--b", "-1:1:99", "--axis", "depth=1:3:3", "--out"],
    "map.png": ["map", "--w", "-1:1:99", "--b", "-1:1:99", "--out"],
    "run": ["train", "--dataset", "digits", "--epochs", "1", "--out"],
    "run.csv": ["train", "--dataset", "digits", "--epochs", "1", "--csv"],
}


@pytest.mark.parametrize("name", costly(COMMANDS, quick=["map.zarr", "run"]))
@pytest.mark.parametrize("size", [0, slow(200)])
def test_a_command_whose_files_are_cut_off_is_one_line_and_exit_2(tmp_path, capsys, name, size):
    place = tmp_path / name
    main([*COMMANDS[name], str(tmp_path / f"before.{name}")])
    capsys.readouterr()
    before = sorted(tmp_path.rglob("*"))
    with largest_file(size):
        code = main([*COMMANDS[name], str(place)])
    said = capsys.readouterr().err.splitlines()
    assert code == 2, said
    assert said[-1].startswith("chainderiv: ")
    assert not any("Traceback" in line for line in said)
    left = [f for f in tmp_path.rglob("*") if f not in before and f.is_file()]
    assert not any(f.name.startswith(".") or "partial" in f.name for f in left)
    again = [*COMMANDS[name], str(place), *(["--resume"] if (place / "run.json").exists() else [])]
    assert main(again) == 0
