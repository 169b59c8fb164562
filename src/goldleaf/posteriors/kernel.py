"""kernel.v1: kernel ridge regression on each view of the items, with leave-one-out predictions in closed form.

A Gaussian kernel on unit vectors and a ridge: the mean of a Gaussian process fitted to the labels (Rasmussen and
Williams, Gaussian Processes for Machine Learning, 2006, section 2.2). Its leave-one-out predictions come with the fit
(section 5.4.2), so the width, the ridge and the temperature are chosen on answers that the fit has not seen, and
every label's honest prediction is at hand. The views are fitted each for itself and their probabilities averaged.

With logistic regression on one view in its place five small sets took 1.12 times the answers (docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import scipy
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]

WIDTHS = (0.1, 0.25, 0.5, 1.0)  # gamma of exp(-gamma |x - y|^2), for rows of norm 1
RIDGES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
CHOOSING = 600  # answers on which the width and the ridge are chosen
EXACT = 2_000  # answers; with more, LANDMARKS of them span the fit and the others only inform it (Nystroem)
LANDMARKS = 1_500
JITTER = 1e-6  # on the diagonal of the landmarks' kernel
FEW = 10  # answers that are too few to choose a temperature
COLD = 4.0  # the temperature's inverse then
UNSEEN = 0.05  # mistakes not seen yet, in the choice of the temperature


class Setting(NamedTuple):
    """What the kernel and the ridge are."""

    width: float
    ridge: float


class Solution(NamedTuple):
    """Scores are kernel(items, landmarks) @ coef; `held_out` [labeled, classes] are the left-out ones."""

    coef: Floats
    held_out: Floats


@dataclass(frozen=True)
class View:
    """The fit on one view: P(label) = softmax(sharpness * scores)."""

    landmarks: Floats32
    width: float
    coef: Floats32
    sharpness: float
    out_of_fold: Floats

    def predict_proba(self, vectors: Floats32) -> Floats32:
        """[n, classes] for `vectors` [n, d]."""
        scores = gaussian(squared(vectors, self.landmarks), self.width) @ self.coef
        probabilities: Floats32 = scipy.special.softmax(np.float32(self.sharpness) * scores, axis=1)
        return probabilities


class KernelProbe:
    """A calibrated classifier on several views of the same items.

    Args:
        classes: number of labels of the task; a class without an example stays unlikely everywhere.
        seed: of the answers that settings are chosen on, and of the landmarks.

    Attributes after `fit`:
        views_: a `View` each. out_of_fold_ [labeled, classes]: P(label) by everybody else's answers.
    """

    name = "kernel.v1"

    def __init__(self, classes: int, *, seed: int = 0) -> None:
        self.classes = classes
        self.seed = seed

    def fit(self, views: Sequence[Floats32], labels: Ints) -> Self:
        """Fit on `views`, each [labeled, d] with rows of norm 1, and class integers `labels` [labeled]."""
        if not len(labels) or any(len(vectors) != len(labels) for vectors in views):
            raise ValueError(
                f"Every view must be as long as `labels` and not empty, got {[len(v) for v in views]} and {len(labels)}."
            )
        with threadpool_limits(1, "blas"):  # the same numbers on any machine with the same kernels
            self.views_ = [self._view(np.asarray(vectors, np.float32), labels) for vectors in views]
        self.out_of_fold_ = np.mean([view.out_of_fold for view in self.views_], axis=0)
        return self

    def predict_proba(self, views: Sequence[Floats32]) -> Floats32:
        """P(label) [n, classes] for `views`, each [n, d]."""
        each = [view.predict_proba(vectors) for view, vectors in zip(self.views_, views, strict=True)]
        return np.asarray(np.mean(each, axis=0), np.float32)

    def _view(self, vectors: Floats32, labels: Ints) -> View:
        truth = np.eye(self.classes)[labels] - 1 / self.classes
        rng = np.random.default_rng(self.seed)
        few = _some(rng, len(labels), CHOOSING)
        setting = choose(vectors[few], truth[few])
        landmarks = vectors if len(labels) <= EXACT else vectors[_some(rng, len(labels), LANDMARKS)]
        kernel = np.asarray(gaussian(squared(vectors, landmarks), setting.width), np.float64)
        if len(landmarks) == len(vectors):
            solved = exact(kernel, truth, setting.ridge)
        else:
            solved = spanned(kernel, doubled(landmarks, setting.width), truth, setting.ridge)
        sharpness = _sharpness(solved.held_out, labels)
        out_of_fold = scipy.special.softmax(sharpness * solved.held_out, axis=1)
        return View(landmarks, setting.width, solved.coef.astype(np.float32), sharpness, out_of_fold)


def squared(vectors: Floats32, others: Floats32) -> Floats32:
    """Squared distances [n, m]."""
    square = (vectors**2).sum(1)[:, None] + (others**2).sum(1)[None, :] - 2 * (vectors @ others.T)
    return np.asarray(np.maximum(square, 0.0), np.float32)


def gaussian(distance: Floats32, width: float) -> Floats32:
    """The kernel [n, m] from squared distances."""
    kernel: Floats32 = np.exp(np.float32(-width) * distance)
    return kernel


def doubled(vectors: Floats32, width: float) -> Floats:
    """The kernel [n, n] in double precision: rounded to single, that of near copies is not positive definite."""
    exactly = vectors.astype(np.float64)
    norms = (exactly**2).sum(1)
    distance = np.maximum(norms[:, None] + norms[None, :] - 2 * (exactly @ exactly.T), 0.0)
    return np.asarray(np.exp(-float(np.float32(width)) * distance))


def choose(vectors: Floats32, truth: Floats) -> Setting:
    """The width and the ridge with the least squared error of the left-out scores."""
    distance = squared(vectors, vectors)
    losses = {}
    for width in WIDTHS:
        values, left = scipy.linalg.eigh(np.asarray(gaussian(distance, width), np.float64), driver="evd")
        turned, square = left.T @ truth, left**2
        for ridge in RIDGES:
            keep = 1 / (np.maximum(values, 0.0) + ridge)
            missed = (left @ (keep[:, None] * turned)) / (square @ keep)[:, None]
            losses[Setting(width, ridge)] = float((missed**2).mean())
    return min(losses, key=losses.__getitem__)


def exact(kernel: Floats, truth: Floats, ridge: float) -> Solution:
    """The fit spanned by all answers: coef = (K + ridge)^-1 y, and y_i - coef_i / [(K + ridge)^-1]_ii left out."""
    inverse = scipy.linalg.cho_solve(
        scipy.linalg.cho_factor(kernel + ridge * np.eye(len(kernel)), lower=True), np.eye(len(kernel))
    )
    coef = inverse @ truth
    return Solution(coef, truth - coef / np.diag(inverse)[:, None])


def spanned(kernel: Floats, among: Floats, truth: Floats, ridge: float) -> Solution:
    """The fit spanned by landmarks, from the kernels [labeled, m] and [m, m] (the Nystroem method)."""
    lower = scipy.linalg.cholesky(among + JITTER * np.eye(len(among)), lower=True)
    features = scipy.linalg.solve_triangular(
        lower, kernel.T, lower=True
    ).T  # features @ features.T is close to the whole kernel
    inverse = scipy.linalg.cho_solve(
        scipy.linalg.cho_factor(features.T @ features + ridge * np.eye(len(among)), lower=True),
        np.eye(len(among)),
    )
    weights = inverse @ (features.T @ truth)
    leverage = np.einsum("ij,ij->i", features @ inverse, features)
    missed = (truth - features @ weights) / np.maximum(1 - leverage, 1e-6)[:, None]
    return Solution(scipy.linalg.solve_triangular(lower.T, weights, lower=False), truth - missed)


def _some(rng: np.random.Generator, n: int, most: int) -> Ints:
    """At most `most` of the rows 0 to n - 1."""
    return np.arange(n) if n <= most else np.sort(rng.choice(n, most, replace=False))


def _sharpness(scores: Floats, labels: Ints) -> float:
    """What the scores are multiplied with for the least negative log likelihood of the left-out labels.

    A twentieth of a mistake not seen yet is spread over the other labels: without any, the sharpest were the likeliest.
    """
    if len(labels) < FEW:
        return COLD
    at, unseen = np.arange(len(labels)), UNSEEN / (len(labels) + 1)

    def loss(log_sharpness: float) -> float:
        log_p = scipy.special.log_softmax(np.exp(log_sharpness) * scores, axis=1)
        right = log_p[at, labels]
        others = (log_p.sum(axis=1) - right) / max(log_p.shape[1] - 1, 1)
        return -float(((1 - unseen) * right + unseen * others).mean())

    return float(np.exp(scipy.optimize.minimize_scalar(loss, bounds=(0.0, 4.5), method="bounded").x))
