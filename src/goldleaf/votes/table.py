"""Votes that exist already: an old model's predictions, a crowd's answers, a label matrix."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldleaf.errors import ConfigError, VotesError, did_you_mean, names
from goldleaf.votes.base import ABSTAINED, Batch, Floats, Ints, Labels, Opinions, coded, fingerprint


@dataclass(frozen=True)
class Predictions:
    """What an earlier model said, e.g. `Predictions("old.csv", label="guess", confidence="p")`.

    Args:
        table: a file or table as for `Project.create`, whose rows name items by key, `goldleaf_id` or content;
            None: columns of the project's own items.
        label: the column with the label; an empty cell abstains. Without it the likeliest of `probabilities`.
        confidence: the column with what the model says of its label, in [0, 1].
        probabilities: label → column with its probability, instead of `confidence`.
        name: of the source; that of the file by default.
    """

    table: Any = None
    label: str | None = None
    confidence: str | None = None
    probabilities: Mapping[str, str] | None = None
    name: str = ""
    kind: str = field(default="predictions", init=False)

    def __post_init__(self) -> None:
        if self.label is None and not self.probabilities:
            raise ConfigError(
                "Predictions need `label`, a column, or `probabilities`, a column for each label."
            )
        if self.confidence is not None and self.probabilities:
            raise ConfigError("Give `confidence` or `probabilities`, not both.")
        _named(self, _file(self.table) or self.label or "predictions")

    @property
    def columns(self) -> tuple[str, ...]:
        """Those that are read beside the ones that name the item."""
        given = (self.label, self.confidence, *(self.probabilities or {}).values())
        return tuple(dict.fromkeys(one for one in given if one is not None))


@dataclass(frozen=True)
class Crowd:
    """Many people's votes, one a row, e.g. `Crowd("answers.csv", label="answer")`.

    Args:
        table: a file or table whose rows name an item by key, `goldleaf_id` or content.
        annotator: the column that says who. label: the column that says what; an empty cell is no vote.
        name: of the source; that of the file by default. A person is called NAME:WHO.
    """

    table: Any
    annotator: str = "annotator"
    label: str = "label"
    name: str = ""
    kind: str = field(default="crowd", init=False)

    def __post_init__(self) -> None:
        _named(self, _file(self.table) or "crowd")

    @property
    def columns(self) -> tuple[str, ...]:
        return self.annotator, self.label


@dataclass(frozen=True)
class Matrix:
    """A label matrix as Snorkel's applier makes it: whole numbers [items, functions], -1 for none.

    Args:
        votes: a row for each distinct item, or for each row of the data, in order.
        names: of the columns. name: of the source; a column is called NAME:COLUMN.
    """

    votes: Any
    names: Sequence[str] = ()
    name: str = "matrix"
    kind: str = field(default="matrix", init=False)


@dataclass(frozen=True)
class TableVotes:
    """Opinions that are there already, as a source: shown an item, it says what it has for it."""

    name: str
    kind: str
    said: Opinions
    version: str = field(init=False)

    def __post_init__(self) -> None:
        order = np.argsort(self.said.item, kind="stable")
        said = self.said.rows(order)
        arrays = (said.item, said.label, said.confidence)
        plain = [None if one is None else hashlib.sha256(one.tobytes()).hexdigest() for one in arrays]
        voters = None if said.voter is None else _digest_of_names(said.voter)
        object.__setattr__(self, "version", fingerprint(self.kind, said=plain, voters=voters))
        object.__setattr__(self, "said", said)

    def vote(self, batches: Iterable[Batch]) -> Iterator[Opinions]:
        for number, batch in enumerate(batches):
            near = np.searchsorted(self.said.item, [batch.positions.min(), batch.positions.max() + 1])
            within = np.arange(*near.tolist())
            at = within[np.isin(self.said.item[within], batch.positions)]
            yield replace(self.said.rows(at), notes={} if number else self.said.notes)


def _digest_of_names(voter: Any) -> str:
    """Of who voted in each row, however the names are coded."""
    called, which = coded(voter)
    return hashlib.sha256(json.dumps(called).encode() + which.tobytes()).hexdigest()


def numbers(texts: Any, labels: Sequence[str], where: Any) -> Labels:
    """Class integers of labels as an array of texts, ABSTAINED where there is none.

    Args:
        where: from the place in `texts` to words for it.

    Raises:
        VotesError: an unknown label, and where.
    """
    index = {"": ABSTAINED, **{label: number for number, label in enumerate(labels)}}
    coded_: Any = pa.array(texts, pa.string()).dictionary_encode()
    said = coded_.dictionary.to_pylist()
    which = coded_.indices.fill_null(len(said)).to_numpy()
    if unknown := [at for at, text in enumerate(said) if text not in index]:
        at = int(np.isin(which, unknown).argmax())
        text = str(said[which[at]])
        raise VotesError(
            f"Unknown label {text!r} in {where(at)}; allowed: {names(labels)}.{did_you_mean(text, labels)}",
            do="Correct it; an empty cell abstains.",
        )
    found: Labels = np.array([*(index[text] for text in said), ABSTAINED], np.int32)[which]
    return found


def checked_confidence(values: NDArray[Any], where: Any) -> Floats:
    """`values` as float32, nan for none.

    Raises:
        VotesError: one that is no number in [0, 1], and where.
    """
    confidence = values.astype(np.float32)
    wrong = np.flatnonzero(~np.isnan(confidence) & ~((confidence >= 0) & (confidence <= 1)))
    if len(wrong):
        raise VotesError(
            f"A confidence lies in [0, 1], got {values[wrong[0]]:g} in {where(int(wrong[0]))}.",
            do="Divide percentages by 100.",
        )
    return confidence


def likeliest(probabilities: NDArray[Any]) -> tuple[Labels, Floats]:
    """The label with the largest probability of each row, and that; rows without any number abstain."""
    known = ~np.isnan(probabilities).all(axis=1)
    filled = np.where(np.isnan(probabilities), -1.0, probabilities)
    label = np.where(known, filled.argmax(axis=1), ABSTAINED).astype(np.int32)
    return label, np.where(known, filled.max(axis=1), np.nan).astype(np.float32)


def last_of_each(item: Ints, label: Labels, confidence: Floats | None, voter: Any) -> Opinions:
    """One vote for each item and voter: the last, as where a person answered two copies of one text."""
    said = Opinions(item, label, confidence, voter)
    pair = item if said.voter is None else item * len(said.voter.dictionary) + said.voter.indices.to_numpy()
    if (np.diff(pair) > 0).all():
        return said
    order = np.argsort(pair, kind="stable")
    kept = np.sort(order[np.append(np.diff(pair[order]) != 0, True)])
    repeated = len(item) - len(kept)
    return replace(said.rows(kept), notes={"repeated, the last counts": repeated} if repeated else {})


def _file(table: Any) -> str:
    return Path(table).stem if isinstance(table, str | Path) else ""


def _named(spec: Any, default: str) -> None:
    if not spec.name:
        object.__setattr__(spec, "name", default)
