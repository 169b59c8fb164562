"""What an exporter is, the four columns goldleaf adds, and batches regrouped for writing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, count
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from goldleaf.errors import ExportError, names

LABEL_FIELDS: tuple[pa.Field[Any], ...] = (
    pa.field("label", pa.string()),  # null: the person could not tell
    pa.field("probability", pa.float64()),  # that the label is right
    pa.field("source", pa.string()),  # who or what decided: "human:anna", "replay:gold.csv", "probe.v1"
    pa.field("human", pa.bool_()),
)
CARD = "README.md"
GROUP_ROWS = 64 * 1024
GROUP_BYTES = 64 * 2**20


class Exporter(Protocol):
    """One file format.

    `batches` are streamed and never held together: the user's columns, then the four of `label_fields`.
    `folder` is empty; `goldleaf.exports.export` moves what is written there into place once all of it is.
    """

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
        """Write the data and the card into `folder`.

        Args:
            labels: the label set, in the order of the exported class integers.
            card: the data card, in Markdown.
            image: the column that holds an image, as encoded bytes or as a path; a format without a type
                for images takes it as any other column.
            image_folder: what a relative path in `image` starts from; the working directory by default.

        Returns:
            The files written.

        Raises:
            ExportError: a column this format cannot hold.
        """
        ...


def label_columns(schema: pa.Schema) -> tuple[str, str, str, str]:
    """The names of the four label columns beside the user's own columns in `schema`.

    `label`, `probability`, `source`, `human`; when one of them is taken, all four get the prefix `goldleaf_`,
    and a number when an earlier export's columns are there too.
    """
    taken = set(schema.names)
    for prefix in chain(("", "goldleaf_"), (f"goldleaf{n}_" for n in count(2))):
        label, probability, source, human = (prefix + field.name for field in LABEL_FIELDS)
        if taken.isdisjoint((label, probability, source, human)):
            break
    return label, probability, source, human


def label_fields(schema: pa.Schema) -> list[pa.Field[Any]]:
    """The four label columns under the names that are free beside the user's columns in `schema`."""
    return [field.with_name(name) for field, name in zip(LABEL_FIELDS, label_columns(schema), strict=True)]


def regroup(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, rows: int = GROUP_ROWS, size: int = GROUP_BYTES
) -> Iterator[pa.Table]:
    """The same rows in tables of at most `rows` rows and about `size` bytes: one row group each."""
    held: list[pa.RecordBatch] = []
    held_rows = held_bytes = 0
    for batch in batches:
        for start in range(0, batch.num_rows, rows):
            piece = batch.slice(start, rows)
            if held and (held_rows + piece.num_rows > rows or held_bytes + piece.nbytes > size):
                yield pa.Table.from_batches(held, schema)
                held, held_rows, held_bytes = [], 0, 0
            held.append(piece)
            held_rows += piece.num_rows
            held_bytes += piece.nbytes
    if held:
        yield pa.Table.from_batches(held, schema)


def cannot_hold(field: pa.Field[Any], format_name: str, others: tuple[str, ...]) -> ExportError:
    """The refusal of a column whose type a format does not have."""
    return ExportError(
        f"Column `{field.name}` has the type `{field.type}`, which {format_name} cannot hold.",
        do=f"Export to {names(others)}, or leave the column out of the data.",
    )
