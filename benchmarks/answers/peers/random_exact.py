"""(a) A classifier on a random sample, certified by another random sample with the exact hypergeometric bound.

What a careful engineer does without a library. The sample is drawn from the items that trained nothing, so the
number of wrong rows in it is hypergeometric whatever the errors look like; the threshold follows from the walk
in `threshold`.
"""

from __future__ import annotations

from benchmarks.answers.case import Case, Result
from benchmarks.answers.machine import Machine, random_start
from benchmarks.answers.threshold import deliver, draw_rows, safe_by_count, tolerated_hypergeometric
from goldleaf.certificates.base import allowed

SIZES: tuple[int | float, ...] = (150, 300, 600, 0.05)
SHARE = 0.05  # of the items: what trains the classifier


def random_exact(case: Case, error: float, alpha: float, seed: int, *, size: int | float) -> Result:
    """Train on a random 5 %, audit `size` random rows (below 1: a share of the items)."""
    return audit_exact(
        random_start(case, SHARE, seed), allowed(error, case.rows), alpha, seed, draws(case, size)
    )


def draws(case: Case, size: int | float) -> int:
    """The number of rows that `size` means."""
    return max(1, round(size if size >= 1 else size * case.items))


def audit_exact(machine: Machine, limit: int, alpha: float, seed: int, size: int) -> Result:
    """The audit of `size` rows, and then every item from the first threshold on that it does not prove."""
    drawn = draw_rows(machine.weights, size, seed, again=False)
    rows = int(machine.weights.sum())
    safe = safe_by_count(machine, drawn, tolerated_hypergeometric(rows, limit, len(drawn), alpha))
    return deliver(machine, drawn, safe)
