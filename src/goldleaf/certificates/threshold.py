"""threshold.v1: an even sample first, then everything beyond the riskiest place where it still found few wrong.

The claim is that of `base`; exact for one fixed number of draws, where the bets of `audit` are for any time.

The audit. The pool's items are put in the order of their risk, fixed by the plan. Of the pool's M rows m are drawn
without replacement, each alike, and their items asked. Rows drawn of wrong items are counted from the safest end:
the cut is the item that holds the (T+1)-th one, and that item and all riskier ones are asked. Without so many there is no cut.

Proof. Let K be the smallest number with P(H <= T) <= alpha for H hypergeometric: m draws out of M rows, K+1+T of which
are marked. Claim: more than K rows before the cut are wrong and not drawn with probability at most alpha. Let B be the
wrong rows before the cut; at most T of them were drawn. Let G be the first K+1+T wrong rows in the order of risk,
filled up with any fixed rows where there are fewer. G is fixed before the draws, so the number drawn of it is H. If
u > K rows of B were not drawn: where B holds all of G, at most T rows of G were drawn. Otherwise B is part of G; of B
|B| - u were drawn, and of the rest of G at most K+1+T-|B|, together at most K+1+T-u <= T. So either way H <= T. The cut
may depend on all that the draws found: there is one event for all places. Rows drawn are put right, and so are those
beyond the cut, hence the residual is at most K. (After Candes, Ilyas, Zrnic, Probably Approximately Correct Labels,
arXiv:2506.10908, Theorem 1, where the first place that fails a bound is the cut; the sample is exact here, and what it
finds is put right.)

Why it saves answers. The place of the cut is found after the draws at no cost, so nothing needs to be believed of the
level of the errors; and draws beyond the cut would have been asked anyway.

Can't tell. Where it counts as an error, such a row is wrong and is not put right: drawn, it counts among the T, and
wherever it was seen it stays in the residual. K is a little below the limit (`RESERVE`) to make room for a few; with
more the audit has failed and another attempt must follow.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from math import comb
from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from goldleaf.certificates.base import AuditPlan, Course, Draw, Outcome, Said, allowed
from goldleaf.certificates.bounds import share
from goldleaf.certificates.census import binned
from goldleaf.certificates.disagreement import ways
from goldleaf.errors import CertificateError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

METHOD: Literal["threshold.v1"] = "threshold.v1"
RESERVE = 100  # one row in so many of the limit is kept for can't tells
BATCH = 100  # questions put at a time
TOLERATED = np.array([0, 1, 2, 3, 4, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 160, 200, 256])
LEVELS = np.array([0.4, 0.7, 1.0, 1.4, 2.0])  # times the believed error: how far off the belief may be
CHANCES = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
PLACES = np.array(
    [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98]
)  # quantiles at which the place of the cut is looked at
SHUFFLE, DRAWS = 3, 4  # streams of the seed


class ThresholdAudit:
    """The audit of a plan whose method is "threshold.v1"; its state is a function of the plan and the events alone."""

    def __init__(self, plan: AuditPlan) -> None:
        self.plan = plan
        rows, items = int(plan.weights.sum()), plan.weights.size
        if not 0 <= plan.draws <= rows:
            raise CertificateError(f"The plan has {plan.draws} draws out of {rows} rows.")
        self._unseen = rows
        self._limit = residual(rows, plan.draws, plan.tolerated, plan.alpha)
        self._order = _order(plan)
        self._sequence, self._hits = _sequence(plan, rows)
        self._drawn = self._sequence[: np.count_nonzero(self._hits)]
        self._code = np.full(items, np.nan)  # of each item's answer
        self._open: dict[int, Draw] = {}
        self._open_rows = 0
        self._told = 0

    def next(self, also: Collection[int] = ()) -> tuple[Draw, ...]:
        if not self._open:
            self.ahead(also)
        return tuple(self._open.values())

    def ahead(self, also: Collection[int] = ()) -> tuple[Draw, ...]:
        """The next batch: what is drawn is fixed by the seed, and what lies beyond the cut once all draws are told."""
        if self._open_rows >= self._unseen:
            return ()
        draws = self._sample()
        if not draws and not np.isnan(self._code[self._drawn]).any():
            draws = self._beyond() or (() if self._open else self._further())
        for draw in draws:
            self.take(draw)
        return draws

    def take(self, draw: Draw) -> None:
        """Hold `draw` as an open question."""
        known = 0 <= draw.position < self._code.size and np.isnan(self._code[draw.position])
        if not known or draw.position in self._open:
            raise CertificateError(
                f"Step {draw.step} draws item {draw.position}, which is not an unseen item of the pool."
            )
        if draw.step != self._told + len(self._open):
            raise CertificateError(f"Step {draw.step} follows {self._told + len(self._open)} draws.")
        self._open[draw.position] = draw
        self._open_rows += int(self.plan.weights[draw.position])

    def answer(self, position: int, outcome: Said, into: int | None = None) -> None:
        code = self.plan.code(outcome)
        if self._open.pop(position, None) is not None:
            self._told += 1
            self._unseen -= int(self.plan.weights[position])
            self._open_rows -= int(self.plan.weights[position])
        elif not 0 <= position < self._code.size or np.isnan(self._code[position]):
            raise CertificateError(
                f"Item {position} was answered, but it is not a question of this audit.",
                do="Ask `next()` for the open questions.",
            )
        self._code[position] = code

    def load(self, course: Course) -> None:
        """Take all of `course` at once, before anything else."""
        self._code[course.position] = course.outcome
        self._told = course.position.size
        self._unseen -= int(self.plan.weights[course.position].sum())
        self._open = {draw.position: draw for draw in course.waiting}
        self._open_rows = int(self.plan.weights[list(self._open)].sum())

    @property
    def draws(self) -> tuple[int, int]:
        """(answered, all) items of the even sample: before all of them are answered nothing is proven."""
        return int(np.count_nonzero(~np.isnan(self._code[self._drawn]))), int(self._drawn.size)

    def forecast(self) -> float:
        if self.certified or not self._unseen:
            return 0.0
        open_ = np.isnan(self._code)
        waiting = int(open_[self._drawn].sum())
        if self.failed:
            return float(open_.sum())
        if not waiting:
            return float(open_[self._order[self._cut() :]].sum())
        p, weights = self.plan.p_wrong[self._order], self.plan.weights[self._order]
        beyond = _beyond(p, weights, self.plan.draws / weights.sum(), np.array([self.plan.tolerated]))
        return float(waiting + beyond[0] * (1 - self.plan.draws / weights.sum()))

    @property
    def remaining(self) -> int:
        if np.isnan(self._code[self._drawn]).any():
            return self._unseen + self._unfixed
        cut = self._cut()
        unseen = self.plan.weights * np.isnan(self._code)
        before = int(unseen[self._order[:cut]].sum())
        return min(self._limit, before) + int(unseen.sum()) - before + self._unfixed

    @property
    def bound(self) -> float:
        return share(self.remaining, self.delivered)

    @property
    def certified(self) -> bool:
        return self.remaining <= self.plan.limit(self.delivered)

    @property
    def delivered(self) -> int:
        """Rows of the data set that the claim is about, as it stands now."""
        return self.plan.rows - (self._doubted if self.plan.cant_tell == "exclude" else 0)

    @property
    def exhausted(self) -> bool:
        return not self._unseen

    @property
    def failed(self) -> bool:
        """Whether all that the plan asks is answered and the target is not proven: too many could not be told."""
        done = not np.isnan(self._code[self._drawn]).any()
        beyond = done and not np.isnan(self._code[self._order[self._cut() :]]).any()
        return beyond and not self.certified and not self.exhausted

    def evenness(self, position: int) -> float:
        return 1.0

    @property
    def _doubted(self) -> int:
        return int(self.plan.weights[self._code == Outcome.CANT_TELL.value].sum())

    @property
    def _unfixed(self) -> int:
        return self._doubted if self.plan.cant_tell == "error" else 0

    def _cut(self) -> int:
        """The place of the first item that is asked because of the draws; the number of items where none is."""
        code = self._code[self._order]
        wrong = code == Outcome.WRONG.value
        if self.plan.cant_tell == "error":
            wrong |= code == Outcome.CANT_TELL.value
        found = np.cumsum(self._hits[self._order] * wrong)
        return int(np.searchsorted(found, self.plan.tolerated, side="right"))

    def _sample(self) -> tuple[Draw, ...]:
        """The next of the drawn items, with their probabilities among all that the draws before left."""
        return self._even(self._drawn, BATCH)

    def _further(self) -> tuple[Draw, ...]:
        """One more even draw, after all that the plan asks: the sample of second opinions may want it.

        The draws of the plan say nothing of the order in which the other rows would follow.
        """
        return self._even(self._sequence[self._drawn.size :], 1)

    def _even(self, sequence: Ints, most: int) -> tuple[Draw, ...]:
        waiting = sequence[self._askable(sequence)][:most]
        weight = self.plan.weights[waiting]
        left = self._unseen - self._open_rows - (np.cumsum(weight) - weight)
        return self._questions(waiting, "draw", weight / left)

    def _askable(self, positions: Ints) -> NDArray[np.bool_]:
        """Which have no answer and are no open question."""
        free = np.isnan(self._code)
        free[list(self._open)] = False
        return np.asarray(free[positions])

    def _beyond(self) -> tuple[Draw, ...]:
        """The riskiest items not asked yet: those beyond the cut, or all where the proof has failed."""
        cut = 0 if self.failed else self._cut()
        waiting = self._order[cut:][::-1]
        waiting = waiting[self._askable(waiting)][:BATCH]
        return self._questions(waiting, "census", np.ones(waiting.size))

    def _questions(self, positions: Ints, kind: str, chances: Floats) -> tuple[Draw, ...]:
        blank = Draw(0, 0, "census", 1.0, 0.0, 0.0, 0.0, float(self.plan.null(self.delivered)), 1.0)
        draws = []
        for number, (position, chance) in enumerate(zip(positions.tolist(), chances.tolist(), strict=True)):
            p = float(self.plan.p_wrong[position])
            step = self._told + len(self._open) + number
            draw = replace(blank, step=step, position=position, probability=chance, p=p, lam=p)
            draws.append(replace(draw, kind="draw") if kind == "draw" else draw)
        return tuple(draws)


@lru_cache(maxsize=1024)  # every look at a project makes its audit anew
def residual(rows: int, draws: int, tolerated: int, alpha: float) -> int:
    """K of the proof: the most wrong rows that stay before the cut, with confidence 1 - alpha; exact."""
    if draws <= tolerated:
        return rows
    low, high = 0, rows - draws  # more rows than `high` are not left undrawn
    while low < high:
        middle = (low + high) // 2
        if _log_chance(rows, middle + 1 + tolerated, draws, tolerated) <= np.log(alpha):
            high = middle
        else:
            low = middle + 1
    while low < rows - draws and not _rare(rows, low, draws, tolerated, alpha):
        low += 1
    while low and _rare(rows, low - 1, draws, tolerated, alpha):
        low -= 1
    return low


def _rare(rows: int, left: int, draws: int, tolerated: int, alpha: float) -> bool:
    """Whether P(H <= T) <= alpha for K = `left`, in whole numbers, so that every machine finds the same."""
    return ways(rows, left + 1 + tolerated, draws, tolerated) <= Fraction(alpha) * comb(rows, draws)


def _log_chance(rows: int, marked: int, draws: int, tolerated: int) -> float:
    """log P(H <= T), about."""
    if draws + marked - rows > tolerated:
        return -np.inf
    held = np.arange(max(0, draws + marked - rows), tolerated + 1)
    ways = _log_comb(marked, held) + _log_comb(rows - marked, draws - held)
    return float(np.logaddexp.reduce(ways) - _log_comb(rows, np.asarray(draws)))


def _log_comb(n: int, k: Ints) -> Floats:
    return np.asarray(
        scipy.special.gammaln(n + 1) - scipy.special.gammaln(k + 1) - scipy.special.gammaln(n - k + 1)
    )


def design(plan: AuditPlan, doubted: int = 0) -> AuditPlan:
    """The plan with the number of draws and the tolerated ones among them that cost least, as far as it believes.

    Args:
        doubted: rows of the pool that are known to stay wrong, as nobody could tell.
    """
    rows = int(plan.weights.sum())
    limit = _reserved(plan.error, plan.rows) - doubted
    if limit < 0:
        return replace(plan, method=METHOD, draws=rows, tolerated=0)
    if limit >= rows:
        return replace(plan, method=METHOD, draws=0, tolerated=0)
    tolerated, _ = _best(plan.weights, plan.p_wrong, limit, plan.alpha, plan.expected_error)
    tolerated = min(tolerated, rows - 1)
    low, high = tolerated + 1, rows
    while low < high:
        middle = (low + high) // 2
        if _log_chance(rows, limit + 1 + tolerated, middle, tolerated) <= np.log(plan.alpha):
            high = middle
        else:
            low = middle + 1
    while residual(rows, low, tolerated, plan.alpha) > limit:
        low += 1
    return replace(plan, method=METHOD, draws=low, tolerated=tolerated)


def forecast(
    weights: Ints, p_wrong: Floats, rows: int, error: float, alpha: float, expected_error: float
) -> float:
    """Human answers to certify from here, about; at worst all of them. Arguments as of `census.forecast`."""
    limit = _reserved(error, rows)
    if limit >= weights.sum():
        return 0.0
    return _best(weights, p_wrong, max(limit, 0), alpha, expected_error)[1]


def _reserved(error: float, rows: int) -> int:
    limit = allowed(error, rows)
    return limit - limit // RESERVE


def _best(
    weights: Ints, p_wrong: Floats, limit: int, alpha: float, expected_error: float
) -> tuple[int, float]:
    """(tolerated wrong draws, expected answers)."""
    p, n, load = binned(weights, p_wrong, min(max(expected_error, 1e-6), 0.95))
    share_ = np.minimum(scipy.special.betaincinv(TOLERATED + 1, limit + 1, 1 - alpha), 1.0)
    beyond = sum(
        chance * _beyond_cells(np.minimum(level * p, 1.0), n, load, share_, TOLERATED)
        for level, chance in zip(LEVELS, CHANCES, strict=True)
    )
    inside = n.sum() - beyond
    cost = beyond + inside * (1 - (1 - share_) ** (load.sum() / n.sum()))
    best = int(np.argmin(cost))
    return int(TOLERATED[best]), float(cost[best])


def _beyond_cells(p: Floats, n: Floats, load: Floats, drawn: Floats, tolerated: Ints) -> Floats:
    """Expected items from the cut on, for every number of tolerated draws; cells in the order of their risk.

    Drawn wrong rows come about as a Poisson process in the wrong rows passed, so the (T+1)-th comes after a number of
    them that has a gamma distribution.
    """
    wrong = np.concatenate([[0.0], np.cumsum(load * p)])
    items = np.concatenate([[0.0], np.cumsum(n)])
    places = scipy.special.gammaincinv(tolerated[:, None] + 1.0, PLACES) / drawn[:, None]
    return np.asarray((n.sum() - np.interp(places, wrong, items)).mean(axis=1))


def _beyond(p: Floats, weights: Ints, drawn: float, tolerated: Ints) -> Floats:
    """The same for single items in the order of their risk."""
    load = weights.astype(np.float64)
    return _beyond_cells(p, np.ones(p.size), load, np.array([drawn]), tolerated)


def _order(plan: AuditPlan) -> Ints:
    """Items from the safest to the one most worth asking; equals in an order that says nothing of the data's."""
    shuffle = np.random.Philox(key=plan.seed, counter=[0, 0, SHUFFLE, 0]).random_raw(plan.weights.size)
    return np.asarray(np.lexsort((shuffle, plan.p_wrong * plan.weights)))


def _sequence(plan: AuditPlan, rows: int) -> tuple[Ints, Ints]:
    """(all items in the order in which their first rows would be drawn, [n] rows of each among the plan's draws)."""
    key = np.random.Philox(key=plan.seed, counter=[0, 0, DRAWS, 0]).random_raw(rows)
    item = np.repeat(np.arange(plan.weights.size), plan.weights)[np.argsort(key, kind="stable")]
    hits = np.bincount(item[: plan.draws], minlength=plan.weights.size).astype(np.int64)
    _, first = np.unique(item, return_index=True)
    return np.argsort(first, kind="stable").astype(np.int64), hits
