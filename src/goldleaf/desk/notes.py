"""Comments and flags: what people say of an item beside its label. They label nothing and prove nothing."""

from __future__ import annotations

from collections.abc import Sequence

from goldleaf.ledger.base import Entry

KINDS = ("comment", "flag", "unflag")


def note_entries(
    item: str, position: int, source: str, notes: Sequence[tuple[str, str | None]]
) -> list[Entry]:
    """The ledger's entries of some (kind, text)."""
    return [
        ("notes", {"item": item, "position": position, "source": source, "kind": kind, "text": text})
        for kind, text in notes
    ]
