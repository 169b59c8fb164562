"""(e) scikit-activeml's strategies with a random hold-out and Clopper-Pearson.

The hold-out, a tenth of the items drawn at random before anything is learned, is never trained on; its answers
count. A fixed number of answers is learned from (looking at the hold-out after every round would need its alpha
split), then the threshold is walked on the hold-out with Clopper-Pearson (1934) in place of the hypergeometric
bound. Strategies: margin sampling, and Falcun (Gilhuber et al. 2024), the package's diverse batch strategy that
needs no more than probabilities.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from benchmarks.answers.case import Case, Floats, Ints, Result
from benchmarks.answers.machine import Logistic, Machine, imported, inputs, label_rest
from benchmarks.answers.threshold import deliver, draw_rows, safe_by_count, tolerated_clopper_pearson
from goldleaf.certificates.base import allowed

SETTINGS = (("margin", 0.05), ("margin", 0.1), ("falcun", 0.05), ("falcun", 0.1))
HELD_OUT = 0.1
ROUNDS = (0.0125, 0.025, 0.05, 0.1)  # shares of the items asked after each round
CANDIDATES = 2_000  # items that a strategy chooses among


def activeml(case: Case, error: float, alpha: float, seed: int, *, strategy: str, share: float) -> Result:
    """Learn from a `share` of the items, then certify on the hold-out."""
    machine, drawn = learned(case, strategy, seed)[share]
    limit = (allowed(error, case.rows) + 1) / int(machine.weights.sum())
    safe = safe_by_count(machine, drawn, tolerated_clopper_pearson(limit, len(drawn), alpha))
    return deliver(machine, drawn, safe, "validation")


@lru_cache(maxsize=2)  # a strategy each
def learned(case: Case, strategy: str, seed: int) -> dict[float, tuple[Machine, Ints]]:
    """For every share the machine labels and the hold-out rows, as indices into the machine's pool."""
    held = draw_rows(case.weights, max(1, round(HELD_OUT * case.items)), seed, again=False)
    if case.vectors is None:
        only = imported(case, seed)
        return dict.fromkeys(ROUNDS, (only, _inside(only.pool, held)))
    seen, out = inputs(case), {}
    free = np.setdiff1d(np.arange(case.items), held)
    rng = np.random.default_rng([seed, 6])
    asked = rng.choice(free, min(len(free), max(2, round(ROUNDS[0] * case.items))), replace=False)
    for share in ROUNDS:
        batch = round(share * case.items) - len(asked)
        if batch > 0:
            rest = np.setdiff1d(free, asked)
            some = rng.choice(rest, min(len(rest), max(CANDIDATES, batch)), replace=False)
            asked = np.concatenate([asked, query(strategy, seen, case, asked, some, batch, seed)])
        machine = label_rest(case, asked, seed)
        out[share] = (machine, _inside(machine.pool, held))
    return out


def _inside(pool: Ints, held: Ints) -> Ints:
    """Where the items `held` are in `pool`."""
    where = np.empty(pool.max() + 1, np.int64)
    where[pool] = np.arange(len(pool))
    return where[held]


def query(strategy: str, seen: Floats, case: Case, asked: Ints, some: Ints, batch: int, seed: int) -> Ints:
    """`batch` of the positions `some`, chosen by the package."""
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.pool import Falcun, UncertaintySampling

    model = SklearnClassifier(_Estimator(case.classes, seed), classes=np.arange(case.classes))
    rows = np.concatenate([asked, some])
    labels = np.concatenate([case.gold[asked].astype(float), np.full(len(some), np.nan)])
    model.fit(seen[rows], labels)
    chooser: Any = (
        Falcun(random_state=seed)
        if strategy == "falcun"
        else UncertaintySampling(method="margin_sampling", random_state=seed)
    )
    chosen = chooser.query(seen[rows], labels, model, fit_clf=False, batch_size=min(batch, len(some)))
    return rows[chosen]


class _Estimator(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The shared classifier in scikit-learn's form."""

    def __init__(self, classes: int = 2, seed: int = 0) -> None:
        self.classes = classes
        self.seed = seed

    def fit(self, X: Floats, y: NDArray[Any]) -> _Estimator:
        self.classes_ = np.arange(self.classes)
        self.probe_ = Logistic(self.classes).fit(np.asarray(X, np.float32), np.asarray(y).astype(np.int64))
        return self

    def predict_proba(self, X: Floats) -> Floats:
        return self.probe_.predict_proba(np.asarray(X, np.float32))

    def predict(self, X: Floats) -> Ints:
        return self.predict_proba(X).argmax(axis=1)
