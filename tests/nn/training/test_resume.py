"""A run that is killed at any moment and resumed ends with the bits of one that was left alone."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sympy import Float, exp

from chainderiv.errors import BadValue, OutputError
from chainderiv.functions.activation import Activation
from chainderiv.functions.stable import Stable
from chainderiv.nn.network import Network
from chainderiv.nn.training import checkpoint, training
from chainderiv.nn.training.training import train
from chainderiv.records.record import TrainingRecord
from chainderiv.symbols import z
from tests.kinds import slow
from tests.nn.training.killed import EPOCHS
from tests.nn.training.runs_kept import PLAIN, SETTINGS, SIZES, Killed, fingerprint, killed_after, run, small_data

FILES = {"run.json", "epochs.jsonl", "gradients.npz", "weights.npz"}
ROOT = Path(__file__).parents[3]


@pytest.fixture
def every_epoch(monkeypatch):
    """States are kept after every epoch, however short it is."""
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="SIGKILL and fork")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_killed_by_sigkill_until_one_finishes_a_run_ends_with_the_bits_of_one_left_alone(tmp_path, engine, dtype):
    settings = (SETTINGS if dtype == "float32" else PLAIN) | {"engine": engine, "dtype": dtype}
    words = [str(tmp_path / "run"), str(len(engine + dtype)), json.dumps(settings)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.nn.training.killed", *words], cwd=ROOT, capture_output=True, text=True, timeout=300,
        check=True,
    )  # fmt: skip
    came = json.loads(done.stdout)
    assert came["kills"] >= 3
    assert came["cut"] >= 1, "no kill met a file that was being written"
    assert set(came["left"]) == FILES
    assert came["finished"] == fingerprint(*run(EPOCHS, **settings))


class Mortal:
    """Operations on files, of which the one after the first so many kills; nothing is written after that."""

    def __init__(self, monkeypatch, lives):
        self.lives, self.killed = lives, False
        for name in ("write_bytes", "replace", "unlink"):
            monkeypatch.setattr(Path, name, self._mortal(getattr(Path, name)))

    def _mortal(self, right):
        def operation(path, *rest, **keywords):
            self.lives -= 1
            if self.lives < 0:
                self.killed = True
                raise Killed
            return right(path, *rest, **keywords)

        return operation


def killed_everywhere(monkeypatch, tmp_path, act, template=None):
    """The folders in which act was killed before the 1st, 2nd, … operation on a file, until none is left to kill at."""
    for lives in range(1000):
        folder = tmp_path / f"killed_{lives}"
        if template is not None:
            shutil.copytree(template, folder)
        with monkeypatch.context() as patch:
            mortal = Mortal(patch, lives)
            try:
                act(folder)
            except Killed:
                assert mortal.killed
        if not mortal.killed:
            assert lives > 10
            return
        yield folder
    raise AssertionError("it does not end")


@pytest.mark.parametrize("engine", ["numpy", slow("numba")])
def test_a_kill_between_any_two_operations_on_files_costs_nothing(tmp_path, monkeypatch, every_epoch, engine):
    want = fingerprint(*run(2, engine=engine))
    for folder in killed_everywhere(monkeypatch, tmp_path, lambda folder: run(2, engine=engine, folder=folder)):
        assert fingerprint(*run(2, engine=engine, folder=folder, resume=True)) == want
        assert set(os.listdir(folder)) == FILES


@pytest.fixture
def ahead(tmp_path, every_epoch):
    """A folder whose record is ahead of its state, as a kill between the two leaves it."""
    killed_after(2, tmp_path / "behind", 5)
    killed_after(4, tmp_path / "ahead", 5)
    shutil.copy(tmp_path / "behind" / "weights.npz", tmp_path / "ahead")
    return tmp_path / "ahead"


@pytest.mark.slow
def test_a_run_that_goes_back_to_its_state_may_be_killed_anywhere_as_well(tmp_path, monkeypatch, ahead):
    assert TrainingRecord.load(ahead).epochs == 4
    want = fingerprint(*run(5))
    for folder in killed_everywhere(monkeypatch, tmp_path, lambda f: run(5, folder=f, resume=True), ahead):
        TrainingRecord.load(folder)
        assert fingerprint(*run(5, folder=folder, resume=True)) == want


def test_what_a_kill_leaves_of_a_run_never_gives_way_to_another(tmp_path, monkeypatch, every_epoch):
    other, began = fingerprint(*run(2, rng=12)), 0
    for folder in killed_everywhere(monkeypatch, tmp_path, lambda f: run(2, folder=f)):
        if (folder / "run.json").exists():
            began, before = began + 1, contents(folder)
            with pytest.raises(BadValue, match="holds a run already"):
                run(2, rng=12, folder=folder)
            assert contents(folder) == before
        else:
            assert fingerprint(*run(2, rng=12, folder=folder)) == other
    assert began > 5


def test_a_run_that_another_ends_before_the_folder_is_taken_is_not_replaced(tmp_path, monkeypatch):
    only_writer = training.only_writer

    def late(folder):
        monkeypatch.setattr(training, "only_writer", only_writer)
        run(2, folder=tmp_path)
        before.update(contents(tmp_path))
        return only_writer(folder)

    before = {}
    monkeypatch.setattr(training, "only_writer", late)
    with pytest.raises(BadValue, match="holds a run already"):
        run(3, rng=12, folder=tmp_path)
    assert before
    assert contents(tmp_path) == before


def resumed(folder, epochs=5, **changes):
    """The fingerprint of a run of five epochs that was killed behind the second."""
    killed_after(2, folder, epochs, **changes)
    return fingerprint(*run(epochs, folder=folder, resume=True, **changes))


@pytest.mark.parametrize("settings", [SETTINGS, PLAIN], ids=["full", "plain"])
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_resumed_run_has_the_bits_of_one_left_alone(tmp_path, every_epoch, engine, settings):
    changes = settings | {"engine": engine}
    assert resumed(tmp_path, **changes) == fingerprint(*run(5, **changes))


def forget_velocity(right, kept, descending, rng):
    right(kept, descending, rng)
    for velocity in descending._velocity:
        velocity[:] = 0


def forget_shuffles(right, kept, descending, rng):
    before = rng.bit_generator.state
    right(kept, descending, rng)
    rng.bit_generator.state = before


def forget_a_rounding(right, kept, descending, rng):
    right(kept, descending, rng)
    W = descending._net.weights[0]
    W[0, 0] = np.nextafter(W[0, 0], W.dtype.type(1))


@pytest.mark.parametrize("forget", [forget_velocity, forget_shuffles, forget_a_rounding])
def test_a_resume_that_forgets_something_would_be_caught(tmp_path, monkeypatch, every_epoch, forget):
    right = checkpoint.Kept.restore
    monkeypatch.setattr(checkpoint.Kept, "restore", lambda *given: forget(right, *given))
    assert resumed(tmp_path) != fingerprint(*run(5))


@pytest.mark.parametrize("source", ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"])
def test_every_source_of_shuffles_goes_on_where_it_was(tmp_path, every_epoch, source):
    def rng():
        return np.random.Generator(getattr(np.random, source)(7))

    killed_after(2, tmp_path, 4, rng=rng())
    assert fingerprint(*run(4, folder=tmp_path, resume=True, rng=rng())) == fingerprint(*run(4, rng=rng()))


def test_another_source_of_shuffles_is_refused_in_one_line(tmp_path):
    run(1, folder=tmp_path, rng=np.random.default_rng(7))
    with pytest.raises(BadValue, match="PCG64.*MT19937") as caught:
        run(1, folder=tmp_path, rng=np.random.Generator(np.random.MT19937(7)), resume=True)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("measure_epochs", [1, 2, 3])
def test_more_epochs_go_on_as_if_they_had_been_asked_for_at_once(tmp_path, measure_epochs):
    changes = {"schedule": "constant", "measure_steps": None, "measure_epochs": measure_epochs}
    run(4, folder=tmp_path, **changes)
    assert fingerprint(*run(7, folder=tmp_path, resume=True, **changes)) == fingerprint(*run(7, **changes))
    assert TrainingRecord.load(tmp_path).settings["epochs"] == 7


def test_fewer_epochs_than_are_done_are_refused(tmp_path):
    changes = {"schedule": "constant", "measure_steps": None, "measure_epochs": 2}
    killed_after(2, tmp_path, 9, **changes)
    run(5, folder=tmp_path, resume=True, **changes)
    for epochs in (0, 4):
        with pytest.raises(BadValue, match=f"after epoch 5, and epochs is {epochs}; give at least 5"):
            run(epochs, folder=tmp_path, resume=True, **changes)


def test_an_end_that_was_passed_unmeasured_is_refused(tmp_path, every_epoch):
    changes = {"schedule": "constant", "measure_steps": 5, "measure_epochs": 100}
    killed_after(1, tmp_path, 9, **changes)  # an epoch has 9 steps: measured at the 10th, in the second one
    with pytest.raises(BadValue, match="after epoch 2, and epochs is 2; give at least 3"):
        run(2, folder=tmp_path, resume=True, **changes)
    assert fingerprint(*run(3, folder=tmp_path, resume=True, **changes)) == fingerprint(*run(3, **changes))


def other_formula(name):
    return Network(SIZES, Activation.from_formula("mine", name), rng=2)


OTHERS = {
    "batch_size": 8, "learning_rate": 0.25, "weight_decay": 0.5, "momentum": 0.25, "clip": None, "rng": 12,
    "schedule": "linear", "measure_steps": 5, "measure_epochs": 1, "dtype": "float64", "engine": "numba", "patience": 3,
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_settings_are_refused_and_named(tmp_path, name):
    run(1, folder=tmp_path)
    before = contents(tmp_path)
    with pytest.raises(BadValue, match=f"a run with {'seed' if name == 'rng' else name} ") as caught:
        run(1, folder=tmp_path, resume=True, **{name: OTHERS[name]})
    assert "resume it with its own settings" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert contents(tmp_path) == before


def test_other_epochs_are_refused_where_the_rate_depends_on_them(tmp_path):
    run(1, folder=tmp_path)
    with pytest.raises(BadValue, match="a run with epochs 1, and asked for is 2"):
        run(2, folder=tmp_path, resume=True)


def test_another_network_or_other_data_are_refused(tmp_path):
    data = small_data()
    train(Network(SIZES, rng=2), data, 1, folder=tmp_path)
    for name, net in {
        "sizes": Network([6, 4, 3], rng=2), "activation": Network(SIZES, "tanh", rng=2),
        "init_seed": Network(SIZES, rng=3), "init": Network(SIZES, init="large", rng=2),
        "cost": Network(SIZES, cost="quadratic", rng=2), "residual": Network(SIZES, rng=2, residual=True),
        "network_dtype": Network(SIZES, rng=2, dtype="float32"),
    }.items():  # fmt: skip
        with pytest.raises(BadValue, match=f"a run with {name} "):
            train(net, data, 1, folder=tmp_path, resume=True)
    with pytest.raises(BadValue, match="a run with data "):
        train(Network(SIZES, rng=2), data.take(50), 1, folder=tmp_path, resume=True)


def test_another_formula_of_the_same_name_is_refused(tmp_path):
    train(other_formula("z/(1+exp(-z))"), small_data(), 1, folder=tmp_path)
    with pytest.raises(BadValue, match="a run with activation_formula "):
        train(other_formula("z/(1+exp(-2*z))"), small_data(), 1, folder=tmp_path, resume=True)


def test_other_digits_or_forms_of_the_same_text_are_refused_and_other_letters_are_not(tmp_path):
    def train_with(factor, **changes):
        own = Activation("own", z / (1 + exp(-Float(factor) * z)), **changes)
        train(Network(SIZES, own, rng=2), small_data(), 1, folder=tmp_path, resume=True)

    train_with(1.702)
    train_with(1.702, symbol="φ")
    for changes in (
        {"factor": 1.7020000000000002},
        {"factor": 1.702, "stable": Stable(value=z / (1 + exp(-1.702 * z)))},
    ):
        with pytest.raises(BadValue, match="whose activation has other numbers or stable forms") as caught:
            train_with(**changes)
        assert "\n" not in str(caught.value)


def test_a_resume_starts_where_nothing_is_kept(tmp_path):
    assert fingerprint(*run(2, folder=tmp_path / "new", resume=True)) == fingerprint(*run(2))


def test_a_resume_needs_a_folder():
    with pytest.raises(BadValue, match="resume is given without folder; give the folder"):
        run(1, resume=True)


@pytest.mark.parametrize("name", sorted(FILES - {"run.json", "weights.npz"}))
def test_a_folder_that_takes_no_file_is_one_line(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(OutputError, match=rf"{name}' cannot be written .*give another"):
        run(1, folder=tmp_path)


def test_weights_that_are_no_run_s_are_not_replaced(tmp_path):
    (tmp_path / "weights.npz").write_bytes(b"mine")
    with pytest.raises(BadValue, match=r"holds weights\.npz without run\.json"):
        run(1, folder=tmp_path)
    assert contents(tmp_path) == {"weights.npz": b"mine"}


@pytest.mark.parametrize("patience", [None, 1])
def test_a_finished_run_that_is_resumed_changes_nothing_and_gives_all_of_it(tmp_path, patience):
    changes = {"patience": patience, "learning_rate": 1e-9}  # so small that the accuracy never rises
    net, record = run(5, folder=tmp_path, **changes)
    assert (record.epochs < 5) == (patience is not None)
    before, calls = contents(tmp_path), []
    again = run(5, folder=tmp_path, resume=True, on_epoch=calls.append, **changes)
    assert fingerprint(*again) == fingerprint(net, record)
    assert again[1].settings == record.settings
    assert contents(tmp_path) == before
    assert len(calls) == 1


@pytest.mark.parametrize("patience", [1, 3, 6])
def test_patience_counts_through_a_resume(tmp_path, every_epoch, patience):
    changes = {"learning_rate": 0.3, "measure_steps": None, "measure_epochs": 1, "patience": patience}
    want = run(30, **changes)
    at = want[1].epochs // 2
    killed_after(at, tmp_path, 30, **changes)
    assert fingerprint(*run(30, folder=tmp_path, resume=True, **changes)) == fingerprint(*want)


def test_what_a_kill_left_half_written_is_tidied_and_nothing_else(tmp_path):
    run(1, folder=tmp_path)
    (tmp_path / ".0a1b2c3d.weights.npz").write_bytes(b"half")
    (tmp_path / ".mine").write_bytes(b"whole")
    run(1, folder=tmp_path, resume=True)
    assert set(os.listdir(tmp_path)) == FILES | {".mine"}


def test_an_exception_of_the_caller_s_keeps_every_row_that_was_measured(tmp_path):
    killed_after(3, tmp_path, 9, measure_epochs=1)
    record = TrainingRecord.load(tmp_path)
    assert record.epochs == 3
    assert record.steps.tolist() == run(3, measure_epochs=1)[1].steps.tolist()
