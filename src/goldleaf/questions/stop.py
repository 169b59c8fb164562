"""When to stop training: when the forecast total of human answers stops falling.

The total is the answers given so far plus the forecast of the audit's (ALGORITHMS, sections B.3 and D).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PATIENCE = 3  # rounds without a better total
GAIN = 0.01  # a better total is one that is lower by this share
NEAR_FLOOR = 1.1


@dataclass(frozen=True)
class Round:
    """One round of training: human answers so far, and the forecast of the audit's answers after it."""

    answers: int
    forecast: float

    @property
    def total(self) -> float:
        return self.answers + self.forecast


def reason_to_stop(rounds: Sequence[Round], floor: float, batch: int) -> str | None:
    """Why training should end now, or None.

    Args:
        rounds: so far, oldest first.
        floor: the audit's answers if the model made no error at all: no training can go below.
        batch: answers of one more round.
    """
    if not rounds:
        return None
    now = rounds[-1]
    if now.forecast <= max(floor * NEAR_FLOOR, floor + batch):
        return f"the audit's forecast ({now.forecast:.0f}) is near its minimum ({floor:.0f})"
    smooth = [float(np.median([r.total for r in rounds[max(0, i - 2) : i + 1]])) for i in range(len(rounds))]
    if len(rounds) > PATIENCE and min(smooth[-PATIENCE:]) > min(smooth[:-PATIENCE]) * (1 - GAIN):
        return f"the forecast total of human answers ({now.total:.0f}) stopped falling"
    return None


def batch_size(classes: int, answers: int) -> int:
    """Questions of the next round: at least 8 and half the classes, growing with what is known."""
    return max(8, classes // 2, answers // 10)


def first_batch_size(classes: int, items: int) -> int:
    """Questions of the cold start: two a class and at least 20, but never over a fifth of a tiny pool."""
    return max(2, min(max(2 * classes, 20), max(items // 5, min(items, 10))))
