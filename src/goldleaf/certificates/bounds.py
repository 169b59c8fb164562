"""From the bets and the outcomes to a bound that holds at any time.

Moving null. Fix the true errors. Before step s the unseen wrong rows are W_s; with f_s the factor of the
bet made against `target_s`, the factor f_s + nu_s (W_s - target_s) has conditional mean at most 1 (`bets`),
and so has 1, which replaces it where it could be negative: where `least_s` + nu_s (W_s - target_s) < 0,
known before the draw. Their product is a nonnegative supermartingale, and by Ville's inequality it ever
reaches 1/alpha with probability at most alpha. Let S and U be the weights of wrong and of unfixed
can't-tell items seen. If r rows remain wrong now, W_s = r + S_now - S_{s-1} - U_{s-1}, so every r gives its
own product, and the r whose product is below 1/alpha form a confidence sequence for the residual. Its
largest member is the bound.

Above `floor`, where no step's factor can be negative, the product increases in r, so bisection finds the
largest unrejected r; below it nothing is claimed.

Graded losses. With losses e_i in [0, 1] a step's factor is f = a - v e, linear between that of a right and of a
wrong label, and W = sum n w e is the loss unseen: E[f | past] = sum n q a - nu W as before, with nothing asked of
e but its range. f falls in e, so `least`, the smallest factor at loss 1, is still the smallest that any unseen
item can give. An answered item is fixed, and all of its loss leaves the residual: S adds up w e. Only the
rounding differs: r is a real number, so the bound is the end of the bisection that is rejected, not the whole
number below it.

Corrections. A bet is fixed before its draw by what was believed then, true or not; only the outcome of each
step, S and U enter here, and they are taken as known last. So a corrected answer needs no new bet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from goldleaf.certificates.base import AuditPlan, Draw, Outcome, Said
from goldleaf.certificates.bets import Floats, factors

ROUNDING = 1e-9  # of a log-wealth: far above what sums of 1e6 terms lose
HALVINGS = 60  # of the residual of graded losses


class Steps(NamedTuple):
    """The answered steps [t], in the order of their draws."""

    right: Floats  # factor of a right label
    wrong: Floats  # factor of a wrong one
    nu: Floats
    target: Floats
    least: Floats
    weight: Floats
    outcome: Floats  # `AuditPlan.code`: the loss, or 2 for can't tell


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the answers say against every null r."""

    factor: Floats  # [..., t]
    nu: Floats  # [..., t]
    offset: Floats  # [..., t] the r at which the factor stands as designed
    floor: float = -np.inf  # at and above it every bet is on
    unfixed: int = 0  # U, counted in the residual
    excluded: int = 0  # rows that left the data set

    def log_wealth(self, r: Floats | float) -> Floats:
        """[...] log of the wealth against the null that at least r rows remain wrong; r above `floor`."""
        shift = self.nu * (np.asarray(r, dtype=np.float64)[..., None] - self.offset)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.maximum(self.factor + shift, 0.0)).sum(-1))

    def slope(self, r: Floats | float) -> Floats:
        """[...] its derivative in r: what each further row found wrong adds, about."""
        shift = self.nu * (np.asarray(r, dtype=np.float64)[..., None] - self.offset)
        return np.asarray((self.nu / np.maximum(self.factor + shift, 1e-3)).sum(-1))


def evidence(steps: Steps, cant_tell: str) -> Evidence:
    """The evidence of the answered steps."""
    unsure = steps.outcome == Outcome.CANT_TELL.value
    counts = cant_tell == "error"
    lost = np.where(unsure, 0.0, steps.outcome)
    fixed, doubted = steps.weight * lost, steps.weight * unsure
    lost = np.where(unsure, float(counts), lost)
    unfixed = doubted if counts else np.zeros_like(doubted)
    before = np.cumsum(fixed + unfixed) - fixed - unfixed
    offset = steps.target + before - fixed.sum()
    bets = steps.nu > 0
    lowest = np.where(bets, offset - steps.least / np.where(bets, steps.nu, 1.0), -np.inf)
    return Evidence(
        factor=between(steps.right, steps.wrong, lost),
        nu=steps.nu,
        offset=offset,
        floor=float(lowest.max(initial=-np.inf)),
        unfixed=int(unfixed.sum()),
        excluded=int((doubted - unfixed).sum()),
    )


