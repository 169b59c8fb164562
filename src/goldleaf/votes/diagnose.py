"""What each source is worth, from a vote table alone and from human answers. Pure arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from goldleaf.schema import VoteTable

Ints = NDArray[np.int64]
Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Diagnosis:
    """One entry a source, in the order of `VoteTable.names`.

    Attributes:
        votes: how many. labels: [sources, classes], how many of each.
        coverage: the share of all items it votes on. overlap: the share on which another votes too.
        conflict: the share on which another votes differently.
        right, answered: votes on items with a human answer, and those of them that agree with it.
        low, high: Clopper-Pearson interval of the accuracy, 0 and 1 where nothing is answered.
        estimated: accuracy without answers, as a label model has it; nan where none was given.
    """

    names: tuple[str, ...]
    votes: Ints
    labels: Ints
    coverage: Shares
    overlap: Shares
    conflict: Shares
    right: Ints
    answered: Ints
    low: Shares
    high: Shares
    estimated: Shares

    @property
    def accuracy(self) -> Shares:
        """Of the answered votes; nan where there are none."""
        answered = np.where(self.answered > 0, self.answered, 1)
        return np.where(self.answered > 0, self.right / answered, np.nan)


def diagnose(
    table: VoteTable, truth: Ints, *, confidence: float = 0.95, estimated: Shares | None = None
) -> Diagnosis:
    """Compare every source with the others and with people.

    Args:
        table: the votes, each (item, source) once at most. truth: [items] class integers of human answers, -1 for none.
        confidence: of each interval by itself. estimated: [sources] accuracies of a label model.
    """
    sources, classes = len(table.names), table.classes
    item, label = table.item.astype(np.int64), table.label.astype(np.int64)
    source = table.source.astype(np.int64)
    votes = np.bincount(source, minlength=sources)
    at_item = np.bincount(item, minlength=table.items)
    alike = np.bincount(item * classes + label, minlength=table.items * classes)
    others = at_item[item] > 1
    against = at_item[item] > alike[item * classes + label]
    known = truth[item] >= 0
    right = np.bincount(source[known & (truth[item] == label)], minlength=sources)
    answered = np.bincount(source[known], minlength=sources)
    low, high = clopper_pearson(right, answered, confidence)
    every = max(table.items, 1)
    return Diagnosis(
        table.names,
        votes,
        np.bincount(source * classes + label, minlength=sources * classes).reshape(sources, classes),
        votes / every,
        np.bincount(source[others], minlength=sources) / every,
        np.bincount(source[against], minlength=sources) / every,
        right,
        answered,
        low,
        high,
        np.full(sources, np.nan) if estimated is None else estimated,
    )


def clopper_pearson(right: Ints, of: Ints, confidence: float = 0.95) -> tuple[Shares, Shares]:
    """The exact interval of a share, elementwise; (0, 1) where `of` is 0."""
    right, of = np.asarray(right, np.float64), np.asarray(of, np.float64)
    tail = (1 - confidence) / 2
    wrong = of - right
    low = np.where(right > 0, scipy.special.betaincinv(np.maximum(right, 1), wrong + 1, tail), 0.0)
    high = np.where(wrong > 0, scipy.special.betaincinv(right + 1, np.maximum(wrong, 1), 1 - tail), 1.0)
    return low, high


def without(table: VoteTable, source: int) -> VoteTable:
    """The table without one source's votes; the names stay in their places."""
    kept = table.source != source
    confidence = None if table.confidence is None else table.confidence[kept]
    return VoteTable(
        table.item[kept],
        table.source[kept],
        table.label[kept],
        table.names,
        table.items,
        table.classes,
        confidence,
    )


def cost_of_removing(table: VoteTable, cost: Callable[[VoteTable], float]) -> Shares:
    """How much more `cost` says of the votes without each source than with it, [sources]; negative: it does harm."""
    whole = cost(table)
    return np.array([cost(without(table, source)) - whole for source in range(len(table.names))])


def majority_error(truth: Ints) -> Callable[[VoteTable], float]:
    """A cost: the share of the answered items that a plurality gets wrong; a tie counts by its share, none as wrong."""
    known = np.flatnonzero(truth >= 0)

    def cost(table: VoteTable) -> float:
        if not len(known):
            return float("nan")
        counts = np.bincount(
            table.item.astype(np.int64) * table.classes + table.label, minlength=table.items * table.classes
        ).reshape(table.items, table.classes)[known]
        most = counts.max(axis=1, keepdims=True)
        best = (counts == most) & (most > 0)
        hit = best[np.arange(len(known)), truth[known]] / np.maximum(best.sum(axis=1), 1)
        return float(1 - hit.mean())

    return cost
