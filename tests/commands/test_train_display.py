"""The live display of a training: what it shows at which width, in which characters, and how often."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from rich.console import Console
from rich.live import Live

from chainderiv.commands import train_display
from chainderiv.commands.train_display import BLOCKS, PLAIN_BLOCKS, Display, picture, shown, sparkline, thinned
from chainderiv.records.record import TrainingRecord


def made(norms):
    """A record whose hidden layers have these norms, shape (rows, layers)."""
    rows = tuple((*(np.array([v]) for v in row), np.ones(1)) for row in norms)
    count = len(rows)
    return TrainingRecord({}, rows, np.ones(count), np.full(count, 0.25), np.linspace(0.1, 0.9, count))


def drawn(record, width=80, height=25, encoding="utf-8", epochs=12):
    """The lines that a picture takes on a terminal, without trailing blanks."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, force_terminal=True, width=width, height=height, color_system=None)
    console.print(picture(record, epochs, console))
    file.flush()
    return [line.rstrip() for line in file.buffer.getvalue().decode(encoding).splitlines()]


VANISHING = made([[1e-4 * 2**k, 1e-2 * 1.5**k] for k in range(5)])


def test_a_block_is_as_high_as_the_logarithm():
    assert sparkline([10.0**k for k in range(8)], 1, 1e7) == BLOCKS
    assert sparkline([10.0**k for k in range(8)], 1, 1e7, PLAIN_BLOCKS) == PLAIN_BLOCKS
    assert sparkline([1e-300, 1e300], 1e-300, 1e300) == BLOCKS[0] + BLOCKS[-1]
    assert len(set(PLAIN_BLOCKS)) == len(set(BLOCKS)) == 8


def test_what_has_no_logarithm_is_blank_and_what_never_changes_is_low():
    assert sparkline([0.0, 1.0, np.inf, np.nan], 1, 1) == f" {BLOCKS[0]}  "


@pytest.mark.parametrize("width", [80, 40])
def test_every_layer_has_a_number_and_a_line_on_one_scale(width):
    lines = drawn(VANISHING, width)
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("epoch 4 of 12 ━━━")
    assert lines[1] == "cost 0.2500  accuracy 90.00 %"
    assert lines[2].split() == ["layer", "‖δ‖", "epochs", "0", "to", "4"]
    assert lines[3].split() == ["1", "0.0016", "▁▂▃▃▄"]
    assert lines[4].split() == ["2", "0.0506", "▆▇▇██"]
    assert " ".join(lines[5:]) == "‖δ2‖/‖δ1‖ = 31.6, log scale 0.0001 to 0.051"


def test_a_terminal_of_ascii_gets_ascii():
    lines = drawn(VANISHING, encoding="ascii")
    assert lines[2].split()[1] == "|delta|"
    assert lines[3].split()[-1] == "_.--="
    assert lines[5].startswith("|delta2|/|delta1| = 31.6")


@pytest.mark.parametrize("width", [80, 40])
def test_many_epochs_are_drawn_in_the_room_there_is(width):
    record = made(np.geomspace(1, 1e-9, 1000)[:, None] * [1, 2])
    line = drawn(record, width, epochs=1000)[3].split()[-1]
    assert width - 30 < len(line) <= width - 15
    assert line[0] == BLOCKS[-1]
    assert line[-1] == BLOCKS[0]
    # falling all the way
    assert [*line] == sorted(line, reverse=True)


@pytest.mark.parametrize("height", [8, 12, 25])
def test_many_layers_are_shown_by_some_from_the_first_to_the_last(height):
    lines = drawn(made(np.ones((3, 50))), height=height)
    assert len(lines) < height
    assert lines[3].split()[0] == "1"
    assert lines[-2].split()[0] == "50"


def test_networks_with_one_hidden_layer_or_none_and_layers_that_vanished_are_drawn():
    assert not [line for line in drawn(made([[1.0], [2.0]])) if "/" in line]
    assert len(drawn(made([[], []]))) == 2
    assert drawn(made([[0.0, 0.0]]))[3].split() == ["1", "0"]


def test_the_first_and_the_last_row_are_never_thinned_away():
    few = thinned(made(np.arange(1.0, 101)[:, None]), 10)
    assert few.norms().shape == (10, 1)
    np.testing.assert_allclose(few.norms()[[0, -1], 0], [1, 100], rtol=1e-12)
    assert few.steps[-1] == 99
    assert thinned(VANISHING, 10).rows() == VANISHING.rows()


def test_it_is_drawn_no_more_often_than_it_can_be_seen(monkeypatch):
    pictures = []
    monkeypatch.setattr(train_display, "picture", lambda *given: pictures.append(given) or "")
    clock = iter(np.arange(0, 1000, 0.01))
    monkeypatch.setattr(train_display.time, "monotonic", lambda: next(clock))
    with Live(console=Console(file=io.StringIO(), force_terminal=True), auto_refresh=False, transient=True) as live:
        display = Display(live, 100)
        for _ in range(200):
            display(VANISHING)
    # 200 calls in little more than two seconds
    assert 12 <= len(pictures) <= 18


def test_a_file_gets_a_line_at_the_end_and_no_picture(capsys):
    with shown(4) as show:
        show(made([[1.0]]))
        show(VANISHING)
    assert capsys.readouterr().err == "epochs (accuracy 90.00 %): 4/4\n"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
def test_on_a_terminal_the_picture_is_on_stderr_and_gone_in_the_end_and_stdout_holds_the_table_alone():
    import pty

    master, terminal = pty.openpty()
    words = ["train", "--dataset", "digits", "--epochs", "3", "--layers", "64,12,12,10"]
    done = subprocess.run(
        [sys.executable, "-m", "chainderiv.cli", *words], stdout=subprocess.PIPE, stderr=terminal, timeout=300,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "60", "PYTHONUTF8": "1"}, check=True,
    )  # fmt: skip
    os.close(terminal)
    seen = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # how Linux says that a terminal has no writer any more
            break
        if not piece:
            break
        seen += piece
    os.close(master)
    text, table = seen.decode(), done.stdout.decode()
    assert "epoch 0 of 3" in text
    assert "log scale" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l"), "the cursor is left hidden"
    assert text.endswith("\x1b[2K")
    assert "\x1b" not in table
    assert [line.split()[0] for line in table.splitlines()[2:6]] == ["0", "1", "2", "3"]
