import os

import pytest

from chainderiv.nn.data import load_data

from .runs_kept import small_data


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
