"""The files of votes: Parquet, named by the SHA-256 of their bytes, written once and never changed.

A file is written under a temporary name, synced and renamed; it counts when a row of the ledger names it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from goldleaf.durable import sync_folder
from goldleaf.errors import VotesError
from goldleaf.votes.base import ABSTAINED, Ints, Opinions, one_dictionary


def write(folder: Path, said: Opinions) -> str:
    """Store what a source said; durable when this returns. The name of the file without its end."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{os.getpid()}.tmp"
    try:
        write_table: Any = pq.write_table  # its stub knows no list of columns
        write_table(
            _table(said),
            temporary,
            compression="zstd",
            store_schema=False,
            use_dictionary=["label", "voter"],
            column_encoding={"item": "DELTA_BINARY_PACKED"},  # ascending: hardly a byte each
        )
        with temporary.open("rb+") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        os.replace(temporary, _path(folder, digest))
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(folder)
    return digest


def read(folder: Path, digest: str) -> Opinions:
    """What was stored under that name.

    Raises:
        VotesError: the file is gone, or is another one.
    """
    return _opinions(pq.read_table(_whole(folder, digest), read_dictionary=["voter"]))


def items(folder: Path, digest: str) -> Ints:
    """The items that it speaks of.

    Raises:
        VotesError: see `read`.
    """
    item: Ints = pq.read_table(_whole(folder, digest), columns=["item"]).column("item").to_numpy()
    return item


def _whole(folder: Path, digest: str) -> pa.BufferReader:
    """The bytes of a file, which are those that were written."""
    path = _path(folder, digest)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise VotesError(
            f"The votes in {path} cannot be read: {error.strerror or error}.",
            do="Restore the file from a copy of the project, or vote again: goldleaf vote --again",
        ) from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise VotesError(
            f"{path} was changed after it was written.",
            do="Restore the file from a copy of the project, or vote again: goldleaf vote --again",
        )
    return pa.BufferReader(data)


def about(folder: Path, digest: str, position: int) -> Opinions:
    """What that file says of one item; for looking at, so only that part of it is read, and its bytes are not checked.

    Raises:
        VotesError: the file is gone, or is none.
    """
    path = _path(folder, digest)
    try:
        return _opinions(pq.read_table(path, filters=[("item", "==", position)]))
    except (OSError, pa.ArrowException) as error:
        raise VotesError(
            f"The votes in {path} cannot be read: {error}.",
            do="Restore the file from a copy of the project, or vote again: goldleaf vote --again",
        ) from None


def tidy(folder: Path, named: Collection[str]) -> None:
    """Remove what a killed run left: temporary files, and parts that no row of the ledger names."""
    for path in folder.glob("*"):
        if path.suffix == ".tmp" or (path.suffix == ".parquet" and path.stem not in named):
            path.unlink(missing_ok=True)


def _path(folder: Path, digest: str) -> Path:
    return folder / f"{digest}.parquet"


def _table(said: Opinions) -> pa.Table:
    order = np.argsort(said.item, kind="stable")  # neighbours are alike, and the file is small
    label = said.label[order]
    columns: dict[str, Any] = {
        "item": pa.array(said.item[order]),
        "label": pa.array(label, mask=label == ABSTAINED),
    }
    if said.confidence is not None:
        confidence = said.confidence[order]
        columns["confidence"] = pa.array(confidence, mask=np.isnan(confidence))
    if said.voter is not None:
        columns["voter"] = said.voter.take(pa.array(order))
    return pa.table(columns)


def _opinions(table: pa.Table) -> Opinions:
    def floats(name: str) -> Any:
        return table.column(name).to_numpy().astype(np.float32) if name in table.column_names else None

    voter = one_dictionary(table.column("voter").chunks) if "voter" in table.column_names else None
    label = table.column("label").combine_chunks().fill_null(ABSTAINED).to_numpy().astype(np.int32)
    return Opinions(table.column("item").to_numpy(), label, floats("confidence"), voter)
