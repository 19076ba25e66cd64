"""load_data(): real digits as arrays, split into training, validation and test."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainderiv.errors import BadShape, BadValue, DataError, unknown_name
from chainderiv.given import of_kind, whole_number
from chainderiv.nn.data import download
from chainderiv.nn.data.idx import Bytes
from chainderiv.nn.data.mnist import FASHION_MNIST, MNIST, PICKLED, read_folder
from chainderiv.nn.data.own import read_own
from chainderiv.nn.data.sparse import Pixels, pixels_of
from chainderiv.shown import Shown, Shows

Folder = str | os.PathLike[str] | None

MNIST_VALIDATION = 10_000  # Nielsen (2015): the last 10,000 of the 60,000 validate
DIGITS = Path(__file__).with_name("digits.npz")  # its source and licence are in digits.txt beside it
DIGITS_HELD_BACK = 250  # of 1797: each for validation and for test


@dataclass(frozen=True, eq=False, repr=False)
class Split(Shows):
    """Images and what they show.

    Parameters
    ----------
    images : ndarray, shape (n, pixels). Grey values, 0 paper to 1 ink, float32 as load_data gives them.
    labels : ndarray of ints, shape (n,). The class of each image, 0 to classes - 1.

    Raises
    ------
    BadShape
        When the shapes are not these, or labels are no whole numbers.

    Examples
    --------
    >>> len(Split(np.zeros((5, 64)), np.arange(5)).first(3))
    3
    """

    images: NDArray[Any]
    labels: NDArray[Any]

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        for name, array in (("images", images), ("labels", labels)):
            if not isinstance(array, np.ndarray):
                raise BadShape(f"{name} are of type {type(array).__name__}; give a NumPy array, such as np.array(…)")
        if images.ndim != 2 or labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
            raise BadShape(
                f"images have shape {images.shape} and labels {labels.shape} of {labels.dtype}; "
                "give images (n, pixels) and labels (n,) of whole numbers"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Split({len(self)} images of {self.images.shape[1]} pixels)"

    def _shown(self) -> Shown:
        """How many there are of each class."""
        classes, counts = np.unique(self.labels, return_counts=True)
        rows = [(str(label), f"{count:,}") for label, count in zip(classes, counts, strict=True)]
        return Shown([f"{len(self):,} images of {self.images.shape[1]} pixels"], ("class", "images"), rows)

    def first(self, count: int) -> Split:
        """The first count of them, all if there are fewer."""
        return Split(self.images[:count], self.labels[:count])

    @cached_property
    def inked(self) -> Pixels:
        """The images' pixels that are not 0."""
        return pixels_of(self.images)


