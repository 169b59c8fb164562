"""Rows of a Parquet file, streamed in batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from goldleaf.errors import ItemsError
from goldleaf.items.base import batch_rows, check_columns, conform, content_fields, plain_schema
from goldleaf.task import Classify


class ParquetReader:
    """A Parquet file with its own types; dictionaries are kept as their values."""

    def __init__(self, path: Path, task: Classify | None) -> None:
        self.path, self.name = path, path.name
        self.root: Path | None = path.parent
        try:
            self._metadata = pq.read_metadata(path)
        except pa.ArrowInvalid as error:
            raise ItemsError(f"{path} is not a Parquet file: {error}", do="Write it again.") from None
        self._schema = plain_schema(self._metadata.schema.to_arrow_schema())
        self.columns = tuple(self._schema.names)
        self.rows = self._metadata.num_rows
        check_columns(self.columns, str(path), task)
        content_fields(task, self.columns)
        if not self.rows:
            raise ItemsError(
                f"{path} has columns but no rows.", do="Check that the file was written completely."
            )

    def batches(self, like: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
        groups = [self._metadata.row_group(at) for at in range(self._metadata.num_row_groups)]
        size = batch_rows(sum(group.total_byte_size for group in groups), self.rows)
        with pq.ParquetFile(self.path, metadata=self._metadata) as file:
            for batch in file.iter_batches(batch_size=size):
                yield conform(batch, self._schema)

    def where(self, row: int) -> str:
        return f"{self.name}, row {row} (counted from 0)"
