"""Audits by slices: every slice holds at once, rows that move are counted where they are, nothing else changes."""

from __future__ import annotations

import itertools
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from goldleaf.certificates.audit import BettingAudit, check, replay, restore, resume, start
from goldleaf.certificates.base import AuditPlan, Course, Draw, Event, Outcome
from goldleaf.certificates.census import forecast
from goldleaf.certificates.simulate import at_the_limit, simulate
from goldleaf.certificates.slices import SlicedAudit, Slices, drawn, forecast_slices, make
from goldleaf.certificates.slices_path import path
from goldleaf.errors import CertificateError

RIGHT, WRONG, CANT_TELL = Outcome


@dataclass(frozen=True)
class Case:
    """A plan in slices, and what a person says of each item: (outcome, the slice it is delivered in)."""

    plan: AuditPlan
    slices: Slices
    truth: list[tuple[Outcome, int]]

    def start(self) -> SlicedAudit:
        audit = start(self.plan, make(self.slices))
        assert isinstance(audit, SlicedAudit)
        return audit


def case(
    sizes: tuple[int, ...] = (40, 60, 9),
    rate: float = 0.05,
    seed: int = 0,
    unsure: float = 0.0,
    **changes: object,
) -> Case:
    rng = np.random.default_rng(seed)
    of = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    weights = np.where(rng.random(of.size) < 0.2, 2, 1)
    rows = np.bincount(of, weights, minlength=len(sizes)).astype(np.int64) + 3
    p = rng.beta(0.5, 8, of.size)
    body = {"error": 0.1, "alpha": 0.2, "expected_error": rate, "seed": seed}
    plan = AuditPlan(weights, p, int(rows.sum()), **{**body, **changes})  # type: ignore[arg-type]
    truth = []
    for own in of.tolist():
        said = WRONG if rng.random() < rate else CANT_TELL if rng.random() < unsure else RIGHT
        truth.append((said, int((own + 1) % len(sizes)) if said is WRONG else own))
    return Case(plan, Slices(of, rows), truth)


def live(audit: SlicedAudit, some: Case, until: int = 10**6, order: int = 1) -> list[Event]:
    """Answer, each turn from its `order` end, until certified, exhausted or `until` answers; the events."""
    events: list[Event] = []
    while until > 0 and not audit.certified and (draws := audit.next()):
        events += [draw for draw in draws if draw not in events]
        for draw in draws[::order][:until]:
            said, into = some.truth[draw.position]
            audit.answer(draw.position, said, into)
            events.append((draw.position, said, into))
            until -= 1
    return events


def course(events: list[Event]) -> Course:
    draws = {event.position: event for event in events if isinstance(event, Draw)}
    said = {
        event[0]: event for event in events if not isinstance(event, Draw)
    }  # the last, placed as the first
    answered = [draws[position] for position in said]
    numbers = ("position", "step", "probability", "p", "lam", "nu", "target", "least")
    kinds = {"position": np.int64, "step": np.int64}
    return Course(
        **{name: np.array([getattr(d, name) for d in answered], kinds.get(name, float)) for name in numbers},
        census=np.array([draw.kind == "census" for draw in answered], bool),
        outcome=np.array([event[1].value for event in said.values()], np.int8),  # type: ignore[union-attr]
        into=np.array([event[2] for event in said.values()], np.int64),  # type: ignore[misc]
        waiting=[draw for position, draw in draws.items() if position not in said],
    )


def same(one: SlicedAudit, other: SlicedAudit) -> None:
    for mine, theirs in zip(one.next(), other.next(), strict=True):
        check(mine, theirs)
    assert one.certified == other.certified
    for mine, theirs in zip(one.slices(), other.slices(), strict=True):
        assert replace(mine, forecast=0.0) == replace(theirs, forecast=0.0)
        assert mine.forecast == pytest.approx(theirs.forecast)


