"""What is no network, no data and no place is answered in the package's own words, and leaves nothing behind."""

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.cli import main
from chainderiv.errors import BadShape, BadValue
from tests.nn.training.runs_kept import small_data

SIZES = [6, 4, 3]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def with_parameters(name, change):
    net = cd.Network(SIZES)
    setattr(net, name, change(getattr(net, name)))
    return net


WRONG = {
    "a number for a folder": (lambda: cd.load_network(5), BadValue, "folder is 5; give a path"),
    "a number for a record": (lambda: cd.TrainingRecord.load(5), BadValue, "folder is 5; give a path"),
    "a number to keep in": (lambda: cd.train(cd.Network(SIZES), small_data(), 1, folder=5), BadValue, "folder is 5"),
    "no data": (lambda: cd.train(cd.Network(SIZES), None), BadValue, "data is None; give a Data"),
    "no network": (lambda: cd.train(None, small_data()), BadValue, "net is None; give a Network"),
    "no function": (lambda: cd.train(cd.Network(SIZES), small_data(), on_epoch=5), BadValue, "on_epoch is 5"),
    "more than memory": (lambda: cd.Network([10**6, 10**6]), BadValue, r"1e\+12 weights of 8 bytes.*GB of memory"),
    "lists": (lambda: cd.Split([[1, 2]], [0]), BadShape, "images are of type list; give a NumPy array"),
    "no parts": (lambda: cd.Data("mine", None, None, None), BadValue, "train is None; give a Split"),
    "another weight": (
        lambda: with_parameters("weights", lambda p: [p[0][:, :5], p[1]]).output(np.ones((1, 6))),
        BadShape,
        r"weights hold \(4, 5\) for layer 1; give an array \(4, 6\)",
    ),
    "another bias": (
        lambda: cd.train(with_parameters("biases", lambda p: [p[0], p[1][:2]]), small_data(), 1),
        BadShape,
        r"biases hold \(2,\) for layer 2; give an array \(3,\)",
    ),
    "too few": (lambda: with_parameters("weights", lambda p: p[:1]).copy(), BadShape, "weights are 1 arrays; give 2"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_value_is_answered_in_one_line(case):
    ask, kind, words = WRONG[case]
    with pytest.raises(kind, match=words) as caught:
        ask()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_run_that_is_there_is_not_replaced_without_a_word(tmp_path, epochs):
    cd.train(cd.Network(SIZES), small_data(), 1, folder=tmp_path)
    held = contents(tmp_path)
    with pytest.raises(BadValue, match="holds a run already; give resume=True to go on with it"):
        cd.train(cd.Network(SIZES), small_data(), epochs, folder=tmp_path)
    assert contents(tmp_path) == held


@pytest.mark.parametrize("resume", [False, True])
def test_weights_without_a_run_are_not_replaced_without_a_word(tmp_path, capsys, resume):
    cd.train(cd.Network(SIZES), small_data(), 1, folder=tmp_path)
    (tmp_path / "run.json").unlink()
    held = contents(tmp_path)
    with pytest.raises(BadValue, match=r"holds weights\.npz without run\.json"):
        cd.train(cd.Network(SIZES), small_data(), 1, folder=tmp_path, resume=resume)
    flags = ["--resume"] if resume else []
    assert main(["train", "--dataset", "digits", "--epochs", "1", "--out", str(tmp_path), *flags]) == 2
    assert "holds weights.npz without run.json" in capsys.readouterr().err
    assert contents(tmp_path) == held


@pytest.mark.parametrize("flag", [["--csv", "new/deep/run.csv"], ["--out", "new/deep"]])
@pytest.mark.parametrize("fault", [["--dataset", "foo"], ["--dataset", "digits", "--learning-rate", "-1"]])
def test_a_refusal_leaves_no_folder_behind(tmp_path, monkeypatch, capsys, flag, fault):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *flag, *fault]) == 2
    assert list(tmp_path.iterdir()) == []


def test_data_that_do_not_fit_leave_no_folder_behind(tmp_path):
    with pytest.raises(BadShape, match="do not fit"):
        cd.train(cd.Network([5, 4, 3]), small_data(), 1, folder=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
