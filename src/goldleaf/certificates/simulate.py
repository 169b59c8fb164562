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
from goldleaf.certificates.bounds import ROUNDING, Evidence, between

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class World:
    """A pool in cells, and how its audits are run.

    Args:
        p: [c] guess of P(wrong), in (0, 1).
        w: [c] rows an item stands for.
        n: [c] or [runs, c] items.
        wrong: [runs, c] items that a person finds wrong, and so fixes.
        unsure: [runs, c] items that get "can't tell". Where these count as errors they are never fixed, so a pool
            with no other errors is one of the machine's own error: the sharpest test of the bets.
        loss: [c] of a wrong item of each cell, in (0, 1]; the audits are graded where one is below 1.
    """

    p: Floats
    w: Floats
    n: Floats
    wrong: Ints
    rows: int
    error: float = 0.05
    alpha: float = 0.05
    expected_error: float = 0.05
    unsure: Ints | int = 0
    loss: Floats | float = 1.0
    cant_tell: Literal["error", "exclude"] = "error"
    method: Literal["gro.v1", "uniform.v1"] = "gro.v1"

    @property
    def graded(self) -> bool:
        return bool(np.any(np.asarray(self.loss) < 1))

    def limit(self, delivered: int) -> float:
        """The largest residual that the audits allow."""
        return self.error * delivered if self.graded else allowed(self.error, delivered)


@dataclass(frozen=True, eq=False)
class Runs:
    """How the audits ended, each [runs]."""

    answers: Ints
    certified: Bools
    false: Bools  # certified although more wrong rows, or more loss, remained than allowed


SCORES = ("calibrated", "useless", "anti-informative", "over-confident")


def at_the_limit(
    score: str,
    size: int,
    error: float,
    runs: int,
    *,
    extra: int = 1,
    unsure: float = 0.0,
    weight: int = 1,
    cells: int = 6,
    loss: float = 1.0,
) -> World:
    """A pool of about `size` rows with `extra` more wrong rows than `error` allows, or a few more than that.

    Args:
        score: one of `SCORES`: what the guess knows of the errors. "over-confident" claims a seventh of them, and
            twice their slope.
        unsure: share of the wrong items that get "can't tell" instead.
        weight: rows that every third cell's items stand for; 1 for the others.
        loss: of a wrong item in every second cell, 1 in the others; below 1 there are more wrong items.
    """
    w = np.where(np.arange(cells) % 3 == 1, weight, 1).astype(np.float64)
    n = np.maximum(np.round(size * np.linspace(1.6, 0.4, cells) / cells / w), 2.0)
    rows = int(n @ w)
    wanted = allowed(error, rows) + extra
    spread = np.linspace(-2.0, 2.0, cells)
    p = guess.centred(spread, n * w, np.asarray(wanted / rows))
    risk = {"useless": np.full(cells, wanted / rows), "anti-informative": p[::-1]}.get(score, p)
    if score == "over-confident":
        p = guess.centred(2 * spread, n * w, np.asarray(wanted / rows / 7))
    losses = np.where(np.arange(cells) % 2 == 0, loss, 1.0)
    wrong = np.minimum(np.floor(n * risk / losses), n)
    for cell in np.argsort(w - 1 + wrong - n * risk, kind="stable").repeat(int(n.max())):
        if wrong @ (w * losses) >= wanted:
            break
        wrong[cell] += wrong[cell] < n[cell]
    doubted = np.round(unsure * wrong)
    fixed, unsure_ = (np.tile(count.astype(np.int64), (runs, 1)) for count in (wrong - doubted, doubted))
    return World(p, w, n, fixed, rows, error, expected_error=error / 4, unsure=unsure_, loss=losses)


def simulate(world: World, seed: int, most: int = 100_000) -> Runs:
    """Run every audit until it certifies, cannot any more, or has made `most` random draws."""
    crowd = _Crowd(world, seed, most)
    runs = world.wrong.shape[0]
    ended = Runs(np.zeros(runs, np.int64), np.zeros(runs, np.bool_), np.zeros(runs, np.bool_))
    within = np.array([world.limit(world.rows - out) for out in range(world.rows + 1)])
    beyond = 0 if world.graded else 1
    while crowd.run.size:
        limit = within[crowd.excluded.astype(np.int64)]
        null = limit + beyond - crowd.unfixed
        proof = crowd.evidence()
        need = -np.log(world.alpha) + ROUNDING - proof.log_wealth(limit + beyond)
        yes = (need <= 0) | (null > crowd.n @ world.w)
        over = yes | (null <= 0) | (crowd.draws >= crowd.most)
        at = crowd.run[over]
        ended.answers[at], ended.certified[at] = crowd.answers[over], yes[over]
        ended.false[at] = (yes & (crowd.residual() > limit))[over]
        crowd.keep(~over)
        if crowd.run.size:
            crowd.step(
                null[~over].astype(np.float64),
                bets.Outlook(need[~over], proof.slope(limit + beyond)[~over]),
            )
    return ended


