"""probe.v1: multinomial logistic regression on frozen vectors, calibrated out of fold by one temperature."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

BLOCK = 65_536  # rows scored at a time, so that a million items never need a million-row copy


class Probe:
    """A calibrated classifier on vectors.

    Args:
        classes: number of labels of the task; classes without an example yet get probability 0.
        strength: inverse regularisation `C` (10 suits vectors of norm 1, 1 to 1000 differ little).
        folds: cross-fitting folds; an item's own answer never informs its `out_of_fold_` row.
        seed: of the fold assignment.

    Attributes after `fit`:
        coef_ [classes, d], intercept_ [classes], temperature_, out_of_fold_ [labeled, classes].
    """

    name = "probe.v1"

    def __init__(self, classes: int, *, strength: float = 10.0, folds: int = 5, seed: int = 0) -> None:
        self.classes = classes
        self.strength = strength
        self.folds = folds
        self.seed = seed

    def fit(self, vectors: Floats, labels: Ints) -> Self:
        """Fit on `vectors` [labeled, d] and class integers `labels` [labeled]."""
        if len(vectors) != len(labels) or len(labels) == 0:
            raise ValueError(
                f"`vectors` and `labels` must be as long and not empty, got {len(vectors)} and {len(labels)}."
            )
        with warnings.catch_warnings():  # not in the threads: it is not made for them
            warnings.simplefilter("ignore", ConvergenceWarning)  # 200 steps are ample for ranking
            warnings.filterwarnings(
                "ignore", "The number of unique classes", UserWarning
            )  # two answers a class
            return self._fit(vectors, labels)

    def _fit(self, vectors: Floats, labels: Ints) -> Self:
        basis, spanned = _span(vectors)
        folds = list(_folds(labels, self.folds, self.seed))
        everything = np.arange(len(labels))
        jobs = [*(train for train, _ in folds), everything]
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
            solved = list(pool.map(lambda rows: self._solve(spanned[rows], labels[rows]), jobs))
        with np.errstate(divide="ignore"):  # a class without an example has the log probability -inf
            frequency = np.log(np.bincount(labels, minlength=self.classes) / len(labels))
        held_out = np.tile(frequency, (len(labels), 1))  # what is left where no fold could be trained
        for (_, test), solution in zip(folds, solved, strict=False):
            held_out[test] = _logits(spanned[test], *solution)
        self.temperature_ = _temperature(held_out, labels)
        self.out_of_fold_ = _probabilities(held_out, self.temperature_)
        coef, self.intercept_ = solved[-1]
        self.coef_ = coef @ basis
        return self

    def predict_proba(self, vectors: Floats) -> Floats:
        """P(label) [n, classes] for `vectors` [n, d]."""
        out = np.empty((len(vectors), self.classes), np.float32)
        for start in range(0, len(vectors), BLOCK):
            logits = _logits(vectors[start : start + BLOCK], self.coef_, self.intercept_)
            out[start : start + BLOCK] = _probabilities(logits, self.temperature_)
        return out

    def _solve(self, vectors: Floats, labels: Ints) -> tuple[Floats, Floats]:
        coef = np.zeros((self.classes, vectors.shape[1]), np.float32)
        intercept = np.full(self.classes, -np.inf, np.float32)
        seen = np.unique(labels)
        if len(seen) == 1:  # nothing to tell apart yet
            intercept[seen] = 0.0
            return coef, intercept
        model = LogisticRegression(C=self.strength, tol=1e-3, max_iter=200)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # 200 steps are ample for ranking
            warnings.filterwarnings(
                "ignore", "The number of unique classes", UserWarning
            )  # two answers a class
            model.fit(vectors, labels)
        if len(seen) == 2:
            coef[seen] = np.vstack([-model.coef_, model.coef_]) / 2
            intercept[seen] = np.r_[-model.intercept_, model.intercept_] / 2
        else:
            coef[seen], intercept[seen] = model.coef_, model.intercept_
        return coef, intercept


def _span(vectors: Floats) -> tuple[Floats, Floats]:
    """An orthonormal basis [r, d] of the rows' span and the rows in it [labeled, r], r <= labeled.

    The penalised solution lies in the span, so a fit there is the same fit with far fewer unknowns.
    """
    if len(vectors) >= vectors.shape[1]:
        return np.eye(vectors.shape[1], dtype=np.float32), vectors
    values, left = np.linalg.eigh(vectors.astype(np.float64) @ vectors.T.astype(np.float64))
    kept = values > values[-1] * 1e-10
    scale = np.sqrt(values[kept])
    basis = (left[:, kept] / scale).T @ vectors
    return basis.astype(np.float32), (left[:, kept] * scale).astype(np.float32)


def _logits(vectors: Floats, coef: Floats, intercept: Floats) -> Floats:
    logits: Floats = np.asarray(vectors, np.float32) @ coef.T + intercept
    return logits


def _probabilities(logits: NDArray[np.floating], temperature: float) -> Floats:
    scaled: Floats = softmax(logits / np.float32(temperature), axis=1).astype(np.float32)
    return scaled


def _folds(labels: Ints, folds: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
    """Stratified folds that accept classes with a single example (whose fold-mates then never saw it)."""
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(len(labels), np.int64)
    fold[order] = np.arange(len(labels)) % min(folds, len(labels))
    for number in range(fold.max() + 1):
        train = np.flatnonzero(fold != number)
        if len(train):
            yield train, np.flatnonzero(fold == number)


def _temperature(logits: NDArray[np.float64], labels: Ints) -> float:
    """The temperature with the least out-of-fold negative log likelihood, in [0.2, 5].

    Answers whose class the fold had never seen are left out: no temperature can make them likely.
    """
    known = np.isfinite(logits[np.arange(len(labels)), labels])
    if known.sum() < 10:
        return 1.0
    held, truth = logits[known], labels[known]

    def loss(log_t: float) -> float:
        return -float(log_softmax(held / np.exp(log_t), axis=1)[np.arange(len(truth)), truth].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.2), np.log(5.0)), method="bounded").x))
