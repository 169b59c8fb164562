"""Replayed answers joined to the project's items."""

from __future__ import annotations

from goldleaf.items.lookup import match
from goldleaf.items.open import open_reader
from goldleaf.items.store import ItemStore
from goldleaf.schema import Answerer, Item, Reply
from goldleaf.task import Classify
from goldleaf.votes.replay import Replay


def replayed(replay: Replay, store: ItemStore, task: Classify) -> Answerer:
    """A callable that answers from the file; an item the file does not name is skipped.

    Raises:
        VotesError: an unknown label (where), two labels for one item, or a file that names no item.
    """
    reader = open_reader(replay.answers, task=None)
    own = (*store.schema.names, task.key or "")
    column = replay.label_column(tuple(reader.columns), own)
    found = match(store, reader, task, column)
    for row, label in zip(found.rows.tolist(), found.labels, strict=True):
        if label is not None:
            task.index(label, reader.where(row))
    known = dict(zip(found.positions.tolist(), found.labels, strict=True))

    def answer(item: Item) -> str | Reply:
        label = known.get(item.position)
        return Reply.SKIP if label is None else label

    return answer
