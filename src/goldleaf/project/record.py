"""Questions and answers as the ledger has them, kept in memory while a project is open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from goldleaf.certificates.base import Answer, Draw, Event, Outcome
from goldleaf.ledger.base import Ledger
from goldleaf.project.frozen import Frozen
from goldleaf.schema import Purpose


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it stands in the ledger; `position` is the item's place in the store."""

    seq: int
    item: str
    position: int
    purpose: Purpose
    reason: str
    attempt: int
    probability: float
    step: int | None = None
    p: float | None = None
    lam: float | None = None
    nu: float | None = None
    target: float | None = None
    least: float | None = None

    def drawn_in(self, attempt: int) -> bool:
        """Whether it is a question of that attempt's audit; a repeat is none."""
        return self.attempt == attempt and self.purpose != "repeat"

    @property
    def even(self) -> bool:
        """Whether it was drawn at random from all open items, each row alike; bets, which are uneven, have a `nu`."""
        return self.reason == "random" or (self.purpose == "audit" and not self.nu)

    def draw(self, place: int) -> Draw:
        """As the audit knows it; `place` is the item's index in the audit's plan."""
        assert self.step is not None and self.p is not None and self.lam is not None
        assert self.nu is not None and self.target is not None and self.least is not None
        kind: Literal["draw", "census"] = "census" if self.purpose == "census" else "draw"
        return Draw(
            self.step, place, kind, self.probability, self.p, self.lam, self.nu, self.target, self.least
        )


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it stands in the ledger: `answer` is label, cant_tell, skip or retracted."""

    seq: int
    question: int
    answer: str
    label: str | None
    source: str
    seconds: float | None


_ASKED = tuple(column.name for column in fields(Asked))
_GIVEN = ("seq", "question", "answer", "label", "source", "seconds")


class Record:
    """All questions, the effective answer of each, and the order in which they came."""

    def __init__(self, ledger: Ledger, upto: int | None = None) -> None:
        self.ledger = ledger
        self.asked: dict[int, Asked] = {}
        self.given: dict[int, Given] = {}
        self.history: list[Given] = []
        self._open: dict[int, Asked] = {}
        self._said: dict[int, list[Given]] = {}
        self._about: dict[int, list[int]] = {}  # item position → its questions, but for repeats
        self.repeats: list[int] = []  # questions for a second opinion
        last = float("inf") if upto is None else upto
        for row in ledger.rows("questions", *_ASKED):
            if row.seq <= last:
                self._put(Asked(*tuple(row)))
        for row in ledger.rows("votes", *_GIVEN):
            if row.seq <= last:
                self._take(Given(*tuple(row)))

    def _put(self, asked: Asked) -> None:
        self.asked[asked.seq] = asked
        if asked.purpose == "repeat":
            self.repeats.append(asked.seq)
            return
        self._open[asked.seq] = asked
        self._about.setdefault(asked.position, []).append(asked.seq)

    def _take(self, given: Given) -> None:
        asked = self.asked[given.question]
        self.given[given.question] = given
        self.history.append(given)
        self._said.setdefault(given.question, []).append(given)
        self._open.pop(asked.seq, None)
        if asked.purpose == "repeat":
            return
        if given.answer == "retracted" or (given.answer == "skip" and asked.attempt > 0):
            self._open[asked.seq] = asked  # an audit question waits, behind the others

    def ask(self, questions: Sequence[dict[str, Any]]) -> list[Asked]:
        """Write new questions; they are open when this returns."""
        seqs = self.ledger.append([("questions", question) for question in questions])
        new = [Asked(seq=seq, **question) for seq, question in zip(seqs, questions, strict=True)]
        for asked in new:
            self._put(asked)
        return new

    def answer(self, votes: Sequence[dict[str, Any]]) -> list[Given]:
        """Write answers; durable when this returns."""
        entries = []
        for vote in votes:
            before = self.given.get(vote["question"])
            entries.append(
                ("votes", {"suggestion": False, **vote, "replaces": before.seq if before else None})
            )
        seqs = self.ledger.append(entries)
        new = [
            Given(
                seq, vote["question"], vote["answer"], vote.get("label"), vote["source"], vote.get("seconds")
            )
            for seq, vote in zip(seqs, votes, strict=True)
        ]
        for given in new:
            self._take(given)
        return new

    def open(self, attempt: int) -> list[Asked]:
        """Questions that wait for an answer, the training's and this attempt's, in the order to put them."""
        return [asked for asked in self._open.values() if asked.attempt in (0, attempt)]

    def about(self, position: int) -> list[int]:
        """The questions about an item, but for repeats."""
        return self._about.get(position, [])

    def said(self, question: int) -> list[Given]:
        """All that was answered to a question, in order."""
        return self._said.get(question, [])

    def told(self, asked: Asked) -> Given | None:
        """The newest answer that another question about the same item has."""
        others = (self.given.get(seq) for seq in self._about[asked.position] if seq != asked.seq)
        said = [given for given in others if given is not None and given.answer in ("label", "cant_tell")]
        return max(said, key=lambda given: given.seq, default=None)

    def last_answer(self, source: str | None = None) -> Given | None:
        """The newest answer that still counts; a second opinion only where it is this source's own."""
        for given in reversed(self.history):
            foreign = self.asked[given.question].purpose == "repeat" and source not in (None, given.source)
            if given.answer != "retracted" and self.given[given.question] is given and not foreign:
                return given
        return None

    def effective(self) -> Iterable[tuple[Asked, Given]]:
        """Each question with the answer that counts; second opinions are no labels, and left out."""
        return ((asked, given) for asked, given in self.counted() if asked.purpose != "repeat")

    def counted(self) -> Iterable[tuple[Asked, Given]]:
        """The same with second opinions."""
        return ((self.asked[seq], given) for seq, given in self.given.items() if given.answer != "retracted")

    def labeled(self) -> dict[int, str]:
        """Item position → the label people gave it, the newest where there are several."""
        return {asked.position: given.label for asked, given in self.effective() if given.label is not None}

    def trained(self) -> dict[int, str]:
        """As `labeled`, from training questions alone: what an audit found out is for the proof."""
        return {
            asked.position: given.label
            for asked, given in self.effective()
            if given.label is not None and asked.purpose == "training"
        }

    def drawn_at_random(self) -> frozenset[int]:
        """Items with a label whose first question drew them evenly from the open ones.

        Margin, cold-start and census questions seek items out, and so do the draws of bets, which lean to the risky.
        """
        first: dict[int, Asked] = {}
        for asked, given in self.effective():
            if given.label is not None:
                known = first.setdefault(asked.position, asked)
                if asked.seq < known.seq:
                    first[asked.position] = asked
        return frozenset(position for position, asked in first.items() if asked.even)

    def labeled_before(self, seq: int) -> dict[int, str]:
        """As `labeled`, as it was before entry `seq`."""
        newest: dict[int, Given] = {}
        for given in self.history:
            if given.seq < seq and self.asked[given.question].purpose != "repeat":
                newest[given.question] = given
        return {
            self.asked[question].position: given.label
            for question, given in newest.items()
            if given.label is not None
        }

    def positions(self, answer: str) -> NDArray[np.int64]:
        """Items whose newest answer is `cant_tell` or `skip`."""
        newest = {asked.position: given.answer for asked, given in self.effective()}
        return np.array(sorted(position for position, said in newest.items() if said == answer), np.int64)

    def answers(self) -> int:
        """Human answers so far: labels and can't-tells; a skip is none."""
        return sum(given.answer in ("label", "cant_tell") for _, given in self.counted())

    def events(self, frozen: Frozen) -> list[Event]:
        """The attempt's draws and answers in the ledger's order, as its audit takes them."""
        merged: list[tuple[int, Event]] = []
        for asked in self.asked.values():
            if asked.drawn_in(frozen.attempt):
                merged.append((asked.seq, asked.draw(frozen.place(asked.position))))
        for given in self.history:
            asked = self.asked[given.question]
            if asked.drawn_in(frozen.attempt) and given.answer in ("label", "cant_tell"):
                merged.append((given.seq, heard(given, frozen, frozen.place(asked.position))))
        return [event for _, event in sorted(merged, key=lambda pair: pair[0])]

    def audited(self, frozen: Frozen) -> tuple[list[Draw], list[Outcome]]:
        """The attempt's answered draws in the order of their steps, each with the outcome that counts."""
        pairs = []
        for asked, given in self.effective():
            if asked.attempt == frozen.attempt and given.answer in ("label", "cant_tell"):
                draw = asked.draw(frozen.place(asked.position))
                pairs.append((draw, outcome(given, frozen.label(draw.position))))
        pairs.sort(key=lambda pair: pair[0].step)
        return [draw for draw, _ in pairs], [said for _, said in pairs]


def heard(given: Given, frozen: Frozen, place: int) -> Answer:
    """An answer about the item at `place` of the plan, as the audit takes it."""
    said, into = outcome(given, frozen.label(place)), frozen.into(place, given.label)
    return (place, said) if into is None else (place, said, into)


def outcome(given: Given, predicted: str) -> Outcome:
    """What an answer says of the frozen label."""
    if given.answer == "cant_tell":
        return Outcome.CANT_TELL
    return Outcome.RIGHT if given.label == predicted else Outcome.WRONG
