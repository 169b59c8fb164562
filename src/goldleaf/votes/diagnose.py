"""What each source is worth, from a vote table alone and from human answers. Pure arrays.

An interval of the accuracy rests on answers to questions that were drawn at random. The other training questions are
picked because they are hard, so most sources look worse on them than they are; they are counted beside.

Why it holds. The t-th random question is drawn evenly from the items open then; the share of a source's votes on those
that is right is p_t, known before the draw. The count of right votes is a sum of such trials, and no more spread
than a binomial with their mean (Hoeffding 1956; draws without replacement spread less still). So Clopper-Pearson holds
for the mean of the p_t: the accuracy on items that were not sought out. It differs from that on all items by the share
of the source's items that were sought out, at most.
"""

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
        right, answered: votes that agree with the human answer, and all votes on items that have one.
        drawn_right, drawn: the same, where the question was drawn at random.
        low, high: Clopper-Pearson interval of the accuracy, from those; 0 and 1 where there are none.
        estimated: accuracy without answers, as a label model has it; nan where none was given, or no other source
            votes on the same items.
    """

    names: tuple[str, ...]
    votes: Ints
    labels: Ints
    coverage: Shares
    overlap: Shares
    conflict: Shares
    right: Ints
    answered: Ints
    drawn_right: Ints
    drawn: Ints
    low: Shares
    high: Shares
    estimated: Shares

    @property
    def accuracy(self) -> Shares:
        """Of the votes on items drawn at random; nan where there are none."""
        some = self.drawn > 0
        return np.where(some, self.drawn_right / np.where(some, self.drawn, 1), np.nan)


def diagnose(
    table: VoteTable,
    truth: Ints,
    at_random: NDArray[np.bool_],
    *,
    confidence: float = 0.95,
    estimated: Shares | None = None,
) -> Diagnosis:
    """Compare every source with the others and with people.

    Args:
        table: the votes, each (item, source) once at most. truth: [items] class integers of human answers, -1 for none.
        at_random: [items], whether the question about an item was drawn at random.
        confidence: of each interval by itself. estimated: [sources] accuracies of a label model.
    """
    sources, classes = len(table.names), table.classes
    item, label = table.item.astype(np.int64), table.label.astype(np.int64)
    source = table.source.astype(np.int64)
    votes = _count(source, sources)
    at_item = np.bincount(item, minlength=table.items)
    alike = np.bincount(item * classes + label, minlength=table.items * classes)
    others = at_item[item] > 1
    against = at_item[item] > alike[item * classes + label]
    known = truth[item] >= 0
    agrees = known & (truth[item] == label)
    drawn = known & at_random[item]
    drawn_right, drawn_all = _count(source[agrees & drawn], sources), _count(source[drawn], sources)
    low, high = clopper_pearson(drawn_right, drawn_all, confidence)
    every = max(table.items, 1)
    overlap = _count(source[others], sources) / every
    return Diagnosis(
        table.names,
        votes,
        np.bincount(source * classes + label, minlength=sources * classes).reshape(sources, classes),
        votes / every,
        overlap,
        _count(source[against], sources) / every,
        _count(source[agrees], sources),
        _count(source[known], sources),
        drawn_right,
        drawn_all,
        low,
        high,
        # nobody contradicts a source that votes alone: then the votes say nothing of it
        np.full(sources, np.nan) if estimated is None else np.where(overlap > 0, estimated, np.nan),
    )


def _count(source: Ints, sources: int) -> Ints:
    return np.bincount(source, minlength=sources)


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
