"""One writer at a time in a folder: a second is refused by name, and what a killed one left is no obstacle."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import chainderiv as cd
from chainderiv import writer
from chainderiv.cli import main
from chainderiv.errors import BadValue, OutputError
from chainderiv.writer import Writer, only_writer
from tests.nn.training.runs_kept import fingerprint, run

ROOT = Path(__file__).parents[1]
linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")


def me():
    return Writer(os.getpid(), *writer._here(), writer._began(os.getpid()), "2026-11-26 18:00:00 UTC")


@contextmanager
def process(code="import time; time.sleep(60)"):
    """A process that is not ours, and a Writer that it could be."""
    one = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        yield one, replace(me(), pid=one.pid, began=writer._began(one.pid))
    finally:
        one.kill()
        one.communicate()


def claimed(folder, who, name="0"):
    """Leave a claim of somebody's, which is older than any that follows."""
    text = who if isinstance(who, str) else json.dumps(asdict(who))
    (folder / f"{writer.CLAIM}{name}").write_text(text)


def test_a_second_writer_is_refused_with_the_first_s_name_and_start(tmp_path):
    with only_writer(tmp_path):
        with pytest.raises(OutputError) as e, only_writer(tmp_path):
            raise AssertionError("two at once")
        assert f"(process {os.getpid()} on {writer._here()[0]}, since 20" in str(e.value)
        assert str(e.value).endswith("; wait for its end, or give another folder")
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
    with only_writer(tmp_path):
        pass


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_it_ends_however_the_writing_ends(tmp_path, error):
    with pytest.raises(error), only_writer(tmp_path):
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_living_process_keeps_others_out_and_one_that_ended_does_not(tmp_path):
    with process() as (one, who):
        claimed(tmp_path, who)
        with pytest.raises(OutputError, match=f"process {one.pid} on "), only_writer(tmp_path):
            pass
        one.kill()
        if Path("/proc/self/stat").exists():
            while writer._began(one.pid):  # it is a zombie now, which has its number still
                time.sleep(0.01)
            with only_writer(tmp_path):
                pass
            claimed(tmp_path, who)
        one.wait()
        with only_writer(tmp_path):
            assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_was_given_again_is_told_by_when_its_process_began(tmp_path):
    with process() as (one, who):
        assert who.began != me().began
        claimed(tmp_path, replace(who, began=me().began))
        with only_writer(tmp_path):
            pass
        assert one.poll() is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("elsewhere", [{"host": "other.example"}, {"numbering": "pid:[1]"}])
def test_of_a_process_that_cannot_be_seen_nothing_is_assumed(tmp_path, elsewhere):
    claimed(tmp_path, replace(me(), pid=2**22 - 1, began="long ago", **elsewhere))
    with pytest.raises(OutputError) as e, only_writer(tmp_path):
        pass
    assert f"or delete {str(tmp_path / '.writer.0')!r} if that process is no more" in str(e.value)
    assert "\n" not in str(e.value)
    assert [f.name for f in tmp_path.iterdir()] == [".writer.0"]


@pytest.mark.parametrize("text", ["", "{", "3", '{"pid": -1}', "[" * 10_000, json.dumps({**asdict(me()), "pid": -1})])
def test_a_claim_that_was_never_written_ends_by_itself(tmp_path, monkeypatch, text):
    claimed(tmp_path, text)
    began = time.monotonic()
    monkeypatch.setattr(writer, "PATIENCE", 0.3)
    os.utime(tmp_path / ".writer.0")
    with only_writer(tmp_path):
        assert time.monotonic() - began > 0.2
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_still_written_is_waited_for_and_then_named(tmp_path):
    claimed(tmp_path, "")
    late = threading.Timer(0.2, lambda: claimed(tmp_path, replace(me(), since="just now")))
    late.start()
    with pytest.raises(OutputError, match="since just now"), only_writer(tmp_path):
        pass
    late.join()


