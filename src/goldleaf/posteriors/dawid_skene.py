"""dawid_skene.v1: a confusion matrix for every source, for people and models that answer all they are asked.

Maximum a posteriori by EM (Dawid and Skene, Maximum likelihood estimation of observer error-rates, 1979) with a
hierarchical prior (Paun et al., Comparing Bayesian models of annotation, 2018): a source's row is drawn around that of
all sources together, shifted to the source's own accuracy, and its accuracy around theirs. How closely is learned from
the votes (Minka, Estimating a Dirichlet distribution, 2000): sources that differ little, or of which little is known,
share one matrix. An abstention says nothing.
"""

from __future__ import annotations

import numpy as np
import scipy

from goldleaf.posteriors.em import VoteModel
from goldleaf.posteriors.tally import Floats, Tally, shares

SHARED = 8.0  # votes that the accuracy of all sources counts for in each row of their matrix
USUAL = 0.8  # accuracy of a vote that nobody checks
FIRST = 8.0  # strength of a prior, in votes, before any is learned
LEAST, MOST = 0.05, 1e4  # of a learned strength
UPDATES = 5  # of a strength a step
SMALL = 1e-9


class DawidSkene(VoteModel):
    """Confusion matrices by EM.

    Args:
        strength: of the prior of a row, in votes; learned where it is None.

    Attributes after `fit`:
        strength_, closeness_: votes that the priors of a row and of an accuracy count for.
        sharpness_: of the classes' shares, against those of the votes.
    """

    name = "dawid_skene.v1"

    def __init__(self, strength: float | None = None) -> None:
        self.strength = strength

    def _start(self, tally: Tally) -> Floats:
        self.strength_ = FIRST if self.strength is None else self.strength
        self.closeness_, self.sharpness_ = FIRST, 1.0
        return shares(tally.counts + 1.0)

    def _prior(self, tally: Tally, posterior: Floats) -> Floats:
        """The shares of the votes, sharpened or flattened: free ones run away where hard items are voted on alike."""
        checked = posterior[~tally.single[tally.covered]]
        found = shares(checked.sum(axis=0) + tally.alone.sum(axis=0) + 1.0)
        voted = np.log(shares(tally.counts.sum(axis=0) + 1.0))
        self.sharpness_ = _sharpness(voted, float(found @ voted), self.sharpness_)
        return np.asarray(scipy.special.softmax(self.sharpness_ * voted))

    def _terms(self, tally: Tally, posterior: Floats, prior: Floats) -> Floats:
        sources, classes = tally.sources, tally.classes
        checked = posterior * ~tally.single[:, None]
        given = tally.expected(checked).reshape(sources, classes, classes).transpose(0, 2, 1)
        mean = self._mean(given, tally.alone.sum(axis=1))  # source, truth, vote
        if self.strength is None:
            self.strength_ = _concentration(given, mean, self.strength_)
        rows = mean if np.isinf(self.strength_) else given + self.strength_ * mean
        confusion = np.log(shares(rows + SMALL)).transpose(0, 2, 1)
        return np.asarray(confusion.reshape(sources * classes, classes))

    def _mean(self, given: Floats, alone: Floats) -> Floats:
        """[sources, classes, classes] rows of all sources together, at each one's accuracy."""
        own = np.eye(given.shape[1], dtype=bool)
        right, votes = given[:, own].sum(axis=1) + USUAL * alone, given.sum((1, 2)) + alone
        accuracy = (right.sum() + 1) / (votes.sum() + 2)
        together = self._together(given.sum(axis=0), _coin(accuracy, len(own)))
        expected = (given.sum(axis=2) @ together[own] + accuracy * alone + SMALL) / (votes + SMALL / accuracy)
        split = np.column_stack([right, votes - right])
        self.closeness_ = _concentration(split, np.column_stack([expected, 1 - expected]), self.closeness_)
        shift = _logit((right + self.closeness_ * expected) / (votes + self.closeness_)) - _logit(expected)
        stays = scipy.special.expit(_logit(together[own]) + shift[:, None])[:, :, None]
        return np.where(own, stays, (1 - stays) * shares(np.where(own, 0.0, together) + SMALL * ~own))

    def _together(self, given: Floats, coin: Floats) -> Floats:
        return shares(given + SHARED * coin)


class OneCoin(DawidSkene):
    """One accuracy for every source, whatever the class."""

    name = "one_coin.v1"

    def __init__(self) -> None:
        super().__init__(np.inf)

    def _together(self, given: Floats, coin: Floats) -> Floats:
        return coin


def _coin(accuracy: float, classes: int) -> Floats:
    same = np.eye(classes)
    return np.asarray(accuracy * same + (1 - accuracy) * (1 - same) / max(classes - 1, 1))


def _logit(share: Floats) -> Floats:
    return np.asarray(scipy.special.logit(np.clip(share, SMALL, 1 - SMALL)))


def _concentration(counts: Floats, mean: Floats, strength: float) -> float:
    """Of the Dirichlet distribution around `mean`, of which `counts` are draws: a few of Minka's fixed-point steps."""
    digamma, totals = scipy.special.digamma, counts.sum(axis=-1)
    for _ in range(UPDATES):
        prior = strength * mean + SMALL
        gain = (mean * (digamma(counts + prior) - digamma(prior))).sum()
        loss = (digamma(totals + strength) - digamma(strength)).sum()
        strength = float(np.clip(strength * gain / loss, LEAST, MOST)) if loss > 0 else strength
    return strength


def _sharpness(voted: Floats, target: float, power: float) -> float:
    """The power >= 0 of shares, given their logarithms, at which these have the mean `target`: Newton's method."""
    for _ in range(20):
        found = scipy.special.softmax(power * voted)
        mean = found @ voted
        slope = found @ (voted - mean) ** 2
        if slope < SMALL:
            break
        power += float(np.clip((target - mean) / slope, -1.0, 1.0))
        power = max(power, 0.0)
    return power
