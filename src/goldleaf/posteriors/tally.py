"""A table of votes as one sparse matrix, on which every model of votes works."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import scipy
from numpy.typing import NDArray

from goldleaf.schema import VoteTable

Floats = NDArray[np.float64]


class Tally:
    """Votes by item and by (source, label).

    Args:
        votes: the table. Two votes of one source on one item count as two.

    Attributes:
        matrix: sparse [items, sources * classes], number of votes; column `source * classes + label`.
        counts: [items, classes] votes for each label.
        covered: [items] whether there is any vote.
    """

    def __init__(self, votes: VoteTable) -> None:
        check(votes)
        self.items, self.sources, self.classes = votes.items, len(votes.names), votes.classes
        columns = self.sources * votes.classes
        column = votes.source.astype(np.int32) * np.int32(votes.classes) + votes.label.astype(np.int32)
        narrow = (
            column.astype(np.uint16) if columns <= 1 << 16 else column
        )  # 16 bits are sorted in linear time
        item = votes.item.astype(np.int32)[np.argsort(narrow, kind="stable")]
        starts = np.concatenate([[0], np.cumsum(np.bincount(column, minlength=columns))]).astype(np.int32)
        by_column = scipy.sparse.csc_array((np.ones(len(item)), item, starts), shape=(votes.items, columns))
        self.matrix = by_column.tocsr()

    @classmethod
    def of(cls, matrix: scipy.sparse.csr_array, classes: int) -> Tally:
        """That of some rows of another one's matrix."""
        made = cls.__new__(cls)
        made.matrix, made.classes = matrix, classes
        made.items, made.sources = matrix.shape[0], matrix.shape[1] // classes
        return made

    @cached_property
    def counts(self) -> Floats:
        labels = np.tile(np.eye(self.classes), (self.sources, 1))
        return np.asarray(self.matrix @ labels).reshape(self.items, self.classes)

    @cached_property
    def covered(self) -> NDArray[np.bool_]:
        return np.asarray(np.diff(self.matrix.indptr) > 0)

    @cached_property
    def votes(self) -> Floats:
        """[sources * classes] votes in each column."""
        return np.bincount(self.matrix.indices, self.matrix.data, self.matrix.shape[1]).astype(np.float64)

    @cached_property
    def single(self) -> NDArray[np.bool_]:
        """[items] whether there is one vote only."""
        return np.asarray(np.diff(self.matrix.indptr) == 1)

    @cached_property
    def alone(self) -> Floats:
        """[sources, classes] votes on items without any other vote."""
        column = self.matrix.indices[self.matrix.indptr[:-1][self.single]]
        votes = np.bincount(column, minlength=self.matrix.shape[1])
        return votes.reshape(self.sources, self.classes).astype(np.float64)

    def evidence(self, terms: Floats) -> Floats:
        """[items, classes] sums over each item's votes of `terms` [sources * classes, classes]."""
        return np.asarray(self.matrix @ terms)

    def expected(self, posterior: Floats) -> Floats:
        """[sources * classes, classes] votes in each column on items of each true class, in expectation."""
        return np.asarray(self.matrix.T @ posterior)

    def take(self, items: NDArray[np.integer]) -> Tally:
        """Of some items."""
        return Tally.of(self.matrix[items], self.classes)


def check(votes: VoteTable) -> None:
    """Refuse a table whose columns do not fit each other."""
    columns = {"item": votes.items, "source": len(votes.names), "label": votes.classes}
    length = len(votes.item)
    for name, size in columns.items():
        values = getattr(votes, name)
        if len(values) != length:
            raise ValueError(f"`{name}` must have as many entries as `item`, {length}, got {len(values)}.")
        if length and not (int(values.min()) >= 0 and int(values.max()) < size):
            raise ValueError(
                f"`{name}` must lie in 0 to {size - 1}, got {int(values.min())} to {int(values.max())}."
            )


def shares(counts: Floats) -> Floats:
    """Rows scaled to sum to one."""
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))
