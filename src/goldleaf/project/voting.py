"""Asking sources about a project's items: only about new ones, and all that is said is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldleaf.errors import VotesError
from goldleaf.items.store import ItemStore
from goldleaf.progress import track
from goldleaf.project.keeping import Keeper, Voted
from goldleaf.project.sources import Home, bind
from goldleaf.votes import function
from goldleaf.votes.base import Batch, Source
from goldleaf.votes.function import LabelingFunction
from goldleaf.votes.llm import LlmVotes

BATCH = 4096


def run(
    specs: Sequence[Any], home: Home, *, again: bool = False, workers: int | None = None
) -> tuple[Voted, ...]:
    """Ask each source about the items that have no outcome of its newest version.

    Args:
        again: about all of them, as if it had never been asked. workers: processes for labeling functions.
    """
    bound = [bind(spec, home) for spec in specs]
    try:
        return _run(bound, home, again, workers)
    finally:
        for one in bound:
            if isinstance(one, LlmVotes):
                one.cache.close()


def _run(bound: Sequence[Any], home: Home, again: bool, workers: int | None) -> tuple[Voted, ...]:
    twice = [name for name, count in Counter(one.name for one in bound).items() if count > 1]
    if twice:
        raise VotesError(f"Two sources are called {twice[0]!r}.", do="Give each a name of its own.")
    home.record.tidy()
    if again:
        for name in home.record.standing().keys() & {one.name for one in bound}:
            home.record.drop(name)
    rules = [one for one in bound if isinstance(one, LabelingFunction)]
    done = {said.name: said for said in _functions(rules, home, workers)}
    for one in bound:
        if not isinstance(one, LabelingFunction):
            done[one.name] = _source(one, home)
    return tuple(done[one.name] for one in bound)


def _begin(source: Any, home: Home) -> None:
    """Fix the examples of an LLM before its first call."""
    if isinstance(source, LlmVotes) and home.record.begun(source.name, source.version) is None:
        facts = {"examples": source.examples, "settings": source.spec.settings}
        home.record.begin(source.name, source.kind, source.version, facts)


def _functions(rules: Sequence[LabelingFunction], home: Home, workers: int | None) -> Iterator[Voted]:
    """Those that miss the same items are asked together, so that an item is read once."""
    groups: dict[bytes, list[LabelingFunction]] = {}
    missing: dict[bytes, NDArray[np.int64]] = {}
    for rule in rules:
        left = _left(rule.name, rule.version, home)
        key = left.tobytes()
        groups.setdefault(key, []).append(rule)
        missing[key] = left
    for key, some in groups.items():
        yield from _group(some, missing[key], home, workers)


def _group(
    rules: Sequence[LabelingFunction], left: NDArray[np.int64], home: Home, workers: int | None
) -> Iterator[Voted]:
    keepers = [Keeper(rule, home.record) for rule in rules]

    def warn(rule: int, what: str) -> None:
        keepers[rule].warnings.append(what)

    try:
        with track("vote", total=len(left), unit="items") as advance:
            for portion in function.vote(
                rules, batches(home.store, left), home.labels, total=len(left), workers=workers, warn=warn
            ):
                heard = [keeper.take(said) for keeper, said in zip(keepers, portion, strict=True)]
                advance(heard[0])
                if keepers[0].due:
                    for keeper in keepers:
                        keeper.keep()
    except BaseException:
        for keeper in keepers:
            keeper.keep()
        raise
    yield from [keeper.end(1 / len(keepers)) for keeper in keepers]


def _source(source: Any, home: Home) -> Voted:
    """A source that is no function. What it said before an error is kept, and the error goes on."""
    _begin(source, home)
    left = _left(source.name, source.version, home)
    keeper = Keeper(source, home.record, lambda: _accounts(source, home))
    try:
        with track(source.name, total=len(left), unit="items") as advance:
            for portion in source.vote(batches(home.store, _in_order(source, left, home))):
                advance(keeper.take(portion))
                if keeper.due:
                    keeper.keep()
    except BaseException:
        keeper.keep()
        raise
    return keeper.end()


def _accounts(source: Source, home: Home) -> tuple[dict[str, float], dict[str, Any]]:
    """What was paid and is in no row of the ledger yet, a killed run's calls too; and facts of the run."""
    if not isinstance(source, LlmVotes):
        return {}, {}
    paid = source.cache.spent(source.name)
    told = home.record.told(source.name)
    spent = {name: paid[name] - told[name] for name in told}
    facts: dict[str, Any] = {"failed_tries": source.failed, "uncounted_calls": paid["uncounted"]}
    if source.stopped:
        facts["stopped"] = source.stopped
    return spent, facts


def _in_order(source: Any, left: NDArray[np.int64], home: Home) -> NDArray[np.int64]:
    """A paid source sees the items in a random order, so that a budget buys a fair sample of them."""
    if not isinstance(source, LlmVotes):
        return left
    left = left[~np.isin(left, list(source.given))]
    return np.random.default_rng(home.config.seed).permutation(left)


def _left(name: str, version: str, home: Home) -> NDArray[np.int64]:
    return np.flatnonzero(~home.record.seen(name, version, home.store.items))


def batches(store: ItemStore, positions: NDArray[np.int64], size: int = BATCH) -> Iterator[Batch]:
    """The items at `positions`, `size` at a time."""
    if not len(positions):
        return
    ids, rows = store.ids(), store.weights()
    for start in range(0, len(positions), size):
        some = positions[start : start + size]
        (content,) = store.take(some).combine_chunks().to_batches()
        images = (lambda some=some: store.load_images(some)) if store.task.image is not None else None
        yield Batch(some, [str(one) for one in ids.take(some).to_pylist()], rows[some], content, images)