@dataclass(frozen=True, eq=False, repr=False)
class Data(Shows):
    """Labelled images in three parts.

    Parameters
    ----------
    name : str. What they are: 'mnist', 'fashion_mnist', 'digits' or a name of yours.
    train, validation, test : Split. Trained on; measured while training; kept apart.
    classes : int. How many classes the labels tell apart.

    Examples
    --------
    >>> digits = load_data("digits").take(100)
    >>> digits.pixels, len(digits.train), len(digits.validation)
    (64, 100, 250)
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: int = 10

    def __post_init__(self) -> None:
        for name in ("train", "validation", "test"):
            of_kind(name, getattr(self, name), Split, "a Split(images, labels)")
        whole_number("classes", self.classes, least=1)

    def __repr__(self) -> str:
        counts = " + ".join(str(len(part)) for part in (self.train, self.validation, self.test))
        return f"Data({self.name!r}, {counts} images of {self.pixels} pixels, {self.classes} classes)"

    def _shown(self) -> Shown:
        """How many images each part has."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        rows = [(name, f"{len(part):,}") for name, part in parts.items()]
        title = f"{self.name}: images of {self.pixels} pixels in {self.classes} classes"
        return Shown([title], ("part", "images"), rows)

    @property
    def pixels(self) -> int:
        """How many pixels an image has."""
        return int(self.train.images.shape[1])

    @cached_property
    def sha256(self) -> str:
        """The sha256 of the training and validation images and labels, by which a record names its data."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation):
            for array in (part.images, part.labels):
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def take(self, count: int) -> Data:
        """The same data with the first count training images alone.

        Raises
        ------
        BadValue
            When there are fewer, or count is no whole number >= 1.
        """
        whole_number("count", count, least=1)
        if count > len(self.train):
            raise BadValue(f"count is {count}; give at most {len(self.train)}, the training images there are")
        return replace(self, train=self.train.first(count))


def load_data(name: str | os.PathLike[str] = "mnist", folder: Folder = None) -> Data:
    """Handwritten digits, clothes, or images of your own: images (n, pixels) float32 in [0, 1] and labels (n,).

    'mnist' (LeCun, Cortes, Burges 1998; 28 x 28) is read from folder, else from the folder that
    CHAINDERIV_DATA names, else from the user's cache, which is filled from several mirrors; where no mirror
    answers, a warning says so and 'digits' takes its place. It is split as in Nielsen (2015):
    50,000 / 10,000 / 10,000 in the files' order.
    'fashion_mnist' (Xiao, Rasul, Vollgraf 2017; 28 x 28) is read and split alike: from folder, else from the
    subfolder fashion-mnist of CHAINDERIV_DATA where there is one, else from a cache of its own; nothing takes
    its place.
    'digits' (8 x 8) is the test part of Alpaydin and Kaynak (1998) at UCI, comes along and needs no network:
    1297 / 250 / 250 in the given order, whose parts hold every class about equally often.
    A path is a file of your own. A .npz holds images (n, pixels) or (n, rows, columns) and labels (n,), or x_train,
    y_train, x_test and y_test; a .csv, packed or not, a row an image, the label in the column headed label, or without
    a head in the first. Values above 1 are taken for 0 to 255. The images come in an order that is drawn, always the
    same: 5 : 1 : 1, of x_train 5 : 1.

    Parameters
    ----------
    name : 'mnist', 'fashion_mnist', 'digits', or the path of a .npz or .csv file.
    folder : path. Holds the four IDX files, packed (.gz) or not, there or where torchvision keeps them below
        (MNIST/raw); or of MNIST mnist.pkl.gz, from which nothing is executed.

    Raises
    ------
    UnknownName
        For another name.
    DataError
        When a folder is named and lacks a file, or one is cut short, altered or of the other collection; when
        Fashion-MNIST is in no folder and no mirror gives it; when a file of your own is not of this form.
    BadValue
        When a folder is given with what is read from none.
    OutputError
        When the cache cannot be written.

    Examples
    --------
    >>> digits = load_data("digits")
    >>> digits.train.images.shape, digits.train.images.dtype, len(digits.validation)
    ((1297, 64), dtype('float32'), 250)
    """
    if isinstance(name, os.PathLike) or (isinstance(name, str) and Path(name).suffix):
        return _load_own(Path(name), folder)
    if not isinstance(name, str) or name not in LOADERS:
        raise unknown_name("data set", name, LOADERS)
    return LOADERS[name](folder)


def _load_mnist(folder: Folder) -> Data:
    # a folder that someone named is meant: what is wrong in it is an error, never a reason for other data
    named = folder or os.environ.get("CHAINDERIV_DATA")
    if named:
        return _split("mnist", read_folder(MNIST, Path(named)))
    try:
        return _split("mnist", download.cached_or_downloaded(MNIST, download.MIRRORS))
    except DataError as e:
        warnings.warn(
            f"{e}, or name one in CHAINDERIV_DATA; until then UCI's 8 x 8 digits take its place",
            stacklevel=3,
        )
        return _load_digits(None)


def _load_fashion_mnist(folder: Folder) -> Data:
    named = Path(folder) if folder else _fashion_beside_mnist()
    if named:
        return _split("fashion_mnist", read_folder(FASHION_MNIST, named))
    # digits would be no stand-in for clothes: what was asked for is missing, and that is an error
    return _split("fashion_mnist", download.cached_or_downloaded(FASHION_MNIST, download.FASHION_MIRRORS))


def _fashion_beside_mnist() -> Path | None:
    # CHAINDERIV_DATA is MNIST's: without the subfolder it says nothing of Fashion-MNIST
    base = os.environ.get("CHAINDERIV_DATA")
    places = [Path(base) / FASHION_MNIST.subfolder, Path(base) / "FashionMNIST"] if base else []
    return next((place for place in places if place.is_dir()), None)


def _split(name: str, arrays: dict[str, Bytes]) -> Data:
    train = _scaled(arrays["train_images"], arrays["train_labels"], 255)
    test = _scaled(arrays["test_images"], arrays["test_labels"], 255)
    cut = len(train) - MNIST_VALIDATION
    return Data(name, _part(train, 0, cut), _part(train, cut, len(train)), test)


def _load_own(path: Path, folder: Folder) -> Data:
    _require_no_folder(str(path), folder)
    if path.name == PICKLED:
        return _load_mnist(path.parent)
    train, validation, test = (Split(images, labels) for images, labels in read_own(path))
    classes = 1 + max(int(part.labels.max()) for part in (train, validation, test))
    return Data(path.name, train, validation, test, classes)


def _require_no_folder(name: str, folder: Folder) -> None:
    if folder is not None:
        raise BadValue(f"folder is {str(folder)!r}; data set {name!r} is read from none: leave folder out")


def _load_digits(folder: Folder) -> Data:
    _require_no_folder("digits", folder)
    with np.load(DIGITS) as arrays:
        whole = _scaled(arrays["images"], arrays["labels"], 16)
    end = len(whole)
    first, second = end - 2 * DIGITS_HELD_BACK, end - DIGITS_HELD_BACK
    return Data("digits", _part(whole, 0, first), _part(whole, first, second), _part(whole, second, end))


def _scaled(images: NDArray[Any], labels: NDArray[Any], white: int) -> Split:
    flat = images.reshape(len(images), -1).astype(np.float32)
    flat /= white
    return Split(flat, labels.astype(np.int64))


def _part(whole: Split, start: int, stop: int) -> Split:
    return Split(whole.images[start:stop], whole.labels[start:stop])


LOADERS: dict[str, Callable[[Folder], Data]] = {
    "mnist": _load_mnist,
    "fashion_mnist": _load_fashion_mnist,
    "digits": _load_digits,
}
