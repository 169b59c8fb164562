"""The bets: fair under the null, exactly, whatever the guess, the weights and the design."""

from __future__ import annotations

import itertools
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldleaf.certificates import bets
from goldleaf.certificates.audit import BettingAudit, start
from goldleaf.certificates.base import AuditPlan, Outcome
from goldleaf.certificates.guess import centred, hopeful, worlds


@st.composite
def cells(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """(p, n, w, target) with sum n w p < target <= sum n w."""
    count = draw(st.integers(1, 5))
    number = st.floats(1e-6, 0.9)
    p = np.array(draw(st.lists(number, min_size=count, max_size=count)))
    n = np.array(draw(st.lists(st.integers(0, 40), min_size=count, max_size=count)), dtype=float)
    w = np.array(draw(st.lists(st.integers(1, 7), min_size=count, max_size=count)), dtype=float)
    n[0] += 1
    total, expected = float(n @ w), float((n * w) @ p)
    target = draw(st.integers(int(expected / 0.97) + 1, max(int(total), int(expected / 0.97) + 1)))
    return p, n, w, float(min(target, total))


@given(cells(), st.booleans(), st.floats(0, 5), st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_a_bet_is_fair_under_every_null_it_is_made_against(
    pool: tuple[np.ndarray, np.ndarray, np.ndarray, float], uniform: bool, need: float, found: float
) -> None:
    p, n, w, target = pool
    outlook = bets.Outlook(np.asarray(need), np.asarray(found))
    bet = bets.design(p, n, w, np.asarray(target), outlook, uniform)
    assert (n * bet.q).sum() == pytest.approx(1)
    assert (n * w) @ bet.lam <= target
    if uniform:
        assert bet.q == pytest.approx(w / (n @ w))
    right, wrong = bets.factors(p, bet.lam, bet.nu * w / bet.q)
    assert right - bet.nu * w / bet.q == pytest.approx(wrong, abs=1e-9)
    assert wrong[n > 0].min() == bet.least
    mean_if_all_right = (n * bet.q) @ right
    loss = bet.q * (right - wrong)  # of the mean, for each wrong item of a cell
    for share in (0.0, 0.3, 1.0):
        errors = np.round(share * n)
        true = float(errors @ w)  # the null that holds; the factor shifts to it
        shift = bet.nu * (true - target)
        if bet.least + shift >= 0:
            assert mean_if_all_right - errors @ loss + shift <= 1 + 1e-9


@given(cells())
@settings(max_examples=100, deadline=None)
def test_the_design_grows_at_least_as_fast_as_uniform_draws(
    pool: tuple[np.ndarray, np.ndarray, np.ndarray, float],
) -> None:
    p, n, w, target = pool
    if target >= n @ w:
        return
    kappa, lam = bets.spread(p, n, w, np.asarray(target))
    even = bets.design(p, n, w, np.asarray(target), uniform=True)
    growth = float((n * even.q) @ bets.divergence(p, even.lam))
    assert kappa >= growth * (1 - 1e-2) - 1e-9
    assert (n * w) @ lam == pytest.approx(target, rel=1e-2)


def test_leading_axes_are_runs() -> None:
    rng = np.random.default_rng(0)
    p, n, w = rng.random((3, 4)) / 10, rng.integers(1, 50, (3, 4)).astype(float), np.array([1.0, 2, 1, 3])
    target = 0.3 * (n @ w)
    together = bets.design(p, n, w, target)
    for run in range(3):
        alone = bets.design(p[run], n[run], w, target[run])
        for one, all_ in zip(alone, together, strict=True):
            assert all_[run] == pytest.approx(one, rel=1e-12)


def test_a_bet_needs_hope_and_the_guess_gives_it() -> None:
    """However bad the pool is believed to be, the guess of a bet stays below the null."""
    load = np.array([50.0, 30.0, 20.0])
    grid = worlds(np.array([-2.0, 0.0, 2.0]), load, tolerated=0.05, expected=0.3)
    sure = np.where(np.arange(grid.log_prior.size) == grid.log_prior.size - 1, 0.0, -2000.0)
    for weight in (grid.log_prior, sure):
        for target in (0.001, 1.0, 6.0):
            p = hopeful(grid, weight, load, np.asarray(target))
            assert 0 < load @ p <= 0.97 * target * (1 + 1e-9)


def test_centred_meets_the_mean() -> None:
    load = np.array([5.0, 3.0, 2.0])
    p = centred(np.array([-2.0, 0.0, 2.0]), load, np.asarray(0.07))
    assert load @ p / 10 == pytest.approx(0.07)
    assert np.all(np.diff(p) > 0)


def false_chance(audit: BettingAudit, truth: tuple[Outcome, ...], plan: AuditPlan) -> float:
    """The exact probability that the audit, from here, ever states a bound below the true residual."""
    fixed = {i for i in audit._steps if truth[i] is not Outcome.CANT_TELL}
    bad = (Outcome.WRONG, Outcome.CANT_TELL) if plan.cant_tell == "error" else (Outcome.WRONG,)
    residual = sum(int(w) for i, w in enumerate(plan.weights) if truth[i] in bad and i not in fixed)
    if audit.remaining < residual:
        return 1.0
    if len(audit._steps) == len(truth):
        return 0.0
    forced = audit._census()
    if forced:
        for draw in forced:
            audit.take(draw)
        for draw in forced:
            audit.answer(draw.position, truth[draw.position])
        return false_chance(audit, truth, plan)
    p, bet = audit._design()
    chance = 0.0
    for position in range(len(truth)):
        if audit._pool.holds(position):
            branch = deepcopy(audit)
            draw = branch._question(position, p, bet)
            branch.take(draw)
            branch.answer(position, truth[position])
            chance += draw.probability * false_chance(branch, truth, plan)
    return chance


@pytest.mark.parametrize("method", ["gro.v1", "uniform.v1"])
@pytest.mark.parametrize("cant_tell", ["error", "exclude"])
def test_exact_chance_of_a_false_bound_on_tiny_pools(method: str, cant_tell: str) -> None:
    """All paths of all draws of all truths: even the chance of ever stating too small a bound is below alpha."""
    plan = AuditPlan(
        weights=np.array([1, 1, 2, 1, 1]),
        p_wrong=np.array([0.02, 0.02, 0.1, 0.4, 0.1]),
        rows=6,
        error=0.2,
        alpha=0.4,
        expected_error=0.02,
        seed=0,
        cant_tell=cant_tell,  # type: ignore[arg-type]
        method=method,  # type: ignore[arg-type]
    )
    audit = start(plan)
    assert isinstance(audit, BettingAudit)
    right, wrong, unsure = Outcome
    truths = [
        *list(itertools.product((right, wrong), repeat=5))[1::4],
        (wrong, unsure, right, right, right),
        (right, unsure, wrong, right, unsure),
        (unsure, right, unsure, wrong, wrong),
    ]
    chances = [false_chance(deepcopy(audit), truth, plan) for truth in truths]
    assert max(chances) <= plan.alpha
    assert max(chances) > 0, "no pool is ever falsely certified: the test shows nothing"


def test_no_bet_is_made_where_the_guess_is_the_null() -> None:
    p, n, w = np.array([0.2, 0.4]), np.array([10.0, 5.0]), np.ones(2)
    bet = bets.design(p, n, w, np.asarray(3.9))
    assert bet.nu == 0
    right, wrong = bets.factors(p, bet.lam, bet.nu * w / bet.q)
    assert right == pytest.approx(1, abs=1e-12)
    assert wrong == pytest.approx(1, abs=1e-12)