@given(
    st.integers(0, 2**32), st.integers(0, 60), st.sampled_from([1, -1]), st.sampled_from(["error", "exclude"])
)
@settings(max_examples=12, deadline=None)
def test_resume_restore_and_replay_are_the_audit_that_never_stopped(
    seed: int, until: int, order: int, cant_tell: str
) -> None:
    some = case(seed=seed, unsure=0.05, cant_tell=cant_tell)
    audit = some.start()
    events = live(audit, some, until, order)
    if any(not isinstance(event, Draw) for event in events):  # a correction: the first answer was another
        position = next(event[0] for event in events if not isinstance(event, Draw))
        for said, into in ((WRONG, 1), (RIGHT, int(some.slices.of[position]))):
            audit.answer(position, said, into)
            events.append((position, said, into))
    steps = [event.step for event in events if isinstance(event, Draw)]
    assert steps == list(range(len(steps)))
    parted = make(some.slices)
    waiting = [draw for draw in audit.next() if draw not in events]
    for other in (
        resume(some.plan, [*events, *waiting], parted),
        replay(some.plan, [*events, *waiting], parted),
        restore(some.plan, course([*events, *waiting]), parted),
    ):
        assert isinstance(other, SlicedAudit)
        same(other, audit)


@given(st.integers(0, 2**32), st.sampled_from(["error", "exclude"]))
@settings(max_examples=15, deadline=None)
def test_when_everything_is_seen_each_slice_is_the_truth(seed: int, cant_tell: str) -> None:
    """Rows are counted where they are delivered, and only what nobody could tell remains."""
    some = case((8, 12, 3), rate=0.3, unsure=0.3, seed=seed, cant_tell=cant_tell, error=0.01)
    audit = some.start()
    while draws := audit.next():
        for draw in draws:
            audit.answer(draw.position, *some.truth[draw.position])
    rows, doubted = np.full(3, 3), np.zeros(3, np.int64)
    for weight, (said, into) in zip(some.plan.weights, some.truth, strict=True):
        doubted[into] += weight * (said is CANT_TELL)
        rows[into] += weight * (said is not CANT_TELL or cant_tell == "error")
    found = audit.slices()
    assert [one.rows for one in found] == rows.tolist()
    assert [one.remaining for one in found] == (doubted * (cant_tell == "error")).tolist()
    assert [one.answers for one in found] == [8, 12, 3]
    assert audit.remaining == sum(one.remaining for one in found)


def test_the_path_ends_at_the_worst_bound() -> None:
    some = case(rate=0.15, unsure=0.02)
    audit = some.start()
    events = live(audit, some)
    draws = [event for event in events if isinstance(event, Draw)]
    said = [some.truth[draw.position] for draw in draws]
    answers, bound = path(some.plan, some.slices, draws, [one for one, _ in said], [into for _, into in said])
    assert answers[-1] == len(draws)
    assert bound[-1] == max(one.bound for one in audit.slices())
    assert bound[0] > bound[-1]
    nothing = path(some.plan, some.slices, [], [], [])
    assert nothing[0].size == nothing[1].size == 0


def test_a_slice_without_room_for_one_error_is_asked_completely() -> None:
    some = case((200, 6), rate=0.0, expected_error=0.02)
    some = replace(some, slices=Slices(some.slices.of, np.array([some.plan.rows - 9, 9])))
    audit = some.start()
    live(audit, some)
    big, small = audit.slices()
    assert audit.certified and big.certified and small.certified
    assert small.answers == 6 and small.remaining == 0
    assert big.answers < 60
    assert [part.plan.alpha for part in audit.parts] == [0.2, 0.2]  # the small one spends none of it
    assert all(nu == 0 for nu in audit.parts[1]._table[2])


