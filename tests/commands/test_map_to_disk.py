"""chainderiv map --out map.zarr and map.nc, from the command line."""

import json
import signal
import subprocess
import sys
import time

import pytest

import chainderiv as cd
from chainderiv.cli import main
from tests.interrupted import heeding
from tests.maps.disk.test_store import bits, lines
from tests.test_extras import CURE

AXES = ["--depth", "5", "--w", "-3:3:20", "--b", "-2:2:30"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["a.zarr", "a.nc"])
def test_a_map_is_written_summed_up_and_read_back(here, capsys, name):
    assert main(["map", *AXES, "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert main(["map", *AXES, "--out", name, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["maps"] == plain["maps"]
    assert said["maps"][0]["points"] == 600
    want = cd.sweep(cd.Chain(5), w=cd.Axis(-3, 3, 20), b=cd.Axis(-2, 2, 30))
    assert bits(cd.Sweep.open(here / name)) == bits(want)


def test_the_last_line_says_what_was_done_to_the_map_on_disk(here, capsys):
    def last():
        assert main(["map", *AXES, "--out", "a.zarr"]) == 0
        return capsys.readouterr().out.splitlines()[-1]

    assert last() == "written: a.zarr"
    assert last() == "complete already: a.zarr"
    chunk = here / "a.zarr" / "link_log_sum" / "c" / "0" / "0"
    whole = chunk.read_bytes()
    chunk.write_bytes(whole[:50] + bytes([whole[50] ^ 1]) + whole[51:])
    assert last() == "written: a.zarr (1 damaged tile computed again)"
    assert last() == "complete already: a.zarr"
    assert chunk.read_bytes() == whole


def test_the_disk_and_the_time_are_told_before(here, capsys, monkeypatch):
    monkeypatch.setattr("chainderiv.maps.disk.storing.STORED_TILE_POINTS", 100)
    assert main(["map", *AXES, "--out", "a.zarr"]) == 0
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith("a.zarr: 600 points in 7 tiles, 6 to compute: about ")
    assert last == "sigmoid, depth 5: 7/7"


@pytest.mark.parametrize(("given", "said"), [
    (["--out", "a.zarr", "--activation", "tanh", "--activation", "relu"], "2 activations are given"),
    (["--out", "a.h5"], "give a name that ends in .png"),
    (["--workers", "0"], "give a whole number from 1"),
    (["--workers", "two"], "--workers is 'two'"),
    (["--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], "--workers and --scheduler are given together"),
])  # fmt: skip
def test_wrong_flags_are_refused_in_one_line(here, capsys, given, said):
    assert main(["map", *AXES, *given]) == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("out", [[], ["--out", "a.npz"], ["--out", "a.png"]])
def test_a_map_too_large_for_memory_is_sent_to_disk_in_the_words_of_the_command_line(here, capsys, out):
    assert main(["map", "--w", "0:1:40000", "--b", "0:1:40000", *out]) == 2
    error = capsys.readouterr().err
    assert "1,600,000,000 points" in error
    assert error.endswith("at most 100,000,000, or --out map.zarr to keep the map on disk\n")
    assert list(here.iterdir()) == []


def test_another_map_of_that_name_is_refused(here, capsys):
    assert main(["map", *AXES, "--out", "a.zarr"]) == 0
    assert main(["map", *AXES, "--x", "0.1", "--out", "a.zarr"]) == 2
    assert "holds another map (fixed.x is 0.5 there and 0.1 here)" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "missing"), [("a.zarr", "zarr"), ("a.nc", "netCDF4")])
def test_a_missing_library_is_told_before_the_work(here, capsys, monkeypatch, name, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["map", *AXES, "--out", name]) == 2
    assert f"needs {missing}; install it with: pip install {CURE}\n" in capsys.readouterr().err
    assert list(here.iterdir()) == []


@pytest.mark.slow
def test_ctrl_c_ends_with_130_and_says_how_to_go_on(here):
    run = (
        "import sys; from chainderiv.maps.disk import storing; storing.STORED_TILE_POINTS = 500; from chainderiv.cli import main;"
        "sys.exit(main(['map', '--depth', '4000', '--residual', '--w', '-3:3:300', '--b', '-2:2:300', '--out', 'a.zarr']))"
    )
    process = heeding([sys.executable, "-c", run], cwd=here, stderr=subprocess.PIPE)
    end = time.monotonic() + 300
    while lines(here / "a.zarr") < 2 and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert "what is written stays in 'a.zarr'; the same sweep goes on where it was" in errors
    assert "Traceback" not in errors
    assert lines(here / "a.zarr") >= 2
