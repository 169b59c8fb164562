"""dawid_skene.v1: a confusion matrix for every source, for people and models that answer all they are asked.

Maximum a posteriori by EM (Dawid and Skene, Maximum likelihood estimation of observer error-rates, 1979). The prior of
a source's row is a one-coin model, right with the source's own accuracy, which in turn is drawn towards that of all
sources: a source with few votes has one parameter, one with many a whole matrix. An abstention says nothing.
"""

from __future__ import annotations

import numpy as np

from goldleaf.posteriors.em import VoteModel
from goldleaf.posteriors.tally import Floats, Tally, shares

STRENGTH = 1.0  # votes that the prior of a row counts for: unit information
TOWARDS = 8.0  # votes that the accuracy of all sources counts for in that of one
USUAL = 0.8  # accuracy of a vote that nobody checks
SMALL = 1e-9


class DawidSkene(VoteModel):
    """Confusion matrices by EM.

    Args:
        strength: of the one-coin prior, in votes a row; infinite for the one-coin model itself.
    """

    name = "dawid_skene.v1"

    def __init__(self, strength: float = STRENGTH) -> None:
        self.strength = strength

    def _prior(self, tally: Tally, posterior: Floats) -> Floats:
        checked = posterior[~tally.single[tally.covered]]
        return shares(checked.sum(axis=0) + tally.alone.sum(axis=0) + 1.0)

    def _terms(self, tally: Tally, posterior: Floats, prior: Floats) -> Floats:
        sources, classes = tally.sources, tally.classes
        checked = posterior * ~tally.single[:, None]
        given = tally.expected(checked).reshape(sources, classes, classes)  # source, vote, truth
        right, votes = np.trace(given, axis1=1, axis2=2), given.sum((1, 2))
        alone = tally.alone.sum(axis=1)
        mean = (right.sum() + USUAL * alone.sum() + 1) / (votes.sum() + alone.sum() + 2)
        accuracy = (right + USUAL * alone + TOWARDS * mean) / (votes + alone + TOWARDS)
        accuracy = accuracy[:, None, None]
        coin = accuracy * np.eye(classes) + (1 - accuracy) * (1 - np.eye(classes)) / max(classes - 1, 1)
        rows = coin + SMALL
        if np.isfinite(self.strength):
            rows = given + (self.strength + alone / classes)[:, None, None] * coin + SMALL
        confusion = np.log(rows / rows.sum(axis=1, keepdims=True))
        return np.asarray(confusion.reshape(sources * classes, classes))
