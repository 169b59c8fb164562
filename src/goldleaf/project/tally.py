"""Counts and draws straight from the ledger's tables: what `status` and a long audit need without an object a row."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from goldleaf.certificates.base import Course, Draw, Outcome
from goldleaf.ledger.base import Ledger
from goldleaf.ledger.tables import NOUNS
from goldleaf.project.frozen import Frozen
from goldleaf.task import CLASS

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
            answers[row.purpose] = answers.get(row.purpose, 0) + row.number
            seconds += row.seconds or 0.0
            untimed += row.number - row.timed
    return Tally(answers, skipped, seconds, untimed)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Rows are no garbage: the collector's passes over a hundred thousand new ones take a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_without_collecting()
def course(ledger: Ledger, frozen: Frozen) -> Course:
    """Read the attempt's draws and answers. Two plain scans: a join in SQL takes twice as long."""
    asked = ledger.read(
        select(*(_QUESTIONS.c[name] for name in _ASKED))
        .where(_QUESTIONS.c.attempt == frozen.attempt, _QUESTIONS.c.purpose != "repeat")
        .order_by(_QUESTIONS.c.seq)
    )
    seq, position, purpose, *numbers = _columns(asked, len(_ASKED))
    place = np.searchsorted(frozen.positions, np.array(position, np.int64))
    census = np.array([name == "census" for name in purpose], bool)
    column: dict[str, Any] = dict(
        zip(_NUMBERS, (np.array(number, np.float64) for number in numbers), strict=True)
    )
    first, outcome, label = _answers(ledger, np.array(seq, np.int64), frozen, place)
    answered = np.argsort(first, kind="stable")[np.count_nonzero(first < 0) :]
    return Course(
        position=place[answered],
        step=answered,  # draws were written in the order of their steps
        census=census[answered],
        outcome=outcome[answered],
        into=_into(frozen, place, label)[answered] if frozen.slices else None,
        waiting=[
            Draw(
                int(step),
                int(place[step]),
                _kind(census[step]),
                **{n: float(c[step]) for n, c in column.items()},
            )
            for step in np.flatnonzero(first < 0)
        ],
        **{name: values[answered] for name, values in column.items()},
    )


_ASKED = ("seq", "position", "purpose", *_NUMBERS)


def _answers(
    ledger: Ledger, seq: NDArray[np.int64], frozen: Frozen, place: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.int64]]:
    """For each question: the rank of its first answer (-1 without one), and the outcome and label of its last."""
    said = ledger.read(
        select(_VOTES.c.question, _VOTES.c.label)
        .where(_VOTES.c.answer.in_(("label", "cant_tell")))
        .order_by(_VOTES.c.seq)
    )
    question, label = _columns(said, 2)
    about = np.array(question, np.int64)
    asked, first = np.unique(about, return_index=True)
    _, last = np.unique(about[::-1], return_index=True)
    at = np.minimum(np.searchsorted(asked, seq), max(len(asked) - 1, 0))
    there = asked[at] == seq if len(asked) else np.zeros(len(seq), bool)
    index = {name: number for number, name in enumerate(frozen.facts["labels"])}
    code = np.array([index.get(name, -1) if name is not None else -2 for name in label], np.int64)
    newest = code[::-1][last][at] if len(asked) else np.full(len(seq), -2)
    outcome = np.where(newest == frozen.labels[place], Outcome.RIGHT.value, Outcome.WRONG.value)
    outcome[newest == -2] = Outcome.CANT_TELL.value
    rank = np.where(there, first[at], -1) if len(asked) else np.full(len(seq), -1)
    return rank, outcome.astype(np.int8), newest


def _into(frozen: Frozen, place: NDArray[np.int64], label: NDArray[np.int64]) -> NDArray[np.int64]:
    """The slice that each item is delivered in: `Frozen.into`, by column."""
    assert frozen.slices is not None
    own = frozen.slices.of[place]
    return np.where(label == -2, own, label) if frozen.facts["per"] == CLASS else own


def _columns(rows: Sequence[Any], width: int) -> list[Sequence[Any]]:
    return list(zip(*rows, strict=True)) if rows else [()] * width


def _kind(census: bool) -> Literal["draw", "census"]:
    return "census" if census else "draw"
