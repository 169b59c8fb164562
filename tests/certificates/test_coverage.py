"""How often a certificate is false at the limit, by simulation; the full grid is `python -m benchmarks.coverage`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom, norm

from goldleaf.certificates import bets
from goldleaf.certificates.audit import start
from goldleaf.certificates.base import AuditPlan, Outcome
from goldleaf.certificates.bets import Floats
from goldleaf.certificates.census import bins, forecast
from goldleaf.certificates.simulate import SCORES, World, at_the_limit, simulate

RUNS, ALPHA = 600, 0.05
MARK = binom.ppf(1 - 1e-4, RUNS, ALPHA) / RUNS


@pytest.mark.parametrize("score", SCORES)
def test_false_certificates_stay_below_alpha(score: str) -> None:
    sharp = at_the_limit(score, 500, 0.05, RUNS, unsure=1.0)
    residual = at_the_limit(score, 500, 0.05, RUNS, extra=4)
    assert simulate(sharp, seed=1, most=75).false.mean() <= MARK
    assert simulate(residual, seed=2, most=75).false.mean() <= MARK


@pytest.mark.parametrize("cant_tell", ["error", "exclude"])
def test_weights_and_cant_tells_change_nothing(cant_tell: str) -> None:
    world = at_the_limit("calibrated", 600, 0.05, RUNS, extra=4, weight=4, unsure=0.5)
    assert simulate(replace(world, cant_tell=cant_tell), seed=3, most=75).false.mean() <= MARK  # type: ignore[arg-type]


def test_the_check_has_teeth(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bet that solves for a null a half too far is caught by the very check above; and a sound one is not idle."""
    sharp = at_the_limit("useless", 500, 0.05, RUNS, unsure=1.0)
    sound = simulate(sharp, seed=1, most=75).false.mean()
    assert 0 < sound <= MARK
    real = bets.multiplier

    def greedy(p: Floats, n: Floats, w: Floats, q: Floats, target: Floats) -> tuple[Floats, Floats]:
        return real(p, n, w, q, np.minimum(1.5 * target, (n * w).sum(-1)))

    monkeypatch.setattr(bets, "multiplier", greedy)
    assert simulate(sharp, seed=1, most=75).false.mean() > MARK


def test_the_simulation_is_the_audit() -> None:
    """The mean number of answers agrees, although the items of a cell come sorted: all wrong ones first."""
    p, n = np.array([0.01, 0.04, 0.3]), np.array([600, 300, 100])
    wrong = np.array([3, 7, 15])
    world = World(p, np.ones(3), n, np.tile(wrong, (300, 1)), 1000, 0.05, ALPHA, expected_error=0.025)
    simulated = simulate(world, seed=0).answers
    guess, truth = np.repeat(p, n), np.concatenate([np.arange(n[i]) < wrong[i] for i in range(3)])
    answers = []
    for seed in range(16):
        audit = start(AuditPlan(np.ones(1000, dtype=np.int64), guess, 1000, 0.05, ALPHA, 0.025, seed))
        count = 0
        while not audit.certified:
            for draw in audit.next():
                audit.answer(draw.position, Outcome(int(truth[draw.position])))
                count += 1
        answers.append(count)
    error = np.hypot(np.std(answers) / np.sqrt(16), simulated.std() / np.sqrt(300))
    assert abs(np.mean(answers) - simulated.mean()) < 4 * error


@pytest.mark.parametrize(("rate", "most"), [(0.0, 69), (0.02, 229)])
def test_audits_stay_as_small_as_the_design_table(rate: float, most: float) -> None:
    """10,000 items, 5 % at 95 %, binormal scores of AUC .8; and the forecast comes near."""
    rng = np.random.default_rng(1)
    truth = np.arange(10_000) < 10_000 * rate
    gap = norm.ppf(0.8) * np.sqrt(2)
    guess = expit(gap * (rng.normal(size=10_000) + gap * truth) - gap**2 / 2 + np.log(max(rate, 1e-4)))
    _, cell = np.unique(bins(guess), return_inverse=True)
    n = np.bincount(cell)
    p = np.bincount(cell, weights=guess) / n
    wrong = np.bincount(cell, weights=truth).astype(np.int64)
    world = World(p, np.ones(p.size), n, np.tile(wrong, (80, 1)), 10_000, expected_error=rate)
    answers = simulate(world, seed=2).answers
    assert answers.mean() <= 1.04 * most + 2 * answers.std() / np.sqrt(80)
    guessed = forecast(np.ones(10_000, dtype=np.int64), guess, 10_000, 0.05, 0.05, rate)
    assert 0.75 < guessed / answers.mean() < 1.33


def test_the_forecast_ends_at_nothing_and_at_everything() -> None:
    one = np.ones(1000, dtype=np.int64)
    p = np.full(1000, 0.1)
    assert forecast(one, p, 100_000, 0.05, 0.05, 0.1) == 0
    assert forecast(one, p, 1000, 1e-6, 0.05, 0.9) == pytest.approx(1000, rel=0.1)
    assert 0 < forecast(one, p, 1000, 0.05, 0.05, 0.0) < forecast(one, p, 1000, 0.05, 0.05, 0.04) < 1000
