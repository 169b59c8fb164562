"""The audit by an even sample and a cut: its level by enumeration, and its life as of any other audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import fields, replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom, chi2, hypergeom

from goldleaf.certificates import choice, threshold
from goldleaf.certificates.audit import replay, restore, resume
from goldleaf.certificates.base import AuditPlan, Course, Draw, Event, Outcome
from goldleaf.certificates.disagreement import Sample
from goldleaf.certificates.threshold import RESERVE, ThresholdAudit, design, forecast, residual
from goldleaf.errors import CertificateError

RIGHT, WRONG, CANT_TELL = Outcome
ALPHA = 0.05
Truth = NDArray[np.bool_]


def plan_of(
    weights: list[int] | NDArray[np.int64], p: NDArray[np.float64] | None = None, **changes: object
) -> AuditPlan:
    weights = np.array(weights, np.int64)
    p = np.linspace(0.01, 0.99, weights.size) / weights if p is None else p
    body = {
        "rows": int(weights.sum()),
        "error": 0.05,
        "alpha": ALPHA,
        "expected_error": 0.06,
        "seed": 0,
        "method": threshold.METHOD,
    }
    return AuditPlan(weights, p, **{**body, **changes})  # type: ignore[arg-type]


def example(n: int = 600, rate: float = 0.06, seed: int = 0, **changes: object) -> tuple[AuditPlan, Truth]:
    """A designed plan and the truth: errors that the guess foresees, some weights above 1."""
    rng = np.random.default_rng(seed)
    p = rng.beta(0.5, 0.5 / rate - 0.5, n)
    weights = np.where(rng.random(n) < 0.1, rng.integers(2, 5, n), 1)
    plan = plan_of(weights, p, **{"expected_error": rate, "seed": seed, **changes})
    return design(plan), rng.random(n) < p


def say(truth: Truth, unsure: Truth | None = None) -> Callable[[Draw], Outcome]:
    return lambda draw: (
        CANT_TELL if unsure is not None and unsure[draw.position] else Outcome(int(truth[draw.position]))
    )


def live(
    audit: ThresholdAudit, says: Callable[[Draw], Outcome], until: int | None = None, on: bool = False
) -> list[Event]:
    """Answer until certified or failed (`on`: until nothing is left), or `until` answers; the events."""
    events: list[Event] = []
    answers = 0
    while on or not (audit.certified or audit.failed):
        draws = audit.next()
        if not draws:
            break
        events += draws
        for draw in draws:
            if answers == until:
                return events
            audit.answer(draw.position, says(draw))
            events.append((draw.position, says(draw)))
            answers += 1
    return events


# -- the level, by enumeration


def false_ends(weights: list[int], wrong: Truth, sample: tuple[int, ...], plan: AuditPlan) -> bool:
    """Whether the audit whose draws are the rows `sample` ever says that less is left than there is."""
    of = np.repeat(np.arange(len(weights)), weights)
    hits = np.bincount(of[list(sample)], minlength=len(weights))
    drawn = list(dict.fromkeys(of[list(sample)].tolist()))
    sequence = np.array([*drawn, *(set(range(len(weights))) - set(drawn))], np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threshold, "_sequence", lambda plan, rows: (sequence, hits))
        audit = ThresholdAudit(plan)
    unseen = wrong * np.array(weights)
    for _ in range(2):  # the sample, then what is beyond the cut
        for draw in audit.next():
            audit.answer(draw.position, Outcome(int(wrong[draw.position])))
            unseen[draw.position] = 0
            if audit.remaining < unseen.sum():
                return True
    return False


def shares(weights: list[int], draws: int, tolerated: int, alpha: float) -> list[float]:
    """The share of false ends over all samples, for every placement of the errors."""
    rows = sum(weights)
    plan = plan_of(weights, draws=draws, tolerated=tolerated, alpha=alpha, error=1e-6)
    samples = list(combinations(range(rows), draws))
    return [
        sum(false_ends(weights, np.array(wrong), sample, plan) for sample in samples) / len(samples)
        for wrong in product([False, True], repeat=len(weights))
    ]


@pytest.mark.parametrize(("draws", "tolerated"), [(2, 0), (4, 0), (4, 1), (5, 2)])
def test_the_level_is_exact_for_every_placement_of_the_errors(draws: int, tolerated: int) -> None:
    found = shares([1] * 7, draws, tolerated, 0.3)
    left = residual(7, draws, tolerated, 0.3)
    assert max(found) <= 0.3
    worst = left + 1 + tolerated
    expected = hypergeom.cdf(tolerated, 7, worst, draws) if worst <= 7 else 0.0
    assert max(found) == pytest.approx(expected)


@pytest.mark.parametrize("weights", [[2, 1, 3, 1], [1, 1, 4, 1, 1]])
@pytest.mark.parametrize(("draws", "tolerated"), [(3, 0), (4, 1), (5, 2)])
def test_items_of_several_rows_are_no_likelier_to_be_false(
    weights: list[int], draws: int, tolerated: int
) -> None:
    assert max(shares(weights, draws, tolerated, 0.3)) <= 0.3


@pytest.mark.parametrize(("draws", "tolerated"), [(4, 0), (4, 1)])
def test_the_enumeration_has_teeth(draws: int, tolerated: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One row less than proven is caught."""
    assert residual(7, draws, tolerated, 0.3) > 0
    monkeypatch.setattr(threshold, "residual", lambda *facts: residual(*facts) - 1)
    assert max(shares([1] * 7, draws, tolerated, 0.3)) > 0.3


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 80), st.data())
def test_the_residual_is_the_smallest_number_with_so_small_a_chance(rows: int, data: st.DataObject) -> None:
    draws, tolerated = data.draw(st.integers(0, rows)), data.draw(st.integers(0, 9))
    alpha = data.draw(st.sampled_from([0.01, 0.05, 0.2, 0.5]))
    left = residual(rows, draws, tolerated, alpha)
    if draws <= tolerated:
        assert left == rows
        return

    def chance(number: int) -> float:
        marked = number + 1 + tolerated
        return float(hypergeom.cdf(tolerated, rows, marked, draws)) if marked <= rows else 0.0

    assert left <= rows - draws and chance(left) <= alpha * (1 + 1e-9)
    assert not left or chance(left - 1) > alpha * (1 - 1e-9)


