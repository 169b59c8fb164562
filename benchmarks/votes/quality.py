"""Accuracy, or F1 where that is a set's measure, over the distinct items of the pool that nobody was asked about."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.metrics import f1_score

from benchmarks.answers.case import Ints
from benchmarks.figures import Figure
from benchmarks.votes.peers import CROWD_PEERS, FUNCTION_PEERS, SLOW
from benchmarks.votes.sets import VotedSet
from goldleaf.posteriors.models import suited
from goldleaf.posteriors.opinions import Opinions
from goldleaf.posteriors.tally import Tally
from goldleaf.project.model import Known, Model

ANSWERS = (50, 200)
SEEDS = 5
WITHIN = 1.0  # points of the best


def functions(one: VotedSet) -> Iterator[Figure]:
    """A set of labeling functions beside its peers."""
    everything = one.gold >= 0
    peers = {name: score(one, peer(one.votes), everything) for name, peer in FUNCTION_PEERS.items()}
    best = max(peers, key=peers.__getitem__)
    unit = "% accuracy" if one.positive is None else "% F1"

    def figure(what: str, value: float, more: float | None = None) -> Figure:
        target, holds = "", None
        if more is not None:
            target, holds = f">= {peers[best] + more:.4g}", value >= peers[best] + more
        return Figure(f"{one.name}: {what}", value, unit, target, holds, best, peers[best])

    for name, value in peers.items():
        yield Figure(f"{one.name}: {name}", value, unit)
    yield figure("votes alone, 0 answers", score(one, alone(one), everything), -WITHIN)
    if one.views is None:
        return
    opinions = Opinions().fit(one.votes, one.views)
    yield figure(
        "with embeddings, 0 answers", score(one, opinions.predict_proba().argmax(axis=1), everything), -WITHIN
    )
    for size in ANSWERS:
        with_votes = np.mean([answered(one, opinions, size, seed) for seed in range(SEEDS)])
        without = np.mean([answered(one, None, size, seed) for seed in range(SEEDS)])
        yield figure(f"with embeddings, {size} answers", float(with_votes), 0.0)
        yield Figure(f"{one.name}: embeddings without votes, {size} answers", float(without), unit)


def crowd(one: VotedSet) -> Iterator[Figure]:
    """A crowd beside all of crowd-kit's models, on the items that it voted on."""
    rows = (one.gold >= 0) & Tally(one.votes).covered
    quick = len(one.votes.item) <= SLOW
    names = [name for name in CROWD_PEERS if quick or not name.endswith("GLAD")]
    peers = {name: score(one, CROWD_PEERS[name](one.votes), rows) for name in names}
    best = max(peers, key=peers.__getitem__)
    for name, value in peers.items():
        yield Figure(f"{one.name}: {name}", value, "% accuracy")
    made = {"votes alone": alone(one)}
    if one.views is not None:
        made["with embeddings"] = Opinions().fit(one.votes, one.views).predict_proba().argmax(axis=1)
    for what, labels in made.items():
        value = score(one, labels, rows)
        yield Figure(
            f"{one.name}: {what}",
            value,
            "% accuracy",
            f">= {peers[best]:.4g}",
            value >= peers[best],
            best,
            peers[best],
        )


def alone(one: VotedSet) -> Ints:
    """The labels of the model that suits the votes."""
    tally = Tally(one.votes)
    return np.asarray(suited(tally).fit_tally(tally).posterior(tally).argmax(axis=1))


def answered(one: VotedSet, opinions: Opinions | None, size: int, seed: int) -> float:
    """With answers to random items, on the others."""
    assert one.views is not None
    pool = np.flatnonzero(one.gold >= 0)
    asked = np.sort(np.random.default_rng(seed).choice(pool, size, replace=False))
    known = Known(asked, one.gold[asked], np.zeros(size, bool))
    model = Model.fit(one.views, known, one.votes.classes, seed=seed, opinions=opinions)
    rest = np.setdiff1d(pool, asked)
    labels = np.zeros(len(one.gold), np.int64)
    labels[rest] = model.infer(rest).probabilities.argmax(axis=1)
    rows = np.zeros(len(one.gold), bool)
    rows[rest] = True
    return score(one, labels, rows)


def score(one: VotedSet, labels: Ints, rows: np.ndarray) -> float:
    """In percent, over `rows`."""
    truth, made = one.gold[rows], labels[rows]
    if one.positive is None:
        return float(100 * (truth == made).mean())
    return float(100 * f1_score(truth == one.positive, made == one.positive))
