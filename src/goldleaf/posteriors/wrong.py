"""A learned predictor of "this label is wrong", trained on the probe's out-of-fold mistakes.

Ranking quality is what saves answers in the audit; any bias costs answers, never validity
(the certifier is valid for every guess).
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

NEIGHBOURS = 10
FLOOR = 1e-4
_BLOCK_CELLS = 32_000_000  # similarity cells held at a time (128 MB)


def signals(
    probabilities: Floats, vectors: Floats, labeled: Floats, labels: Ints, *, same: bool = False
) -> Floats:
    """What tells a wrong label from a right one, [n, 5].

    Args:
        probabilities: P(label) [n, classes] of the items; vectors: theirs [n, d].
        labeled, labels: vectors [m, d] and answers [m] of the items people labeled.
        same: the items are the labeled ones, row by row: none counts as its own neighbour.
    """
    top2 = np.partition(probabilities, -2, axis=1)[:, -2:]
    second, first = top2[:, 0], top2[:, 1]
    entropy = -(probabilities * np.log(np.clip(probabilities, 1e-9, 1.0))).sum(axis=1)
    agreement, nearest = _neighbourhood(probabilities.argmax(axis=1), vectors, labeled, labels, same)
    confident = np.log(np.clip(first, 1e-6, 1.0)) - np.log(np.clip(1.0 - first, 1e-6, 1.0))
    return np.column_stack([confident, first - second, entropy, agreement, nearest]).astype(np.float32)


def _neighbourhood(
    predicted: Ints, vectors: Floats, labeled: Floats, labels: Ints, same: bool
) -> tuple[Floats, Floats]:
    """Share of the nearest labeled items that agree with the prediction, and the nearest one's similarity."""
    n, m = len(vectors), len(labeled)
    k = min(NEIGHBOURS, m - same)
    if k < 1:
        return np.zeros(n, np.float32), np.zeros(n, np.float32)
    agreement, nearest = np.empty(n, np.float32), np.empty(n, np.float32)
    step = max(1, _BLOCK_CELLS // m)
    for start in range(0, n, step):
        similar = np.asarray(vectors[start : start + step]) @ labeled.T
        if same:
            similar[np.arange(len(similar)), np.arange(start, start + len(similar))] = -np.inf
        close = np.argpartition(-similar, k - 1, axis=1)[:, :k]
        agreement[start : start + step] = (labels[close] == predicted[start : start + step, None]).mean(
            axis=1
        )
        nearest[start : start + step] = np.take_along_axis(similar, close, axis=1).max(axis=1)
    return agreement, nearest


class WrongPredictor:
    """Logistic regression from `signals` to P(wrong), with FLOOR as the smallest answer.

    Items that were sought out because they are hard are wrong more often than others with the same signals;
    a term of their own keeps them from spoiling the picture of the pool.
    """

    name = "wrong.v1"

    def fit(self, signal: Floats, wrong: NDArray[np.bool_], sought: NDArray[np.bool_]) -> Self:
        """Fit on the labeled items.

        Args:
            signal: out-of-fold `signals` [labeled, k].
            wrong: whether the out-of-fold label was wrong [labeled].
            sought: whether the item was picked for being hard rather than at random [labeled].
        """
        self.base_ = (wrong.sum() + 0.5) / (len(wrong) + 1.0)
        self.scaler_ = StandardScaler().fit(signal)
        both = 0 < wrong.sum() < len(wrong)
        self.model_ = LogisticRegression(C=1.0).fit(self._columns(signal, sought), wrong) if both else None
        return self

    def predict(self, signal: Floats) -> NDArray[np.float64]:
        """P(wrong) [n] of items that nobody sought out."""
        if self.model_ is None:  # no mistake seen, or nothing but mistakes: every item alike
            return np.full(len(signal), np.clip(self.base_, FLOOR, 1 - FLOOR))
        wrong = self.model_.predict_proba(self._columns(signal, np.zeros(len(signal), bool)))[:, 1]
        return np.asarray(np.clip(wrong, FLOOR, 1 - FLOOR), np.float64)

    def _columns(self, signal: Floats, sought: NDArray[np.bool_]) -> Floats:
        return np.column_stack([self.scaler_.transform(signal), sought])
