"""One claim for every slice of the data at once: a class, a source, a language.

The claim. The frozen items are parted into slices: by the label they are delivered with (the machine's, or that of
the person who labeled them before the freeze), or by a column. D_s is the number of rows delivered in slice s now,
R_s the wrong ones among them that nobody has seen, and can't tells that count as errors. With confidence 1 - alpha

    R_s <= floor(error * D_s)  in every slice s, at the moment one stops.

Proof. (1) In each slice runs an audit of its own, over its machine-labeled items alone, with a share alpha_s. All
draws and answers, of all slices, are one history. Each slice draws from a stream of its own, so given that history
its next item has exactly the probability that its bet was made for: the product of `bounds` is a nonnegative
supermartingale in the common history, and the limits U_s(t) satisfy P(some t: R_s(t) > U_s(t)) <= alpha_s. Which
slice is asked when, and against which null, may depend on everything seen before.

(2) By the union bound all U_s hold at all times at once with probability 1 - sum alpha_s >= 1 - alpha. So they hold at
the random moment of stopping, and in the slice that is worst then.

(3) D_s is no estimate. A wrong label that is put right leaves its slice (D_s falls, R_s falls), and enters that of
the label it got (D_s rises, R_s does not: it is right). Both are seen, so U_s <= floor(error * D_s) with today's D_s
is the claim itself. D_s also sets the null of the next bet, which may be any that is known before the draw.

Why alpha is split. When the question is whether one fixed, bad slice passes, each slice may be tested at the full
alpha: the whole certificate is false only if that slice's test errs (intersection-union). Residuals give no such fixed
slice. Which slice is over its limit changes while errors are found and rows move, and several may be over it at
different times; a certificate is false if any of them is, at the one moment that is chosen after looking. That is the
union of the slices' errors, so their alphas add up.

Where nothing is drawn nothing is spent. A slice whose limit is no wrong row at all is asked outright, completely, and so
is one whose machine-labeled rows all fit under its limit, should it ever be asked: without a bet U_s is what is
unseen. alpha is split evenly over the others; which they are is known from the freeze alone.

A turn asks each slice that is not yet certified, or from which a sample for second answers needs more rows: one draw,
or a census. The questions are mixed, because a run of one class would tell what the machine said.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from goldleaf.certificates.audit import BettingAudit, Make
from goldleaf.certificates.base import AuditPlan, Course, Draw, Said, allowed
from goldleaf.certificates.bounds import share
from goldleaf.certificates.census import forecast
from goldleaf.errors import CertificateError

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Slices:
    """How the data is parted; frozen with the plan.

    Args:
        of: [n] the slice of each pool item.
        rows: [k] rows delivered in each slice at the freeze, those of the pool and those that people labeled.
    """

    of: Ints
    rows: Ints

    def __post_init__(self) -> None:
        of, rows = np.asarray(self.of, np.int64), np.asarray(self.rows, np.int64)
        if of.size and not (of.min() >= 0 and of.max() < rows.size):
            raise CertificateError(
                f"Items lie in slices {of.min()} to {of.max()}, but there are {rows.size} slices."
            )
        object.__setattr__(self, "of", of)
        object.__setattr__(self, "rows", rows)


@dataclass(frozen=True)
class SliceBound:
    """What is proven of one slice.

    Attributes:
        rows: delivered in it now.
        remaining, bound, certified: as of an `Audit`.
        answers: of the audit about its items.
        forecast: answers still needed, about.
    """

    rows: int
    remaining: float
    bound: float
    certified: bool
    answers: int
    forecast: float


def drawn(pool: Ints, rows: Ints, error: float) -> NDArray[np.bool_]:
    """[k] whether random draws can settle a slice of `pool` machine-labeled rows among `rows`; it then costs alpha."""
    limit = np.array([allowed(error, int(number)) for number in rows], np.int64)
    return np.asarray((limit >= 1) & (pool > limit))


def plans(plan: AuditPlan, slices: Slices) -> list[tuple[AuditPlan, bool]]:
    """For each slice its plan, and whether it is asked outright."""
    if plan.rows != slices.rows.sum() or plan.weights.size != slices.of.size:
        raise CertificateError(
            f"The slices have {slices.of.size} items and {slices.rows.sum()} rows, the plan {plan.weights.size} and {plan.rows}."
        )
    pool = np.bincount(slices.of, plan.weights, minlength=slices.rows.size).astype(np.int64)
    by_draws = drawn(pool, slices.rows, plan.error)
    alpha = plan.alpha / max(int(by_draws.sum()), 1)
    scale = plan.expected_error / max(_mean(plan.p_wrong, plan.weights), 1e-12)
    parts = []
    for number, rows in enumerate(slices.rows.tolist()):
        at = slices.of == number
        p, weights = plan.p_wrong[at], plan.weights[at]
        part = replace(
            plan,
            weights=weights,
            p_wrong=p,
            rows=rows,
            alpha=alpha,
            expected_error=min(scale * _mean(p, weights), 1.0),
            seed=seed_of(plan.seed, number),
        )
        parts.append((part, not by_draws[number]))
    return parts


def seed_of(seed: int, number: int) -> int:
    """The seed of one slice's own random numbers."""
    return (seed + ((number + 1) << 64)) % 2**128