# -- the level of whole audits, by simulation

RUNS = 400
MARK = binom.ppf(1 - 1e-4, RUNS, ALPHA) / RUNS


def worst_case(score: str, weight: int, seed: int, size: int = 300) -> tuple[AuditPlan, Truth]:
    """As many wrong rows as are proven to be fewer, those beside the tolerated ones, of the guesses' choice."""
    rng = np.random.default_rng(seed)
    weights = np.where(np.arange(size) % 3 == 1, weight, 1)
    p = rng.beta(0.5, 6, size)
    plan = design(plan_of(weights, p, error=0.1, seed=seed))
    wanted = residual(int(weights.sum()), plan.draws, plan.tolerated, ALPHA) + 1 + plan.tolerated
    risk = {"calibrated": p, "useless": np.ones(size), "anti-informative": 1 / (p + 0.01)}[score]
    order = np.argsort(-np.log(rng.random(size)) / risk)  # without replacement, by risk
    single = order[weights[order] == 1]
    wrong = np.zeros(size, bool)
    inside = order[np.cumsum(weights[order]) <= wanted]
    wrong[inside] = True
    wrong[single[~wrong[single]][: wanted - int(weights[inside].sum())]] = True
    return plan, wrong


def false_share(score: str, weight: int) -> float:
    false = 0
    for seed in range(RUNS):
        plan, wrong = worst_case(score, weight, seed)
        audit = ThresholdAudit(plan)
        live(audit, say(wrong))
        assert audit.certified and not audit.failed
        left = wrong.copy()
        left[~np.isnan(audit._code)] = False
        false += bool((left * plan.weights).sum() > audit.remaining)
    return false / RUNS


@pytest.mark.parametrize("score", ["calibrated", "useless", "anti-informative"])
@pytest.mark.parametrize("weight", [1, 5])
def test_false_certificates_stay_below_alpha(score: str, weight: int) -> None:
    share = false_share(score, weight)
    assert share <= MARK
    assert share > 0.01 or (score, weight) != ("useless", 1)  # the level is used, not only kept


