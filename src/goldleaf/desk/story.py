"""What happened to one item: its questions, answers, predictions and notes, in the ledger's order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from goldleaf.ledger.base import Ledger
from goldleaf.project.frozen import Frozen
from goldleaf.project.loop import REASON
from goldleaf.project.record import Record
from goldleaf.project.vote_record import VoteRecord


def story(ledger: Ledger, record: Record, frozen: Frozen | None, position: int) -> list[dict[str, Any]]:
    """The entries about an item, oldest first; each has `kind`, `seq`, `at`, `who`, and what it says."""
    repeats = [seq for seq in record.repeats if record.asked[seq].position == position]
    asked = [record.asked[seq] for seq in (*record.about(position), *repeats)]
    found = []
    for one in asked:
        row = ledger.last("questions", "seq", "at", seq=one.seq)
        assert row is not None
        why = {"purpose": one.purpose, "reason": REASON.get(one.reason, one.reason)}
        found.append({"kind": "question", "seq": one.seq, "at": row.at, "who": None, **why})
        for vote in ledger.rows("votes", question=one.seq):
            said = {
                name: getattr(vote, name) for name in ("answer", "label", "seconds", "suggestion", "replaces")
            }
            who = vote.source.removeprefix("human:")
            found.append({"kind": "answer", "seq": vote.seq, "at": vote.at, "who": who, **said, **why})
    for note in ledger.rows("notes", position=position):
        who = note.source.removeprefix("human:")
        found.append({"kind": note.kind, "seq": note.seq, "at": note.at, "who": who, "text": note.text})
    if frozen is not None and frozen.holds(position):
        found.append(_prediction(ledger, frozen, position))
    return sorted(found, key=lambda one: one["seq"])


def votes_on(votes: VoteRecord, labels: Sequence[str], position: int) -> list[dict[str, Any]]:
    """The same of what other sources say now; reads their files."""
    return [
        {
            "kind": "vote",
            "seq": one.seq,
            "at": one.at,
            "who": one.source,
            "label": labels[one.label],
            "probability": one.confidence,
        }
        for one in votes.about(position)
    ]


def _prediction(ledger: Ledger, frozen: Frozen, position: int) -> dict[str, Any]:
    row = ledger.last("posteriors", "seq", "at", "model", attempt=frozen.attempt)
    assert row is not None
    place = frozen.place(position)
    return {
        "kind": "prediction",
        "seq": row.seq,
        "at": row.at,
        "who": row.model,
        "label": frozen.label(place),
        "probability": float(frozen.probability[place]),
    }
