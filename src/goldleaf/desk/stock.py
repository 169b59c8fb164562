"""Which open question goes to whom: the ones that nobody holds, second opinions, and disagreements to look at."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from goldleaf.project.record import Asked, Given, Record
from goldleaf.project.repeats import ANSWERS


@dataclass(frozen=True)
class Dispute:
    """Two people's answers to one item that differ.

    Attributes:
        first: the question that labels the item. opinions: what was said, the first answer first.
    """

    first: Asked
    opinions: tuple[Given, Given]


class Stock:
    """Open questions that wait for somebody, in the order in which they are to be put."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self._ready: deque[int] = deque()
        self._here: set[int] = set()
        self._left: dict[int, dict[str, float]] = defaultdict(dict)  # question → who left it → until when
        self.overlap: dict[int, Asked] = {}  # second opinions outside a certificate's sample, not given yet
        self.disputes: dict[int, Dispute] = {}  # by the repeat that differs
        for seq in record.repeats:
            self._file(record.asked[seq])

    def __len__(self) -> int:
        return len(self._ready)

    def refill(self, questions: Iterable[Asked]) -> None:
        """Put open questions behind those that wait."""
        for asked in questions:
            if asked.purpose == "repeat":
                self._file(asked)
            elif asked.seq not in self._here:
                self._here.add(asked.seq)
                self._ready.append(asked.seq)

    def clear(self) -> None:
        self._ready.clear()
        self._here.clear()

    def left(self, question: int, source: str, until: float = inf) -> None:
        """`source` skipped it, or let it lie: others first, until a moment in seconds since 1970."""
        self._left[question][source] = until

    def leaves(self, source: str, question: int, now: float) -> bool:
        """Whether they leave it to others now."""
        return self._left.get(question, {}).get(source, 0.0) > now

    def pick(self, source: str, now: float, *, again: bool = False) -> Asked | None:
        """The next question for `source`, taken out of the stock.

        Args:
            again: also one that they skipped.
        """
        for at in range(len(self._ready)):
            seq = self._ready[at]
            skipped = self._left.get(seq, {}).get(source, 0.0) == inf
            if (again and skipped) or not self.leaves(source, seq, now):
                del self._ready[at]
                self._here.discard(seq)
                return self.record.asked[seq]
        return None

    def peek(self, count: int) -> list[int]:
        """The items of the next `count` questions."""
        few = min(count, len(self._ready))
        return [self.record.asked[self._ready[at]].position for at in range(few)]

    def pull(self, seq: int) -> None:
        """Take a question out: somebody has it."""
        if seq in self._here:
            self._here.discard(seq)
            self._ready.remove(seq)

    def opinion(self, source: str, held: set[int], now: float) -> Asked | None:
        """A question for a second opinion of `source` outside the sample."""
        for seq, asked in self.overlap.items():
            first = first_answer(self.record, asked)
            if (
                seq not in held
                and not self.leaves(source, seq, now)
                and first is not None
                and first.source != source
            ):
                return asked
        return None

    def dispute(self, source: str, held: set[int], now: float) -> Dispute | None:
        """A disagreement that `source` may settle: not one of their own."""
        for found in self.disputes.values():
            free = found.first.seq not in held and not self.leaves(source, found.first.seq, now)
            if free and source not in (one.source for one in found.opinions):
                return found
        return None

    def dispute_about(self, seq: int) -> Dispute | None:
        """The disagreement over what question `seq` labels."""
        return next((one for one in self.disputes.values() if one.first.seq == seq), None)

    def heard(self, asked: Asked) -> None:
        """Take note of a new answer to `asked`."""
        if asked.purpose == "repeat":
            self._file(asked)
        for seq in [seq for seq, one in self.disputes.items() if one.first.position == asked.position]:
            self._file(self.record.asked[seq])

    def _file(self, repeat: Asked) -> None:
        """A repeat is either waited for, or in agreement, or in dispute until a third person has spoken."""
        self.overlap.pop(repeat.seq, None)
        self.disputes.pop(repeat.seq, None)
        second = self.record.given.get(repeat.seq)
        if second is None or second.answer not in ANSWERS:
            if repeat.attempt == 0:
                self.overlap[repeat.seq] = repeat
            return
        first = first_answer(self.record, repeat)
        if first is None or first.source == second.source or first.seq > second.seq:
            return  # a first answer given after the second one settles it
        if (first.answer, first.label) != (second.answer, second.label):
            self.disputes[repeat.seq] = Dispute(self.record.asked[first.question], (first, second))


def first_answer(record: Record, repeat: Asked) -> Given | None:
    """The answer that labels the repeat's item now."""
    given = (record.given.get(seq) for seq in record.about(repeat.position))
    said = [one for one in given if one is not None and one.answer in ANSWERS]
    return max(said, key=lambda one: one.seq, default=None)
