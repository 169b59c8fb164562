"""Parts of the suite's sets that are hard in a way of their own: tiny pools, rare classes, many classes.

They are run on request, `--sets regimes`, and are no part of the suite's means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks.answers.case import Case, Ints
from benchmarks.answers.cases import CASES
from goldleaf.encode.neighbours import around

TINY = 300  # items
RARE = 0.01  # share of the rare class


def part(name: str, of: str, choose: Callable[[Case], Ints]) -> Case | None:
    """The items of the set `of` that `choose` picks, as a pool of their own; None where the set is absent."""
    whole = CASES[of]()
    if whole is None or whole.vectors is None:
        return None
    at = choose(whole)
    classes, gold = np.unique(whole.gold[at], return_inverse=True)
    vectors = whole.vectors[at]
    return replace(
        whole,
        name=name,
        vectors=vectors,
        around=around(vectors),
        gold=gold.astype(np.int64),
        weights=whole.weights[at],
        classes=len(classes),
    )


def tiny(case: Case) -> Ints:
    """TINY items at random."""
    return np.sort(np.random.default_rng(0).choice(case.items, min(TINY, case.items), replace=False))


def rare(case: Case) -> Ints:
    """All items of the largest class, and of the others so many that they are RARE of all."""
    largest = np.bincount(case.gold).argmax()
    common, others = np.flatnonzero(case.gold == largest), np.flatnonzero(case.gold != largest)
    few = max(2, round(len(common) * RARE / (1 - RARE)))
    return np.sort(np.concatenate([common, np.random.default_rng(0).choice(others, few, replace=False)]))


REGIMES: dict[str, Callable[[], Case | None]] = {
    **{
        f"{of}_300": partial(part, f"{of}_300", of, tiny) for of in ("digits", "text_subj", "weak_agnews_24k")
    },
    **{f"{of}_rare": partial(part, f"{of}_rare", of, rare) for of in ("wrench_sms", "text_subj")},
}
