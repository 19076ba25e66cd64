"""The command line: what it prints, where, and with which exit code."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.cli import COMMANDS, _joined, _parser, main
from chainderiv.commands import pages
from tests.interrupted import heeding
from tests.kinds import costly

EQUATION = "∂C/∂b₁ = σ'(z₁) · w₂ σ'(z₂) · w₃ σ'(z₃) · w₄ σ'(z₄) · ∂C/∂a₄"


def run(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {str(k): str(v) for k, v in options.items()}
    return subprocess.run(
        [sys.executable, "-m", "chainderiv.cli", *words],
        capture_output=True, text=True, timeout=300, env=environment, check=False,
    )  # fmt: skip


def test_derive_prints_equation_1_of_the_source_in_its_order(capsys):
    assert main(["derive", "--depth", "4"]) == 0
    assert capsys.readouterr().out == EQUATION + "\n"


def test_where_stdout_is_no_utf8_the_text_form_is_printed():
    done = run("derive", "--depth", "2", "--at", "w=100,z=0", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0
    assert done.stdout.startswith("dC/db1 = sigmoid'(z1) * w2 sigmoid'(z2) * dC/da2\n")
    # the factors below are named as the formula above names them
    assert "  sigmoid'(z1) " in done.stdout
    assert "?" not in done.stdout


def test_every_link_of_the_exploding_case_is_25(capsys):
    assert main(["derive", "--at", "w=100,z=0", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [f"{link['value']:.12g}" for link in result["links"]] == ["25", "25", "25"]
    before_the_cost = np.prod([v["value"] for v in result["values"][:-1]])
    assert f"{before_the_cost:.12g}" == f"{25**3 / 4:.12g}"


def test_steps_end_in_the_result(capsys):
    assert main(["derive", "--depth", "3", "--steps", "--wrt", "w2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines[:-1]] == ["BP1", "BP2", "BP4"]
    assert lines[-1].startswith("∂C/∂w₂ = a₁ · ")


def test_compare_prints_the_links_between(capsys):
    assert main(["derive", "--compare", "b3", "b1"]) == 0
    assert capsys.readouterr().out == "∂C/∂b₁ = [ σ'(z₁) · w₂ σ'(z₂) · w₃ ] · ∂C/∂b₃\n"


def test_the_cost_that_cancels_says_so(capsys):
    assert main(["derive", "--cost", "cross_entropy"]) == 0
    assert "the cost cancels σ'(z₄)" in capsys.readouterr().out
    assert main(["derive", "--cost", "quadratic"]) == 0
    assert "cancels" not in capsys.readouterr().out


@pytest.mark.parametrize("target", ["unicode", "text", "latex", "mathml", "numpy"])
def test_derive_prints_every_target_whole(capsys, target):
    assert main(["derive", "--depth", "40", "--to", target]) == 0
    printed = capsys.readouterr().out
    if target == "numpy":
        compile(printed, "printed", "exec")
    else:
        assert printed.count("'(") == 40 if target != "mathml" else printed.count("′") == 40


def test_what_is_merely_shown_is_elided_when_it_is_deep(capsys):
    assert main(["derive", "--depth", "1000000"]) == 0
    printed = capsys.readouterr().out
    assert "⋯" in printed
    assert "w₁₀₀₀₀₀₀ σ'(z₁₀₀₀₀₀₀) · ∂C/∂a₁₀₀₀₀₀₀" in printed
    assert len(printed) < 300


@pytest.mark.parametrize("axis", [["--w", "-12:12:31"], ["--w=-12:12:31"]])
def test_an_axis_may_begin_with_a_minus_sign(capsys, axis):
    assert main(["map", *axis, "--b", "-10:10:21", "--json"]) == 0
    (summary,) = json.loads(capsys.readouterr().out)["maps"]
    assert summary["axes"] == {"w": [-12, 12, 31, "linear"], "b": [-10, 10, 21, "linear"]}
    assert summary["points"] == 31 * 21
    assert summary["exact_zeros"] == 21
    assert sum(summary["regimes"].values()) == pytest.approx(1)


@pytest.mark.parametrize("ending", costly(["png", "svg", "pdf", "npz"], quick=["png", "pdf", "npz"]))
def test_map_writes_the_file_that_the_name_asks_for(tmp_path, capsys, ending):
    out = tmp_path / "new" / f"map.{ending}"
    assert main(["map", "--w", "-9:9:41", "--b", "-5:5:31", "--out", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    beginning = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "npz": b"PK"}[ending]
    assert out.read_bytes().startswith(beginning)
    assert [p.name for p in out.parent.iterdir()] == [out.name]
    if ending == "npz":
        with np.load(out, allow_pickle=False) as held:
            assert held["log_abs"].shape == (41, 31)
            assert held["axis_w"][0] == -9


@pytest.mark.parametrize(("depth", "more"), [(100, {"rate", "regime"}), (1, set())])
def test_an_npz_holds_every_array_of_a_map_and_what_is_uncertain(tmp_path, depth, more):
    out, chain = tmp_path / "map.npz", cd.Chain(depth, "gelu")
    axes = {"w": cd.Axis(-9, 9, 201), "b": cd.Axis(-5, 5, 101)}
    words = ["--depth", str(depth), "--activation", "gelu", "--w", "-9:9:201", "--b", "-5:5:101", "--x", "0.3"]
    assert main(["map", *words, "--out", str(out)]) == 0
    want = cd.sweep(chain, **axes, x=0.3)  # with x = 0.5 every z_1 near 0 is exact, and nothing uncertain
    with np.load(out, allow_pickle=False) as held:
        arrays = {"sign", "log_abs", "below_quarter", "uncertain"} | more
        assert set(held) == arrays | {"axis_w", "axis_b"}
        for name in arrays:
            np.testing.assert_array_equal(held[name], getattr(want, name))
        assert held["uncertain"].any()


@pytest.mark.parametrize(
    "quantity", costly(["gradient", "rate", "regime", "below_quarter", "uncertain"], quick=["regime"])
)
def test_map_draws_every_quantity_and_several_activations(tmp_path, quantity):
    out = tmp_path / "map.png"
    words = ["--activation", "sigmoid", "--activation", "tanh", "--quantity", quantity, "--out", str(out)]
    assert main(["map", "--axis", "w2=-3:3:21", "--w", "1.5", "--b", "-2:2:11", *words]) == 0
    assert out.stat().st_size > 5000


def test_map_pins_z_and_takes_log_axes(capsys):
    assert main(["map", "--z", "-3:3:7", "--w", "1e-2:1e2:5:log", "--json"]) == 0
    (summary,) = json.loads(capsys.readouterr().out)["maps"]
    assert summary["axes"]["w"] == [0.01, 100, 5, "log"]
    # σ'(0) = 1/4 and w = 100: three links of 25
    assert summary["log10_largest"] == pytest.approx(np.log10(25**3 / 4 * 0.5), rel=1e-12)


def test_verify_agrees_and_says_what_could_judge(capsys):
    assert main(["verify", "--depth", "3", "--points", "8", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["passed"] is True
    assert {row["method"] for row in result["rows"]} == {
        "complex step", "mpmath differences", "float64 differences",
    }  # fmt: skip
    assert {row["parameter"] for row in result["rows"]} == {"b1", "w1", "b2", "w2", "b3", "w3", "x"}


def test_verify_that_disagrees_ends_with_3(monkeypatch, capsys):
    from chainderiv.commands import verify as command
    from chainderiv.symbolic.derive import derive

    def planted(chain, wrt):
        derivation = derive(chain, wrt)
        return derivation.replace(3, 1.001 * derivation.factors[3])

    monkeypatch.setattr(command, "derive", planted)
    assert main(["verify", "--wrt", "b1", "--points", "5"]) == 3
    printed = capsys.readouterr().out
    assert "FAILED" in printed
    assert "factor 3: w₃" in printed
    assert "DISAGREED" in printed


def test_train_reports_the_norms_and_keeps_the_record(tmp_path, capsys):
    words = ["--dataset", "digits", "--epochs", "2", "--learning-rate", "1", "--weight-decay", "0.1"]
    assert main(["train", *words, "--layers", "64,12,12,10", "--out", str(tmp_path / "run"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert np.shape(result["norms_l2"]) == (3, 2)
    assert len(result["accuracy"]) == 3
    from chainderiv.records.record import TrainingRecord

    kept = TrainingRecord.load(tmp_path / "run")
    assert kept.norms("l2").tolist() == result["norms_l2"]


def test_without_files_and_network_training_falls_back_to_digits_and_says_so(monkeypatch, tmp_path, capsys):
    from chainderiv.nn.data import download

    monkeypatch.delenv("CHAINDERIV_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(download, "MIRRORS", ("http://127.0.0.1:9/",))
    assert main(["train", "--epochs", "0"]) == 0
    streams = capsys.readouterr()
    assert "digits" in streams.err
    assert "validation on digits" in streams.out


BAD = {
    "unknown command": ["nope"],
    "unknown flag": ["derive", "--wat"],
    "flag without its value": ["derive", "--depth"],
    "depth 0": ["derive", "--depth", "0"],
    "depth 1.5": ["derive", "--depth", "1.5"],
    "depth beyond": ["derive", "--depth", "1000001"],
    "depth of words": ["derive", "--depth", "four"],
    "unknown activation": ["derive", "--activation", "sigmod"],
    "unknown cost": ["derive", "--cost", "mse"],
    "unknown output": ["derive", "--output", "softmax"],
    "unknown target": ["derive", "--to", "fortran"],
    "unknown parameter": ["derive", "--wrt", "b9"],
    "two activations": ["derive", "--activation", "relu", "--activation", "tanh"],
    "cross-entropy after relu": ["derive", "--activation", "relu", "--cost", "cross_entropy"],
    "log-likelihood in a chain": ["derive", "--cost", "log_likelihood"],
    "compare with itself": ["derive", "--compare", "b1", "b1"],
    "compare a weight": ["derive", "--compare", "b1", "w2"],
    "at without w": ["derive", "--at", "z=0"],
    "at with b and z": ["derive", "--at", "w=1,b=0,z=0"],
    "at NaN": ["derive", "--at", "w=nan,z=0"],
    "at unknown": ["derive", "--at", "w=1,z=0,q=3"],
    "at garbled": ["derive", "--at", "w:1"],
    "x infinite": ["derive", "--at", "w=1,z=0", "--x", "inf"],
    "reversed axis": ["map", "--w", "12:-12:101"],
    "empty axis": ["map", "--w", "-12:12:0"],
    "axis of a point": ["map", "--w", "3:3:5"],
    "axis of words": ["map", "--w", "a:b:c"],
    "axis NaN": ["map", "--w", "nan:1:5"],
    "axis too long": ["map", "--w", "0:1:5:log:10"],
    "log axis from 0": ["map", "--w", "0:1:5:log"],
    "nothing swept": ["map", "--w", "1", "--b", "1"],
    "z and b": ["map", "--z", "-1:1:5", "--b", "1"],
    "axis of b9": ["map", "--axis", "b9=0:1:5"],
    "axis without a name": ["map", "--axis", "0:1:5"],
    "axis twice": ["map", "--w", "0:1:5", "--axis", "w=0:1:5"],
    "unknown quantity": ["map", "--quantity", "beauty"],
    "out without an ending": ["map", "--out", "map"],
    "out is a folder": ["map", "--out", "/tmp/.png/../"],
    "out under a file": ["map", "--out", "/dev/null/map.png"],
    "three axes to a picture": ["map", "--w", "0:1:5", "--b", "0:1:5", "--axis", "w2=0:1:5", "--out", "x.png"],
    "no points": ["verify", "--points", "0"],
    "points of words": ["verify", "--points", "many"],
    "negative seed": ["verify", "--seed", "-1"],
    "unknown dataset": ["train", "--dataset", "cifar"],
    "data folder missing": ["train", "--data", "/nowhere"],
    "layers of words": ["train", "--dataset", "digits", "--layers", "a,b"],
    "layers that do not fit": ["train", "--dataset", "digits", "--layers", "784,30,10"],
    "layer of 0": ["train", "--dataset", "digits", "--layers", "64,0,10"],
    "unknown init": ["train", "--dataset", "digits", "--init", "dirac"],
    "init of a negative sigma": ["train", "--dataset", "digits", "--init", "sigma_w=-1"],
    "init of a sigma that is none": ["train", "--dataset", "digits", "--init", "sigma_w=wide"],
    "init of another number": ["train", "--dataset", "digits", "--init", "gain=2"],
    "init that is critical nowhere": ["train", "--dataset", "digits", "--activation", "softplus", "--init", "critical"],
    "negative epochs": ["train", "--dataset", "digits", "--epochs", "-1"],
    "learning rate 0": ["train", "--dataset", "digits", "--learning-rate", "0"],
    "tour into a file": ["tour", "--out", "/dev/null"],
    "tour under a file": ["tour", "--out", "/dev/null/tour"],
}


@pytest.mark.parametrize("words", BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_on_stderr_and_exit_code_2(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    lines = streams.err.strip().splitlines()
    assert len(lines) == 1, streams.err
    assert lines[0].startswith("chainderiv")
    assert len(lines[0]) > 30
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_mnist_file_is_one_line_and_exit_code_2(tmp_path, capsys):
    for name in ("train-images", "train-labels", "t10k-images", "t10k-labels"):
        kind = "idx3" if "images" in name else "idx1"
        (tmp_path / f"{name}-{kind}-ubyte").write_bytes(b"\x00\x00\x08\x01\x00\x00")
    assert main(["train", "--data", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "train-images" in line  # the first of the four that are read


def test_an_existing_file_survives_a_map_that_is_refused(tmp_path):
    kept = tmp_path / "map.png"
    kept.write_bytes(b"mine")
    assert main(["map", "--w", "5:1:9", "--out", str(kept)]) == 2
    assert kept.read_bytes() == b"mine"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_shows_examples_that_its_parser_takes(name, capsys):
    assert main([name, "--help"]) == 0
    first, *others = re.findall(r"^(example:| {8}) (chainderiv .*)", capsys.readouterr().out, re.MULTILINE)
    assert first[0] == "example:"
    assert others or name == "completion"
    for _, line in (first, *others):
        _, *words = shlex.split(line)
        assert words[0] == name
        assert callable(_parser(words).parse_args(_joined(words)).run)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a disk that is full is simulated")
@pytest.mark.parametrize("words", [["--version"], ["tour", "--help"]])
def test_a_reader_who_has_left_is_no_fault_and_a_full_disk_is_told_in_a_line(words):
    # a short output is written at the very end, where Python would complain for itself
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    read, written = os.pipe()
    os.close(read)
    with open(written, "w") as left, open("/dev/full", "w") as full:
        gone, filled = (
            subprocess.run(
                [sys.executable, "-m", "chainderiv", *words],
                stdout=to, stderr=subprocess.PIPE, text=True, timeout=300, env=usual,
            )
            for to in (left, full)
        )  # fmt: skip
    assert (gone.returncode, gone.stderr) == (1, "")
    assert (filled.returncode, filled.stderr.count("\n")) == (1, 1)
    assert "the output cannot be written (No space left on device)" in filled.stderr


@pytest.mark.skipif(os.name != "posix", reason="a shell closes stdout")
def test_a_stdout_that_is_closed_is_no_fault(monkeypatch):
    command = shlex.join([sys.executable, "-m", "chainderiv", "--version"]) + " >&-"
    done = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    monkeypatch.setattr("webbrowser.open", lambda url: True)
    monkeypatch.setattr("sys.stdout", None)  # so it is there
    assert pages.opened("page.html")


def test_where_stderr_is_closed_stdout_is_the_result_alone(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr", None)
    assert main(["map", "--w", "-1:1:3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["maps"]
    assert main(["map", "--w", "none"]) == 2
    assert capsys.readouterr().out == ""


def test_the_package_is_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "chainderiv", "derive", "--depth", "4"],
        capture_output=True, text=True, timeout=300, check=True, env=os.environ | {"PYTHONUTF8": "1"},
    )  # fmt: skip
    assert done.stdout == EQUATION + "\n"


def test_without_a_command_it_says_where_to_begin(capsys):
    assert main([]) == 0
    streams = capsys.readouterr()
    assert streams.err == ""
    begun = re.findall(r"^  chainderiv (\w+)", streams.out, re.MULTILINE)
    assert begun[0] == "tour"
    assert set(begun) - {"COMMAND"} < set(COMMANDS)
    for name in COMMANDS:
        assert re.search(rf"^    {name}\b", streams.out, re.MULTILINE)


@pytest.mark.parametrize("words", [["derive", "--depth", "4"], ["map", "--out", "map.png"], ["completion", "bash"]])
def test_what_the_help_begins_with_works(words, tmp_path, monkeypatch, capsys):
    assert main([]) == 0
    assert f"chainderiv {' '.join(words)} " in capsys.readouterr().out
    monkeypatch.chdir(tmp_path)
    assert main(words) == 0


@pytest.mark.parametrize("name", costly(COMMANDS, quick=["map"]))
def test_help_is_printed_where_stdout_is_no_utf8(name):
    code = f"from chainderiv.cli import main; main([{name!r}, '--help'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=300, check=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )  # fmt: skip
    assert done.stderr == b""
    assert done.stdout.decode("ascii").startswith(f"usage: chainderiv {name}")


def test_version_loads_nothing_heavy():
    code = (
        "import sys; from chainderiv.cli import main; main(['--version']);"
        "print(sorted({'numpy', 'sympy', 'scipy', 'matplotlib', 'sklearn', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.splitlines()[1] == "[]"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_during_training_ends_with_130_and_keeps_the_finished_epochs(tmp_path):
    out = tmp_path / "run"
    words = ["train", "--dataset", "digits", "--epochs", "100000", "--out", str(out)]
    child = heeding([sys.executable, "-m", "chainderiv.cli", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 300
    rows = out / "epochs.jsonl"
    while not (rows.exists() and len(rows.read_bytes().splitlines()) > 1) and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=300)
    assert child.returncode == 130
    assert "Traceback" not in err
    from chainderiv.records.record import TrainingRecord

    assert TrainingRecord.load(out).epochs >= 1
    assert not [p for p in out.iterdir() if p.name.startswith(".")]
