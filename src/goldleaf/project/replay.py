"""Replayed answers joined to the project's items."""

from __future__ import annotations

from goldleaf.errors import VotesError
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
    reader = open_reader(replay.answers, task=task)
    own = (
        *(name for name in store.schema.names if name in reader.columns),
        *((task.key,) if task.key else ()),
    )
    column = replay.label_column(tuple(reader.columns), own)
    found = match(store, reader, task, column)
    known = dict(zip(found.positions.tolist(), found.labels, strict=True))
    for place, label in zip(found.places, found.labels, strict=True):
        if label is not None:
            task.index(label, place)
    if not known:
        raise VotesError(
            f"{replay.name} names none of the project's items.", do="Check the key or content columns."
        )

    def answer(item: Item) -> str | Reply:
        label = known.get(item.position)
        return Reply.SKIP if label is None else label

    return answer
