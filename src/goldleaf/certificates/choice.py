"""Which audit a frozen model gets: an even sample with a cut, or bets; chosen by forecast, before the first draw.

Bets are the cheaper ones where so few labels are wrong that draws alone will prove it. Where many items have to be
asked outright the cut finds their number after the draws, while a census has to believe in it before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from goldleaf.certificates import census, threshold
from goldleaf.certificates.base import AuditPlan, Method

AUTO = "auto"


def forecast(
    method: str,
    weights: NDArray[np.int64],
    p_wrong: NDArray[np.float64],
    rows: int,
    error: float,
    alpha: float,
    expected_error: float,
) -> float:
    """Human answers of the audit, about; by the cheaper one where `method` is "auto". Arguments as of `census.forecast`."""
    facts = (weights, p_wrong, rows, error, alpha, expected_error)
    if method == threshold.METHOD:
        return threshold.forecast(*facts)
    if method == AUTO:
        return min(threshold.forecast(*facts), census.forecast(*facts, outright=False))
    return census.forecast(*facts)


def method(wanted: str, plan: AuditPlan, doubted: int = 0) -> AuditPlan:
    """The plan with the audit that it is to have; `doubted` as of `threshold.design`."""
    if wanted == AUTO:
        facts = (plan.weights, plan.p_wrong, plan.rows, plan.error, plan.alpha, plan.expected_error)
        bets = census.forecast(*facts, outright=False)
        wanted = threshold.METHOD if threshold.forecast(*facts) <= bets else "gro.v1"
    if wanted == threshold.METHOD:
        return threshold.design(plan, doubted)
    return replace(plan, method=cast(Method, wanted))