@contextmanager
def held_up(monkeypatch, owner, name, inside):
    """A thread that comes to write and is held up at its first call of a function; others are not."""
    right, reached, go_on, out = getattr(owner, name), threading.Event(), threading.Event(), []

    def slow(*given, **keywords):
        if threading.current_thread() is late and not reached.is_set():
            reached.set()
            go_on.wait(20)
        return right(*given, **keywords)

    def come():
        try:
            with only_writer(inside):
                out.append("writes")
                leave.wait(20)
        except OutputError as e:
            out.append(str(e))

    late, leave = threading.Thread(target=come), threading.Event()
    monkeypatch.setattr(owner, name, slow)
    late.start()
    assert reached.wait(20)

    def resume():
        go_on.set()
        end = time.monotonic() + 20
        while not out and time.monotonic() < end:
            time.sleep(0.01)
        return out[0]

    try:
        yield resume
    finally:
        go_on.set()
        leave.set()
        late.join()


@pytest.mark.parametrize(("owner", "name"), [(writer, "asdict"), (json, "dump"), (os, "replace")])
def test_one_that_is_held_up_while_it_claims_never_writes_beside_another(tmp_path, monkeypatch, owner, name):
    monkeypatch.setattr(writer, "PATIENCE", 0.2)
    with held_up(monkeypatch, owner, name, tmp_path) as resume:
        time.sleep(0.5)
        with only_writer(tmp_path):
            pass
        said = resume()
        if said == "writes":
            with pytest.raises(OutputError, match="another process is writing"), only_writer(tmp_path):
                pass
        else:
            assert "was deleted while it was made" in said
            with only_writer(tmp_path):
                pass
    assert list(tmp_path.iterdir()) == []


def test_one_whose_claim_somebody_deletes_does_not_write(tmp_path, monkeypatch):
    look = writer._living

    def looks_late(folder):
        for claim in folder.glob(f"{writer.CLAIM}*"):
            claim.unlink()
        return look(folder)

    monkeypatch.setattr(writer, "_living", looks_late)
    with pytest.raises(OutputError, match=r"was deleted while it was made.*; wait for its end"), only_writer(tmp_path):
        raise AssertionError("it writes without a claim")
    assert list(tmp_path.iterdir()) == []


def ended(*_):
    raise KeyboardInterrupt


def test_a_claim_is_whole_as_soon_as_it_is_seen_and_a_killed_one_s_beginning_is_swept_away(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(json, "dump", ended)
        patch.setattr(os, "unlink", lambda _: None)  # the killed clear nothing away
        with pytest.raises(KeyboardInterrupt), only_writer(tmp_path):
            pass
    assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.glob(f"{writer.CLAIM}*")) == []
    monkeypatch.setattr(writer, "PATIENCE", 0.0)
    time.sleep(0.02)
    with only_writer(tmp_path):
        assert len(list(tmp_path.iterdir())) == 1


RACE = """
import sys, time, os
from pathlib import Path
from chainderiv.errors import OutputError
from chainderiv.writer import only_writer
folder, inside = Path(sys.argv[1]), Path(sys.argv[2])
won = 0
time.sleep(max(0.0, float(sys.argv[3]) - time.time()))
for _ in range(40):
    try:
        with only_writer(folder):
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))  # fails where another is inside
            time.sleep(0.002)
            os.unlink(inside)
            won += 1
    except OutputError:
        time.sleep(0.001)
print(won)
"""


