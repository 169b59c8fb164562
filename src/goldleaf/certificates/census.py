"""When to stop sampling and ask the riskiest items outright; and what a certificate will cost.

A census of K items leaves a pool whose errors are rarer than the null says, and the bets grow faster on it:
by kappa(K) per answer, the level at which the tilted guesses of the rest sum to the null. The whole cost is
about K + need / kappa(K), with `need` the log-wealth still missing. One table of tilted guesses over a grid
of kappa gives the K of each kappa at once. None of this touches validity: a census makes no bet and is
chosen by earlier answers only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from goldleaf.certificates.base import allowed
from goldleaf.certificates.bets import Floats, Outlook, raised, spread
from goldleaf.certificates.guess import centred, logit

KAPPAS = np.geomspace(3e-4, 2.0, 40)
GATE = 0.6  # a census must promise at least this much
FIRST_DRAWS = 40  # before the first plan, unless the pool is known to be bad
BAD_POOL = 1.2  # times the tolerated error
PLAN_EVERY = 25
BATCH = 25, 100
LOGIT_STEP = 0.25
LOGIT_MOST = 8.0


class Plan(NamedTuple):
    draws: Floats  # [...] expected answers without a census, inf where the guess is worse than the null
    census: Floats  # [...] expected answers of the best census and the draws after it
    size: Floats  # [...] items in that census


def plan(p: Floats, n: Floats, w: Floats, target: Floats, outlook: Outlook) -> Plan:
    """The cost of going on, over leading axes; cells [..., c] as in `bets`."""
    need = np.maximum(outlook.need, 0.01)[..., None]
    order = np.argsort(np.broadcast_to(p * w, n.shape), axis=-1, kind="stable")
    p, n, w = (np.take_along_axis(np.broadcast_to(a, n.shape), order, -1) for a in (p, n, w))
    lam = raised(p[..., None, :], KAPPAS[:, None], steps=2)
    load = (n * w)[..., None, :] * lam
    below = np.cumsum(load, -1) - load
    part = np.clip((target[..., None, None] - below) / np.maximum(load, 1e-300), 0.0, 1.0)
    size = (n[..., None, :] * (1 - part)).sum(-1)
    caught = ((n * w * p)[..., None, :] * (1 - part)).sum(-1)
    cost = size + np.maximum(need - outlook.found[..., None] * caught, 0.0) / KAPPAS
    best = cost.argmin(-1)[..., None]
    kappa, _ = spread(p, n, w, target)
    with np.errstate(divide="ignore"):
        draws = need[..., 0] / kappa
    return Plan(draws, np.take_along_axis(cost, best, -1)[..., 0], np.take_along_axis(size, best, -1)[..., 0])


def batch(advice: Plan) -> NDArray[np.int64]:
    """[...] items to ask outright now; 0: draw at random."""
    worth = (advice.census < GATE * advice.draws) & (advice.size >= 1)
    size = np.minimum(advice.size, np.clip(advice.size / 4, *BATCH))
    return np.where(worth, np.ceil(size), 0).astype(np.int64)


def due(draws: int, expected: float, tolerated: float) -> bool:
    """Whether a plan is made after this many random draws."""
    first = 0 if expected > BAD_POOL * tolerated else FIRST_DRAWS
    return draws >= first and (draws - first) % PLAN_EVERY == 0


def bins(p_wrong: Floats) -> NDArray[np.int64]:
    """[n] the cell of each guess: steps of a quarter on the logit scale."""
    edge = scipy.special.expit(-LOGIT_MOST)
    p = np.clip(p_wrong, edge, 1 - edge)
    return np.floor(np.log(p / (1 - p)) / LOGIT_STEP).astype(np.int64) + int(LOGIT_MOST / LOGIT_STEP) + 1


def binned(weights: NDArray[np.int64], p_wrong: Floats, mean: float) -> tuple[Floats, Floats, Floats]:
    """([c] guesses moved so that their mean is `mean`, [c] items, [c] rows) in cells of growing guess."""
    cell = bins(p_wrong)
    n = np.bincount(cell).astype(np.float64)
    held = n > 0
    load = np.bincount(cell, weights=weights)[held].astype(np.float64)
    p: Floats = np.bincount(cell, weights=p_wrong)[held] / n[held]
    return centred(logit(p), load, np.asarray(mean)), n[held], load


def forecast(
    weights: NDArray[np.int64],
    p_wrong: Floats,
    rows: int,
    error: float,
    alpha: float,
    expected_error: float,
    *,
    outright: bool = True,
) -> float:
    """Human answers (census and draws) to certify from here, about; at worst all of them.

    Args:
        weights, p_wrong: [n] of the pool, as in `AuditPlan`.
        outright: whether a census is thought of, or draws alone.
    """
    total = float(weights.sum())
    target = float(allowed(error, rows) + 1)
    if target > total:
        return 0.0
    p, n, load = binned(weights, p_wrong, min(max(expected_error, 0.02 * target / total), 0.95))
    advice = plan(p, n, load / n, np.asarray(target), Outlook(np.asarray(-np.log(alpha)), np.zeros(())))
    best = min(float(advice.draws), float(advice.census)) if outright else float(advice.draws)
    return min(best, float(weights.size))
