"""How far people agree: over the items that two of them answered, the second blind to the first."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from goldleaf.desk.stock import first_answer
from goldleaf.project.record import Record
from goldleaf.project.repeats import ANSWERS


@dataclass(frozen=True)
class Agreement:
    """One person's: of `pairs` items answered by them and another `agree` are equal.

    Attributes:
        settled, right: of the disputes that a third person settled, those settled their way.
    """

    pairs: int = 0
    agree: int = 0
    settled: int = 0
    right: int = 0

    @property
    def accuracy(self) -> float | None:
        """Estimated: agreed pairs count as right, settled ones as settled, open disputes not at all."""
        known = self.agree + self.settled
        return (self.agree + self.right) / known if known else None


def agreements(record: Record) -> dict[str, Agreement]:
    """Source → its agreement with others."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for seq in record.repeats:
        repeat, second = record.asked[seq], record.given.get(seq)
        if second is None or second.answer not in ANSWERS:
            continue
        about = record.about(repeat.position)
        before = [
            one for at in about for one in record.said(at) if one.seq < second.seq and one.answer in ANSWERS
        ]
        first = max(before, key=lambda one: one.seq, default=None)
        if first is None or first.source == second.source:
            continue
        agree = (first.answer, first.label) == (second.answer, second.label)
        now = first_answer(record, repeat)
        settled = not agree and now is not None and now.seq > second.seq
        for one in (first, second):
            mine = counts[one.source]
            mine[0] += 1
            mine[1] += agree
            mine[2] += settled
            mine[3] += settled and now is not None and (now.answer, now.label) == (one.answer, one.label)
    return {source: Agreement(*found) for source, found in counts.items()}
