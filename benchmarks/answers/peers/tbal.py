"""(d) Threshold-based auto-labeling, with its validation set counted as human answers.

Vishwakarma, Lin, Sala and Vinayak, NeurIPS 2023 (arXiv:2211.12620), Algorithm 1: train, choose for every class the
smallest confidence whose error on the validation set satisfies err + C1 sqrt(err (1 - err)) <= target, label
what lies above it, drop the validation items there, query by margin, and again. C1 is a hyper-parameter (1/4 in
arXiv:2404.16188, appendix), not a confidence bound: the method promises nothing for a finite sample, and its
violations show. What it leaves unlabeled goes to people.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.answers.case import Case, Ints, Result
from benchmarks.answers.machine import classifier, inputs

SETTINGS = ((0.05, 0.05), (0.1, 0.1), (0.2, 0.1))  # (training, validation) as shares of the items
C1 = 0.25
ROUNDS = 4  # a fourth of the training answers at a time
SHORTLIST = 2  # a query draws at random among so many times as many of the smallest margins


def tbal(case: Case, error: float, alpha: float, seed: int, *, training: float, validation: float) -> Result:
    """Auto-label with `training` and `validation` answers, given as shares of the items; `alpha` has no use here."""
    rng = np.random.default_rng([seed, 5])
    order = rng.permutation(case.items)
    checked, rest = np.split(order, [max(1, round(validation * case.items))])
    batch = max(2, round(training * case.items / ROUNDS)) if case.vectors is not None else 0
    asked, rest = np.split(rest, [batch])
    wrong_rows, held = 0, checked
    for left in reversed(range(ROUNDS if batch else 1)):
        sure, held_sure, wrong, gap = _label(case, asked, held, rest, error, seed)
        wrong_rows += int(case.weights[rest[sure & wrong]].sum())
        rest, gap, held = rest[~sure], gap[~sure], held[~held_sure]
        if left == 0 or not len(rest):
            break
        unsure = np.argsort(gap, kind="stable")[: SHORTLIST * batch]
        query = rng.choice(unsure, min(batch, len(unsure)), replace=False)
        asked, rest = np.concatenate([asked, rest[query]]), np.delete(rest, query)
    parts = {"training": len(asked), "validation": len(checked), "census": len(rest)}
    return Result(sum(parts.values()), True, wrong_rows, parts)


def _label(
    case: Case, asked: Ints, held: Ints, rest: Ints, error: float, seed: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.floating]]:
    """(auto-labeled of `rest`, validation items in that region, wrong of `rest`, margins of `rest`)."""
    both = np.concatenate([held, rest])
    if case.vectors is None:
        assert case.votes is not None
        label = case.votes[both]
        confidence = np.ones(len(both)) if case.confidence is None else case.confidence[both]
        gap = confidence
    else:
        probabilities = classifier(case, asked, seed).predict_proba(inputs(case)[both])
        label, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
        top2 = np.partition(probabilities, -2, axis=1)[:, -2:]
        gap = top2[:, 1] - top2[:, 0]
    wrong = label != case.gold[both]
    cut = len(held)
    limits = thresholds(label[:cut], confidence[:cut], wrong[:cut], case.weights[held], case.classes, error)
    sure = confidence >= limits[label]
    return sure[cut:], sure[:cut], wrong[cut:], gap[cut:]


def thresholds(
    label: Ints,
    confidence: NDArray[np.floating],
    wrong: NDArray[np.bool_],
    weights: Ints,
    classes: int,
    error: float,
) -> NDArray[np.float64]:
    """For every class the smallest confidence of a validation item above which the penalised error is within `error`."""
    limits = np.full(classes, np.inf)
    for one in np.unique(label):
        mine = np.flatnonzero(label == one)
        mine = mine[np.argsort(-confidence[mine], kind="stable")]
        err = np.cumsum(wrong[mine] * weights[mine]) / np.cumsum(weights[mine])
        sure = confidence[mine]
        last_of_tie = np.append(sure[1:] < sure[:-1], True)
        fine = np.flatnonzero((err + C1 * np.sqrt(err * (1 - err)) <= error) & last_of_tie)
        if len(fine):
            limits[one] = sure[fine[-1]]
    return limits
