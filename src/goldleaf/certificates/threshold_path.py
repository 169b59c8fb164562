"""The course of a threshold audit, as its report draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from goldleaf.certificates.base import AuditPlan, Draw, Said
from goldleaf.certificates.threshold import ThresholdAudit


def path(
    plan: AuditPlan, draws: Sequence[Draw], said: Sequence[Said], points: int = 200
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(answers, bound then) after up to `points` of the answered draws, the last one included.

    Args:
        draws, said: in the order of their steps, each with the answer that counts.
    """
    audit = ThresholdAudit(plan)
    ends = set(np.linspace(min(1, len(draws)), len(draws), points).astype(np.int64).tolist()) - {0}
    bounds = []
    for number, (draw, one) in enumerate(zip(draws, said, strict=True), start=1):
        audit.take(replace(draw, step=number - 1))
        audit.answer(draw.position, one)
        if number in ends:
            bounds.append(audit.bound)
    return np.array(sorted(ends), np.int64), np.array(bounds, np.float64)
