import functools
import gzip
import hashlib
import http.server
import os
import socket
import threading

import numpy as np
import pytest

from chainderiv.errors import BadShape, BadValue, DataError, OutputError, UnknownName
from chainderiv.nn import data as data_module
from chainderiv.nn import download
from chainderiv.nn.data import Data, Split, load_data
from chainderiv.nn.mnist import FILES, Published

from .test_idx import idx

RNG = np.random.default_rng(3)
SMALL = {
    "train_images": RNG.integers(256, size=(12, 28, 28)),
    "train_labels": RNG.integers(10, size=12),
    "test_images": RNG.integers(256, size=(4, 28, 28)),
    "test_labels": RNG.integers(10, size=4),
}


def packed(content):
    return gzip.compress(content, mtime=0)


def published(key):
    """What would be published if MNIST were the small arrays."""
    content = idx(SMALL[key])
    sums = [hashlib.sha256(c).hexdigest() for c in (content, packed(content))]
    return Published(FILES[key].name, len(content), *sums)


@pytest.fixture
def small(monkeypatch):
    """MNIST with 12 + 4 images, of which the last 5 of the 12 validate; no folder named."""
    table = {key: published(key) for key in SMALL}
    for key, file in table.items():
        monkeypatch.setitem(FILES, key, file)
    monkeypatch.setattr(data_module, "MNIST_VALIDATION", 5)
    monkeypatch.delenv("CHAINDERIV_DATA", raising=False)
    return table


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """An empty cache of the user's."""
    import pooch

    monkeypatch.setattr(pooch, "os_cache", lambda _: tmp_path / "cache")
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(variable, "127.0.0.1")
    return tmp_path / "cache"


def write(folder, style="{name}.gz", keys=tuple(SMALL)):
    folder.mkdir(exist_ok=True)
    for key in keys:
        name = style.format(name=FILES[key].name, dotted=FILES[key].name.replace("-idx", ".idx"))
        content = idx(SMALL[key])
        (folder / name).write_bytes(packed(content) if name.endswith(".gz") else content)
    return folder


def assert_small(data):
    assert data.name == "mnist"
    images = SMALL["train_images"].reshape(12, 784).astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(data.train.images, images[:7])
    np.testing.assert_array_equal(data.validation.images, images[7:])
    np.testing.assert_array_equal(data.train.labels, SMALL["train_labels"][:7])
    np.testing.assert_array_equal(data.validation.labels, SMALL["train_labels"][7:])
    np.testing.assert_array_equal(data.test.labels, SMALL["test_labels"])
    assert data.train.images.dtype == np.float32
    assert data.pixels == 784
    assert data.classes == 10


@pytest.mark.parametrize("style", ["{name}.gz", "{name}", "{dotted}.gz", "{dotted}"])
def test_a_folder_is_read_packed_or_not_and_with_dotted_names(small, tmp_path, style):
    assert_small(load_data("mnist", write(tmp_path, style)))


