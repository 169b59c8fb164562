"""The audit as it is lived: ask, answer, correct, stop, resume, replay."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from goldleaf.certificates.audit import replay, resume, start
from goldleaf.certificates.base import Audit, AuditPlan, Draw, Event, Outcome
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
