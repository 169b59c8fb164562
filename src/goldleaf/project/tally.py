"""Counts and draws straight from the ledger's tables: what `status` and a long audit need without an object a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, and_, func, select

from goldleaf.certificates.base import Course, Draw, Outcome
from goldleaf.ledger.base import Ledger
from goldleaf.ledger.tables import NOUNS
from goldleaf.project.frozen import Frozen

_QUESTIONS, _VOTES = NOUNS["questions"], NOUNS["votes"]
_NUMBERS = ("probability", "p", "lam", "nu", "target", "least")


@dataclass(frozen=True)
class Tally:
    """Answers that count, by purpose; skips; the seconds that were measured, and the answers without any."""

    answers: dict[str, int]
    skipped: int
    seconds: float
    untimed: int


def tally(ledger: Ledger) -> Tally:
    """Count the newest answer of every question."""
    replaced = select(_VOTES.c.replaces).where(_VOTES.c.replaces.is_not(None))
    query = (
        select(
            _QUESTIONS.c.purpose,
            _VOTES.c.answer,
            func.count().label("number"),
            func.sum(_VOTES.c.seconds).label("seconds"),
            func.count(_VOTES.c.seconds).label("timed"),
        )
        .join_from(_VOTES, _QUESTIONS, _VOTES.c.question == _QUESTIONS.c.seq)
        .where(_VOTES.c.seq.not_in(replaced), _VOTES.c.answer != "retracted")
        .group_by(_QUESTIONS.c.purpose, _VOTES.c.answer)
    )
    answers = dict.fromkeys(("training", "audit", "census"), 0)
    skipped, seconds, untimed = 0, 0.0, 0
    for row in ledger.read(query):
        if row.answer == "skip":
            skipped += row.number
        else:
            answers[row.purpose] += row.number
            seconds += row.seconds or 0.0
            untimed += row.number - row.timed
    return Tally(answers, skipped, seconds, untimed)


def course(ledger: Ledger, frozen: Frozen) -> Course:
    """Read the attempt's draws and answers."""
    rows = ledger.read(_course_query(frozen.attempt))
    answered = [row for row in rows if row.first is not None]
    columns = list(zip(*answered, strict=True)) if answered else [()] * len(_COLUMNS)
    by_name: dict[str, Any] = dict(zip(_COLUMNS, columns, strict=True))
    place = np.searchsorted(frozen.positions, np.array(by_name["position"], np.int64))
    return Course(
        **{name: np.array(by_name[name], np.float64) for name in _NUMBERS},
        position=place,
        step=np.array(by_name["step"], np.int64),
        census=np.array([purpose == "census" for purpose in by_name["purpose"]], bool),
        outcome=_outcomes(by_name["answer"], by_name["label"], frozen.labels[place], frozen.facts["labels"]),
        waiting=[_draw(row, frozen) for row in rows if row.first is None],
    )


_COLUMNS = ("position", "step", "purpose", *_NUMBERS, "first", "answer", "label")


def _course_query(attempt: int) -> Select[Any]:
    said = (
        select(_VOTES.c.question, func.min(_VOTES.c.seq).label("first"), func.max(_VOTES.c.seq).label("last"))
        .where(_VOTES.c.answer.in_(("label", "cant_tell")))
        .group_by(_VOTES.c.question)
        .subquery()
    )
    return (
        select(
            *(_QUESTIONS.c[name] for name in ("position", "step", "purpose", *_NUMBERS)),
            said.c.first,
            _VOTES.c.answer,
            _VOTES.c.label,
        )
        .join_from(_QUESTIONS, said, said.c.question == _QUESTIONS.c.seq, isouter=True)
        .join(_VOTES, and_(_VOTES.c.seq == said.c.last), isouter=True)
        .where(_QUESTIONS.c.attempt == attempt)
        .order_by(said.c.first, _QUESTIONS.c.seq)
    )


def _outcomes(
    answers: tuple[str, ...], labels: tuple[str | None, ...], predicted: NDArray[np.int16], names: list[str]
) -> NDArray[np.int8]:
    index = {name: number for number, name in enumerate(names)}
    said = np.array([index.get(label, -1) for label in labels], np.int64)  # type: ignore[arg-type]
    outcome = np.where(said == predicted, Outcome.RIGHT.value, Outcome.WRONG.value).astype(np.int8)
    outcome[np.array([answer == "cant_tell" for answer in answers], bool)] = Outcome.CANT_TELL.value
    return outcome


def _draw(row: Any, frozen: Frozen) -> Draw:
    kind: Literal["draw", "census"] = "census" if row.purpose == "census" else "draw"
    numbers = {name: getattr(row, name) for name in _NUMBERS}
    return Draw(step=row.step, position=frozen.place(row.position), kind=kind, **numbers)
