"""Which items the rows of a file of answers speak of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldleaf.errors import ItemsError, VotesError, did_you_mean, names
from goldleaf.items.adding import ID, check_content_types, key_texts
from goldleaf.items.base import Reader, short
from goldleaf.items.store import ItemStore
from goldleaf.task import Classify


@dataclass(frozen=True)
class Matched:
    """Answers by item.

    Attributes:
        positions: of the items, each once, in order of first appearance; shape (m,).
        labels: of each, None where the cell is empty.
        rows: the source row that gave each label, for `reader.where`; shape (m,).
        unmatched: how many source rows speak of no item in the store.
    """

    positions: NDArray[np.int64]
    labels: list[str | None]
    rows: NDArray[np.int64]
    unmatched: int


def match(store: ItemStore, reader: Reader, task: Classify, label_column: str) -> Matched:
    """Join `reader`'s rows to items: by the key column, else by `goldleaf_id`, else by their content.

    Open the reader with `task=None`, as its rows need not carry the content. Labels are taken as text and not checked
    against the task. Raises VotesError where two rows give one item different labels, or no row matches.
    """
    found: dict[int, tuple[str | None, int]] = {}
    row = unmatched = 0
    for positions, batch in located(store, reader, task, (label_column,)):
        for position, label in zip(positions.tolist(), texts_of(batch, label_column, reader), strict=True):
            if position < 0:
                unmatched += 1
            else:
                _take(found, position, label, row, reader)
            row += 1
    labels, rows = zip(*found.values(), strict=True)
    return Matched(np.array(list(found), np.int64), list(labels), np.array(rows, np.int64), unmatched)


def located(
    store: ItemStore, reader: Reader, task: Classify, columns: Sequence[str]
) -> Iterator[tuple[NDArray[np.int64], pa.RecordBatch]]:
    """Every batch of `reader` with the position of the item that each row speaks of, -1 for none.

    Columns that hold text in a CSV file stay text; `columns` must be there. Raises VotesError, at the end, where no row
    speaks of any item.
    """
    by = _joined_by(store, reader, task, columns)
    like = pa.schema(
        [*(field for field in store.schema if pa.types.is_string(field.type) and field.name not in columns)]
    )
    for name in (*columns, *((by,) if by else ())):
        like = like.append(pa.field(name, pa.string())) if name not in like.names else like
    rows, found = 0, False
    for batch in reader.batches(like):
        positions = _positions(store, batch, by, reader, task)
        rows, found = rows + len(positions), found or bool((positions >= 0).any())
        yield positions, batch
    if not found:
        raise VotesError(
            f"None of the {rows} rows of {reader.name} matches an item by {f'`{by}`' if by else 'content'}.",
            do=f"Check that they were added; the store holds {store.items} items.",
        )


def _joined_by(store: ItemStore, reader: Reader, task: Classify, columns: Sequence[str]) -> str | None:
    """The column that names the item, or None for its content."""
    for name in columns:
        if name not in reader.columns:
            raise ItemsError(
                f"{reader.name} has no column `{name}` for the labels; it has {names(reader.columns)}."
                f"{did_you_mean(name, reader.columns)}",
                do="Name the column that holds the labels.",
            )
    for own in (task.key, ID):
        if own is not None and own in reader.columns:
            return own
    if lacking := [name for name in store.fields if name not in reader.columns]:
        ways = [f"`{name}`" for name in (task.key, ID) if name] + [
            f"the content column(s) {names(store.fields)}"
        ]
        raise ItemsError(
            f"{reader.name} does not say which items its labels are for: it has {names(reader.columns)}, "
            f"and no `{lacking[0]}`.{did_you_mean(lacking[0], reader.columns)}",
            do=f"Add a column that does: {' or '.join(ways)}.",
        )
    return None


def _positions(
    store: ItemStore, batch: pa.RecordBatch, by: str | None, reader: Reader, task: Classify
) -> NDArray[np.int64]:
    if by is None:
        check_content_types(batch.schema, task, store.fields, reader.name)
        return store.find_content(batch, reader.root)
    keys: Any = key_texts(batch.column(by), reader.name).dictionary_encode()  # a table of votes repeats them
    found = np.append(store.find(keys.dictionary.to_pylist()), -1)
    positions: NDArray[np.int64] = found[keys.indices.fill_null(len(found) - 1).to_numpy()]
    return positions


def texts_of(batch: pa.RecordBatch, label_column: str, reader: Reader) -> list[str | None]:
    """A column of labels or names as text, None where the cell is empty."""
    return [label or None for label in text_column(batch, label_column, reader).to_pylist()]


def text_column(batch: pa.RecordBatch, label_column: str, reader: Reader) -> Any:
    """A column of labels or names as an array of text."""
    column = batch.column(label_column)
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        raise ItemsError(
            f"Column `{label_column}` of {reader.name} holds {column.type}; a label is text.",
            do="Convert the column.",
        )
    return column.cast(pa.string())


def _take(
    found: dict[int, tuple[str | None, int]], position: int, label: str | None, row: int, reader: Reader
) -> None:
    """Keep the label of an item; an empty cell says nothing beside a label."""
    before = found.get(position)
    if before is None or before[0] is None:
        found[position] = (label, row)
    elif label is not None and label != before[0]:
        raise VotesError(
            f"Two labels for one item: {short(before[0])} in {reader.where(before[1])}, "
            f"but {short(label)} in {reader.where(row)}.",
            do="Keep the one that is right.",
        )
