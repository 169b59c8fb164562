"""doubt.v2: from the probe's own doubt of its label to P(that label is wrong), fitted on out-of-fold mistakes.

A logistic curve through the logit of the doubt (Platt, Probabilistic Outputs for Support Vector Machines, 1999),
drawn towards what such curves are elsewhere: some forty random answers hold two or three mistakes, too few to tell a
level by themselves. It changes the level, never the order: neighbours that disagree, distance from what is labeled and
two views that contradict each other are in the doubt already, and as terms of their own they saved no answers. A bias
costs answers in the audit, never validity.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import scipy
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FLOOR = 1e-4  # the smallest P(wrong)
SUREST = 1e-9  # the smallest doubt of a probe that is told from none


TAILS = 4.0  # degrees of freedom of the prior, Student's: answers that contradict it are soon believed


class Prior(NamedTuple):
    """(level, slope) of the curve as they are expected, and how far from it they may well be."""

    mean: tuple[float, float]
    spread: tuple[float, float]


GIVEN = Prior((0.0, 1.0), (1.5, 0.3))  # a confidence that came with the labels, of any level
TRAINED = Prior((-0.25, 1.2), (0.4, 0.25))
"""A probe that chose its questions. Its temperature is set on answers most of which were sought for being hard, so it
doubts the other labels too much: by 1.3 times in geometric mean over 16 pools after 80 to 550 answers. This prior came
nearest to their true share of mistakes."""


class Doubt:
    """P(wrong) of the probe's labels.

    Fit it on items drawn at random. Those that were sought out are wrong more often than others of the same doubt: the
    hard ones by choice, the first ones because they lie far from all other labeled items.

    Args:
        prior: of the curve, before any mistake is seen.
    """

    name = "doubt.v2"

    def __init__(self, prior: Prior = TRAINED) -> None:
        self.prior = prior

    def fit(self, probabilities: NDArray[np.floating], wrong: NDArray[np.bool_]) -> Self:
        """Fit on labeled items.

        Args:
            probabilities: out-of-fold P(label) [labeled, classes].
            wrong: whether the likeliest label is [labeled].
        """
        columns = _columns(probabilities)
        expected, spread = np.array(self.prior.mean), np.array(self.prior.spread)
        mistaken = wrong.astype(np.float64)

        def loss(terms: Floats) -> tuple[float, Floats]:
            z = columns @ terms
            off = (terms - expected) / spread
            unlikely = (TAILS + 1) / 2 * np.log1p(off**2 / TAILS)
            value = (np.logaddexp(0.0, z) - mistaken * z).sum() + unlikely.sum()
            pull = (TAILS + 1) * off / (TAILS + off**2) / spread
            return float(value), columns.T @ (scipy.special.expit(z) - mistaken) + pull

        self.terms_ = scipy.optimize.minimize(loss, expected, jac=True, method="L-BFGS-B").x
        if self.terms_[1] < 0:  # the mistakes contradict the doubt: then it tells nothing
            rising = [(None, None), (0.0, None)]
            self.terms_ = scipy.optimize.minimize(
                loss, expected, jac=True, method="L-BFGS-B", bounds=rising
            ).x
        return self

    def predict(self, probabilities: NDArray[np.floating]) -> Floats:
        """P(wrong) [n] from P(label) [n, classes]."""
        return FLOOR + (1 - 2 * FLOOR) * np.asarray(
            scipy.special.expit(_columns(probabilities) @ self.terms_)
        )


def _columns(probabilities: NDArray[np.floating]) -> Floats:
    """1 and the logit of the doubt; that of a very sure probe too, whose surest items are not all alike."""
    if probabilities.shape[1] == 1:  # all that is known of a label is how sure its model is
        others = 1.0 - probabilities[:, 0].astype(np.float64)
    else:
        others = np.sort(probabilities, axis=1)[:, :-1].sum(axis=1, dtype=np.float64)  # 1 - max is 0 too soon
    doubt = np.clip(others, SUREST, 1 - SUREST)
    return np.column_stack([np.ones(len(doubt)), np.log(doubt / (1 - doubt))])
