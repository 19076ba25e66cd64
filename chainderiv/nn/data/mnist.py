"""MNIST and Fashion-MNIST: their four files found in a folder, checked against the published content, read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chainderiv.errors import DataError
from chainderiv.nn.data.idx import Bytes, parse_idx, read_content
from chainderiv.nn.data.pickled import contents_of_pickle


@dataclass(frozen=True)
class Published:
    """What is published of one file: its name, the bytes and sha256 of its content, the sha256 of its .gz."""

    name: str
    size: int
    content_sha256: str
    gz_sha256: str


@dataclass(frozen=True)
class Collection:
    """Four files that are published together, by the keys of NAMES, and what people call them.

    subfolder : where they lie in the cache and in a folder of several collections; "" is the folder itself.
    """

    title: str
    subfolder: str
    files: dict[str, Published]


# names, and bytes of the content; they are both collections': only the sums tell the two apart
NAMES = {
    "train_images": ("train-images-idx3-ubyte", 47_040_016),
    "train_labels": ("train-labels-idx1-ubyte", 60_008),
    "test_images": ("t10k-images-idx3-ubyte", 7_840_016),
    "test_labels": ("t10k-labels-idx1-ubyte", 10_008),
}


def _collection(title: str, subfolder: str, content: Sequence[str], gz: Sequence[str]) -> Collection:
    each = zip(NAMES.items(), content, gz, strict=True)
    return Collection(title, subfolder, {key: Published(*named, *sums) for (key, named), *sums in each})


# the content is what is checked: a re-compressed or unpacked file is as good as the mirrors' own
MNIST = _collection(
    "MNIST",
    "",
    content=[
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ],
    gz=[
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ],
)
FASHION_MNIST = _collection(
    "Fashion-MNIST",
    "fashion-mnist",
    content=[
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ],
    gz=[
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ],
)


PICKLED = "mnist.pkl.gz"  # all of MNIST in one file, as Nielsen's programs have it


def _path(collection: Collection, key: str, folder: Path) -> Path | None:
    """A file in a folder, or where torchvision keeps it below, its name dotted or not, packed or not; None without."""
    plain = collection.files[key].name
    dotted = plain.replace("-idx", ".idx")
    for place in (folder, folder / "raw", folder / collection.title.replace("-", "") / "raw"):
        for name in (f"{plain}.gz", plain, f"{dotted}.gz", dotted):
            if os.path.isfile(place / name):  # some archives unpack to a folder of the file's name
                return place / name
    return None


def find(collection: Collection, key: str, folder: Path) -> Path:
    """The path of a file in a folder, its name dotted or not, packed or not; raises DataError without one."""
    path = _path(collection, key, folder)
    if path is not None:
        return path
    plain = collection.files[key].name
    raise DataError(
        f"folder {str(folder)!r} lacks {plain} (or {plain}.gz); give a folder with the four {collection.title} files"
    )


def read_published(collection: Collection, key: str, folder: Path) -> Bytes:
    """The array in one of the files, its content checked against what is published; raises DataError."""
    path = find(collection, key, folder)
    # one byte more than published shows a longer file, and a gzip stream is not unpacked without end
    return _checked(collection, key, read_content(path, collection.files[key].size + 1), path)


def _checked(collection: Collection, key: str, content: bytes, path: Path) -> Bytes:
    file = collection.files[key]
    wanted = f"give {collection.title}'s published {file.name}"
    if len(content) != file.size:
        have = f"{len(content)} bytes" if len(content) < file.size else f"more than {file.size} bytes"
        raise DataError(f"{path} holds {have}, published are {file.size}; {wanted}")
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.content_sha256:
        raise DataError(f"{path} {_what_it_is(digest, file)}; {wanted}")
    return parse_idx(content, path)


def _what_it_is(digest: str, file: Published) -> str:
    for collection in (MNIST, FASHION_MNIST):
        if digest in {other.content_sha256 for other in collection.files.values()}:
            return f"is {collection.title}'s"
    return f"is altered: its content has sha256 {digest[:9]}…, published {file.content_sha256[:9]}…"


def read_folder(collection: Collection, folder: Path) -> dict[str, Bytes]:
    """The four arrays by their keys: images (n, 28, 28), labels (n,), in the files' order; raises DataError."""
    if not folder.is_dir():
        raise DataError(
            f"{str(folder)!r} is no folder; give a folder with the four {collection.title} files "
            "(--data, or CHAINDERIV_DATA)"
        )
    pickled = folder / PICKLED
    apart = any(_path(collection, key, folder) for key in collection.files)
    if collection is MNIST and not apart and os.path.isfile(pickled):
        # whole numbers in one byte were made floats in four, and the labels' bytes took eight
        contents = contents_of_pickle(pickled, 9 * sum(file.size for file in collection.files.values()))
        return {key: _checked(collection, key, contents[key], pickled) for key in collection.files}
    return {key: read_published(collection, key, folder) for key in collection.files}
