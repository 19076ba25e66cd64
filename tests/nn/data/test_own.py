"""Labelled images of the user's own, and MNIST as other programs keep it."""

import contextlib
import csv
import gzip
import json
import pickle
import struct
import tracemalloc

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.cli import main
from chainderiv.errors import BadValue, DataError
from chainderiv.nn.data.data import load_data
from chainderiv.nn.data.pickled import contents_of_pickle
from tests.nn.data.small_sets import COLLECTIONS, SMALL, assert_small, packed, publish, write
from tests.nn.data.test_idx import idx

COUNT, PIXELS = 70, 6


@pytest.fixture
def small(monkeypatch):
    publish(monkeypatch)


# ---- folders


@pytest.mark.parametrize("name", COLLECTIONS)
@pytest.mark.parametrize("style", ["{name}.gz", "{name}", "{dotted}.gz", "{dotted}"])
def test_what_a_file_holds_decides_and_not_how_its_name_ends(small, tmp_path, name, style):
    for path in write(tmp_path, name, style).iterdir():
        content = path.read_bytes()
        path.write_bytes(gzip.decompress(content) if path.suffix == ".gz" else packed(content))
    assert_small(load_data(name, tmp_path), name)


@pytest.mark.parametrize("style", ["{name}.gz", "{name}", "{dotted}.gz", "{dotted}"])
def test_a_folder_of_the_files_name_is_passed_over(small, tmp_path, style):
    write(tmp_path, "mnist", style)
    for file in COLLECTIONS["mnist"].files.values():
        dotted = file.name.replace("-idx", ".idx")
        for name in (file.name, f"{file.name}.gz", dotted, f"{dotted}.gz"):
            (tmp_path / name).mkdir(exist_ok=True) if not (tmp_path / name).is_file() else None
    assert_small(load_data("mnist", tmp_path))


def test_a_folder_in_the_files_place_is_no_file(small, tmp_path):
    file = COLLECTIONS["mnist"].files["train_labels"]
    (write(tmp_path) / f"{file.name}.gz").unlink()
    (tmp_path / file.name).mkdir()
    with pytest.raises(DataError, match=f"lacks {file.name} "):
        load_data("mnist", tmp_path)


