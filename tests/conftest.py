"""Random examples are new in every local run and the same in every CI run; data that several rooms are tested on."""

import os

import pytest
from hypothesis import settings

from chainderiv.nn.data.data import load_data
from tests.nn.data import real
from tests.nn.training.runs_kept import small_data

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def mnist_folder():
    """The folder with the real MNIST's four files."""
    return real.mnist_folder()


@pytest.fixture(scope="session")
def mnist(mnist_folder):
    """The real MNIST."""
    return load_data("mnist", mnist_folder)


@pytest.fixture
def tiny():
    """60 + 20 + 20 images of 6 pixels in 3 classes that a small network can learn."""
    return small_data()
