"""Kernels on disk: shared by processes, also when they all need one for the first time, and never stale."""

import atexit
import os
import pickle
import py_compile
import random
import stat
import subprocess
import sys
import warnings
from functools import lru_cache
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import mkdtemp

import numpy as np
import pytest

from chainderiv.compiling import cache
from tests.kinds import slow

# a kernel whose function is compiled at its first call, as a map's is, and one whose is when it is read, as a trainer's
CALLED = """
from chainderiv.compiling.cache import load
print(load('''
from numba import njit

@njit(cache=True)
def cube(x):
    return x * x * x
''').cube(1.5))
"""
READ = """
from chainderiv.compiling.cache import load
print(load('''
from numba import cfunc, float64

@cfunc(float64(float64), cache=True)
def cube(x):
    return x * x * x
''').cube.ctypes(1.5))
"""
# the same by those who have kernels, of hundreds of lines
MAP = """
import hashlib, chainderiv as cd
s = cd.sweep(cd.Chain(4, "softsign"), w=cd.Axis(-3, 3, 60), b=cd.Axis(-2, 2, 50), engine="numba", workers=1)
print(hashlib.blake2b(s.log_abs.tobytes() + s.sign.tobytes()).hexdigest())
"""
TRAIN = """
import hashlib, chainderiv as cd
data = cd.load_data("digits").take(100)
record = cd.train(cd.Network([64, 8, 10], rng=0), data, 1, rng=0, engine="numba")
print(hashlib.blake2b(record.norms("l2").tobytes()).hexdigest())
"""
PROGRAMS = pytest.mark.parametrize(
    "program", [CALLED, READ, slow(MAP), slow(TRAIN)], ids=["called", "read", "map", "train"]
)
# where one of the two that compile soonest is enough
SOONEST = pytest.mark.parametrize(
    "program", [CALLED, slow(READ), slow(MAP), slow(TRAIN)], ids=["called", "read", "map", "train"]
)
# a line of Python, and below a pickle, that leave a file whose name ends in .ran
PLANTED = "\nopen(__file__ + '.ran', 'w').close()\n"


class Planted:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return open, (str(self.mark), "w")


def start(folder, program=CALLED):
    surroundings = os.environ | {"CHAINDERIV_CACHE": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=surroundings
    )


def result(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err.decode()
    return out.decode().strip()


@lru_cache
def made(program):
    """A folder with the kernel that a program compiles, and what it printed; tests write into copies alone."""
    folder = Path(mkdtemp(prefix="chainderiv-test-"))
    atexit.register(rmtree, folder)
    return folder, result(start(folder, program))


@pytest.fixture
def compiled(tmp_path):
    """What a program prints, whose kernel lies in tmp_path as it was compiled."""

    def call(program=CALLED):
        folder, printed = made(program)
        copytree(folder, tmp_path, dirs_exist_ok=True)
        tmp_path.chmod(0o700)
        return printed

    return call


def machine_code(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.nbc")}


@SOONEST
def test_processes_that_need_a_kernel_at_once_get_the_same_and_a_later_one_compiles_nothing(tmp_path, program):
    first, second = [start(tmp_path, program) for _ in range(2)]
    one, two = result(first), result(second)
    assert one == two
    assert program in (MAP, TRAIN) or float(one) == 1.5**3
    before = machine_code(tmp_path)
    assert before
    assert result(start(tmp_path, program)) == one
    assert machine_code(tmp_path) == before


@PROGRAMS
def test_damaged_machine_code_is_compiled_again(tmp_path, compiled, program):
    want = compiled(program)
    for kind in ("*.nbi", "*.nbc"):
        for path in tmp_path.rglob(kind):
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert result(start(tmp_path, program)) == want, kind


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path, compiled):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert result(start(blocked / "kernels")) == compiled()


def test_another_version_of_what_a_kernel_calls_is_another_kernel(monkeypatch):
    here = cache._key("text")
    monkeypatch.setattr(cache, "_surroundings", lambda: "another processor")
    assert cache._key("text") != here


@pytest.fixture
def folder_named(monkeypatch):
    """cache_folder() where CHAINDERIV_CACHE names that folder."""

    def call(folder):
        monkeypatch.setenv("CHAINDERIV_CACHE", str(folder))
        return cache.cache_folder.__wrapped__()

    return call


def refused(folder_named, folder, words):
    with pytest.warns(RuntimeWarning, match=words) as caught:
        passing = folder_named(folder)
    assert len(caught) == 1
    message = str(caught[0].message)
    assert repr(str(folder)) in message
    assert "CHAINDERIV_CACHE" in message
    assert "\n" not in message
    assert passing != folder
    assert stat.S_IMODE(passing.stat().st_mode) == 0o700
    return passing


def test_of_a_kernel_its_text_is_executed_and_an_altered_file_is_written_again(tmp_path, compiled):
    want = compiled()
    (kernel,) = tmp_path.glob("*.py")
    text, state = kernel.read_bytes(), kernel.stat()
    for planted in (text + PLANTED.encode(), b""):
        kernel.write_bytes(planted)
        os.utime(kernel, ns=(state.st_atime_ns, state.st_mtime_ns))
        assert result(start(tmp_path)) == want
        assert kernel.read_bytes() == text
    assert not list(tmp_path.glob("*.ran"))


def test_bytecode_beside_a_kernel_is_not_executed(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path)
    text = "SIZE = 3\n"
    path = tmp_path / f"chainderiv_kernel_{cache._key(text)}.py"
    path.write_text("SIZE = 4\n")
    py_compile.compile(str(path))
    state = path.stat()
    path.write_text(text)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert cache.load(text).SIZE == 3


def test_a_folder_that_others_may_write_is_done_without(tmp_path, folder_named):
    for mode in (0o777, 0o1777, 0o770, 0o702):
        folder = tmp_path / f"{mode:o}"
        folder.mkdir()
        folder.chmod(mode)
        refused(folder_named, folder, "can be written by other users")
        assert not list(folder.iterdir())


def test_a_folder_of_another_owner_is_done_without(tmp_path, folder_named, monkeypatch):
    here = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: here + 1)
    refused(folder_named, tmp_path, rf"another user's \(number {here}\)")
    assert not list(tmp_path.iterdir())


