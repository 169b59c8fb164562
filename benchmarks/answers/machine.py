"""The classifier that all peers share, and the answers that trained it.

A fit is shared by every peer, setting and target that starts from the same answers.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from benchmarks.answers.case import Case, Floats, Ints
from goldleaf.questions.centroids import centroids
from goldleaf.questions.margin import margin
from goldleaf.questions.stop import first_batch_size

GROWTH = 0.2  # of the answers so far: a round of margin active learning
CANDIDATES = 5_000  # items among which a round looks for the least certain


@dataclass(frozen=True, eq=False)
class Machine:
    """Frozen machine labels of the items that nobody was asked for, surest first; ties in random order.

    Args:
        asked: positions that people labeled.
        pool: the other positions, by growing uncertainty.
        wrong: whether the machine's label of each of `pool` is wrong.
        weights: rows of each of `pool`.
    """

    asked: Ints
    pool: Ints
    wrong: NDArray[np.bool_]
    weights: Ints


class Logistic:
    """Multinomial logistic regression, C = 10; a class without an example has probability 0."""

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def fit(self, vectors: Floats, labels: Ints) -> Logistic:
        self.seen_ = np.unique(labels)
        self.model_ = None
        if len(self.seen_) > 1:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # 300 steps are ample for ranking
                warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
                self.model_ = LogisticRegression(C=10.0, tol=1e-3, max_iter=300).fit(vectors, labels)
        return self

    def predict_proba(self, vectors: Floats) -> Floats:
        out = np.zeros((len(vectors), self.classes), np.float32)
        if len(vectors):
            out[:, self.seen_] = 1.0 if self.model_ is None else self.model_.predict_proba(vectors)
        return out


def inputs(case: Case) -> Floats:
    """What the classifier sees: the vectors, and beside them the imported vote where there is one."""
    assert case.vectors is not None
    if case.votes is None:
        return case.vectors
    return np.hstack([case.vectors, vote_block(case)])


def vote_block(case: Case) -> Floats:
    """[n, classes] the imported vote of each item, as long as it is confident."""
    vote = np.zeros((case.items, case.classes), np.float32)
    vote[np.arange(case.items), case.votes] = 1.0 if case.confidence is None else case.confidence
    return vote


def classifier(case: Case, asked: Ints, seed: int) -> Logistic:
    """The classifier of all peers, on the answers to `asked`."""
    return Logistic(case.classes).fit(inputs(case)[asked], case.gold[asked])


@lru_cache(maxsize=1)
def random_start(case: Case, share: float, seed: int) -> Machine:
    """The classifier trained on a random `share` of the items; imported votes, where there are any, as they are."""
    if case.votes is not None:  # what the PAC labels paper does; a few answers seldom train anything better
        return imported(case, seed)
    size = max(2, round(share * case.items))
    asked = np.random.default_rng([seed, 1]).choice(case.items, size, replace=False)
    return label_rest(case, asked, seed)


@lru_cache(maxsize=1)
def margin_start(case: Case, share: float, seed: int) -> Machine:
    """The same after margin active learning from k-means centres (arXiv:2210.03822, arXiv:2401.14555)."""
    if case.vectors is None:
        return imported(case, seed)
    size = max(2, round(share * case.items))
    seen = inputs(case)
    rng = np.random.default_rng([seed, 2])
    asked = centroids(
        seen, np.arange(case.items), min(size, first_batch_size(case.classes, case.items)), seed=seed
    )
    while len(asked) < size:
        batch = min(size - len(asked), max(8, round(GROWTH * len(asked))))
        rest = np.setdiff1d(np.arange(case.items), asked)
        some = rng.choice(rest, min(len(rest), max(CANDIDATES, batch)), replace=False)
        probabilities = classifier(case, asked, seed).predict_proba(seen[some])
        unsure, by_chance = margin(seen[some], probabilities, batch, seed=seed * 1000 + len(asked))
        asked = np.concatenate([asked, some[unsure], some[by_chance]])
    return label_rest(case, asked, seed)


def label_rest(case: Case, asked: Ints, seed: int) -> Machine:
    """What the classifier trained on `asked` makes of all other items."""
    pool = np.setdiff1d(np.arange(case.items), asked)
    probabilities = classifier(case, asked, seed).predict_proba(inputs(case)[pool])
    predicted, uncertainty = probabilities.argmax(axis=1), 1 - probabilities.max(axis=1)
    return ranked(case, asked, pool, predicted, uncertainty, seed)


def imported(case: Case, seed: int) -> Machine:
    """The imported labels, by the confidence that came with them; no answer is spent on training."""
    assert case.votes is not None
    sure = np.zeros(case.items) if case.confidence is None else case.confidence
    return ranked(case, np.empty(0, np.int64), np.arange(case.items), case.votes, 1 - sure, seed)


def ranked(
    case: Case,
    asked: Ints,
    pool: Ints,
    predicted: Ints,
    uncertainty: NDArray[np.floating],
    seed: int,
) -> Machine:
    """A `Machine` of what is known of `pool`."""
    ties = np.random.default_rng([seed, 3]).random(len(pool))
    order = np.lexsort([ties, uncertainty])
    pool = pool[order]
    return Machine(asked, pool, predicted[order] != case.gold[pool], case.weights[pool])
