"""Losses between right and wrong: the same proof, the bound a real number."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from goldleaf.certificates import bounds, simulate
from goldleaf.certificates.audit import BettingAudit, replay, resume, start
from goldleaf.certificates.base import AuditPlan, Event, Outcome
from goldleaf.certificates.bets import Floats
from goldleaf.certificates.bounds import path
from goldleaf.certificates.simulate import at_the_limit
from goldleaf.errors import CertificateError
from tests.certificates.test_audit import draws_of, example, same

RUNS, ALPHA = 600, 0.05
MARK = binom.ppf(1 - 1e-4, RUNS, ALPHA) / RUNS
losses_of = st.lists(
    st.sampled_from([0.0, 0.0, 0.0, 0.1, 0.5, 1.0]) | st.floats(0, 1), min_size=30, max_size=30
)


def graded(n: int = 30, **changes: object) -> AuditPlan:
    rng = np.random.default_rng(n)
    body = {"rows": 40, "error": 0.1, "alpha": 0.3, "expected_error": 0.05, "seed": 3, "graded": True}
    weights = np.where(np.arange(n) % 7 == 0, 2, 1)
    return AuditPlan(weights, rng.beta(0.5, 6, n), **{**body, **changes})  # type: ignore[arg-type]


@given(losses_of, st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_the_bound_lies_between_what_is_known_and_what_could_be(losses: list[float], seed: int) -> None:
    """At every moment; and when everything is seen nothing remains."""
    plan = graded(seed=seed)
    audit = start(plan)
    unseen = int(plan.weights.sum())
    while draws := audit.next():
        for draw in draws:
            audit.answer(draw.position, losses[draw.position])
            unseen -= int(plan.weights[draw.position])
            assert 0 <= audit.remaining <= unseen
            assert audit.certified == (audit.remaining <= 4.0)
    assert audit.remaining == 0


@given(losses_of)
@settings(max_examples=15, deadline=None)
def test_resume_replay_and_corrections_as_with_whole_losses(losses: list[float]) -> None:
    plan = graded()
    audit = start(plan)
    events: list[Event] = []
    for _ in range(12):
        for draw in audit.next():
            audit.answer(draw.position, losses[draw.position])
            events += [draw, (draw.position, losses[draw.position])]
    same(replay(plan, events), audit)
    same(resume(plan, events), audit)
    before = audit.remaining
    first = draws_of(events)[0].position
    audit.answer(first, Outcome.CANT_TELL)
    audit.answer(first, losses[first])
    assert audit.remaining == before
    assert (
        path(plan, draws_of(events), [losses[d.position] for d in draws_of(events)]).bound[-1] == audit.bound
    )


def test_zeros_and_ones_bet_as_outcomes_do() -> None:
    """The same draws and the same bound; taken as graded, the bound is only rounded less."""
    plan, truth = example(n=300)
    outcomes, numbers = BettingAudit(plan), BettingAudit(plan)
    for _ in range(45):
        draws = outcomes.next()
        assert numbers.next() == draws
        for draw in draws:
            outcomes.answer(draw.position, Outcome(int(truth[draw.position])))
            numbers.answer(draw.position, float(truth[draw.position]))
        assert isinstance(outcomes.remaining, int)
        assert numbers.remaining == outcomes.remaining
        real = bounds.upper_limit(outcomes._seen(), outcomes._rows_unseen, plan.alpha, graded=True)
        assert outcomes.remaining <= real <= outcomes.remaining + 1


def test_half_wrong_labels_cost_half() -> None:
    """A hundred half-wrong labels in 1,000 rows are a loss of 5 %, not of 10 %."""
    plan = AuditPlan(np.ones(1000, np.int64), np.full(1000, 0.05), 1000, 0.08, 0.05, 0.05, 1, graded=True)
    truth = np.where(np.arange(1000) % 10 == 0, 0.5, 0.0)
    audit = start(plan)
    while not audit.certified:
        for draw in audit.next():
            audit.answer(draw.position, float(truth[draw.position]))
    assert audit.answers < 700  # type: ignore[attr-defined]


@pytest.mark.parametrize("loss", [-0.1, 1.1, float("nan"), 0.5])
def test_a_loss_outside_what_was_declared_is_refused(loss: float) -> None:
    plan, _ = example()
    audit = start(replace(plan, graded=loss != 0.5))
    (draw,) = audit.next()
    with pytest.raises(CertificateError, match=r"The loss of an answer is .*; allowed: "):
        audit.answer(draw.position, loss)
    assert audit.next() == (draw,)


def false_chance(audit: BettingAudit, losses: tuple[float, ...], plan: AuditPlan) -> float:
    """The exact probability that the audit, from here, ever states a bound below the loss that remains."""
    unseen = [i for i in range(len(losses)) if i not in audit._steps]
    if audit.remaining < sum(plan.weights[i] * losses[i] for i in unseen) - 1e-12:
        return 1.0
    if not unseen:
        return 0.0
    if forced := audit._census():
        for draw in forced:
            audit.take(draw)
            audit.answer(draw.position, losses[draw.position])
        return false_chance(audit, losses, plan)
    p, bet = audit._design()
    chance = 0.0
    for position in unseen:
        branch = deepcopy(audit)
        draw = branch._question(position, p, bet)
        branch.take(draw)
        branch.answer(position, losses[position])
        chance += draw.probability * false_chance(branch, losses, plan)
    return chance


LOSSES = [
    (0.5, 0.0, 0.0, 0.0, 0.5),
    (0.3, 0.3, 0.3, 0.3, 0.3),
    (0.0, 1.0, 0.2, 0.0, 0.9),
    (1.0, 0.0, 0.0, 0.0, 0.6),
    (0.0, 0.0, 0.8, 0.0, 0.0),
]


def tiny() -> AuditPlan:
    p = np.array([0.02, 0.02, 0.1, 0.4, 0.1])
    return AuditPlan(np.array([1, 1, 2, 1, 1]), p, 6, 0.2, 0.4, 0.02, 0, graded=True)


def test_exact_chance_of_a_false_bound_on_tiny_pools() -> None:
    audit = BettingAudit(tiny())
    chances = [false_chance(deepcopy(audit), losses, tiny()) for losses in LOSSES]
    assert max(chances) <= 0.4
    assert max(chances) > 0, "no pool is ever falsely certified: the test shows nothing"


def forgiving(right: Floats, wrong: Floats, loss: Floats) -> Floats:
    """A broken bet: a label that is wrong in part pays out as a right one."""
    return np.where(loss < 1, right, wrong)


def test_a_broken_bet_is_noticed_on_tiny_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "between", forgiving)
    audit = BettingAudit(tiny())
    assert max(false_chance(deepcopy(audit), losses, tiny()) for losses in LOSSES) > 0.4


@pytest.mark.parametrize("score", simulate.SCORES)
def test_false_certificates_stay_below_alpha(score: str) -> None:
    world = at_the_limit(score, 500, 0.05, RUNS, extra=4, loss=0.3, weight=3)
    assert world.graded
    assert simulate.simulate(world, seed=1, most=75).false.mean() <= MARK


def test_a_broken_bet_is_noticed_in_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = at_the_limit("useless", 4000, 0.10, 200, extra=300)
    world = replace(whole, error=0.05, loss=0.3)  # 700 labels that are wrong in part: a loss of 5.25 %
    assert simulate.simulate(world, seed=1, most=250).false.mean() <= MARK
    monkeypatch.setattr(simulate, "between", forgiving)
    assert simulate.simulate(world, seed=1, most=250).false.mean() > MARK
