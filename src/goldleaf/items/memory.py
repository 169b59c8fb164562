"""Rows that are in memory already: pandas, polars, Arrow, Hugging Face datasets, lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from goldleaf.errors import ItemsError, names
from goldleaf.items.arrow import Column
from goldleaf.items.base import BATCH_ROWS, batch_rows, check_columns, conform, content_fields, plain_schema
from goldleaf.items.records import Record, Values, check_kinds, kind, scan, to_array, to_batch
from goldleaf.task import Classify


class ArrowReader:
    """Batches of Arrow data under one schema.

    Args:
        name: what messages call it.
        schema: of the batches.
        stream: gives the batches from the start, each time it is called.
        rows: how many there are, None where only reading tells.
        task: its columns must be there.
    """

    def __init__(
        self,
        name: str,
        schema: pa.Schema,
        stream: Callable[[], Iterator[pa.RecordBatch]],
        rows: int | None,
        task: Classify | None,
    ) -> None:
        self.name, self.rows = name, rows
        self.root: Path | None = Path.cwd()
        self._schema, self._stream = plain_schema(schema), stream
        self.columns = tuple(self._schema.names)
        check_columns(self.columns, name, task)
        content_fields(task, self.columns)
        if rows == 0:
            raise ItemsError(f"{name} has no rows.", do="Check where it was made.")

    def batches(self, like: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
        return (conform(batch, self._schema) for batch in self._stream())

    def where(self, row: int) -> str:
        return f"{self.name}, row {row} (counted from 0)"


class RecordsReader:
    """A list of dicts; a key that one of them lacks is null there."""

    def __init__(self, records: Sequence[Record], task: Classify | None, name: str = "the list") -> None:
        self.name, self.rows = name, len(records)
        self.root: Path | None = Path.cwd()
        self._records = records
        if not records:
            raise ItemsError(f"{name} is empty.", do="Give at least one row.")
        for at, record in enumerate(records):
            if not isinstance(record, dict):
                raise ItemsError(
                    f"{self.where(at)} is a {kind(record)}, not a dict like the rows before it.",
                    do="Give a list of dicts, or for a text task a list of texts.",
                )
            if odd := [key for key in record if not isinstance(key, str)]:
                raise ItemsError(
                    f"{self.where(at)} has the key {odd[0]!r}, which is not text.", do="Name columns by text."
                )
        self._values, _ = scan(self._chunks())
        self.columns = tuple(self._values)
        check_columns(self.columns, name, task)
        check_kinds(self._values, content_fields(task, self.columns), self.where)

    def batches(self, like: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
        return (to_batch(chunk, self._values) for chunk in self._chunks())

    def where(self, row: int) -> str:
        return f"{self.name}, row {row} (counted from 0)"

    def _chunks(self) -> Iterator[Sequence[Record]]:
        return (self._records[at : at + BATCH_ROWS] for at in range(0, len(self._records), BATCH_ROWS))


def list_reader(rows: Sequence[Any], task: Classify | None) -> RecordsReader:
    """A list of dicts, or of texts for a text task."""
    if task is not None and task.text is not None and rows and isinstance(rows[0], str):
        for at, row in enumerate(rows):
            if not isinstance(row, str):
                raise ItemsError(
                    f"the list, row {at} (counted from 0) is a {kind(row)}, not a text like the rows before it.",
                    do="Give a list of texts, or a list of dicts.",
                )
        rows = [{task.text: row} for row in rows]
    return RecordsReader(rows, task)


def table_reader(table: pa.Table, task: Classify | None, name: str = "the table") -> ArrowReader:
    size = batch_rows(table.nbytes, table.num_rows)
    return ArrowReader(
        name, table.schema, lambda: iter(table.to_batches(max_chunksize=size)), table.num_rows, task
    )


def stream_reader(stream: pa.RecordBatchReader, task: Classify | None) -> ArrowReader:
    """A stream can be read once only, and so can its reader."""

    def small() -> Iterator[pa.RecordBatch]:
        for batch in stream:
            size = batch_rows(batch.nbytes, len(batch))
            yield from (batch.slice(at, size) for at in range(0, len(batch), size))

    return ArrowReader("the stream", stream.schema, small, None, task)


def pandas_reader(frame: Any, task: Classify | None) -> ArrowReader:
    """A pandas DataFrame without its index; columns of mixed objects become text, unless they are content."""
    if odd := [name for name in frame.columns if not isinstance(name, str)]:
        raise ItemsError(
            f"The DataFrame has the column name {odd[0]!r}, which is not text.", do="Name columns by text."
        )
    check_columns(list(frame.columns), "the DataFrame", task)
    fields = content_fields(task, list(frame.columns))
    arrays = [_series(frame[name], name in fields) for name in frame.columns]
    return table_reader(pa.table(arrays, names=list(frame.columns)), task, "the DataFrame")


def _series(series: Any, content: bool) -> Column:
    try:
        return pa.array(series, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError, OverflowError):
        # pandas writes a missing value as NaN or NA: null, as everywhere else.
        given = [None if gone else value for value, gone in zip(series.tolist(), series.isna(), strict=True)]
        values = Values()
        values.see(given, 0)
        fields = [series.name] if content else []
        check_kinds({series.name: values}, fields, lambda row: f"the DataFrame, row {row} (counted from 0)")
        return to_array(given, values)


def dataset_reader(data: Any, task: Classify | None) -> ArrowReader:
    """A `datasets.Dataset`, as stored: images as encoded bytes, class labels as integers."""
    arrow = data.with_format("arrow")
    schema = arrow.features.arrow_schema

    def batches() -> Iterator[pa.RecordBatch]:
        for table in arrow.iter(batch_size=256):
            yield from table.cast(schema).combine_chunks().to_batches()

    return ArrowReader("the data set", schema, batches, len(data), task)


def memory_reader(source: Any, task: Classify | None) -> ArrowReader | RecordsReader | None:
    """The reader of an object in memory; None where it is no known kind. Nothing is imported to find out."""
    if isinstance(source, list | tuple):
        return list_reader(source, task)
    if isinstance(source, pa.Table):
        return table_reader(source, task)
    if isinstance(source, pa.RecordBatch):
        return table_reader(pa.Table.from_batches([source]), task)
    if isinstance(source, pa.RecordBatchReader):
        return stream_reader(source, task)
    library, kind_ = type(source).__module__.partition(".")[0], type(source).__name__
    if (library, kind_) == ("pandas", "DataFrame"):
        return pandas_reader(source, task)
    if (library, kind_) == ("polars", "DataFrame"):
        return table_reader(source.to_arrow(), task, "the DataFrame")
    if (library, kind_) == ("datasets", "Dataset"):
        return dataset_reader(source, task)
    if (library, kind_) == ("datasets", "DatasetDict"):
        raise ItemsError(
            f"The data set has the splits {names(source)}.", do='Pass one of them: data["train"].'
        )
    return None
