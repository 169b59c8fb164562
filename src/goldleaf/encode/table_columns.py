"""One column of a table as numbers: a number, a category, a date, or a short text. Missing values are welcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy
import scipy.sparse as sp

from goldleaf.encode.base import Vectors
from goldleaf.encode.text_svd import main_directions

Column = Callable[[Any], Vectors]
"""A fitted column: an Arrow array of n values to float32 [n, width]."""

LEVELS = 50  # categories kept by name; the rest is one more
_MISSING = ("", "?", "na", "n/a", "nan", "null", "none", "-")
_NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"
_DATE = r"^\d{4}-\d{2}-\d{2}([T ].*)?$"
_MOSTLY = 0.95  # of the values that are there must look like numbers (dates) for the column to be one


class LeftOut(Exception):
    """Why a column carries nothing."""


def plain(array: Any) -> Any:
    """One Arrow array without dictionaries, decimals or words for "missing"."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    kind = array.type
    if pa.types.is_dictionary(kind):
        return plain(array.dictionary_decode())
    if pa.types.is_boolean(kind):
        return array.cast(pa.large_string())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return array.cast(pa.float64())
    if pa.types.is_duration(kind) or pa.types.is_time(kind):
        return array.cast(pa.int32() if pa.types.is_time32(kind) else pa.int64()).cast(pa.float64())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        text = pc.utf8_trim_whitespace(array.cast(pa.large_string()))
        missing = pc.is_in(pc.utf8_lower(text), value_set=pa.array(_MISSING, pa.large_string()))
        return pc.if_else(missing, pa.scalar(None, pa.large_string()), text)
    return array


def fit_column(array: Any, seed: int) -> Column:
    """Decide what a column (after `plain`) is, and learn what it takes to encode it.

    Raises:
        LeftOut: it carries nothing, with the reason.
    """
    kind, there = array.type, array.drop_null()
    if len(there) == 0:
        raise LeftOut("every value is missing")
    if not _is_known(kind):
        raise LeftOut(f"values of type {kind}")
    if len(there) == len(array) and pc.count_distinct(array).as_py() < 2:
        raise LeftOut("one value only")
    if pa.types.is_floating(kind):
        return Number(array)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return Date(array)
    if _share(there, _NUMBER) >= _MOSTLY:
        return _Read(_numbers, Number(_numbers(array)))
    if _share(there, _DATE) >= _MOSTLY:
        return _Read(_dates, Date(_dates(array)))
    counts = pc.value_counts(there)
    seen = np.sort(counts.field("counts").to_numpy())[::-1]
    if seen[:LEVELS][seen[:LEVELS] > 1].sum() >= len(there) / 2:
        return Category(array)
    if len(seen) > _MOSTLY * len(there) and pc.mean(pc.count_substring(there, " ")).as_py() < 1:
        raise LeftOut("nearly every value is another one, such as a name or a number plate")
    return ShortText(array, seed)


class _Read:
    """A column of texts that are read as something else first."""

    def __init__(self, read: Callable[[Any], Any], column: Column) -> None:
        self.read, self.column = read, column

    def __call__(self, array: Any) -> Vectors:
        return self.column(self.read(array))


class Number:
    """Standard score, normal score of the rank (both within ±5), and whether it is missing."""

    def __init__(self, array: Any) -> None:
        values = _finite(array)
        there = values[np.isfinite(values)]
        if len(there) == 0:
            raise LeftOut("every value is missing")
        self.quantiles, first = np.unique(np.quantile(there, np.linspace(0, 1, 257)), return_index=True)
        last = 257 - np.unique(np.quantile(there, np.linspace(0, 1, 257))[::-1], return_index=True)[1]
        self.ranks = scipy.special.ndtri(
            np.clip((first + last - 1) / 512, 1e-3, 1 - 1e-3)
        )  # ties take their middle rank
        self.mean, self.deviation = float(there.mean()), float(there.std()) or 1.0
        self.rank_deviation = float(np.interp(there, self.quantiles, self.ranks).std()) or 1.0
        self.may_miss = len(there) < len(values)

    def __call__(self, array: Any) -> Vectors:
        values = _finite(array)
        missing = ~np.isfinite(values)
        filled = np.where(missing, self.mean, values)
        score = np.clip((filled - self.mean) / self.deviation, -5, 5)
        rank = np.clip(np.interp(filled, self.quantiles, self.ranks) / self.rank_deviation, -5, 5)
        columns = [np.where(missing, 0, score), np.where(missing, 0, rank)]
        return np.stack([*columns, *([missing] if self.may_miss else [])], axis=1).astype(np.float32)


