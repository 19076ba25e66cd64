import os

import numpy as np
import pytest

from chainderiv.nn.data import Data, Split, load_data


@pytest.fixture(scope="session")
def mnist():
    """The real MNIST."""
    if not os.environ.get("CHAINDERIV_DATA"):
        pytest.skip("CHAINDERIV_DATA is not set: it names the folder with the four MNIST files")
    return load_data("mnist")


@pytest.fixture
def tiny():
    """60 + 20 + 20 images of 6 pixels in 3 classes that a small network can learn."""
    rng = np.random.default_rng(5)

    def part(count):
        labels = rng.integers(3, size=count)
        images = rng.uniform(0, 0.5, size=(count, 6)) + 0.5 * (np.arange(6) // 2 == labels[:, None])
        return Split(images.astype(np.float32), labels)

    return Data("tiny", part(60), part(20), part(20), classes=3)
