"""The row sample for second answers beside an audit by slices.

Such an audit draws from every slice that is not certified, and from no other; no thinning of its draws is even over
all rows. So the sample is divided first: how many of its rows lie in each slice of the pool, and how many among the
rows that people labeled before, is drawn at random from the seed, as those numbers fall in a simple random sample of
all rows. Then each slice runs a `Sample` of its own beside the draws of its own audit.

Proof that the whole is a simple random sample. Given the division, and all that happened before in any slice, a row
that enters in a slice is equally likely to be any of that slice's rows not yet in the sample (`disagreement`). Which
slice is the next to gain a row, and when, may depend on the past: whatever it is, the chance that its row is the one
named beforehand is one over the rows left there. So every choice of rows that has the drawn numbers is equally likely,
and a division as of a simple random sample makes all choices of `size` rows so.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from goldleaf.certificates.disagreement import Pick, Sample
from goldleaf.certificates.slices import members_of, seed_of

DIVISION = 3  # of the seed's random numbers; the turns of the audit by slices are 2

Ints = NDArray[np.int64]


class SlicedSample:
    """As `Sample`; positions are items.

    Args:
        size: rows in the whole sample.
        seed: the audit's.
        of: [items] the slice of each pool item, -1 for the others.
        rows: [items] rows of each item in the data set, 0 for those that are not in it.
    """

    def __init__(self, size: int, seed: int, of: Ints, rows: Ints) -> None:
        slices = int(of.max(initial=-1)) + 1
        self._of = np.where(of < 0, slices, of)  # the rows labeled before are a part of their own, the last
        self._members, self._place = members_of(self._of, slices + 1)
        parts = np.bincount(self._of, rows, minlength=slices + 1).astype(np.int64)
        self._parts = []
        for number, drawn in enumerate(divide(size, seed, parts).tolist()):
            last = number == slices
            settled = rows[self._members[number]] * last
            unseen = 0 if last else int(parts[number])
            self._parts.append(Sample(drawn, seed_of(seed, number), settled, unseen))

    @property
    def missing(self) -> int:
        return sum(part.missing for part in self._parts)

    @property
    def steps(self) -> int:
        return sum(part.steps for part in self._parts)

    @property
    def short(self) -> list[int]:
        return [number for number, part in enumerate(self._parts) if part.missing and part.unseen]

    def draw(self, position: int, weight: int, probability: float, evenness: float) -> Pick | None:
        number = int(self._of[position])
        pick = self._parts[number].draw(int(self._place[position]), weight, probability, evenness)
        return pick and self._whole(number, pick)

    def rest(self) -> list[Pick]:
        return [self._whole(number, pick) for number, part in enumerate(self._parts) for pick in part.rest()]

    def take(self, position: int) -> None:
        self._parts[int(self._of[position])].take(int(self._place[position]))

    def settle(self, position: int, weight: int) -> None:
        self._parts[int(self._of[position])].settle(int(self._place[position]), weight)

    def _whole(self, number: int, pick: Pick) -> Pick:
        return pick._replace(position=int(self._members[number][pick.position]))


def divide(size: int, seed: int, rows: Ints) -> Ints:
    """[k] how many rows of a simple random sample of `size` lie in each part of so many `rows`."""
    left = rows.copy()
    for word in np.random.Philox(key=seed, counter=[0, 0, DIVISION, 0]).random_raw(size):
        below = np.cumsum(left)
        left[np.searchsorted(below, int(word) * int(below[-1]) >> 64, side="right")] -= 1
    return rows - left