@pytest.mark.parametrize(("name", "theirs"), [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")])
@pytest.mark.parametrize("given", ["", "{theirs}", "{theirs}/raw"])
def test_torchvisions_folders_are_read_by_their_root_and_below(small, tmp_path, name, theirs, given):
    write(tmp_path / theirs / "raw", name, "{name}")
    assert_small(load_data(name, tmp_path / given.format(theirs=theirs)), name)


def test_torchvisions_root_serves_both_collections_by_the_variable(small, tmp_path, monkeypatch):
    for name, theirs in (("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")):
        write(tmp_path / theirs / "raw", name, "{name}")
    monkeypatch.setenv("CHAINDERIV_DATA", str(tmp_path))
    for name in COLLECTIONS:
        assert_small(load_data(name), name)


# ---- Nielsen's mnist.pkl.gz


def pairs(white=256, rows=(7, 5, 4)):
    arrays = SMALL["mnist"]
    images = np.concatenate([arrays["train_images"], arrays["test_images"]]).reshape(-1, 784)
    labels = np.concatenate([arrays["train_labels"], arrays["test_labels"]]).astype(np.int64)
    cuts = np.cumsum(rows)[:-1]
    grey = (images / white).astype(np.float32)
    return tuple(zip(np.split(grey, cuts), np.split(labels, cuts), strict=True))


def as_python_2_wrote(value):
    """Protocol 2 with the strings of Python 2, by hand: its opcodes for tuples and for NumPy's arrays."""
    if isinstance(value, tuple):
        return b"(" + b"".join(map(as_python_2_wrote, value)) + b"t"

    def text(content):
        return b"T" + struct.pack("<i", len(content)) + content

    shape = b"".join(b"J" + struct.pack("<i", n) for n in value.shape)
    kind = (
        b"cnumpy\ndtype\n" + text(value.dtype.str[1:].encode()) + b"K\0K\1\x87R"
        b"(K\3" + text(b"<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
    )
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85" + text(b"b") + b"\x87R"
        b"(K\1(" + shape + b"t" + kind + b"\x89" + text(value.tobytes()) + b"tb"
    )


WRITERS = {
    "Python 2": lambda value: b"\x80\2" + as_python_2_wrote(value) + b".",
    "protocol 2": lambda value: pickle.dumps(value, 2),
    "protocol 4": lambda value: pickle.dumps(value, 4),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("gz", [True, False])
def test_nielsens_pickle_gives_what_the_four_files_give(small, tmp_path, writer, gz):
    content = WRITERS[writer](pairs())
    (tmp_path / "mnist.pkl.gz").write_bytes(packed(content) if gz else content)
    assert_small(load_data("mnist", tmp_path))
    assert_small(load_data(tmp_path / "mnist.pkl.gz"))


def test_what_python_2_wrote_is_what_pickle_reads():
    read = pickle.loads(WRITERS["Python 2"](pairs()), encoding="latin1")
    for (got, got_labels), (want, labels) in zip(read, pairs(), strict=True):
        np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(got_labels, labels)


def test_the_four_files_go_before_the_pickle(small, tmp_path):
    (write(tmp_path) / "mnist.pkl.gz").write_bytes(b"no pickle")
    assert_small(load_data("mnist", tmp_path))


class Planted:
    def __init__(self, call, *given):
        self.given = call, given

    def __reduce__(self):
        return self.given


def altered():
    (images, labels), *rest = pairs()
    images = images.copy()
    images[3, 100] = 0.5 if images[3, 100] != 0.5 else 0.25
    return ((images, labels), *rest)


OTHER = {
    "planted": (lambda mark: Planted(open, str(mark), "w"), "it asks for io.open"),
    "planted in a pair": (lambda mark: ((Planted(exec, f"open({str(mark)!r}, 'w')"), 1), 2, 3), "builtins.exec"),
    "objects": (lambda mark: (pairs()[0], pairs()[1], (np.array([Planted(open, str(mark), "w")]), 1)), "'O8'"),
    "two pairs": (lambda _: pairs()[:2], "three pairs of arrays"),
    "lists": (lambda _: [[[1], [2]]] * 3, "three pairs of arrays"),
    "over 255": (lambda _: pairs(255), "no bytes over 256"),
    "not a number": (lambda _: tuple((x * np.float32("nan"), y) for x, y in pairs()), "no bytes over 256"),
    "altered": (lambda _: altered(), "is altered"),
    "moved": (lambda _: pairs()[::-1], "MNIST's published train-images"),
}


@pytest.mark.parametrize("case", OTHER)
def test_another_pickle_is_refused_and_nothing_of_it_is_executed(small, tmp_path, case):
    made, words = OTHER[case]
    mark = tmp_path / "ran"
    (tmp_path / "mnist.pkl.gz").write_bytes(packed(pickle.dumps(made(mark))))
    with pytest.raises(DataError) as caught:
        load_data("mnist", tmp_path)
    assert words in str(caught.value)
    assert "mnist.pkl.gz" in str(caught.value)
    assert "; give" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not mark.exists()


KIND = b"cnumpy\ndtype\n(X\2\0\0\0u1K\0K\1tR(K\3X\1\0\0\0|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
# one text of a million characters, kept as 0, and bytes or an array that are made of it again and again
AGAIN = {
    "bytes": b"c_codecs\nencode\nq\2" + b"h\2h\0X\6\0\0\0latin1\x86R" * 200,
    "arrays": KIND + b"q\1" + (
        b"cnumpy.core.multiarray\n_reconstruct\n)R(K\1J" + struct.pack("<i", 10**6) + b"\x85h\1\x89h\0tb"
    ) * 200,
}  # fmt: skip


@pytest.mark.parametrize("what", AGAIN)
def test_a_pickle_that_makes_much_of_little_is_refused_before_it_takes_memory(tmp_path, what):
    content = b"\x80\2(X" + struct.pack("<i", 10**6) + b"\0" * 10**6 + b"q\0" + AGAIN[what] + b"l."
    assert len(packed(content)) < 20_000
    (tmp_path / "mnist.pkl.gz").write_bytes(packed(content))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"it states more bytes than it has.*; give") as caught:
            contents_of_pickle(tmp_path / "mnist.pkl.gz", 2 * 10**6)
        assert tracemalloc.get_traced_memory()[1] < 20 * 10**6
    finally:
        tracemalloc.stop()
    assert "mnist.pkl.gz" in str(caught.value)


def test_a_damaged_pickle_is_a_data_error(small, tmp_path):
    whole, rng = WRITERS["protocol 2"](pairs()), np.random.default_rng(0)
    garbled = []
    for _ in range(300):
        one = bytearray(whole)
        for at in rng.integers(200, size=4):
            one[at] = rng.integers(256)
        garbled.append(bytes(one))
    for content in [b"", b"no pickle", whole[:-1], whole[: len(whole) // 2], *garbled]:
        if content == whole:
            continue
        (tmp_path / "mnist.pkl.gz").write_bytes(content)
        # what is garbled may be a flag of no meaning, and the content is checked all the same
        with contextlib.suppress(DataError):
            assert_small(load_data("mnist", tmp_path))


def test_fashion_mnist_is_never_read_from_mnists_pickle(small, tmp_path):
    (tmp_path / "mnist.pkl.gz").write_bytes(packed(WRITERS["protocol 2"](pairs())))
    with pytest.raises(DataError, match="lacks train-images"):
        load_data("fashion_mnist", tmp_path)


# ---- the user's own files


def own(seed=0, count=COUNT, classes=3):
    """Grey values in bytes, sorted by class, each image told by its first two pixels."""
    rng = np.random.default_rng(seed)
    images = rng.integers(256, size=(count, PIXELS)).astype(np.uint8)
    images[:, 0] = np.arange(count)
    images[0, 1] = 255
    return images, np.sort(rng.integers(classes, size=count))


def write_csv(path, images, labels, head=True, last=False, gz=False, quote=False):
    rows = np.concatenate([images, labels[:, None]] if last else [labels[:, None], images], axis=1).tolist()
    names = [f"pixel{k}" for k in range(images.shape[1])]
    names = [*names, "label"] if last else ["label", *names]
    with (gzip.open if gz else open)(path, "wt", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL if quote else csv.QUOTE_MINIMAL).writerows(
            [names, *rows] if head else rows
        )
    return path


def assert_own(data, images, labels):
    """Every image once, with its own label, as float32 of 0 to 1: 50 : 10 : 10 of 70."""
    assert [len(part) for part in (data.train, data.validation, data.test)] == [50, 10, 10]
    got = np.concatenate([part.images for part in (data.train, data.validation, data.test)])
    got_labels = np.concatenate([part.labels for part in (data.train, data.validation, data.test)])
    assert got.dtype == np.float32
    order = np.argsort(got[:, 0])
    np.testing.assert_array_equal(got[order], images.astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(got_labels[order], labels)
    assert data.classes == 3
    for part in (data.train, data.validation, data.test):
        assert set(part.labels) == {0, 1, 2}  # the file is sorted by class, and a cut of it would not be


FORMS = {
    "npz": lambda p, x, y: np.savez(p / "a.npz", images=x, labels=y),
    "npz packed": lambda p, x, y: np.savez_compressed(p / "a.npz", images=x, labels=y),
    "npz of rows and columns": lambda p, x, y: np.savez(p / "a.npz", images=x.reshape(-1, 2, 3), labels=y.astype("u1")),
    "npz of fractions": lambda p, x, y: np.savez(p / "a.npz", images=x.astype("f4") / np.float32(255), labels=y),
    "npz of floats": lambda p, x, y: np.savez(p / "a.npz", images=x.astype(float), labels=y.astype(float)),
    "csv": lambda p, x, y: write_csv(p / "a.csv", x, y),
    "csv without a head": lambda p, x, y: write_csv(p / "a.csv", x, y, head=False),
    "csv, label last": lambda p, x, y: write_csv(p / "a.csv", x, y, last=True),
    "csv of quoted fields": lambda p, x, y: write_csv(p / "a.csv", x, y, quote=True),
    "csv.gz": lambda p, x, y: write_csv(p / "a.csv.gz", x, y, gz=True),
    "plain csv.gz": lambda p, x, y: write_csv(p / "a.csv.gz", x, y),
    "packed csv": lambda p, x, y: write_csv(p / "A.CSV", x, y, gz=True),
}


@pytest.mark.parametrize("form", FORMS)
def test_images_and_labels_of_ones_own_are_read_shuffled_and_parted(tmp_path, form):
    FORMS[form](tmp_path, *own())
    (path,) = tmp_path.iterdir()
    data = load_data(str(path))
    assert_own(data, *own())
    assert data.name == path.name
    assert load_data(path).sha256 == data.sha256


def test_a_byte_order_mark_and_blank_lines_are_passed_over(tmp_path):
    path = write_csv(tmp_path / "a.csv", *own())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\r\n", b"\r\n\r\n"))
    assert_own(load_data(path), *own())


def test_test_images_stay_apart_where_the_file_parts_them(tmp_path):
    (x, y), (more, their) = own(count=60), own(1, count=12)
    more[0, 0] = 200
    np.savez(tmp_path / "mnist.npz", x_train=x, y_train=y, x_test=more, y_test=their)
    data = load_data(tmp_path / "mnist.npz")
    assert [len(part) for part in (data.train, data.validation, data.test)] == [50, 10, 12]
    np.testing.assert_array_equal(data.test.images, more.astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(data.test.labels, their)
    seen = np.concatenate([data.train.images, data.validation.images])[:, 0]
    np.testing.assert_array_equal(np.sort(seen), x[:, 0].astype(np.float32) / np.float32(255))


def test_the_command_trains_on_a_file_of_ones_own(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("mine.npz", images=own()[0], labels=own()[1])
    assert main(["train", "--dataset", "mine.npz", "--epochs", "1", "--engine", "numpy", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["data"] == "mine.npz"
    assert said["settings"]["sizes"] == [PIXELS, 30, 30, 3]
    assert main(["train", "--dataset", "mine.npz", "--data", "."]) == 2
    assert "leave folder out" in capsys.readouterr().err


X, Y = own()
NOT_OURS = {
    "missing.npz": (None, "No such file"),
    "missing.csv": (None, "No such file"),
    "a.txt": (b"1,2", "neither .npz nor .csv"),
    "a.pkl": (pickle.dumps(1), "neither .npz nor .csv"),
    "no.npz": (b"no archive", "cannot be read as .npz"),
    "empty.npz": (b"", "cannot be read as .npz"),
    "pickle.npz": (pickle.dumps({"images": 1}), "it is none, or it holds Python objects"),
    "other.npz": ({"data": X, "target": Y}, "neither images and labels nor"),
    "half.npz": ({"images": X}, "neither images and labels nor"),
    "objects.npz": ({"images": X.astype(object), "labels": Y}, "it is none, or it holds Python objects"),
    "flat.npz": ({"images": X[:, 0], "labels": Y}, "images of shape (70,)"),
    "fewer.npz": ({"images": X, "labels": Y[1:]}, "labels of shape (69,)"),
    "hot.npz": ({"images": X, "labels": np.eye(3)[Y]}, "labels of shape (70, 3)"),
    "no-pixels.npz": ({"images": X[:, :0], "labels": Y}, "images of shape (70, 0)"),
    "few.npz": ({"images": X[:6], "labels": Y[-6:]}, "holds 6 images; give at least 7"),
    "negative.npz": ({"images": X - 1.0, "labels": Y}, "other than grey values"),
    "bright.npz": ({"images": X * 2.0, "labels": Y}, "other than grey values"),
    "nan.npz": ({"images": X * np.nan, "labels": Y}, "other than grey values"),
    "words.npz": ({"images": X, "labels": Y.astype(str)}, "no whole numbers"),
    "halves.npz": ({"images": X, "labels": Y / 2}, "no whole numbers"),
    "nan-labels.npz": ({"images": X, "labels": Y * np.nan}, "no whole numbers"),
    "huge.npz": ({"images": X, "labels": Y * 1e300}, "no whole numbers"),
    "one.npz": ({"images": X, "labels": Y * 0}, "labels from 0 to 0"),
    "minus.npz": ({"images": X, "labels": Y - 1}, "labels from -1 to 1"),
    "years.npz": ({"images": X, "labels": Y + 1990}, "labels from 1990 to 1992 of 70 images"),
    "pixels.npz": ({"x_train": X, "y_train": Y, "x_test": X[:, 1:], "y_test": Y}, "images of 6 and 5 pixels"),
    "empty.csv": (b"", "no row of numbers"),
    "head.csv": (b"label,a,b\n", "no row of numbers"),
    "headless.csv": (b"digit,a,b\n1,2,3\n", "a head without label"),
    "words.csv": (b"label,a\n1,2\n0,ink\n", "'ink'"),
    "ragged.csv": (b"label,a\n1,2\n0\n", "columns"),
    "semicolon.csv": (b"1;2;3\n0;1;1\n", "a head without label"),
    "bytes.csv": (bytes(range(256)), "cannot be read as .csv"),
    "lone.csv": (b"0\n1\n0\n1\n0\n1\n0\n", "images of shape (7, 0)"),
    "cut.csv.gz": (packed(b"label,a\n" + b"1,2\n" * 999)[:-9], "cut short or damaged"),
}


@pytest.mark.parametrize("name", NOT_OURS)
def test_a_file_that_cannot_serve_gets_one_line_that_says_what_to_do(tmp_path, name):
    content, words = NOT_OURS[name]
    path = tmp_path / name
    if isinstance(content, dict):
        np.savez(path, **content)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_data(path)
    assert words in str(caught.value)
    assert name in str(caught.value)
    assert "; give " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_and_a_file_of_ones_own_are_not_given_together(tmp_path):
    with pytest.raises(BadValue, match="leave folder out"):
        cd.load_data(tmp_path / "a.npz", folder=tmp_path)


def test_idx_content_is_what_the_pickle_is_compared_with(small, tmp_path):
    """The checksums are those of IDX files, which a second writer makes here."""
    (tmp_path / "mnist.pkl.gz").write_bytes(WRITERS["protocol 2"](pairs()))
    contents = contents_of_pickle(tmp_path / "mnist.pkl.gz", 10**6)
    assert contents == {key: idx(array) for key, array in SMALL["mnist"].items()}
