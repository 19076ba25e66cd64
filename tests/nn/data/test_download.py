import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from chainderiv.errors import DataError, OutputError
from chainderiv.nn.data import download
from chainderiv.nn.data.data import load_data
from chainderiv.nn.data.mnist import FASHION_MNIST, MNIST, find, read_folder
from tests.interrupted import heeding
from tests.nn.data import mirror, real
from tests.nn.data.mirror import refusing, serving
from tests.nn.data.small_sets import COLLECTIONS, KEYS, assert_small, packed, publish, write

FAILING = {
    mirror.truncated: "another content",
    mirror.altered: "another content",
    mirror.login_page: "another content",
    mirror.empty: "another content",
    mirror.not_found: "status 404",
    mirror.broken: "status 500",
    mirror.redirected_in_a_circle: "no answer",
    mirror.closed_before_the_header: "no answer",
    mirror.closed_in_mid_transfer: "broke off",
    mirror.length_too_long: "broke off",
    mirror.length_too_short: "another content",
    mirror.no_http: "no answer",
    mirror.stalled_before_the_header: "too slow",
    mirror.stalled_halfway: "too slow",
    mirror.dripping: "too slow",
    mirror.endless: "another content",
}
NAMED = [mirror.truncated, mirror.altered, mirror.not_found, mirror.stalled_before_the_header, mirror.stalled_halfway]
LONG = 120.0  # seconds that nothing takes but what hangs
MIRRORS = {"mnist": "MIRRORS", "fashion_mnist": "FASHION_MIRRORS"}


def named(way):
    return getattr(way, "__name__", None)


