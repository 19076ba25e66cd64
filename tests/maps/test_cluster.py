"""A sweep on a real Dask scheduler with workers in other processes, one of which is killed in its midst."""

import contextlib
import gc
import json
import re
import socket
import sys
import threading

import distributed
import pytest

import chainderiv as cd
from chainderiv import workers
from chainderiv.cli import main
from chainderiv.errors import BadValue, MissingExtra, WorkersLost
from chainderiv.maps import cluster as connecting, sweep as sweeping
from chainderiv.maps.cluster import cluster
from chainderiv.maps.disk import storing
from chainderiv.maps.disk.store import Store
from chainderiv.maps.sweep import Sweep
from tests.maps.cluster import local_cluster
from tests.maps.disk.test_store import bits, files
from tests.test_extras import CURE

CHAIN = cd.Chain(300, "tanh")
GRID = {"w": cd.Axis(-2, 2, 40), "b": cd.Axis(-2, 2, 50), "x": 0.3, "engine": "numpy"}

# Dask's event loop and its sockets are torn down at the end of the process, after pytest has counted
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    with local_cluster(tmp_path_factory.mktemp("dask"), workers=2) as running:
        yield running


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setattr(sweeping, "TILE_POINTS", 50)
    monkeypatch.setattr(storing, "STORED_TILE_POINTS", 50)


@pytest.fixture(scope="module")
def alone():
    return bits(cd.sweep(CHAIN, **GRID))


def kill_at(dask, tile):
    """Progress that kills a worker when so many tiles are done, and gives the cluster a new one."""
    heard = []

    def progress(done, total):
        heard.append((done, total))
        if done == tile:
            dask.kill_worker()
            dask.add_worker()

    return heard, progress


@pytest.mark.slow
@pytest.mark.parametrize("stored", [False, True])
def test_a_worker_killed_in_mid_sweep_changes_nothing(dask, alone, tmp_path, stored):
    heard, progress = kill_at(dask, 10)
    out = tmp_path / "a.zarr" if stored else None
    with cluster(scheduler_file=str(dask.file)) as (executor, threads):
        assert threads >= 1
        swept = cd.sweep(CHAIN, executor=executor, workers=4, progress=progress, out=out, **GRID)
    assert heard == [(k, 40) for k in range(1, 41)]
    assert bits(swept) == alone
    if stored:
        cd.sweep(CHAIN, out=tmp_path / "b.zarr", **GRID)
        assert files(tmp_path / "a.zarr") == files(tmp_path / "b.zarr")


@pytest.mark.slow
def test_without_second_attempts_the_same_kill_is_fatal(dask, monkeypatch):
    """The tests above do take a tile from a worker."""
    monkeypatch.setattr(workers, "ATTEMPTS", 1)
    _, progress = kill_at(dask, 10)
    with (
        cluster(scheduler_file=str(dask.file)) as (executor, _),
        pytest.raises(WorkersLost, match="each time its worker died"),
    ):
        cd.sweep(CHAIN, executor=executor, workers=4, progress=progress, **GRID)


@pytest.mark.slow
def test_dask_s_own_executor_serves_as_it_is(dask, alone):
    from distributed import Client

    with Client(scheduler_file=str(dask.file)) as client:
        assert bits(cd.sweep(CHAIN, executor=client.get_executor(), **GRID)) == alone


@pytest.mark.slow
def test_the_command_computes_on_the_cluster(dask, tmp_path, capsys):
    address = json.loads(dask.file.read_text())["address"]
    axes = ["--depth", "5", "--w", "-2:2:20", "--b", "-2:2:10"]
    for k, where in enumerate([["--scheduler", address], ["--scheduler-file", str(dask.file)]]):
        assert main(["map", *axes, *where, "--out", str(tmp_path / f"{k}.zarr")]) == 0
    assert main(["map", *axes, "--out", str(tmp_path / "here.zarr")]) == 0
    assert files(tmp_path / "0.zarr") == files(tmp_path / "1.zarr") == files(tmp_path / "here.zarr")
    assert Sweep.open(tmp_path / "0.zarr").log_abs.shape == (20, 10)
    assert "written" in capsys.readouterr().out


def test_where_no_scheduler_answers_one_line_says_so(monkeypatch, capsys):
    monkeypatch.setattr(connecting, "PATIENCE", 1)
    assert main(["map", "--scheduler", "tcp://127.0.0.1:1"]) == 2
    assert "no Dask scheduler answers at 'tcp://127.0.0.1:1'" in capsys.readouterr().err


@pytest.fixture
def patient(monkeypatch):
    """What is refused at once is refused without patience: a test that waited for it would hang until it is ended."""
    monkeypatch.setattr(connecting, "PATIENCE", 3600)