def test_without_an_answer_nothing_is_proven_and_a_part_is_not_the_whole() -> None:
    some = case()
    audit = some.start()
    assert not audit.certified and audit.bound == some.plan.weights.sum() / some.plan.rows
    bad = case((60, 60), rate=0.0)
    truth = [
        (WRONG, 1) if own == 0 and i % 4 == 0 else (RIGHT, own)
        for i, own in enumerate(bad.slices.of.tolist())
    ]
    bad = replace(bad, truth=truth)
    audit = bad.start()
    live(audit, bad, until=60)
    first, second = audit.slices()
    assert second.certified and not first.certified and not audit.certified


def test_can_t_tells_in_one_slice_end_that_slice_alone() -> None:
    some = case((40, 40), rate=0.0)
    truth = [(CANT_TELL if own == 0 else RIGHT, own) for own in some.slices.of.tolist()]
    some = replace(some, truth=truth)
    audit = some.start()
    live(audit, some)
    first, second = audit.slices()
    assert audit.next() == ()
    assert (first.answers, first.certified, second.certified) == (40, False, True)


def test_each_turn_asks_every_open_slice_in_a_mixed_order() -> None:
    some = case((50, 50, 50), rate=0.0, method="uniform.v1")
    audit = some.start()
    orders = set()
    for _ in range(8):
        draws = audit.next()
        order = tuple(int(some.slices.of[draw.position]) for draw in draws)
        assert sorted(order) == [0, 1, 2]
        orders.add(order)
        for draw in draws:
            audit.answer(draw.position, RIGHT)
    assert len(orders) > 2


def test_what_does_not_fit_is_refused() -> None:
    some = case()
    with pytest.raises(CertificateError, match="but there are 3 slices"):
        Slices(np.array([0, 3]), np.array([1, 1, 1]))
    with pytest.raises(CertificateError, match="The slices have"):
        SlicedAudit(replace(some.plan, rows=some.plan.rows + 1), some.slices)
    audit = some.start()
    draw = audit.next()[0]
    with pytest.raises(CertificateError, match="not a question of this audit"):
        audit.answer(next(i for i in range(109) if i not in audit._open), RIGHT)
    with pytest.raises(CertificateError, match="step 0 of 109 items is due"):
        some.start().take(replace(draw, step=1))


# -- the guarantee


def false_chance(audit: SlicedAudit, some: Case) -> float:
    """The exact probability that any slice is ever, from here, stated better than it is."""
    unseen = [i for i in range(len(some.truth)) if i not in audit._into]
    for number, one in enumerate(audit.slices()):
        mine = [i for i in range(len(some.truth)) if some.slices.of[i] == number]
        wrong = [i for i in mine if i in unseen and some.truth[i][0] is WRONG]
        doubted = [i for i in mine if some.truth[i][0] is CANT_TELL]
        if one.remaining < sum(some.plan.weights[wrong + doubted]):
            return 1.0
    asked = [_options(audit, number) for number in audit._wanting()]
    chance = 0.0
    for choice in itertools.product(*(options for options in asked if options)) if any(asked) else ():
        branch = deepcopy(audit)
        draws = [draw for _, some_draws in choice for draw in some_draws]
        for step, draw in enumerate(draws, start=sum(audit._asked)):
            branch.take(replace(draw, step=step))
        for draw in draws:
            branch.answer(draw.position, *some.truth[draw.position])
        chance += float(np.prod([p for p, _ in choice])) * false_chance(branch, some)
    return chance


def _options(audit: SlicedAudit, number: int) -> list[tuple[float, list[Draw]]]:
    """What a slice may ask next, with probabilities."""
    part, members = audit.parts[number], audit._members[number]
    if not part._rows_unseen:
        return []
    if forced := part._census():
        return [(1.0, [replace(draw, position=int(members[draw.position])) for draw in forced])]
    p, bet = part._design()
    draws = [part._question(i, p, bet) for i in range(members.size) if part._pool.holds(i)]
    return [(draw.probability, [replace(draw, position=int(members[draw.position]))]) for draw in draws]