class _Crowd:
    """The runs still going. Arrays named in `BY_RUN` have the runs first."""

    BY_RUN = (
        "run",
        "n",
        "wrong",
        "unsure",
        "fixed",
        "unfixed",
        "excluded",
        "answers",
        "draws",
        "log_weight",
        "bets",
    )

    def __init__(self, world: World, seed: int, most: int) -> None:
        self.world = world
        self.rng = np.random.default_rng(seed)
        self.uniform = world.method == "uniform.v1"
        self.most = most
        runs = world.wrong.shape[0]
        load = np.atleast_2d(world.n).mean(0) * world.w
        self.tolerated = (world.limit(world.rows) + (not world.graded)) / load.sum()
        self.loss = np.broadcast_to(np.asarray(world.loss, dtype=np.float64), world.p.shape)
        score = np.log(world.p / (1 - world.p))
        self.grid = guess.worlds(score, load, self.tolerated, world.expected_error, self.uniform)
        self.log_wrong, self.log_right = np.log(self.grid.p).T, np.log1p(-self.grid.p).T
        self.run = np.arange(runs)
        self.n = np.broadcast_to(world.n, (runs, world.p.size)).astype(np.float64)
        self.wrong = world.wrong.astype(np.int64)
        self.unsure = np.broadcast_to(world.unsure, self.wrong.shape).astype(np.int64)
        self.fixed, self.unfixed, self.excluded = (np.zeros(runs) for _ in range(3))
        self.answers, self.draws = (np.zeros(runs, dtype=np.int64) for _ in range(2))
        self.log_weight = np.tile(self.grid.log_prior, (runs, 1))
        self.bets = np.zeros((runs, 3, 64))  # factor, nu, offset before the present shift

    def residual(self) -> Floats:
        lost = self.wrong * self.loss
        counted = lost + self.unsure if self.world.cant_tell == "error" else lost
        return np.asarray(counted @ self.world.w + self.unfixed)

    def keep(self, going: Bools) -> None:
        for name in self.BY_RUN:
            setattr(self, name, getattr(self, name)[going])

    def evidence(self) -> Evidence:
        factor, nu, offset = np.moveaxis(self.bets[:, :, : int(self.draws.max())], 1, 0)
        return Evidence(np.where(nu > 0, factor, 1.0), nu, offset - self.fixed[:, None])

    def step(self, null: Floats, outlook: bets.Outlook) -> None:
        """One census batch or one random draw in every run, as `audit` decides between them."""
        size = np.zeros(self.run.size, dtype=np.int64)
        expected = self.world.expected_error
        due = np.array([census.due(int(draws), expected, self.tolerated) for draws in self.draws])
        if due.any() and not self.uniform:
            p = guess.believed(self.grid, self.log_weight[due])
            advice = census.plan(p, self.n[due], self.world.w, null[due], _of(outlook, due))
            size[due] = np.minimum(census.batch(advice), self.n[due].sum(-1))
        asked, drawn = np.flatnonzero(size > 0), np.flatnonzero(size == 0)
        if asked.size:
            self._ask_riskiest(asked, size[asked])
        if drawn.size:
            self._draw(drawn, null[drawn], _of(outlook, drawn))

    def _ask_riskiest(self, at: Ints, size: Ints) -> None:
        n = self.n[at].astype(np.int64)
        order = np.argsort(
            -guess.believed(self.grid, self.log_weight[at]) * self.world.w, axis=-1, kind="stable"
        )
        held = np.take_along_axis(n, order, -1)
        taken = np.empty_like(n)
        np.put_along_axis(taken, order, np.clip(size[:, None] - (np.cumsum(held, -1) - held), 0, held), -1)
        self._answer(at, taken)

    def _draw(self, at: Ints, null: Floats, outlook: bets.Outlook) -> None:
        if int(self.draws.max()) >= self.bets.shape[2]:
            self.bets = np.concatenate([self.bets, np.zeros_like(self.bets)], axis=2)
        n, w, row = self.n[at], self.world.w, np.arange(at.size)
        p = guess.hopeful(self.grid, self.log_weight[at], n * w, null)
        bet = bets.design(p, n, w, null, outlook, self.uniform)
        below = np.cumsum(n * bet.q, -1)
        cell = np.minimum((self.rng.random((at.size, 1)) * below[:, -1:] >= below).sum(-1), w.size - 1)
        before = self.fixed[at] + self.unfixed[at]
        lost = self._answer(at, (np.arange(w.size) == cell[:, None]).astype(np.int64)).sum(-1)
        v = bet.nu * w[cell] / bet.q[row, cell]
        right, wrong = bets.factors(p[row, cell], bet.lam[row, cell], v)
        factor = between(right, wrong, lost)
        self.bets[at, :, self.draws[at]] = np.stack([factor, bet.nu, null + before], -1)
        self.draws[at] += 1

    def _answer(self, at: Ints, taken: Ints) -> Floats:
        """Answer `taken` [at, c] items; [at, c] the loss that they count for."""
        n, world = self.n[at].astype(np.int64), self.world
        if taken.sum() == at.size:  # one each: the same law, faster
            u = self.rng.random((at.size, 1)) * n
            wrong = taken * (u < self.wrong[at])
            unsure = taken * (u < self.wrong[at] + self.unsure[at]) - wrong
        else:
            wrong = self.rng.hypergeometric(self.wrong[at], n - self.wrong[at], taken)
            left = n - self.wrong[at] - self.unsure[at]
            unsure = self.rng.hypergeometric(self.unsure[at], left, taken - wrong)
        fixed = wrong * self.loss
        lost = fixed if world.cant_tell == "exclude" else fixed + unsure
        doubted = self.excluded if world.cant_tell == "exclude" else self.unfixed
        self.n[at] -= taken
        self.wrong[at] -= wrong
        self.unsure[at] -= unsure
        self.fixed[at] += fixed @ world.w
        doubted[at] += unsure @ world.w
        self.answers[at] += taken.sum(-1)
        self.log_weight[at] += lost @ self.log_wrong + (taken - lost) @ self.log_right
        return np.asarray(lost)


def _of(outlook: bets.Outlook, at: Ints | Bools) -> bets.Outlook:
    return bets.Outlook(outlook.need[at], outlook.found[at])
