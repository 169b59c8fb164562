"""Expectation-maximisation over a table of votes: the frame that all its models share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

import numpy as np
import scipy

from goldleaf.posteriors.tally import Floats, Tally, shares
from goldleaf.schema import VoteTable

STEPS = 100
STILL = 1e-4  # largest change of a probability at which it has converged
SAMPLE = (
    50_000  # items on which the steps are taken where sources have votes in plenty; a few more follow on all
)
PLENTY = 5_000  # votes a source, on average, in such a sample
LAST = 2
SMALL = 1e-4


class VoteModel(ABC):
    """P(label) from votes alone, or from votes and what is thought of each item beforehand.

    Attributes after `fit`:
        terms_: [sources * classes, classes] what a vote adds to the log odds. prior_: [classes] of an item.
        steps_: taken.
    """

    name: str

    @abstractmethod
    def _terms(self, tally: Tally, posterior: Floats, prior: Floats) -> Floats:
        """What each vote adds, when the items' posteriors are these."""

    def _prior(self, tally: Tally, posterior: Floats) -> Floats:
        """[classes] of an item; `posterior` is that of the items with votes."""
        return shares(posterior.sum(axis=0) + 1.0)

    def _start(self, tally: Tally) -> Floats:
        share = shares(tally.counts.sum(axis=0) + 1.0)
        return shares(tally.counts + SMALL * share)

    def fit(self, votes: VoteTable, before: Floats | None = None) -> Self:
        """Fit on `votes`; `before` [items, classes] is P(label) by other means than these votes."""
        return self.fit_tally(Tally(votes), before)

    def predict_proba(self, votes: VoteTable, before: Floats | None = None) -> Floats:
        """[items, classes]; an item without votes has the prior, or what was thought `before`."""
        return self.posterior(Tally(votes), before)

    def fit_predict_proba(self, votes: VoteTable, before: Floats | None = None) -> Floats:
        """[items, classes] of the votes it is fitted on: in less time than both, as these are laid out once."""
        tally = Tally(votes)
        return self.fit_tally(tally, before).posterior(tally, before)

    def fit_tally(self, tally: Tally, before: Floats | None = None) -> Self:
        some = _sample(tally)
        if some is None:
            self._run(tally, before, self._start(tally), STEPS)
            return self
        part = tally.take(some)
        self._run(part, None if before is None else before[some], self._start(part), STEPS)
        steps = self.steps_
        self._run(tally, before, self.posterior(tally, before), LAST)
        self.steps_ += steps
        return self

    def posterior(self, tally: Tally, before: Floats | None = None) -> Floats:
        """The same from a `Tally`."""
        odds = tally.evidence(self.terms_)
        odds += np.log(self.prior_ if before is None else before + SMALL)
        return np.asarray(scipy.special.softmax(odds, axis=1))

    def evidence(self, tally: Tally) -> Floats:
        """[items, classes] log odds that the votes alone add, with mean 0 in every row."""
        odds = tally.evidence(self.terms_)
        return np.asarray(odds - odds.mean(axis=1, keepdims=True))

    def _run(self, tally: Tally, before: Floats | None, posterior: Floats, most: int) -> None:
        covered = tally.covered
        for step in range(most):
            self.prior_ = self._prior(tally, posterior[covered])
            self.terms_ = self._terms(tally, posterior, self.prior_)
            after = self.posterior(tally, before)
            change = float(np.abs(after - posterior).max(initial=0.0))
            posterior, self.steps_ = after, step + 1
            if change < STILL:
                return


def _sample(tally: Tally) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
    """Items enough to know every source; None where all are needed."""
    share = SAMPLE / max(tally.items, 1)
    if share > 0.5 or share * tally.matrix.nnz < PLENTY * tally.sources:
        return None
    return np.sort(np.random.default_rng(0).choice(tally.items, SAMPLE, replace=False))


def centred(probabilities: Floats) -> Floats:
    """Log odds with mean 0 in every row."""
    odds = scipy.special.log_softmax(np.log(probabilities + SMALL), axis=1)
    return np.asarray(odds - odds.mean(axis=1, keepdims=True))
