"""The nouns as plain data. Big tables travel as Arrow and NumPy; these are what one person or callable sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from math import ceil
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Purpose = Literal["training", "audit", "census", "repeat"]


class Reply(Enum):
    """An answer that is not a label. Never counted as one."""

    CANT_TELL = "cant_tell"
    SKIP = "skip"


@dataclass(frozen=True)
class Item:
    """One distinct content: what a person is asked about once."""

    id: str
    position: int
    content: dict[str, Any]
    rows: int


@dataclass(frozen=True)
class Question:
    """An item to put before a person, why, and the known probability with which it was drawn.

    Show the item alone: an audit is blind, and `purpose` and `reason` would tell it from training, and a second
    opinion from a first one.
    """

    seq: int
    item: Item
    purpose: Purpose
    reason: str
    probability: float


Answerer = Callable[[Item], "str | Reply"]


@dataclass(frozen=True)
class Vote:
    """One person's (or other source's) opinion of one item."""

    question: int
    answer: str | Reply
    source: str
    seconds: float | None = None
    suggestion: bool = False


@dataclass(frozen=True)
class VoteTable:
    """Many sources' votes, sparse: vote j is that of `source[j]` on `item[j]`. Who abstains has no row.

    Attributes:
        item: [m] positions of items. source: [m] into `names`. label: [m] class integers.
        confidence: [m] what the source says of its vote, in [0, 1]; nan where it says nothing, None where none does.
        names: of the sources. items: in the pool. classes: of the task.
    """

    item: NDArray[np.integer]
    source: NDArray[np.integer]
    label: NDArray[np.integer]
    names: tuple[str, ...]
    items: int
    classes: int
    confidence: NDArray[np.floating] | None = None


@dataclass(frozen=True)
class Certificate:
    """A bound on the error of the published labels, recomputable from the ledger by anyone."""

    certified: bool
    bound: float
    error: float
    confidence: float
    human_answers: int
    items: int
    rows: int
    replayed: bool
    body: dict[str, Any] = field(repr=False)

    def __str__(self) -> str:
        human = all(source.startswith("human") for source in self.body.get("people", ()))
        how = "replayed answers" if self.replayed else "human answers" if human else "answers"
        state = "" if self.certified else f"not certified at {100 * self.error:.4g} %: "
        rows = f"{self.rows:,} items" if self.rows == self.items else f"{self.rows:,} rows"
        return (
            f"{state}error <= {self._proven()} with {100 * self.confidence:.4g} % confidence; "
            f"{self.human_answers:,} {how} for {rows}"
        )

    def _proven(self) -> str:
        per = self.body.get("per")
        if per is None:
            return f"{percent_up(self.bound)} %"
        return f"{percent_up(worst_slice(per)['bound'])} % in every {kind_of_slice(per['by'])}"


def kind_of_slice(by: str) -> str:
    """What a slice is called: class, or `column`."""
    return "class" if by == "class" else f"`{by}`"


def slice_name(name: str | None) -> str:
    """A slice by name; None is that of the items without a value."""
    return "those without a value" if name is None else f"`{name}`"


def worst_slice(per: dict[str, Any]) -> dict[str, Any]:
    """The slice of a certificate with the largest bound; among equals one that is not certified."""
    worst: dict[str, Any] = max(per["slices"], key=lambda one: (one["bound"], not one["certified"]))
    return worst


def percent_up(share: float) -> str:
    """Percent with one decimal, rounded up: a printed claim is never stronger than the proven one."""
    return f"{ceil(share * 1000 - 1e-9) / 10:.1f}"
