"""mnist.pkl.gz, the file of Nielsen's programs: arrays read from a pickle of which nothing is executed."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from chainderiv.errors import DAMAGED, DataError
from chainderiv.kinds import Array
from chainderiv.nn.data.idx import read_content

WHITE = 256  # its grey values are bytes over 256
KINDS = ("f4", "f8", "i4", "i8", "u1")


class _Kind:
    """What a pickle states of an array's type."""

    def __init__(self, code: str, *_: object) -> None:
        self.code = code

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if self.code not in KINDS or state[1] not in "<>|":
            raise ValueError(f"arrays of {self.code!r}")
        self.dtype = np.dtype(state[1] + self.code)


class _Stated:
    """What a pickle states of an array, made one by ourselves: NumPy's own reader trusts what it is given."""

    def __init__(self, encoded: Callable[[str], bytes], *_: object) -> None:
        self.array: Array = np.empty(0)
        self._encoded = encoded

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_columns, raw = state
        content = self._encoded(raw) if isinstance(raw, str) else raw
        self.array = np.frombuffer(content, kind.dtype).reshape(shape, order="F" if by_columns else "C")


class _Reader(pickle.Unpickler):
    """An unpickler that knows arrays and nothing else."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content), encoding="latin1")
        self._left = len(content)
        self._allowed: dict[tuple[str, str], Any] = {
            ("numpy", "ndarray"): None,  # named, and never called
            ("numpy", "dtype"): _Kind,
            ("numpy.core.multiarray", "_reconstruct"): partial(_Stated, self._encoded),
            ("numpy._core.multiarray", "_reconstruct"): partial(_Stated, self._encoded),
            ("_codecs", "encode"): self._encoded,  # how Python 3 writes bytes for Python 2
        }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return self._allowed[module, name]

    def _encoded(self, text: str, *_: str) -> bytes:
        # a text may be named again without end; one that is stated once takes no more than the content
        self._left -= len(text)
        if self._left < 0:
            raise ValueError("it states more bytes than it has")
        return text.encode("latin1")


def contents_of_pickle(path: Path, limit: int) -> dict[str, bytes]:
    """The contents of MNIST's four files from a pickle of three pairs: images (n, 784) in [0, 1), labels (n,).

    The first two, his training and validation images, are the file of training images. Raises DataError.
    """
    content = read_content(path, limit)
    try:
        pairs = _Reader(content).load()
        (x, labels), (more_x, more_labels), (test_x, test_labels) = ([one.array for one in pair] for pair in pairs)
        return {
            "train_images": _idx(_images(np.concatenate([x, more_x]))),
            "train_labels": _idx(_bytes(np.concatenate([labels, more_labels]))),
            "test_images": _idx(_images(test_x)),
            "test_labels": _idx(_bytes(test_labels)),
        }
    except DAMAGED as e:
        reason = " ".join(str(e).split())
        raise DataError(
            f"{path} holds more or other than three pairs of arrays ({reason}), and a pickle is not executed here; "
            "give the four MNIST files, or Nielsen's mnist.pkl.gz as he published it"
        ) from e


def _images(x: Array) -> Array:
    return _bytes(x * x.dtype.type(WHITE)).reshape(len(x), 28, 28)


def _bytes(numbers: Array) -> Array:
    """As unsigned bytes; raises ValueError where that would change a value."""
    with np.errstate(invalid="ignore"):
        small = numbers.astype(np.uint8)
    if not (small == numbers).all():
        raise ValueError("values that are no bytes over 256, or no labels")
    return small


def _idx(array: Array) -> bytes:
    axes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + axes + array.tobytes()
