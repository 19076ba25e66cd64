"""Labelled images of the user's own: a .npz of arrays or a .csv with a row an image, read and judged."""

from __future__ import annotations

import csv
import io
import itertools
import zipfile
import zlib
from pathlib import Path

import numpy as np

from chainderiv.errors import DAMAGED, DataError
from chainderiv.kinds import Array
from chainderiv.nn.data.idx import opened

Pair = tuple[Array, Array]
LABEL = ("label", "labels", "class", "target")  # how a column of labels may be headed
SHARES = 7  # of one heap of images five train, one validates and one tests, as with MNIST
CURE = (
    "give a .npz with the arrays images and labels (or x_train, y_train, x_test and y_test), "
    "or a .csv with a row an image, the label in the column headed label, without a head in the first"
)


def read_own(path: Path) -> tuple[Pair, Pair, Pair]:
    """Images (n, pixels) float32 in [0, 1] and labels (n,) of a file: to train on, to validate and to test.

    What is not parted in the file is parted here, in an order that is drawn and always the same. Raises DataError.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".npz"]:
        heaps = _of_npz(path)
    elif suffixes[-1:] == [".csv"] or suffixes[-2:] == [".csv", ".gz"]:
        heaps = [_of_csv(path)]
    else:
        raise DataError(f"{str(path)!r} is neither .npz nor .csv; {CURE}")
    parts = [_judged(path, *heap) for heap in heaps]
    if len(parts[0][1]) < SHARES:
        raise DataError(f"{path} holds {len(parts[0][1])} images; give at least {SHARES}")
    _judge_labels(path, np.concatenate([labels for _, labels in parts]))
    if len({images.shape[1] for images, _ in parts}) > 1:
        raise DataError(f"{path} holds images of {' and '.join(str(i.shape[1]) for i, _ in parts)} pixels; {CURE}")
    # by the whole file: a part of it may be dark
    white = 255 if max(images.max() for images, _ in parts) > 1 else 1
    heap, *test = ((images.astype(np.float32) / np.float32(white), labels) for images, labels in parts)
    return _parted(heap, test)


def _parted(heap: Pair, test: list[Pair]) -> tuple[Pair, Pair, Pair]:
    """A heap cut into its parts; its order may be that of the classes, and so is not kept."""
    count = len(heap[1])
    order = np.random.default_rng(0).permutation(count)
    share = count // (SHARES - len(test))
    train, *held = np.split(order, [count - share] if test else [count - 2 * share, count - share])
    first, second, *third = ((heap[0][part], heap[1][part]) for part in (train, *held))
    return first, second, (test or third)[0]


def _of_npz(path: Path) -> list[Pair]:
    """The one heap of a .npz, or the heap and the test images."""
    names = ("images", "labels", "x_train", "y_train", "x_test", "y_test")
    try:
        with np.load(path, allow_pickle=False) as file:
            held = {name: file[name] for name in names if name in getattr(file, "files", ())}
    except (*DAMAGED, zipfile.BadZipFile, zlib.error) as e:
        reason = " ".join(str(getattr(e, "strerror", None) or e).split())
        if "pickle" in reason:  # NumPy's own advice is to trust the file
            reason = "it is none, or it holds Python objects"
        raise DataError(f"{path} cannot be read as .npz ({reason}); {CURE}") from e
    if {"images", "labels"} <= held.keys():
        return [(held["images"], held["labels"])]
    if set(names[2:]) <= held.keys():
        return [(held["x_train"], held["y_train"]), (held["x_test"], held["y_test"])]
    raise DataError(f"{path} holds neither images and labels nor x_train, y_train, x_test and y_test; {CURE}")


def _of_csv(path: Path) -> Pair:
    """The images and the labels of a .csv, packed or not."""
    try:
        with opened(path) as file, io.TextIOWrapper(file, "utf-8-sig") as text:
            lines = (line for line in text if line.strip())
            first = next(lines, "")
            column, headed = _label_column(path, next(csv.reader([first]), []))
            start = next(lines, None) if headed else first
            if not start:
                raise DataError(f"{path} holds no row of numbers; {CURE}")
            rows = np.loadtxt(
                itertools.chain([start], lines), np.float32, comments=None, delimiter=",", quotechar='"', ndmin=2
            )
    except (ValueError, csv.Error) as e:  # NumPy's ends with advice for its own caller
        raise DataError(f"{path} cannot be read as .csv ({str(e).partition(';')[0]}); {CURE}") from e
    return np.delete(rows, column, axis=1), rows[:, column]


def _label_column(path: Path, fields: list[str]) -> tuple[int, bool]:
    """Which column holds the labels, and whether the fields are the head."""
    try:
        for field in fields:
            float(field)
    except ValueError:
        names = [field.strip().lower() for field in fields]
        found = [names.index(name) for name in LABEL if name in names]
        if not found:
            raise DataError(f"{path} has a head without label; {CURE}") from None
        return found[0], True
    return 0, False


def _judged(path: Path, images: Array, labels: Array) -> Pair:
    """Images as rows and labels as whole numbers; raises DataError."""
    if images.ndim < 2 or labels.shape != images.shape[:1] or not images.size:
        raise DataError(
            f"{path} holds images of shape {images.shape} and labels of shape {labels.shape}; "
            "give images (n, pixels) or (n, rows, columns) and labels (n,)"
        )
    if images.dtype.kind not in "biuf" or not (np.isfinite(images).all() and 0 <= images.min() <= images.max() <= 255):
        raise DataError(f"{path} holds other than grey values; give numbers from 0 to 1, or from 0 to 255")
    if labels.dtype.kind not in "biuf" or not ((abs(labels) < 2**53) & (labels == np.rint(labels))).all():
        raise DataError(f"{path} holds labels that are no whole numbers; give each class a number, from 0")
    return images.reshape(len(images), -1), labels.astype(np.int64)


def _judge_labels(path: Path, labels: Array) -> None:
    low, high = int(labels.min()), int(labels.max())
    # what is numbered beyond the images is no class: a network would get an output for each number
    if low < 0 or high >= len(labels) or low == high:
        raise DataError(
            f"{path} has labels from {low} to {high} of {len(labels)} images; "
            "give at least two classes, numbered from 0, and fewer of them than images"
        )
