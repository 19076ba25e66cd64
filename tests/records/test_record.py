import json
import os
import pickle
from dataclasses import replace

import numpy as np
import pytest

from chainderiv import writing
from chainderiv.errors import BadShape, DataError, OutputError, UnknownName
from chainderiv.nn.network import Network
from chainderiv.nn.training.training import train
from chainderiv.records.record import TrainingRecord

FILES = {"run.json", "epochs.jsonl", "gradients.npz"}


@pytest.fixture
def record(tiny):
    return train(Network([6, 5, 4, 3]), tiny, 3)


def assert_same(one, two):
    assert one.settings == two.settings
    for name in ("training_cost", "cost", "accuracy"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert len(one.bias_gradients) == len(two.bias_gradients)
    for row, other in zip(one.bias_gradients, two.bias_gradients, strict=True):
        for g, h in zip(row, other, strict=True):
            np.testing.assert_array_equal(g, h)


def made(*rows):
    """A record of given gradients, per row, per layer."""
    count = len(rows)
    layers = tuple(tuple(np.array(g, float) for g in row) for row in rows)
    return TrainingRecord({}, layers, np.ones(count), np.ones(count), np.zeros(count))


def test_norms_are_over_the_hidden_layers():
    record = made([[3, -4], [1, 2, -2], [9]], [[0, 0], [-1, 0, 0], [9]])
    np.testing.assert_allclose(record.norms("l2"), [[5, 3], [0, 1]], rtol=1e-15, atol=0)
    np.testing.assert_allclose(record.norms("l1"), [[7, 5], [0, 1]], rtol=1e-15, atol=0)
    np.testing.assert_allclose(record.ratio(), [3 / 5, np.inf], rtol=1e-15, atol=0)


def test_a_norm_whose_squares_underflow_is_kept():
    record = made([[3e-300, 4e-300], [1.0], [1.0]])
    np.testing.assert_allclose(record.norms(), [[5e-300, 1]], rtol=1e-12, atol=0)
    np.testing.assert_allclose(record.ratio("l1"), [1 / 7e-300], rtol=1e-12, atol=0)


def test_a_network_without_hidden_layers_has_no_norms():
    assert made([[1.0]], [[2.0]]).norms().shape == (2, 0)
    assert np.isnan(made([[1.0]]).ratio()).all()


def test_a_saved_record_comes_back(record, tmp_path):
    record.save(tmp_path / "new" / "folder")
    assert set(os.listdir(tmp_path / "new" / "folder")) == FILES
    assert_same(TrainingRecord.load(tmp_path / "new" / "folder"), record)


def test_the_lines_of_epochs_are_json_with_both_norms(record, tmp_path):
    record.save(tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "epochs.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3]
    np.testing.assert_array_equal([row["norms_l1"] for row in rows], record.norms("l1"))
    np.testing.assert_array_equal([row["norms_l2"] for row in rows], record.norms("l2"))
    assert json.loads((tmp_path / "run.json").read_text())["settings"] == record.settings


@pytest.mark.parametrize("failing", sorted(FILES))
def test_a_save_that_fails_leaves_the_former_files_whole(record, tiny, tmp_path, monkeypatch, failing):
    before = {}
    train(Network([6, 5, 4, 3]), tiny, 1).save(tmp_path)
    for name in FILES:
        before[name] = (tmp_path / name).read_bytes()
    right = writing.Path.write_bytes

    def full(path, content):
        if failing in path.name:
            right(path, content[:10])
            raise OSError(28, "No space left on device")
        return right(path, content)

    monkeypatch.setattr(writing.Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left"):
        record.save(tmp_path)
    assert set(os.listdir(tmp_path)) == FILES
    assert (tmp_path / failing).read_bytes() == before[failing]
    # the same run, saved anew after more epochs: what was finished before still reads
    assert len(TrainingRecord.load(tmp_path).cost) == 2


def damage_json(folder):
    (folder / "run.json").write_text("{")


def damage_npz(folder):
    (folder / "gradients.npz").write_bytes((folder / "gradients.npz").read_bytes()[:-30])


def damage_bytes(folder):
    content = bytearray((folder / "gradients.npz").read_bytes())
    content[200] ^= 0xFF
    (folder / "gradients.npz").write_bytes(content)


def damage_lines(folder):
    lines = (folder / "epochs.jsonl").read_text().splitlines()
    (folder / "epochs.jsonl").write_text("\n".join(lines[:-1]))


def damage_number(folder):
    text = (folder / "epochs.jsonl").read_text()
    (folder / "epochs.jsonl").write_text(text.replace('"norms_l2": [0.', '"norms_l2": [1.', 1))


def not_a_record(folder):
    (folder / "run.json").write_text("[1, 2]")


def pickled(folder):
    np.savez(folder / "gradients.npz", layer_1=np.array([{"a": 1}], dtype=object))


def pickle_file(folder):
    (folder / "gradients.npz").write_bytes(pickle.dumps({"layer_1": 1}))


def other_run(folder):
    with np.load(folder / "gradients.npz") as gradients:
        doubled = {name: 2 * gradients[name] for name in gradients.files}
    np.savez(folder / "gradients.npz", **doubled)


def binary(folder):
    (folder / "run.json").write_bytes(b"\xff\xfe\x00")


@pytest.mark.parametrize(
    "damage",
    [
        *(damage_json, damage_npz, damage_bytes, damage_lines, damage_number),
        *(not_a_record, pickled, pickle_file, other_run, binary),
    ],
)
def test_a_damaged_record_is_a_data_error(record, tmp_path, damage):
    record.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(DataError, match="holds no whole record") as caught:
        TrainingRecord.load(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_missing_file_is_a_data_error(record, tmp_path, name):
    record.save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=name):
        TrainingRecord.load(tmp_path)


def test_a_folder_that_cannot_be_written_is_an_output_error(record, tmp_path):
    (tmp_path / "file").write_text("here")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", "/proc/here"):
        with pytest.raises(OutputError, match="cannot be made") as caught:
            record.save(folder)
        assert "\n" not in str(caught.value)
    (tmp_path / "run.json").mkdir()
    with pytest.raises(OutputError, match=r"run\.json"):
        record.save(tmp_path)


def test_wrong_names_and_rows_get_one_line():
    with pytest.raises(UnknownName, match="l1, l2"):
        made([[1.0], [1.0]]).norms("l3")
    with pytest.raises(BadShape, match="equally many"):
        TrainingRecord({}, (), np.ones(0), np.ones(0), np.ones(0))
    with pytest.raises(BadShape, match="equally many"):
        TrainingRecord({}, ((np.ones(1),),), np.ones(2), np.ones(1), np.ones(1))


def damage_a_cost(folder):
    text = (folder / "epochs.jsonl").read_text()
    (folder / "epochs.jsonl").write_text(text.replace('"cost": ', '"cost": 1', 1))


def damage_a_layer(folder):
    text = (folder / "epochs.jsonl").read_text()
    (folder / "epochs.jsonl").write_text(text.replace('"saturated": [0.', '"saturated": [0.1', 1))


@pytest.mark.parametrize("damage", [damage_a_cost, damage_a_layer])
def test_a_number_that_was_altered_in_a_line_is_told(record, tmp_path, damage):
    record.save(tmp_path)
    before = (tmp_path / "epochs.jsonl").read_text()
    damage(tmp_path)
    assert (tmp_path / "epochs.jsonl").read_text() != before
    with pytest.raises(DataError, match="epochs.jsonl is not as run.json has it"):
        TrainingRecord.load(tmp_path)


@pytest.mark.parametrize("name", ["gradients.npz", "epochs.jsonl"])
def test_any_flipped_bits_of_the_numbers_are_told_or_change_nothing(record, tmp_path, name):
    record.save(tmp_path)
    right, rng, told = (tmp_path / name).read_bytes(), np.random.default_rng(4), 0
    for at in rng.integers(len(right), size=200):
        content = bytearray(right)
        content[at] ^= 1 << rng.integers(8)
        (tmp_path / name).write_bytes(content)
        try:
            assert_same(TrainingRecord.load(tmp_path), record)
        except DataError:
            told += 1
    assert told > 100


@pytest.mark.parametrize("failing", range(4))
def test_a_save_of_fewer_rows_that_is_cut_short_reads_as_one_of_the_two(record, tmp_path, monkeypatch, failing):
    shorter = replace(
        record, bias_gradients=record.bias_gradients[:2], training_cost=record.training_cost[:2],
        cost=record.cost[:2], accuracy=record.accuracy[:2], steps=record.steps[:2],
        layers={name: column[:2] for name, column in record.layers.items()},
    )  # fmt: skip
    record.save(tmp_path)
    right, calls = writing.Path.replace, []

    def full(path, target):
        calls.append(target.name)
        if len(calls) > failing:
            raise OSError(28, "No space left on device")
        return right(path, target)

    monkeypatch.setattr(writing.Path, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        shorter.save(tmp_path)
    assert_same(TrainingRecord.load(tmp_path), shorter if failing else record)