@pytest.mark.parametrize(
    "address",
    ["tcp://127.0.0.1:1", "127.0.0.1:1", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "http://127.0.0.1:1", ""],
)
def test_an_address_at_which_nobody_listens_is_refused_at_once(patient, capsys, address):
    assert main(["map", "--scheduler", address]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"chainderiv: no Dask scheduler answers at {address!r} (")
    assert err.count("\n") == 1


def test_a_host_that_says_nothing_is_given_up_soon(monkeypatch):
    assert connecting.KNOCK < 5
    asked = []

    def silent(where, timeout):
        asked.append((where, timeout))
        raise TimeoutError("timed out")

    monkeypatch.setattr(connecting.socket, "create_connection", silent)
    with (
        pytest.raises(BadValue, match=r"answers at 'tcp://10.255.255.1:8786' \(timed out\)"),
        cluster("tcp://10.255.255.1:8786"),
    ):
        pass
    assert asked == [(("10.255.255.1", 8786), connecting.KNOCK)]


@pytest.mark.parametrize("words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.6\r\n"])
def test_another_program_at_that_address_is_told_from_a_scheduler(capsys, words):
    """As where the port of Dask's own dashboard is given."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            while True:
                with contextlib.suppress(OSError):
                    connection, _ = server.accept()
                    connection.sendall(words)
                    connections.append(connection)
                    continue
                return

        connections, thread = [], threading.Thread(target=answer)
        thread.start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        assert main(["map", "--scheduler", address]) == 2
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in connections:
            connection.close()
    assert f"what answers at {address!r} is no Dask scheduler; give" in capsys.readouterr().err
    # one that is still open would be closed by the garbage collector, perhaps while another starts: a deadlock
    # (by its type: isinstance asks what a dead weak reference refers to)
    assert {c.status for c in gc.get_objects() if type(c) is distributed.Client} <= {"closed"}


NO_SCHEDULER_FILES = {
    "missing": (None, "cannot be read"),
    "empty": ("", "no JSON"),
    "object without an address": ("{}", "holds no address"),
    "list": ("[1]", "holds no address"),
    "number as address": ('{"address": 8786}', "holds no address"),
    "bytes": ("\xff\x00", "no JSON"),
    "of a scheduler that has ended": ('{"address": "tcp://127.0.0.1:1"}', "no Dask scheduler answers at"),
}


@pytest.mark.parametrize("case", NO_SCHEDULER_FILES)
def test_what_is_no_scheduler_file_is_refused_at_once_in_one_line(patient, tmp_path, capsys, case):
    content, words = NO_SCHEDULER_FILES[case]
    file = tmp_path / "scheduler.json"
    if content is not None:
        file.write_bytes(content.encode("latin1"))
    assert main(["map", "--scheduler-file", str(file)]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert repr(str(file)) in err
    assert "; give " in err
    assert err.count("\n") == 1


def test_a_folder_is_no_scheduler_file(tmp_path):
    with pytest.raises(BadValue, match="cannot be read"), cluster(scheduler_file=str(tmp_path)):
        pass


@pytest.mark.slow
def test_a_scheduler_without_workers_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(connecting, "PATIENCE", 1)
    with (
        local_cluster(tmp_path, workers=0) as empty,
        pytest.raises(BadValue, match="has no workers"),
        cluster(scheduler_file=str(empty.file)),
    ):
        pass


def test_without_dask_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(MissingExtra, match=f"needs distributed; install it with: pip install {re.escape(CURE)}$"),
        cluster("tcp://127.0.0.1:1"),
    ):
        pass


@pytest.mark.slow
def test_a_scheduler_killed_in_mid_sweep_is_one_line_and_the_map_goes_on(alone, tmp_path, monkeypatch, capsys, caplog):
    monkeypatch.setattr(connecting, "PATIENCE", 3)
    out = tmp_path / "a.zarr"
    with local_cluster(tmp_path, workers=1) as dask:

        def kill(what, done, total):
            if done == 5:
                dask.processes[0].kill()

        with monkeypatch.context() as patch:
            patch.setattr("chainderiv.commands.common.progress", lambda: contextlib.nullcontext(kill))
            code = main([
                *("map", "--depth", "300", "--activation", "tanh", "--w", "-2:2:40", "--b", "-2:2:50", "--x", "0.3"),
                *("--scheduler-file", str(dask.file), "--out", str(out)),
            ])  # fmt: skip
    said = capsys.readouterr().err.splitlines()
    assert code == 2
    assert said[-1].startswith("chainderiv: the scheduler of the cluster no longer answers; start it again")
    assert "Traceback" not in caplog.text
    assert [f.name for f in out.glob(".*")] == []
    done = cd.sweep(CHAIN, out=out, **GRID | {"engine": Store.open(out).plan.engine})
    assert 5 <= len(done.plan.tiles) - done.readings.store.computed < len(done.plan.tiles)
