"""A row a run: executed set by set and seed by seed, written as soon as it ends, and resumed from there."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from pathlib import Path

from benchmarks.answers.case import Case
from benchmarks.answers.methods import methods
from goldleaf.certificates.base import allowed


@dataclass(frozen=True)
class Loader:
    """How to get a case; two of one name are the same, also in another process."""

    name: str
    load: Callable[[], Case | None] = field(compare=False)


@dataclass(frozen=True, order=True)
class Key:
    """What makes a run: nothing else may change its outcome but the code."""

    set: str
    method: str
    error: float
    alpha: float
    seed: int


@dataclass(frozen=True)
class Run:
    """One method on one set with one seed, as in the long table."""

    set: str
    method: str
    error: float
    alpha: float
    seed: int
    kind: str
    items: int
    rows: int
    answers: int
    parts: str
    certified: bool
    wrong_rows: int
    seconds: float

    @property
    def key(self) -> Key:
        return Key(self.set, self.method, self.error, self.alpha, self.seed)

    @property
    def share(self) -> float:
        """Human answers as a share of the items."""
        return self.answers / self.items

    @property
    def true_error(self) -> float:
        return self.wrong_rows / self.rows

    @property
    def violated(self) -> bool:
        """Whether it certifies what is not so."""
        return self.certified and self.wrong_rows > allowed(self.error, self.rows)


@lru_cache(maxsize=1)
def _case(loader: Loader) -> Case | None:
    return loader.load()


def prepare(loader: Loader) -> bool:
    """Encode the set if that has not been done; False where it is absent."""
    return _case(loader) is not None


def execute(loader: Loader, keys: Sequence[Key]) -> list[Run]:
    """The runs `keys` of one set and seed, which share what they train."""
    case, every = _case(loader), methods()
    if case is None:
        return []
    runs = []
    for key in keys:
        start = time.monotonic()
        result = every[key.method](case, key.error, key.alpha, key.seed)
        runs.append(
            Run(
                **asdict(key),
                kind=case.kind,
                items=case.items,
                rows=case.rows,
                answers=result.answers,
                parts=" ".join(f"{name}={count}" for name, count in result.parts.items()),
                certified=result.certified,
                wrong_rows=result.wrong_rows,
                seconds=round(time.monotonic() - start, 3),
            )
        )
    return runs


def missing(loaders: Sequence[Loader], keys: Iterable[Key], jobs: int) -> Iterator[list[Run]]:
    """The runs `keys`, a batch a set and seed, in the order in which they end."""
    batches: dict[tuple[int, str], list[Key]] = {}
    for key in keys:
        batches.setdefault((key.seed, key.set), []).append(key)
    by_name = {one.name: one for one in loaders}
    if jobs == 1:
        for (_, name), some in batches.items():
            yield execute(by_name[name], some)
    elif batches:
        with ProcessPoolExecutor(jobs) as pool:
            wanted = dict.fromkeys(name for _, name in batches)
            here = {name for name in wanted if pool.submit(prepare, by_name[name]).result()}
            tasks = [
                pool.submit(execute, by_name[name], some)
                for (_, name), some in batches.items()
                if name in here
            ]
            for task in as_completed(tasks):
                yield task.result()


def read(path: Path) -> dict[Key, Run]:
    """The runs of a long table, none where there is no file."""
    if not path.exists():
        return {}
    kinds = {field.name: str(field.type) for field in fields(Run)}
    parse: dict[str, Callable[[str], object]] = {
        "int": int,
        "float": float,
        "bool": lambda text: text == "True",
        "str": str,
    }
    with path.open(newline="") as file:
        rows = [
            Run(**{name: parse[kinds[name]](value) for name, value in row.items()})  # type: ignore[arg-type]
            for row in csv.DictReader(file)
        ]
    return {run.key: run for run in rows}


def append(path: Path, runs: Sequence[Run]) -> None:
    """Write `runs` to the end of the long table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Run)], lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(asdict(run) for run in runs)
