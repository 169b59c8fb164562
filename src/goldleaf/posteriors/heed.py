"""How far votes can be believed, as the answers bear them out: the precision of each, counted on answered items.

Beforehand stands what the votes say of each other, worth a few answers. The log odds of an answered item leave its own
answer out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from goldleaf.posteriors.tally import Floats, Tally, shares

Ints = NDArray[np.int64]

BELIEF = 10.0  # answers that what the votes say of each other counts for
EVEN = 0.02  # of the classes, in what the votes say of each other
SMALL = 1e-4


class Heard(NamedTuple):
    """Log odds: [columns, classes] of a vote, [classes] of an item nobody votes on."""

    vote: Floats
    nobody: Floats


@dataclass(frozen=True)
class Heeding:
    """Votes and what they say of each other.

    Args:
        tally: the votes. posterior: [items, classes] by the votes.
    """

    tally: Tally
    belief: Floats
    silence: Floats
    share: Floats

    @classmethod
    def of(cls, tally: Tally, posterior: Floats) -> Heeding:
        given = tally.expected(posterior) + SMALL
        share = shares(posterior.sum(axis=0) + 1.0)
        silence = shares(posterior[~tally.covered].sum(axis=0) + share)
        return cls(tally, (1 - EVEN) * shares(given) + EVEN / tally.classes, silence, share)

    def heard(self, at: Ints, labels: Ints) -> Heard:
        """What the votes are worth, given the labels [at] of the items `at`."""
        told, silent = self._told(at, labels)
        return Heard(self._odds(self.belief, told), self._odds(self.silence, silent))

    def log_odds(self, heard: Heard, at: Ints) -> Floats:
        """[at, classes] that the votes on the items `at` add, with mean 0 in every row."""
        part = self.tally.take(at)
        odds = part.evidence(heard.vote)
        odds[~part.covered] = heard.nobody
        return levelled(odds)

    def left_out(self, at: Ints, labels: Ints) -> Floats:
        """The same of answered items, each by the answers to the others."""
        item, _, votes = self.one_by_one(at, labels)
        part, truth = self.tally.take(at), np.eye(self.tally.classes)[labels]
        odds = np.zeros((len(at), self.tally.classes))
        np.add.at(odds, item, part.matrix.data[:, None] * votes)
        alone = ~part.covered
        silent = truth[alone].sum(axis=0)
        odds[alone] = self._odds(self.silence, silent - truth[alone])
        return levelled(odds)

    def one_by_one(self, at: Ints, labels: Ints) -> tuple[Ints, Ints, Floats]:
        """(item among `at`, column, log odds [votes, classes]) of the votes, each by the answers to other items."""
        told, _ = self._told(at, labels)
        part, truth = self.tally.take(at), np.eye(self.tally.classes)[labels]
        item, column = np.repeat(np.arange(len(at)), np.diff(part.matrix.indptr)), part.matrix.indices
        others = np.maximum(told[column] - part.matrix.data[:, None] * truth[item], 0.0)
        return item, column.astype(np.int64), self._odds(self.belief[column], others)

    def _told(self, at: Ints, labels: Ints) -> tuple[Floats, Floats]:
        part, truth = self.tally.take(at), np.eye(self.tally.classes)[labels]
        return part.expected(truth), truth[~part.covered].sum(axis=0)

    def _odds(self, belief: Floats, told: Floats) -> Floats:
        return np.asarray(np.log(shares(BELIEF * belief + told)) - np.log(self.share))


def levelled(odds: Floats) -> Floats:
    """With mean 0 in every row."""
    return np.asarray(odds - odds.mean(axis=1, keepdims=True))
