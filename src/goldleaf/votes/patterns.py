"""Rules without code: words, a regular expression, or the value of a column. Each makes a labeling function."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from goldleaf.errors import ConfigError
from goldleaf.votes.function import LabelingFunction

PRINTABLE = re.compile(r"[!-~]+")  # what both regular expression engines read alike once it is escaped
ALSO = "[\u0130\u0131\u017f\u212a]"  # letters that `re` takes for i, s or k in any case


@dataclass(frozen=True)
class Search:
    """The label where the pattern is found in any of the columns (all columns of text by default).

    Args:
        hint: an expression for Arrow (RE2), found wherever `pattern` is; the rows that lack it are not looked at.
        exact: on ASCII it is found nowhere else.
    """

    label: str
    pattern: re.Pattern[str]
    columns: tuple[str, ...] = ()
    hint: str | None = None
    exact: bool = False

    def __call__(self, batch: pa.RecordBatch) -> pa.StringArray:
        found = np.zeros(batch.num_rows, bool)
        for name in self.columns or batch.schema.names:
            column = batch.column(name)
            if self.columns or _is_text(column.type):
                self._look(column.cast(pa.string()), found)
        label = pa.scalar(self.label, pa.string())
        labels: pa.StringArray = pc.if_else(pa.array(found), label, pa.scalar(None, pa.string()))
        return labels

    def _look(self, texts: Any, found: NDArray[np.bool_]) -> None:
        """Mark the rows where the pattern is; those that are marked already are not looked at."""
        open_ = ~found
        if self.hint is not None:
            hinted = _array(pc.match_substring_regex(texts, self.hint))
            if self.exact:
                found |= hinted & _array(pc.string_is_ascii(texts))
            open_ &= hinted & ~found
        places = np.flatnonzero(open_)
        search = self.pattern.search
        some = texts.take(pa.array(places, pa.int64())).to_pylist()
        found[places] = [text is not None and search(text) is not None for text in some]


def _array(mask: Any) -> NDArray[np.bool_]:
    """Arrow's true, false and null as true and false."""
    return np.asarray(mask.fill_null(False).to_numpy(zero_copy_only=False), bool)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


@dataclass(frozen=True)
class Lookup:
    """The label that a table gives for the value of a column; none for a value that it lacks."""

    column: str
    labels: tuple[tuple[str, str], ...]

    def __call__(self, batch: pa.RecordBatch) -> pa.StringArray:
        table = dict(self.labels)
        values = batch.column(self.column).dictionary_encode()
        of_value = [table.get(str(value)) for value in values.dictionary.to_pylist()]
        return pa.array(of_value, pa.string()).take(values.indices)


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
    hint, exact = _hint(words, whole)
    name = name or f"keywords:{label}:{words[0]}"
    return _search(label, pattern, re.IGNORECASE, columns, name, lambda _: hint, exact)


def _hint(words: Sequence[str], whole: bool) -> tuple[str | None, bool]:
    """The longest part of each phrase, in any case, for Arrow; None where its engine may read one differently.

    Its word boundary knows ASCII only, so it finds more than `re` does, never less.
    """
    parts = [max(word.split(), key=len) for word in words]
    if not all(PRINTABLE.fullmatch(part) for part in parts):
        return None, False
    edged = [re.sub(r"^\b|\b$", r"\\b", re.escape(part)) if whole else re.escape(part) for part in parts]
    single = all(re.fullmatch(r"\w+", word.strip(), re.ASCII) for word in words)
    return f"(?i:{'|'.join(edged)})|{ALSO}", single


def regex(label: str, pattern: str, *, columns: Sequence[str] = (), name: str = "") -> LabelingFunction:
    """The label where a regular expression (Python's `re`) is found; `(?i)` at its start ignores case."""
    return _search(label, pattern, 0, columns, name or f"regex:{label}:{pattern}", _literal)


def _literal(pattern: re.Pattern[str]) -> str | None:
    """The longest text that stands in every match, for Arrow; None where there is none."""
    reader: Any = getattr(re, "_parser", None)  # how `re` itself reads a pattern; no promise of Python's
    if reader is None or pattern.flags & re.IGNORECASE:
        return None
    longest = max(_literals(reader.parse(pattern.pattern, pattern.flags)), key=len)
    return re.escape(longest) if longest else None


def _literals(nodes: Any) -> Iterator[str]:
    """The runs of characters that every match of `nodes` contains, and the empty one."""
    run = ""
    for kind, value in nodes:
        if str(kind) == "LITERAL":
            run += chr(value)
            continue
        yield run
        run = ""
        if str(kind) == "SUBPATTERN" and not value[1] and not value[2]:  # flags of its own, such as (?i:…)
            yield from _literals(value[3])
        elif str(kind) in ("MAX_REPEAT", "MIN_REPEAT") and value[0]:
            yield from _literals(value[2])
    yield run


def lookup(column: str, labels: Mapping[str, str], *, name: str = "") -> LabelingFunction:
    """The label that `labels` gives for the value of `column`, such as {"US": "english"}."""
    rule = Lookup(column, tuple((str(value), label) for value, label in labels.items()))
    return LabelingFunction(rule, name or f"lookup:{column}", batch=True)


def _search(
    label: str,
    pattern: str,
    flags: int,
    columns: Sequence[str],
    name: str,
    hint: Callable[[re.Pattern[str]], str | None],
    exact: bool = False,
) -> LabelingFunction:
    try:
        compiled = re.compile(pattern, flags)
    except re.error as error:
        raise ConfigError(f"{pattern!r} is not a regular expression: {error}.") from None
    named = (columns,) if isinstance(columns, str) else tuple(columns)
    rule: Any = Search(label, compiled, named, hint(compiled), exact)
    return LabelingFunction(rule, name, batch=True)
