"""How often a certificate is false, at the worst error rates there are: `python -m benchmarks.coverage [runs]`.

Every pool has just more wrong rows than allowed. "sharp": none of them is ever fixed (all get "can't tell"), so one
more than allowed is enough, and the bets' own level shows. "residual": errors found are fixed, as in use, and there
are an eighth more than allowed at the start. A run ends at its certificate, or after a number of random draws by which
an honest certificate at zero errors would long be there.

Losses: wrong labels are so in part, in every second cell or in all. Slices: false where any slice is. Simulated ones
share alpha evenly, each sharp; the audits proper have every slice just over its limit, wrong rows move to the next slice
when they are found, and one counts as false if it ever states a bound below what remains in a slice.

Threshold: the audit proper, on a pool with one wrong row more than it rules out beside the tolerated ones, which is
its worst case; false where it states less than what remains.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from scipy.stats import binom

from benchmarks.figures import Figure, publish
from goldleaf.certificates.base import AuditPlan, Outcome, allowed, alpha_of_attempt
from goldleaf.certificates.simulate import SCORES, at_the_limit, simulate
from goldleaf.certificates.simulate_people import by_risk, uneven
from goldleaf.certificates.simulate_people import false_share as false_limits
from goldleaf.certificates.slices import SlicedAudit, Slices
from goldleaf.certificates.threshold import METHOD, ThresholdAudit, design, residual

COMMAND = "python -m benchmarks.coverage"
ALPHA = 0.05
SIZES, LIMITS = (500, 2000, 10_000), (0.01, 0.05, 0.10)
MOST = {0.01: 700, 0.05: 160, 0.10: 90}
LUCK = 1e-4  # chance that a sound method misses the mark, in one case


def most_by_luck(runs: int) -> float:
    """The share of false certificates that a level of ALPHA still explains."""
    return float(binom.ppf(1 - LUCK, runs, ALPHA)) / runs


def false_share(case: tuple[str, str, int, float, int]) -> tuple[str, float]:
    form, score, size, error, runs = case
    extra = 1 if form == "sharp" else 1 + round(size * error / 8)
    world = at_the_limit(score, size, error, runs, extra=extra, unsure=float(form == "sharp"))
    result = simulate(world, seed=hash_of(case), most=MOST[error])
    return f"{form}, {score}, N = {size}, limit {error:.0%}", float(result.false.mean())


def hash_of(case: tuple[object, ...]) -> int:
    """A seed that does not depend on the process."""
    return sum((i + 1) * ord(letter) for i, letter in enumerate(repr(case)))


SHARP: dict[str, Any] = {"unsure": 1.0}
RESIDUAL: dict[str, Any] = {"extra": 12}
SPECIAL: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "weights 1 and 5, sharp": ({**SHARP, "weight": 5}, {}),
    "weights 1 and 5, residual": ({**RESIDUAL, "weight": 5}, {}),
    "half of the wrong ones can't tell, an error": ({**RESIDUAL, "unsure": 0.5}, {}),
    "half of the wrong ones can't tell, excluded": ({"extra": 130, "unsure": 0.5}, {"cant_tell": "exclude"}),
    "uniform.v1, weights 1 and 5, sharp": ({**SHARP, "weight": 5}, {"method": "uniform.v1"}),
    "losses 0.3 and 1, residual": ({**RESIDUAL, "loss": 0.3}, {}),
    "losses 0.3 and 1, half can't tell": ({"unsure": 0.5, "loss": 0.3}, {}),
    "losses 0.9 and 1, weights 1 and 5, uniform.v1": (
        {**RESIDUAL, "loss": 0.9, "weight": 5},
        {"method": "uniform.v1"},
    ),
}


def special(case: tuple[str, int]) -> tuple[str, float]:
    """Weights, can't tell, the uniform method."""
    name, runs = case
    pool, changes = SPECIAL[name]
    world = replace(at_the_limit("calibrated", 2000, 0.05, runs, **pool), **changes)
    return name, float(simulate(world, hash_of(case), MOST[0.05]).false.mean())


def attempts(runs: int) -> tuple[str, float]:
    """Any false certificate among four attempts on pools of the sharp form."""
    world = at_the_limit("calibrated", 2000, 0.05, runs, **SHARP)
    tries = [replace(world, alpha=alpha_of_attempt(attempt, ALPHA)) for attempt in (1, 2, 3, 4)]
    ends = [simulate(attempt, seed, MOST[0.05]).false for seed, attempt in enumerate(tries)]
    return "four attempts, sharp", float(np.any(ends, axis=0).mean())


def slices(case: tuple[str, int, int]) -> tuple[str, float]:
    """Any false certificate among so many slices of the sharp form, on even shares of alpha."""
    score, count, runs = case
    world = replace(at_the_limit(score, 2000, 0.05, runs, **SHARP), alpha=ALPHA / count)
    ends = [simulate(world, seed, 2 * MOST[0.05]).false for seed in range(count)]
    return f"{count} slices, sharp, {score}", float(np.any(ends, axis=0).mean())


SLICE, OVER = 120, 2  # rows of a slice; wrong ones beyond the limit


