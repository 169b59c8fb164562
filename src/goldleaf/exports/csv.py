"""`data.csv`: UTF-8, a header, every text quoted, a missing value empty and unquoted.

A cell holds text, so bytes become base64 in a column `<column>_base64`, and lists and structs become JSON
text in a column of the same name. Values are never altered: a cell that begins with `=`, `+`, `-` or `@` is
written as it is, and a spreadsheet may run it as a formula, so open data of strangers as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc_csv

from goldleaf.exports.base import CARD, regroup
from goldleaf.exports.json_text import is_bytes, is_text, json_cells, json_name, plain_text
from goldleaf.exports.jsonl import check_json


class Csv:
    """Written with pyarrow; read it back with quotes and line breaks in values allowed."""

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
        check_json(schema, "CSV")
        data, readme = folder / "data.csv", folder / CARD
        flat = pa.schema([pa.field(json_name(f.name, f.type), _flat_type(f.type)) for f in schema])
        with pc_csv.CSVWriter(str(data), flat) as writer:
            for table in regroup(batches, schema):
                columns = [
                    _flat(column.combine_chunks(), field.type)
                    for column, field in zip(table.columns, flat, strict=True)
                ]
                writer.write_table(pa.table(columns, schema=flat))
        readme.write_text(card, encoding="utf-8")
        return [data, readme]


def _flat_type(kind: pa.DataType) -> pa.DataType:
    """The type of the cells: numbers and booleans as they are, all else as text."""
    if isinstance(kind, pa.BaseExtensionType):
        return _flat_type(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _flat_type(kind.value_type)
    types = pa.types
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_null(kind):
        return kind
    return pa.string()


def _flat(array: Any, target: pa.DataType) -> Any:
    if isinstance(array.type, pa.BaseExtensionType):
        return _flat(array.storage, target)
    if pa.types.is_dictionary(array.type):
        return _flat(array.dictionary_decode(), target)
    kind, types = array.type, pa.types
    if kind == target:
        return array
    if types.is_decimal(kind):
        return array.cast(target)
    if is_text(kind) or is_bytes(kind) or types.is_temporal(kind):
        return plain_text(array).cast(target)
    cells = json_cells(array)
    return pa.array(
        [cell if valid else None for cell, valid in zip(cells, array.is_valid().to_pylist(), strict=True)],
        target,
    )
