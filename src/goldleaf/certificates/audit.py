"""Audits: ask, take answers, say what they prove. `start`, `resume` and `replay` make one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import fields
from math import isclose
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from goldleaf.certificates import bets, census, guess
from goldleaf.certificates.base import Audit, AuditPlan, Course, Draw, Event, Outcome, Restorable, Said
from goldleaf.certificates.bounds import Evidence, Steps, evidence, share, upper_limit
from goldleaf.certificates.pool import Pool
from goldleaf.errors import CertificateError

TOLERANCE = 1e-9  # relative, between two machines' floating point


class BettingAudit:
    """The sequential audit of both methods; its state is a function of the plan and the events alone.

    Args:
        outright: never draw at random, ask every item: no bet, so nothing of the plan's alpha is spent.

    Attributes:
        moved: rows that came in beside the plan's, less those that left; see `slices`.
    """

    def __init__(self, plan: AuditPlan, outright: bool = False) -> None:
        self.plan = plan
        self.outright = outright
        self.moved = 0
        self._uniform = plan.method == "uniform.v1"
        self._pool = Pool(plan, by_guess=not self._uniform)
        self._rows_unseen = int(plan.weights.sum())
        self._tolerated = plan.null(plan.rows) / max(self._rows_unseen, 1)
        load = self._pool.n * self._pool.w
        self._worlds = guess.worlds(
            self._pool.score, load, self._tolerated, plan.expected_error, self._uniform
        )
        self._log_weight = self._worlds.log_prior.copy()
        self._open: dict[int, Draw] = {}
        self._steps: dict[int, int] = {}  # position -> step
        self._table = np.zeros((len(Steps._fields), 64))  # of bounds.Steps, by step
        self._draws = 0
        self._evidence: Evidence | None = None

    def next(self, also: Collection[int] = ()) -> tuple[Draw, ...]:
        if not self._open and self._rows_unseen:
            for draw in self._census() or (self._random(),):
                self.take(draw)
        return tuple(self._open.values())

    def ahead(self, also: Collection[int] = ()) -> tuple[Draw, ...]:
        return () if self._open else self.next(also)  # each bet is designed with all answers before it

    def take(self, draw: Draw) -> None:
        """Hold `draw` as an open question."""
        if draw.position in self._open or not self._pool.holds(draw.position):
            raise CertificateError(
                f"Step {draw.step} draws item {draw.position}, which is not an unseen item of the pool."
            )
        if draw.step != len(self._steps) + len(self._open):
            raise CertificateError(f"Step {draw.step} follows {len(self._steps) + len(self._open)} draws.")
        self._open[draw.position] = draw

    def answer(self, position: int, outcome: Said, into: int | None = None) -> None:
        code = self.plan.code(outcome)
        if position in self._steps:
            step = self._steps[position]
            self._weigh(position, float(self._table[-1, step]), -1.0)
        elif position in self._open:
            step = self._book(self._open.pop(position))
        else:
            raise CertificateError(
                f"Item {position} was answered, but it is not a question of this audit.",
                do="Ask `next()` for the open questions.",
            )
        self._table[-1, step] = code
        self._weigh(position, code, 1.0)
        self._evidence = None

    def load(self, course: Course) -> None:
        """Take all the answers of `course` at once, before any other."""
        weight = self.plan.weights[course.position]
        v = course.nu * weight / course.probability
        right, wrong = bets.factors(course.p, course.lam, v)
        self._table = np.zeros((self._table.shape[0], course.step.max(initial=63) + 1))
        self._table[:, course.step] = (
            right,
            wrong,
            course.nu,
            course.target,
            course.least,
            weight,
            course.outcome,
        )
        self._steps = dict(zip(course.position.tolist(), course.step.tolist(), strict=True))
        self._pool.remove_all(course.position)
        self._rows_unseen -= int(weight.sum())
        self._draws = int((~course.census).sum())
        cells = self._pool.cell[course.position]
        for code in np.union1d(course.outcome, [outcome.value for outcome in Outcome]).tolist():
            seen = np.bincount(cells[course.outcome == code], minlength=self._pool.n.size)
            self._log_weight = self._log_weight + self._likelihood(np.arange(seen.size), code).T @ seen
        self._open = {draw.position: draw for draw in course.waiting}

    def forecast(self) -> float:
        if self.certified or not self._rows_unseen:
            return 0.0
        if self._null() <= 0 or self.outright:
            return float(self._pool.n.sum())
        advice = self._advice()
        return float(min(advice.draws, advice.census, self._pool.n.sum()))

    @property
    def remaining(self) -> float:
        return upper_limit(self._seen(), self._rows_unseen, self.plan.alpha, self.plan.graded)

    @property
    def bound(self) -> float:
        return share(self.remaining, self.delivered)

    @property
    def certified(self) -> bool:
        return self.remaining <= self.plan.limit(self.delivered)

    @property
    def delivered(self) -> int:
        """Rows of the data set that the claim is about, as it stands now."""
        return self.plan.rows + self.moved - self._seen().excluded

    @property
    def answers(self) -> int:
        """Items answered so far."""
        return len(self._steps)

    @property
    def failed(self) -> bool:
        return False

    @property
    def exhausted(self) -> bool:
        return not self._rows_unseen

    def evenness(self, position: int) -> float:
        """The smallest ratio of an unseen item's probability to its share of the unseen rows, in the open random draw.

        Rounded down to steps that every machine finds alike; between a tenth (`bets.UNIFORM_SHARE`) and 1.
        """
        pool, (_, bet) = self._pool, self._design()
        held = pool.n > 0
        ratio = float((bet.q * (pool.n @ pool.w) / pool.w)[held].min())
        return int(1024 * ratio * (1 - TOLERANCE)) / 1024

    def _book(self, draw: Draw) -> int:
        """Move an open question among the answered ones; its step."""
        while draw.step >= self._table.shape[1]:
            self._table = np.concatenate([self._table, np.zeros_like(self._table)], axis=1)
        weight = int(self.plan.weights[draw.position])
        v = np.asarray(draw.nu * weight / draw.probability)
        right, wrong = bets.factors(np.asarray(draw.p), np.asarray(draw.lam), v)
        self._table[:-1, draw.step] = right, wrong, draw.nu, draw.target, draw.least, weight
        self._steps[draw.position] = draw.step
        self._pool.remove(draw.position)
        self._rows_unseen -= weight
        self._draws += draw.kind == "draw"
        return draw.step

    def _weigh(self, position: int, code: float, sign: float) -> None:
        """Let an answer speak for the worlds that foresaw it (sign -1: take it back)."""
        self._log_weight = self._log_weight + sign * self._likelihood(self._pool.cell[position], code)

    def _likelihood(self, cell: NDArray[np.int64], code: float) -> NDArray[np.float64]:
        """[..., worlds] log of how likely each world made the answer in `cell`; of a part loss, a part of each."""
        loss = float(self.plan.cant_tell == "error") if code == Outcome.CANT_TELL.value else code
        right, wrong = (
            guess.log_likelihood(self._worlds, cell, np.full(np.shape(cell), one)) for one in (False, True)
        )
        return wrong if loss == 1 else right if loss == 0 else (1 - loss) * right + loss * wrong

    def _seen(self) -> Evidence:
        if self._evidence is None:
            answered = np.sort(np.fromiter(self._steps.values(), dtype=np.int64, count=len(self._steps)))
            self._evidence = evidence(Steps(*self._table[:, answered]), self.plan.cant_tell)
        return self._evidence

    def _null(self) -> float:
        """The fewest wrong rows among the unseen items that would break the promise."""
        return self.plan.null(self.delivered) - self._seen().unfixed

    def _advice(self) -> census.Plan:
        p = guess.believed(self._worlds, self._log_weight)
        null = np.asarray(float(self._null()))
        return census.plan(p, self._pool.n, self._pool.w, null, self._outlook())

    def _outlook(self) -> bets.Outlook:
        seen, r = self._seen(), self._null() + self._seen().unfixed
        return bets.Outlook(-np.log(self.plan.alpha) - seen.log_wealth(r), seen.slope(r))

    def _census(self) -> tuple[Draw, ...]:
        """The riskiest items, where asking them outright is worth it or nothing else is left to do."""
        null, unseen = self._null(), int(self._pool.n.sum())
        if self.outright or null <= 0 or null > self._rows_unseen:
            size = min(unseen, census.BATCH[1])
        elif self._uniform or not census.due(self._draws, self.plan.expected_error, self._tolerated):
            return ()
        else:
            size = min(int(census.batch(self._advice())), unseen)
        p = guess.believed(self._worlds, self._log_weight)
        first = len(self._steps)
        batch: list[Draw] = []
        for cell in np.argsort(-p * self._pool.w, kind="stable"):
            guessed = float(p[cell])
            for position in self._pool.top(int(cell), size - len(batch)):
                step = first + len(batch)
                batch.append(Draw(step, position, "census", 1.0, guessed, guessed, 0.0, float(null), 1.0))
        return tuple(batch)

    def _random(self) -> Draw:
        """The draw that the seed picks: a cell, then an item of it."""
        pool, (p, bet) = self._pool, self._design()
        counter = [0, 0, 0, len(self._steps)]
        first, second = np.random.Philox(key=self.plan.seed, counter=counter).random_raw(2)
        below = np.cumsum(pool.n * bet.q)
        cell = int(np.searchsorted(below, int(first) / 2**64 * below[-1], side="right"))
        cell = min(cell, int(np.flatnonzero(pool.n)[-1]))
        return self._question(pool.item(cell, int(second) * int(pool.n[cell]) >> 64), p, bet)

    def _design(self) -> tuple[bets.Floats, bets.Design]:
        """The guess and the bets of the next draw, by cell."""
        pool, null = self._pool, np.asarray(float(self._null()))
        p = guess.hopeful(self._worlds, self._log_weight, pool.n * pool.w, null)
        return p, bets.design(p, pool.n, pool.w, null, self._outlook(), self._uniform)

    def _question(self, position: int, p: bets.Floats, bet: bets.Design) -> Draw:
        cell = self._pool.cell[position]
        numbers = (bet.q[cell], p[cell], bet.lam[cell], bet.nu, self._null(), bet.least)
        return Draw(len(self._steps), position, "draw", *(float(number) for number in numbers))


Make = Callable[[AuditPlan], Restorable]
"""What turns a plan into an audit: `BettingAudit`, or an audit by slices."""


def start(plan: AuditPlan, make: Make = BettingAudit) -> Audit:
    """The audit of `plan`, before its first draw."""
    return make(plan)


def resume(plan: AuditPlan, events: Iterable[Event], make: Make = BettingAudit) -> Audit:
    """The audit after `events`, taken at their word; as if it had never stopped.

    Args:
        events: draws and answers in the order they were recorded; the draws of one `next()` recorded together.
    """
    audit = make(plan)
    for event in events:
        if isinstance(event, Draw):
            audit.take(event)
        else:
            audit.answer(*event)
    return audit


def restore(plan: AuditPlan, course: Course, make: Make = BettingAudit) -> Audit:
    """As `resume`, from columns: the same audit, a hundred thousand answers in a moment."""
    audit = make(plan)
    audit.load(course)
    return audit


class Watch(Protocol):
    """What goes on beside an audit: it may want more draws, and is told of each one."""

    @property
    def short(self) -> Collection[int]:
        """See `Audit.next`, `also`."""
        ...

    def __call__(self, draw: Draw, evenness: float) -> None:
        """Take note of a draw as it is made, with the audit's evenness then (0 in a census)."""
        ...


