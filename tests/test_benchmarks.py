"""The benchmarks' harness: turns, processes, and answers that are compared; no time is asserted."""

import mmap
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks import turns
from benchmarks.agreement import agreement
from benchmarks.machine import AMD, INTEL, OTHER
from benchmarks.maps import Answer, Map, answer_of
from benchmarks.peers.c_maps import c_blocks
from benchmarks.peers.numpy_plain import numpy_plain
from benchmarks.peers.ours import ours, vector_instructions
from benchmarks.report import Quiet, asked_table, docs_table, rows
from benchmarks.tables import Asked, Line, Table
from benchmarks.turns import Contestant, Measured, NotHere, Others, Ratio, Work, in_turns
from tests import plain


def idle(word="here"):
    return Work(lambda: None, lambda: word)


def absent():
    import no_such_module  # noqa: F401


def dying(when):
    if when == "before":
        os._exit(3)
    return Work(lambda: os._exit(4), lambda: None)


def shared(path):
    with open(path, "r+b") as file:
        return mmap.mmap(file.fileno(), 1)


def spinning(path):
    """Its thread never rests, as those of a thread pool do not right after some work."""
    memory = shared(path)

    def spin():
        while True:
            memory[0] = (memory[0] + 1) % 256

    threading.Thread(target=spin, daemon=True).start()
    return idle()


def watching(path):
    """Ends its process where the other one is not asleep."""
    memory = shared(path)

    def run():
        seen = {memory[0] for _ in range(50) if not time.sleep(0.002)}
        if len(seen) > 1:
            os._exit(5)

    return Work(run, lambda: None)


def both(folder):
    path = folder / "memory"
    path.write_bytes(b"\0")
    asleep = [Contestant("spinning", partial(spinning, path)), Contestant("watching", partial(watching, path))]
    return in_turns(asleep, 2)[1].missing


needs_stop = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no such signal on this system")


@needs_stop
def test_while_one_is_measured_the_threads_of_the_others_are_asleep(tmp_path):
    assert both(tmp_path) is None


@needs_stop
def test_threads_that_are_not_stopped_would_be_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(turns.Child, "signal", lambda child, name: None)
    assert both(tmp_path) == "its process ended (exit status 5)"


def test_what_is_missing_or_dies_is_told_and_the_others_are_measured():
    first, second, third, fourth = in_turns(
        [
            Contestant("absent", absent),
            Contestant("dead", partial(dying, "before")),
            Contestant("here", idle),
            Contestant("dies when asked", partial(dying, "then")),
        ],
        2,
    )
    assert first.missing == "no_such_module is not installed"
    assert second.missing == "its process ended (exit status 3)"
    assert third.missing is None
    assert third.told == "here"
    assert len(third.seconds) == len(third.cpu_seconds) == 2
    assert fourth.missing == "its process ended (exit status 4)"


@pytest.mark.skipif(sys.platform != "linux", reason="a process is told of its parent's end on Linux alone")
def test_a_stopped_contestant_dies_with_the_one_that_asks():
    program = (
        "import os; from benchmarks.turns import *; from benchmarks.turns import _child, _first_word\n"
        "from tests.test_benchmarks import idle\n"
        "if __name__ == '__main__':\n"
        "    with _child(contestant := Contestant('idle', idle)) as child:\n"
        "        _first_word(child, contestant); print(child.process.pid, flush=True); os.kill(os.getpid(), 9)\n"
    )
    asking = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[1], capture_output=True, text=True
    )
    assert asking.returncode == -9, asking.stderr
    state = Path(f"/proc/{asking.stdout.strip()}/stat")
    for _ in range(200):
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":  # nobody has asked for it yet
            return
        time.sleep(0.05)
    raise AssertionError("it is still there")


def measured(*seconds, missing=None):
    return Measured(Contestant("some", idle), seconds=list(seconds), cpu_seconds=list(seconds), missing=missing)


def test_a_ratio_is_taken_round_by_round_so_that_a_slow_round_slows_both():
    ratio = Ratio.of(measured(2, 20, 6), measured(1, 10, 2))
    assert (ratio.median, ratio.least, ratio.most) == (2, 2, 3)
    assert Ratio.of(measured(1, missing="why"), measured(1)) is None


LOGS = np.array([-3.0, -800.0, 2.0, 5.0])
OURS = Answer(np.array([1.0, 1.0, -1.0, 1.0]), LOGS, np.array([True, True, True, False]))


