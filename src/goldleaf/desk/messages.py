"""What passes between the page and the board: questions handed out, answers on their way, answers saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from goldleaf.desk.stock import Dispute
from goldleaf.project.record import Asked, Given
from goldleaf.schema import Reply


@dataclass(frozen=True)
class Handed:
    """A question in somebody's hands; `before`: what they said to it earlier."""

    asked: Asked
    dispute: Dispute | None = None
    before: Given | None = None


@dataclass(frozen=True)
class Give:
    """An answer on its way; `suggested`: the page showed a suggestion with the question."""

    source: str
    question: int
    reply: str | Reply
    seconds: float | None = None
    suggested: bool = False
    settles: bool = False  # whether this person may settle disagreements
    corrects: bool = False  # whether it may replace somebody else's answer


@dataclass(frozen=True)
class Saved:
    """An answer that is in the ledger, with its question; only now may the person learn why they were asked."""

    given: Given
    asked: Asked
    purpose: str


State = Literal["ask", "wait", "done"]
