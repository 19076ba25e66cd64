"""MNIST's four files: found in a folder, checked against the published content, read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from chainderiv.errors import DataError
from chainderiv.nn.idx import Bytes, parse_idx, read_content


@dataclass(frozen=True)
class Published:
    """What is published of one file: its name, the bytes and sha256 of its content, the sha256 of its .gz."""

    name: str
    size: int
    content_sha256: str
    gz_sha256: str


# the content is what is checked: a re-compressed or unpacked file is as good as the mirrors' own
FILES: dict[str, Published] = {
    "train_images": Published(
        "train-images-idx3-ubyte",
        47_040_016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    "train_labels": Published(
        "train-labels-idx1-ubyte",
        60_008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    "test_images": Published(
        "t10k-images-idx3-ubyte",
        7_840_016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    "test_labels": Published(
        "t10k-labels-idx1-ubyte",
        10_008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
}


def find(file: Published, folder: Path) -> Path:
    """The path of a file in a folder, its name dotted or not, packed or not; raises DataError without one."""
    dotted = file.name.replace("-idx", ".idx")
    for name in (f"{file.name}.gz", file.name, f"{dotted}.gz", dotted):
        if (folder / name).exists():
            return folder / name
    raise DataError(
        f"folder {str(folder)!r} lacks {file.name} (or {file.name}.gz); give a folder with the four MNIST files"
    )


def read_published(file: Published, folder: Path) -> Bytes:
    """The array in one of the files, its content checked against what is published; raises DataError."""
    path = find(file, folder)
    # one byte more than published shows a longer file, and a gzip stream is not unpacked without end
    content = read_content(path, file.size + 1)
    if len(content) != file.size:
        have = f"{len(content)} bytes" if len(content) < file.size else f"more than {file.size} bytes"
        raise DataError(f"{path} holds {have}, published are {file.size}; give the published {file.name}")
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.content_sha256:
        raise DataError(
            f"{path} is altered: its content has sha256 {digest[:9]}…, published {file.content_sha256[:9]}…; "
            f"give the published {file.name}"
        )
    return parse_idx(content, path)


def read_folder(folder: Path) -> dict[str, Bytes]:
    """The four arrays in a folder by the keys of FILES: images (n, 28, 28), labels (n,), in the files' order.

    Raises
    ------
    DataError
        When the folder or a file is missing, or a content is cut short or altered.
    """
    if not folder.is_dir():
        raise DataError(
            f"{str(folder)!r} is no folder; give a folder with the four MNIST files (--data, or CHAINDERIV_DATA)"
        )
    return {key: read_published(file, folder) for key, file in FILES.items()}
