"""doubt.v1: from the probe's own doubt of its label to P(that label is wrong), fitted on out-of-fold mistakes.

A logistic curve through the logit of the doubt (Platt, Probabilistic Outputs for Support Vector Machines, 1999),
its slope drawn towards 1, as the doubt is calibrated already. It changes the level, never the order: neighbours that
disagree, distance from what is labeled and two views that contradict each other are in the doubt already, and as
terms of their own they saved no answers. A bias costs answers in the audit, never validity.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import scipy
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FLOOR = 1e-4  # the smallest P(wrong)
SUREST = 1e-9  # the smallest doubt of a probe that is told from none
PRIOR = np.array([0.0, 1.0])  # of the level and the slope
SPREAD = np.array([1.5, 0.3])  # its standard deviations


class Doubt:
    """P(wrong) of the probe's labels.

    Fit it on items drawn at random. Those that were sought out are wrong more often than others of the same doubt: the
    hard ones by choice, the first ones because they lie far from all other labeled items.
    """

    name = "doubt.v1"

    def fit(self, probabilities: NDArray[np.floating], wrong: NDArray[np.bool_]) -> Self:
        """Fit on labeled items.

        Args:
            probabilities: out-of-fold P(label) [labeled, classes].
            wrong: whether the likeliest label is [labeled].
        """
        columns = _columns(probabilities)
        mistaken = wrong.astype(np.float64)

        def loss(terms: Floats) -> tuple[float, Floats]:
            z = columns @ terms
            off = (terms - PRIOR) / SPREAD
            value = (np.logaddexp(0.0, z) - mistaken * z).sum() + (off**2).sum() / 2
            return float(value), columns.T @ (scipy.special.expit(z) - mistaken) + off / SPREAD

        self.terms_ = scipy.optimize.minimize(loss, PRIOR, jac=True, method="L-BFGS-B").x
        if self.terms_[1] < 0:  # the mistakes contradict the doubt: then it tells nothing
            rising = [(None, None), (0.0, None)]
            self.terms_ = scipy.optimize.minimize(loss, PRIOR, jac=True, method="L-BFGS-B", bounds=rising).x
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
