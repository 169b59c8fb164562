"""Many samples for second opinions under uneven draws: what the claim of `disagreement` is checked with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from goldleaf.certificates.bets import UNIFORM_SHARE, Floats
from goldleaf.certificates.disagreement import Sample, upper_limit
from goldleaf.certificates.disagreement_slices import SlicedSample


@dataclass(frozen=True, eq=False)
class Crowd:
    """Items that two people answer.

    Args:
        rows: [n] rows of each item.
        settled: [n] labeled before the audit.
        risk: [n] how much likelier than others the audit draws an item, on a log scale.
        differ: [n] on which the two people differ.
        of: [n] the slice of each item, where the audit is one by slices.
    """

    rows: NDArray[np.int64]
    settled: NDArray[np.bool_]
    risk: Floats
    differ: NDArray[np.bool_]
    of: NDArray[np.int64] | None = None

    @property
    def differing(self) -> int:
        return int(self.rows[self.differ].sum())

    def sample(self, size: int, seed: int) -> Sample | SlicedSample:
        """Before the audit's first draw."""
        if self.of is not None:
            return SlicedSample(size, seed, np.where(self.settled, -1, self.of), self.rows)
        settled = np.where(self.settled, self.rows, 0)
        return Sample(size, seed, settled, int((self.rows - settled).sum()))


def uneven(items: int, share: float, seed: int = 0) -> Crowd:
    """People who differ on the items that the audit draws least: the worst case for a sample that follows the draws."""
    rng = np.random.default_rng(seed)
    rows = np.where(rng.random(items) < 0.25, 3, 1)
    risk = rng.normal(size=items) * 1.5
    order = np.argsort(risk)
    differ = np.zeros(items, bool)
    differ[order[np.cumsum(rows[order]) <= share * rows.sum()]] = True
    return Crowd(rows, rng.random(items) < 0.2, risk, differ)


def by_risk(crowd: Crowd, slices: int) -> Crowd:
    """The same in slices of equally many items, in which the first are those that are drawn least."""
    rank = np.argsort(np.argsort(crowd.risk))
    return replace(crowd, of=rank * slices // rank.size)


def draw_sample(crowd: Crowd, size: int, seed: int) -> NDArray[np.int64]:
    """[items] rows of each item in the sample, for an audit that goes on until it is full."""
    rng = np.random.default_rng(seed)
    sample = crowd.sample(size, seed)
    unseen = ~crowd.settled
    found = np.zeros(crowd.rows.size, np.int64)
    turn = 0
    while sample.missing and unseen.any():
        for mine in _turn(crowd, sample, unseen, turn):
            even = crowd.rows[mine] / crowd.rows[mine].sum()
            q = crowd.rows[mine] * np.exp(crowd.risk[mine])
            q = (1 - UNIFORM_SHARE) * q / q.sum() + UNIFORM_SHARE * even
            at = int(rng.choice(mine.size, p=q))
            item = int(mine[at])
            pick = sample.draw(item, int(crowd.rows[item]), float(q[at]), evenness(q, even))
            unseen[item] = False
            for one in sample.rest() if pick is None else [pick, *sample.rest()]:
                found[one.position] += 1
        turn += 1
    return found


def _turn(
    crowd: Crowd, sample: Sample | SlicedSample, unseen: NDArray[np.bool_], turn: int
) -> list[NDArray[np.int64]]:
    """The items out of which this turn's draws are made. One slice after the other is certified, and then asked for
    the sample alone."""
    if crowd.of is None:
        return [np.flatnonzero(unseen)]
    going = [number for number in np.unique(crowd.of) if turn < 2 * number + 1 or number in sample.short]
    parts = [np.flatnonzero(unseen & (crowd.of == number)) for number in going]
    return [part for part in parts if part.size]


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
