"""mace.v1: how often each source knows the answer and what it says when it does not, for crowds with spammers.

Hovy et al., Learning whom to trust with MACE, 2013, by variational Bayes with their priors: a source knows the label of
an item, or draws its vote from a distribution of its own. The classes' shares are estimated; theirs are uniform.
"""

from __future__ import annotations

import numpy as np
import scipy

from goldleaf.posteriors.em import VoteModel
from goldleaf.posteriors.tally import Floats, Tally, shares

KNOWING = 0.5  # of the Beta prior of how often a source knows
GUESSING = 10.0  # of the Dirichlet prior of its guesses


class Mace(VoteModel):
    """Knowing and guessing, by EM.

    Attributes after `fit`:
        knows_: [sources] how often each knows. guesses_: [sources, classes] what it votes when it does not.
    """

    name = "mace.v1"

    def _start(self, tally: Tally) -> Floats:
        self._states = np.full((tally.sources, 2), 0.5)  # knowing, spamming
        self._words = np.full((tally.sources, tally.classes), 1 / tally.classes)
        return super()._start(tally)

    def _terms(self, tally: Tally, posterior: Floats, prior: Floats) -> Floats:
        same = np.eye(tally.classes, dtype=bool)
        votes = tally.votes.reshape(tally.sources, tally.classes)
        right = tally.expected(posterior).reshape(*votes.shape, tally.classes)[:, same]
        knowing, spamming = self._states[:, :1], self._states[:, 1:]
        known = right * knowing / (knowing + spamming * self._words)
        states = np.column_stack([known.sum(axis=1), (votes - known).sum(axis=1)]) + KNOWING
        words = votes - known + GUESSING
        self.knows_, self.guesses_ = shares(states)[:, 0], shares(words)
        self._states, self._words = _geometric(states), _geometric(words)
        knowing, spamming = self._states[:, :1], self._states[:, 1:]
        terms = np.log((spamming * self._words)[:, :, None] + knowing[:, :, None] * same)
        return np.asarray(terms.reshape(-1, tally.classes))


def _geometric(counts: Floats) -> Floats:
    """Geometric means of the shares that a Dirichlet distribution draws."""
    digamma = scipy.special.digamma
    return np.asarray(np.exp(digamma(counts) - digamma(counts.sum(axis=1, keepdims=True))))
