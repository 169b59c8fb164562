"""weighing.v1: how far to believe the votes and how far the probe, learned from the answers.

log P(label) = log share of the class + a * probe + b * opinions + c * the votes as the answers bear them out, source by
source + d * the same, all sources alike + e * the votes by their own confidence, where they have any + a term a class:
a logistic regression through log odds that were left out or made without answers, with a prior at a = b = 1 and
c = d = e = 0. Each part is what it adds to the shares of the classes, so that these count once: in the log odds of two
experts they would count twice, and a rare class would be lost. Without answers the probe says nothing and the opinions
stand alone; sources that the answers contradict get b near 0 or below.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import scipy
from numpy.typing import NDArray

from goldleaf.posteriors.em import centred
from goldleaf.posteriors.tally import Floats

Ints = NDArray[np.int64]

PRIOR = (1.0, 1.0, 0.0, 0.0, 0.0)  # of the weights of the parts
SPREAD, SPREAD_CLASS = 0.5, 0.5  # standard deviations of the weights and of the classes' terms
FOLDS = 5


class Weighing:
    """A few weights.

    Attributes after `fit`:
        weights_: [parts]. terms_: [classes], log shares and all.
        out_of_fold_: [labeled, classes] P(label) by weights from other answers.
    """

    name = "weighing.v1"

    def fit(self, parts: Floats, labels: Ints, share: Floats, *, seed: int = 0) -> Self:
        """Fit on what is said of labeled items.

        Args:
            parts: [4 or 5, labeled, classes] log odds, beside those of the classes, that do not know the item's own label.
            labels: [labeled]. share: [classes] of the pool, before anybody answered.
        """
        self.weights_, self.terms_ = _fit(parts, labels, share)
        fold = np.random.default_rng([seed, 5]).permutation(len(labels)) % FOLDS
        self.out_of_fold_ = np.empty(parts.shape[1:])
        for one in range(min(FOLDS, len(labels))):
            out = fold == one
            weights, terms = _fit(parts[:, ~out], labels[~out], share)
            self.out_of_fold_[out] = _mixed(parts[:, out], weights, terms)
        return self

    def predict_proba(self, parts: Floats) -> Floats:
        """P(label) [n, classes] from `parts` [parts, n, classes]."""
        return _mixed(parts, self.weights_, self.terms_)


def beside(probabilities: Floats, share: Floats) -> Floats:
    """Log odds beside those of the classes' `share` [classes]: what is said of an item, not of the pool."""
    return np.asarray(centred(probabilities) - centred(share[None]))


def _mixed(parts: Floats, weights: Floats, terms: Floats) -> Floats:
    return np.asarray(scipy.special.softmax(np.tensordot(weights, parts, 1) + terms, axis=1))


def _fit(parts: Floats, labels: Ints, share: Floats) -> tuple[Floats, Floats]:
    many, _, classes = parts.shape
    prior, at = np.array(PRIOR[:many]), np.arange(len(labels))
    # not the answers' shares: answers were sought out, and say little of how common a class is in the pool
    base = np.log(share)

    def loss(all_terms: Floats) -> tuple[float, Floats]:
        weights, terms = all_terms[:many], all_terms[many:]
        log_p = scipy.special.log_softmax(np.tensordot(weights, parts, 1) + base + terms, axis=1)
        miss = np.exp(log_p)
        miss[at, labels] -= 1
        off = (weights - prior) / SPREAD
        value = -log_p[at, labels].sum() + (off @ off + (terms @ terms) / SPREAD_CLASS**2) / 2
        slope = np.einsum("knc,nc->k", parts, miss) + off / SPREAD
        return float(value), np.concatenate([slope, miss.sum(axis=0) + terms / SPREAD_CLASS**2])

    start = np.concatenate([prior, np.zeros(classes)])
    found = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B").x
    return found[:many], base + found[many:]
