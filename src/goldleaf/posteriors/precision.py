"""precision.v1: how far each vote can be believed, for labeling functions, which choose what they vote on.

A function that votes for one class only has no confusion matrix to learn: EM over such matrices gives one class
everything. What can be learned is its precision, the P(label) where it votes. EM from a prior that weighs as much as
the votes themselves, so that functions which nobody contradicts stay moderately believed. Functions that vote on the
same items more often than their classes explain share one voice (`copies`).
"""

from __future__ import annotations

import numpy as np

from goldleaf.posteriors.copies import weights
from goldleaf.posteriors.em import VoteModel
from goldleaf.posteriors.tally import Floats, Tally

RIGHT = 0.7  # precision beforehand
SMALL = 1e-3


class Precision(VoteModel):
    """P(label) where a source votes, by EM.

    Args:
        right: the precision expected beforehand.
        relative: weight of that prior, against the source's own votes.
    """

    name = "precision.v1"

    def __init__(self, right: float = RIGHT, relative: float = 1.0) -> None:
        self.right = right
        self.relative = relative

    def _start(self, tally: Tally) -> Floats:
        even = np.full(tally.classes, 1 / tally.classes)
        self.prior_, self.terms_ = even, np.log(self._before(tally)) - np.log(even)
        return self.posterior(tally)

    def _before(self, tally: Tally) -> Floats:
        other = (1 - self.right) / max(tally.classes - 1, 1)
        one = np.where(np.eye(tally.classes) > 0, self.right, other)
        return np.tile(one, (tally.sources, 1))

    def _terms(self, tally: Tally, posterior: Floats, prior: Floats) -> Floats:
        given = tally.expected(posterior)
        strength = self.relative * tally.votes[:, None] + SMALL
        precision = (given + strength * self._before(tally)) / (tally.votes[:, None] + strength)
        return np.asarray((np.log(precision) - np.log(prior)) * weights(tally, given, posterior)[:, None])
