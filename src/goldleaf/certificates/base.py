"""What an audit is made of: the plan fixed before the first draw, the draws, their outcomes.

The claim. A pool of n machine-labeled items is frozen; item i stands for `weights[i]` rows (exact
duplicates) and e_i = 1 when a person would not give it the machine's label. Every answer labels its item,
so a wrong label that is seen is fixed. The residual R_t is the weight of wrong labels not yet seen, plus
the weight of "can't tell" items where those count as errors. A certificate says R_t <= floor(error * rows)
with confidence 1 - alpha, over the random draws alone: nothing is assumed about the errors, the guesses or
the scores.

Graded losses. Where a label can be partly wrong (a span, a box), e_i lies in [0, 1] and R_t is the total
loss not yet seen, a real number; the claim is R_t <= error * rows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from goldleaf.errors import CertificateError

METHODS = ("threshold.v1", "gro.v1", "uniform.v1")
Method = Literal["threshold.v1", "gro.v1", "uniform.v1"]
CANT_TELL = ("error", "exclude")


class Outcome(Enum):
    """A person's answer, against the machine's label; the value is the loss, but for can't tell."""

    RIGHT = 0
    WRONG = 1
    CANT_TELL = 2


Said = Outcome | float
"""What an answer says of a label: an `Outcome`, or in a graded audit also its loss in [0, 1]."""


@dataclass(frozen=True, eq=False)
class AuditPlan:
    """Everything an audit is a function of; fixed before its first draw.

    Args:
        weights: [n] rows that each machine-labeled pool item stands for, >= 1.
        p_wrong: [n] guess of P(machine label wrong), in [0, 1]; any guess is valid, a good one saves answers.
        rows: rows of the delivered data set: those of the pool and those labeled by people before the freeze.
        error: the largest share of wrong rows to certify, in (0, 1).
        alpha: probability of a false certificate of this attempt, in (0, 1); see `alpha_of_attempt`.
        expected_error: cross-validated guess of the share of wrong rows in the pool.
        seed: of the draws, in [0, 2**128); chosen before the audit and never after a look at its answers.
        cant_tell: "error": such an item stays and counts as wrong. "exclude": it leaves the data set.
        method: "gro.v1" (`audit`); "uniform.v1", the same without `p_wrong`; or "threshold.v1" (`threshold`).
        graded: losses may lie between 0 and 1. Declared beforehand, because a bound on whole losses may round
            down to a whole number, however whole the losses seen so far are.
        draws, tolerated: of "threshold.v1": rows to draw, and those of them that may be wrong before the cut.
    """

    weights: NDArray[np.int64]
    p_wrong: NDArray[np.float64]
    rows: int
    error: float
    alpha: float
    expected_error: float
    seed: int
    cant_tell: Literal["error", "exclude"] = "error"
    method: Method = "gro.v1"
    graded: bool = False
    draws: int = 0
    tolerated: int = 0

    def __post_init__(self) -> None:
        weights = np.asarray(self.weights)
        p_wrong = np.asarray(self.p_wrong, dtype=np.float64)
        if weights.ndim != 1 or weights.shape != p_wrong.shape:
            raise CertificateError(
                f"`weights` and `p_wrong` must be two vectors of one length, got {weights.shape} and {p_wrong.shape}."
            )
        if weights.size and (weights.dtype.kind not in "iu" or weights.min() < 1):
            raise CertificateError(
                f"`weights` must be whole numbers >= 1, got {weights.dtype} from {weights.min()}."
            )
        if not (np.isfinite(p_wrong).all() and ((p_wrong >= 0) & (p_wrong <= 1)).all()):
            raise CertificateError("`p_wrong` must lie in [0, 1].")
        if self.rows < weights.sum():
            raise CertificateError(f"`rows` is {self.rows}, but the pool alone has {weights.sum()} rows.")
        for name in ("error", "alpha"):
            if not 0 < getattr(self, name) < 1:
                raise CertificateError(
                    f"`{name}` must lie strictly between 0 and 1, got {getattr(self, name)!r}."
                )
        if not 0 <= self.expected_error <= 1:
            raise CertificateError(f"`expected_error` must lie in [0, 1], got {self.expected_error!r}.")
        if not 0 <= self.seed < 2**128:
            raise CertificateError(f"`seed` must lie in [0, 2**128), got {self.seed!r}.")
        if self.cant_tell not in CANT_TELL or self.method not in METHODS:
            raise CertificateError(
                f"`cant_tell` is one of {CANT_TELL} and `method` one of {METHODS}, "
                f"got {self.cant_tell!r} and {self.method!r}."
            )
        if self.method == "threshold.v1" and self.graded:
            raise CertificateError("`threshold.v1` counts wrong rows, so a graded audit needs `gro.v1`.")
        object.__setattr__(self, "weights", weights.astype(np.int64))
        object.__setattr__(self, "p_wrong", p_wrong)

    def limit(self, delivered: int) -> float:
        """The largest residual that keeps the promise, of so many delivered rows."""
        if self.graded:
            return float(Fraction(repr(self.error)) * delivered)
        return allowed(self.error, delivered)

    def null(self, delivered: int) -> float:
        """The smallest residual that the certificate has to rule out."""
        return self.limit(delivered) if self.graded else self.limit(delivered) + 1

    def code(self, said: Said) -> float:
        """An answer as a number: its loss, or the value of `Outcome.CANT_TELL`."""
        if isinstance(said, Outcome):
            return float(said.value)
        if not 0 <= said <= 1 or (said not in (0, 1) and not self.graded):
            raise CertificateError(
                f"The loss of an answer is {said!r}; allowed: "
                + ("a number in [0, 1]." if self.graded else "0 or 1, as the plan is not graded.")
            )
        return float(said)


