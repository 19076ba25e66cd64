"""A sequence whose items are made when they are asked for, so that depth costs nothing before it is read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from chainderiv.errors import BadIndex, BadValue
from chainderiv.given import is_whole


class Lazy(Sequence[Any]):
    """length items, the k-th of which is item(k)."""

    def __init__(self, length: int, item: Any) -> None:
        self._length, self._item = length, item

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._item(i) for i in range(*index.indices(self._length))]
        if not is_whole(index, -math.inf):
            raise BadValue(f"index {index!r} is no whole number; give one from 0 to {self._length - 1}, or a slice")
        if not -self._length <= index < self._length:
            raise BadIndex(f"index {index} of {self._length} items; give one from 0 to {self._length - 1}")
        return self._item(range(self._length)[index])

    def __iter__(self) -> Iterator[Any]:
        return map(self._item, range(self._length))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # equal to lists, so no more hashable than they are

    def __repr__(self) -> str:
        return repr(list(self)) if len(self) <= 64 else f"[{self[0]!r}, …, {self[-1]!r}] ({len(self)} items)"
