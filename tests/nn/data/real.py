"""Where the real MNIST lies that tests are run on."""

import os
from pathlib import Path

import pytest


def mnist_folder():
    """The folder that CHAINDERIV_DATA names; where it names none a test is skipped.

    What it names is asked for: a folder without the files fails, and skips nothing.
    """
    named = os.environ.get("CHAINDERIV_DATA")
    if not named:
        pytest.skip("CHAINDERIV_DATA is not set: it names the folder with the four MNIST files")
    if len(list(Path(named).glob("*ubyte*"))) < 4:
        pytest.fail(f"CHAINDERIV_DATA is {named}, which does not hold the four MNIST files")
    return Path(named)
