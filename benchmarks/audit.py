"""Answers needed for a certificate, beside the design table: `python -m benchmarks.audit [runs]`.

N = 10,000 items, at most 5 % wrong at 95 %. Binormal scores of the given AUC for "is wrong", calibrated guesses; every
run draws its own scores. The design table's figures have a standard error of 3 to 4 %.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm

from benchmarks.figures import Figure, publish
from goldleaf.certificates.audit import resume, start
from goldleaf.certificates.base import AuditPlan, Draw, Event, Outcome
from goldleaf.certificates.bets import Floats
from goldleaf.certificates.bounds import path
from goldleaf.certificates.census import bins, forecast
from goldleaf.certificates.simulate import Runs, World, simulate

SIZE, ERROR, ALPHA = 10_000, 0.05, 0.05
RATES = (0.0, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08)
PEER = "GRO + gated census, design table B.4"
MEANS = {0.8: (69, 116, 229, 435, 761, 1539, 2276), 0.9: (68, 102, 184, 339, 516, 946, 1396)}
P90 = {0.8: (72, 200, 366, 700, 1195, 2007, 2743), 0.9: (72, 157, 321, 514, 749, 1262, 1882)}
LUCK = 1.08  # two standard errors of the table's figures


def scores(rate: float, auc: float, size: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(p_wrong, wrong), with the share `rate` of wrong items, exactly."""
    gap = norm.ppf(auc) * np.sqrt(2)
    wrong = np.arange(size) < round(rate * size)
    score = rng.normal(size=size) + gap * wrong
    return expit(gap * score - gap**2 / 2 + logit(max(rate, 1e-4))), wrong


def audits(case: tuple[float, float, int]) -> tuple[Runs, float]:
    """The audits of one cell of the table, and their forecast."""
    rate, auc, runs = case
    rng = np.random.default_rng(round(1000 * rate + 10 * auc))
    pools = [scores(rate, auc, SIZE, rng) for _ in range(runs)]
    cells, at = np.unique([bins(p) for p, _ in pools], return_inverse=True)
    at = at.reshape(runs, SIZE)
    n = np.array([np.bincount(cell, minlength=cells.size) for cell in at])
    wrong = np.array(
        [np.bincount(cell[e], minlength=cells.size) for cell, (_, e) in zip(at, pools, strict=True)]
    )
    p = np.bincount(at.ravel(), weights=np.concatenate([p for p, _ in pools])) / n.sum(0)
    world = World(p, np.ones(p.size), n, wrong, SIZE, ERROR, ALPHA, expected_error=rate)
    one = np.ones(SIZE, dtype=np.int64)
    return simulate(world, seed=1), forecast(one, pools[0][0], SIZE, ERROR, ALPHA, rate)


def table(runs: int) -> list[Figure]:
    cases = [(rate, auc, runs) for auc in MEANS for rate in RATES]
    figures = []
    with ProcessPoolExecutor(2) as pool:
        for (rate, auc, _), (result, guessed) in zip(cases, pool.map(audits, cases), strict=True):
            where, command = f"{rate:.0%} wrong, AUC {auc}", f"python -m benchmarks.audit {runs}"
            for name, value, peers in (
                ("mean", result.answers.mean(), MEANS[auc]),
                ("p90", np.quantile(result.answers, 0.9), P90[auc]),
            ):
                peer = float(peers[RATES.index(rate)])
                target, holds = (
                    (f"<= {LUCK} peer", bool(value <= LUCK * peer)) if name == "mean" else ("", None)
                )
                figures.append(
                    Figure(f"{where}: {name}", float(value), "answers", target, holds, PEER, peer, command)
                )
            error = float(result.answers.std() / np.sqrt(runs))
            figures += [
                Figure(f"{where}: standard error of the mean", error, "answers", command=command),
                Figure(
                    f"{where}: forecast / mean", guessed / result.answers.mean(), "ratio", command=command
                ),
                Figure(f"{where}: false certificates", float(result.false.mean()), "share", command=command),
            ]
    return figures


def timed(work: Callable[[], object]) -> float:
    """Milliseconds."""
    begin = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - begin)


def timings(size: int = 1_000_000, answers: int = 5000) -> list[Figure]:
    """The production audit on a large pool."""
    p, wrong = scores(0.04, 0.8, size, np.random.default_rng(0))
    plan = AuditPlan(np.ones(size, dtype=np.int64), p, size, ERROR, ALPHA, 0.04, seed=1)
    audit, events, asking, answering = start(plan), [], [], []
    while len(answering) < answers:
        begin = time.perf_counter()
        draws = audit.next()
        asking.append(1000 * (time.perf_counter() - begin))
        events += draws
        for draw in draws:
            outcome = Outcome(int(wrong[draw.position]))
            begin = time.perf_counter()
            audit.answer(draw.position, outcome)
            _ = audit.remaining
            answering.append(1000 * (time.perf_counter() - begin))
            events.append((draw.position, outcome))
    record: list[Event] = list(events)
    draws_ = [event for event in record if isinstance(event, Draw)][:answers]
    outcomes = [event[1] for event in record if not isinstance(event, Draw)][:answers]
    many, much = (draws_ * 20)[:100_000], (outcomes * 20)[:100_000]
    figures = [
        ("start", timed(lambda: start(plan)), None),
        ("next, 99th percentile", float(np.quantile(asking, 0.99)), 50),
        ("answer and bound, 99th percentile", float(np.quantile(answering, 0.99)), 5),
        (f"resume {answers:,} answers", timed(lambda: resume(plan, record)), 2000),
        ("training forecast", timed(lambda: forecast(plan.weights, p, size, ERROR, ALPHA, 0.04)), 50),
        ("path, present bound, 100,000 answers", timed(lambda: path(plan, many, much, points=1)), 300),
    ]
    return [
        Figure(
            f"{name}, n = {size:,}", value, "ms", f"< {most}" if most else "", value < most if most else None
        )
        for name, value, most in figures
    ]


if __name__ == "__main__":
    publish("audit", [*table(int(sys.argv[1]) if len(sys.argv) > 1 else 200), *timings()])
