"""Certify by a threshold: the machine labels what it is surest of, people the rest.

The wrong rows among the labels surer than a threshold only grow with the threshold, so the walk from the surest
item on may stop at the first threshold whose bound exceeds the limit, at no cost for the number of thresholds
(Candes, Ilyas, Zrnic 2025, Theorem 1): were more kept than the limit allows, the one bound at the critical
threshold would have failed. The claim is over rows; so rows are drawn, each as likely as any other, and the
answer to one counts for all copies of its item.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, hypergeom

from benchmarks.answers.case import Ints, Result
from benchmarks.answers.machine import Machine

WSR_TRUNCATION = 0.75  # c of the betting bound, as published


def draw_rows(weights: Ints, size: int, seed: int, *, again: bool) -> Ints:
    """Indices into `weights` of `size` uniformly drawn rows, with replacement or (`again` False) without."""
    rng = np.random.default_rng([seed, 4])
    rows = int(weights.sum())
    drawn = rng.integers(rows, size=size) if again else rng.choice(rows, min(size, rows), replace=False)
    return np.searchsorted(np.cumsum(weights), drawn, side="right").astype(np.int64)


def tolerated_hypergeometric(rows: int, allowed: int, size: int, alpha: float) -> int:
    """The most wrong rows found among `size` drawn out of `rows` that prove at most `allowed` wrong ones left.

    -1 where no outcome proves it. Wrong rows that are found are put right, so the walk may go on to where
    `allowed` + 1 wrong rows are left undrawn. Found by then are at most t with the probability that among the
    first `allowed` + 1 + t wrong rows at most t are drawn: a hypergeometric one, and exact for the whole walk.
    """
    found = np.arange(size + 1)
    wrong = allowed + 1 + found
    chance = np.where(
        wrong - found > rows - size, 0.0, hypergeom.cdf(found, rows, np.minimum(wrong, rows), size)
    )
    return _most(chance, alpha)


def tolerated_clopper_pearson(share: float, size: int, alpha: float) -> int:
    """The same for independent rows that are wrong with a probability below `share`."""
    if share >= 1:
        return size
    return _most(binom.cdf(np.arange(size + 1), size, share), alpha)


def _most(chance: NDArray[np.floating], alpha: float) -> int:
    return int(np.searchsorted(chance, alpha, side="right")) - 1


def wsr_upper_holds(losses: NDArray[np.floating], mean: float, alpha: float) -> bool:
    """Whether the betting upper bound of the mean loss is at most `mean`.

    Waudby-Smith and Ramdas 2024, Theorem 3, one-sided, with the bets of Candes, Ilyas and Zrnic 2025: c = 0.75 and
    lambda_t = sqrt(2 log(2 / alpha) / (m sigma²_{t-1})).
    """
    if mean >= 1:
        return True
    steps = np.arange(1, len(losses) + 1)
    centre = (0.5 + np.cumsum(losses)) / (steps + 1)
    spread = (0.25 + np.cumsum((losses - centre) ** 2)) / (steps + 1)
    before = np.concatenate([[0.25], spread[:-1]])
    bets = np.minimum(np.sqrt(2 * np.log(2 / alpha) / (len(losses) * before)), WSR_TRUNCATION / (1 - mean))
    wealth = np.cumsum(np.log1p(-bets * (losses - mean)))
    return bool(wealth.max(initial=0.0) >= np.log(1 / alpha))


def safe_by_count(machine: Machine, drawn: Ints, tolerated: int) -> int:
    """How many of the surest items keep their machine label when `tolerated` wrong drawn rows may lie among them."""
    wrong = np.sort(drawn[machine.wrong[drawn]])
    if tolerated < 0:
        return 0
    return int(wrong[tolerated]) if tolerated < len(wrong) else len(machine.pool)


def safe_by_betting(machine: Machine, drawn: Ints, mean: float, alpha: float) -> int:
    """The same with the betting bound, which depends on the order of the draws as well."""
    wrong = machine.wrong[drawn]
    if not wsr_upper_holds(np.zeros(len(drawn)), mean, alpha):
        return 0
    for item in np.unique(drawn[wrong]):
        if not wsr_upper_holds((wrong & (drawn <= item)).astype(float), mean, alpha):
            return int(item)
    return len(machine.pool)


def deliver(machine: Machine, drawn: Ints, safe: int, drawn_for: str = "audit") -> Result:
    """People label what was drawn and all but the `safe` surest items."""
    seen = np.zeros(len(machine.pool), bool)
    seen[drawn] = True
    sample = int(seen.sum())
    seen[safe:] = True
    parts = {"training": len(machine.asked), drawn_for: sample, "census": int(seen.sum()) - sample}
    wrong = machine.weights[machine.wrong & ~seen].sum()
    return Result(len(machine.asked) + int(seen.sum()), True, int(wrong), parts)
