"""`data.jsonl`: one JSON object a line, UTF-8; nested columns stay nested, bytes become `<column>_base64`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from goldleaf.errors import ExportError
from goldleaf.exports.base import CARD, cannot_hold, regroup
from goldleaf.exports.json_text import NoJsonError, json_cells, json_name, json_rows

JSON_ROWS = 16 * 1024  # rows whose text is held at once


class Jsonl:
    """Keys are the column names, in the order of the columns; a missing value is null, never left out."""

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
        check_json(schema, "JSON Lines")
        data, readme = folder / "data.jsonl", folder / CARD
        with data.open("w", encoding="utf-8", newline="\n") as file:
            for table in regroup(batches, schema, rows=JSON_ROWS):
                columns = [column.combine_chunks() for column in table.columns]
                file.writelines(row + "\n" for row in json_rows(list(schema), columns, table.num_rows))
        readme.write_text(card, encoding="utf-8")
        return [data, readme]


def check_json(schema: pa.Schema, format_name: str) -> None:
    """Raise ExportError for the first column without a JSON form, or whose new name is taken."""
    for field in schema:
        try:
            json_cells(pa.nulls(0, field.type))
        except (NoJsonError, pa.ArrowNotImplementedError) as error:
            raise cannot_hold(field, format_name, ("parquet",)) from error
        name = json_name(field.name, field.type)
        if name != field.name and name in schema.names:
            raise ExportError(
                f"Column `{field.name}` holds bytes and would be written as `{name}`, a name that is taken.",
                do="Rename one of the two columns, or export to `parquet`.",
            )