def test_the_variable_names_the_folder_and_the_argument_goes_before_it(small, tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINDERIV_DATA", str(write(tmp_path / "here")))
    assert_small(load_data())
    assert_small(load_data(folder=str(tmp_path / "here")))
    with pytest.raises(DataError, match="elsewhere"):
        load_data(folder=tmp_path / "elsewhere")


@pytest.mark.parametrize("by", ["argument", "variable"])
@pytest.mark.parametrize("key", SMALL)
@pytest.mark.parametrize("damage", ["missing", "cut", "altered", "longer", "swapped"])
def test_a_named_folder_with_a_wrong_file_is_an_error_and_never_other_data(
    small, tmp_path, monkeypatch, key, damage, by
):
    path = write(tmp_path) / f"{FILES[key].name}.gz"
    content = idx(SMALL[key])
    if damage == "missing":
        path.unlink()
    else:
        changed = {
            "cut": packed(content)[:-9],
            "altered": packed(content[:-1] + bytes([content[-1] ^ 1])),
            "longer": packed(content + b"\0"),
            "swapped": packed(idx(SMALL[key][::-1])),
        }
        path.write_bytes(changed[damage])
    if by == "variable":
        monkeypatch.setenv("CHAINDERIV_DATA", str(tmp_path))
    with pytest.raises(DataError, match=FILES[key].name) as caught:
        load_data("mnist", tmp_path if by == "argument" else None)
    assert "\n" not in str(caught.value)
    assert "; give" in str(caught.value)


def test_a_bomb_is_not_unpacked_beyond_the_published_size(small, tmp_path):
    path = write(tmp_path) / f"{FILES['test_labels'].name}.gz"
    path.write_bytes(packed(bytes(50_000_000)))
    with pytest.raises(DataError, match="more than 12 bytes"):
        load_data("mnist", tmp_path)


class _Mirror(http.server.SimpleHTTPRequestHandler):
    cut = 0  # how many bytes to leave out at the end of each file

    def log_message(self, *args):
        pass

    def copyfile(self, source, outputfile):
        content = source.read()
        outputfile.write(content[: len(content) - self.cut])


@pytest.fixture
def mirror():
    """Serve folders on loopback: mirror(folder, cut) -> URL."""
    servers = []

    def serve(folder, cut=0):
        handler = functools.partial(type("Mirror", (_Mirror,), {"cut": cut}), directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def refusing():
    """A loopback address at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/"


def test_the_cache_is_filled_from_the_first_mirror_that_gives_the_published_files(
    small, cache, mirror, refusing, tmp_path, monkeypatch
):
    whole = write(tmp_path / "whole")
    altered = tmp_path / "altered"
    altered.mkdir()
    for path in whole.iterdir():
        (altered / path.name).write_bytes(path.read_bytes() + b"?")
    (tmp_path / "empty").mkdir()
    mirrors = (refusing, mirror(tmp_path / "empty"), mirror(altered), mirror(whole, cut=5), mirror(whole))
    monkeypatch.setattr(download, "MIRRORS", mirrors)
    assert_small(load_data())
    # nothing half-written stays, and the second time needs no mirror
    assert {p.name for p in cache.iterdir()} == {f"{file.name}.gz" for file in FILES.values()}
    monkeypatch.setattr(download, "MIRRORS", (refusing,))
    assert_small(load_data())


def test_a_damaged_file_in_the_cache_is_downloaded_again(small, cache, mirror, tmp_path, monkeypatch):
    whole = write(tmp_path / "whole")
    monkeypatch.setattr(download, "MIRRORS", (mirror(whole),))
    path = write(cache) / f"{FILES['train_images'].name}.gz"
    path.write_bytes(path.read_bytes()[:100])
    assert_small(load_data())


@pytest.mark.parametrize("cut", [None, 5])
def test_where_no_mirror_serves_one_warning_says_so_and_the_digits_take_its_place(
    small, cache, mirror, refusing, tmp_path, monkeypatch, cut
):
    monkeypatch.setattr(download, "MIRRORS", (refusing if cut is None else mirror(write(tmp_path / "w"), cut),) * 3)
    with pytest.warns(UserWarning, match=r"no mirror gave.*digits take its place.*CHAINDERIV_DATA") as caught:
        data = load_data()
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert "\n" not in str(caught[0].message)
    assert data.name == "digits"
    assert list(cache.rglob("*")) == []


def test_a_cache_that_cannot_be_written_is_an_output_error(small, cache, refusing, monkeypatch):
    cache.write_text("a file where the folder should be")
    monkeypatch.setattr(download, "MIRRORS", (refusing,))
    with pytest.raises(OutputError, match="CHAINDERIV_DATA"):
        load_data()


def test_the_mirrors_serve_over_https_and_the_wait_for_them_is_short():
    assert len(download.MIRRORS) >= 3
    assert all(m.startswith("https://") and m.endswith("/") for m in download.MIRRORS)
    assert download.TIMEOUT[0] <= 5


def test_digits_are_split_in_the_given_order_with_every_class_in_each_part():
    from sklearn.datasets import load_digits

    given, digits = load_digits(), load_data("digits")
    parts = (digits.train, digits.validation, digits.test)
    assert [len(p) for p in parts] == [1297, 250, 250]
    np.testing.assert_array_equal(np.concatenate([p.labels for p in parts]), given.target)
    np.testing.assert_array_equal(np.concatenate([p.images for p in parts]) * 16, given.data)
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
    "no name": (lambda: load_data(None), UnknownName, "digits, mnist"),
    "list": (lambda: load_data(["mnist"]), UnknownName, "digits, mnist"),
    "digits from a folder": (lambda: load_data("digits", "."), BadValue, "leave folder out"),
    "no folder": (lambda: load_data("mnist", "/nowhere/at/all"), DataError, "'/nowhere/at/all'"),
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


def test_the_real_mnist_cut_short_is_an_error(mnist, tmp_path):
    source = os.environ["CHAINDERIV_DATA"]
    for name in os.listdir(source):
        if name.endswith(".gz") and "t10k-labels" not in name:
            (tmp_path / name).symlink_to(os.path.join(source, name))
    with pytest.raises(DataError, match="t10k-labels"):
        load_data("mnist", tmp_path)
