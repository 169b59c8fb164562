"""The unseen items, in cells of equal guess and weight, with O(1) access to any of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from goldleaf.certificates.base import AuditPlan
from goldleaf.certificates.census import bins
from goldleaf.certificates.guess import logit


class Pool:
    """Cells of the plan's items.

    Attributes:
        n: [c] unseen items of each cell; changes.
        w: [c] weight of one item.
        score: [c] logit of the cell's mean guess.
        cell: [n items] of each item.
    """

    def __init__(self, plan: AuditPlan, by_guess: bool) -> None:
        level = bins(plan.p_wrong) if by_guess else np.zeros(plan.weights.size, dtype=np.int64)
        kinds, weight = np.unique(plan.weights, return_inverse=True)
        _, self.cell = np.unique(level * max(kinds.size, 1) + weight, return_inverse=True)
        count = np.bincount(self.cell)
        self.n = count.astype(np.float64)
        self.w = np.bincount(self.cell, weights=plan.weights) / count
        self.score = logit(np.bincount(self.cell, weights=plan.p_wrong) / count)
        shuffle = np.random.Philox(key=plan.seed, counter=[0, 0, 1, 0]).random_raw(self.cell.size)
        self._items: NDArray[np.int64] = np.lexsort((shuffle, self.cell))
        self._slot = np.empty_like(self._items)
        self._slot[self._items] = np.arange(self._items.size)
        self._start = np.cumsum(count) - count

    def item(self, cell: int, index: int) -> int:
        """The position of one unseen item, 0 <= index < n[cell]."""
        return int(self._items[self._start[cell] + index])

    def top(self, cell: int, count: int) -> list[int]:
        """Positions of at most `count` unseen items of the cell, whatever their order in the data."""
        end = self._start[cell] + int(self.n[cell])
        begin = max(end - count, self._start[cell])
        return [int(position) for position in self._items[begin:end]]

    def holds(self, position: int) -> bool:
        """Whether the item is unseen."""
        if not 0 <= position < self.cell.size:
            return False
        cell = self.cell[position]
        return bool(self._slot[position] < self._start[cell] + self.n[cell])

    def remove_all(self, positions: NDArray[np.int64]) -> None:
        """`remove` of each in turn, with the same order left in every cell."""
        items, slots, n = self._items.tolist(), self._slot.tolist(), self.n.astype(np.int64).tolist()
        start = self._start.tolist()
        for position, cell in zip(positions.tolist(), self.cell[positions].tolist(), strict=True):
            n[cell] -= 1
            last = start[cell] + n[cell]
            slot, other = slots[position], items[last]
            items[slot], items[last] = other, position
            slots[other], slots[position] = slot, last
        self._items, self._slot = np.array(items, np.int64), np.array(slots, np.int64)
        self.n = np.array(n, np.float64)

    def remove(self, position: int) -> int:
        """Take an unseen item out; its cell."""
        cell = int(self.cell[position])
        self.n[cell] -= 1
        last = int(self._start[cell]) + int(self.n[cell])
        slot, other = self._slot[position], self._items[last]
        self._items[slot], self._items[last] = other, position
        self._slot[other], self._slot[position] = slot, last
        return cell