def sliced_audit(seed: int) -> bool:
    """Whether one audit by three slices is ever false."""
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(3), SLICE)
    limit = allowed(0.1, SLICE)
    wrong = np.zeros(of.size, bool)
    for number in range(3):
        wrong[rng.choice(np.flatnonzero(of == number), limit + OVER, replace=False)] = True
    p = np.where(rng.random(of.size) < 0.3, 0.3, 0.02)
    rows = np.bincount(of)
    plan = AuditPlan(np.ones(of.size, np.int64), p, of.size, 0.1, ALPHA, 0.03, seed)
    audit = SlicedAudit(plan, Slices(of, rows))
    unseen = wrong.copy()
    for _ in range(MOST[0.10]):
        for draw in audit.next():
            at = draw.position
            own = int(of[at])
            audit.answer(at, Outcome(int(wrong[at])), (own + int(wrong[at])) % 3)
            unseen[at] = False
        left = np.bincount(of, unseen, minlength=3)
        if any(one.remaining < left[number] for number, one in enumerate(audit.parts)):
            return True
        if audit.certified:
            break
    return False


THRESHOLD: dict[str, dict[str, Any]] = {
    **{
        f"{score}, N = {size}": {"score": score, "size": size}
        for score in ("calibrated", "useless", "anti-informative")
        for size in (500, 2000)
    },
    "weights 1 and 5": {"score": "useless", "weight": 5},
    "one in ten can't tell, an error": {"score": "useless", "unsure": 0.1},
    "one in ten can't tell, excluded": {"score": "useless", "unsure": 0.1, "rule": "exclude"},
}


def threshold_audit(
    seed: int, score: str, size: int = 500, weight: int = 1, unsure: float = 0.0, rule: Any = "error"
) -> bool:
    """Whether one such audit is ever false; where people cannot tell it goes on until all is asked."""
    rng = np.random.default_rng(seed)
    w = np.where(np.arange(size) % 3 == 1, weight, 1)
    rows, p = int(w.sum()), rng.beta(0.5, 6.0, size)
    plan = design(AuditPlan(w, p, rows, 0.1, ALPHA, 0.06, seed, rule, METHOD))
    wanted = residual(rows, plan.draws, plan.tolerated, ALPHA) + 1 + plan.tolerated
    risk = {"calibrated": p, "useless": np.ones(size), "anti-informative": 1 / (p + 0.01)}[score]
    order = np.argsort(-np.log(rng.random(size)) / risk)
    wrong = np.zeros(size, bool)
    wrong[order[np.cumsum(w[order]) <= wanted]] = True
    single = order[(w[order] == 1) & ~wrong[order]]
    wrong[single[: wanted - int(w @ wrong)]] = True
    doubted = rng.random(size) < unsure * wrong
    audit, left = ThresholdAudit(plan), wrong & ~(doubted & (rule == "exclude"))
    while not audit.certified and (draws := audit.next()):
        for draw in draws:
            at = draw.position
            audit.answer(at, Outcome.CANT_TELL if doubted[at] else Outcome(int(wrong[at])))
            left[at] &= doubted[at]  # counts on, where it is not excluded
        if audit.remaining < w @ left:
            return True
    return False


def threshold(case: tuple[str, int]) -> tuple[str, float]:
    name, runs = case
    ends = [threshold_audit(hash_of(case) + seed, **THRESHOLD[name]) for seed in range(runs)]
    return f"threshold.v1, {name}", float(np.mean(ends))


def second_opinions(case: tuple[float, int]) -> tuple[str, float]:
    """A limit below the rows on which people differ, those that the audit draws least."""
    share, runs = case
    name = f"second opinions, 40 rows, people differ in {share:.1%} of the rows"
    return name, false_limits(uneven(200, share), 40, ALPHA, runs, hash_of(case))


def second_opinions_by_slices(case: tuple[float, int]) -> tuple[str, float]:
    """The same beside an audit by four slices, the riskier items in the later ones."""
    share, runs = case
    crowd = by_risk(uneven(200, share), 4)
    name = f"second opinions by four slices, 40 rows, people differ in {share:.1%} of the rows"
    return name, false_limits(crowd, 40, ALPHA, runs, hash_of(case))


def main(runs: int) -> None:
    mark = most_by_luck(runs)
    cases = list(product(("sharp", "residual"), SCORES, SIZES, LIMITS, (runs,)))
    with ProcessPoolExecutor(2) as pool:
        shares = [
            *pool.map(false_share, cases),
            *pool.map(special, [(name, runs) for name in SPECIAL]),
            *pool.map(attempts, [runs]),
            *pool.map(slices, [(score, count, runs) for score in SCORES for count in (2, 10)]),
            (
                "three slices, audits proper",
                float(np.mean([*pool.map(sliced_audit, range(runs), chunksize=50)])),
            ),
            *pool.map(threshold, [(name, runs) for name in THRESHOLD]),
            *pool.map(second_opinions, [(share, runs) for share in (0.075, 0.12, 0.25)]),
            *pool.map(second_opinions_by_slices, [(share, runs) for share in (0.075, 0.25)]),
        ]
    publish(
        "coverage",
        [
            Figure(
                name,
                share,
                "false",
                f"<= {ALPHA} (+luck {mark:.4f})",
                share <= mark,
                command=f"{COMMAND} {runs}",
            )
            for name, share in shares
        ],
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
