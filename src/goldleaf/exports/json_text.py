"""Arrow columns as JSON text, a column at a time: several times faster than a dict a row.

Numbers keep their digits, not-a-number and infinities are null (JSON has neither), times are ISO 8601, bytes
are base64 under a name that ends in `_base64`, dictionaries their values, maps a list of {"key", "value"}.
"""

from __future__ import annotations

import base64
import json
from itertools import islice
from json.encoder import encode_basestring
from math import isfinite
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class NoJsonError(Exception):
    """An Arrow type without a JSON form."""


def json_name(name: str, kind: Any) -> str:
    """The key of a field: bytes, and lists of bytes, say that they are base64."""
    while is_list(kind):
        kind = kind.value_type
    return f"{name}_base64" if is_bytes(kind) else name


def json_cells(array: Any) -> list[str]:
    """The JSON text of each value.

    Raises:
        NoJsonError: the type has no JSON form.
    """
    kind, types = array.type, pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return json_cells(array.storage)
    if types.is_dictionary(kind):
        return json_cells(array.dictionary_decode())
    if types.is_struct(kind):
        return _or_null(array, json_rows(list(kind), array.flatten(), len(array)))
    if is_list(kind):
        return _list_cells(array)
    if types.is_map(kind):
        return json_cells(
            array.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))
        )
    if types.is_floating(kind):
        return [
            "null" if value is None or not isfinite(value) else repr(value) for value in array.to_pylist()
        ]
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_decimal(kind) or types.is_null(kind):
        return [text or "null" for text in array.cast(pa.string()).to_pylist()]
    return ["null" if text is None else encode_basestring(text) for text in plain_text(array).to_pylist()]


def json_rows(fields: list[pa.Field[Any]], columns: list[Any], rows: int) -> list[str]:
    """One JSON object a row."""
    if not fields:
        return ["{}"] * rows
    keys = (json.dumps(json_name(field.name, field.type), ensure_ascii=False) for field in fields)
    template = "{" + ", ".join(key.replace("%", "%%") + ": %s" for key in keys) + "}"
    return [template % row for row in zip(*map(json_cells, columns), strict=True)]


def plain_text(array: Any) -> Any:
    """Strings, bytes (base64) and times (ISO 8601) as an Arrow array of strings."""
    kind, types = array.type, pa.types
    if is_text(kind):
        return array
    if is_bytes(kind):
        return pa.array(
            [None if v is None else base64.b64encode(v).decode() for v in array.to_pylist()], pa.string()
        )
    if types.is_duration(kind):
        ticks = array.cast(pa.int64()).to_pylist()
        return pa.array(
            [None if v is None else f"PT{v / _PER_SECOND[kind.unit]!r}S" for v in ticks], pa.string()
        )
    if types.is_timestamp(kind):
        return pc.replace_substring(array.cast(pa.string()), " ", "T", max_replacements=1)
    if types.is_date(kind) or types.is_time(kind):
        return array.cast(pa.string())
    raise NoJsonError(str(kind))


def is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    return (
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
        or types.is_binary_view(kind)
    )


def is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _list_cells(array: Any) -> list[str]:
    """Values come flat and without the null lists; each list takes as many as it is long."""
    flat = iter(json_cells(array.flatten()))
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_pylist()
    return _or_null(array, ["[" + ", ".join(islice(flat, length)) + "]" for length in lengths])


def _or_null(array: Any, cells: list[str]) -> list[str]:
    if not array.null_count:
        return cells
    return [
        cell if valid else "null" for cell, valid in zip(cells, array.is_valid().to_pylist(), strict=True)
    ]
