"""`data.parquet`: every Arrow type as it came, zstd, row groups of up to 64 Ki rows."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from goldleaf.exports.base import CARD, cannot_hold, regroup


class Parquet:
    """The label set stands in the file's metadata under `goldleaf`, as JSON."""

    def write(
        self,
        batches: Iterator[pa.RecordBatch],
        schema: pa.Schema,
        folder: Path,
        *,
        labels: tuple[str, ...],
        card: str,
        image: str | None = None,
        image_folder: Path | None = None,
    ) -> list[Path]:
        check_storable(schema)
        data, readme = folder / "data.parquet", folder / CARD
        metadata = {**(schema.metadata or {}), b"goldleaf": json.dumps({"labels": labels}).encode()}
        with pq.ParquetWriter(data, schema.with_metadata(metadata), compression="zstd") as writer:
            for table in regroup(batches, schema):
                writer.write_table(table)
        readme.write_text(card, encoding="utf-8")
        return [data, readme]


def check_storable(schema: pa.Schema) -> None:
    """Raise ExportError for the first column Parquet has no type for."""
    for field in schema:
        try:
            pq.write_table(pa.schema([field]).empty_table(), io.BytesIO())
        except pa.ArrowNotImplementedError as error:
            raise cannot_hold(field, "Parquet", ("jsonl", "csv")) from error
