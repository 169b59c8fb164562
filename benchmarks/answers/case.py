"""What every method of the benchmark takes and returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Case:
    """A data set as every method sees it; items are distinct contents.

    Args:
        name: of the data set.
        vectors: [n, d] joined features of goldleaf's encoder, rows of unit norm; None where there are only votes.
        gold: [n] class integers.
        weights: [n] rows that an item stands for (exact duplicates); the claim counts rows.
        classes: number of labels.
        around: [n, d] the second view, each item drawn towards its neighbours; goldleaf alone looks at it.
        kind: "text", "image", "table", "vectors" or "votes".
        votes: [n] the label of an imported model or LLM, if there is one.
        confidence: [n] what that model says of its own label.
    """

    name: str
    vectors: Floats | None
    gold: Ints
    weights: Ints
    classes: int
    kind: str
    votes: Ints | None = None
    confidence: NDArray[np.float64] | None = None
    around: Floats | None = None

    @property
    def items(self) -> int:
        return len(self.gold)

    @property
    def rows(self) -> int:
        return int(self.weights.sum())


@dataclass(frozen=True)
class Result:
    """How a method ended.

    Args:
        answers: items that a person labeled, for whatever purpose.
        certified: whether the method claims its target.
        wrong_rows: wrong rows of the delivered data set.
        parts: what the answers were for: training, audit, census, validation.
    """

    answers: int
    certified: bool
    wrong_rows: int
    parts: dict[str, int] = field(default_factory=dict)


Method = Callable[[Case, float, float, int], Result]
"""method(case, error, alpha, seed)"""
