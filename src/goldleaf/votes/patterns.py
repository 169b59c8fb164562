"""Rules without code: words, a regular expression, or the value of a column. Each makes a labeling function."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from goldleaf.errors import ConfigError
from goldleaf.votes.function import LabelingFunction


@dataclass(frozen=True)
class Search:
    """The label where the pattern is found in any of the columns (all columns of text by default)."""

    label: str
    pattern: re.Pattern[str]
    columns: tuple[str, ...] = ()

    def __call__(self, batch: pa.RecordBatch) -> list[str | None]:
        found = [False] * batch.num_rows
        for name in self.columns or batch.schema.names:
            column = batch.column(name)
            if self.columns or _is_text(column.type):
                for at, text in enumerate(column.cast(pa.string()).to_pylist()):
                    found[at] = found[at] or (text is not None and self.pattern.search(text) is not None)
        return [self.label if one else None for one in found]


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


@dataclass(frozen=True)
class Lookup:
    """The label that a table gives for the value of a column; none for a value that it lacks."""

    column: str
    labels: tuple[tuple[str, str], ...]

    def __call__(self, batch: pa.RecordBatch) -> list[str | None]:
        table = dict(self.labels)
        return [table.get(str(value)) for value in batch.column(self.column).to_pylist()]


def keywords(
    label: str, words: Sequence[str], *, columns: Sequence[str] = (), name: str = "", whole: bool = True
) -> LabelingFunction:
    """The label where any of the words or phrases occurs; upper and lower case are the same.

    Args:
        whole: only as whole words, so that "ham" is not found in "shame". columns: to look in; all by default.
    """
    if isinstance(words, str) or not words or any(not word.strip() for word in words):
        raise ConfigError(f"`keywords` must be a list of words, none of them empty, got {words!r}.")
    # a phrase may be broken over lines; \b would not do beside a sign such as "c++"
    parts = sorted((r"\s+".join(map(re.escape, word.split())) for word in words), key=len, reverse=True)
    joined = "|".join(parts)
    pattern = rf"(?<!\w)(?:{joined})(?!\w)" if whole else joined
    return _search(label, pattern, re.IGNORECASE, columns, name or f"keywords:{label}:{words[0]}")


def regex(label: str, pattern: str, *, columns: Sequence[str] = (), name: str = "") -> LabelingFunction:
    """The label where a regular expression (Python's `re`) is found; `(?i)` at its start ignores case."""
    return _search(label, pattern, 0, columns, name or f"regex:{label}:{pattern}")


def lookup(column: str, labels: Mapping[str, str], *, name: str = "") -> LabelingFunction:
    """The label that `labels` gives for the value of `column`, such as {"US": "english"}."""
    rule = Lookup(column, tuple((str(value), label) for value, label in labels.items()))
    return LabelingFunction(rule, name or f"lookup:{column}", batch=True)


def _search(label: str, pattern: str, flags: int, columns: Sequence[str], name: str) -> LabelingFunction:
    try:
        compiled = re.compile(pattern, flags)
    except re.error as error:
        raise ConfigError(f"{pattern!r} is not a regular expression: {error}.") from None
    rule: Any = Search(label, compiled, (columns,) if isinstance(columns, str) else tuple(columns))
    return LabelingFunction(rule, name, batch=True)
