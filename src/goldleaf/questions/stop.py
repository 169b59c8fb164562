"""When to stop training: when the forecast total of human answers stops falling.

The total is the answers given so far plus the forecast of the audit's (ALGORITHMS, sections B.3 and D).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ROUNDS = 6  # at least so many before a slope means anything
WINDOW = 3.0  # rounds with at least a third of today's answers tell the slope
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
    if len(rounds) < ROUNDS:
        return None
    now = rounds[-1]
    if now.forecast <= max(floor * NEAR_FLOOR, floor + batch):
        return f"the audit's forecast ({now.forecast:.0f}) is near its minimum ({floor:.0f})"
    saved, doubt = _saved(rounds)
    if saved + doubt < 1:
        return f"one more answer saves {max(saved, 0):.2f} answers of the audit: the forecast total stopped falling"
    return None


def _saved(rounds: Sequence[Round]) -> tuple[float, float]:
    """Audit answers saved by one more training answer, and the standard error of that.

    The forecast is noisy, and falls about linearly in the logarithm of the answers: the slope of a line through
    the recent rounds says more than the last two.
    """
    answers = np.array([r.answers for r in rounds], float)
    recent = answers >= answers[-1] / WINDOW
    recent[-ROUNDS:] = True
    x, y = np.log(answers[recent]), np.array([r.forecast for r in rounds])[recent]
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    rest = y - y.mean() - slope * x
    error = float(np.sqrt(rest @ rest / max(len(x) - 2, 1) / (x @ x)))
    return -slope / answers[-1], error / answers[-1]


def batch_size(classes: int, answers: int) -> int:
    """Questions of the next round: at least 8 and half the classes, growing with what is known."""
    return max(8, classes // 2, answers // 10)


def first_batch_size(classes: int, items: int) -> int:
    """Questions of the cold start: two a class and at least 20, but never over a fifth of a tiny pool."""
    return max(2, min(max(2 * classes, 20), max(items // 5, min(items, 10))))
