"""What a source is, what it is shown, and what it says.

A source sees batches of items and says of each a label or nothing. Whatever it costs and whatever goes wrong is
part of what it says, so that nothing is lost on the way to the ledger.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldleaf.schema import Item

ABSTAINED = -1  # inside the arrays of this package only; in public an abstention is None, or has no row
SHOWN = 3  # problems kept as examples

Ints = NDArray[np.int64]
Labels = NDArray[np.int32]
Floats = NDArray[np.float32]


class ClassNumber(int):
    """A label by its place among the task's labels, ABSTAINED for none: how Snorkel's functions say it."""


@dataclass(frozen=True)
class Batch:
    """Some items, as a source is shown them.

    Attributes:
        positions: of the items. ids: theirs. rows: how many rows each stands for.
        content: their columns, one row an item.
        images: the encoded bytes of each, when called; None where the task has no images.
    """

    positions: Ints
    ids: Sequence[str]
    rows: Ints
    content: pa.RecordBatch
    images: Callable[[], list[bytes]] | None = None

    def items(self) -> list[Item]:
        """As a callable sees them."""
        facts = zip(
            self.ids, self.positions.tolist(), self.content.to_pylist(), self.rows.tolist(), strict=True
        )
        return [Item(*fact) for fact in facts]

    def part(self, start: int, end: int) -> Batch:
        """The items from `start` up to `end`."""
        rows = self.content.slice(start, end - start)
        images, some = self.images, slice(start, end)
        load = None if images is None else lambda: images()[some]
        return Batch(self.positions[some], self.ids[some], self.rows[some], rows, load)

    def plain(self) -> Batch:
        """Without its images, which labeling functions do not see: it can go to another process."""
        return replace(self, images=None)


@dataclass(frozen=True)
class Problem:
    """An item that a source failed on, and how."""

    item: str
    what: str


@dataclass(frozen=True)
class Opinions:
    """What a source says of the items that it was shown. Row j is about `item[j]`.

    Attributes:
        item: [m] positions, those with an outcome. label: [m] class integers, ABSTAINED where it says nothing.
        confidence: [m] in [0, 1], nan where it says none; None where it never does.
        voter: [m] names, where one table carries many people or functions; else None. Given as any sequence of texts.
        invalid: how many outcomes are answers that name no label; they are abstentions in `label`.
        errors: items without an outcome, asked again in the next run; `problems` shows a few of them.
        notes: anything else worth counting, by what it is.
    """

    item: Ints
    label: Labels
    confidence: Floats | None = None
    voter: Any = None
    invalid: int = 0
    errors: int = 0
    problems: tuple[Problem, ...] = ()
    notes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.voter is not None:
            object.__setattr__(self, "voter", dictionary(self.voter))

    def rows(self, at: Ints) -> Opinions:
        """What it says in these rows."""
        return Opinions(
            self.item[at],
            self.label[at],
            None if self.confidence is None else self.confidence[at],
            None if self.voter is None else self.voter.take(pa.array(at)),
            notes=self.notes,
        )

    @property
    def votes(self) -> int:
        return int((self.label != ABSTAINED).sum())

    @property
    def items(self) -> int:
        """How many different ones; mostly they come in order, and need not be sorted for it."""
        steps = np.diff(self.item)
        return len(self.item) if (steps > 0).all() else len(np.unique(self.item))


@runtime_checkable
class Source(Protocol):
    """Anything with a name that votes. Two sources with one name and version would say the same."""

    @property
    def name(self) -> str:
        """As it stands in tables and in the ledger."""
        ...

    @property
    def version(self) -> str:
        """Hex of everything that decides its votes but the items: code, settings, labels."""
        ...

    def vote(self, batches: Iterable[Batch]) -> Iterator[Opinions]:
        """Opinions on the items of `batches`, in any order and in any portions; each item once at most."""
        ...


def fingerprint(kind: str, **facts: object) -> str:
    """16 hex digits of what decides the votes of a source."""
    body = json.dumps([kind, facts], sort_keys=True, default=repr, ensure_ascii=False)
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def dictionary(voter: Any) -> pa.DictionaryArray[Any, Any]:
    """Names as Arrow keeps them, each once."""
    if isinstance(voter, pa.DictionaryArray):
        return voter
    given: Any = voter
    found: Any = given if isinstance(given, pa.Array | pa.ChunkedArray) else pa.array(given, pa.string())
    found = found.dictionary_encode()
    whole: pa.DictionaryArray[Any, Any] = getattr(found, "combine_chunks", lambda: found)()
    return whole


def coded(voter: Any) -> tuple[list[str], Ints]:
    """Names in alphabetical order, and for each row the place of its name."""
    found = dictionary(voter)
    called = np.unique(np.array(found.dictionary.to_pylist(), np.str_))
    rank = np.searchsorted(called, np.array(found.dictionary.to_pylist(), np.str_))
    which = found.indices.to_numpy()
    used = np.unique(rank[np.unique(which)])  # a part of a table may lack some of its names
    return called[used].tolist(), np.searchsorted(used, rank)[which]


def one_dictionary(voters: Sequence[Any]) -> pa.DictionaryArray[Any, Any]:
    """Names of several portions as one."""
    found: Any = pa.chunked_array([dictionary(one) for one in voters]).unify_dictionaries().combine_chunks()
    whole: pa.DictionaryArray[Any, Any] = getattr(found, "chunk", lambda _: found)(0)
    return whole


def joined(parts: Sequence[Opinions]) -> Opinions:
    """Several portions as one."""
    if not parts:
        return Opinions(np.empty(0, np.int64), np.empty(0, np.int32))
    confidences, voters = [part.confidence for part in parts], [part.voter for part in parts]
    notes: dict[str, int] = {}
    for part in parts:
        for what, count in part.notes.items():
            notes[what] = notes.get(what, 0) + count
    return Opinions(
        np.concatenate([part.item for part in parts]),
        np.concatenate([part.label for part in parts]),
        None if all(one is None for one in confidences) else np.concatenate([_known(part) for part in parts]),
        None if any(one is None for one in voters) else one_dictionary(voters),
        sum(part.invalid for part in parts),
        sum(part.errors for part in parts),
        tuple(problem for part in parts for problem in part.problems)[:SHOWN],
        notes,
    )


def _known(part: Opinions) -> Floats:
    return np.full(len(part.item), np.nan, np.float32) if part.confidence is None else part.confidence
