"""What lies in a store's parts, read by row or by item; one object for one state of the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldleaf.items.adding import CONTENT, ITEM, OWN_FIELDS, ROW, key_texts
from goldleaf.items.arrow import Column
from goldleaf.items.base import conform
from goldleaf.items.content import Digests, content_digests, from_binary
from goldleaf.items.index import DigestIndex
from goldleaf.items.known import KnownKeys, KnownRows
from goldleaf.items.parts import Manifest, PartFile


class StoredRows:
    """The parts that `manifest` names, as one table.

    Args:
        folder: of the store.
        manifest: its state.
        key: the key column, if the task has one.
    """

    def __init__(self, folder: Path, manifest: Manifest, key: str | None) -> None:
        self.folder, self.manifest, self.key = folder, manifest, key
        self.rows = sum(part.rows for part in manifest.parts)
        self.items = sum(part.items for part in manifest.parts)

    @cached_property
    def files(self) -> list[PartFile]:
        return [PartFile(self.folder / part.file) for part in self.manifest.parts]

    @cached_property
    def schema(self) -> pa.Schema:
        """The user's columns: the newest part has them all, in types that hold the older ones."""
        return user_schema(self.files[-1].schema) if self.files else pa.schema([])

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """The first row of each item: items are numbered as they appear, so it is where the running maximum rises."""
        return np.flatnonzero(np.diff(np.maximum.accumulate(self.item_of_row()), prepend=-1))

    @cached_property
    def contents(self) -> DigestIndex:
        """Content digest → position of the item."""
        index = DigestIndex()
        for file in self.files:
            index.assign(from_binary(file.column(CONTENT)))
        return index

    @cached_property
    def keys(self) -> DigestIndex:
        """Digest of the key → row."""
        index = DigestIndex()
        for file in self.files:
            index.assign(self._key_digests(file))
        return index

    def known(self) -> tuple[KnownRows | KnownKeys, DigestIndex]:
        """Which rows and contents there are, to be added to."""
        known: KnownRows | KnownKeys = KnownKeys() if self.key else KnownRows()
        contents = DigestIndex()
        for file in self.files:
            content, rows = from_binary(file.column(CONTENT)), from_binary(file.column(ROW))
            contents.assign(content)
            if isinstance(known, KnownKeys):
                known.load(self._key_digests(file), content, rows)
            else:
                known.load(rows)
        return known, contents

    @cached_property
    def weights(self) -> NDArray[np.int64]:
        """How many rows each item stands for; read-only, as it is shared."""
        weights = np.bincount(self.item_of_row(), minlength=self.items).astype(np.int64)
        weights.flags.writeable = False
        return weights

    @cached_property
    def item_of_key(self) -> NDArray[np.int64]:
        """Slot of a key in `keys` → position of the item; a key has one row, so slots are rows."""
        return self.item_of_row()

    def item_of_row(self) -> NDArray[np.int64]:
        """The item's position of each row; not kept, as there may be many rows."""
        columns = [file.column(ITEM).to_numpy() for file in self.files]
        return np.concatenate(columns) if columns else np.empty(0, np.int64)

    def part_of_items(self, positions: NDArray[np.int64]) -> list[int]:
        """The number of the part that brought each item."""
        found: list[int] = (np.searchsorted(self._starts, self.first[positions], side="right") - 1).tolist()
        return found

    def gather(self, rows: NDArray[np.int64], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The `rows`, ascending, of `columns` in the store's types; older parts may lack a column."""
        if not len(rows):
            return
        full = pa.schema([*self.schema, *OWN_FIELDS])
        schema = pa.schema([full.field(name) for name in columns])
        cuts = np.searchsorted(rows, [*self._starts, self.rows])
        for at, file in enumerate(self.files):
            local = rows[cuts[at] : cuts[at + 1]] - self._starts[at]
            if len(local):
                there = [name for name in columns if name in file.schema.names]
                # Without any of the columns, an own one still says how many rows there are.
                for batch in file.gather(local, there or [ITEM]):
                    yield conform(batch, schema)

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        """The row each part starts at."""
        return np.cumsum([0, *(part.rows for part in self.manifest.parts)])[:-1]

    def _key_digests(self, file: PartFile) -> Digests:
        chunks = file.column(self.key or "").chunks
        return np.concatenate([key_digests(key_texts(chunk, self.folder.name)) for chunk in chunks])


def key_digests(texts: Column) -> Digests:
    return content_digests([texts])


def user_schema(schema: pa.Schema) -> pa.Schema:
    """`schema` without goldleaf's own columns."""
    return pa.schema([field for field in schema if field not in OWN_FIELDS])


def rebatched(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """The same rows, `size` at a time."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= size:
            table = pa.Table.from_batches(waiting).combine_chunks()
            full = len(table) // size * size
            yield from table.slice(0, full).to_batches(max_chunksize=size)
            waiting = table.slice(full).to_batches()
    if waiting:
        yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()
