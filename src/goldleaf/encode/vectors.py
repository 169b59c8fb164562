"""The user's own vectors: `column.v1` from a column of the items, `npy.v1` from a file in item order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from goldleaf.encode.base import Vectors, column, fingerprint, only_field, sha256
from goldleaf.errors import EncodeError

_ROWS = 8192


class ColumnVectors:
    """A list-of-numbers column, as it is."""

    name = "column.v1"

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.field = only_field(fields, "column.v1")
        self.fingerprint = fingerprint("column.v1", field=self.field)

    def encode(self, batch: pa.RecordBatch) -> Vectors:
        """float32 [n, d]; every list must have the same length and hold finite numbers only."""
        array = column(batch, self.field)
        where = f"vectors of column `{self.field}`"
        if not _is_numeric_list(array.type):
            raise EncodeError(f"The {where} have the type {array.type}; allowed: a list of numbers.")
        lengths = pc.list_value_length(array)
        if lengths.null_count:
            raise EncodeError(f"{lengths.null_count} {where} are missing in a batch; every item needs one.")
        found = sorted(set(lengths.to_pylist()))
        if len(found) != 1 or found[0] == 0:
            raise EncodeError(f"The {where} must all have the same length, got {found}.")
        flat = array.flatten().to_numpy(zero_copy_only=False)
        return _finite(flat.reshape(batch.num_rows, -1).astype(np.float32), where)


class NpyVectors:
    """The rows of an `.npy` file, the first for the first item.

    It reads its own rows instead of the items: give `batches_from` of this object to the cache.
    """

    name = "npy.v1"

    def __init__(self, fields: tuple[str, ...], path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise EncodeError(f"`npy.v1`: no file {str(self.path)!r}.", do="Give the path of an .npy file.")
        try:
            self.array = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except ValueError as error:
            raise EncodeError(
                f"`npy.v1`: {str(self.path)!r} is not an .npy file of numbers: {error}."
            ) from error
        if self.array.ndim != 2 or self.array.dtype.kind not in "iuf" or 0 in self.array.shape:
            raise EncodeError(
                f"`npy.v1`: {str(self.path)!r} holds {self.array.dtype} {self.array.shape}; "
                "allowed: numbers of shape (items, dimensions)."
            )
        self.fingerprint = fingerprint("npy.v1", file=sha256(self.path))

    def batches_from(self, start: int) -> Iterator[pa.RecordBatch]:
        """The rows from `start` on, as batches of one column."""
        width = self.array.shape[1]
        for at in range(start, len(self.array), _ROWS):
            flat = np.asarray(self.array[at : at + _ROWS], np.float32).reshape(-1)
            yield pa.RecordBatch.from_arrays(
                [pa.FixedSizeListArray.from_arrays(pa.array(flat), width)], ["vector"]
            )

    def encode(self, batch: pa.RecordBatch) -> Vectors:
        flat = column(batch, "vector").flatten().to_numpy()
        return _finite(flat.reshape(-1, self.array.shape[1]), f"vectors of {str(self.path)!r}")


def _is_numeric_list(type_: Any) -> bool:
    is_list = pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_)
    return is_list and (pa.types.is_integer(type_.value_type) or pa.types.is_floating(type_.value_type))


def _finite(vectors: Vectors, where: str) -> Vectors:
    bad = np.argwhere(~np.isfinite(vectors))
    if len(bad):
        row, at = bad[0]
        raise EncodeError(
            f"NaN or infinity in the {where}: {vectors[row, at]} at number {at} of row {row} of a batch."
        )
    return vectors