@dataclass(frozen=True)
class Draw:
    """An audit question, and all that is needed to recompute its bet.

    Args:
        step: index of the question in the audit, from 0.
        position: index into the plan's arrays.
        kind: "draw" at random, or "census": asked outright because it is likely wrong; a census makes no bet.
        probability: that of drawing this item out of all unseen ones; 1.0 in a census.
        p: the guess that the item is wrong.
        lam: the tilted guess: the closest one under which `target` rows are wrong.
        nu: the multiplier of the bet; 0.0 in a census.
        target: the null that the bet was made against, as wrong rows among the unseen items.
        least: the smallest factor any unseen item could have given; it tells below which null there is no bet.
    """

    step: int
    position: int
    kind: Literal["draw", "census"]
    probability: float
    p: float
    lam: float
    nu: float
    target: float
    least: float


Answer = tuple[int, Said] | tuple[int, Said, int]
"""Position, what is said of it, and in an audit by slices the slice in which the item is delivered now."""
Event = Draw | Answer


@dataclass(frozen=True, eq=False)
class Course:
    """An audit so far, as columns: the answered draws in the order of their first answers, then the open ones.

    Attributes:
        position, step, census, probability, p, lam, nu, target, least: [m] of the answered draws, see `Draw`.
        outcome: [m] the code of each one's answer as it is known now, see `AuditPlan.code`.
        waiting: the draws without an answer.
        into: [m] in an audit by slices the slice that each item is delivered in now, -1 for none.
    """

    position: NDArray[np.int64]
    step: NDArray[np.int64]
    census: NDArray[np.bool_]
    probability: NDArray[np.float64]
    p: NDArray[np.float64]
    lam: NDArray[np.float64]
    nu: NDArray[np.float64]
    target: NDArray[np.float64]
    least: NDArray[np.float64]
    outcome: NDArray[np.int8] | NDArray[np.float64]
    waiting: list[Draw]
    into: NDArray[np.int64] | None = None


class Audit(Protocol):
    """A sequence of questions whose answers prove a bound; nothing depends on when one stops."""

    def next(self, also: Collection[int] = ()) -> tuple[Draw, ...]:
        """The open questions: one random draw or a census batch; () once every item is answered.

        Args:
            also: in an audit by slices, those to ask although they are certified.
        """
        ...

    def ahead(self, also: Collection[int] = ()) -> tuple[Draw, ...]:
        """More draws, beside those that are open; () where the next one depends on their answers."""
        ...

    def answer(self, position: int, outcome: Said, into: int | None = None) -> None:
        """Take the answer to an open question, or correct an earlier one.

        Args:
            into: in an audit by slices, the slice in which the item is delivered from now on; its own by default.
        """
        ...

    def forecast(self) -> float:
        """Answers still needed, about."""
        ...

    def evenness(self, position: int) -> float:
        """How evenly the open random draw of that item was made: the least ratio of a probability to an even one."""
        ...

    @property
    def failed(self) -> bool:
        """Whether its plan cannot prove the target any more, so that another attempt must follow."""
        ...

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left to ask that could prove the target; asks nothing, unlike `next`."""
        ...

    @property
    def remaining(self) -> float:
        """Upper confidence limit of the wrong rows (graded: of the loss) that remain in the delivered data set."""
        ...

    @property
    def bound(self) -> float:
        """`remaining` as a share of the delivered rows."""
        ...

    @property
    def certified(self) -> bool:
        """Whether `remaining` is within the plan's error."""
        ...


class Restorable(Audit, Protocol):
    """An audit that can be brought to where a record of it ends."""

    def take(self, draw: Draw) -> None:
        """Hold `draw` as an open question."""
        ...

    def load(self, course: Course) -> None:
        """Take all of `course` at once, before anything else."""
        ...


def allowed(error: float, rows: int) -> int:
    """floor(error * rows), with `error` read as the decimal it prints as: 0.29 of 100 rows is 29."""
    return int(Fraction(repr(error)) * rows)


def alpha_of_attempt(attempt: int, alpha: float) -> float:
    """The alpha that attempt 1, 2, 3 ... may spend: 80 %, 10 %, 5 %, ... of `alpha`, at most `alpha` over all.

    After a new training the predictions differ, so the audit starts anew and pays anew; by the union bound all
    certificates of a project together are false with probability at most `alpha`.
    """
    if attempt < 1:
        raise CertificateError(f"`attempt` counts from 1, got {attempt!r}.")
    return alpha * (0.8 if attempt == 1 else 0.2 * 0.5 ** (attempt - 1))
