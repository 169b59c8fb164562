"""How often the people themselves differ: a row sample for second answers, and an exact bound from it.

The claim. Fix, for every row of the delivered data set, the label Y that its first answer gives or would give,
and the answer Z that a second, other person would give, blind to the first. A row differs where Y is a label and
Z is another one, or "can't tell"; D rows differ. Nothing is assumed of Y, of Z or of how they depend on each
other, but that they are what they are whether or not the row is drawn here. For every row the delivered label L
is at odds with Z only if it is at odds with Y or Y with Z, so

    rows with L != Z  <=  rows with L != Y  +  D.

The audit bounds the first term with risk alpha, `upper_limit` the second with risk alpha'; by the union bound the
sum holds with probability at least 1 - alpha - alpha'. Where Y is "can't tell" the row is in the audit's term
already, or has left the data set.

The sample. `size` rows, fixed before the audit, are drawn without replacement out of all rows, also those that
people labeled before the audit. To ask no more first answers than needed, the sample is a thinning of the audit's
own random draws, which are uneven. Before a draw let U rows be unseen and L rows be of settled items (answered
before it) and not in the sample yet. The draw takes unseen item i, of w_i rows, with probability q_i. Let
c <= q_i U / w_i for every unseen item (`Audit.evenness`). Then, with coins of the sample's own,

    with probability c L / (U + c L) one of the L rows, each alike, enters the sample;
    else, with probability c w_i / (U q_i) <= 1, a row of the drawn item i does; else none.

Each of the w_i rows of an unseen item so enters with probability (1/w_i) q_i U/(U + cL) c w_i/(U q_i) = c/(U + cL),
and each of the L rows with c/(U + cL): given all that happened before, and that a row enters, it is equally likely
to be any of the rows not yet in the sample. Hence the sample is a simple random sample of rows, whatever the audit's
guesses, its answers and its end: the number of differing rows in it is hypergeometric, exactly. Once no item is
unseen the rest is drawn evenly from the settled rows. (An audit by slices has a sample by slices: `disagreement_slices`.)

Any time. A row of the sample that is not drawn yet, or whose second answer is missing, counts as differing. So the
limit can only fall while answers come in, and if it is ever below D then so it is at the end: looking early, or
stopping early, costs nothing.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

STREAM = 2  # of the seed's random numbers; the audit's draws are 0, its shuffle 1
TYPICAL = 0.6  # rows that a draw brings into the sample, for forecasts; 0.5 to 0.95 on the sets tried


def upper_limit(rows: int, drawn: int, differing: int, alpha: float) -> int:
    """The most of `rows` that may differ, when `differing` of `drawn` do: exact, with risk `alpha`.

    It is the largest D for which so few differing rows have probability above alpha; whole numbers throughout, so
    that every machine finds the same.
    """
    if differing >= drawn:
        return rows
    low, high = differing, rows - (drawn - differing)
    risk = Fraction(alpha) * comb(rows, drawn)
    while low < high:
        middle = (low + high + 1) // 2
        if ways(rows, middle, drawn, differing) > risk:
            low = middle
        else:
            high = middle - 1
    return low


def ways(rows: int, differ: int, drawn: int, most: int) -> int:
    """Samples of `drawn` rows that hold at most `most` of the `differ` ones."""
    alike = rows - differ
    least = max(0, drawn - alike)
    term = total = comb(differ, least) * comb(alike, drawn - least)
    for held in range(least, min(most, differ)):
        term = term * (differ - held) * (drawn - held) // ((held + 1) * (alike - drawn + held + 1))
        total += term
    return total if least <= most else 0


class Pick(NamedTuple):
    """A row of the sample: its item, and the probability with which a row of it entered at this step."""

    position: int
    probability: float


class Sample:
    """The rows drawn for a second answer, step by step; a function of the seed and of the audit's draws alone.

    Args:
        size: rows in the whole sample.
        seed: the audit's.
        settled: [items] rows of the items labeled before the audit, 0 for the others.
        unseen: rows of the audit's pool.
    """

    def __init__(self, size: int, seed: int, settled: NDArray[np.int64], unseen: int) -> None:
        self.missing = size
        self.seed = seed
        self.steps = 0
        self._left = settled.copy()
        self._settled = int(settled.sum())
        self.unseen = unseen

    @property
    def short(self) -> list[int]:
        """In a sample by slices, those in which the audit has to draw on for it."""
        return []

    def draw(self, position: int, weight: int, probability: float, evenness: float) -> Pick | None:
        """The audit draws an item at random: the row that enters the sample with it, if any."""
        pick = self._choose(position, weight, probability, evenness) if self.missing else None
        self.settle(position, weight)
        if pick is not None:
            self.take(pick.position)
        return pick

    def rest(self) -> list[Pick]:
        """What the sample lacks, once every item is settled; before, nothing."""
        picks: list[Pick] = []
        if self.unseen:
            return picks
        for number in self._random(self.missing):
            picks.append(self._row(number, 1 / self._settled))
            self.take(picks[-1].position)
        return picks

    def take(self, position: int) -> None:
        """A row of a settled item is in the sample."""
        self._left[position] -= 1
        self._settled -= 1
        self.missing -= 1

    def settle(self, position: int, weight: int) -> None:
        """The audit asks about this item, so that it is answered before the next draw."""
        self._left[position] = weight
        self._settled += weight
        self.unseen -= weight
        self.steps += 1

    def _choose(self, position: int, weight: int, probability: float, evenness: float) -> Pick | None:
        each = evenness / (self.unseen + evenness * self._settled)
        first, second = self._random(2)
        if first / 2**64 < each * self._settled:
            return self._row(second, each)
        accepted = second / 2**64 < evenness * weight / (self.unseen * probability)
        return Pick(position, each * weight) if accepted else None

    def _row(self, number: int, each: float) -> Pick:
        index = number * self._settled >> 64
        position = int(np.searchsorted(np.cumsum(self._left), index, side="right"))
        return Pick(position, each * int(self._left[position]))

    def _random(self, count: int) -> list[int]:
        words = np.random.Philox(key=self.seed, counter=[0, 0, STREAM, self.steps]).random_raw(count)
        return [int(word) for word in words]


def extra_answers(size: int, audit: float) -> float:
    """Answers that a sample of `size` rows costs beyond an audit of about `audit` draws: second ones, and first ones
    where the audit would end before the sample is full."""
    return size + max(0.0, size / TYPICAL - audit) if size else 0.0
