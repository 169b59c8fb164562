"""The type of a column of text cells, decided over the whole file.

Whole numbers, numbers, true/false, dates and timestamps (ISO 8601) are recognised; everything else is text, and so
are codes that a number would mangle: "007", "+49 89", digits beyond 18.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import pyarrow as pa

from goldleaf.items.arrow import Column
from goldleaf.items.arrow import compute as pc

MISSING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "None")
_DATE = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_WHOLE = r"-?(0|[1-9]\d{0,17})"
LADDER: tuple[tuple[pa.DataType, str], ...] = (
    (pa.bool_(), r"^(true|false|True|False|TRUE|FALSE)$"),
    (pa.int64(), rf"^ *{_WHOLE} *$"),
    (pa.float64(), rf"^ *({_WHOLE}(\.\d*)?|-?\.\d+)([eE][+-]?\d{{1,3}})? *$"),
    (pa.date32(), rf"^{_DATE}$"),
    (pa.timestamp("us"), rf"^{_DATE}[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{{1,6}})?$"),
)
_NUMBER = LADDER[2][1]
_DIGITS = r"^ *[+-]?\d+ *$"


@cache
def _missing() -> Column:
    """Made when needed: pyarrow's first array of Python objects loads pandas, where there is one."""
    return pa.array(MISSING)


@dataclass
class ColumnScan:
    """What one column's cells can still be, after the batches seen so far."""

    count_numbers: bool = False
    possible: list[int] = field(default_factory=lambda: list(range(len(LADDER))))
    rows: int = 0
    filled: int = 0
    numbers: int = 0
    codes: int = 0
    odd: tuple[int, str] | None = None  # the first cell that is neither a number nor a code: row, text

    def see(self, cells: Column) -> None:
        if self.possible or self.count_numbers:
            missing = pc.is_in(cells, _missing())
            self.filled += len(cells) - pc.sum(missing).as_py() if len(cells) else 0
            self.possible = [at for at in self.possible if _fits(cells, missing, *LADDER[at])]
            if self.count_numbers:
                self._count(cells, missing)
        self.rows += len(cells)

    def _count(self, cells: Column, missing: Column) -> None:
        number = pc.match_substring_regex(cells, _NUMBER)
        code = pc.and_(pc.match_substring_regex(cells, _DIGITS), pc.invert(number))
        self.numbers += pc.sum(number).as_py() or 0
        self.codes += pc.sum(code).as_py() or 0
        odd = pc.index(pc.or_(pc.or_(number, code), missing), False).as_py()
        if self.odd is None and odd >= 0:
            self.odd = (self.rows + odd, cells[odd].as_py())

    @property
    def type(self) -> pa.DataType:
        if not self.possible:
            return pa.string()
        return LADDER[self.possible[0]][0] if self.filled else pa.null()

    @property
    def mixed(self) -> bool:
        """Nine cells of ten are numbers, but not all, and the rest are no codes such as 007."""
        return self.odd is not None and not self.codes and 0 < 0.9 * self.filled <= self.numbers


def _fits(cells: Column, missing: Column, dtype: pa.DataType, pattern: str) -> bool:
    # The first cells tell for most columns of text.
    if not (_all(cells[:64], missing[:64], pattern) and _all(cells, missing, pattern)):
        return False
    if pa.types.is_temporal(dtype):  # the pattern lets 30 February through
        try:
            cast(cells, dtype)
        except pa.ArrowInvalid:
            return False
    return True


def _all(cells: Column, missing: Column, pattern: str) -> bool:
    return pc.all(pc.or_(missing, pc.match_substring_regex(cells, pattern))).as_py() is not False


def cast(cells: Column, dtype: pa.DataType) -> Column:
    """Text cells as `dtype`, which they were found to fit."""
    if pa.types.is_string(dtype):
        return cells
    if pa.types.is_null(dtype):
        return pa.nulls(len(cells))
    cells = pc.if_else(pc.is_in(cells, _missing()), None, cells)
    if pa.types.is_boolean(dtype):
        return pc.equal(pc.ascii_lower(cells), "true")
    if pa.types.is_integer(dtype) or pa.types.is_floating(dtype):
        cells = pc.ascii_trim(cells, " ")
    return cells.cast(dtype)