def test_of_many_that_come_at_once_no_two_are_inside_and_some_are(tmp_path):
    (tmp_path / "folder").mkdir()
    at = str(time.time() + 2)
    words = [sys.executable, "-c", RACE, str(tmp_path / "folder"), str(tmp_path / "inside"), at]
    racers = [subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT) for _ in range(6)]
    won = [int(racer.communicate()[0]) for racer in racers]
    assert all(racer.returncode == 0 for racer in racers)
    assert sum(won) >= 6
    assert list((tmp_path / "folder").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_a_forked_worker_that_ends_leaves_its_parent_s_claim(tmp_path):
    with only_writer(tmp_path):
        child = os.fork()
        if child == 0:
            os._exit(subprocess.call([sys.executable, "-c", ""]))
        os.waitpid(child, 0)
        assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_a_fork_that_unwinds_leaves_its_parent_s_claim(tmp_path):
    child = None
    try:
        with only_writer(tmp_path):
            child = os.fork()
            if child:
                os.waitpid(child, 0)
                assert len(list(tmp_path.iterdir())) == 1
    finally:
        if child == 0:
            os._exit(0)


@linux
def test_ps_tells_the_same_as_proc(monkeypatch):
    if subprocess.run(["which", "ps"], capture_output=True, check=False).returncode:
        pytest.skip("no ps")
    with process() as (one, _):
        began = writer._began_by_ps(one.pid)
        assert time.strptime(began, "%a %b %d %H:%M:%S %Y")
        assert writer._began_by_ps(one.pid) == began
        one.kill()
        one.wait()
        assert writer._began_by_ps(one.pid) == ""
    monkeypatch.setenv("PATH", "")
    assert writer._began_by_ps(1) is None


class Kernel:
    """Windows' functions, as its documentation has them, of one process."""

    def __init__(self, pid, code, created):
        self.pid, self.code, self.created, self.closed = pid, code, created, []
        self.OpenProcess = lambda access, inherit, number: 44 if number.value == pid else None

    def GetExitCodeProcess(self, handle, code):
        code._obj.value = self.code
        return 1

    def GetProcessTimes(self, handle, created, *others):
        created._obj.dwHighDateTime, created._obj.dwLowDateTime = divmod(self.created, 2**32)
        return 1

    def CloseHandle(self, handle):
        self.closed.append(handle.value)


@pytest.mark.parametrize(("pid", "code", "error", "began"), [
    (7, 259, 0, str(2**40 + 5)), (7, 0, 0, ""), (8, 259, 87, ""), (8, 259, 5, None),
])  # fmt: skip
def test_in_windows_a_process_is_told_by_its_handle(pid, code, error, began):
    kernel = Kernel(7, code, 2**40 + 5)
    assert writer._began_in_windows(pid, kernel, lambda: error) == began
    assert kernel.closed == ([44] if pid == 7 else [])


TRAIN = """
import time
from tests.nn.training.runs_kept import run
def hold(record):
    print("began", flush=True)
    time.sleep(60)
run(2, folder={folder!r}, on_epoch=hold)
"""
MAP = """
import time
import chainderiv as cd
def hold(*_):
    print("began", flush=True)
    time.sleep(60)
cd.sweep(cd.Chain(4), w=cd.Axis(-1, 1, 5), b=cd.Axis(-1, 1, 3), engine="numpy", out={folder!r}, progress=hold)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="SIGKILL")
def test_a_second_training_in_a_folder_is_refused_and_a_killed_one_is_taken_over(tmp_path):
    want = fingerprint(*run(2))
    with process(TRAIN.format(folder=str(tmp_path))) as (one, _):
        assert one.stdout.readline() == b"began\n"
        before = {f.name: f.read_bytes() for f in tmp_path.iterdir()}
        with pytest.raises(BadValue, match="holds a run already"):
            run(2, folder=tmp_path)
        with pytest.raises(OutputError, match=f"another process is writing .* \\(process {one.pid} on "):
            run(2, folder=tmp_path, resume=True)
        assert {f.name: f.read_bytes() for f in tmp_path.iterdir()} == before
        one.send_signal(signal.SIGKILL)
        one.wait()
    assert any(f.name.startswith(writer.CLAIM) for f in tmp_path.iterdir())
    assert fingerprint(*run(2, folder=tmp_path, resume=True)) == want
    assert not any(f.name.startswith(".") for f in tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="SIGKILL")
def test_a_second_map_in_a_folder_is_refused_and_a_killed_one_is_taken_over(tmp_path, capsys):
    path = tmp_path / "a.zarr"
    words = ["map", "--depth", "4", "--w", "-1:1:5", "--b", "-1:1:3", "--out", str(path)]
    with process(MAP.format(folder=str(path))) as (one, _):
        assert one.stdout.readline() == b"began\n"
        assert main(words) == 2
        said = capsys.readouterr().err.splitlines()
        assert [line for line in said if f"(process {one.pid} on " in line] == said[-1:]
        one.send_signal(signal.SIGKILL)
        one.wait()
    assert any(f.name.startswith(writer.CLAIM) for f in path.iterdir())
    assert main(words) == 0
    assert not any(f.name.startswith(".") for f in path.iterdir())
    assert cd.Sweep.open(path).log_abs.shape == (5, 3)


def test_two_trainings_in_threads_do_not_meet(tmp_path):
    def second(_):
        with pytest.raises(OutputError, match="another process is writing"):
            run(1, folder=tmp_path, resume=True)

    first = run(1, folder=tmp_path, on_epoch=second)
    assert fingerprint(*first) == fingerprint(*run(1))
