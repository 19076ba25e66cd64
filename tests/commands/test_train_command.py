"""chainderiv train: what its options do, what it prints and keeps, and how it is interrupted and resumed."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from chainderiv.cli import main
from chainderiv.commands import train as command
from chainderiv.nn.data.data import load_data
from chainderiv.nn.network import Network
from chainderiv.nn.training.training import train
from chainderiv.records.measurements import LAYER_COLUMNS
from chainderiv.records.record import TrainingRecord
from tests.interrupted import heeding

DIGITS = ["train", "--dataset", "digits", "--layers", "64,12,12,10"]


def printed(capsys, *words):
    """What a training prints on stdout; it must end well."""
    assert main([*DIGITS, *words]) == 0
    return capsys.readouterr().out


def as_json(capsys, *words):
    return json.loads(printed(capsys, "--json", *words))


def failed(capsys, *words):
    """The one line of a command that is refused."""
    assert main([*words]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    (line,) = streams.err.strip().splitlines()
    return line


def test_without_arguments_it_trains_nielsens_network_on_mnist(mnist, capsys):
    assert main(["train"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:6]] == ["0", "1", "2", "3"]
    assert float(lines[5].split()[1]) > 94
    assert lines[0].split() == ["epoch", "accuracy", "%", "cost", "‖δ1‖", "‖δ2‖"]
    assert "validation on mnist" in lines[6]


OPTIONS = {
    "epochs": ["--epochs", "4", 4], "batch_size": ["--batch-size", "7", 7],
    "learning_rate": ["--learning-rate", "0.25", 0.25], "weight_decay": ["--weight-decay", "0.5", 0.5],
    "rng": ["--seed", "8", 8], "dtype": ["--dtype", "float64", "float64"], "momentum": ["--momentum", "0.5", 0.5],
    "schedule": ["--schedule", "cosine", "cosine"], "clip": ["--clip", "2", 2.0], "patience": ["--patience", "5", 5],
    "measure_steps": ["--measure-steps", "50", 50], "engine": ["--engine", "numpy", "numpy"],
}  # fmt: skip


def test_every_option_reaches_train(monkeypatch, capsys):
    given = {}

    def spy(net, data, **settings):
        given.update(settings, net=net)
        return train(net, data, 0)

    monkeypatch.setattr(command, "train", spy)
    printed(capsys, *(word for flag, text, _ in OPTIONS.values() for word in (flag, text)))
    assert {name: given[name] for name in OPTIONS} == {name: value for name, (_, _, value) in OPTIONS.items()}
    assert given["net"].seed == 8
    assert (given["folder"], given["resume"]) == (None, False)


def test_without_options_the_settings_are_nielsens_with_the_decay_per_image(monkeypatch, capsys):
    given = {}

    def spy(net, data, **settings):
        given.update(settings)
        return train(net, data, 0)

    monkeypatch.setattr(command, "train", spy)
    printed(capsys)
    wanted = {
        **{"epochs": 30, "batch_size": 10, "learning_rate": 0.1, "rng": 0, "dtype": "float32", "momentum": 0.0},
        **{"schedule": "constant", "clip": None, "patience": None, "measure_steps": None, "engine": None},
    }
    assert {name: given[name] for name in wanted} == wanted
    assert given["weight_decay"] == pytest.approx(5 * 1297 / 50_000, rel=1e-12)


def test_it_trains_as_train_does(capsys):
    words = ["--epochs", "2", "--momentum", "0.5", "--schedule", "halving", "--clip", "1", "--weight-decay", "0.1"]
    result = as_json(capsys, *words)
    record = train(
        Network([64, 12, 12, 10]), load_data("digits"), 2, weight_decay=0.1, momentum=0.5, schedule="halving", clip=1,
    )  # fmt: skip
    assert result["settings"] == record.settings
    assert result["accuracy"] == record.accuracy.tolist()
    assert result["norms_l2"] == record.norms().tolist()


def test_json_holds_every_layer_column_with_null_for_what_is_not_measured(capsys):
    result = as_json(capsys, "--epochs", "1", "--measure-steps", "100")
    assert result["step"] == [0, 100, 130]
    assert result["epoch"] == [0, 100 / 130, 1]
    for name in LAYER_COLUMNS:
        assert np.shape(result[name]) == (3, 3)
    assert result["update_ratio"][0] == [None] * 3
    assert len(result["update_ratio"][2]) == 3
    assert all(0 < v < 1 for v in result["update_ratio"][2])


def test_the_activation_and_the_output_may_be_formulas(capsys):
    swish = "z/(1+exp(-1.5*z))"
    words = ["--cost", "quadratic", "--epochs", "0", "--activation", swish, "--output", "Max(0, z)"]
    settings = as_json(capsys, *words)["settings"]
    assert (settings["activation"], settings["output"]) == (swish, "Max(0, z)")
    assert as_json(capsys, "--activation", "tanh", "--epochs", "0")["settings"]["activation"] == "tanh"


def test_the_output_may_be_softmax(capsys):
    words = ["--cost", "log_likelihood", "--output", "softmax", "--epochs", "0"]
    assert as_json(capsys, *words)["settings"]["output"] == "softmax"


def test_csv_writes_every_measurement(capsys, tmp_path):
    out = printed(capsys, "--epochs", "1", "--measure-steps", "40", "--csv", str(tmp_path / "run.csv"))
    with (tmp_path / "run.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["0", "40", "80", "120", "130"]
    assert f"written: {tmp_path / 'run.csv'}" in out
    # the table on the terminal keeps to whole epochs, and says so
    assert [line.split()[0] for line in out.splitlines()[2:4]] == ["0", "1"]
    assert "3 measurements more, between epochs" in out


def test_patience_is_said(capsys):
    out = printed(capsys, "--epochs", "50", "--patience", "2", "--learning-rate", "1e-9")
    assert [line.split()[0] for line in out.splitlines()[2:5]] == ["0", "1", "2"]
    assert "stopped: 2 measurements have not raised the accuracy" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--resume"], "--resume is given without --out; give --out DIR"),
        (["--momentum", "1"], "momentum is 1"),
        (["--momentum", "much"], "--momentum is 'much'; give a number"),
        (["--clip", "0"], "clip is 0"),
        (["--clip", "nan"], "--clip is 'nan'; give a finite number"),
        (["--patience", "0"], "patience is 0"),
        (["--patience", "1.5"], "--patience is '1.5'; give a whole number"),
        (["--measure-steps", "0"], "--measure-steps is 0"),
        (["--schedule", "cosin"], "did you mean 'cosine'?"),
        (["--dtype", "float16"], "float16"),
        (["--engine", "jax"], "known: numba, numpy"),
        (["--activation", "z+"], "z+"),
        (["--output", "sigmod"], "did you mean 'sigmoid'?"),
        (["--activation", "relu", "--activation", "tanh"], "--activation is given 2 times"),
        (["--csv", "/dev/null/run.csv"], "/dev/null"),
        (["--out", "/dev/null"], "/dev/null"),
    ],
)
def test_bad_options_are_one_line_and_exit_code_2(capsys, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    assert said in failed(capsys, *DIGITS, *words)
    assert os.listdir(tmp_path) == []


def test_a_run_that_is_resumed_ends_as_one_at_once_and_other_settings_are_refused(capsys, tmp_path):
    out = ["--out", str(tmp_path / "run")]
    printed(capsys, "--epochs", "2", *out)
    resumed = as_json(capsys, "--epochs", "4", "--resume", *out)
    at_once = as_json(capsys, "--epochs", "4")
    assert resumed.pop("folder") == str(tmp_path / "run")
    assert {**at_once, "folder": None} == {**resumed, "folder": None}
    assert TrainingRecord.load(tmp_path / "run").rows()[-1]["accuracy"] == at_once["accuracy"][-1]
    line = failed(capsys, *DIGITS, "--epochs", "4", "--resume", *out, "--learning-rate", "0.2")
    assert "holds a run with --learning-rate 0.1, and asked for is 0.2" in line


def test_divergence_is_one_line_and_exit_code_1_and_the_record_is_kept(capsys, tmp_path):
    words = ["--activation", "identity", "--cost", "quadratic", "--learning-rate", "1", "--measure-steps", "1"]
    assert main([*DIGITS, *words, "--out", str(tmp_path)]) == 1
    streams = capsys.readouterr()
    assert streams.out == ""
    (line,) = streams.err.strip().splitlines()
    assert "training diverged in epoch 1: layer" in line
    assert len(TrainingRecord.load(tmp_path).cost) > 1


def interrupted(*rest, folder, **settings):
    if folder:
        (Path(folder) / "run.json").touch()
    raise KeyboardInterrupt


def test_a_run_is_never_replaced_without_a_word(capsys, tmp_path):
    assert main([*DIGITS, "--epochs", "1", "--out", str(tmp_path)]) == 0
    held = {path: path.read_bytes() for path in tmp_path.iterdir()}
    capsys.readouterr()
    assert main([*DIGITS, "--epochs", "2", "--out", str(tmp_path)]) == 2
    assert "holds a run already; give --resume" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == held


def test_resuming_where_nothing_is_says_so_and_begins(capsys, tmp_path):
    assert main([*DIGITS, "--epochs", "1", "--out", str(tmp_path / "new"), "--resume"]) == 0
    assert "holds no run yet" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--out", "--csv"])
def test_an_empty_name_is_refused(capsys, flag):
    assert main([*DIGITS, flag, " "]) == 2
    assert f"{flag} is empty" in capsys.readouterr().err


def test_an_interrupt_says_how_to_go_on_where_the_run_is_kept(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "train", interrupted)
    for words, said in (
        (["--out", str(tmp_path)], f"the same command with --resume goes on from {tmp_path}"),
        ([], "chainderiv: interrupted; no file was written"),
    ):
        assert main([*DIGITS, *words]) == 130
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert line.endswith(said)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_and_resume_go_on_with_the_same_command(capsys, tmp_path):
    words = [*DIGITS, "--epochs", "100000", "--out", str(tmp_path)]
    child = heeding([sys.executable, "-m", "chainderiv.cli", *words], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 300
    while not (tmp_path / "weights.npz").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=300)
    assert child.returncode == 130
    assert err == f"chainderiv: interrupted; the same command with --resume goes on from {tmp_path}\n"
    done = TrainingRecord.load(tmp_path)
    assert done.epochs >= 1
    epochs = str(done.epochs + 1)
    # 100000 epochs were to be trained, and numba was chosen for them
    result = as_json(capsys, "--epochs", epochs, "--resume", "--out", str(tmp_path))
    assert result["settings"]["engine"] == done.settings["engine"] == "numba"
    assert result["accuracy"] == as_json(capsys, "--epochs", epochs, "--engine", "numba")["accuracy"]


def test_where_stdout_is_ascii_the_columns_stand_under_their_names():
    done = subprocess.run(
        [sys.executable, "-m", "chainderiv.cli", *DIGITS, "--epochs", "0"], capture_output=True, text=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}, timeout=300, check=True,
    )  # fmt: skip
    header, _, row = done.stdout.splitlines()[:3]
    assert header.split()[-2:] == ["|delta1|", "|delta2|"]
    assert row.index(row.split()[-1]) == header.index("|delta2|")


# three epochs of the small digits at the usual settings: 10 % of ten classes
BY_CHANCE = ["train", "--dataset", "digits", "--layers", "64,30,30,10", "--epochs", "3"]


def cures(said):
    """The options that a line names."""
    found = re.findall(r"--[a-z][^,()]*?(?=\)|,? or |$)", said.split("; try ")[1].replace("64,30,10", "64;30;10"))
    return [cure.replace(";", ",").split() for cure in found]


def test_a_training_that_reads_by_chance_says_what_was_measured_and_what_helps(capsys):
    assert main(BY_CHANCE) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split() for line in lines[2:6]]
    (said,) = [line for line in lines if "no better than by chance" in line]
    assert said.startswith("it reads no better than by chance, 1 in 10, so far: the cost went from ")
    assert said.split("the cost went ")[1].startswith(f"from {float(rows[0][2]):.2f} to {float(rows[-1][2]):.2f}")
    slower = float(re.search(r"first hidden layer was ([\d.e+]+) times smaller", said)[1])
    assert slower == pytest.approx(float(rows[0][4]) / float(rows[0][3]), rel=0.03)
    assert [cure[0] for cure in cures(said)] == ["--epochs", "--layers", "--activation"]


@pytest.mark.slow
def test_every_cure_that_a_training_by_chance_names_is_one(capsys):
    assert main(BY_CHANCE) == 0
    (said,) = [line for line in capsys.readouterr().out.splitlines() if "no better than by chance" in line]
    for cure in cures(said):
        assert main([*BY_CHANCE, *cure]) == 0
        streams = capsys.readouterr()
        assert "by chance" not in streams.out
        (last,) = [line.split() for line in streams.out.splitlines() if re.match(r"\d+ ", line)][-1:]
        assert float(last[1]) > 60


def test_nothing_is_advised_where_the_network_has_learnt_or_was_not_trained(capsys):
    assert "by chance" not in printed(capsys, "--epochs", "0")
    assert "by chance" not in printed(capsys, "--epochs", "3", "--activation", "relu", "--init", "he")


def test_a_first_layer_that_is_not_slower_is_not_blamed(capsys):
    words = ["--layers", "64,30,30,10", "--epochs", "1", "--activation", "relu", "--init", "he"]
    assert main(["train", "--dataset", "digits", *words, "--learning-rate", "1e-9"]) == 0
    (said,) = [line for line in capsys.readouterr().out.splitlines() if "by chance" in line]
    assert "times smaller" not in said
    assert "relu" not in said
