"""Labeling functions: any callable from an item to a label or None, one item at a time or a batch in Arrow.

What goes wrong inside a function is kept with its item and counted; the other items and functions go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, overload

import numpy as np
import pyarrow as pa

from goldleaf.errors import ConfigError, did_you_mean, names
from goldleaf.schema import Item, Reply
from goldleaf.votes.base import ABSTAINED, SHOWN, Batch, ClassNumber, Opinions, Problem, fingerprint
from goldleaf.votes.code import code_hash

KIND = "function"
FIRST = 64  # items that tell the pace
PIECE, LEAST = 5.0, 16  # seconds that a piece should take at most, and items that it has at least
PARALLEL_FROM = 5.0  # seconds of work ahead, below which more processes do not pay
Said = str | tuple[str, float] | ClassNumber | Reply | None


@dataclass(frozen=True)
class LabelingFunction:
    """A named rule. Call it like the function it was made from.

    Args:
        function: from an `Item` to a label, `(label, confidence)` or None; with `batch`, from a
            `pyarrow.RecordBatch` to a sequence of these, one a row.
        name: in tables and in the ledger; the function's own by default.
        batch: it takes many items at once.
        version: change it when the function changes in a way that its code does not show, such as the file of a
            model that it loads.
    """

    function: Callable[[Any], Any]
    name: str = ""
    batch: bool = False
    version: str = ""
    kind: str = field(default=KIND, init=False)

    def __post_init__(self) -> None:
        name = self.name or getattr(self.function, "__name__", "")
        if not name or name == "<lambda>":
            raise ConfigError(
                "A labeling function without a name cannot be told from others.",
                do="Name it: goldleaf.labeling_function(name=NAME)(function)",
            )
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "__doc__", getattr(self.function, "__doc__", None))
        seen = fingerprint(KIND, code=code_hash(self.function), batch=self.batch, version=self.version)
        object.__setattr__(self, "version", seen)

    def __call__(self, item: Any) -> Any:
        return self.function(item)


@overload
def labeling_function(function: Callable[[Any], Any], /) -> LabelingFunction: ...
@overload
def labeling_function(
    *, name: str = "", batch: bool = False, version: str = ""
) -> Callable[[Callable[[Any], Any]], LabelingFunction]: ...
def labeling_function(
    function: Callable[[Any], Any] | None = None, /, *, name: str = "", batch: bool = False, version: str = ""
) -> LabelingFunction | Callable[[Callable[[Any], Any]], LabelingFunction]:
    """Make a labeling function; works with and without parentheses. See `LabelingFunction` for the arguments."""
    if function is not None:
        return LabelingFunction(function)
    return lambda made: LabelingFunction(made, name, batch, version)


def vote(
    functions: Sequence[LabelingFunction],
    batches: Iterable[Batch],
    labels: Sequence[str],
    *,
    total: int | None = None,
    workers: int | None = None,
    warn: Callable[[int, str], None] = lambda function, what: None,
) -> Iterator[list[Opinions]]:
    """Ask all `functions` about each batch; for each, what each of them says, in the order of the batches.

    The first items tell how long the others take: the work is spread over processes when much is ahead, and slow
    functions are asked about fewer items at a time, so that little is lost when the run is killed.

    Args:
        labels: of the task; the class integers are their positions.
        total: items in all batches, to know what is ahead. workers: processes; as many as cores by default.
        warn: is told of a function, by its place, that keeps all in one process.
    """
    import joblib

    rest = iter(batches)
    first = next(rest, None)
    if first is None:
        return
    begun = time.perf_counter()
    yield _ask(functions, first.part(0, FIRST), labels)
    pace = (time.perf_counter() - begun) / min(FIRST, len(first.positions))
    some = int(np.clip(PIECE / max(pace, 1e-9), LEAST, 1 << 20))
    pieces = _pieces(chain([first.part(FIRST, len(first.positions))], rest), some)
    ahead = 0.0 if total is None else pace * (total - FIRST)
    count = workers or (joblib.cpu_count() if ahead > PARALLEL_FROM else 1)
    packed = _packed(functions, warn) if count > 1 else None
    if packed is not None:
        yield from _in_processes(packed, pieces, labels, count)
    else:
        for batch in pieces:
            yield _ask(functions, batch, labels)


def _pieces(batches: Iterable[Batch], size: int) -> Iterator[Batch]:
    for batch in batches:
        for start in range(0, len(batch.positions), size):
            yield batch.part(start, start + size)


def _packed(functions: Sequence[LabelingFunction], warn: Callable[[int, str], None]) -> bytes | None:
    """By value (cloudpickle), so that functions of a script or a notebook travel too; None where one cannot."""
    import cloudpickle

    packed = []
    for at, one in enumerate(functions):
        try:
            packed.append(cloudpickle.dumps((one.function, one.name, one.batch)))
        except (
            Exception
        ) as error:  # whatever a user's object raises; in this process the function works all the same
            warn(at, f"cannot be sent to other processes ({_shown(error)}), so one process did all the work")
    return cloudpickle.dumps(packed) if len(packed) == len(functions) else None


def _in_processes(
    packed: bytes, batches: Iterator[Batch], labels: Sequence[str], workers: int
) -> Iterator[list[Opinions]]:
    from joblib import Parallel, delayed

    run = Parallel(n_jobs=workers, return_as="generator")
    while some := list(islice(batches, 8 * workers)):  # so that not the whole pool waits in memory
        yield from run(delayed(_ask_packed)(packed, batch.plain(), labels) for batch in some)


def _ask_packed(packed: bytes, batch: Batch, labels: Sequence[str]) -> list[Opinions]:
    import cloudpickle

    functions = [LabelingFunction(*cloudpickle.loads(one)) for one in cloudpickle.loads(packed)]
    return _ask(functions, batch, labels)


def _ask(functions: Sequence[LabelingFunction], batch: Batch, labels: Sequence[str]) -> list[Opinions]:
    index = {label: number for number, label in enumerate(labels)}
    items = batch.items() if any(not one.batch for one in functions) else []
    return [
        _many(one, batch, index) if one.batch else _each(one.function, one.name, items, batch, index)
        for one in functions
    ]


def _each(
    function: Callable[[Item], Any], name: str, items: Sequence[Item], batch: Batch, index: dict[str, int]
) -> Opinions:
    outcomes = _Outcomes(name, index, len(items))
    for at, item in enumerate(items):
        try:
            if (said := function(item)) is not None:  # most are
                outcomes.take(at, said)
        except Exception as error:  # the user's own code may raise anything
            outcomes.fail(at, item.id, _shown(error))
    return outcomes.opinions(batch)


def _many(one: LabelingFunction, batch: Batch, index: dict[str, int]) -> Opinions:
    outcomes = _Outcomes(one.name, index, len(batch.positions))
    try:
        said = one.function(batch.content)
        if isinstance(said, pa.ChunkedArray):
            said = said.combine_chunks()
        listed = said if _is_labels(said) else said.to_pylist() if isinstance(said, pa.Array) else list(said)
        if len(listed) != len(batch.positions):
            raise ValueError(f"{len(listed)} answers for {len(batch.positions)} items")
    except Exception as error:  # the user's own code may raise anything
        for at, item in enumerate(batch.ids):
            outcomes.fail(at, item, f"{_shown(error)} (in a batch of {len(batch.ids)})")
        return outcomes.opinions(batch)
    if isinstance(listed, pa.Array) and _take_all(listed, outcomes):
        return outcomes.opinions(batch)
    for at, label in enumerate(listed):
        try:
            outcomes.take(at, label.as_py() if isinstance(label, pa.Scalar) else label)
        except _NoLabel as error:
            outcomes.fail(at, batch.ids[at], str(error))
    return outcomes.opinions(batch)


def _is_labels(said: Any) -> bool:
    return isinstance(said, pa.Array) and bool(pa.types.is_string(said.type))


def _take_all(said: Any, outcomes: _Outcomes) -> bool:
    """Take labels that come as an Arrow array at once; False, and nothing taken, where one of them is unknown."""
    coded = said.dictionary_encode()
    known = [str(label) for label in coded.dictionary.to_pylist()]
    if any(label not in outcomes.index for label in known):
        return False
    numbers = np.array([outcomes.index[label] for label in known] + [ABSTAINED], np.int32)
    outcomes.label = numbers[coded.indices.fill_null(len(known)).to_numpy()]
    return True


def _shown(error: Exception) -> str:
    return str(error) if isinstance(error, _NoLabel) else f"{type(error).__name__}: {error}"[:300]


class _NoLabel(Exception): ...


class _Outcomes:
    """The outcomes of one function on one batch."""

    def __init__(self, name: str, index: dict[str, int], size: int) -> None:
        self.name, self.index = name, index
        self.label = np.full(size, ABSTAINED, np.int32)
        self.confidence: Any = None
        self.failed = np.zeros(size, bool)
        self.problems: list[Problem] = []

    def take(self, at: int, said: Said) -> None:
        if said is None or isinstance(said, Reply) or (isinstance(said, ClassNumber) and said == ABSTAINED):
            return
        if isinstance(said, ClassNumber):
            said = next((label for label, number in self.index.items() if number == said), f"class {said}")
        if isinstance(said, tuple) and len(said) == 2:
            said, confidence = said
            if not 0 <= confidence <= 1:
                raise _NoLabel(f"a confidence must lie in [0, 1], got {confidence!r}")
            if self.confidence is None:
                self.confidence = np.full(len(self.label), np.nan, np.float32)
            self.confidence[at] = confidence
        if not isinstance(said, str) or said not in self.index:
            close = did_you_mean(said, self.index) if isinstance(said, str) else ""
            raise _NoLabel(f"unknown label {said!r}; allowed: {names(self.index)}, or None.{close}")
        self.label[at] = self.index[said]

    def fail(self, at: int, item: str, what: str) -> None:
        self.failed[at] = True
        if len(self.problems) < SHOWN:
            self.problems.append(Problem(item, what))

    def opinions(self, batch: Batch) -> Opinions:
        kept = ~self.failed
        confidence = None if self.confidence is None else self.confidence[kept]
        errors = int(self.failed.sum())
        return Opinions(
            batch.positions[kept],
            self.label[kept],
            confidence,
            errors=errors,
            problems=tuple(self.problems),
        )