class Category:
    """A one for the level, out of the most frequent ones, "another level" and "missing"."""

    def __init__(self, array: Any) -> None:
        counts = pc.value_counts(array.drop_null()).to_pylist()
        frequent = sorted((-level["counts"], level["values"]) for level in counts)[:LEVELS]
        self.levels = pa.array([value for count, value in frequent if count < -1], pa.large_string())

    def __call__(self, array: Any) -> Vectors:
        n = len(self.levels)
        at = pc.fill_null(pc.index_in(array, value_set=self.levels), n).to_numpy(zero_copy_only=False)
        at = np.where(array.is_null().to_numpy(zero_copy_only=False), n + 1, at)
        return np.eye(n + 2, dtype=np.float32)[at]


class Date:
    """Days since the middle of the pool, the year, and where in the year, the week and the day it lies."""

    def __init__(self, array: Any) -> None:
        seconds = _seconds(array)
        there = seconds[np.isfinite(seconds)]
        if len(there) == 0:
            raise LeftOut("every value is missing")
        self.mean, self.deviation = float(there.mean()), float(there.std()) or 1.0
        self.year = float(np.mean(_years(there)))
        self.year_deviation = float(np.std(_years(there))) or 1.0
        self.has_time = bool((there % 86_400 != 0).any())

    def __call__(self, array: Any) -> Vectors:
        seconds = _seconds(array)
        missing = ~np.isfinite(seconds)
        seconds = np.where(missing, self.mean, seconds)
        days = np.floor(seconds / 86_400)
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12
        columns = [
            (seconds - self.mean) / self.deviation,
            (_years(seconds) - self.year) / self.year_deviation,
        ]
        cycles = [months / 12, (days + 3) % 7 / 7] + ([seconds % 86_400 / 86_400] if self.has_time else [])
        for turn in cycles:
            columns += [np.sin(2 * np.pi * turn), np.cos(2 * np.pi * turn)]
        stacked = np.clip(np.stack(columns, axis=1), -5, 5)
        stacked[missing] = 0
        return np.column_stack([stacked, missing]).astype(np.float32)


class ShortText:
    """Names, titles, remarks: hashed character n-grams, reduced to 16 dimensions on the pool."""

    def __init__(self, array: Any, seed: int) -> None:
        from sklearn.feature_extraction.text import HashingVectorizer

        self.hashing = HashingVectorizer(
            analyzer="char_wb", ngram_range=(3, 4), n_features=2**14, alternate_sign=False, dtype=np.float32
        )
        self.components = 2 * main_directions(self._matrix(array), 16, seed)

    def __call__(self, array: Any) -> Vectors:
        return np.asarray(self._matrix(array) @ self.components, np.float32)

    def _matrix(self, array: Any) -> sp.csr_matrix[Any]:
        return self.hashing.transform([text or "" for text in array.to_pylist()])  # type: ignore[no-any-return]


def _is_known(kind: Any) -> bool:
    known = (pa.types.is_floating, pa.types.is_date, pa.types.is_timestamp, pa.types.is_large_string)
    return any(is_kind(kind) for is_kind in known)


def _share(texts: Any, pattern: str) -> float:
    return float(pc.mean(pc.match_substring_regex(texts, pattern).cast(pa.float64())).as_py())


def _numbers(texts: Any) -> Any:
    fits = pc.match_substring_regex(texts, _NUMBER)
    return pc.if_else(fits, texts, pa.scalar(None, pa.large_string())).cast(pa.float64())


def _dates(texts: Any) -> Any:
    days = pc.utf8_slice_codeunits(texts, 0, 10)
    return pc.strptime(days, format="%Y-%m-%d", unit="s", error_is_null=True)


def _finite(array: Any) -> Any:
    """float64 with NaN for missing and infinite values."""
    values = array.to_numpy(zero_copy_only=False).astype(np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _seconds(array: Any) -> Any:
    """Seconds since 1970 as float64, NaN where missing."""
    stamps = array.cast(pa.timestamp("us"))
    micros = stamps.cast(pa.int64()).to_numpy(zero_copy_only=False).astype(np.float64)
    return micros / 1e6


def _years(seconds: Any) -> Any:
    return (seconds // 86_400).astype("datetime64[D]").astype("datetime64[Y]").astype(int) + 1970.0
