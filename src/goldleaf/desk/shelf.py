"""The items laid out for looking at: an uncompressed Arrow file beside the store, mapped into memory.

The store is packed for keeping; reading one item out of it unpacks thousands. The shelf is made once a state of the
items, in the background, and may be deleted at any time.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from goldleaf.items.store import ItemStore

ROWS = 16_384  # of a batch
MASKS = 32  # searches that are remembered
_ID, _SEARCH = "goldleaf_id", "goldleaf_search"


class Shelf:
    """All items by position: their columns but for images, their ids, and their text for searching."""

    def __init__(self, path: Path) -> None:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        self._batches = [reader.get_batch(at) for at in range(reader.num_record_batches)]
        self.items = sum(map(len, self._batches))
        self._shown = [name for name in reader.schema.names if name != _SEARCH]
        self._masks: OrderedDict[str, NDArray[np.bool_]] = OrderedDict()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(2, "goldleaf-search")

    @classmethod
    def of(cls, store: ItemStore, folder: Path) -> Shelf:
        """The shelf of the store as it is now, made if need be; those of earlier states are removed."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"items-{store.digest[:32]}.arrow"
        if not path.exists():
            _write(store, path)
            for other in folder.glob("items-*.arrow"):
                if other != path:
                    other.unlink()
        return cls(path)

    def take(self, positions: Sequence[int]) -> list[dict[str, Any]]:
        """The columns of some items, each with its `goldleaf_id`."""
        found = []
        for at in positions:
            batch = self._batches[at // ROWS]
            found.append(batch.select(self._shown).slice(at % ROWS, 1).to_pylist()[0])
        return found

    def search(self, text: str) -> NDArray[np.bool_]:
        """[items] which hold `text` in any of their texts, whatever its case."""
        wanted = text.lower()
        with self._lock:
            if wanted in self._masks:
                self._masks.move_to_end(wanted)
                return self._masks[wanted]
        parts = self._pool.map(lambda batch: _holding(batch, wanted), self._batches)
        mask = np.concatenate(list(parts)) if self._batches else np.zeros(0, bool)
        with self._lock:
            self._masks[wanted] = mask
            while len(self._masks) > MASKS:
                self._masks.popitem(last=False)
        return mask

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def _holding(batch: pa.RecordBatch, wanted: str) -> NDArray[np.bool_]:
    found = pc.match_substring(batch.column(_SEARCH), wanted)
    return cast("NDArray[np.bool_]", found.to_numpy(zero_copy_only=False))


def _write(store: ItemStore, path: Path) -> None:
    shown = [field for field in store.schema if not pa.types.is_binary(field.type)]
    names = [field.name for field in shown]
    schema = pa.schema([*shown, pa.field(_ID, pa.string()), pa.field(_SEARCH, pa.string())])
    unfinished = path.with_suffix(".unfinished")
    ids, at = store.ids(), 0
    with unfinished.open("wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for batch in store.item_batches(names, size=ROWS):
            own = ids.slice(at, len(batch))
            texts = [_text(column) for column in batch.columns]
            joined: Any = pc.binary_join_element_wise(*texts, own, pa.scalar("\n"), null_handling="skip")  # type: ignore[call-overload]
            search = pc.utf8_lower(joined)
            writer.write_batch(pa.RecordBatch.from_arrays([*batch.columns, own, search], schema=schema))
            at += len(batch)
    os.replace(unfinished, path)


def _text(column: pa.Array[Any]) -> pa.Array[Any]:
    if pa.types.is_string(column.type):
        return column
    try:
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # lists and the like are shown, not searched
        return pa.nulls(len(column), pa.string())