def test_a_thousandth_too_much_or_a_wrong_sign_is_another_answer():
    right = agreement(OURS, OURS)
    assert right.same
    assert right.largest == 0
    assert not agreement(OURS, OURS._replace(log_abs=LOGS + np.log(1.001))).same
    assert not agreement(OURS, OURS._replace(sign=-OURS.sign)).same
    assert agreement(OURS, OURS._replace(log_abs=LOGS + [0, 0, 0, 1])).same  # where rounding leaves no digits


def test_what_underflows_is_told_and_not_called_another_answer():
    product = answer_of(OURS.sign * np.exp(LOGS))
    told = agreement(OURS, product)
    assert told.held == pytest.approx(2 / 3)
    assert told.same
    assert "underflows at 33%" in str(told)


def test_a_peer_of_every_second_line_is_compared_with_these_lines():
    log = np.arange(12.0)
    whole = Answer(np.ones(12), log, np.ones(12, bool))
    half = Answer(np.ones(8), log.reshape(3, 4)[::2].ravel(), np.ones(8, bool))
    assert agreement(whole, half, thin=2, side=4).largest == 0


@pytest.mark.parametrize("depth", [1, 20, 100])
@pytest.mark.parametrize("peer", [numpy_plain, c_blocks, ours])
def test_peers_answer_what_plain_mpmath_does(peer, depth):
    map = Map(depth, side=6, thin=2)
    try:
        got = answer_of(peer(map)())
    except NotHere as e:
        pytest.skip(str(e))
    names = ["sigmoid"] * depth
    for k, (w, b) in enumerate(zip(*map.points, strict=True)):
        parameters = plain.layers(w, depth), plain.layers(b, depth)
        want = plain.correct(lambda p=parameters: plain.gradient(names, "quadratic", *p, 0.3, 0.0, "b1"), agreeing=15)
        if np.isfinite(got.log_abs[k]) and got.log_abs[k] > -700:
            assert got.sign[k] == plain.mp.sign(want)
            assert abs(got.log_abs[k] - float(plain.mp.log(abs(want)))) < 1e-5  # σ(1 - σ) loses digits
    assert np.isfinite(got.log_abs).any()
    assert peer is numpy_plain or np.isfinite(got.log_abs).all()


def test_vector_instructions_are_counted_by_the_register_and_only_arithmetic_on_doubles():
    text = """
        vmulpd  %zmm1, %zmm2, %zmm3
        vfmadd213pd     (%rax), %ymm1, %ymm2
        vdivpd  %xmm0, %xmm1, %xmm2
        vmovupd %ymm1, (%rax)
        vmulsd  %xmm1, %xmm2, %xmm3
        vaddps  %zmm1, %zmm2, %zmm3
    """
    assert vector_instructions(text) == {512: 1, 256: 1, 128: 1}


def test_the_column_of_this_processor_is_filled_and_the_others_are_not_measured():
    lines = (
        Line("ours", ours, Map(20, side=2)),
        Line("peer", ours, Map(20, side=2), Asked("a peer", 3, 6), judged=False),
        Line("bound", ours, Map(20, side=2), Asked("a bound", 2, 2, "bound"), judged=False),
        Line("gone", ours, Map(20, side=2), Asked("gone", 1, 1)),
    )
    table = Table("a map", 1, lines)
    found = rows(table, [measured(1.0), measured(5.0), measured(0.4), measured(missing="not installed")])
    assert docs_table([(table, found)]).splitlines()[2:] == [
        "| a map | 1,000 ms | peer | 5,000 ms | 5.00 |",
        "| | | bound | 400 ms | 0.40 |",
    ]
    still, busy = Quiet(Others(1.0, 100.0), 0.1), Quiet(Others(20.0, 100.0), 0.1)
    assert "met" not in asked_table([(table, found)], INTEL, busy)
    assert asked_table([(table, found)], INTEL, still).splitlines()[2:] == [
        "| a map: a peer | 5.00 (5.00–5.00), met | ≥ 3 | not measured | ≥ 6 |",
        "| a map: a bound | 2.50 (2.50–2.50), not met | ≤ 2 | not measured | ≤ 2 |",
        "| a map: gone | missing | ≥ 1 | not measured | ≥ 1 |",
    ]
    assert "| a map: a peer | not measured | ≥ 3 | 5.00 (5.00–5.00), not met | ≥ 6 |" in asked_table(
        [(table, found)], AMD, still
    )
    assert (
        asked_table([(table, found)], OTHER, still)
        .splitlines()[2]
        .endswith("not measured | ≥ 6 | 5.00 (5.00–5.00) |  |")
    )


def test_a_peer_in_c_leaves_subnormal_numbers_to_the_process_that_loads_it():
    try:
        c_blocks(Map(20, side=2))()
    except NotHere as e:
        pytest.skip(str(e))
    assert np.float64(5e-324) * np.float64(1.0) > 0