def test_the_simulation_has_teeth(monkeypatch: pytest.MonkeyPatch) -> None:
    real = threshold._sequence

    def timid(plan: AuditPlan, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """As if more were drawn than are."""
        sequence, _ = real(plan, rows)
        hits = np.zeros(plan.weights.size, np.int64)
        hits[sequence[: plan.draws // 2]] = 1
        return sequence, hits

    monkeypatch.setattr(threshold, "_sequence", timid)
    assert false_share("useless", 1) > MARK


# -- its life


def course_of(events: list[Event], into: Course | None = None) -> Course:
    """The columns of the events, as the ledger gives them."""
    draws = {event.position: event for event in events if isinstance(event, Draw)}
    said: dict[int, Outcome] = {}
    for event in events:
        if not isinstance(event, Draw):
            assert isinstance(event[1], Outcome)
            said[event[0]] = event[1]
    answered = [draws[position] for position in said]
    numbers = ("position", "step", "probability", "p", "lam", "nu", "target", "least")
    return Course(
        **{
            name: np.array(
                [getattr(draw, name) for draw in answered],
                np.int64 if name in ("position", "step") else np.float64,
            )
            for name in numbers
        },
        census=np.array([draw.kind == "census" for draw in answered], bool),
        outcome=np.array([outcome.value for outcome in said.values()], np.int8),
        waiting=[draw for position, draw in draws.items() if position not in said],
    )


def same(one: ThresholdAudit, other: ThresholdAudit) -> None:
    assert (one.remaining, one.bound, one.certified, one.failed, one.exhausted) == (
        other.remaining,
        other.bound,
        other.certified,
        other.failed,
        other.exhausted,
    )
    assert one.forecast() == other.forecast()
    assert one.next() == other.next()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_restored_resumed_and_replayed_are_the_audit_that_never_stopped(data: st.DataObject) -> None:
    rule = data.draw(st.sampled_from(["error", "exclude"]))
    plan, truth = example(n=data.draw(st.integers(1, 260)), seed=data.draw(st.integers(0, 5)), cant_tell=rule)
    unsure = np.random.default_rng(1).random(truth.size) < data.draw(st.sampled_from([0.0, 0.0, 0.05]))
    audit = ThresholdAudit(plan)
    events = live(
        audit, say(truth, unsure), until=data.draw(st.integers(0, truth.size)), on=data.draw(st.booleans())
    )
    told = [event[0] for event in events if not isinstance(event, Draw)]
    for _ in range(data.draw(st.integers(0, 3)) if told else 0):
        again = (data.draw(st.sampled_from(told)), data.draw(st.sampled_from(list(Outcome))))
        audit.answer(*again)
        events.append(again)
    events += [
        draw for draw in audit.next() if draw not in [event for event in events if isinstance(event, Draw)]
    ]
    for other in (
        restore(plan, course_of(events), ThresholdAudit),
        resume(plan, events, ThresholdAudit),
        replay(plan, events, ThresholdAudit),
    ):
        assert isinstance(other, ThresholdAudit)
        same(other, audit)
    live(audit, say(truth, unsure), on=True)
    assert audit.exhausted and audit.next() == ()


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_draws_made_ahead_of_answers_in_any_order_replay_and_end_at_the_same_bound(
    data: st.DataObject,
) -> None:
    """Many people: new draws beside open ones, answers late and out of order."""
    plan, truth = example(n=data.draw(st.integers(150, 400)), seed=data.draw(st.integers(0, 9)))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    audit, events, open_ = ThresholdAudit(plan), list[Event](), list[Draw]()
    while not audit.certified:
        if len(open_) < data.draw(st.integers(1, 130)):
            new = audit.ahead()
            events += new
            open_ += new
        assert open_, "nothing is open and nothing is drawn, but nothing is proven"
        draw = open_.pop(int(rng.integers(len(open_))))
        outcome = Outcome(int(truth[draw.position]))
        audit.answer(draw.position, outcome)
        events.append((draw.position, outcome))
    alone = ThresholdAudit(plan)
    live(alone, say(truth))
    assert alone.bound <= plan.error and audit.bound <= plan.error
    assert replay(plan, events, ThresholdAudit).bound == audit.bound
    assert len({draw.position for draw in events if isinstance(draw, Draw)}) == sum(
        isinstance(event, Draw) for event in events
    )
    chances = [event.probability for event in events if isinstance(event, Draw) and event.kind == "draw"]
    assert min(chances) > 0 and max(chances) <= 1


def test_corrections_of_right_answers_move_the_cut_and_ask_for_more() -> None:
    plan, truth = example(n=900, rate=0.15)
    audit = ThresholdAudit(plan)
    events = live(audit, say(truth))
    assert audit.certified and audit.next()[0].kind == "draw"
    cut, before = audit._cut(), audit.remaining
    draws = [event for event in events if isinstance(event, Draw) and event.kind == "draw"]
    safest = sorted(
        (draw for draw in draws if not truth[draw.position]),
        key=lambda draw: np.argsort(audit._order)[draw.position],
    )
    assert np.argsort(audit._order)[safest[0].position] < cut
    events += audit.next()
    for draw in safest[:4]:
        audit.answer(draw.position, WRONG)
        events.append((draw.position, WRONG))
    assert audit._cut() < cut and not audit.certified and not audit.failed
    events += live(audit, say(truth))[1:]  # the open draw is recorded already
    assert audit.certified and audit.remaining <= plan.limit(plan.rows)
    same(replay(plan, events, ThresholdAudit), audit)  # type: ignore[arg-type]
    for draw in safest[:4]:
        audit.answer(draw.position, RIGHT)
    assert audit.certified and audit.remaining <= before


def test_more_cant_tells_than_the_reserve_fail_and_all_is_asked() -> None:
    plan, truth = example(n=900)
    unsure = np.zeros(900, bool)
    unsure[np.random.default_rng(0).choice(900, 100, replace=False)] = True
    audit = ThresholdAudit(plan)
    live(audit, say(truth, unsure))
    assert audit.failed and not audit.certified and not audit.exhausted
    assert audit.forecast() == np.isnan(audit._code).sum()
    live(audit, say(truth, unsure), on=True)
    assert audit.exhausted and not audit.failed
    assert audit.remaining == plan.weights[unsure].sum()
    plan, truth = example(n=3_000)
    assert plan.limit(plan.rows) >= RESERVE  # room for one row
    one = ThresholdAudit(plan)
    light = next(at for at in one._drawn if plan.weights[at] == 1)
    live(one, say(truth, np.arange(3_000) == light))
    assert one.certified and one.remaining <= plan.limit(plan.rows)


def test_cant_tells_known_beforehand_are_made_room_for() -> None:
    plan, truth = example(n=900)
    unsure = np.zeros(900, bool)
    unsure[np.random.default_rng(0).choice(900, 20, replace=False)] = True
    doubted = int(plan.weights[unsure].sum())
    planned = design(replace(plan, p_wrong=np.where(unsure, 0.999, plan.p_wrong)), doubted)
    assert residual(plan.rows, planned.draws, planned.tolerated, ALPHA) <= plan.limit(plan.rows) - doubted
    audit = ThresholdAudit(planned)
    live(audit, say(truth, unsure))
    assert audit.certified
    hopeless = design(plan, int(plan.limit(plan.rows)) + 1)
    assert (hopeless.draws, hopeless.tolerated) == (plan.weights.sum(), 0)


def test_excluded_items_leave_the_claim() -> None:
    plan, truth = example(n=900, cant_tell="exclude")
    audit = ThresholdAudit(plan)
    live(audit, say(truth, np.arange(900) == audit._drawn[0]))
    assert audit.certified and audit.delivered == plan.rows - plan.weights[audit._drawn[0]]
    unsure = np.random.default_rng(3).random(900) < 0.1
    audit = ThresholdAudit(plan)
    live(audit, say(truth, unsure), on=True)
    assert audit.remaining == 0 and audit.certified
    assert audit.delivered == plan.rows - plan.weights[unsure].sum()


@pytest.mark.parametrize(("size", "error"), [(1, 0.05), (2, 0.3), (19, 0.05), (500, 1e-7), (300, 0.0034)])
def test_where_almost_nothing_may_be_wrong_everything_is_asked(size: int, error: float) -> None:
    plan = design(plan_of([1] * size, error=error))
    audit = ThresholdAudit(plan)
    assert not audit.certified
    wrong = np.arange(size) % 2 == 0
    events = live(audit, say(wrong))
    assert audit.certified
    assert plan.limit(size) > 0 or len(events) == 2 * size


@pytest.mark.parametrize(("size", "error"), [(0, 0.05), (4, 0.5)])
def test_nothing_to_prove_is_certified_without_a_draw(size: int, error: float) -> None:
    plan = design(plan_of([1] * size, np.full(size, 0.5), rows=8, error=error))
    audit = ThresholdAudit(plan)
    assert audit.certified and not audit.failed
    assert (audit.remaining, audit.forecast()) == (size, 0.0)
    assert size or audit.next() == ()
    assert size or choice.method(choice.AUTO, plan).draws == 0


@pytest.mark.parametrize("error", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("rate", [0.01, 0.1, 0.4])
def test_the_design_proves_the_target_with_no_draw_to_spare(error: float, rate: float) -> None:
    plan, truth = example(n=3000, rate=rate, error=error)
    rows = int(plan.weights.sum())
    assert residual(rows, plan.draws, plan.tolerated, ALPHA) <= plan.limit(plan.rows)
    assert residual(rows, plan.draws - 1, plan.tolerated, ALPHA) > 0.98 * plan.limit(plan.rows) - 2
    audit = ThresholdAudit(plan)
    live(audit, say(truth))
    assert audit.certified


@pytest.mark.parametrize(("rate", "error"), [(0.02, 0.05), (0.06, 0.05), (0.2, 0.05), (0.1, 0.02)])
def test_the_forecast_is_near_the_answers_where_the_guesses_are_good(rate: float, error: float) -> None:
    answers, guessed, midway = [], [], []
    for seed in range(10):
        plan, truth = example(n=2000, rate=rate, error=error, seed=seed)
        facts = (plan.weights, plan.p_wrong, plan.rows, error, ALPHA, rate)
        guessed.append(forecast(*facts))
        audit = ThresholdAudit(plan)
        midway.append(audit.forecast())
        answers.append(sum(not isinstance(event, Draw) for event in live(audit, say(truth))))
        assert audit.forecast() == 0
    assert 1 / 1.5 < np.mean(guessed) / np.mean(answers) < 1.5
    assert 1 / 1.5 < np.mean(midway) / np.mean(answers) < 1.5


@pytest.mark.parametrize("name", [field.name for field in fields(Draw)])
@pytest.mark.parametrize("late", [False, True])
def test_replay_names_the_first_draw_that_differs(name: str, late: bool) -> None:
    plan, truth = example(n=900, rate=0.15)
    events = live(ThresholdAudit(plan), say(truth))
    kind = "census" if late else "draw"
    at = [i for i, event in enumerate(events) if isinstance(event, Draw) and event.kind == kind][7]
    draw = events[at]
    assert isinstance(draw, Draw)
    value = getattr(draw, name)
    other = (
        ("draw" if late else "census") if name == "kind" else value + (1 if isinstance(value, int) else 1e-3)
    )
    events[at] = replace(draw, **{name: other})
    with pytest.raises(CertificateError, match=f"does not recompute: `{name}`"):
        replay(plan, events, ThresholdAudit)


def test_replay_notices_a_changed_answer_and_a_question_that_is_none() -> None:
    plan, truth = example(n=900, rate=0.15)
    audit = ThresholdAudit(plan)
    events = live(audit, say(truth))
    drawn = sorted(audit._drawn[~truth[audit._drawn]], key=lambda at: np.argsort(audit._order)[at])[:4]
    changed = [
        (event[0], WRONG) if not isinstance(event, Draw) and event[0] in drawn else event for event in events
    ]
    with pytest.raises(CertificateError, match="does not recompute"):
        replay(plan, [*changed, *audit.next()], ThresholdAudit)
    fresh = ThresholdAudit(plan)
    first, *_ = fresh.next()
    with pytest.raises(CertificateError, match="not a question of this audit"):
        fresh.answer(int(audit._sequence[-1]), RIGHT)
    with pytest.raises(CertificateError, match="not an unseen item"):
        resume(plan, [first, first], ThresholdAudit)
    with pytest.raises(CertificateError, match="follows 1 draws"):
        resume(plan, [first, replace(fresh.next()[1], step=5)], ThresholdAudit)
    with pytest.raises(CertificateError, match=r"has 9999 draws out of"):
        ThresholdAudit(replace(plan, draws=9999))
    with pytest.raises(CertificateError, match="a graded audit needs"):
        replace(plan, graded=True)


def test_probabilities_are_those_of_the_items_rows_among_all_unseen_ones() -> None:
    plan, truth = example(n=300)
    unseen = plan.weights.astype(np.float64)
    for event in live(ThresholdAudit(plan), say(truth), on=True):
        if isinstance(event, Draw):
            if event.kind == "draw":
                assert event.probability == unseen[event.position] / unseen.sum()
            unseen[event.position] = 0
    assert not unseen.any()


def test_every_set_of_rows_is_as_likely_to_be_drawn() -> None:
    """By the seed: the first items, and how many rows of each."""
    weights = [1, 2, 1, 1]
    plan = plan_of(weights, draws=2)
    found = Counter(
        tuple(threshold._sequence(replace(plan, seed=seed), 5)[1].tolist()) for seed in range(4000)
    )
    of = np.repeat(np.arange(4), weights)
    expected = Counter(
        tuple(np.bincount(of[list(two)], minlength=4).tolist()) for two in combinations(range(5), 2)
    )
    statistic = sum((found[key] - 400 * times) ** 2 / (400 * times) for key, times in expected.items())
    assert set(found) == set(expected) and chi2.sf(statistic, len(expected) - 1) > 1e-4


# -- which audit


def test_draws_alone_are_chosen_where_little_is_wrong() -> None:
    few = plan_of([1] * 10_000, np.full(10_000, 0.001), expected_error=0.001)
    many, _ = example(n=5000, rate=0.1)
    assert choice.method(choice.AUTO, few).method == "gro.v1"
    assert choice.method(choice.AUTO, many).method == threshold.METHOD
    assert choice.method("uniform.v1", many).method == "uniform.v1"
    for wanted in (choice.AUTO, threshold.METHOD, "gro.v1", "uniform.v1"):
        facts = (many.weights, many.p_wrong, many.rows, many.error, ALPHA, 0.1)
        assert 0 < choice.forecast(wanted, *facts) <= 5000


# -- second opinions


WEIGHTS = np.array([1, 3, 1, 1, 2, 1, 1, 1, 4, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1], np.int64)
SETTLED = np.arange(20) >= 16


def sampled(size: int, seed: int, evenly: bool = True) -> NDArray[np.int64]:
    """[items] rows in the sample of second opinions beside an audit that ends before it is full."""
    pool = WEIGHTS[~SETTLED]
    p = np.linspace(0.01, 0.6, pool.size)
    plan = plan_of(pool, p, rows=int(WEIGHTS.sum()), error=0.2, seed=seed, draws=6, tolerated=1, alpha=0.4)
    audit = ThresholdAudit(plan)
    sample = Sample(size, seed, np.where(SETTLED, WEIGHTS, 0), int(pool.sum()))
    found = np.zeros(20, np.int64)
    wrong = np.arange(pool.size) % 5 != 0
    while sample.missing:
        for draw in audit.next():
            weight = int(pool[draw.position])
            if draw.kind == "census":
                sample.settle(draw.position, weight)
                picks = []
            else:
                chance = draw.probability if evenly else 1 / (16 - audit._told)
                pick = sample.draw(draw.position, weight, chance, audit.evenness(draw.position))
                picks = [pick] if pick else []
            for one in [*picks, *sample.rest()]:
                found[one.position] += 1
        for draw in audit.next():
            if np.isnan(audit._code[draw.position]):
                audit.answer(draw.position, Outcome(int(wrong[draw.position])))
    return found


@pytest.mark.parametrize("size", [3, 14])
def test_the_sample_of_second_opinions_is_an_even_one(size: int) -> None:
    runs = 2500
    samples = np.array([sampled(size, seed) for seed in range(runs)])
    assert (samples.sum(axis=1) == size).all() and (samples <= WEIGHTS).all()
    total, rows = WEIGHTS.sum(), WEIGHTS
    expected = runs * size * rows / total
    variance = runs * size * (rows / total) * (1 - rows / total) * (total - size) / (total - 1)
    z = (samples.sum(axis=0) - expected) / np.sqrt(variance)
    assert chi2.sf(float((z**2).mean() * 19), 19) > 1e-4
    for one, other in [(0, 8), (15, 19), (1, 16), (4, 13)]:  # pairs of items: of a simple random sample
        product_ = (samples[:, one] * samples[:, other]).astype(float)
        mean = rows[one] * rows[other] * size * (size - 1) / (total * (total - 1))
        assert abs(product_.mean() - mean) < 4.5 * max(product_.std(), 0.02) / np.sqrt(runs)


def test_the_check_of_the_sample_has_teeth() -> None:
    """Items drawn as if all were alike, however many rows they have, are caught."""
    runs = 3000
    samples = np.sum([sampled(3, seed, evenly=False) for seed in range(runs)], axis=0)
    expected = runs * 3 * WEIGHTS / WEIGHTS.sum()
    assert chi2.sf(float(((samples - expected) ** 2 / expected).sum()), 19) < 1e-6
