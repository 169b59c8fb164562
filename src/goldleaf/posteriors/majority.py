"""majority.v1 and weighted_majority.v1: shares of the votes.

The weighted one counts a vote as much as its source agrees with the plain majority, beyond chance (known to crowd
workers as "worker agreement with aggregate").
"""

from __future__ import annotations

from typing import Self

import numpy as np

from goldleaf.posteriors.tally import Floats, Tally, shares
from goldleaf.schema import VoteTable

TIE = 1e-9  # of the classes' overall shares, added to every item: decides nothing but ties and items without votes


class Majority:
    """P(label) is the share of an item's votes; without votes, the share of all votes.

    Attributes after `fit`:
        prior_: [classes] shares of all votes. weights_: [sources] of a vote.
    """

    name = "majority.v1"

    def fit(self, votes: VoteTable) -> Self:
        return self.fit_tally(Tally(votes))

    def predict_proba(self, votes: VoteTable) -> Floats:
        """[items, classes]."""
        return self.posterior(Tally(votes))

    def fit_predict_proba(self, votes: VoteTable) -> Floats:
        """[items, classes] of the votes it is fitted on: in less time than both, as these are laid out once."""
        tally = Tally(votes)
        return self.fit_tally(tally).posterior(tally)

    def fit_tally(self, tally: Tally) -> Self:
        self.prior_ = shares(tally.counts.sum(axis=0) + 1.0)
        self.weights_ = self._weights(tally)
        return self

    def posterior(self, tally: Tally) -> Floats:
        """The same as `predict_proba` from a `Tally`."""
        terms = np.repeat(self.weights_, tally.classes)[:, None] * np.tile(
            np.eye(tally.classes), (tally.sources, 1)
        )
        return shares(tally.evidence(terms) + TIE * self.prior_)

    def _weights(self, tally: Tally) -> Floats:
        return np.ones(tally.sources)


class WeightedMajority(Majority):
    """The same with votes weighed by how often their source agrees with the plain majority."""

    name = "weighted_majority.v1"

    def _weights(self, tally: Tally) -> Floats:
        agreed = tally.expected(shares(tally.counts + TIE * self.prior_))
        agreed = agreed.reshape(tally.sources, tally.classes, tally.classes)
        right = np.trace(agreed, axis1=1, axis2=2)
        agreement = (right + 1) / (agreed.sum((1, 2)) + tally.classes)
        return np.asarray(np.maximum(agreement - 1 / tally.classes, TIE))
