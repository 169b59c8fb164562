"""The peers: Snorkel's LabelModel and crowd-kit's models, as they come, on the same votes.

An item without votes gets what their users would give it: Snorkel's and the majority's most common label.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.answers.case import Ints
from benchmarks.votes.sets import ABSTAIN
from goldleaf.schema import VoteTable

EPOCHS = 500  # as Snorkel's tutorials have it
SLOW = 20_000  # votes above which crowd-kit's GLAD takes minutes


def snorkel(votes: VoteTable, seed: int = 0) -> Ints:
    """LabelModel; ties at random."""
    return _labels(votes, snorkel_model(votes, seed).predict(dense(votes), tie_break_policy="random"))


def snorkel_model(votes: VoteTable, seed: int = 0):  # type: ignore[no-untyped-def]
    from snorkel.labeling.model import LabelModel

    model = LabelModel(cardinality=votes.classes, verbose=False)
    model.fit(dense(votes), n_epochs=EPOCHS, seed=seed, progress_bar=False)
    return model


def dense(votes: VoteTable) -> NDArray[np.int8]:
    """The matrix [items, sources] in which -1 abstains."""
    matrix = np.full((votes.items, len(votes.names)), ABSTAIN, np.int8)
    matrix[votes.item, votes.source] = votes.label
    return matrix


def frame(votes: VoteTable):  # type: ignore[no-untyped-def]
    """As crowd-kit takes them."""
    import pandas as pd

    return pd.DataFrame({"task": votes.item, "worker": votes.source, "label": votes.label})


def crowd_kit(name: str, **settings: object) -> Callable[[VoteTable], Ints]:
    """One of crowd-kit's models."""

    def predict(votes: VoteTable) -> Ints:
        from crowdkit import aggregation

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = getattr(aggregation, name)(**settings).fit_predict(frame(votes))
        labels = np.full(votes.items, ABSTAIN)
        labels[found.index] = found.to_numpy()
        return _labels(votes, labels)

    return predict


def _labels(votes: VoteTable, found: Ints) -> Ints:
    """`found`, and the most common of them where nobody voted."""
    covered = np.zeros(votes.items, bool)
    covered[votes.item] = True
    labels = np.asarray(found, np.int64)
    usual = np.bincount(labels[covered & (labels >= 0)], minlength=votes.classes).argmax()
    return np.where(covered & (labels >= 0), labels, usual)


FUNCTION_PEERS: dict[str, Callable[[VoteTable], Ints]] = {
    "Snorkel LabelModel": snorkel,
    "crowd-kit Dawid-Skene": crowd_kit("DawidSkene"),
    "majority": crowd_kit("MajorityVote"),
}
CROWD_PEERS: dict[str, Callable[[VoteTable], Ints]] = {
    "majority": crowd_kit("MajorityVote"),
    "crowd-kit Dawid-Skene": crowd_kit("DawidSkene"),
    "crowd-kit one-coin": crowd_kit("OneCoinDawidSkene"),
    "crowd-kit MMSR": crowd_kit("MMSR", random_state=0),
    "crowd-kit MACE": crowd_kit("MACE", random_state=0),
    "crowd-kit GLAD": crowd_kit("GLAD"),
}
