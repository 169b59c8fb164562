"""What a source of rows is, and the Arrow types goldleaf keeps them in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from goldleaf.errors import ItemsError, names
from goldleaf.task import Classify

OWN = "goldleaf_"
BATCH_ROWS = 8192
BATCH_BYTES = 16 << 20


class Reader(Protocol):
    """One file or object that holds rows.

    Attributes:
        name: what messages call it, e.g. "reviews.csv".
        columns: the user's columns, known before any row is read.
        rows: how many rows there are, or None while unknown.
        root: the folder that relative image paths start from.
    """

    @property
    def name(self) -> str: ...
    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def rows(self) -> int | None: ...
    @property
    def root(self) -> Path | None: ...

    def batches(self, like: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
        """Every row once, in order, under one schema.

        A source without types of its own (CSV) reads a column as text where `like`, the store's schema, does.
        """
        ...

    def where(self, row: int) -> str:
        """'reviews.csv, line 18' for row 16, counted from 0."""
        ...


def plain(dtype: pa.DataType) -> pa.DataType:
    """The type a column is kept in: no dictionaries, no large or view variants."""
    if pa.types.is_dictionary(dtype):
        return plain(dtype.value_type)
    if pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype):
        return pa.string()
    if pa.types.is_large_binary(dtype) or pa.types.is_binary_view(dtype):
        return pa.binary()
    return dtype


def plain_schema(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(field.name, plain(field.type)) for field in schema])


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """`batch` under `schema`: types cast safely, absent columns null."""
    arrays = []
    for field in schema:
        at = batch.schema.get_field_index(field.name)
        array = pa.nulls(len(batch), field.type) if at < 0 else batch.column(at)
        try:
            arrays.append(array if array.type == field.type else array.cast(field.type))
        except pa.ArrowInvalid as error:
            raise ItemsError(
                f"Column `{field.name}` does not fit {field.type}: {error}.",
                do="Convert the column to text, or correct it.",
            ) from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def batch_rows(total_bytes: int, rows: int) -> int:
    """How many rows make a batch of about BATCH_BYTES, at most BATCH_ROWS."""
    return max(1, min(BATCH_ROWS, BATCH_BYTES * max(rows, 1) // max(total_bytes, 1)))


def check_columns(columns: Sequence[str], where: str, task: Classify | None) -> None:
    """Refuse names that are empty, stand twice, or, unless the rows are answers, belong to goldleaf."""
    if empty := [at for at, name in enumerate(columns, 1) if not name.strip()]:
        raise ItemsError(
            f"{where} has no name for column {empty[0]} of {len(columns)}.",
            do="Name every column in the header (from pandas: write it with index=False).",
        )
    if twice := sorted({name for name in columns if columns.count(name) > 1}):
        raise ItemsError(f"{where} has two columns named {names(twice)}.", do="Rename one of them.")
    own = [name for name in columns if name.startswith(OWN)]
    if own and task is not None:
        raise ItemsError(
            f"{where} has the columns {names(own)}; names that start with `{OWN}` are goldleaf's own.",
            do="Drop them; to keep `goldleaf_id` as the name of each row, rename it and set it as `key`.",
        )


def content_fields(task: Classify | None, columns: Sequence[str]) -> tuple[str, ...]:
    """The content columns; none where the rows are no items (a file of answers)."""
    return () if task is None else task.fields(columns)


def places(reader: Reader, rows: Sequence[int], limit: int = 3) -> str:
    """'a.csv, line 2; a.csv, line 9 and 4 more'."""
    more = f" and {len(rows) - limit} more" if len(rows) > limit else ""
    return "; ".join(reader.where(row) for row in rows[:limit]) + more


def short(value: object, limit: int = 60) -> str:
    """A value for a message, cut to `limit` characters."""
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")
