"""The model of a round: fitted on what people labeled, asked what it makes of the other items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from goldleaf.encode.features import Views
from goldleaf.posteriors.doubt import Doubt
from goldleaf.posteriors.kernel import KernelProbe

BLOCK = 8_192  # items whose vectors are in memory at a time
NAME = f"{KernelProbe.name}+{Doubt.name}"


@dataclass(frozen=True)
class Known:
    """What people labeled: positions, class integers, and whether each was sought out rather than drawn at random."""

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
    """A probe and the predictor of its mistakes."""

    probe: KernelProbe
    doubt: Doubt
    features: Views

    @classmethod
    def fit(cls, features: Views, known: Known, classes: int, *, seed: int) -> Self:
        """Fit on the `known` rows of `features`."""
        probe = KernelProbe(classes, seed=seed).fit(features.take(known.positions), known.labels)
        mistaken = probe.out_of_fold_.argmax(axis=1) != known.labels
        told = known.sought if known.sought.all() else ~known.sought  # a random one tells of the pool
        doubt = Doubt().fit(probe.out_of_fold_[told], mistaken[told])
        return cls(probe, doubt, features)

    def infer(self, positions: NDArray[np.int64]) -> Inferred:
        """What the model makes of the items at `positions`."""
        probabilities = np.empty((len(positions), self.probe.classes), np.float32)
        for start in range(0, len(positions), BLOCK):
            part = slice(start, start + BLOCK)
            probabilities[part] = self.probe.predict_proba(self.features.take(positions[part]))
        return Inferred(probabilities, self.doubt.predict(probabilities))


@dataclass(frozen=True)
class Guess:
    """What a model makes of the items at `positions`, ascending."""

    model: Model
    positions: NDArray[np.int64]
    inferred: Inferred

    def of(self, pool: NDArray[np.int64]) -> Inferred:
        """The rows of `pool`; those that were left out (their answer was taken back since) are looked at now."""
        if not len(self.positions):
            return self.model.infer(pool)
        at = np.minimum(np.searchsorted(self.positions, pool), len(self.positions) - 1)
        here = self.positions[at] == pool
        found = Inferred(self.inferred.probabilities[at], self.inferred.p_wrong[at])
        if not here.all():
            late = self.model.infer(pool[~here])
            found.probabilities[~here], found.p_wrong[~here] = late.probabilities, late.p_wrong
        return found
