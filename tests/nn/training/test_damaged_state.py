"""A state on disk that was damaged is told in one line, and nothing in it is ever run."""

import io
import os
import pickle

import numpy as np
import pytest

from chainderiv.errors import DataError
from tests.nn.training.runs_kept import fingerprint, run


def cut(folder):
    (folder / "weights.npz").write_bytes((folder / "weights.npz").read_bytes()[:-30])


def emptied(folder):
    (folder / "weights.npz").write_bytes(b"")


def foreign(folder):
    np.savez(folder / "weights.npz", layer_1=np.ones(3))


def of_another_shape(folder):
    altered(folder, state_parameter_0=np.ones((2, 2)))


def of_another_source(folder):
    altered(folder, rng=np.array("[1, 2]"))


def without_a_velocity(folder):
    altered(folder, state_velocity_0=None)


def one_array(folder):
    with (folder / "weights.npz").open("wb") as file:
        np.save(file, np.ones(3))


def pickle_file(folder):
    (folder / "weights.npz").write_bytes(pickle.dumps({"epoch": 1}))


class Hostile:
    """What runs a command when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, (f"{os.environ['HOSTILE']}/unpickled",)


def hostile(folder):
    altered(folder, epoch=np.array([Hostile()], dtype=object))


def altered(folder, **arrays):
    with np.load(folder / "weights.npz") as file:
        held = {name: file[name] for name in file.files} | arrays
    np.savez(folder / "weights.npz", **{name: array for name, array in held.items() if array is not None})


DAMAGES = [
    *(cut, emptied, foreign, of_another_shape, of_another_source, without_a_velocity, one_array, pickle_file, hostile)
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_state_is_one_line_and_nothing_is_unpickled(tmp_path, monkeypatch, damage):
    monkeypatch.setenv("HOSTILE", str(tmp_path))
    run(1, folder=tmp_path / "run")
    damage(tmp_path / "run")
    with pytest.raises(DataError, match=r"weights\.npz' is damaged .*delete the folder") as caught:
        run(1, folder=tmp_path / "run", resume=True)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "unpickled").exists()


def test_the_hostile_state_would_run_its_command_if_it_were_unpickled(tmp_path, monkeypatch):
    monkeypatch.setenv("HOSTILE", str(tmp_path))
    file = io.BytesIO()
    np.save(file, np.array([Hostile()], dtype=object))
    file.seek(0)
    np.load(file, allow_pickle=True)
    assert (tmp_path / "unpickled").exists()


@pytest.mark.slow
def test_any_flipped_bits_of_the_state_are_told_or_change_nothing(tmp_path):
    want = fingerprint(*run(2, folder=tmp_path))
    right, rng, told = (tmp_path / "weights.npz").read_bytes(), np.random.default_rng(3), 0
    for at in rng.integers(len(right), size=150):
        content = bytearray(right)
        content[at] ^= 1 << rng.integers(8)
        (tmp_path / "weights.npz").write_bytes(content)
        try:
            assert fingerprint(*run(2, folder=tmp_path, resume=True)) == want
        except DataError:
            told += 1
    assert told > 20


def test_a_damaged_record_of_a_run_is_told_as_such(tmp_path):
    run(1, folder=tmp_path)
    (tmp_path / "epochs.jsonl").write_text("")
    with pytest.raises(DataError, match="holds no whole record"):
        run(1, folder=tmp_path, resume=True)
