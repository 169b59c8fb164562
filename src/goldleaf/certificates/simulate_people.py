"""Many samples for second opinions under uneven draws: what the claim of `disagreement` is checked with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goldleaf.certificates.bets import UNIFORM_SHARE, Floats
from goldleaf.certificates.disagreement import Sample, upper_limit


@dataclass(frozen=True, eq=False)
class Crowd:
    """Items that two people answer.

    Args:
        rows: [n] rows of each item.
        settled: [n] labeled before the audit.
        risk: [n] how much likelier than others the audit draws an item, on a log scale.
        differ: [n] on which the two people differ.
    """

    rows: NDArray[np.int64]
    settled: NDArray[np.bool_]
    risk: Floats
    differ: NDArray[np.bool_]

    @property
    def differing(self) -> int:
        return int(self.rows[self.differ].sum())


def uneven(items: int, share: float, seed: int = 0) -> Crowd:
    """People who differ on the items that the audit draws least: the worst case for a sample that follows the draws."""
    rng = np.random.default_rng(seed)
    rows = np.where(rng.random(items) < 0.25, 3, 1)
    risk = rng.normal(size=items) * 1.5
    order = np.argsort(risk)
    differ = np.zeros(items, bool)
    differ[order[np.cumsum(rows[order]) <= share * rows.sum()]] = True
    return Crowd(rows, rng.random(items) < 0.2, risk, differ)


def draw_sample(crowd: Crowd, size: int, seed: int) -> NDArray[np.int64]:
    """[items] rows of each item in the sample, for an audit that goes on until it is full."""
    rng = np.random.default_rng(seed)
    sample = Sample(size, seed, np.where(crowd.settled, crowd.rows, 0), int(crowd.rows[~crowd.settled].sum()))
    unseen = np.flatnonzero(~crowd.settled)
    found = np.zeros(crowd.rows.size, np.int64)
    while sample.missing and unseen.size:
        even = crowd.rows[unseen] / crowd.rows[unseen].sum()
        q = crowd.rows[unseen] * np.exp(crowd.risk[unseen])
        q = (1 - UNIFORM_SHARE) * q / q.sum() + UNIFORM_SHARE * even
        at = int(rng.choice(unseen.size, p=q))
        item = int(unseen[at])
        pick = sample.draw(item, int(crowd.rows[item]), float(q[at]), evenness(q, even))
        if pick is not None:
            found[pick.position] += 1
        unseen = np.delete(unseen, at)
    for pick in sample.rest() if sample.missing else []:
        found[pick.position] += 1
    return found


def evenness(q: Floats, even: Floats) -> float:
    """As `Audit.evenness`."""
    return float((q / even).min() * (1 - 1e-9))


def false_share(crowd: Crowd, size: int, alpha: float, runs: int, seed: int) -> float:
    """The share of runs whose limit is below the rows that differ."""
    false = 0
    for run in range(runs):
        differing = int(draw_sample(crowd, size, seed + run)[crowd.differ].sum())
        false += upper_limit(int(crowd.rows.sum()), size, differing, alpha) < crowd.differing
    return false / runs
