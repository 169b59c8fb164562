"""(f) People label everything."""

from __future__ import annotations

from benchmarks.answers.case import Case, Result


def all_human(case: Case, error: float, alpha: float, seed: int) -> Result:
    return Result(case.items, True, 0, {"census": case.items})
