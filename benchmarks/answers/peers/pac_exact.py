"""(c) The same threshold with the exact hypergeometric bound, after margin active learning of the same size.

The strongest combination of published parts: margin sampling ("Is margin all you need?", arXiv:2210.03822) from a
k-means cold start (arXiv:2401.14555), then the walk of PAC labels (arXiv:2506.10908) with draws without replacement.
"""

from __future__ import annotations

from benchmarks.answers.case import Case, Result
from benchmarks.answers.machine import margin_start
from benchmarks.answers.peers.random_exact import audit_exact, draws
from goldleaf.certificates.base import allowed

SIZES: tuple[int | float, ...] = (150, 300, 600, 0.05)
SHARE = 0.05  # of the items: what trains the classifier


def pac_exact(case: Case, error: float, alpha: float, seed: int, *, size: int | float) -> Result:
    """Train on the 5 % that margin sampling asks for, audit `size` random rows (below 1: a share of the items)."""
    return audit_exact(
        margin_start(case, SHARE, seed), allowed(error, case.rows), alpha, seed, draws(case, size)
    )
