"""Many audits at once, on counts instead of items: what the guarantee and the forecasts are checked with.

The designs, guesses, census plans and wealth are those of `audit`, broadcast over runs; only the person is
made up. A cell is all that a bet sees of an item, so the number of wrong items left in each cell is the
whole state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from goldleaf.certificates import bets, census, guess
from goldleaf.certificates.base import allowed
from goldleaf.certificates.bets import Floats
from goldleaf.certificates.bounds import ROUNDING, Evidence

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class World:
    """A pool in cells, and how its audits are run.

    Args:
        p: [c] guess of P(wrong), in (0, 1).
        w: [c] rows an item stands for.
        wrong: [runs, c] items that are wrong in truth.
        n: [c] or [runs, c] items.
        unsure: share of the wrong items, and of no others, that get "can't tell". With 1 and "error" nothing is ever
            fixed, so the certificate is one of the machine's own error: the sharpest test of the bets.
    """

    p: Floats
    w: Floats
    n: Floats
    wrong: Ints
    rows: int
    error: float = 0.05
    alpha: float = 0.05
    expected_error: float = 0.05
    unsure: float = 0.0
    cant_tell: Literal["error", "exclude"] = "error"
    method: Literal["gro.v1", "uniform.v1"] = "gro.v1"


@dataclass(frozen=True, eq=False)
class Runs:
    """How the audits ended, each [runs]."""

    answers: Ints
    certified: Bools
    false: Bools  # certified although more wrong rows remained than allowed


def simulate(world: World, seed: int, most: int = 100_000) -> Runs:
    """Run every audit until it certifies, cannot any more, or has made `most` random draws."""
    crowd = _Crowd(world, seed, most)
    runs = world.wrong.shape[0]
    ended = Runs(np.zeros(runs, np.int64), np.zeros(runs, np.bool_), np.zeros(runs, np.bool_))
    within = np.array([allowed(world.error, world.rows - out) for out in range(world.rows + 1)])
    while crowd.run.size:
        limit = within[crowd.excluded.astype(np.int64)]
        null = limit + 1 - crowd.unfixed
        need = -np.log(world.alpha) + ROUNDING - crowd.evidence().log_wealth(limit + 1)
        yes = (need <= 0) | (null > crowd.n @ world.w)
        over = yes | (null <= 0) | (crowd.draws >= crowd.most)
        at = crowd.run[over]
        ended.answers[at], ended.certified[at] = crowd.answers[over], yes[over]
        ended.false[at] = (yes & (crowd.wrong @ world.w + crowd.unfixed > limit))[over]
        crowd.keep(~over)
        if crowd.run.size:
            crowd.step(null[~over].astype(np.float64), need[~over])
    return ended


class _Crowd:
    """The runs still going. Arrays named in `BY_RUN` have the runs first."""

    BY_RUN = ("run", "n", "wrong", "fixed", "unfixed", "excluded", "answers", "draws", "log_weight", "bets")

    def __init__(self, world: World, seed: int, most: int) -> None:
        self.world = world
        self.rng = np.random.default_rng(seed)
        self.uniform = world.method == "uniform.v1"
        self.most = most
        runs = world.wrong.shape[0]
        load = np.atleast_2d(world.n).mean(0) * world.w
        self.tolerated = (allowed(world.error, world.rows) + 1) / load.sum()
        score = np.log(world.p / (1 - world.p))
        self.grid = guess.worlds(score, load, self.tolerated, world.expected_error, self.uniform)
        self.run = np.arange(runs)
        self.n = np.broadcast_to(world.n, (runs, world.p.size)).astype(np.float64)
        self.wrong = world.wrong.astype(np.int64)
        self.fixed, self.unfixed, self.excluded = (np.zeros(runs) for _ in range(3))
        self.answers, self.draws = (np.zeros(runs, dtype=np.int64) for _ in range(2))
        self.log_weight = np.tile(self.grid.log_prior, (runs, 1))
        self.bets = np.zeros((runs, 3, 64))  # factor, nu, offset before the present shift

    def keep(self, going: Bools) -> None:
        for name in self.BY_RUN:
            setattr(self, name, getattr(self, name)[going])

    def evidence(self) -> Evidence:
        factor, nu, offset = np.moveaxis(self.bets[:, :, : int(self.draws.max())], 1, 0)
        return Evidence(np.where(nu > 0, factor, 1.0), nu, offset - self.fixed[:, None])

    def step(self, null: Floats, need: Floats) -> None:
        """One census batch or one random draw in every run, as `audit` decides between them."""
        size = np.zeros(self.run.size, dtype=np.int64)
        expected = self.world.expected_error
        due = np.array([census.due(int(draws), expected, self.tolerated) for draws in self.draws])
        if due.any() and not self.uniform:
            p = guess.believed(self.grid, self.log_weight[due])
            advice = census.plan(p, self.n[due], self.world.w, null[due], need[due])
            size[due] = np.minimum(census.batch(advice), self.n[due].sum(-1))
        asked, drawn = np.flatnonzero(size > 0), np.flatnonzero(size == 0)
        if asked.size:
            self._ask_riskiest(asked, size[asked])
        if drawn.size:
            self._draw(drawn, null[drawn])

    def _ask_riskiest(self, at: Ints, size: Ints) -> None:
        n, wrong = self.n[at].astype(np.int64), self.wrong[at]
        order = np.argsort(
            -guess.believed(self.grid, self.log_weight[at]) * self.world.w, axis=-1, kind="stable"
        )
        held = np.take_along_axis(n, order, -1)
        taken = np.empty_like(n)
        np.put_along_axis(taken, order, np.clip(size[:, None] - (np.cumsum(held, -1) - held), 0, held), -1)
        self._learn(at, taken, self.rng.hypergeometric(wrong, n - wrong, taken))

    def _draw(self, at: Ints, null: Floats) -> None:
        if int(self.draws.max()) >= self.bets.shape[2]:
            self.bets = np.concatenate([self.bets, np.zeros_like(self.bets)], axis=2)
        n, w, row = self.n[at], self.world.w, np.arange(at.size)
        p = guess.hopeful(self.grid, self.log_weight[at], n * w, null)
        bet = bets.design(p, n, w, null, self.uniform)
        below = np.cumsum(n * bet.q, -1)
        cell = np.minimum((self.rng.random((at.size, 1)) * below[:, -1:] >= below).sum(-1), w.size - 1)
        wrong = self.rng.random(at.size) * n[row, cell] < self.wrong[at, cell]
        one = (np.arange(w.size) == cell[:, None]).astype(np.int64)
        before = self.fixed[at] + self.unfixed[at]
        lost = self._learn(at, one, one * wrong[:, None]).any(-1)
        p, lam = p[row, cell], bet.lam[row, cell]
        factor = np.where(lost, p / lam, (1 - p) / (1 - lam))
        self.bets[at, :, self.draws[at]] = np.stack([factor, bet.nu, null + before], -1)
        self.draws[at] += 1

    def _learn(self, at: Ints, taken: Ints, found: Ints) -> Ints:
        """Answer `taken` [at, c] items, `found` of them wrong; [at, c] how many count as such."""
        world = self.world
        unsure = self.rng.binomial(found, world.unsure) if world.unsure else np.zeros_like(found)
        lost = found - unsure if world.cant_tell == "exclude" else found
        self.n[at] -= taken
        self.wrong[at] -= found
        self.fixed[at] += (found - unsure) @ world.w
        doubted = self.excluded if world.cant_tell == "exclude" else self.unfixed
        doubted[at] += unsure @ world.w
        self.answers[at] += taken.sum(-1)
        self.log_weight[at] += lost @ np.log(self.grid.p).T + (taken - lost) @ np.log1p(-self.grid.p).T
        return lost
