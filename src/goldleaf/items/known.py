"""Which rows of a source the store holds already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from goldleaf.items.content import Digests
from goldleaf.items.index import DigestIndex

Bools = NDArray[np.bool_]
T = TypeVar("T", bound=np.generic)


class KnownRows:
    """Rows without a key are a multiset: the k-th copy of a row in a source is the k-th copy in the store."""

    def __init__(self) -> None:
        self._index = DigestIndex()
        self._stored = np.zeros(0, np.int32)  # copies in the store, by slot
        self._seen = np.zeros(0, np.int32)  # copies in this source so far, by slot

    def load(self, rows: Digests) -> None:
        """Count rows that the store holds."""
        slots = self._slots(rows)
        np.add.at(self._stored, slots, 1)

    def new(self, rows: Digests) -> Bools:
        """Which of the next rows of the source the store lacks."""
        slots = self._slots(rows)
        order = np.argsort(slots, kind="stable")
        ordered = slots[order]
        starts = (
            np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(slots) else np.empty(0, np.int64)
        )
        sizes = np.diff(np.r_[starts, len(slots)])
        copy = np.empty(len(slots), np.int64)
        copy[order] = np.arange(len(slots)) - np.repeat(starts, sizes)
        copy += self._seen[slots] + 1
        self._seen[ordered[starts]] += sizes.astype(np.int32)
        return np.asarray(copy > self._stored[slots])

    def _slots(self, rows: Digests) -> NDArray[np.int64]:
        slots = self._index.assign(rows)
        self._stored = _grown(self._stored, self._index.size)
        self._seen = _grown(self._seen, self._index.size)
        return slots


@dataclass(frozen=True)
class KeyedRows:
    """What became of a batch of rows that have keys.

    `conflicts` are rows whose key stands for other content, `earlier` the store's row (or, beyond its end, the
    source's) that has it; `changed` counts rows with known key and content, but other values beside.
    """

    new: Bools
    conflicts: NDArray[np.int64]
    earlier: NDArray[np.int64]
    changed: int


class KnownKeys:
    """Rows with a key: one row a key, so that a key's slot is the number of its row in the store."""

    def __init__(self) -> None:
        self._index = DigestIndex()
        self._content = np.zeros((0, 2), np.uint64)
        self._rows = np.zeros((0, 2), np.uint64)

    def load(self, keys: Digests, content: Digests, rows: Digests) -> None:
        """Take rows that the store holds."""
        self.new(keys, content, rows)

    def new(self, keys: Digests, content: Digests, rows: Digests) -> KeyedRows:
        before = self._index.size
        slots = self._index.assign(keys)
        self._content = _grown(self._content, self._index.size)
        self._rows = _grown(self._rows, self._index.size)
        fresh = np.flatnonzero(slots >= before)
        first = fresh[np.unique(slots[fresh], return_index=True)[1]]
        self._content[slots[first]] = content[first]
        self._rows[slots[first]] = rows[first]
        new = np.zeros(len(slots), np.bool_)
        new[first] = True
        same_content = np.all(self._content[slots] == content, axis=1)
        same_row = np.all(self._rows[slots] == rows, axis=1)
        conflicts = np.flatnonzero(~same_content)
        return KeyedRows(new, conflicts, slots[conflicts], int(np.sum(same_content & ~same_row)))


def _grown(array: NDArray[T], size: int) -> NDArray[T]:
    """`array` with room for at least `size` rows, the new ones zero."""
    if size <= len(array):
        return array
    room = np.zeros((max(size, len(array) * 3 // 2), *array.shape[1:]), array.dtype)
    room[: len(array)] = array
    return room
