"""The files of a store: Parquet parts, and the manifest that says which of them count.

Every file is written under a temporary name, synced and renamed; the manifest is renamed last. Whatever it does
not name never happened.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from goldleaf.durable import sync_folder
from goldleaf.errors import ItemsError
from goldleaf.items.arrow import Column
from goldleaf.items.base import BATCH_BYTES, BATCH_ROWS

MANIFEST = "manifest.json"
VERSION = 1
EMPTY = hashlib.sha256(b"goldleaf items v1").hexdigest()  # the digest of a store without rows


@dataclass(frozen=True)
class Part:
    """One import: its file, and the store's digest after it."""

    file: str
    rows: int
    items: int
    source: str
    root: str | None
    digest: str


@dataclass(frozen=True)
class Manifest:
    """What a store holds: how its items are read, and its parts in order."""

    reads: dict[str, Any]
    fields: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()

    def save(self, folder: Path) -> None:
        body = json.dumps({"version": VERSION, **asdict(self)}, indent=1, ensure_ascii=False)
        temporary = folder / (MANIFEST + ".tmp")
        with temporary.open("w", encoding="utf-8") as file:
            file.write(body + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, folder / MANIFEST)
        sync_folder(folder)

    @classmethod
    def load(cls, folder: Path) -> Manifest | None:
        path = folder / MANIFEST
        if not path.exists():
            return None
        body = json.loads(path.read_text(encoding="utf-8"))
        if body["version"] > VERSION:
            raise ItemsError(
                f"{path} is of version {body['version']}; this goldleaf reads up to {VERSION}.",
                do="Update it: pip install -U goldleaf",
            )
        parts = tuple(Part(**part) for part in body["parts"])
        return cls(body["reads"], tuple(body["fields"]), parts)


class PartWriter:
    """Writes batches as row groups of BATCH_ROWS rows (fewer where rows are large)."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self._file = pq.ParquetWriter(path, schema, compression="zstd")
        self._waiting: list[pa.RecordBatch] = []

    def write(self, batch: pa.RecordBatch) -> None:
        while len(batch):
            room = BATCH_ROWS - sum(map(len, self._waiting))
            self._waiting.append(batch.slice(0, room))
            batch = batch.slice(room)
            waiting_bytes = sum(part.nbytes for part in self._waiting)
            if len(self._waiting[-1]) == room or waiting_bytes > BATCH_BYTES:
                self._flush()

    def close(self) -> None:
        """Write the rest and sync."""
        self._flush()
        self._file.close()
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())

    def abort(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _flush(self) -> None:
        if self._waiting:
            self._file.write_table(pa.Table.from_batches(self._waiting))
            self._waiting.clear()


class PartFile:
    """A part for reading, by row; opening it again is cheap, so that threads need not share a handle."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.metadata = pq.read_metadata(path)
        except (OSError, pa.ArrowInvalid) as error:
            raise ItemsError(
                f"The store's part {path} cannot be read: {error}",
                do="Restore it from a copy of the project.",
            ) from None
        self.schema = self.metadata.schema.to_arrow_schema()
        sizes = [self.metadata.row_group(at).num_rows for at in range(self.metadata.num_row_groups)]
        self._ends = np.cumsum([0, *sizes])

    def gather(self, rows: NDArray[np.int64], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The `rows`, ascending, of `columns`: a batch for each row group that holds some of them."""
        with pq.ParquetFile(self.path, metadata=self.metadata) as file:
            cuts = np.searchsorted(rows, self._ends)
            for group in np.flatnonzero(np.diff(cuts)).tolist():
                table = file.read_row_group(group, columns=list(columns), use_threads=False)
                local = rows[cuts[group] : cuts[group + 1]] - self._ends[group]
                if len(local) < len(table):
                    table = table.take(pa.array(local))
                yield from table.combine_chunks().to_batches()

    def column(self, name: str) -> Column:
        return pq.read_table(self.path, columns=[name], partitioning=None).column(0)
