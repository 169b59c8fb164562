"""What makes two contents the same: 128-bit BLAKE2b digests of typed values, equal across file formats.

A value is written as its type's letter, its length and its canonical text (`s5:hello`, `#1:3`), so that 3 read
from a CSV file and 3 from a Parquet column of any numeric type agree, while the text "3" differs. Missing values
(null, NaN, empty text) are all written `n`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldleaf.items.arrow import Column
from goldleaf.items.arrow import compute as pc

Digests = NDArray[np.uint64]  # (n, 2): the 128 bits of each row


def digest_all(values: Sequence[bytes]) -> Digests:
    """BLAKE2b-128 of each value, shape (n, 2)."""
    raw = b"".join([blake2b(value, digest_size=16).digest() for value in values])
    return np.frombuffer(raw, "<u8").reshape(-1, 2)


def content_digests(columns: Sequence[Column]) -> Digests:
    """The digest of each row of `columns`, in the order given."""
    cells = [pc.fill_null(encoded(column), b"n") for column in columns]
    joined = cells[0] if len(cells) == 1 else pc.binary_join_element_wise(*cells, b"")
    return digest_all(joined.to_pylist())


def row_digests(content: Digests, rest: dict[str, Column]) -> Digests:
    """The digest of each whole row: its content, and the named values of its other columns.

    Missing values leave no trace, so a column that is added later does not change the rows before it.
    """
    cells = [pa.array(to_bytes(content), pa.binary())]
    for name in sorted(rest):
        label = encoded(pa.array([name]))[0].as_py()
        cells.append(pc.fill_null(pc.binary_join_element_wise(label, encoded(rest[name]), b""), b""))
    return digest_all(pc.binary_join_element_wise(*cells, b"").to_pylist())


def encoded(column: Column) -> Column:
    """Letter, length, ':' and canonical bytes of each value; null where it is missing."""
    letter, values = canonical(column)
    size = pc.binary_length(values).cast(pa.string()).cast(pa.binary())
    return pc.binary_join_element_wise(letter, size, b":", values, b"")


def canonical(column: Column) -> tuple[bytes, Column]:
    """The type's letter and the canonical text of each value, as binary."""
    kind = column.type
    if pa.types.is_string(kind):
        letter, text = b"s", pc.if_else(pc.equal(column, ""), None, column)
    elif pa.types.is_boolean(kind):
        letter, text = b"b", column.cast(pa.string())
    elif pa.types.is_integer(kind):
        letter, text = b"#", column.cast(pa.string())
    elif pa.types.is_floating(kind):
        letter, text = b"#", _float_text(column)
    elif pa.types.is_decimal(kind):
        letter, text = b"#", _trim_zeros(column.cast(pa.string()))
    elif pa.types.is_timestamp(kind):
        # Wall time in UTC; `view` drops the zone without shifting the clock.
        letter = b"t" if kind.tz is None else b"z"
        text = _trim_zeros(column.view(pa.timestamp(kind.unit)).cast(pa.string()))
    elif pa.types.is_binary(kind):
        return b"x", column
    elif pa.types.is_date(kind):
        letter, text = b"d", column.cast(pa.date32()).cast(pa.string())
    elif pa.types.is_null(kind):
        letter, text = b"n", column.cast(pa.string())
    else:
        letter, text = b"j", pa.array([_json(value) for value in column.to_pylist()], pa.string())
    return letter, text.cast(pa.binary())


def _float_text(column: Column) -> Column:
    """The shortest decimal that reads back as the same float; whole numbers as integers; NaN is missing."""
    wide = column.cast(pa.float64())
    whole = pc.and_(pc.equal(pc.trunc(wide), wide), pc.less(pc.abs(wide), 2.0**63))
    integers = pc.if_else(whole, wide, 0.0).cast(pa.int64()).cast(pa.string())
    return pc.if_else(pc.is_nan(wide), None, pc.if_else(whole, integers, column.cast(pa.string())))


def _trim_zeros(text: Column) -> Column:
    text = pc.replace_substring_regex(text, r"\.0*$", "")
    return pc.replace_substring_regex(text, r"(\.\d*[1-9])0+$", r"\1")


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def to_bytes(digests: Digests) -> list[bytes]:
    raw = np.ascontiguousarray(digests).tobytes()
    return [raw[at : at + 16] for at in range(0, len(raw), 16)]


def to_hex(digests: Digests) -> pa.StringArray:
    """32 hexadecimal characters each; built in one piece, as there may be millions."""
    text = np.ascontiguousarray(digests).tobytes().hex().encode()
    offsets = np.arange(len(digests) + 1, dtype=np.int32) * 32
    return pa.StringArray.from_buffers(len(digests), pa.py_buffer(offsets.tobytes()), pa.py_buffer(text))


def to_binary(digests: Digests) -> Column:
    """As stored: 16 bytes each."""
    data = pa.py_buffer(np.ascontiguousarray(digests).tobytes())
    return pa.Array.from_buffers(pa.binary(16), len(digests), [None, data])


def from_binary(column: Column) -> Digests:
    """The digests of a stored column."""
    chunks: list[Any] = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    raw = [
        np.frombuffer(chunk.buffers()[1], "<u8")[2 * chunk.offset :][: 2 * len(chunk)]
        for chunk in chunks
        if len(chunk)
    ]
    return np.concatenate(raw).reshape(-1, 2) if raw else np.empty((0, 2), np.uint64)
