"""One import: the rows of a source that a store lacks, digested and written as one part."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldleaf.errors import ItemsError, did_you_mean, names
from goldleaf.items.arrow import Column, array
from goldleaf.items.arrow import compute as pc
from goldleaf.items.base import Reader, conform, places, short
from goldleaf.items.content import Digests, content_digests, row_digests, to_binary
from goldleaf.items.images import encoded_images, image_digests
from goldleaf.items.index import DigestIndex
from goldleaf.items.known import KnownKeys, KnownRows
from goldleaf.items.parts import PartWriter
from goldleaf.items.records import common_type
from goldleaf.progress import track
from goldleaf.task import Classify

ITEM, CONTENT, ROW, ID = "goldleaf_item", "goldleaf_content", "goldleaf_row", "goldleaf_id"
OWN_FIELDS = (pa.field(ITEM, pa.int64()), pa.field(CONTENT, pa.binary(16)), pa.field(ROW, pa.binary(16)))


@dataclass(frozen=True)
class Prepared:
    """A batch with its digests; `empty` rows have no content, `unreadable` ones no image, with the reason."""

    batch: pa.RecordBatch
    content: Digests
    rows: Digests
    empty: NDArray[np.bool_]
    unreadable: dict[int, str]


def prepare(
    batch: pa.RecordBatch, task: Classify, fields: Sequence[str], root: Path | None, schema: pa.Schema
) -> Prepared:
    """Digest each row of `batch`, put under `schema`; images are read and decoded for it."""
    if task.image is not None:
        at = batch.schema.get_field_index(task.image)
        images = encoded_images(batch.column(at), root)
        batch = batch.set_column(at, task.image, images)
    batch = conform(batch, schema)
    columns = [batch.column(name) for name in fields]
    empty = np.logical_and.reduce([_missing(column) for column in columns])
    unreadable: dict[int, str] = {}
    if task.image is not None:
        content = np.zeros((len(batch), 2), np.uint64)
        filled = np.flatnonzero(~empty)
        values: list[Any] = columns[0].take(array(filled)).to_pylist()
        content[filled], reasons = image_digests(values, root)
        unreadable = {int(filled[at]): reason for at, reason in reasons.items()}
    else:
        content = content_digests(columns)
    # A path says more than the image it leads to; all other content is in its digest already.
    covered = () if task.image is not None and pa.types.is_string(columns[0].type) else fields
    rest = {name: batch.column(name) for name in batch.schema.names if name not in covered}
    return Prepared(batch, content, row_digests(content, rest), empty, unreadable)


def _missing(column: Column) -> NDArray[np.bool_]:
    missing = column.is_null()
    if pa.types.is_string(column.type):
        missing = pc.or_(missing, pc.fill_null(pc.or_(pc.equal(column, ""), pc.utf8_is_space(column)), True))
    elif pa.types.is_binary(column.type):
        missing = pc.or_(missing, pc.fill_null(pc.equal(pc.binary_length(column), 0), True))
    return np.asarray(missing.to_numpy(zero_copy_only=False))


def check_content_types(schema: pa.Schema, task: Classify, fields: Sequence[str], where: str) -> None:
    """Refuse a text column that is no text, an image column that holds none, nested values in a table."""
    for name in fields:
        dtype = schema.field(name).type
        text = pa.types.is_string(dtype) or pa.types.is_null(dtype)
        image = text or pa.types.is_binary(dtype) or (pa.types.is_struct(dtype) and _is_hf_image(dtype))
        allowed, wanted = {
            "text": (text, "text"),
            "image": (image, "paths or encoded images"),
            "table": (not pa.types.is_nested(dtype) and not pa.types.is_binary(dtype), "plain values"),
        }[task.modality]
        if not allowed:
            raise ItemsError(
                f"Column `{name}` of {where} holds {dtype}, but a {task.modality} task reads {wanted} from it.",
                do=f"Convert the column, or name another one as `{task.modality}`.",
            )


def _is_hf_image(dtype: pa.StructType) -> bool:
    return {dtype.field(at).name for at in range(dtype.num_fields)} == {"bytes", "path"}


def key_texts(column: Column, where: str) -> Column:
    """Keys as text: "7" for the number 7."""
    if not (
        pa.types.is_string(column.type) or pa.types.is_integer(column.type) or pa.types.is_null(column.type)
    ):
        raise ItemsError(
            f"The key column of {where} holds {column.type}; a key is text or a whole number.",
            do="Name another column as `key`, or convert it.",
        )
    return column.cast(pa.string())


def merged_schema(stored: pa.Schema | None, added: pa.Schema, where: str) -> pa.Schema:
    """The columns of both, with types that hold both; stored columns first."""
    if stored is None:
        return added
    merged = {field.name: field.type for field in stored}
    for new in added:
        old = merged.get(new.name, new.type)
        try:
            both = common_type(old, new.type)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            both = None
        if both is None or (pa.types.is_binary(both) and old != new.type and not pa.types.is_null(old)):
            raise ItemsError(
                f"Column `{new.name}` is {new.type} in {where}, but {old} in the rows added before.",
                do="Convert one of them, or rename the new column.",
            )
        merged[new.name] = both
    return pa.schema(list(merged.items()))


def check_same_columns(reader: Reader, fields: Sequence[str], task: Classify) -> None:
    """Later sources have the content columns of the first; with table="*", no others."""
    for name in fields:
        if name not in reader.columns:
            raise ItemsError(
                f"{reader.name} has no column `{name}`, which the items are made of; it has {names(reader.columns)}."
                f"{did_you_mean(name, reader.columns)}",
                do="Name the column as in the source added first.",
            )
    extra = [name for name in reader.columns if name not in fields and name != task.key]
    if task.table == "*" and extra:
        raise ItemsError(
            f'{reader.name} has the columns {names(extra)}, which the source added first lacks; with table = "*" they '
            "would be a part of every item.",
            do="Drop them, or start a project that names its columns in `table`.",
        )


@dataclass
class Import:
    """Feeds batches of `reader` to `writer`, and keeps account; nothing is raised before all rows are seen.

    Args:
        reader: the source.
        task: what an item is.
        fields: the content columns.
        known: the rows that the store has.
        contents: the contents that the store has.
        writer: of the new part.
        schema: of the user's columns in it.
        digest: the store's digest before.
        skip_empty: leave out rows without content rather than refuse them.
    """

    reader: Reader
    task: Classify
    fields: Sequence[str]
    known: KnownRows | KnownKeys
    contents: DigestIndex
    writer: PartWriter
    schema: pa.Schema
    digest: str
    skip_empty: bool = False
    rows: int = 0
    new_rows: int = 0
    changed: int = 0
    empty: list[int] = field(default_factory=list)
    unreadable: list[tuple[int, str]] = field(default_factory=list)
    no_key: list[int] = field(default_factory=list)
    conflicts: list[tuple[int, int, str, dict[str, Any]]] = field(
        default_factory=list
    )  # row, earlier, key, content

    def __post_init__(self) -> None:
        self._hash = hashlib.sha256(self.digest.encode())
        self._items_before = self.contents.size

    def run(self, batches: Iterator[pa.RecordBatch]) -> None:
        with track("import", total=self.reader.rows, unit="rows") as advance:
            for batch in batches:
                self._add(batch)
                advance(len(batch))

    def _add(self, batch: pa.RecordBatch) -> None:
        start, self.rows = self.rows, self.rows + len(batch)
        ready = prepare(batch, self.task, self.fields, self.reader.root, self.schema)
        at = np.flatnonzero(~ready.empty)
        self.empty += (start + np.flatnonzero(ready.empty)).tolist()
        self.unreadable += [(start + row, reason) for row, reason in ready.unreadable.items()]
        batch, content, rows = ready.batch, ready.content, ready.rows
        if len(at) < len(batch):
            batch, content, rows = batch.take(array(at)), content[at], rows[at]
        new = self._new(batch, content, rows, start + at)
        if not new.all():
            batch, content, rows = batch.filter(pa.array(new)), content[new], rows[new]
        self.new_rows += len(batch)
        items = self.contents.assign(content)
        self._hash.update(np.hstack([content, rows]).tobytes())
        own = [pa.array(items), to_binary(content), to_binary(rows)]
        self.writer.write(
            pa.RecordBatch.from_arrays([*batch.columns, *own], schema=pa.schema([*self.schema, *OWN_FIELDS]))
        )

    def _new(
        self, batch: pa.RecordBatch, content: Digests, rows: Digests, source: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        if isinstance(self.known, KnownRows):
            return self.known.new(rows)
        keys = key_texts(batch.column(self.task.key or ""), self.reader.name)
        self.no_key += source[_missing(keys)].tolist()
        found = self.known.new(content_digests([keys]), content, rows)
        self.changed += found.changed
        for at, earlier in zip(found.conflicts.tolist(), found.earlier.tolist(), strict=True):
            if len(self.conflicts) < 1000:
                row = {name: batch.column(name)[at].as_py() for name in self.fields}
                self.conflicts.append((int(source[at]), earlier, keys[at].as_py(), row))
        return found.new

    @property
    def new_items(self) -> int:
        return self.contents.size - self._items_before

    @property
    def new_digest(self) -> str:
        """The store's digest after this import: SHA-256 over the one before and the digests of each new row."""
        return self._hash.hexdigest() if self.new_rows else self.digest

    def check(self, earlier: Callable[[int], dict[str, Any]]) -> None:
        """Raise what is wrong with the source; `earlier` gives the content of a row stored or just written."""
        self._check_empty()
        self._check_images()
        if self.no_key:
            raise ItemsError(
                f"Key column `{self.task.key}` is empty in {len(self.no_key)} of {self.rows} rows: "
                f"{places(self.reader, self.no_key)}.",
                do="Fill in the key, or take the rows out.",
            )
        if self.conflicts:
            row, before, key, content = self.conflicts[0]
            more = f" {len(self.conflicts)} rows conflict in all." if len(self.conflicts) > 1 else ""
            raise ItemsError(
                f"Key {key!r} stands for two contents: {abbreviated(content)} in {self.reader.where(row)}, "
                f"but {abbreviated(earlier(before))} before.{more}",
                do="Items do not change: give the changed content a key of its own.",
            )

    def _check_empty(self) -> None:
        if self.empty and not self.skip_empty:
            table = self.task.modality == "table"
            column = "All content columns are" if table else f"Column `{self.fields[0]}` is"
            raise ItemsError(
                f"{column} empty in {len(self.empty)} of {self.rows} rows: {places(self.reader, self.empty)}.",
                do="Drop the empty rows, or pass skip_empty=True (command line: --skip-empty).",
            )

    def _check_images(self) -> None:
        if self.unreadable:
            shown = "; ".join(f"{self.reader.where(row)}: {reason}" for row, reason in self.unreadable[:3])
            more = f" and {len(self.unreadable) - 3} more" if len(self.unreadable) > 3 else ""
            raise ItemsError(
                f"Cannot read {len(self.unreadable)} of {self.rows} images: {shown}{more}.",
                do="Replace the files, or take them out.",
            )


def abbreviated(content: dict[str, Any]) -> str:
    """The content of an item for a message."""
    values = list(content.values())
    return short(
        values[0] if len(values) == 1 else ", ".join(f"{name}={value}" for name, value in content.items())
    )


def stored_schema(schema: pa.Schema, task: Classify) -> pa.Schema:
    """The schema of a source as stored: Hugging Face's images as bytes."""
    if task.image is None or not pa.types.is_struct(schema.field(task.image).type):
        return schema
    at = schema.get_field_index(task.image)
    return schema.set(at, pa.field(task.image, pa.binary()))
