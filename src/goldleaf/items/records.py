"""Rows that arrive as Python values (JSON lines, lists of dicts): their types, and Arrow batches of them."""

from __future__ import annotations

import json
import numbers
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pyarrow as pa

from goldleaf.errors import ItemsError
from goldleaf.items.arrow import Column, array
from goldleaf.items.base import plain, short

Record: TypeAlias = dict[str, Any]


def kind(value: object) -> str:
    """What a person would call the type of `value`."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "true/false"
    if isinstance(value, numbers.Real):
        return "number"
    if isinstance(value, bytes):
        return "bytes"
    if isinstance(value, list | tuple):
        return "list"
    return "object" if isinstance(value, dict) else type(value).__name__


@dataclass
class Values:
    """What one column's values were, over the batches seen so far."""

    type: pa.DataType | None = field(default_factory=pa.null)  # None: the values have no common Arrow type
    kinds: Counter[str] = field(default_factory=Counter)
    first: dict[str, tuple[int, object]] = field(default_factory=dict)  # kind -> row, value
    broken: int | None = None  # a row whose text is no Unicode

    def see(self, values: Sequence[object], start: int) -> None:
        for type_, count in Counter(map(type, values)).items():
            if type_ is not type(None):
                at = next(at for at, value in enumerate(values) if type(value) is type_)
                self.kinds[kind(values[at])] += count
                self.first.setdefault(kind(values[at]), (start + at, values[at]))
        if self.type is not None:
            try:
                self.type = common_type(self.type, plain(array(values).type))
            except UnicodeEncodeError:
                self.broken = start + next(at for at, value in enumerate(values) if not _is_unicode(value))
                self.type = None
            except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
                self.type = None

    @property
    def kept(self) -> pa.DataType:
        """The type the column is kept in: text where no other fits all values."""
        return pa.string() if self.type is None or len(self.kinds) > 1 else self.type

    @property
    def as_text(self) -> bool:
        return pa.types.is_string(self.kept) and set(self.kinds) - {"text"} != set()


def _is_unicode(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        return False
    return True


def common_type(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The type that holds both; raises ArrowTypeError where there is none."""
    schemas = [pa.schema([pa.field("x", dtype)]) for dtype in (one, other)]
    merged: pa.DataType = pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    return merged


def chunks(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    chunk: list[Record] = []
    for record in records:
        chunk.append(record)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def to_array(values: Sequence[object], column: Values) -> Column:
    """The values under the column's type; in a column of mixed types, all but text is written as JSON."""
    if column.as_text:
        values = [
            v if v is None or isinstance(v, str) else json.dumps(v, ensure_ascii=False, default=str)
            for v in values
        ]
    return array(values, column.kept)


def scan(batches: Iterable[Sequence[Record]]) -> tuple[dict[str, Values], int]:
    """Every column of every record, in order of first appearance, and the number of records."""
    columns: dict[str, Values] = {}
    rows = 0
    for batch in batches:
        for name in dict.fromkeys(name for record in batch for name in record):
            columns.setdefault(name, Values()).see([record.get(name) for record in batch], rows)
        rows += len(batch)
    return columns, rows


def to_batch(batch: Sequence[Record], columns: dict[str, Values]) -> pa.RecordBatch:
    arrays = [to_array([record.get(name) for record in batch], values) for name, values in columns.items()]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def check_kinds(columns: dict[str, Values], fields: Sequence[str], where: Callable[[int], str]) -> None:
    """Refuse text that cannot be written, and a content column that holds values of more than one kind."""
    for name, values in columns.items():
        if values.broken is not None:
            raise ItemsError(
                f"Column `{name}` holds half a surrogate pair in {where(values.broken)}, which is no character.",
                do="Correct the text, or leave the row out.",
            )
    for name in fields:
        values = columns[name]
        if len(values.kinds) > 1:
            counts = ", ".join(f"{count} {kind}" for kind, count in values.kinds.most_common())
            row, value = values.first[values.kinds.most_common()[-1][0]]
            raise ItemsError(
                f"Column `{name}` mixes types ({counts}): {where(row)} holds {short(value)}.",
                do="Correct the value, or leave the row out.",
            )