@pytest.fixture
def small(monkeypatch):
    publish(monkeypatch)


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """An empty cache of the user's."""
    import pooch

    monkeypatch.setattr(pooch, "os_cache", lambda _: tmp_path / "cache")
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(variable, "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture
def impatient(monkeypatch):
    """Limits in which a server that stalls or drips is given up soon; of no other, however busy the machine is."""
    patient = download._stream
    monkeypatch.setattr(download, "TIMEOUT", (LONG, LONG))

    def stream(url, *given, **named):
        with monkeypatch.context() as patch:
            if url.startswith(tuple(soon)):
                patch.setattr(download, "TIMEOUT", (LONG, 0.5))
                patch.setattr(download, "TOTAL", 1.0)
            patient(url, *given, **named)

    def call(server, way):
        if FAILING[way] == "too slow":
            soon.append(server.url)

    soon = []
    monkeypatch.setattr(download, "_stream", stream)
    return call


def files_in(cache):
    return {str(path.relative_to(cache)) for path in cache.rglob("*") if not path.is_dir()}


def whole_files(name="mnist"):
    collection = COLLECTIONS[name]
    return {str(Path(collection.subfolder, f"{file.name}.gz")) for file in collection.files.values()}


@pytest.mark.parametrize("name", COLLECTIONS)
def test_what_a_mirror_serves_fills_the_cache_once(small, cache, tmp_path, monkeypatch, name):
    with serving(write(tmp_path / "whole", name)) as good:
        monkeypatch.setattr(download, MIRRORS[name], (good.url,))
        for _ in range(2):
            assert_small(load_data(name), name)
        assert good.asked == [f"{file.name}.gz" for file in COLLECTIONS[name].files.values()]
    assert files_in(cache) == whole_files(name)


def test_the_two_collections_lie_in_one_cache_beside_each_other(small, cache, tmp_path, monkeypatch):
    with contextlib.ExitStack() as stack:
        for name in COLLECTIONS:
            server = stack.enter_context(serving(write(tmp_path / name, name)))
            monkeypatch.setattr(download, MIRRORS[name], (server.url,))
            assert_small(load_data(name), name)
    for name in COLLECTIONS:
        assert_small(load_data(name), name)
    assert files_in(cache) == whole_files("mnist") | whole_files("fashion_mnist")


@pytest.mark.parametrize("way", FAILING, ids=named)
def test_a_mirror_that_fails_is_followed_by_the_next(small, cache, impatient, tmp_path, monkeypatch, way):
    folder = write(tmp_path / "whole")
    with serving(folder, way) as bad, serving(folder) as good:
        impatient(bad, way)
        monkeypatch.setattr(download, "MIRRORS", (bad.url, good.url))
        assert_small(load_data())
        assert bad.asked[0] == f"{MNIST.files['train_images'].name}.gz"
        assert len(set(bad.asked)) == 1
    assert files_in(cache) == whole_files()


@pytest.mark.parametrize("way", FAILING, ids=named)
def test_a_mirror_that_fails_alone_is_one_line_that_says_how_and_leaves_no_file(
    small, cache, impatient, tmp_path, monkeypatch, way
):
    with serving(write(tmp_path / "whole", "fashion_mnist"), way) as bad:
        impatient(bad, way)
        monkeypatch.setattr(download, "FASHION_MIRRORS", (bad.url,))
        with pytest.raises(DataError) as caught:
            load_data("fashion_mnist")
        assert str(caught.value) == (
            "Fashion-MNIST could not be downloaded: no mirror gave train-images-idx3-ubyte "
            f"({bad.url[7:-1]}: {FAILING[way]}); give a folder with the four Fashion-MNIST files"
        )
    assert files_in(cache) == set()


def test_a_mirror_that_fails_later_leaves_what_came_whole_and_the_next_gives_the_rest(
    small, cache, tmp_path, monkeypatch
):
    folder = write(tmp_path / "whole")
    half = write(tmp_path / "half")
    path = half / f"{MNIST.files['test_images'].name}.gz"
    path.write_bytes(path.read_bytes()[:-5])
    with serving(half) as bad, serving(folder) as good:
        monkeypatch.setattr(download, "MIRRORS", (bad.url, good.url))
        assert_small(load_data())
        assert len(bad.asked) == 3
        assert len(good.asked) == 2


def test_a_port_where_nobody_listens_is_followed_by_the_next_mirror(small, cache, tmp_path, monkeypatch):
    with refusing() as nobody, serving(write(tmp_path / "whole")) as good:
        monkeypatch.setattr(download, "MIRRORS", (nobody, good.url))
        assert_small(load_data())
    assert files_in(cache) == whole_files()


def test_the_line_names_every_mirror_and_how_it_failed(small, cache, tmp_path, monkeypatch):
    folder = write(tmp_path / "whole")
    with refusing() as nobody, serving(folder, mirror.not_found) as bad, serving(folder, mirror.altered) as worse:
        mirrors = (nobody, bad.url, worse.url)
        with pytest.raises(DataError) as caught:
            download.cached_or_downloaded(MNIST, mirrors)
    hosts = [url[7:-1] for url in mirrors]
    assert f"({hosts[0]}: no answer, {hosts[1]}: status 404, {hosts[2]}: another content)" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_a_mirror_one_warning_says_so_and_the_digits_take_the_place_of_mnist(small, cache, monkeypatch):
    with refusing() as nobody:
        monkeypatch.setattr(download, "MIRRORS", (nobody,) * 3)
        with pytest.warns(UserWarning, match=r"no mirror gave.*CHAINDERIV_DATA.*digits take its place") as caught:
            data = load_data()
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert "\n" not in str(caught[0].message)
    assert data.name == "digits"
    assert files_in(cache) == set()


def test_fashion_mnist_is_not_taken_from_the_folder_of_mnist(small, cache, tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINDERIV_DATA", str(write(tmp_path / "mnist")))
    with serving(write(tmp_path / "clothes", "fashion_mnist")) as good:
        monkeypatch.setattr(download, "FASHION_MIRRORS", (good.url,))
        assert_small(load_data("fashion_mnist"), "fashion_mnist")


def test_a_mirror_of_mnist_is_no_mirror_of_fashion_mnist(small, cache, tmp_path, monkeypatch):
    with serving(write(tmp_path / "mnist")) as other:
        monkeypatch.setattr(download, "FASHION_MIRRORS", (other.url,))
        with pytest.raises(DataError, match="another content"):
            load_data("fashion_mnist")
    assert files_in(cache) == set()


DAMAGED = {
    "cut": lambda content: content[:20],
    "altered": lambda content: content[:-30] + bytes(30),
    "empty": lambda content: b"",
    "other": lambda content: packed(b"another file"),
}


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("key", KEYS)
def test_a_damaged_file_in_the_cache_is_downloaded_again_and_it_alone(small, cache, tmp_path, monkeypatch, key, damage):
    path = write(cache) / f"{MNIST.files[key].name}.gz"
    path.write_bytes(DAMAGED[damage](path.read_bytes()))
    with serving(write(tmp_path / "whole")) as good:
        monkeypatch.setattr(download, "MIRRORS", (good.url,))
        assert_small(load_data())
        assert good.asked == [path.name]


@pytest.mark.parametrize("way", [mirror.altered, mirror.closed_in_mid_transfer], ids=named)
def test_a_damaged_file_that_no_mirror_replaces_is_never_read(small, cache, tmp_path, way):
    path = write(cache) / f"{MNIST.files['test_labels'].name}.gz"
    path.write_bytes(path.read_bytes()[:10])
    with serving(write(tmp_path / "whole"), way) as bad, pytest.raises(DataError, match="no mirror gave t10k-labels"):
        download.cached_or_downloaded(MNIST, (bad.url,))
    assert files_in(cache) == whole_files()


def test_what_is_packed_again_for_the_way_is_not_asked_for(small, cache, tmp_path, monkeypatch):
    accepted = []

    def listening(handler, content):
        accepted.append(handler.headers["Accept-Encoding"])
        mirror.whole(handler, content)

    with serving(write(tmp_path / "whole"), listening) as good:
        monkeypatch.setattr(download, "MIRRORS", (good.url,))
        assert_small(load_data())
    assert set(accepted) == {"identity"}


def test_a_cache_that_cannot_be_written_is_an_output_error(small, cache, tmp_path, monkeypatch):
    cache.write_text("a file where the folder should be")
    for name in COLLECTIONS:
        with serving(write(tmp_path / name, name)) as good:
            monkeypatch.setattr(download, MIRRORS[name], (good.url,))
            with pytest.raises(OutputError, match="give a folder with the four") as caught:
                load_data(name)
        assert "\n" not in str(caught.value)


def test_two_threads_that_download_at_once_both_get_the_files(small, cache, tmp_path, monkeypatch):
    both = threading.Barrier(2, timeout=LONG)

    def together(handler, content):
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait()
        mirror.whole(handler, content)

    got = []
    with serving(write(tmp_path / "whole"), together) as good:
        monkeypatch.setattr(download, "MIRRORS", (good.url,))
        threads = [threading.Thread(target=lambda: got.append(load_data())) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(good.asked) == 8
    assert len(got) == 2
    for data in got:
        assert_small(data)
    assert files_in(cache) == whole_files()


PROGRAM = """
import json, sys
from chainderiv.nn.data import download
from chainderiv.nn.data.mnist import MNIST, Published
url, table = sys.argv[1:]
download.TIMEOUT = download.TOTAL, download.TOTAL  # on a busy machine a server may be slow, and is asked all the same
MNIST.files.update({key: Published(**file) for key, file in json.loads(table).items()})
arrays = download.cached_or_downloaded(MNIST, (url,))
print([len(array) for array in arrays.values()])
"""


def start(url, cache_home):
    """A process of its own that downloads the small MNIST."""
    table = json.dumps({key: asdict(file) for key, file in MNIST.files.items()})
    return heeding(
        [sys.executable, "-c", PROGRAM, url, table],
        env={**os.environ, "XDG_CACHE_HOME": str(cache_home), "no_proxy": "127.0.0.1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the cache of a process is set by XDG_CACHE_HOME, as on Linux")
def test_two_processes_that_download_at_once_both_get_the_files(small, tmp_path):
    both = threading.Barrier(2, timeout=LONG)

    def together(handler, content):
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait()
        mirror.whole(handler, content)

    with serving(write(tmp_path / "whole"), together) as good:
        outputs = [
            process.communicate(timeout=2 * LONG) for process in [start(good.url, tmp_path / "home") for _ in range(2)]
        ]
    assert outputs == [("[12, 12, 4, 4]\n", "")] * 2
    assert files_in(tmp_path / "home" / "chainderiv") == whole_files()


@pytest.mark.skipif(sys.platform != "linux", reason="the cache of a process is set by XDG_CACHE_HOME, as on Linux")
def test_an_interrupt_in_mid_download_leaves_no_partial_file(small, tmp_path):
    half = threading.Event()

    def stalling(handler, content):
        mirror.closed_in_mid_transfer(handler, content)
        half.set()
        handler.server.ending.wait()

    cache = tmp_path / "home" / "chainderiv"
    with serving(write(tmp_path / "whole"), stalling) as server:
        process = start(server.url, tmp_path / "home")
        while process.poll() is None and not half.wait(0.01):
            pass
        begun = files_in(cache)  # made before the mirror was asked, and removed by the interrupt alone
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == -signal.SIGINT, errors
    assert len(begun) == 1
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert files_in(cache) == set()


def test_the_mirrors_serve_over_https_first_and_the_wait_for_them_is_short():
    for mirrors in (download.MIRRORS, download.FASHION_MIRRORS):
        assert len(mirrors) >= 3
        assert all(url.startswith("https://") for url in mirrors[:2])
        assert all(url.endswith("/") for url in mirrors)
    assert download.TIMEOUT[0] <= 5
    assert download.TOTAL <= 600


def test_the_real_mnist_is_skipped_where_nobody_names_it_and_fails_where_what_is_named_is_not_there(
    tmp_path, monkeypatch
):
    monkeypatch.delenv("CHAINDERIV_DATA", raising=False)
    with pytest.raises(pytest.skip.Exception, match="CHAINDERIV_DATA"):
        real.mnist_folder()
    monkeypatch.setenv("CHAINDERIV_DATA", str(tmp_path))
    with pytest.raises(pytest.fail.Exception, match="does not hold the four"):
        real.mnist_folder()
    write(tmp_path)
    assert real.mnist_folder() == tmp_path


@pytest.fixture(scope="module")
def packed_mnist(mnist_folder, tmp_path_factory):
    """A folder with the real MNIST packed, and the arrays in it."""
    folder = tmp_path_factory.mktemp("real")
    for key, file in MNIST.files.items():
        path = find(MNIST, key, mnist_folder)
        content = path.read_bytes()
        (folder / f"{file.name}.gz").write_bytes(content if path.suffix == ".gz" else packed(content))
    return folder, read_folder(MNIST, mnist_folder)


@pytest.fixture
def served(packed_mnist, cache, monkeypatch):
    """The real MNIST with the sums of the .gz files at hand: those may be re-compressed, their content may not."""
    folder, arrays = packed_mnist
    for key, file in MNIST.files.items():
        digest = hashlib.sha256((folder / f"{file.name}.gz").read_bytes()).hexdigest()
        monkeypatch.setitem(MNIST.files, key, replace(file, gz_sha256=digest))
    return folder, arrays


@pytest.mark.parametrize("way", NAMED, ids=named)
def test_the_real_mnist_comes_from_the_next_mirror(served, impatient, cache, way):
    folder, arrays = served
    with serving(folder, way) as bad, serving(folder) as good:
        impatient(bad, way)
        got = download.cached_or_downloaded(MNIST, (bad.url, good.url))
        assert len(bad.asked) == 1
    assert list(got) == list(arrays)
    assert all(np.array_equal(got[key], arrays[key]) for key in arrays)
    assert files_in(cache) == whole_files()


@pytest.mark.parametrize("way", NAMED, ids=named)
def test_the_real_mnist_from_a_failing_mirror_alone_is_one_line_and_leaves_no_file(served, impatient, cache, way):
    with serving(served[0], way) as bad:
        impatient(bad, way)
        with pytest.raises(DataError, match=FAILING[way]) as caught:
            download.cached_or_downloaded(MNIST, (bad.url,))
    assert "\n" not in str(caught.value)
    assert files_in(cache) == set()


def test_the_real_mnist_is_refused_where_fashion_mnist_is_asked_for(served, cache):
    with serving(served[0]) as other, pytest.raises(DataError, match="another content"):
        download.cached_or_downloaded(FASHION_MNIST, (other.url,))
    assert files_in(cache) == set()
