"""Vectors are computed once: an append-only file for each encoder, which outlives kills and re-imports.

vectors/<fingerprint>.f32    float32 rows, in item order
vectors/<fingerprint>.ids    16 bytes per row, the hash of the item's id: written when the rows are on the
                                 disk, so its length says how many rows count
vectors/<fingerprint>.json   the number of dimensions
vectors/<fingerprint>.old.*  the same three while rows move to a new item order
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from filelock import FileLock
from numpy.typing import NDArray

from goldleaf.encode.base import Encoder, Vectors
from goldleaf.errors import EncodeError
from goldleaf.progress import track

BatchesFrom = Callable[[int], Iterator[pa.RecordBatch]]
Hashes = NDArray[np.bytes_]
Mapped = np.memmap[Any, np.dtype[np.float32]]

_HASH = 16  # bytes
_DURABLE_EVERY = 2.0  # seconds: what a kill can cost
_PIECE_SECONDS, _PIECE_ROWS = (
    0.25,
    8192,
)  # one call of the encoder takes about so long, and at most so many rows


class VectorCache:
    """The vectors of the items of one project, a file for each encoder.

    An id must stand for the content of its item: an item whose content changes needs another id here.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def vectors(
        self, encoder: Encoder, ids: Sequence[str], batches_from: BatchesFrom, *, what: str = "encode"
    ) -> Mapped:
        """float32 [len(ids), d], row i for `ids[i]`, mapped from the disk; what is missing is computed.

        An item that was encoded before is not encoded again, even when the order of the items has changed.

        Args:
            encoder: its fingerprint names the file.
            ids: one per item, in item order.
            batches_from: `batches_from(start)` yields the items from position `start` on.
            what: the name of the progress bar.

        Raises:
            EncodeError: no items; batches that do not add up to the ids; an encoder that returns anything but
                finite float32 [n, d].
        """
        if not ids:
            raise EncodeError("There are no items to encode.", do="Add some: goldleaf add FILE")
        self.folder.mkdir(parents=True, exist_ok=True)
        wanted = _hashes(ids)
        file, old = _File(self.folder, encoder.fingerprint), _File(self.folder, encoder.fingerprint + ".old")
        with FileLock(str(self.folder / "vectors.lock")):
            stored = file.recover()
            same = _common(stored, wanted)
            if same < min(len(stored), len(wanted)):
                file.replace(old)
                same = 0
            if same < len(wanted):
                self._extend(file, old, encoder, wanted, same, batches_from, what)
            old.remove()
            return file.rows(len(wanted))

    def remove(self, fingerprint: str) -> None:
        """Forget the vectors of one encoder."""
        with FileLock(str(self.folder / "vectors.lock")):
            _File(self.folder, fingerprint).remove()

    def _extend(
        self,
        file: _File,
        old: _File,
        encoder: Encoder,
        wanted: Hashes,
        start: int,
        batches_from: BatchesFrom,
        what: str,
    ) -> None:
        """Append the rows from position `start` on, from the old order of the items where they are there."""
        known = _Known(old)
        position, rows_a_call = start, 32
        pending: list[Vectors] = []
        last = time.monotonic()
        with track(what, total=len(wanted) - start, unit="items") as advance:
            for batch in batches_from(start):
                at = 0
                while at < batch.num_rows:
                    piece = batch.slice(at, rows_a_call)
                    hashes = wanted[position : position + piece.num_rows]
                    if len(hashes) < piece.num_rows:
                        raise _mismatch(f"more than {len(wanted)}", len(wanted))
                    began = time.monotonic()
                    pending.append(known.fill(hashes, piece, encoder))
                    now = time.monotonic()
                    if now - began < _PIECE_SECONDS:
                        rows_a_call = min(2 * rows_a_call, _PIECE_ROWS)
                    at, position = at + piece.num_rows, position + piece.num_rows
                    if now - last > _DURABLE_EVERY:
                        file.append(pending, wanted[position - sum(map(len, pending)) : position])
                        pending, last = [], time.monotonic()
                    advance(piece.num_rows)
            if pending:
                file.append(pending, wanted[position - sum(map(len, pending)) : position])
        if position < len(wanted):
            raise _mismatch(str(position), len(wanted))


