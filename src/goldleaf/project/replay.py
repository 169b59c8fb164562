"""Replayed answers joined to the project's items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goldleaf.items.lookup import match
from goldleaf.items.open import open_reader
from goldleaf.items.store import ItemStore
from goldleaf.schema import Item, Reply
from goldleaf.task import Classify
from goldleaf.votes.replay import Replay


@dataclass(frozen=True)
class Replayed:
    """Known answers by item: a callable that `Project.label` takes.

    Attributes:
        name: the source in the ledger.
        labels: item position → label.
        unmatched: rows of the file that name no item of the project.
    """

    name: str
    labels: dict[int, str]
    unmatched: int

    @property
    def positions(self) -> NDArray[np.int64]:
        """The items with an answer."""
        return np.array(sorted(self.labels), np.int64)

    def __call__(self, item: Item) -> str | Reply:
        return self.labels.get(item.position, Reply.SKIP)


def replayed(replay: Replay, store: ItemStore, task: Classify) -> Replayed:
    """Join the answers to the items by key, id or content.

    Raises:
        VotesError: an unknown label (where), two labels for one item, or a file that names no item.
    """
    reader = open_reader(replay.answers, task=None)
    own = (*(name for name in store.schema.names if name != "label" or name in store.fields), task.key or "")
    found = match(store, reader, task, replay.label_column(tuple(reader.columns), own))
    allowed = set(task.labels)
    for row, label in zip(found.rows.tolist(), found.labels, strict=True):
        if label is not None and label not in allowed:  # to say where costs a look through the file
            task.index(label, reader.where(row))
    pairs = zip(found.positions.tolist(), found.labels, strict=True)
    labels = {position: label for position, label in pairs if label is not None}
    return Replayed(replay.name, labels, found.unmatched)
