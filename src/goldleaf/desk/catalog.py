"""Every item's label, who gave it, and what was said of it: columns over all items, for tables and filters."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldleaf.project.frozen import Frozen
from goldleaf.project.loop import Loop
from goldleaf.project.record import Given
from goldleaf.project.repeats import ANSWERS

NONE, MACHINE, HUMAN = 0, 1, 2
BY = {"none": NONE, "machine": MACHINE, "human": HUMAN}
SORTS = ("position", "probability", "-probability", "recent")


@dataclass(frozen=True)
class Filter:
    """Which items; what is None is not asked for. `mask`: [items] of a search."""

    label: int | None = None
    by: int | None = None
    person: str | None = None
    flagged: bool | None = None
    least: float | None = None
    most: float | None = None
    answer: str | None = None
    mask: NDArray[np.bool_] | None = None


class Catalog:
    """Follows the record: reads what is new there before each use. Safe from any thread.

    Attributes:
        label: [items] class integers, -1 without one. probability: [items] of a machine label, 1 of a person's, else nan.
        by: [items] NONE, MACHINE or HUMAN. recent: [items] seq of the newest answer, 0 without one.
    """

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self._lock = threading.Lock()
        self._index = {name: at for at, name in enumerate(loop.config.task.labels)}
        self._people: dict[str, int] = {}
        self.flags: dict[int, bool] = {}
        self.comments: Counter[int] = Counter()
        self._notes = 0
        self._frozen: Frozen | None = None
        self._reset()
        self.follow()

    def _reset(self) -> None:
        items = self.loop.store.items
        self.label = np.full(items, -1, np.int16)
        self.probability = np.full(items, np.nan, np.float32)
        self.by = np.zeros(items, np.int8)
        self.person = np.full(items, -1, np.int32)
        self.recent = np.zeros(items, np.int64)
        self.answer = np.zeros(items, np.int8)  # 1 can't tell, 2 skip
        self._heard = 0
        if self._frozen is not None:
            at = self._frozen.positions
            self.label[at], self.probability[at] = self._frozen.labels, self._frozen.probability
            self.by[at] = MACHINE

    def follow(self) -> None:
        """Take in what was answered and noted since."""
        with self._lock:
            if self.loop.frozen is not self._frozen:
                self._frozen = self.loop.frozen
                self._reset()
            history = self.loop.record.history
            while self._heard < len(history):
                self._take(history[self._heard])
                self._heard += 1
            for row in self.loop.ledger.rows("notes", "seq", "position", "kind", after=self._notes):
                self._notes = row.seq
                if row.kind == "comment":
                    self.comments[row.position] += 1
                else:
                    self.flags[row.position] = row.kind == "flag"

    def _take(self, given: Given) -> None:
        """Put the item as its answers have it now."""
        record = self.loop.record
        asked = record.asked[given.question]
        if asked.purpose == "repeat":
            return
        at = asked.position
        self.recent[at] = given.seq
        standing = [one for seq in record.about(at) if (one := record.given.get(seq)) is not None]
        said = [one for one in standing if one.answer in ANSWERS]
        labels = [one for one in said if one.label is not None]
        newest = max(said, key=lambda one: one.seq, default=None)
        skipped = any(one.answer == "skip" for one in standing)
        unsure = newest is not None and newest.answer == "cant_tell"
        self.answer[at] = 1 if unsure else 2 if newest is None and skipped else 0
        if labels:
            best = max(labels, key=lambda one: one.seq)
            self.label[at], self.probability[at] = self._index[best.label or ""], 1.0
            self.by[at], self.person[at] = HUMAN, self._people.setdefault(best.source, len(self._people))
            return
        self.person[at] = -1
        if self._frozen is not None and self._frozen.holds(at):
            place = self._frozen.place(at)
            self.label[at], self.probability[at] = self._frozen.labels[place], self._frozen.probability[place]
            self.by[at] = MACHINE
        else:
            self.label[at], self.probability[at], self.by[at] = -1, np.nan, NONE

    def people(self) -> list[str]:
        """Sources of labels."""
        return sorted(self._people)

    def people_by_code(self) -> dict[int, str]:
        return {code: name for name, code in self._people.items()}

    def find(self, wanted: Filter, sort: str, offset: int, limit: int) -> tuple[int, list[int]]:
        """(how many items fit, the positions of a page of them)."""
        self.follow()
        mask = self._mask(wanted)
        if mask is None and sort == "position":
            total = len(self.label)
            return total, list(range(offset, min(offset + limit, total)))
        at = np.arange(len(self.label)) if mask is None else np.flatnonzero(mask)
        if sort != "position" and len(at):
            at = self._sorted(at, sort, offset + limit)
        return len(at) if mask is None else int(mask.sum()), at[offset : offset + limit].tolist()

    def _sorted(self, at: NDArray[np.int64], sort: str, upto: int) -> NDArray[np.int64]:
        """The first `upto` in order."""
        keys = -self.recent[at] if sort == "recent" else self.probability[at]
        keys = -keys if sort == "-probability" else keys
        if sort != "recent":
            keys = np.where(np.isnan(keys), np.inf, keys)
        if upto < len(at):
            chosen = np.argpartition(keys, upto)[:upto]
            at, keys = at[chosen], keys[chosen]
        return at[np.lexsort((at, keys))]

    def _mask(self, wanted: Filter) -> NDArray[np.bool_] | None:
        parts: list[Any] = [] if wanted.mask is None else [wanted.mask]
        if wanted.label is not None:
            parts.append(self.label == wanted.label)
        if wanted.by is not None:
            parts.append(self.by == wanted.by)
        if wanted.person is not None:
            parts.append(self.person == self._people.get(wanted.person, -2))
        if wanted.flagged is not None:
            flagged = np.zeros(len(self.label), bool)
            flagged[[at for at, on in self.flags.items() if on]] = True
            parts.append(flagged == wanted.flagged)
        if wanted.least is not None:
            parts.append(self.probability >= wanted.least)
        if wanted.most is not None:
            parts.append(self.probability <= wanted.most)
        if wanted.answer is not None:
            parts.append(self.answer == {"cant_tell": 1, "skip": 2}[wanted.answer])
        return np.logical_and.reduce(parts) if parts else None
