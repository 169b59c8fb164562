"""The guess of what is wrong, learned from the answers as they come.

It is predictable (made of earlier answers only), hence free: the bet's proof takes any guess. A grid of
worlds is laid out before the audit: the pool's mean error is one of `MEANS` times the tolerated one, and
the logit of the plan's guess is scaled by a slope that says how far it can be believed (0: not at all). The
answers weigh the worlds by their likelihood. All functions broadcast over leading axes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from goldleaf.certificates.bets import P_LEAST, Floats

MEANS = np.array([0.02, 0.15, 0.35, 0.55, 0.75, 0.92, 1.15, 1.5, 2.1, 3.0, 4.5, 7.0])
SLOPES = np.array([0.0, 0.35, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0])
SLOPE_PRIOR = np.array([0.15, 0.05, 0.1, 0.12, 0.13, 0.2, 0.1, 0.1, 0.05])
BUMP_SHARE = 0.75  # of the prior lies around the cross-validated error, the rest is flat
BUMP_WIDTH = 0.35  # in log units
OPTIMISM = 0.97  # a bet is only made on worlds whose errors stay below this share of the null


class Worlds(NamedTuple):
    p: Floats  # [g, c] P(wrong) in each world and cell
    log_prior: Floats  # [g]


def worlds(score: Floats, load: Floats, tolerated: float, expected: float, uniform: bool = False) -> Worlds:
    """The grid for cells of logit `score` [c] that hold `load` [c] rows.

    Args:
        tolerated: the share of the pool's rows that may be wrong.
        expected: the cross-validated share that is.
        uniform: only worlds in which the score says nothing.
    """
    means = np.clip(MEANS * tolerated, 1e-5, 0.95)
    bump = np.exp(-0.5 * (np.log(means / np.clip(expected, means[0], means[-1])) / BUMP_WIDTH) ** 2)
    prior = (1 - BUMP_SHARE) / means.size + BUMP_SHARE * bump / bump.sum()
    slopes, chances = (np.zeros(1), np.ones(1)) if uniform else (SLOPES, SLOPE_PRIOR)
    tilt = np.repeat(slopes, means.size)[:, None] * score
    return Worlds(centred(tilt, load, np.tile(means, slopes.size)), np.log(np.outer(chances, prior).ravel()))


def logit(p: Floats) -> Floats:
    """The inverse of expit, with p kept off 0 and 1."""
    p = np.clip(p, P_LEAST, 1 - P_LEAST)
    return np.asarray(np.log(p / (1 - p)))


def centred(score: Floats, load: Floats, mean: Floats) -> Floats:
    """expit(score [..., c] + a) with a [...] such that the load-weighted mean is `mean` [...], by bisection."""
    low, high = np.full(mean.shape, -40.0), np.full(mean.shape, 40.0)
    for _ in range(48):
        middle = (low + high) / 2
        above = (scipy.special.expit(score + middle[..., None]) * load).sum(-1) > mean * load.sum(-1)
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.asarray(np.clip(scipy.special.expit(score + low[..., None]), P_LEAST, 1 - P_LEAST))


def believed(grid: Worlds, log_weight: Floats) -> Floats:
    """[..., c] the posterior mean of P(wrong), for forecasts and the census."""
    weight = np.exp(log_weight - scipy.special.logsumexp(log_weight, axis=-1, keepdims=True))
    return np.asarray(weight @ grid.p)


def hopeful(grid: Worlds, log_weight: Floats, load: Floats, target: Floats) -> Floats:
    """[..., c] the same over the worlds in which the null is false, which is what a bet against it needs."""
    total = load @ grid.p.T
    ok = total < OPTIMISM * target[..., None]
    weight = np.where(ok, np.exp(log_weight - log_weight.max(-1, keepdims=True)), 0.0)
    weight = np.where(ok.any(-1, keepdims=True), weight + ok * 1e-300, total == total.min(-1, keepdims=True))
    p = weight @ grid.p / weight.sum(-1, keepdims=True)
    excess = (load * p).sum(-1) / (OPTIMISM * target)
    return np.asarray(np.clip(p / np.maximum(excess, 1.0)[..., None], P_LEAST, 1 - P_LEAST))


def log_likelihood(grid: Worlds, cell: NDArray[np.int64], wrong: NDArray[np.bool_]) -> Floats:
    """[..., g] of one answer in `cell` [...]."""
    p = grid.p.T[cell]
    return np.asarray(np.log(np.where(np.asarray(wrong)[..., None], p, 1 - p)))
