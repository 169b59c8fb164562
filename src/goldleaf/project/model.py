"""The model of a round: fitted on what people labeled, asked what it makes of the other items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from goldleaf.encode.features import Views
from goldleaf.posteriors.doubt import Doubt
from goldleaf.posteriors.kernel import KernelProbe
from goldleaf.posteriors.opinions import Answered, Opinions
from goldleaf.posteriors.weighing import Weighing, beside

BLOCK = 8_192  # items whose vectors are in memory at a time
NAME = f"{KernelProbe.name}+{Doubt.name}"
WITH_VOTES = f"{NAME}+{Opinions.name}+{Weighing.name}"


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
class Voices:
    """What other sources say, weighed beside the probe; `share`: what the probe makes of the classes [classes]."""

    answered: Answered
    weighing: Weighing
    share: NDArray[np.float64]

    @classmethod
    def fit(cls, opinions: Opinions, known: Known, out_of_fold: NDArray[np.float64], *, seed: int) -> Self:
        """Weigh `opinions` beside a probe's `out_of_fold` [labeled, classes]."""
        at, labels, share = known.positions, known.labels, out_of_fold.mean(axis=0)
        parts = np.concatenate([beside(out_of_fold, share)[None], opinions.left_out(at, labels)])
        weighing = Weighing().fit(parts, labels, opinions.share_, seed=seed)
        return cls(opinions.heeded(at, labels), weighing, share)

    def weigh(self, probabilities: NDArray[np.float32], at: NDArray[np.int64]) -> NDArray[np.float32]:
        """P(label) [at, classes] of the items `at` from those of the probe."""
        probe = beside(probabilities.astype(np.float64), self.share)
        parts = np.concatenate([probe[None], self.answered.log_odds(at)])
        return self.weighing.predict_proba(parts).astype(np.float32)


@dataclass(frozen=True)
class Model:
    """A probe, the predictor of its mistakes, and what other sources say where there are any."""

    probe: KernelProbe
    doubt: Doubt
    features: Views
    voices: Voices | None = None

    @classmethod
    def fit(
        cls, features: Views, known: Known, classes: int, *, seed: int, opinions: Opinions | None = None
    ) -> Self:
        """Fit on the `known` rows of `features`, and on what other sources say of these items."""
        probe = KernelProbe(classes, seed=seed).fit(features.take(known.positions), known.labels)
        out_of_fold, voices = probe.out_of_fold_, None
        if opinions is not None:
            voices = Voices.fit(opinions, known, out_of_fold, seed=seed)
            out_of_fold = voices.weighing.out_of_fold_
        mistaken = out_of_fold.argmax(axis=1) != known.labels
        told = known.sought if known.sought.all() else ~known.sought  # a random one tells of the pool
        doubt = Doubt().fit(out_of_fold[told], mistaken[told])
        return cls(probe, doubt, features, voices)

    def infer(self, positions: NDArray[np.int64]) -> Inferred:
        """What the model makes of the items at `positions`."""
        probabilities = np.empty((len(positions), self.probe.classes), np.float32)
        for start in range(0, len(positions), BLOCK):
            part = slice(start, start + BLOCK)
            made = self.probe.predict_proba(self.features.take(positions[part]))
            probabilities[part] = made if self.voices is None else self.voices.weigh(made, positions[part])
        return Inferred(probabilities, self.doubt.predict(probabilities))

    def doubt_of_probe(self, positions: NDArray[np.int64]) -> float:
        """The mean doubt of the probe alone, other sources left aside, of its labels of the items at `positions`."""
        made = self.probe.predict_proba(self.features.take(positions))
        return float(1.0 - made.max(axis=1).mean())


@dataclass(frozen=True)
class Guess:
    """What a model makes of the items at `positions`, ascending; `sources`: whose votes it heard → their version."""

    model: Model
    positions: NDArray[np.int64]
    inferred: Inferred
    sources: Mapping[str, str] = field(default_factory=dict)

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
