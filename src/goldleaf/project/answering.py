"""Which answers may be given to which questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from goldleaf.errors import VotesError
from goldleaf.project.frozen import last_freeze
from goldleaf.project.loop import Loop
from goldleaf.project.record import Asked
from goldleaf.schema import Reply
from goldleaf.task import CLASS


def vote(loop: Loop, asked: Asked, reply: str | Reply, source: str, seconds: float | None) -> dict[str, Any]:
    """The ledger's entry of an answer; raises unless it may be given to this question now."""
    said, label = ("label", reply) if not isinstance(reply, Reply) else (reply.value, None)
    if not isinstance(reply, str | Reply):
        raise VotesError(
            f"The answer of {source} to item {asked.item} is {reply!r}; allowed: a label as text, "
            "Reply.CANT_TELL, Reply.SKIP."
        )
    if label is not None:
        loop.config.task.index(label, f"the answer of {source} to item {asked.item}")
        _refuse_other_class(loop, asked, label)
    elif loop.frozen and asked.purpose != "repeat" and not loop.frozen.holds(asked.position):
        raise VotesError(
            f"Item {asked.item} was answered before the audit began, which counts on its label; "
            f"got {said!r}, allowed now: a label.",
            do="Answer it with a label; to leave it out, train anew first: project.retrain()",
        )
    return {
        "question": asked.seq,
        "item": asked.item,
        "source": source,
        "answer": said,
        "label": label,
        "seconds": seconds,
    }


def _refuse_other_class(loop: Loop, asked: Asked, label: str) -> None:
    """A proof for each class counts the rows that people had labeled with it before the audit began."""
    frozen = loop.frozen
    if frozen is None or loop.config.target.per != CLASS or asked.attempt:
        return
    if frozen.holds(asked.position):  # nobody could tell then, so it counts in the machine's class
        before = frozen.label(frozen.place(asked.position))
    else:
        freeze = last_freeze(loop.ledger, "seq")
        before = loop.record.labeled_before(freeze.seq).get(asked.position, label)
    if label != before:
        raise VotesError(
            f"Item {asked.item} was {before!r} when the audit began, which counts it in that class; "
            f"got {label!r}, allowed now: {before!r}.",
            do="To change it, train anew first: project.retrain()",
        )


def refuse_standstill(waiting: Sequence[Asked], replies: Sequence[str | Reply]) -> None:
    """An audit question stays until it is answered; a source that skips all of them would be asked forever."""
    skipped = [
        asked
        for asked, reply in zip(waiting, replies, strict=True)
        if reply is Reply.SKIP and asked.purpose in ("audit", "census")
    ]
    if skipped and len(skipped) == len(waiting):
        raise VotesError(
            f"Item {skipped[0].item} was drawn for the audit and has no answer; leaving it out would void the proof.",
            do='Answer it by hand (goldleaf label), or answer "can\'t tell".',
        )