def test_planted_files_in_a_folder_that_others_may_write_are_never_run(tmp_path, compiled):
    want = compiled()
    tmp_path.chmod(0o777)
    (kernel,) = tmp_path.glob("*.py")
    kernel.write_bytes(kernel.read_bytes() + PLANTED.encode())
    for index in tmp_path.rglob("*.nbi"):
        index.write_bytes(pickle.dumps(Planted(tmp_path / "index.ran")))
    process = start(tmp_path)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0
    assert out.decode().strip() == want
    assert err.decode().count("can be written by other users") == 1
    assert not list(tmp_path.glob("*.ran"))


def test_a_folder_of_ones_own_is_taken_without_a_word_and_closed_where_it_is_made(tmp_path, folder_named):
    before = os.umask(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            folder = folder_named(tmp_path / "new" / "kernels")
    finally:
        os.umask(before)
    assert folder == tmp_path / "new" / "kernels"
    for made in (folder, folder / "__pycache__"):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
    folder.chmod(0o755)
    assert folder_named(folder) == folder


def test_machine_code_that_others_could_reach_is_deleted_and_its_folder_closed(tmp_path, folder_named):
    reachable = tmp_path / "__pycache__"
    reachable.mkdir()
    reachable.chmod(0o777)
    (reachable / "chainderiv_kernel_0.through-1.py311.nbi").write_bytes(b"planted")
    assert folder_named(tmp_path) == tmp_path
    assert stat.S_IMODE(reachable.stat().st_mode) == 0o700
    assert not list(reachable.iterdir())


def test_where_the_system_tells_no_owner_the_folder_is_taken(tmp_path, folder_named, monkeypatch):
    tmp_path.chmod(0o777)
    monkeypatch.delattr(os, "geteuid")
    assert folder_named(tmp_path) == tmp_path


@SOONEST
def test_an_index_that_is_emptied_or_garbled_is_made_anew(tmp_path, compiled, program):
    want = compiled(program)
    rng = random.Random(0)
    for k, index in enumerate(sorted(tmp_path.rglob("*.nbi"))):
        index.write_bytes((b"", b"garbled", rng.randbytes(300))[k % 3])
    assert result(start(tmp_path, program)) == want
    written = machine_code(tmp_path)
    assert result(start(tmp_path, program)) == want
    assert machine_code(tmp_path) == written


def test_whatever_a_garbled_index_raises_it_is_told_from_a_whole_one(tmp_path, compiled):
    compiled()
    index = next(tmp_path.rglob("*.nbi"))
    raw, rng = index.read_bytes(), np.random.default_rng(1)
    for _ in range(500):
        garbled = np.frombuffer(raw, np.uint8).copy()
        garbled[rng.integers(len(garbled), size=3)] = rng.integers(256, size=3)
        index.write_bytes(garbled.tobytes())
        assert cache._is_whole(index) in (True, False)
