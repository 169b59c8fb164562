"""Anyone's data as a case: a file, the column to label from, and the column of gold."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.answers.case import Case
from benchmarks.answers.cases import encoded, from_vectors
from benchmarks.sets import LabeledSet
from goldleaf.errors import ConfigError, ItemsError, did_you_mean, names
from goldleaf.items.open import open_reader
from goldleaf.task import Classify


@dataclass(frozen=True)
class Source:
    """One line of the TOML file, or the options of the command line.

    Args:
        file: CSV, JSONL or Parquet.
        gold: the column of the true labels; rows without one are left out.
        text, image, vectors: the column of texts, of images (paths or bytes), or of lists of numbers; or
        table: True to use all other columns.
    """

    file: str
    gold: str
    text: str | None = None
    image: str | None = None
    vectors: str | None = None
    table: bool = False

    def __post_init__(self) -> None:
        given = [name for name in CONTENT if getattr(self, name)]
        if len(given) != 1:
            raise ConfigError(
                f"{self.file}: exactly one of {names(CONTENT)} says what an item is, got {names(given)}.",
                do="Name the column with the texts, e.g. --text review.",
            )


CONTENT = ("text", "image", "vectors", "table")


def case_of(name: str, source: Source) -> Case:
    """The case of a file; items with two different golds take the first one's."""
    table = _read(source)
    if source.vectors:
        return _vectors_case(name, table, source)
    key = hashlib.sha256(Path(source.file).read_bytes() + repr(source).encode()).hexdigest()[:12]
    case = encoded(name, partial(_labeled, name, table, source), key=f"-{key}")
    assert case is not None
    return case


def check(source: Source) -> Source:
    """`source`, refused now and not within a run if its file or a column of it will not do."""
    table = _read(source)
    if source.vectors:
        _vectors(table, source)
    return source


def _read(source: Source) -> pa.Table:
    reader = open_reader(source.file, task=None)
    table = pa.Table.from_batches(list(reader.batches()))
    for option in ("gold", "text", "image", "vectors"):
        column = getattr(source, option)
        if column and column not in table.column_names:
            raise ItemsError(
                f"{source.file} has no column {column!r}; it has {names(table.column_names)}."
                f"{did_you_mean(column, table.column_names)}",
                do=f"Name one of them: --{option} COLUMN.",
            )
    kept = [label is not None and str(label).strip() != "" for label in table[source.gold].to_pylist()]
    table = table.filter(pa.array(kept))
    labels = set(table[source.gold].to_pylist())
    if len(labels) < 2:
        raise ItemsError(
            f"The column {source.gold!r} of {source.file} must hold at least two labels, got {names(sorted(map(str, labels)))}.",
            do="Name the column of the true labels: --gold COLUMN.",
        )
    return table


def _labeled(name: str, table: pa.Table, source: Source) -> LabeledSet:
    gold = [str(label) for label in table[source.gold].to_pylist()]
    labels = sorted(set(gold))
    if source.table:
        return LabeledSet(name, table.drop_columns([source.gold]), gold, Classify(labels, table="*"))
    if source.text:
        return LabeledSet(name, table.select([source.text]), gold, Classify(labels, text=source.text))
    images = table[source.image].to_pylist()
    if isinstance(images[0], str):  # a path starts from the file's folder
        images = [str(Path(source.file).parent / image) for image in images]
    return LabeledSet(name, pa.table({"image": images}), gold, Classify(labels, image="image"))


def _vectors_case(name: str, table: pa.Table, source: Source) -> Case:
    labels, gold = np.unique([str(label) for label in table[source.gold].to_pylist()], return_inverse=True)
    return from_vectors(name, _vectors(table, source), gold.astype(np.int64), len(labels))


def _vectors(table: pa.Table, source: Source) -> NDArray[np.float32]:
    rows = table[source.vectors].to_pylist()
    lists = all(isinstance(row, list) for row in rows)
    if not lists or len(set(map(len, rows))) != 1:
        raise ItemsError(
            f"The column {source.vectors!r} of {source.file} must hold lists of one length, "
            f"got {table[source.vectors].type}.",
            do="Write the vectors as a list column of a Parquet file.",
        )
    return np.array(rows, np.float32)


def from_toml(path: Path) -> dict[str, Callable[[], Case]]:
    """The cases of a TOML file: `mine = {file = "x.csv", text = "review", gold = "label"}`, a line a set."""
    if not path.exists():
        raise ConfigError(f"No file {path}.", do="Check the path; it starts from the current folder.")
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}.", do="Write a line a set, see --help.") from None
    return {name: partial(case_of, name, check(_source(path, name, entry))) for name, entry in read.items()}


def _source(path: Path, name: str, entry: Any) -> Source:
    allowed = [field.name for field in fields(Source)]
    example = f'Write {name} = {{file = "x.csv", text = "review", gold = "label"}}.'
    if not isinstance(entry, dict):
        raise ConfigError(f"{path}: `{name}` must be a table, got {entry!r}.", do=example)
    for key in entry:
        if key not in allowed:
            raise ConfigError(
                f"{path}: `{name}` has an unknown key {key!r}; allowed: {names(allowed)}.{did_you_mean(key, allowed)}",
                do=example,
            )
    for key in ("file", "gold"):
        if key not in entry:
            raise ConfigError(f"{path}: `{name}` has no `{key}`.", do=example)
    return Source(**{**entry, "file": str(path.parent / entry["file"])})
