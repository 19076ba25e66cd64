"""Random examples are new in every local run and the same in every CI run; data that several rooms are tested on."""

import os

import pytest
from hypothesis import settings

from chainderiv.nn.data.data import load_data
from tests.nn.training.runs_kept import small_data

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def mnist():
    """The real MNIST."""
    if not os.environ.get("CHAINDERIV_DATA"):
        pytest.skip("CHAINDERIV_DATA is not set: it names the folder with the four MNIST files")
    return load_data("mnist")


@pytest.fixture
def tiny():
    """60 + 20 + 20 images of 6 pixels in 3 classes that a small network can learn."""
    return small_data()