def tiny(truth: str) -> Case:
    """Slices of five and of two rows, with two more that people labeled; x is wrong (and moves), ? cannot be told."""
    of = np.array([0, 0, 0, 0, 0, 1, 1])
    plan = AuditPlan(np.ones(7, np.int64), np.full(7, 0.02), 9, 0.28, 0.6, 0.02, seed=0)
    said = [{"x": WRONG, "?": CANT_TELL, ".": RIGHT}[letter] for letter in truth]
    moved = [(one, int(1 - own if one is WRONG else own)) for one, own in zip(said, of, strict=True)]
    return Case(plan, Slices(of, np.array([5, 4])), moved)


def test_exact_chance_that_any_slice_is_ever_stated_too_good() -> None:
    """Over all draws of both slices; so few rows need a large alpha for a false bound at all."""
    chances = [false_chance(some.start(), some) for some in map(tiny, ["xx...x.", "x.?x.xx", "x....?x"])]
    assert [part.plan.alpha for part in tiny(".......").start().parts] == [0.3, 0.3]
    assert 0 < max(chances) <= 0.6


def test_moved_rows_count_where_they_are_delivered() -> None:
    """Had the row that left still counted, the limit would be 1 instead of 0."""
    of = np.zeros(10, np.int64)
    plan = AuditPlan(np.ones(10, np.int64), np.full(10, 0.1), 10, 0.1, 0.1, 0.1, seed=0)
    audit = SlicedAudit(plan, Slices(of, np.array([10, 0])))
    (draw,) = audit.next()
    audit.answer(draw.position, WRONG, 1)
    first, second = audit.slices()
    assert (first.rows, second.rows, second.remaining, second.certified) == (9, 1, 0, True)
    audit.answer(draw.position, RIGHT, 0)
    assert [one.rows for one in audit.slices()] == [10, 0]


def test_any_of_five_slices_just_over_its_limit_is_falsely_certified_rarely() -> None:
    """As `SlicedAudit` splits alpha, each slice one wrong row over; some false slice is rarer than alpha."""
    runs, alpha = 400, 0.05
    mark = binom.ppf(1 - 1e-4, runs, alpha) / runs
    world = at_the_limit("useless", 400, 0.05, runs, unsure=1.0)
    ends = [simulate(replace(world, alpha=alpha / 5), seed, most=110).false for seed in range(5)]
    assert 0 < np.any(ends, axis=0).mean() <= mark
    greedy = [simulate(world, seed, most=110).false for seed in range(5)]
    assert np.any(greedy, axis=0).mean() > mark, "without the split no test would notice"


# -- the forecast


def test_the_forecast_is_the_sum_over_the_slices_that_need_an_audit() -> None:
    n = 3000
    of = np.repeat([0, 1, 2, 3], [1500, 1400, 95, 5])
    p, one = np.full(n, 0.02), np.ones(n, np.int64)
    rows = np.array([1500, 1400, 2000, 5])  # people labeled most of slice 2; nothing may be wrong in slice 3
    assert drawn(np.bincount(of), rows, 0.05).tolist() == [True, True, False, False]
    total = forecast_slices(of, one, p, rows, 0.05, 0.05, 0.02)
    alone = [forecast(one[:size], p[:size], size, 0.05, 0.025, 0.02) for size in (1500, 1400)]
    assert total == pytest.approx(sum(alone) + 5)
    whole = forecast(one, p, n, 0.05, 0.05, 0.02)
    assert forecast_slices(np.zeros(n, np.int64), one, p, np.array([n]), 0.05, 0.05, 0.02) == pytest.approx(
        whole
    )


def test_one_slice_that_is_everything_is_the_plain_audit() -> None:
    some = case((150,), rate=0.03)
    audit = some.start()
    plain = BettingAudit(replace(some.plan, seed=some.plan.seed + 2**64))
    for _ in range(80):
        draws = audit.next()
        assert plain.next() == draws
        for draw in draws:
            audit.answer(draw.position, *some.truth[draw.position])
            plain.answer(draw.position, some.truth[draw.position][0])
        assert audit.remaining == plain.remaining
        if not draws:
            break
