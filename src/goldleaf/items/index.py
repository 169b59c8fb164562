"""An index from 128-bit digests to slots 0, 1, 2 … in order of first appearance: sorted arrays, 20 bytes a digest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from goldleaf.items.content import Digests

Run = tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint32]]


class DigestIndex:
    """Digests in sorted runs of growing size, merged when neighbours are alike (a log-structured merge)."""

    def __init__(self) -> None:
        self._runs: list[Run] = []
        self.size = 0

    def find(self, digests: Digests) -> NDArray[np.int64]:
        """The slot of each digest, -1 where it is unknown."""
        slots = np.full(len(digests), -1, np.int64)
        for run in self._runs:
            _find(run, digests, slots)
        return slots

    def assign(self, digests: Digests) -> NDArray[np.int64]:
        """The slot of each digest; unknown ones get the next slots in order of first appearance."""
        if not len(digests):
            return np.empty(0, np.int64)
        order = np.lexsort(
            (digests[:, 1], digests[:, 0])
        )  # stable: equal digests stay in order of appearance
        ordered = digests[order]
        starts = np.r_[True, np.any(ordered[1:] != ordered[:-1], axis=1)]
        distinct, first = ordered[starts], order[starts]
        slots = self.find(distinct)
        new = np.flatnonzero(slots < 0)
        slots[new[np.argsort(first[new])]] = self.size + np.arange(len(new))
        if len(new):
            added = distinct[new]
            self._push((added[:, 0].copy(), added[:, 1].copy(), slots[new].astype(np.uint32)))
            self.size += len(new)
        result = np.empty(len(digests), np.int64)
        result[order] = slots[np.cumsum(starts) - 1]
        return result

    def _push(self, run: Run) -> None:
        self._runs.append(run)
        while len(self._runs) > 1 and len(self._runs[-2][0]) < 2 * len(self._runs[-1][0]):
            second, first = self._runs.pop(), self._runs.pop()
            order = np.argsort(np.concatenate([first[0], second[0]]), kind="stable")
            merged = [np.concatenate([a, b])[order] for a, b in zip(first, second, strict=True)]
            self._runs.append((merged[0], merged[1], merged[2]))


def _find(run: Run, digests: Digests, slots: NDArray[np.int64]) -> None:
    """Fill `slots` where `run` holds the digest: all 128 bits must agree."""
    high, low, values = run
    at = np.searchsorted(high, digests[:, 0])
    open_ = np.flatnonzero(at < len(high))
    while len(open_):
        here = at[open_]
        alike = high[here] == digests[open_, 0]
        hit = alike & (low[here] == digests[open_, 1])
        slots[open_[hit]] = values[here[hit]]
        open_ = open_[alike & ~hit]  # the same 64 bits with another second half: look one further
        at[open_] += 1
        open_ = open_[at[open_] < len(high)]