def between(right: Floats, wrong: Floats, loss: Floats) -> Floats:
    """The factor at a loss; at 0 and 1 exactly the two given ones."""
    mixed = right + (wrong - right) * loss
    return np.asarray(np.where(loss == 0, right, np.where(loss == 1, wrong, mixed)))


def upper_limit(seen: Evidence, unseen: int, alpha: float, graded: bool = False) -> float:
    """The largest residual that the answers do not reject, between what is known to remain and what could."""
    if graded:
        return _real_limit(seen, unseen, alpha)
    known = seen.unfixed
    # every bet is on from `floor` up: once all of that is rejected, the next whole number below may remain
    low = max(known, int(np.ceil(seen.floor)) - 1 if np.isfinite(seen.floor) else known)
    high = known + unseen
    if low >= high:
        return high
    needed = -np.log(alpha) + ROUNDING
    while low < high:
        middle = (low + high + 1) // 2
        if seen.log_wealth(middle) >= needed:
            high = middle - 1
        else:
            low = middle
    return low


def _real_limit(seen: Evidence, unseen: int, alpha: float) -> float:
    """As `upper_limit` of a real residual: a hair above it, on the rejected side."""
    low, high = float(max(seen.unfixed, seen.floor)), float(seen.unfixed + unseen)
    needed = -np.log(alpha) + ROUNDING
    if low >= high or seen.log_wealth(high) < needed:
        return high
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if seen.log_wealth(middle) >= needed:
            high = middle
        else:
            low = middle
    return high


class Path(NamedTuple):
    """The course of an audit, thinned."""

    answers: NDArray[np.int64]  # [m] number of answers
    log_wealth: Floats  # [m] against the null that the plan's error is exceeded; certified at log(1/alpha)
    bound: Floats  # [m] upper confidence limit as a share of the delivered rows


def steps_of(plan: AuditPlan, draws: Sequence[Draw], outcomes: Sequence[Said]) -> Steps:
    """The steps of answered draws."""
    table = [(d.position, d.probability, d.p, d.lam, d.nu, d.target, d.least) for d in draws]
    position, q, p, lam, nu, target, least = np.array(table).reshape(-1, 7).T
    codes = np.array([plan.code(outcome) for outcome in outcomes], dtype=np.float64)
    weight = plan.weights[position.astype(np.int64)].astype(np.float64)
    right, wrong = factors(p, lam, nu * weight / q)
    return Steps(right, wrong, nu, target, least, weight, codes)


def path(plan: AuditPlan, draws: Sequence[Draw], outcomes: Sequence[Said], points: int = 200) -> Path:
    """Log-wealth and bound after up to `points` of the answers, the last one included, in the order of the draws.

    Each point is what the audit would have said then, had all answers been as they are known now.
    """
    steps = steps_of(plan, draws, outcomes)
    ends = np.unique(np.linspace(min(1, len(draws)), len(draws), points).astype(np.int64))
    total = int(plan.weights.sum())
    rows = []
    for end in ends[ends > 0]:
        seen = evidence(Steps(*(column[:end] for column in steps)), plan.cant_tell)
        delivered = plan.rows - int(seen.excluded)
        null = plan.null(delivered)
        remaining = upper_limit(seen, total - int(steps.weight[:end].sum()), plan.alpha, plan.graded)
        rows.append((end, float(seen.log_wealth(null)), share(remaining, delivered)))
    answers, wealth, bound = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return Path(answers.astype(np.int64), wealth, bound)


def share(remaining: float, delivered: int) -> float:
    """`remaining` of the delivered rows; 0 where nothing is delivered."""
    return remaining / delivered if delivered else 0.0
