"""Rows of a CSV or TSV file, streamed; a column's type is decided over the whole file."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv

from goldleaf.errors import ItemsError, names
from goldleaf.items.base import check_columns, content_fields, short
from goldleaf.items.encoding import codec, wrong_encoding
from goldleaf.items.infer import ColumnScan, cast
from goldleaf.progress import Advance, track
from goldleaf.task import Classify

BLOCKS = (
    2 << 20,
    256 << 20,
)  # bytes read at a time; a row must fit into one block, or it is read in larger ones


class CsvReader:
    """Two passes: the first finds each column's type, the second reads the rows.

    Args:
        path: the file.
        task: says which columns are text, and which must not mix types.
        encoding: of the file; a byte-order mark is skipped.
        delimiter: what separates cells.
    """

    def __init__(
        self, path: Path, task: Classify | None, encoding: str = "utf-8", delimiter: str = ","
    ) -> None:
        self.path, self.delimiter = path, delimiter
        self.name = path.name
        self.root: Path | None = path.parent
        self._encoding = codec(encoding)
        self._block = BLOCKS[0]
        self.columns = self._header()
        check_columns(self.columns, str(path), task)
        fields = content_fields(task, self.columns)
        table = task is not None and task.modality == "table"
        self._numbers: tuple[str, ...] = fields if table else ()
        self._text: tuple[str, ...] = () if table else fields

    @property
    def rows(self) -> int:
        return self._scan.rows

    def batches(self, like: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
        types = self._scan.types | {
            field.name: field.type
            for field in like or ()
            if pa.types.is_string(field.type) and field.name in self.columns
        }
        schema = pa.schema(list(types.items()))
        for batch in self._cells():
            arrays = [cast(batch.column(name), dtype) for name, dtype in types.items()]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def where(self, row: int) -> str:
        for at, (line, _) in enumerate(self._lines()):
            if at == row + 1:
                return f"{self.name}, line {line}"
        return f"{self.name}, row {row}"

    @cached_property
    def _scan(self) -> _Scan:
        for self._block in BLOCKS:
            scans = {name: ColumnScan(count_numbers=name in self._numbers) for name in self.columns}
            for name in self._text:
                scans[name].possible.clear()
            try:
                with track("scan", total=self.path.stat().st_size, unit="bytes") as advance:
                    for batch in self._cells(advance):
                        for name, scan in scans.items():
                            scan.see(batch.column(name))
                break
            except _LongRow as error:
                if self._block == BLOCKS[-1]:
                    raise self._refusal(error) from None
        return self._checked(scans)

    def _checked(self, scans: dict[str, ColumnScan]) -> _Scan:
        rows = scans[self.columns[0]].rows
        if not rows:
            raise ItemsError(
                f"{self.path} has a header but no rows.", do="Check that the file was written completely."
            )
        self._check_quotes(rows)
        for name, scan in scans.items():
            if scan.mixed and scan.odd:
                raise ItemsError(
                    f"Column `{name}` mixes numbers and text: {scan.numbers} of {scan.filled} cells are numbers, "
                    f"but {self.where(scan.odd[0])} holds {short(scan.odd[1])}.",
                    do="Correct the cell or leave it empty, or leave the column out of `table`.",
                )
        types = {name: pa.string() if name in self._text else scan.type for name, scan in scans.items()}
        return _Scan(rows, types)

    def _header(self) -> tuple[str, ...]:
        try:
            header = next((cells for _, cells in self._lines()), None)
        except UnicodeError as error:
            raise wrong_encoding(self.path, self._encoding) or error from None
        if header is None:
            raise ItemsError(
                f"{self.path} is empty.", do="It needs a line of column names, then a line a row."
            )
        other = next((mark for mark in ";\t|," if mark in header[0]), None) if len(header) == 1 else None
        if other is not None:
            raise ItemsError(
                f"{self.path} has a single column {short(header[0])}: its cells seem to be separated by {other!r}, "
                f"not {self.delimiter!r}.",
                do="Save it with commas as .csv, or with tabs as .tsv.",
            )
        return tuple(header)

    def _cells(self, advance: Advance = lambda n: None) -> Iterator[pa.RecordBatch]:
        """Every cell as text; an error names the line."""
        convert = arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(self.columns, pa.string()), strings_can_be_null=False
        )
        read = arrow_csv.ReadOptions(block_size=self._block, encoding=self._encoding.removesuffix("-sig"))
        parse = arrow_csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True)
        try:
            with self.path.open("rb") as file:
                done = 0
                for batch in arrow_csv.open_csv(
                    file, read_options=read, parse_options=parse, convert_options=convert
                ):
                    advance(file.tell() - done)
                    done = file.tell()
                    yield batch
        except (pa.ArrowInvalid, UnicodeError) as error:
            if "straddl" in str(error):
                raise _LongRow(str(error)) from None
            raise self._refusal(error) from None

    def _refusal(self, error: Exception) -> ItemsError:
        """What is wrong with the file, found by reading it again, line by line."""
        if known := wrong_encoding(self.path, self._encoding) or self._bad_quote():
            return known
        width = len(self.columns)
        ragged = [(line, len(cells)) for line, cells in self._lines() if len(cells) != width]
        if not ragged:
            return ItemsError(
                f"{self.path} is not readable as CSV: {error}", do="Check its quotes and separators."
            )
        shown = "; ".join(f"{self.name}, line {line} has {got}" for line, got in ragged[:3])
        more = f" and {len(ragged) - 3} more" if len(ragged) > 3 else ""
        return ItemsError(
            f"{self.path} does not have {width} cells ({names(self.columns)}) in every row: {shown}{more}.",
            do='Put cells that contain a separator or a quote in double quotes, and double the quotes: "so ""quoted""".',
        )

    def _check_quotes(self, rows: int) -> None:
        """Refuse a quote that is never closed, which would swallow the rows after it into one cell."""
        with self.path.open("rb") as file:
            lines = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
        if lines <= rows + 1:  # no cell spans lines
            return
        if refusal := self._bad_quote():
            raise refusal

    def _bad_quote(self) -> ItemsError | None:
        line = next((line for line, cells in self._lines(strict=True) if not cells), None)
        if line is None:
            return None
        return ItemsError(
            f"{self.name}, line {line}: a quoted cell runs over line ends, but no quote before a separator closes it.",
            do='Double the quotes inside a quoted cell: "so ""quoted""".',
        )

    def _lines(self, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
        """Each record and the line it starts on; with `strict`, no cells where a bad quote spans lines."""
        with self.path.open(encoding=self._encoding, newline="") as file, _any_cell_size():
            reader = csv.reader(file, delimiter=self.delimiter, strict=strict)
            while True:
                line = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error:
                    if reader.line_num > line:
                        yield line, []
                    continue
                if cells:
                    yield line, cells


class _LongRow(Exception):
    """A row is longer than a block."""


@dataclass(frozen=True)
class _Scan:
    rows: int
    types: dict[str, pa.DataType]


@contextmanager
def _any_cell_size() -> Iterator[None]:
    """The csv module's limit of 131,072 characters a cell is global: lift it, and put it back."""
    before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)