def members_of(of: Ints, count: int) -> tuple[list[Ints], Ints]:
    """The items of each of `count` slices, and [n] the place of each item among those of its slice."""
    order = np.argsort(of, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(of, minlength=count))[:-1])
    place = np.empty_like(order)
    for mine in members:
        place[mine] = np.arange(mine.size)
    return members, place


def _mean(p: NDArray[np.float64], weights: Ints) -> float:
    return float(np.average(p, weights=weights)) if p.size else 0.0


class SlicedAudit:
    """An audit a slice, asked in turns; steps and positions are those of the whole plan."""

    def __init__(self, plan: AuditPlan, slices: Slices) -> None:
        self.plan = plan
        self.parts = [BettingAudit(part, outright) for part, outright in plans(plan, slices)]
        self._slice = slices.of
        self._members, self._place = members_of(slices.of, len(self.parts))
        self._open: dict[int, Draw] = {}
        self._asked = [0] * len(self.parts)  # draws of each slice so far
        self._into: dict[int, int] = {}  # answered position -> the slice that it is delivered in

    def next(self, also: Collection[int] = ()) -> tuple[Draw, ...]:
        if not self._open:
            self._turn(also)
        return tuple(self._open.values())

    def ahead(self, also: Collection[int] = ()) -> tuple[Draw, ...]:
        return () if self._open else self.next(also)

    def take(self, draw: Draw) -> None:
        """Hold `draw` as an open question."""
        if not 0 <= draw.position < self._slice.size or draw.step != sum(self._asked):
            raise CertificateError(
                f"Step {draw.step} draws item {draw.position}, but step {sum(self._asked)} of {self._slice.size} items is due."
            )
        number = int(self._slice[draw.position])
        self.parts[number].take(
            replace(draw, step=self._asked[number], position=int(self._place[draw.position]))
        )
        self._hold(number, draw)

    def answer(self, position: int, outcome: Said, into: int | None = None) -> None:
        if position not in self._open and position not in self._into:
            raise CertificateError(
                f"Item {position} was answered, but it is not a question of this audit.",
                do="Ask `next()` for the open questions.",
            )
        number = int(self._slice[position])
        self.parts[number].answer(int(self._place[position]), outcome)
        self._open.pop(position, None)
        self._move(position, number if into is None else into)

    def load(self, course: Course) -> None:
        """Take all of `course` at once, before anything else."""
        position = np.concatenate([course.position, [draw.position for draw in course.waiting]]).astype(
            np.int64
        )
        step = np.concatenate([course.step, [draw.step for draw in course.waiting]]).astype(np.int64)
        inner = _rank(self._slice[position], step)
        answered = course.position.size
        for number, part in enumerate(self.parts):
            at = np.flatnonzero(self._slice[course.position] == number)
            waiting = [
                replace(draw, step=int(rank), position=int(self._place[draw.position]))
                for draw, rank in zip(course.waiting, inner[answered:], strict=True)
                if self._slice[draw.position] == number
            ]
            part.load(_part_of(course, at, self._place[course.position[at]], inner[:answered][at], waiting))
            self._asked[number] = at.size + len(waiting)
        self._open = {draw.position: draw for draw in course.waiting}
        into = self._slice[course.position] if course.into is None else course.into
        for place, now in zip(course.position.tolist(), into.tolist(), strict=True):
            self._move(place, now)

    def evenness(self, position: int) -> float:
        """As of the draw from the item's slice, among the items of that slice."""
        return self.parts[int(self._slice[position])].evenness(int(self._place[position]))

    @property
    def failed(self) -> bool:
        return False

    @property
    def exhausted(self) -> bool:
        return all(self.parts[number].exhausted for number in self._wanting())

    def forecast(self) -> float:
        return sum(part.forecast() for part in self.parts)

    @property
    def remaining(self) -> float:
        return sum(part.remaining for part in self.parts)

    @property
    def bound(self) -> float:
        return share(self.remaining, sum(part.delivered for part in self.parts))

    @property
    def certified(self) -> bool:
        return all(part.certified for part in self.parts)

    def slices(self) -> list[SliceBound]:
        """What is proven of each slice; all of it holds at once."""
        return [
            SliceBound(
                part.delivered, part.remaining, part.bound, part.certified, part.answers, part.forecast()
            )
            for part in self.parts
        ]

    def _turn(self, also: Collection[int]) -> None:
        """Ask the slices that are not certified, and those in `also`; without any, the one with the largest bound."""
        batch = [pair for number in self._wanting(also) for pair in self._ask(number)]
        first = sum(self._asked)
        shuffle = np.random.Philox(key=self.plan.seed, counter=[0, 0, 2, first]).random_raw(
            max(len(batch), 1)
        )
        for at in np.argsort(shuffle[: len(batch)], kind="stable"):
            number, draw = batch[at]
            position = int(self._members[number][draw.position])
            self._hold(number, replace(draw, step=sum(self._asked), position=position))

    def _wanting(self, also: Collection[int] = ()) -> list[int]:
        if also or not self.certified:
            return [number for number, part in enumerate(self.parts) if number in also or not part.certified]
        left = [number for number, part in enumerate(self.parts) if not part.exhausted]
        return sorted(left, key=lambda number: -self.parts[number].bound)[:1]

    def _ask(self, number: int) -> list[tuple[int, Draw]]:
        return [(number, draw) for draw in self.parts[number].next()]

    def _hold(self, number: int, draw: Draw) -> None:
        self._open[draw.position] = draw
        self._asked[number] += 1

    def _move(self, position: int, into: int) -> None:
        """Count the item's rows where they are delivered now; -1: in no slice."""
        before = self._into.get(position, int(self._slice[position]))
        self._into[position] = into
        weight = int(self.plan.weights[position])
        for number, rows in ((before, -weight), (into, weight)):
            if number >= 0 and before != into:
                self.parts[number].moved += rows