class _Known:
    """Rows that were computed for an earlier order of the items, found by the hash of the id."""

    def __init__(self, old: _File) -> None:
        hashes = old.recover()
        self.order = np.argsort(hashes, kind="stable")
        self.sorted = hashes[self.order]
        self.vectors = old.rows(len(hashes)) if len(hashes) else None

    def fill(self, hashes: Hashes, piece: pa.RecordBatch, encoder: Encoder) -> Vectors:
        """The vectors of `piece`, encoding only the rows that are not known."""
        if self.vectors is None:
            return _checked(encoder, piece)
        at = np.minimum(np.searchsorted(self.sorted, hashes), len(self.sorted) - 1)
        here = self.sorted[at] == hashes
        filled = np.empty((len(hashes), self.vectors.shape[1]), np.float32)
        filled[here] = self.vectors[self.order[at[here]]]
        if not here.all():
            filled[~here] = _checked(encoder, piece.filter(pa.array(~here)))
        return filled


class _File:
    """The files of one encoder: rows, hashes, dimensions."""

    def __init__(self, folder: Path, stem: str) -> None:
        self.f32, self.ids, self.json = (folder / f"{stem}.{end}" for end in ("f32", "ids", "json"))

    @property
    def dimensions(self) -> int:
        return int(json.loads(self.json.read_text())["dimensions"])

    def recover(self) -> Hashes:
        """The hashes of the rows that count; what a kill left half-written is cut off."""
        if not (self.json.exists() and self.ids.exists() and self.f32.exists()):
            self.remove()
            return np.zeros(0, f"S{_HASH}")
        width = 4 * self.dimensions
        count = min(self.ids.stat().st_size // _HASH, self.f32.stat().st_size // width)
        os.truncate(self.f32, count * width)
        os.truncate(self.ids, count * _HASH)
        return np.fromfile(self.ids, f"S{_HASH}")

    def append(self, vectors: list[Vectors], hashes: Hashes) -> None:
        """Make rows durable: first the vectors, then the hashes that make them count."""
        rows = np.concatenate(vectors)
        if not self.json.exists():
            _write(self.json, json.dumps({"dimensions": rows.shape[1]}).encode())
        if rows.shape[1] != self.dimensions:
            raise EncodeError(
                f"The encoder returned {rows.shape[1]} dimensions, before it was {self.dimensions}."
            )
        _write(self.f32, np.ascontiguousarray(rows).data)
        _write(self.ids, hashes.tobytes())

    def rows(self, count: int) -> Mapped:
        return np.memmap(self.f32, np.float32, mode="r", shape=(count, self.dimensions))

    def replace(self, old: _File) -> None:
        """Become the source of another order of the items, unless a larger one is being read already."""
        if len(old.recover()) < len(self.recover()):
            for mine, theirs in zip(self._paths(), old._paths(), strict=True):
                os.replace(mine, theirs)
        self.remove()

    def remove(self) -> None:
        for path in self._paths():
            path.unlink(missing_ok=True)

    def _paths(self) -> tuple[Path, Path, Path]:
        return self.ids, self.f32, self.json  # the hashes first: without them nothing counts


def _write(path: Path, data: bytes | memoryview) -> None:
    with path.open("ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _checked(encoder: Encoder, piece: pa.RecordBatch) -> Vectors:
    vectors = encoder.encode(piece)
    if vectors.ndim != 2 or len(vectors) != piece.num_rows or vectors.dtype != np.float32:
        raise EncodeError(
            f"The encoder returned {vectors.dtype} {vectors.shape} for {piece.num_rows} items; "
            f"allowed: float32 ({piece.num_rows}, d)."
        )
    bad = int((~np.isfinite(vectors)).any(axis=1).sum())
    if bad:
        raise EncodeError(f"The encoder returned NaN or infinity for {bad} of {len(vectors)} items.")
    return vectors


def _mismatch(got: str, items: int) -> EncodeError:
    return EncodeError(f"Encoding read {got} rows for {items} items; there must be one row per item.")


def _common(stored: Hashes, wanted: Hashes) -> int:
    """The length of the common prefix."""
    n = min(len(stored), len(wanted))
    differ = np.flatnonzero(np.not_equal(stored[:n], wanted[:n]))
    return int(differ[0]) if len(differ) else n


def _hashes(ids: Sequence[str]) -> Hashes:
    raw = b"".join(hashlib.blake2b(id_.encode(), digest_size=_HASH).digest() for id_ in ids)
    return np.frombuffer(raw, f"S{_HASH}")
