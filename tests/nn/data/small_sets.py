"""MNIST and Fashion-MNIST with 12 + 4 images each, and the tables that would be published of them."""

import gzip
import hashlib

import numpy as np

from chainderiv.nn.data import data as data_module
from chainderiv.nn.data.mnist import FASHION_MNIST, MNIST, Published
from tests.nn.data.test_idx import idx

VALIDATION = 5  # of the 12


def _arrays(seed):
    rng = np.random.default_rng(seed)
    return {
        "train_images": rng.integers(256, size=(12, 28, 28)),
        "train_labels": rng.integers(10, size=12),
        "test_images": rng.integers(256, size=(4, 28, 28)),
        "test_labels": rng.integers(10, size=4),
    }


COLLECTIONS = {"mnist": MNIST, "fashion_mnist": FASHION_MNIST}
SMALL = {"mnist": _arrays(3), "fashion_mnist": _arrays(4)}
KEYS = tuple(SMALL["mnist"])


def packed(content):
    return gzip.compress(content, mtime=0)


def published(name, key):
    """What would be published of a file if its collection were the small arrays."""
    content = idx(SMALL[name][key])
    sums = [hashlib.sha256(c).hexdigest() for c in (content, packed(content))]
    return Published(COLLECTIONS[name].files[key].name, len(content), *sums)


def publish(monkeypatch):
    """Let the small arrays be what is published, and no folder be named."""
    for name, collection in COLLECTIONS.items():
        for key in KEYS:
            monkeypatch.setitem(collection.files, key, published(name, key))
    monkeypatch.setattr(data_module, "MNIST_VALIDATION", VALIDATION)
    monkeypatch.delenv("CHAINDERIV_DATA", raising=False)


def write(folder, name="mnist", style="{name}.gz"):
    """Write a collection's four files, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for key, file in COLLECTIONS[name].files.items():
        path = folder / style.format(name=file.name, dotted=file.name.replace("-idx", ".idx"))
        content = idx(SMALL[name][key])
        path.write_bytes(packed(content) if path.suffix == ".gz" else content)
    return folder


def assert_small(data, name="mnist"):
    arrays = SMALL[name]
    assert data.name == name
    images = arrays["train_images"].reshape(12, 784).astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(data.train.images, images[:7])
    np.testing.assert_array_equal(data.validation.images, images[7:])
    np.testing.assert_array_equal(data.train.labels, arrays["train_labels"][:7])
    np.testing.assert_array_equal(data.validation.labels, arrays["train_labels"][7:])
    np.testing.assert_array_equal(data.test.labels, arrays["test_labels"])
    assert data.train.images.dtype == np.float32
    assert data.pixels == 784
    assert data.classes == 10
