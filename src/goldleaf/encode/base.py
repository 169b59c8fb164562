"""What an encoder is, and what every encoder needs: its fingerprint, its column, its files."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldleaf.errors import EncodeError, MissingExtra, names

Vectors = NDArray[np.float32]
Parts = tuple[tuple[int, float], ...]
"""What a vector consists of, in its order: the width and the weight of each part. An encoder that has an attribute
`parts` has each of them centred on the pool and scaled by itself."""


@runtime_checkable
class Encoder(Protocol):
    """Turns items into vectors, each item by itself.

    The vector of an item does not depend on the other rows of its batch, nor on their order, bit for bit on
    one machine: that is what lets vectors be cached, extended and resumed.
    """

    @property
    def fingerprint(self) -> str:
        """Short hex, safe in a file name; another one whenever the vectors would be others."""
        ...

    def encode(self, batch: pa.RecordBatch) -> Vectors:
        """float32 [n, d], one row per item of `batch`."""
        ...


@runtime_checkable
class PoolEncoder(Protocol):
    """A recipe that looks at the pool first (vocabulary, quantiles, filters) and then is an `Encoder`.

    The fitted state is not kept: a pool that has grown is fitted anew, on a seeded sample, so the same pool
    gives the same encoder.
    """

    @property
    def fingerprint(self) -> str:
        """Short hex of the recipe."""
        ...

    @property
    def sample(self) -> int:
        """How many items it wants to see at most."""
        ...

    def fit(self, sample: pa.Table) -> Encoder:
        """The encoder for the pool that `sample` was drawn from."""
        ...


def fingerprint(name: str, **facts: object) -> str:
    """16 hex digits of everything the vectors depend on: name with version, arguments, hashes of files."""
    body = json.dumps([name, facts], sort_keys=True, default=str)
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def digest(ids: Iterable[str]) -> str:
    """16 hex digits that name a sequence of items, in order."""
    hashed = hashlib.sha256()
    for id_ in ids:
        hashed.update(id_.encode() + b"\0")
    return hashed.hexdigest()[:16]


def only_field(fields: tuple[str, ...], encoder: str) -> str:
    """The one column that `encoder` reads."""
    if len(fields) != 1:
        raise EncodeError(f"`{encoder}` reads one column, got {len(fields)}: {names(fields)}.")
    return fields[0]


def texts(batch: pa.RecordBatch | pa.Table, field: str) -> list[str]:
    """The texts of a column; a missing one is the empty text."""
    return [text or "" for text in column(batch, field).cast(pa.large_string()).to_pylist()]


def column(batch: pa.RecordBatch | pa.Table, field: str) -> Any:
    """The column `field` of a batch, as Arrow."""
    if field not in batch.schema.names:
        raise EncodeError(f"No column `{field}` to encode; the items have {names(batch.schema.names)}.")
    return batch.column(field)


def package_folder(package: str, what: str, extra: str) -> Path:
    """Where an installed package keeps its files, without importing it.

    Raises:
        MissingExtra: the package is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra(f"{what} needs the package `{package}`, which is not installed.", extra)
    return Path(spec.submodule_search_locations[0])


def require(packages: Iterable[str], what: str, extra: str) -> None:
    """Refuse with the `pip install` to run when one of `packages` is missing."""
    for package in packages:
        package_folder(package, what, extra)


def version(package: str) -> str:
    """The installed version of a distribution."""
    return importlib.metadata.version(package)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_file(path: Path, expected: str, what: str) -> None:
    """Refuse a model file that is absent or not the one the encoder's name stands for.

    Raises:
        EncodeError: with both hashes.
    """
    if not path.is_file():
        raise EncodeError(f"{what}: no file {str(path)!r}.", do="Give the file with `path=`.")
    got = sha256(path)
    if got != expected:
        raise EncodeError(
            f"{what}: {str(path)!r} is another file than the one this encoder stands for: "
            f"SHA-256 {got}, expected {expected}.",
            do="Reinstall the package that carries it, or give the right file with `path=`.",
        )
