"""The audit as it is lived: ask, answer, correct, stop, resume, replay."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldleaf.certificates.audit import replay, restore, resume, start
from goldleaf.certificates.base import (
    Audit,
    AuditPlan,
    Course,
    Draw,
    Event,
    Outcome,
    allowed,
    alpha_of_attempt,
)
from goldleaf.certificates.bounds import path
from goldleaf.certificates.guess import worlds
from goldleaf.errors import CertificateError

RIGHT, WRONG, CANT_TELL = Outcome


def example(
    n: int = 600, rate: float = 0.06, seed: int = 0, **changes: object
) -> tuple[AuditPlan, np.ndarray]:
    """A plan and the truth: errors that the guess foresees to a degree, some weights above 1."""
    rng = np.random.default_rng(seed)
    p = rng.beta(0.5, 0.5 / rate - 0.5, n)
    weights = np.where(rng.random(n) < 0.1, rng.integers(2, 5, n), 1)
    body = {
        "rows": int(weights.sum()) + 20,
        "error": 0.05,
        "alpha": 0.05,
        "expected_error": rate,
        "seed": seed,
    }
    return AuditPlan(weights, p, **{**body, **changes}), rng.random(n) < p  # type: ignore[arg-type]


def live(audit: Audit, truth: np.ndarray, unsure: float = 0.0, until: int | None = None) -> list[Event]:
    """Answer until certified, exhausted or `until` answers; the events."""
    events: list[Event] = []
    rng = np.random.default_rng(5)
    answers = 0
    while not audit.certified and (until is None or answers < until):
        draws = audit.next()
        if not draws:
            break
        events += draws
        for draw in draws:
            outcome = CANT_TELL if rng.random() < unsure else Outcome(int(truth[draw.position]))
            audit.answer(draw.position, outcome)
            events.append((draw.position, outcome))
            answers += 1
    return events


def same(one: Audit, other: Audit) -> None:
    assert one.next() == other.next()
    assert (one.remaining, one.bound, one.certified) == (other.remaining, other.bound, other.certified)
    assert one.forecast() == other.forecast()


@pytest.mark.parametrize("method", ["gro.v1", "uniform.v1"])
@pytest.mark.parametrize("cant_tell", ["error", "exclude"])
def test_resume_and_replay_are_the_audit_that_never_stopped(method: str, cant_tell: str) -> None:
    plan, truth = example(method=method, cant_tell=cant_tell)
    audit = start(plan)
    events = live(audit, truth, unsure=0.02, until=150)
    same(resume(plan, events), audit)
    same(replay(plan, events), audit)
    live(audit, truth, 0.02)
    assert audit.certified


@pytest.mark.parametrize("name", [field.name for field in fields(Draw)])
def test_replay_names_the_first_draw_that_differs(name: str) -> None:
    plan, truth = example()
    events = live(start(plan), truth, until=60)
    at = next(i for i, event in enumerate(events) if isinstance(event, Draw) and event.step == 30)
    draw = events[at]
    assert isinstance(draw, Draw)
    value = getattr(draw, name)
    other = "census" if name == "kind" else value + 1 if isinstance(value, int) else value * (1 + 1e-6)
    events[at] = replace(draw, **{name: other})
    with pytest.raises(CertificateError, match=f"does not recompute: `{name}`"):
        replay(plan, events)


def test_replay_notices_a_changed_answer() -> None:
    plan, truth = example()
    events = live(start(plan), truth, until=60)
    at = next(i for i, event in enumerate(events) if not isinstance(event, Draw) and event[1] is RIGHT)
    events[at] = (events[at][0], WRONG)  # type: ignore[index]
    with pytest.raises(CertificateError, match="does not recompute"):
        replay(plan, events)


@pytest.mark.parametrize("method", ["gro.v1", "uniform.v1"])
def test_a_correction_counts_as_if_it_had_been_the_answer(method: str) -> None:
    plan, truth = example(method=method)
    audit = start(plan)
    events = live(audit, truth, until=120)
    changed = next(event[0] for event in events if not isinstance(event, Draw) and event[1] is RIGHT)
    before = audit.remaining
    audit.answer(changed, WRONG)
    outcomes = [RIGHT if not truth[draw.position] else WRONG for draw in draws_of(events)]
    at = [draw.position for draw in draws_of(events)].index(changed)
    outcomes[at] = WRONG
    assert path(plan, draws_of(events), outcomes).bound[-1] == audit.bound
    events.append((changed, WRONG))
    same(replay(plan, [*events, *audit.next()]), audit)
    audit.answer(changed, RIGHT)
    assert audit.remaining == before


def draws_of(events: list[Event]) -> list[Draw]:
    return [event for event in events if isinstance(event, Draw)]


def test_a_correction_while_a_question_is_open_leaves_the_question() -> None:
    plan, truth = example()
    audit = start(plan)
    events = live(audit, truth, until=50)
    asked = audit.next()
    events += asked
    changed = draws_of(events)[3].position
    audit.answer(changed, CANT_TELL)
    events.append((changed, CANT_TELL))
    assert audit.next() == asked
    same(replay(plan, events), audit)
    same(resume(plan, events), audit)


def test_next_is_idempotent_and_unknown_answers_are_refused() -> None:
    plan, _ = example()
    audit = start(plan)
    (draw,) = audit.next()
    assert audit.next() == (draw,)
    with pytest.raises(CertificateError, match="not a question of this audit"):
        audit.answer((draw.position + 1) % 600, RIGHT)
    with pytest.raises(CertificateError, match="not an unseen item"):
        resume(plan, [draw, draw])


@pytest.mark.parametrize("cant_tell", ["error", "exclude"])
def test_when_everything_is_seen_the_bound_is_the_truth(cant_tell: str) -> None:
    plan, truth = example(n=60, rate=0.3, error=0.001, cant_tell=cant_tell)
    audit = start(plan)
    rng = np.random.default_rng(0)
    doubted = 0
    while draws := audit.next():
        for draw in draws:
            unsure = bool(rng.random() < 0.2)
            doubted += unsure * int(plan.weights[draw.position])
            audit.answer(draw.position, CANT_TELL if unsure else Outcome(int(truth[draw.position])))
    assert audit.remaining == (doubted if cant_tell == "error" else 0)
    assert audit.certified == (cant_tell == "exclude")


@pytest.mark.parametrize(("size", "error"), [(0, 0.05), (4, 0.5)])
def test_nothing_to_prove_is_certified_without_a_draw(size: int, error: float) -> None:
    plan = AuditPlan(np.ones(size, dtype=np.int64), np.full(size, 0.5), 8, error, 0.05, 0.5, seed=0)
    audit = start(plan)
    assert audit.certified
    assert audit.remaining == size
    assert audit.forecast() == 0
    assert start(replace(plan, rows=8)).next() == (() if size == 0 else audit.next())


def test_no_answer_proves_nothing() -> None:
    plan, _ = example()
    audit = start(plan)
    assert audit.remaining == plan.weights.sum()
    assert not audit.certified


def test_too_many_cant_tells_end_in_a_census_and_no_certificate() -> None:
    plan = AuditPlan(np.ones(150, dtype=np.int64), np.full(150, 0.01), 150, 0.01, 0.05, 0.01, seed=3)
    audit = start(plan)
    for _ in range(2):
        (draw,) = audit.next()
        audit.answer(draw.position, CANT_TELL)
    rest = audit.next()
    assert {draw.kind for draw in rest} == {"census"}
    while draws := audit.next():
        for draw in draws:
            audit.answer(draw.position, RIGHT)
    assert audit.remaining == 2
    assert not audit.certified


def test_uniform_is_the_mixture_likelihood_ratio_while_no_error_is_seen() -> None:
    """B.2 of the method: prod (1-rate)/(1-m_s), mixed over the rates, with m_s = (k+1)/(N-s)."""
    size, seen = 400, 25
    plan = AuditPlan(
        np.ones(size, dtype=np.int64), np.full(size, 0.3), size, 0.05, 0.05, 0.01, 1, method="uniform.v1"
    )
    audit = start(plan)
    events = live(audit, np.zeros(size, dtype=bool), until=seen)
    grid = worlds(np.zeros(1), np.array([400.0]), 21 / 400, 0.01, uniform=True)
    rates = grid.p[:, 0]
    hope = rates * size < 0.97 * 21
    prior = np.exp(grid.log_prior[hope]) / np.exp(grid.log_prior[hope]).sum()
    null = 1 - 21 / (size - np.arange(seen))
    expected = np.log(prior @ (1 - rates[hope]) ** seen) - np.log(null).sum()
    wealth = path(plan, draws_of(events), [RIGHT] * seen).log_wealth[-1]
    assert wealth == pytest.approx(expected, rel=1e-6)


def test_a_scale_of_all_weights_changes_no_question() -> None:
    """1,000 items of 3 rows are 1,000 questions, not 3,000: the designs agree up to the rounding of the limit."""
    p = np.random.default_rng(0).beta(0.5, 8, 1000)
    one = AuditPlan(np.full(1000, 1), p, 1000, 0.0499, 0.05, 0.04, seed=1)
    three = AuditPlan(np.full(1000, 3), p, 3000, 0.0499, 0.05, 0.04, seed=1)
    (first,), (second,) = start(one).next(), start(three).next()
    assert first.position == second.position
    assert second.lam == pytest.approx(first.lam, rel=0.02)
    assert second.nu * 3 == pytest.approx(first.nu, rel=0.02)


def test_the_bound_may_end_below_the_target() -> None:
    plan, truth = example(n=2000, rate=0.005)
    audit = start(plan)
    events = live(audit, truth)
    first = audit.bound
    for _ in range(100):
        for draw in audit.next():
            audit.answer(draw.position, Outcome(int(truth[draw.position])))
    assert audit.bound < first <= plan.error
    course = path(plan, draws_of(events), [Outcome(int(truth[d.position])) for d in draws_of(events)])
    assert course.bound[-1] == first
    assert course.bound[0] > 0.5
    assert course.log_wealth[-1] >= np.log(1 / plan.alpha) > course.log_wealth[-2]


@given(st.floats(0.001, 0.5))
def test_attempts_together_spend_at_most_alpha(alpha: float) -> None:
    spent = [alpha_of_attempt(attempt, alpha) for attempt in range(1, 60)]
    assert spent[:3] == pytest.approx([0.8 * alpha, 0.1 * alpha, 0.05 * alpha])
    assert sum(spent) <= alpha * (1 + 1e-12)
    with pytest.raises(CertificateError, match="counts from 1"):
        alpha_of_attempt(0, alpha)


def test_the_limit_reads_the_error_as_it_is_written() -> None:
    assert allowed(0.29, 100) == 29
    assert allowed(0.05, 10_000) == 500
    assert allowed(1e-7, 10**6) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": np.array([0, 1])}, "whole numbers >= 1"),
        ({"weights": np.array([1.5, 1])}, "whole numbers >= 1"),
        ({"p_wrong": np.array([np.nan, 0.1])}, "`p_wrong` must lie in"),
        ({"p_wrong": np.array([0.1])}, "two vectors of one length"),
        ({"rows": 1}, "the pool alone has 2 rows"),
        ({"error": 0.0}, "`error` must lie strictly"),
        ({"alpha": 1.0}, "`alpha` must lie strictly"),
        ({"expected_error": np.nan}, "`expected_error` must lie in"),
        ({"seed": -1}, "`seed` must lie in"),
        ({"method": "clt.v1"}, "'clt.v1'"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(changes: dict[str, object], message: str) -> None:
    body = {
        "weights": np.array([1, 1]),
        "p_wrong": np.array([0.1, 0.2]),
        "rows": 2,
        "error": 0.05,
        "alpha": 0.05,
    }
    with pytest.raises(CertificateError, match=message):
        AuditPlan(**{**body, "expected_error": 0.1, "seed": 0, **changes})  # type: ignore[arg-type]


def test_a_census_batch_may_be_answered_in_any_order() -> None:
    plan, truth = example(n=900, rate=0.3, expected_error=0.3)
    audits = start(plan), start(plan)
    asked = audits[0].next()
    assert len(asked) > 64
    assert {draw.kind for draw in asked} == {"census"}
    assert asked == audits[1].next()
    for audit, order in zip(audits, (asked, asked[::-1]), strict=True):
        for i, draw in enumerate(order):
            assert len(audit.next()) == len(asked) - i
            audit.answer(draw.position, Outcome(int(truth[draw.position])))
    assert audits[0].remaining == audits[1].remaining
    assert audits[0].forecast() == pytest.approx(audits[1].forecast())


def test_columns_restore_the_same_audit_as_events() -> None:
    rng = np.random.default_rng(5)
    guess = rng.beta(0.5, 8, 800)
    plan = AuditPlan(rng.integers(1, 3, 800), guess, 1700, 0.05, 0.05, 0.06, seed=7)
    wrong = rng.random(800) < guess
    going = start(plan)
    events: list[Event] = []
    answered: list[tuple[Draw, Outcome]] = []
    while len(answered) < 150:
        draws = going.next()
        events += draws
        for draw in draws:
            said = (
                Outcome.CANT_TELL
                if rng.random() < 0.02
                else Outcome.WRONG
                if wrong[draw.position]
                else Outcome.RIGHT
            )
            going.answer(draw.position, said)
            events.append((draw.position, said))
            answered.append((draw, said))
    waiting = list(going.next())
    numbers = ("position", "step", "probability", "p", "lam", "nu", "target", "least")
    course = Course(
        **{name: np.array([getattr(draw, name) for draw, _ in answered]) for name in numbers},
        census=np.array([draw.kind == "census" for draw, _ in answered]),
        outcome=np.array([said.value for _, said in answered], np.int8),
        waiting=waiting,
    )
    for other in (restore(plan, course), resume(plan, [*events, *waiting])):
        assert other.remaining == going.remaining
        assert other.forecast() == pytest.approx(going.forecast())
        assert list(other.next()) == waiting
        assert other._pool._items.tolist() == going._pool._items.tolist()  # type: ignore[attr-defined]


def test_a_batch_answered_from_its_end_is_restored() -> None:
    """What waits may have been drawn before what was answered."""
    plan, truth = example(n=900, rate=0.3, expected_error=0.3)
    audit = start(plan)
    *waiting, last = audit.next()
    audit.answer(last.position, Outcome(int(truth[last.position])))
    numbers = ("position", "step", "probability", "p", "lam", "nu", "target", "least")
    course = Course(
        **{name: np.array([getattr(last, name)]) for name in numbers},
        census=np.array([True]),
        outcome=np.array([int(truth[last.position])], np.int8),
        waiting=waiting,
    )
    same(restore(plan, course), audit)
