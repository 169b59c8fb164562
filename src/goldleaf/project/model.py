"""The model of a round: fitted on what people labeled, asked what it makes of the other items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from goldleaf.posteriors.probe import Probe
from goldleaf.posteriors.wrong import WrongPredictor, signals

BLOCK = 20_000  # items whose vectors are in memory at a time


@dataclass(frozen=True)
class Known:
    """What people labeled: positions, class integers, and whether each was sought out as a hard item."""

    positions: NDArray[np.int64]
    labels: NDArray[np.int64]
    sought: NDArray[np.bool_]


@dataclass(frozen=True)
class Inferred:
    """P(label) [n, classes] and P(the likeliest label is wrong) [n] of some items."""

    probabilities: NDArray[np.float32]
    p_wrong: NDArray[np.float64]


NOTHING = Inferred(np.zeros((0, 1), np.float32), np.zeros(0))


@dataclass(frozen=True)
class Model:
    """A probe and the predictor of its mistakes, with the labeled items that both look back at."""

    probe: Probe
    wrong: WrongPredictor
    features: NDArray[np.float32]
    labeled: NDArray[np.float32]
    labels: NDArray[np.int64]

    @classmethod
    def fit(cls, features: NDArray[np.float32], known: Known, classes: int, *, seed: int) -> Self:
        """Fit on the `known` rows of `features` [items, d]."""
        labeled = np.asarray(features[known.positions])
        probe = Probe(classes, seed=seed).fit(labeled, known.labels)
        signal = signals(probe.out_of_fold_, labeled, labeled, known.labels, same=True)
        mistaken = probe.out_of_fold_.argmax(axis=1) != known.labels
        wrong = WrongPredictor().fit(signal, mistaken, known.sought)
        return cls(probe, wrong, features, labeled, known.labels)

    def infer(self, positions: NDArray[np.int64]) -> Inferred:
        """What the model makes of the items at `positions`."""
        probabilities = np.empty((len(positions), self.probe.classes), np.float32)
        p_wrong = np.empty(len(positions))
        for start in range(0, len(positions), BLOCK):
            part = slice(start, start + BLOCK)
            vectors = np.asarray(self.features[positions[part]])
            probabilities[part] = self.probe.predict_proba(vectors)
            p_wrong[part] = self.wrong.predict(
                signals(probabilities[part], vectors, self.labeled, self.labels)
            )
        return Inferred(probabilities, p_wrong)
