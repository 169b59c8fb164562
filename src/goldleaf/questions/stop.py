"""When to stop training: when no further training lowers the forecast total of human answers.

The total is the answers given so far plus the forecast of the audit's. What more
training would bring is read off the learning curve: a power law through the errors expected so far, with a prior
on its exponent, because the first rounds say little. One look ahead, not one step: where nearly every item would
have to be asked, the forecast is flat, and the gain lies beyond.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

ROUNDS = 5  # at least so many before the expected errors mean anything
WINDOW = 3.0  # rounds with at least a third of today's answers tell the curve
EXPONENT, SPREAD = 0.4, 0.15  # prior of the exponent: 0.17 to 0.65 over seven sets, found while building this
CORRELATED = 3.0  # rounds share their answers, so their errors scatter less than they are off
AHEAD = (1.1, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0)
NEAR_FLOOR = 1.1

Forecast = Callable[[int, float], float]
"""Audit answers, were training to end after so many answers with such an error in the pool."""


@dataclass(frozen=True)
class Round:
    """One round of training: human answers so far, and the error then expected among the pool's labels."""

    answers: int
    error: float


@dataclass(frozen=True)
class Curve:
    """error(answers) = error now * (answers / answers now) ** -exponent."""

    answers: int
    error: float
    exponent: float

    def at(self, answers: float) -> float:
        return float(self.error * (answers / self.answers) ** -self.exponent)


def learning_curve(rounds: Sequence[Round]) -> Curve:
    """The power law through the recent rounds, its exponent drawn towards the prior as far as they scatter."""
    answers = np.array([r.answers for r in rounds], float)
    recent = answers >= answers[-1] / WINDOW
    recent[-ROUNDS:] = True
    x, y = np.log(answers[recent]), np.log(np.maximum([r.error for r in rounds], 1e-6))[recent]
    centre = x - x.mean()
    slope = float(centre @ y / max(centre @ centre, 1e-9))
    rest = y - y.mean() - slope * centre
    mistakes = float(np.exp(y[-1]) * answers[-1])
    scatter = max(float(rest @ rest) / max(len(x) - 2, 1), CORRELATED / max(mistakes, 1.0))
    variance = scatter / max(float(centre @ centre), 1e-9)
    exponent = (-slope / variance + EXPONENT / SPREAD**2) / (1 / variance + 1 / SPREAD**2)
    exponent = float(np.clip(exponent, 0.05, 1.0))
    now = float(np.exp(y.mean() - exponent * centre[-1]))
    return Curve(int(answers[-1]), now, exponent)


def reason_to_stop(rounds: Sequence[Round], floor: float, batch: int, forecast: Forecast) -> str | None:
    """Why training should end now, or None.

    Args:
        rounds: so far, oldest first.
        floor: the audit's answers if the model made no error at all: no training can go below.
        batch: answers of one more round.
        forecast: of the audit, after so many training answers and at such an error.
    """
    if len(rounds) < ROUNDS:
        return None
    curve = learning_curve(rounds)
    now = forecast(curve.answers, curve.error)
    if now <= max(floor * NEAR_FLOOR, floor + batch):
        return f"the audit's forecast ({now:.0f}) is near its minimum ({floor:.0f})"
    total = curve.answers + now
    later = [curve.answers * more for more in AHEAD]
    best = min(answers + forecast(round(answers), curve.at(answers)) for answers in later)
    if best >= total:
        return f"the forecast total of human answers ({total:.0f}) stopped falling"
    return None


def batch_size(classes: int, answers: int) -> int:
    """Questions of the next round: at least 8 and half the classes, growing with what is known."""
    return max(8, classes // 2, answers // 10)


def first_batch_size(classes: int, items: int) -> int:
    """Questions of the cold start: two a class and at least 20, but never over a fifth of a tiny pool."""
    return max(2, min(max(2 * classes, 20), max(items // 5, min(items, 10))))
