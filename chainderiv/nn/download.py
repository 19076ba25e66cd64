"""MNIST's files from several mirrors into the user's cache."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from chainderiv.errors import DataError, OutputError
from chainderiv.nn.idx import Bytes
from chainderiv.nn.mnist import FILES, Published, read_folder, read_published

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
TIMEOUT = (5.0, 20.0)  # seconds to connect, seconds between two packets


def cached_or_downloaded() -> dict[str, Bytes]:
    """MNIST's four arrays from the user's cache, after downloading what it lacks.

    Raises
    ------
    DataError
        When no mirror gave a file.
    OutputError
        When the cache cannot be written.
    """
    import pooch

    cache = Path(pooch.os_cache("chainderiv"))
    mirrors = list(MIRRORS)
    for file in FILES.values():
        if not _whole(file, cache):
            _fetch(file, cache, mirrors)
    return read_folder(cache)


def _whole(file: Published, cache: Path) -> bool:
    try:
        read_published(file, cache)
    except DataError:
        return False
    return True


def _fetch(file: Published, cache: Path, mirrors: list[str]) -> None:
    """Download one .gz; a mirror that fails leaves the list, so that without a network each is asked once."""
    import requests

    while mirrors:
        try:
            _retrieve(file, cache, mirrors[0])
            return
        except (requests.RequestException, ValueError):  # no answer; another content (pooch's ValueError)
            del mirrors[0]
        except OSError as e:
            raise OutputError(
                f"the cache {str(cache)!r} cannot be written ({e.strerror or e}); "
                "make it writable, or set CHAINDERIV_DATA to a folder with the four MNIST files"
            ) from e
    hosts = ", ".join(urlsplit(mirror).netloc for mirror in MIRRORS)
    raise DataError(f"MNIST could not be downloaded: no mirror gave {file.name} (asked: {hosts})")


def _retrieve(file: Published, cache: Path, mirror: str) -> None:
    # pooch writes beside the name, checks the sum and renames, so the cache never holds half a file
    import pooch

    pooch.get_logger().setLevel("WARNING")  # its lines on every attempt would bury ours
    pooch.retrieve(
        url=f"{mirror}{file.name}.gz",
        known_hash=f"sha256:{file.gz_sha256}",
        fname=f"{file.name}.gz",
        path=cache,
        downloader=pooch.HTTPDownloader(timeout=TIMEOUT),
    )
