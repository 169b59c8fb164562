"""The store of a project's items: every row that was added, and each distinct content once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from goldleaf.durable import sync_folder
from goldleaf.errors import ItemsError, did_you_mean, names
from goldleaf.items.adding import (
    CONTENT,
    ID,
    ITEM,
    OWN_FIELDS,
    Import,
    check_content_types,
    check_same_columns,
    key_texts,
    merged_schema,
    prepare,
    stored_schema,
)
from goldleaf.items.arrow import array
from goldleaf.items.base import BATCH_ROWS, Reader, conform
from goldleaf.items.content import from_binary, to_hex
from goldleaf.items.images import image_digest, read_image
from goldleaf.items.parts import EMPTY, Manifest, Part, PartFile, PartWriter
from goldleaf.items.stored import StoredRows, key_digests, rebatched
from goldleaf.items.verify import verify_rows
from goldleaf.task import Classify


@dataclass(frozen=True)
class Added:
    """What an import did.

    Attributes:
        rows: read from the source.
        new_rows: of these, stored now; the others were stored before.
        new_items: contents that the store had not seen.
        duplicates: rows in the whole store beyond its items.
        skipped: rows left out because they have no content.
        changed: rows whose key and content are stored, but with other values in the other columns; the stored
            row stays.
        digest: of the store now.
        columns: of the source.
    """

    rows: int
    new_rows: int
    new_items: int
    duplicates: int
    skipped: int
    changed: int
    digest: str
    columns: tuple[str, ...]


class ItemStore:
    """Rows and items on disk. An import is all or nothing; a kill at any moment leaves the state before it.

    A row is one input row, and an export gives every one back; an item is one distinct content, which stands for
    `weights()[position]` rows. Items are numbered 0, 1, 2 … in order of first appearance, for good.
    """

    def __init__(self, folder: Path, task: Classify, manifest: Manifest) -> None:
        self.folder, self.task = folder, task
        self._stored = StoredRows(folder, manifest, task.key)

    @classmethod
    def open(cls, folder: Path, task: Classify) -> ItemStore:
        """The store in `folder`, which is made if absent. `task` must read items as it did before."""
        folder.mkdir(parents=True, exist_ok=True)
        reads = {
            name: value for name, value in task.to_dict().items() if name in ("text", "image", "table", "key")
        }
        manifest = Manifest.load(folder) or Manifest(reads)
        if manifest.parts and manifest.reads != reads:
            raise ItemsError(
                f"The items in {folder} were added with {_settings(manifest.reads)}, but the task now has {_settings(reads)}.",
                do="Set [task] back, or start a new project for other items.",
            )
        store = cls(folder, task, Manifest(reads, manifest.fields, manifest.parts))
        store._clean()
        return store

    # What is there

    @property
    def rows(self) -> int:
        return self._stored.rows

    @property
    def items(self) -> int:
        return self._stored.items

    @property
    def fields(self) -> tuple[str, ...]:
        """The content columns."""
        return self._manifest.fields

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of all rows in order, chained from import to import."""
        return self._manifest.parts[-1].digest if self._manifest.parts else EMPTY

    @property
    def schema(self) -> pa.Schema:
        """The user's columns."""
        return self._stored.schema

    @property
    def image_root(self) -> Path | None:
        """The folder that all relative image paths start from; None when there is not exactly one."""
        roots = {part.root for part in self._manifest.parts if part.root is not None}
        return (self.folder / roots.pop()).resolve() if len(roots) == 1 else None

    # Adding

    def add(self, reader: Reader, *, skip_empty: bool = False) -> Added:
        """Add the rows of `reader` that are not there yet.

        Without a key, rows are a multiset: the k-th copy of a row is new when the store has fewer than k. With a key,
        the key names the row. Columns that the source lacks are null in its rows; columns that the store lacked are
        null in the rows before. Raises ItemsError, and then adds nothing.
        """
        try:
            with FileLock(self.folder / ".lock", timeout=0):
                self._stored = self._now()
                return self._add(reader, skip_empty)
        except Timeout:
            raise ItemsError(
                f"Another process is adding items to {self.folder}.", do="Wait until it is done."
            ) from None

    def _add(self, reader: Reader, skip_empty: bool) -> Added:
        if self.fields:
            check_same_columns(reader, self.fields, self.task)
        fields = self.fields or self.task.fields(reader.columns)
        batches = reader.batches(self.schema)
        first = next(batches, None)
        if first is None:
            raise ItemsError(f"{reader.name} has no rows.", do="Check where it was made.")
        check_content_types(first.schema, self.task, fields, reader.name)
        schema = self._merged(stored_schema(first.schema, self.task), reader.name)
        known, contents = self._stored.known()
        temporary = self.folder / f"part-{len(self._manifest.parts):05d}.parquet.tmp"
        writer = PartWriter(temporary, pa.schema([*schema, *OWN_FIELDS]))
        job = Import(reader, self.task, fields, known, contents, writer, schema, self.digest, skip_empty)
        try:
            job.run(chain([first], batches))
            writer.close()
            job.check(lambda row: self._content_of(row, fields, temporary))
            if job.new_rows:
                self._commit(temporary, job)
            else:
                temporary.unlink()
        except BaseException:
            writer.abort()
            raise
        return Added(
            rows=job.rows,
            new_rows=job.new_rows,
            new_items=job.new_items,
            duplicates=self.rows - self.items,
            skipped=len(job.empty),
            changed=job.changed,
            digest=self.digest,
            columns=tuple(reader.columns),
        )

    def _commit(self, temporary: Path, job: Import) -> None:
        """Make the new part count: rename it, then the manifest that names it."""
        final = temporary.with_suffix("")
        os.replace(temporary, final)
        sync_folder(self.folder)
        root = job.reader.root if self.task.image is not None else None
        relative = None if root is None else _relative(root, self.folder)
        part = Part(final.name, job.new_rows, job.new_items, job.reader.name, relative, job.new_digest)
        manifest = Manifest(self._manifest.reads, tuple(job.fields), (*self._manifest.parts, part))
        manifest.save(self.folder)
        self._stored = self._now()

    def _merged(self, added: pa.Schema, where: str) -> pa.Schema:
        schema = merged_schema(self.schema if self._stored.files else None, added, where)
        for field in self.schema:
            if schema.field(field.name).type != field.type:  # its rows must fit the wider type
                for batch in self._stored.gather(np.arange(self.rows), [field.name]):
                    conform(batch, pa.schema([schema.field(field.name)]))
        return schema

    def _content_of(self, row: int, fields: Sequence[str], temporary: Path) -> dict[str, Any]:
        """The content of a stored row, or beyond these, of a row just written."""
        if row < self.rows:
            found = next(self._stored.gather(np.array([row]), fields))
        else:
            found = next(PartFile(temporary).gather(np.array([row - self.rows]), fields))
        return dict(found.to_pylist()[0])

    # Reading

    def ids(self, start: int = 0) -> pa.StringArray:
        """The id of each item from position `start`: its first row's key, or 32 hexadecimal digits of its content."""
        batches = self._stored.gather(self._stored.first[start:], [self.task.key or CONTENT])
        if self.task.key:
            chunks = [key_texts(batch.column(0), self.folder.name) for batch in batches]
        else:
            chunks = [to_hex(from_binary(batch.column(0))) for batch in batches]
        return pa.concat_arrays(chunks) if chunks else pa.array([], pa.string())

    def ids_of(self, positions: Sequence[int] | NDArray[np.int64]) -> list[str]:
        """The ids of the items at `positions`, ascending."""
        rows = self._stored.first[np.asarray(positions, np.int64)]
        name = self.task.key or CONTENT
        found: list[str] = []
        for batch in self._stored.gather(rows, [name]):
            column = batch.column(0)
            texts = key_texts(column, self.folder.name) if self.task.key else to_hex(from_binary(column))
            found += [str(text) for text in texts.to_pylist()]
        return found

    def weights(self) -> NDArray[np.int64]:
        """How many rows each item stands for; read-only."""
        return self._stored.weights

    def item_batches(
        self, columns: Sequence[str] | None = None, start: int = 0, size: int = 4096
    ) -> Iterator[pa.RecordBatch]:
        """The distinct items from position `start` on, in order, `size` at a time."""
        yield from rebatched(self._stored.gather(self._stored.first[start:], self._checked(columns)), size)

    def take(
        self, positions: Sequence[int] | NDArray[np.int64], columns: Sequence[str] | None = None
    ) -> pa.Table:
        """The items at `positions`, in that order."""
        at = np.asarray(positions, np.int64)
        if len(at) and not (at.min() >= 0 and at.max() < self.items):
            raise IndexError(f"positions must lie in [0, {self.items}), got {at.min()} to {at.max()}")
        rows, inverse = np.unique(self._stored.first[at], return_inverse=True)
        wanted = self._checked(columns)
        schema = pa.schema([self.schema.field(name) for name in wanted])
        return pa.Table.from_batches(list(self._stored.gather(rows, wanted)), schema=schema).take(
            array(inverse)
        )

    def row_batches(self, size: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Every row: the user's columns, `goldleaf_item` (the position of its item) and `goldleaf_id`."""
        columns = [*self.schema.names, ITEM, CONTENT]
        ids = self.ids() if self.task.key else None
        for batch in rebatched(self._stored.gather(np.arange(self.rows), columns), size):
            own = to_hex(from_binary(batch.column(CONTENT))) if ids is None else ids.take(batch.column(ITEM))
            kept = pa.RecordBatch.from_arrays(batch.columns[:-1], schema=pa.schema(list(batch.schema)[:-1]))
            yield pa.RecordBatch.from_arrays(
                [*kept.columns, own], schema=kept.schema.append(pa.field(ID, pa.string()))
            )

    def load_image(self, position: int) -> bytes:
        """The encoded bytes of one item."""
        return self.load_images([position])[0]

    def load_images(self, positions: Sequence[int] | NDArray[np.int64]) -> list[bytes]:
        """The encoded bytes of the items at `positions`; a file that changed since it was added is refused."""
        if self.task.image is None:
            raise ItemsError(f"The items are {self.task.modality}s, not images.", do="Use take().")
        at = np.asarray(positions, np.int64)
        values: list[Any] = self.take(at, [self.task.image]).column(0).to_pylist()
        if self.schema.field(self.task.image).type == pa.binary():
            return values
        rows, inverse = np.unique(self._stored.first[at], return_inverse=True)
        stored = [
            digest for batch in self._stored.gather(rows, [CONTENT]) for digest in batch.column(0).to_pylist()
        ]
        digests = [stored[row] for row in inverse.tolist()]
        roots = [self._manifest.parts[part].root for part in self._stored.part_of_items(at)]
        return [self._load(*found) for found in zip(values, roots, digests, strict=True)]

    def _load(self, value: str, root: str | None, digest: bytes) -> bytes:
        path = self.folder / (root or "") / value
        try:
            data = read_image(value, self.folder / (root or ""))
        except OSError as error:
            raise ItemsError(
                f"The image {path} cannot be read: {error.strerror or error}.",
                do="Put it back where it was when it was added.",
            ) from None
        if image_digest(data) != digest:
            raise ItemsError(
                f"The image {path} is not the one that was added: its content changed.",
                do="Put the file back, and add the new image under a name of its own.",
            )
        return data

    # Looking up

    def find(self, ids: Sequence[str | None]) -> NDArray[np.int64]:
        """The position of each item by its id or, with a key, by the key of any of its rows; -1 where unknown."""
        if self.task.key:
            slots = self._stored.keys.find(key_digests(pa.array(ids, pa.string())))
            return np.where(slots < 0, -1, self._stored.item_of_key[slots])
        known = [at for at, id_ in enumerate(ids) if id_ is not None and re.fullmatch("[0-9a-f]{32}", id_)]
        raw = bytes.fromhex("".join(ids[at] or "" for at in known))
        positions = np.full(len(ids), -1, np.int64)
        positions[known] = self._stored.contents.find(np.frombuffer(raw, "<u8").reshape(-1, 2))
        return positions

    def find_content(self, batch: pa.RecordBatch, root: Path | None = None) -> NDArray[np.int64]:
        """The position of the item that each row of `batch` has the content of; -1 where there is none."""
        schema = stored_schema(batch.schema, self.task)
        return self._stored.contents.find(prepare(batch, self.task, self.fields, root, schema).content)

    def verify(self) -> None:
        """Recompute every digest from the stored rows (and image files); raises ItemsError at the first that differs."""
        verify_rows(self._stored, self.task)

    # Inside

    @property
    def _manifest(self) -> Manifest:
        return self._stored.manifest

    def _now(self) -> StoredRows:
        """What is on disk now; another process may have added to it."""
        return StoredRows(self.folder, Manifest.load(self.folder) or self._manifest, self.task.key)

    def _clean(self) -> None:
        """Remove what a killed import left, unless one is running."""
        kept = {part.file for part in self._manifest.parts}
        stray = [path for path in self.folder.glob("part-*") if path.name not in kept]
        stray += self.folder.glob("*.tmp")
        if not stray:
            return
        try:
            with FileLock(self.folder / ".lock", timeout=0):
                for path in stray:
                    path.unlink(missing_ok=True)
        except Timeout:
            pass  # they belong to the import that holds the lock

    def _checked(self, columns: Sequence[str] | None) -> list[str]:
        for name in columns or ():
            if name not in self.schema.names:
                raise ItemsError(
                    f"No column `{name}`; the items have {names(self.schema.names)}.{did_you_mean(name, self.schema.names)}",
                    do="Name one of these.",
                )
        return list(self.schema.names if columns is None else columns)


def _relative(root: Path, folder: Path) -> str:
    """`root` as seen from `folder`, so that a project moves together with its images."""
    try:
        return Path(os.path.relpath(root.resolve(), folder.resolve())).as_posix()
    except ValueError:  # on another Windows drive
        return root.resolve().as_posix()


def _settings(reads: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in reads.items())
