"""The files of MNIST and Fashion-MNIST from several mirrors into the user's cache."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from chainderiv.errors import DataError, OutputError
from chainderiv.nn.data.idx import Bytes
from chainderiv.nn.data.mnist import Collection, Published, read_published

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
FASHION_MIRRORS = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
    # the authors' own address, which serves over http alone; what it gives is checked by its sum like the others'
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
TIMEOUT = (5.0, 20.0)  # seconds to connect, seconds between two packets
TOTAL = 600.0  # seconds for one file: the largest, 26 MB, comes through a link of 0.4 Mbit/s
CHUNK = 1 << 16  # bytes


def cached_or_downloaded(collection: Collection, mirrors: tuple[str, ...]) -> dict[str, Bytes]:
    """A collection's four arrays from the user's cache, after downloading what it lacks or holds damaged.

    Raises DataError, which names what each mirror gave, where none gave a file, and OutputError of the cache.
    """
    import pooch

    cache = Path(pooch.os_cache("chainderiv")) / collection.subfolder
    failed: dict[str, str] = {}
    arrays = {}
    for key in collection.files:
        try:
            arrays[key] = read_published(collection, key, cache)
        except DataError:
            _fetch(collection, key, cache, mirrors, failed)
            arrays[key] = read_published(collection, key, cache)
    return arrays


def _fetch(collection: Collection, key: str, cache: Path, mirrors: tuple[str, ...], failed: dict[str, str]) -> None:
    """Download one .gz; a mirror that fails is asked no more, so that without a network each is asked once."""
    import requests
    import urllib3

    file = collection.files[key]
    for mirror in mirrors:
        if mirror in failed:
            continue
        try:
            _retrieve(file, cache, mirror)
            return
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as e:
            failed[mirror] = _reason(e)
        except OSError as e:
            raise OutputError(
                f"the cache {str(cache)!r} cannot be written ({e.strerror or e}); "
                f"make it writable, or give a folder with the four {collection.title} files"
            ) from e
    asked = ", ".join(f"{urlsplit(mirror).netloc}: {reason}" for mirror, reason in failed.items())
    raise DataError(
        f"{collection.title} could not be downloaded: no mirror gave {file.name} ({asked}); "
        f"give a folder with the four {collection.title} files"
    )


def _reason(error: Exception) -> str:
    """Why a mirror failed, in a few words: the libraries' own fill lines."""
    import requests
    import urllib3

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"status {error.response.status_code}"
    if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError)):
        return "too slow"
    if isinstance(error, requests.RequestException):
        return "no answer"
    if isinstance(error, urllib3.exceptions.HTTPError):
        return "broke off"
    return "another content"  # pooch's ValueError


def _retrieve(file: Published, cache: Path, mirror: str) -> None:
    # pooch writes beside the name, checks the sum and renames, so the cache never holds half a file
    import pooch

    pooch.get_logger().setLevel("WARNING")  # its lines on every attempt would bury ours
    pooch.retrieve(
        url=f"{mirror}{file.name}.gz",
        known_hash=f"sha256:{file.gz_sha256}",
        fname=f"{file.name}.gz",
        path=cache,
        # packing shrinks a file, and adds less than this to one that it cannot shrink
        downloader=partial(_stream, limit=file.size + 1024),
    )


def _stream(url: str, path: str, _pooch: object, *, limit: int) -> None:
    """Write what url serves to path, in TOTAL seconds at most; of more than limit bytes no more than a chunk."""
    import requests

    end = time.monotonic() + TOTAL
    # identity: the sum is that of the .gz as published, not of one that was packed again for the way
    identity = {"Accept-Encoding": "identity"}
    with requests.get(url, stream=True, timeout=TIMEOUT, headers=identity) as response, open(path, "wb") as output:
        response.raise_for_status()
        # read would wait for a whole chunk, and a server that drips keeps each packet within TIMEOUT
        while (chunk := response.raw.read1(CHUNK)) and output.tell() <= limit:
            output.write(chunk)
            if time.monotonic() > end:
                raise requests.Timeout(f"{url} took more than {TOTAL:g} s")
