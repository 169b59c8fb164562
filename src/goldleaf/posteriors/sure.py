"""What a source says of its own confidence: how much more its surer votes are worth, as the answers bear it out.

The numbers themselves are not believed, only their order among the votes of one source. How much more the surer ones say
is a weight that `weighing.v1` learns; without answers it is nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from goldleaf.posteriors.heed import Heard, Heeding, levelled
from goldleaf.posteriors.tally import Floats
from goldleaf.schema import VoteTable

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Sureness:
    """What `heeding` makes of the votes, times how sure each is: from -1, the least of its source's, to 1.

    Args:
        ranks: sparse, as the matrix of the heeding's tally.
    """

    heeding: Heeding
    ranks: scipy.sparse.csr_array

    @classmethod
    def of(cls, votes: VoteTable, heeding: Heeding) -> Sureness:
        """Of votes with `confidence`."""
        column = votes.source.astype(np.int64) * votes.classes + votes.label
        shape = heeding.tally.matrix.shape
        return cls(heeding, scipy.sparse.coo_array((ranks(votes), (votes.item, column)), shape).tocsr())

    def heard(self, at: Ints, labels: Ints) -> Heard:
        """What the votes are worth, given the labels [at] of the items `at`."""
        return self.heeding.heard(at, labels)

    def log_odds(self, heard: Heard, at: Ints) -> Floats:
        """[at, classes] that the confidence adds, with mean 0 in every row."""
        return levelled(np.asarray(self.ranks[at] @ heard.vote))

    def left_out(self, at: Ints, labels: Ints) -> Floats:
        """The same of answered items, each by the answers to the others."""
        item, column, votes = self.heeding.one_by_one(at, labels)
        odds = np.zeros((len(at), self.heeding.tally.classes))
        sure = np.asarray(self.ranks[at[item], column]).reshape(-1, 1)
        np.add.at(odds, item, sure * votes)
        return levelled(odds)


def ranks(votes: VoteTable) -> Floats:
    """[votes] where each stands among those of its source, from -1 to 1; 0 where it says nothing."""
    assert votes.confidence is not None
    out = np.zeros(len(votes.item))
    order = np.argsort(votes.source, kind="stable")
    for at in np.split(order, np.cumsum(np.bincount(votes.source))[:-1]):
        said = at[~np.isnan(votes.confidence[at])]
        _, level, many = np.unique(votes.confidence[said], return_inverse=True, return_counts=True)
        out[said] = (2 * np.cumsum(many) - many)[level] / max(len(said), 1) - 1
    return out
