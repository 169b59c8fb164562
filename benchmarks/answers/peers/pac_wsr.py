"""(b) Probably approximately correct labels, as published.

Candes, Ilyas and Zrnic, arXiv:2506.10908, Algorithm 1 with pi = 1 and the betting bound: m rows are drawn with
replacement, the threshold is the first uncertainty at which the bound of the mean loss exceeds the target, and
people label everything from there on. Their m is 500 for texts and a tenth of the items for images.
"""

from __future__ import annotations

from benchmarks.answers.case import Case, Result
from benchmarks.answers.machine import random_start
from benchmarks.answers.peers.random_exact import draws
from benchmarks.answers.threshold import deliver, draw_rows, safe_by_betting
from goldleaf.certificates.base import allowed

SIZES: tuple[int | float, ...] = (250, 500, 0.1)
SHARE = 0.05  # of the items: what trains the classifier, drawn at random


def pac_wsr(case: Case, error: float, alpha: float, seed: int, *, size: int | float) -> Result:
    """Train on a random 5 %, draw `size` rows (below 1: a share of the items)."""
    machine = random_start(case, SHARE, seed)
    drawn = draw_rows(machine.weights, draws(case, size), seed, again=True)
    mean = (allowed(error, case.rows) + 1) / int(machine.weights.sum())
    return deliver(machine, drawn, safe_by_betting(machine, drawn, mean, alpha))
