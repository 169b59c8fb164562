"""What the items contain, for the page: by position only, text cut to what a screen can hold."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from goldleaf.desk.shelf import Shelf
from goldleaf.items.store import ItemStore
from goldleaf.task import Classify

CUT = 20_000  # characters of a cell that travel with a question
KEPT = 5_000  # items in memory
AHEAD = 128  # items that are read before they are asked for


class Contents:
    """Reads items once; safe to use from several threads."""

    def __init__(self, store: ItemStore, task: Classify) -> None:
        self.store, self.task = store, task
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, dict[str, Any]] = OrderedDict()
        self.shelf: Shelf | None = None  # once the items are laid out
        self._columns = [name for name in store.schema.names if name in store.fields]

    def known(self, position: int) -> dict[str, Any] | None:
        """The item if it is in memory."""
        return self._kept.get(position)

    def load(self, positions: Sequence[int]) -> None:
        """Read those that are not in memory, in one go."""
        missing = sorted({at for at in positions if at not in self._kept})
        if not missing:
            return
        rows, ids = self.rows(missing)
        weights = self.store.weights()
        with self._lock:
            for at, row, name in zip(missing, rows, ids, strict=True):
                self._kept[at] = self._item(at, name, row, int(weights[at]))
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    def rows(self, positions: Sequence[int]) -> tuple[list[dict[str, Any]], list[str]]:
        """The user's columns of some items, but for images, and their ids; `positions` ascend."""
        if self.shelf is not None:
            rows = self.shelf.take(positions)
            return rows, [str(row.pop("goldleaf_id")) for row in rows]
        return self.store.take(positions, self._columns).to_pylist(), self.store.ids_of(positions)

    def item(self, position: int) -> dict[str, Any]:
        """One item, read if need be."""
        while (found := self._kept.get(position)) is None:
            self.load([position])
        return found

    def _item(self, position: int, name: str, row: dict[str, Any], rows: int) -> dict[str, Any]:
        image = self.task.image
        content, truncated = {}, {}
        for column, value in ((name, row.get(name)) for name in self._columns):
            if isinstance(value, bytes):
                value = None
            elif isinstance(value, str) and len(value) > CUT:
                truncated[column], value = len(value), value[:CUT]
            content[column] = value if isinstance(value, str | int | float | bool | None) else str(value)
        return {
            "position": position,
            "id": name,
            "content": content,
            "image": f"/api/items/{position}/image" if image is not None else None,
            "truncated": truncated,
            "rows": rows,
        }
