"""Rows of a JSON-lines file: one object a line, streamed twice (types, then rows)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from goldleaf.errors import ItemsError
from goldleaf.items.base import BATCH_ROWS, check_columns, content_fields, short
from goldleaf.items.encoding import codec, wrong_encoding
from goldleaf.items.records import Record, Values, check_kinds, chunks, kind, scan, to_batch
from goldleaf.progress import track
from goldleaf.task import Classify


class JsonlReader:
    """One JSON object a line; blank lines are skipped; a key that a line lacks is null.

    Args:
        path: the file.
        task: says which columns must hold values of one kind.
        encoding: of the file; a byte-order mark is skipped.
    """

    def __init__(self, path: Path, task: Classify | None, encoding: str = "utf-8") -> None:
        self.path, self.name = path, path.name
        self.root: Path | None = path.parent
        self._encoding = codec(encoding)
        check_columns(self.columns, str(path), task)
        check_kinds(self._scan[0], content_fields(task, self.columns), self.where)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._scan[0])

    @property
    def rows(self) -> int:
        return self._scan[1]

    def batches(self, like: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
        for batch in chunks((record for _, record in self._records()), BATCH_ROWS):
            yield to_batch(batch, self._scan[0])

    def where(self, row: int) -> str:
        line = next((line for at, (line, _) in enumerate(self._lines()) if at == row), row + 1)
        return f"{self.name}, line {line}"

    @cached_property
    def _scan(self) -> tuple[dict[str, Values], int]:
        with track("scan", unit="rows") as advance:

            def batches() -> Iterator[list[Record]]:
                for batch in chunks((record for _, record in self._records()), BATCH_ROWS):
                    yield batch
                    advance(len(batch))

            columns, rows = scan(batches())
        if not rows:
            raise ItemsError(f"{self.path} is empty.", do='It needs one JSON object a line: {"text": "…"}.')
        return columns, rows

    def _records(self) -> Iterator[tuple[int, Record]]:
        for line, text in self._lines():
            try:
                record = json.loads(text)
            except ValueError as error:
                raise ItemsError(
                    f"{self.name}, line {line} is not JSON: {error}; got {short(text.strip())}.",
                    do="A .jsonl file holds one whole JSON object a line.",
                ) from None
            if not isinstance(record, dict):
                raise ItemsError(
                    f"{self.name}, line {line} is a {kind(record)}, not an object: {short(text.strip())}.",
                    do='Each line must be an object: {"text": "…"}.',
                )
            yield line, record

    def _lines(self) -> Iterator[tuple[int, str]]:
        try:
            with self.path.open(encoding=self._encoding, newline="\n") as file:
                for line, text in enumerate(file, 1):
                    if text.strip():
                        yield line, text
        except UnicodeError as error:
            raise wrong_encoding(self.path, self._encoding) or error from None
