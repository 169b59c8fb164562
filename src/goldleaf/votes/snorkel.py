"""Snorkel's labeling functions and label matrices as they are, without Snorkel: -1 abstains, k is the k-th label.

A function is known by its shape (a `name`, and the `_f` and `_resources` that Snorkel gives it), so that no import is
needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from goldleaf.errors import VotesError
from goldleaf.schema import Item
from goldleaf.votes.base import ABSTAINED, ClassNumber, Ints, Opinions
from goldleaf.votes.function import LabelingFunction


def is_snorkel(value: Any) -> bool:
    """Whether a value is one of Snorkel's labeling functions."""
    return all(hasattr(value, name) for name in ("name", "_f", "_resources")) and callable(value)


@dataclass(frozen=True)
class Asked:
    """One of Snorkel's functions, asked about an item as a record with attributes, `x.text`."""

    function: Any

    def __call__(self, item: Item) -> Any:
        said = self.function(SimpleNamespace(**item.content))
        if isinstance(said, int | np.integer) and not isinstance(said, bool):
            return ClassNumber(said)
        raise TypeError(f"a Snorkel function gives an int, got {said!r}")


def from_snorkel(function: Any) -> LabelingFunction:
    """The same function under the same name."""
    return LabelingFunction(Asked(function), str(function.name))


def matrix(votes: Any, classes: int, names: Sequence[str] = ()) -> Opinions:
    """A label matrix [items, functions] with -1 for an abstention, as opinions; each column is a voter.

    Raises:
        VotesError: not such a matrix.
    """
    dense = np.asarray(votes)
    if dense.ndim != 2 or not np.issubdtype(dense.dtype, np.integer):
        raise VotesError(
            f"A label matrix is whole numbers in [items, functions], got {dense.dtype} {dense.shape}."
        )
    outside = (dense < ABSTAINED) | (dense >= classes)
    if outside.any():
        row, column = np.argwhere(outside)[0].tolist()
        raise VotesError(
            f"The label matrix has {dense[row, column]} in row {row}, column {column}; allowed: 0 to {classes - 1}, "
            "the places of the labels, and -1 for none."
        )
    called = list(names) or [f"column {number}" for number in range(dense.shape[1])]
    if len(called) != dense.shape[1] or len(set(called)) != len(called):
        raise VotesError(
            f"A label matrix of {dense.shape[1]} columns needs as many different names, got {called!r}."
        )
    row_, column_ = np.nonzero(dense != ABSTAINED)
    item: Ints = row_.astype(np.int64)
    voter = pa.DictionaryArray.from_arrays(column_.astype(np.int32), pa.array(called, pa.string()))
    return Opinions(item, dense[row_, column_].astype(np.int32), voter=voter)
