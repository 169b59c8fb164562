"""soft.v1: the kernel probe on probabilities in the place of answers, to carry votes to the items they do not cover.

The same kernel ridge regression as `kernel.v1`, fitted on what the votes make of the items, with left-out predictions
for these. Neighbours outvote a function that is wrong about one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from goldleaf.posteriors.kernel import (
    CHOOSING,
    Solution,
    choose,
    doubled,
    exact,
    gaussian,
    spanned,
    squared,
)

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]

MOST = 6_000  # items that are fitted
LANDMARKS = 1_000  # of them, which span the fit
FLOOR = 1e-4


@dataclass(frozen=True)
class _View:
    landmarks: Floats32
    width: float
    solution: Solution
    sharpness: float


class SoftProbe:
    """A classifier fitted on probabilities.

    Args:
        seed: of the items that are fitted and of those that span the fit.

    Attributes after `fit`:
        fitted_: positions of the fitted items. held_out_ [fitted, classes]: P(label) by the others.
        mean_: [classes] of the probabilities.
    """

    name = "soft.v1"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, views: Sequence[NDArray[np.floating]], at: Ints, given: Floats) -> Self:
        """Fit on the items `at` of `views`, each [n, d] with rows of norm 1, and P(label) `given` [at, classes]."""
        rng = np.random.default_rng([self.seed, 11])
        some = np.arange(len(at))
        if len(at) > MOST:
            some = np.sort(rng.choice(len(at), MOST, replace=False))
        self.fitted_, target = at[some], given[some]
        self.mean_ = np.log(target.mean(axis=0) + FLOOR)
        with threadpool_limits(1, "blas"):
            self._views = [
                _fit(np.asarray(v[self.fitted_], np.float32), target, self.mean_, rng) for v in views
            ]
        left_out = [
            scipy.special.softmax(v.sharpness * v.solution.held_out + self.mean_, axis=1) for v in self._views
        ]
        self.held_out_ = np.mean(left_out, axis=0)
        return self

    def predict_proba(self, views: Sequence[NDArray[np.floating]]) -> Floats:
        """P(label) [n, classes] for `views`, each [n, d]."""
        each = []
        for view, vectors in zip(self._views, views, strict=True):
            kernel = gaussian(squared(np.asarray(vectors, np.float32), view.landmarks), view.width)
            scores = kernel @ view.solution.coef.astype(np.float32)
            each.append(scipy.special.softmax(view.sharpness * scores + self.mean_, axis=1))
        return np.asarray(np.mean(each, axis=0), np.float64)


def _fit(vectors: Floats32, target: Floats, mean: Floats, rng: np.random.Generator) -> _View:
    truth = target - target.mean(axis=0)
    few = np.sort(rng.choice(len(vectors), min(CHOOSING, len(vectors)), replace=False))
    setting = choose(vectors[few], truth[few])
    landmarks = vectors
    if len(vectors) > LANDMARKS:
        landmarks = vectors[np.sort(rng.choice(len(vectors), LANDMARKS, replace=False))]
    kernel = np.asarray(gaussian(squared(vectors, landmarks), setting.width), np.float64)
    if len(landmarks) == len(vectors):
        solved = exact(kernel, truth, setting.ridge)
    else:
        solved = spanned(kernel, doubled(landmarks, setting.width), truth, setting.ridge)

    def loss(log_sharpness: float) -> float:
        odds = np.exp(log_sharpness) * solved.held_out + mean
        return -float((target * scipy.special.log_softmax(odds, axis=1)).sum(axis=1).mean())

    sharpness = float(np.exp(scipy.optimize.minimize_scalar(loss, bounds=(-1.0, 4.5), method="bounded").x))
    return _View(landmarks, setting.width, solved, sharpness)