def _rank(group: Ints, step: Ints) -> Ints:
    """[m] how many of the same group have a smaller step."""
    order = np.lexsort((step, group))
    begin = np.searchsorted(group[order], group[order])
    rank = np.empty_like(step)
    rank[order] = np.arange(step.size) - begin
    return rank


def _part_of(course: Course, at: Ints, position: Ints, step: Ints, waiting: list[Draw]) -> Course:
    """The rows `at` of a course, with a slice's own positions and steps."""
    return Course(
        position=position,
        step=step,
        census=course.census[at],
        probability=course.probability[at],
        p=course.p[at],
        lam=course.lam[at],
        nu=course.nu[at],
        target=course.target[at],
        least=course.least[at],
        outcome=course.outcome[at],
        waiting=waiting,
    )


def make(slices: Slices | None) -> Make:
    """What makes the audit: of the whole, or by `slices`."""
    return BettingAudit if slices is None else partial(SlicedAudit, slices=slices)


def forecast_slices(
    of: Ints,
    weights: Ints,
    p_wrong: NDArray[np.float64],
    rows: Ints,
    error: float,
    alpha: float,
    expected_error: float,
) -> float:
    """Human answers to certify all slices from here, about: as `census.forecast`, added up.

    Args:
        of, weights, p_wrong: [n] of the pool.
        rows: [k] delivered in each slice.
    """
    pool = np.bincount(of, weights, minlength=rows.size).astype(np.int64)
    by_draws = drawn(pool, rows, error)
    share_ = alpha / max(int(by_draws.sum()), 1)
    scale = expected_error / max(_mean(p_wrong, weights), 1e-12)
    total = 0.0
    for number in np.flatnonzero(pool):
        at = of == number
        if by_draws[number]:
            expected = min(scale * _mean(p_wrong[at], weights[at]), 1.0)
            total += forecast(weights[at], p_wrong[at], int(rows[number]), error, share_, expected)
        elif pool[number] > allowed(error, int(rows[number])):
            total += float(at.sum())
    return total
