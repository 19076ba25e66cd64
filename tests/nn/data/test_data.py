import hashlib

import numpy as np
import pytest

from chainderiv.errors import BadShape, BadValue, DataError, UnknownName
from chainderiv.nn.data.data import DIGITS, Data, Split, load_data
from chainderiv.nn.data.mnist import FASHION_MNIST, MNIST
from tests.nn.data.small_sets import COLLECTIONS, KEYS, SMALL, assert_small, packed, publish, write
from tests.nn.data.test_idx import idx


@pytest.fixture
def small(monkeypatch):
    publish(monkeypatch)


@pytest.mark.parametrize("name", COLLECTIONS)
@pytest.mark.parametrize("style", ["{name}.gz", "{name}", "{dotted}.gz", "{dotted}"])
def test_a_folder_is_read_packed_or_not_and_with_dotted_names(small, tmp_path, name, style):
    assert_small(load_data(name, write(tmp_path, name, style)), name)


def test_the_variable_names_the_folder_and_the_argument_goes_before_it(small, tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINDERIV_DATA", str(write(tmp_path / "here")))
    assert_small(load_data())
    assert_small(load_data(folder=str(tmp_path / "here")))
    with pytest.raises(DataError, match="elsewhere"):
        load_data(folder=tmp_path / "elsewhere")


def test_the_variable_names_fashion_mnist_by_its_subfolder_and_the_argument_goes_before_it(
    small, tmp_path, monkeypatch
):
    monkeypatch.setenv("CHAINDERIV_DATA", str(write(tmp_path / "here")))
    write(tmp_path / "here" / "fashion-mnist", "fashion_mnist")
    assert_small(load_data("fashion_mnist"), "fashion_mnist")
    assert_small(load_data("mnist"), "mnist")
    with pytest.raises(DataError, match="elsewhere"):
        load_data("fashion_mnist", folder=tmp_path / "elsewhere")


@pytest.mark.parametrize("by", ["argument", "variable"])
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("damage", ["missing", "cut", "altered", "longer", "swapped"])
@pytest.mark.parametrize("name", COLLECTIONS)
def test_a_named_folder_with_a_wrong_file_is_an_error_and_never_other_data(
    small, tmp_path, monkeypatch, name, key, damage, by
):
    collection = COLLECTIONS[name]
    folder = write(tmp_path / collection.subfolder, name)
    path = folder / f"{collection.files[key].name}.gz"
    content = idx(SMALL[name][key])
    if damage == "missing":
        path.unlink()
    else:
        changed = {
            "cut": packed(content)[:-9],
            "altered": packed(content[:-1] + bytes([content[-1] ^ 1])),
            "longer": packed(content + b"\0"),
            "swapped": packed(idx(SMALL[name][key][::-1])),
        }
        path.write_bytes(changed[damage])
    if by == "variable":
        monkeypatch.setenv("CHAINDERIV_DATA", str(tmp_path))
    with pytest.raises(DataError, match=collection.files[key].name) as caught:
        load_data(name, folder if by == "argument" else None)
    assert "\n" not in str(caught.value)
    assert "; give" in str(caught.value)


@pytest.mark.parametrize(("asked", "there"), [("mnist", "fashion_mnist"), ("fashion_mnist", "mnist")])
@pytest.mark.parametrize("style", ["{name}.gz", "{name}"])
def test_the_files_of_the_other_collection_are_refused_by_its_name(small, tmp_path, asked, there, style):
    with pytest.raises(DataError) as caught:
        load_data(asked, write(tmp_path, there, style))
    assert f" is {COLLECTIONS[there].title}'s; give {COLLECTIONS[asked].title}'s published" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_single_file_of_the_other_collection_is_refused(small, tmp_path):
    labels = MNIST.files["test_labels"].name
    write(tmp_path)
    (tmp_path / f"{labels}.gz").write_bytes(packed(idx(SMALL["fashion_mnist"]["test_labels"])))
    with pytest.raises(DataError, match=f"{labels}.gz is Fashion-MNIST's"):
        load_data("mnist", tmp_path)


def test_the_published_files_of_the_two_differ_by_their_sums_alone():
    for key in KEYS:
        one, other = MNIST.files[key], FASHION_MNIST.files[key]
        assert (one.name, one.size) == (other.name, other.size)
    files = [file for collection in COLLECTIONS.values() for file in collection.files.values()]
    sums = [text for file in files for text in (file.content_sha256, file.gz_sha256)]
    assert len(set(sums)) == 16
    assert all(len(text) == 64 and int(text, 16) for text in sums)


def test_a_bomb_is_not_unpacked_beyond_the_published_size(small, tmp_path):
    path = write(tmp_path) / f"{MNIST.files['test_labels'].name}.gz"
    path.write_bytes(packed(bytes(50_000_000)))
    with pytest.raises(DataError, match="more than 12 bytes"):
        load_data("mnist", tmp_path)


def whole_digits():
    """The digits' counts of dark pixels and their labels, the three parts put together again."""
    digits = load_data("digits")
    parts = (digits.train, digits.validation, digits.test)
    return np.concatenate([p.images for p in parts]) * 16, np.concatenate([p.labels for p in parts])


def test_digits_are_as_many_as_uci_publishes_of_each_class_and_counts_of_sixteen_pixels():
    images, labels = whole_digits()
    # optdigits.names, "Class: No of examples in testing set"
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert images.shape == (1797, 64)
    assert set(np.unique(images)) == set(range(17))
    # the 13 writers wrote the ten digits in this order again and again
    assert labels[:30].tolist() == list(range(10)) * 3
    content = images.astype(np.uint8).tobytes() + labels.astype(np.uint8).tobytes()
    assert hashlib.sha256(content).hexdigest() == "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def test_digits_are_those_of_scikit_learn():
    given, (images, labels) = pytest.importorskip("sklearn.datasets").load_digits(), whole_digits()
    np.testing.assert_array_equal(labels, given.target)
    np.testing.assert_array_equal(images, given.data)


def test_digits_say_where_they_are_from_and_under_which_licence():
    beside = DIGITS.with_suffix(".txt").read_text(encoding="utf-8")
    assert "https://doi.org/10.24432/C50P49" in beside
    assert "https://creativecommons.org/licenses/by/4.0/" in beside
    assert DIGITS.stat().st_size < 60_000


def test_digits_are_split_in_the_given_order_with_every_class_in_each_part():
    digits = load_data("digits")
    parts = (digits.train, digits.validation, digits.test)
    assert [len(p) for p in parts] == [1297, 250, 250]
    for part in parts:
        assert part.images.dtype == np.float32
        assert 0 <= part.images.min() < part.images.max() <= 1
        shares = np.bincount(part.labels) / len(part)
        assert (abs(shares - 0.1) < 0.02).all()
    assert digits.pixels == 64


def test_take_keeps_the_first_training_images_and_the_rest_whole():
    digits = load_data("digits")
    taken = digits.take(100)
    np.testing.assert_array_equal(taken.train.images, digits.train.images[:100])
    np.testing.assert_array_equal(taken.train.labels, digits.train.labels[:100])
    assert taken.validation is digits.validation
    assert taken.test is digits.test
    assert taken.sha256 != digits.sha256


ROWS = np.zeros((3, 4), np.float32)
BAD = {
    "name": (lambda: load_data("mnits"), UnknownName, "did you mean 'mnist'"),
    "no name": (lambda: load_data(None), UnknownName, "digits, fashion_mnist, mnist"),
    "list": (lambda: load_data(["mnist"]), UnknownName, "digits, fashion_mnist, mnist"),
    "digits from a folder": (lambda: load_data("digits", "."), BadValue, "leave folder out"),
    "no folder": (lambda: load_data("mnist", "/nowhere/at/all"), DataError, "'/nowhere/at/all'"),
    "no folder of clothes": (lambda: load_data("fashion_mnist", "/nowhere"), DataError, "four Fashion-MNIST files"),
    "file as folder": (lambda: load_data("mnist", __file__), DataError, "no folder"),
    "take 0": (lambda: load_data("digits").take(0), BadValue, ">= 1"),
    "take 1.5": (lambda: load_data("digits").take(1.5), BadValue, ">= 1"),
    "take too many": (lambda: load_data("digits").take(1298), BadValue, "at most 1297"),
    "labels of floats": (lambda: Split(ROWS, np.zeros(3)), BadShape, "whole numbers"),
    "too few labels": (lambda: Split(ROWS, np.zeros(2, int)), BadShape, "(n,)"),
    "image without rows": (lambda: Split(ROWS[0], np.zeros(4, int)), BadShape, "(n, pixels)"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_line_that_says_what_to_do(case):
    call, kind, words = BAD[case]
    with pytest.raises(kind) as caught:
        call()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_real_mnist_is_split_as_in_nielsens_book(mnist):
    assert isinstance(mnist, Data)
    assert [len(p) for p in (mnist.train, mnist.validation, mnist.test)] == [50_000, 10_000, 10_000]
    assert mnist.train.images.shape == (50_000, 784)
    assert mnist.train.images.dtype == np.float32
    assert mnist.train.images.min() == 0
    assert mnist.train.images.max() == 1
    # the first labels, as every description of the data set prints them
    np.testing.assert_array_equal(mnist.train.labels[:10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4])
    np.testing.assert_array_equal(mnist.test.labels[:5], [7, 2, 1, 0, 4])


def test_the_real_mnist_cut_short_is_an_error(mnist_folder, tmp_path):
    for path in mnist_folder.iterdir():
        if path.suffix == ".gz" and "t10k-labels" not in path.name:
            (tmp_path / path.name).symlink_to(path)
    with pytest.raises(DataError, match="t10k-labels"):
        load_data("mnist", tmp_path)


def test_the_real_mnist_is_refused_as_fashion_mnist(mnist_folder):
    with pytest.raises(DataError, match="is MNIST's; give Fashion-MNIST's published train-images") as caught:
        load_data("fashion_mnist", mnist_folder)
    assert "\n" not in str(caught.value)
