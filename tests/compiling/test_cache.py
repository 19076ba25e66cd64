"""Kernels on disk: shared by processes, also when they all need one for the first time, and never stale."""

import os
import subprocess
import sys

from chainderiv.compiling import cache

MAP = """
import hashlib, chainderiv as cd
s = cd.sweep(cd.Chain(4, "softsign"), w=cd.Axis(-3, 3, 60), b=cd.Axis(-2, 2, 50), engine="numba", workers=1)
print(hashlib.blake2b(s.log_abs.tobytes() + s.sign.tobytes()).hexdigest())
"""


def start(folder):
    surroundings = os.environ | {"CHAINDERIV_CACHE": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-c", MAP], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=surroundings
    )


def result(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err.decode()
    return out.decode().strip()


def machine_code(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.nbc")}


def test_processes_that_need_a_kernel_at_once_get_the_same_and_a_later_one_compiles_nothing(tmp_path):
    first, second = [start(tmp_path) for _ in range(2)]
    one, two = result(first), result(second)
    assert one == two
    before = machine_code(tmp_path)
    assert before
    assert result(start(tmp_path)) == one
    assert machine_code(tmp_path) == before


def test_damaged_machine_code_is_compiled_again(tmp_path):
    want = result(start(tmp_path))
    for kind in ("*.nbi", "*.nbc"):
        for path in tmp_path.rglob(kind):
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert result(start(tmp_path)) == want, kind


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert result(start(blocked / "kernels")) == result(start(tmp_path / "kernels"))


def test_another_version_of_what_a_kernel_calls_is_another_kernel(monkeypatch):
    here = cache._key("text")
    monkeypatch.setattr(cache, "_surroundings", lambda: "another processor")
    assert cache._key("text") != here
