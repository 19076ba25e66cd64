"""Where the real MNIST lies that tests are run on."""

import os
from pathlib import Path

import pytest

from chainderiv.errors import DataError
from chainderiv.nn.data import download
from chainderiv.nn.data.mnist import MNIST


def mnist_folder():
    """The folder that CHAINDERIV_DATA names, or in CI the cache, filled from the mirrors.

    Without either a test is skipped; in CI, where nobody reads what was skipped, it fails.
    """
    if named := os.environ.get("CHAINDERIV_DATA"):
        return Path(named)
    if not os.environ.get("CI"):
        pytest.skip("CHAINDERIV_DATA is not set: it names the folder with the four MNIST files")
    import pooch

    try:
        download.cached_or_downloaded(MNIST, download.MIRRORS)
    except DataError as e:
        pytest.fail(f"CI is set, and the real MNIST is missing: {e}, named in CHAINDERIV_DATA")
    return Path(pooch.os_cache("chainderiv")) / MNIST.subfolder