def replay(
    plan: AuditPlan,
    events: Iterable[Event],
    make: Make = BettingAudit,
    watch: Watch | None = None,
) -> Audit:
    """The same, with every draw recomputed from the plan and the answers known at that time.

    Raises:
        CertificateError: a recorded draw is not the one that the plan leads to; names the first.
    """
    audit = make(plan)
    due: list[Draw] = []
    for event in events:
        if not isinstance(event, Draw):
            audit.answer(*event)
            continue
        due = due or list(audit.ahead(watch.short if watch else ()))
        if not due:
            raise CertificateError(f"Step {event.step} was recorded, but no item is left to draw.")
        check(event, due.pop(0))
        if watch is not None:
            watch(event, audit.evenness(event.position) if event.kind == "draw" else 0.0)
    return audit


def check(recorded: Draw, computed: Draw) -> None:
    """Raise unless the two draws agree."""
    for field in fields(Draw):
        got, want = getattr(recorded, field.name), getattr(computed, field.name)
        same = isclose(got, want, rel_tol=TOLERANCE) if isinstance(want, float) else got == want
        if not same:
            raise CertificateError(
                f"Step {recorded.step} does not recompute: `{field.name}` is recorded as {got!r}, but the plan and "
                f"the answers before it give {want!r}.",
                do="Compare the ledger with a copy you trust: a draw, an answer or the plan was changed.",
            )
