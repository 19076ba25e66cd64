"""chainderiv reproduce: what it prints, what it refuses, and how it goes on after an interruption."""

import json
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import replace

import pytest

from chainderiv.cli import main
from chainderiv.experiments import runs
from chainderiv.experiments.catalogue import REPRODUCTIONS
from chainderiv.experiments.nielsen5 import EXPERIMENTS
from chainderiv.nn.data.data import load_data
from tests.interrupted import heeding
from tests.pages.test_html import as_typed

TINY = {"seeds": 2, "full_batch_epochs": 2, "epochs": 1, "deepest": (1, 2)}


@pytest.fixture
def tiny(monkeypatch):
    """The quick form, quicker."""
    monkeypatch.setitem(REPRODUCTIONS, "nielsen5", replace(REPRODUCTIONS["nielsen5"], quick=TINY))


def test_json_on_stdout_is_what_results_json_holds_and_where_it_lies(tiny, tmp_path, capsys):
    words = ["reproduce", "nielsen5", "--quick", "--only", "accuracy,bars", "--out", str(tmp_path), "--json"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told.pop("folder") == str(tmp_path)
    assert told.pop("index") == str(tmp_path / "index.html")
    assert told == json.loads((tmp_path / "results.json").read_text())
    # in their own order, whatever order they are asked for in
    assert [name for name in told if name in EXPERIMENTS] == ["bars", "accuracy"]
    assert len(told["accuracy"]["final"]) == 4
    assert "accuracy: 8/8" in err


def test_words_on_stdout_say_where_the_page_is_and_what_was_found(tiny, tmp_path, capsys):
    assert main(["reproduce", "nielsen5", "--quick", "--only", "insertion", "--out", str(tmp_path)]) == 0
    out, _ = capsys.readouterr()
    first, second = out.splitlines()[:2]
    assert first == f"open {tmp_path / 'index.html'}"
    assert second.startswith("insertion: Up to 3 layers that pass their input on do not change the accuracy")


def test_seeds_and_depths_are_as_asked_for(tiny, tmp_path, capsys):
    words = ["reproduce", "nielsen5", "--quick", "--only", "accuracy", "--seeds", "3", "--max-depth", "2"]
    assert main([*words, "--out", str(tmp_path), "--json"]) == 0
    final = json.loads(capsys.readouterr().out)["accuracy"]["final"]
    assert [len(row) for row in final] == [3, 3]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nielsen6"], "did you mean 'nielsen5'? (known: meanfield, nielsen5)"),
        (["meanfield", "--max-depth", "3"], "--max-depth is of nielsen5, and meanfield is asked for; leave it out"),
        (["nielsen5", "--only", "bars,norm"], "did you mean 'norms'? (known: accuracy, bars, costs"),
        (["nielsen5", "--only", ","], "give one or more of bars,norms,"),
        (["nielsen5", "--out", " "], "--out is empty"),
        (["nielsen5", "--seeds", "1"], "--seeds is 1; give a whole number from 2"),
        (["nielsen5", "--seeds", "many"], "--seeds is 'many'; give a whole number"),
        (["nielsen5", "--max-depth", "9"], "--max-depth is 9; give a whole number from 2 to 8"),
        (["nielsen5", "--quick", "--data", "x"], "--quick and --data are given together"),
        (["nielsen5", "--quick", "--workers", "2", "--scheduler", "tcp://x:1"], "--workers and --scheduler are given"),
        (["nielsen5", "--quick", "--workers", "0"], "workers is 0"),
        ([], "SOURCE"),
    ],
)
def test_bad_input_is_told_in_one_line(words, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert told in err


def test_a_folder_that_is_a_file_is_refused_before_any_training(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("chainderiv.experiments.setup.run_all", lambda *_: pytest.fail("it trained"))
    (tmp_path / "file").touch()
    assert main(["reproduce", "nielsen5", "--quick", "--out", str(tmp_path / "file")]) == 2
    assert "give another" in capsys.readouterr().err


def test_a_folder_without_mnist_is_an_error_and_no_reason_for_other_data(capsys, tmp_path):
    assert main(["reproduce", "nielsen5", "--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "lacks" in capsys.readouterr().err


def test_where_mnist_cannot_be_had_stderr_and_the_page_say_that_digits_took_its_place(tmp_path, capsys, monkeypatch):
    def offline(name, folder):
        warnings.warn("no mirror answers; digits take its place", stacklevel=2)
        return load_data("digits")

    monkeypatch.setitem(REPRODUCTIONS, "nielsen5", replace(REPRODUCTIONS["nielsen5"], full=TINY))
    monkeypatch.setattr(runs, "load_data", offline)
    runs._whole.cache_clear()
    runs._loaded.cache_clear()
    try:
        assert main(["reproduce", "nielsen5", "--only", "bars", "--out", str(tmp_path)]) == 0
    finally:
        runs._whole.cache_clear()
        runs._loaded.cache_clear()
    assert "digits take its place" in capsys.readouterr().err
    page = as_typed((tmp_path / "index.html").read_text())
    assert "MNIST could not be had: UCI’s 8 × 8 digits took its place." in page
    assert "This is the quick form" not in page


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_ends_with_130_and_the_runs_that_are_done_are_kept(tmp_path):
    code = (
        "import sys; from dataclasses import replace; from chainderiv.cli import main;"
        "from chainderiv.experiments.catalogue import REPRODUCTIONS as R;"
        "quick = {'seeds': 2, 'full_batch_epochs': 2, 'epochs': 100000, 'deepest': (1, 2)};"
        "R['nielsen5'] = replace(R['nielsen5'], quick=quick);"
        "sys.exit(main(sys.argv[1:]))"
    )
    words = ["reproduce", "nielsen5", "--quick", "--only", "accuracy", "--out", str(tmp_path)]
    child = heeding([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 300
    while not list(tmp_path.glob("runs/*/run.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=300)
    # long before 100,000 epochs are over
    assert child.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert list(tmp_path.glob("runs/*/run.json"))
    assert not (tmp_path / "index.html").exists()
