"""Counts that a page shows after every answer, kept up to date one answer at a time."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from statistics import fmean

from goldleaf.project.record import Asked, Given, Record
from goldleaf.project.repeats import ANSWERS

RECENT = 200  # answers that the pace is measured on
IDLE = 600.0  # seconds: who has answered within these is at work
LONGEST = 600.0  # seconds on one question; more is a break


@dataclass
class Pace:
    """Answers that count, by purpose, label and person; and how long they took."""

    purposes: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)
    skipped: int = 0
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    _theirs: dict[str, deque[float]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=RECENT))
    )
    seen: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Record) -> Pace:
        """As the record has it."""
        pace = cls()
        before: dict[int, Given] = {}
        for given in record.history:
            pace.take(record.asked[given.question], given, before.get(given.question))
            before[given.question] = given
        return pace

    def take(self, asked: Asked, given: Given, before: Given | None) -> None:
        """Count `given` in the place of `before`."""
        for one, sign in ((before, -1), (given, 1)):
            if one is None:
                continue
            if one.answer in ANSWERS:
                self.purposes[asked.purpose] += sign
                self.people[one.source] += sign
                if one.label is not None and asked.purpose != "repeat":
                    self.labels[one.label] += sign
            self.skipped += sign * (one.answer == "skip")
        if given.seconds is not None and given.answer in ANSWERS:
            seconds = min(given.seconds, LONGEST)
            self._recent.append(seconds)
            self._theirs[given.source].append(seconds)

    @property
    def answers(self) -> int:
        return self.purposes.total()

    def seconds(self, source: str | None = None) -> float | None:
        """Per answer, of everybody or of one person lately; None while nothing was measured."""
        found = self._recent if source is None else self._theirs.get(source, ())
        return fmean(found) if found else None

    def at_work(self, now: float) -> int:
        """People who were here lately."""
        return sum(now - last < IDLE for last in self.seen.values())
