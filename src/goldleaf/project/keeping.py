"""Keeping what a source says while it runs: a kill loses the last `KEEP_AFTER` seconds, or a batch that takes longer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from goldleaf.project.vote_record import VoteRecord
from goldleaf.votes.base import SHOWN, Opinions, Problem, joined

KEEP_AFTER = 20.0  # seconds: each time is a file and a row of the ledger for every source that is asked


@dataclass(frozen=True)
class Voted:
    """What one source did in one run.

    Attributes:
        items: newly looked at. votes: of these. invalid: answers that name no label. errors: items that it failed on;
            they are asked again in the next run. problems: a few of these, (item, what went wrong).
        calls, tokens_in, tokens_out, cost: answered and paid, since the run before. stopped: why it ended early.
        warnings: what went otherwise than one may expect.
    """

    name: str
    kind: str
    items: int
    votes: int
    invalid: int = 0
    errors: int = 0
    problems: tuple[tuple[str, str], ...] = ()
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    stopped: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def abstained(self) -> int:
        return self.items - self.votes


class Keeper:
    """One run of one source.

    Args:
        accounts: what was paid and is in no row of the ledger yet, and facts of the run.
    """

    def __init__(
        self,
        source: Any,
        record: VoteRecord,
        accounts: Callable[[], tuple[dict[str, float], dict[str, Any]]] = lambda: ({}, {}),
    ) -> None:
        self.source, self.record, self.accounts = source, record, accounts
        self.kind: str = getattr(source, "kind", "source")
        self.warnings: list[str] = []
        self._waiting: list[Opinions] = []
        self._begun = self._kept = time.monotonic()
        self._items = self._votes = self._invalid = self._errors = 0
        self._problems: tuple[Problem, ...] = ()
        self._spent: dict[str, float] = {}

    @property
    def due(self) -> bool:
        return time.monotonic() - self._kept >= KEEP_AFTER

    def take(self, said: Opinions) -> int:
        """Hear a portion; how many items it is about."""
        items = said.items
        self._items += items
        self._votes += said.votes
        self._invalid += said.invalid
        self._errors += said.errors
        self._problems = (*self._problems, *said.problems)[:SHOWN]
        self._waiting.append(said)
        return items + said.errors

    def keep(self) -> dict[str, Any]:
        """Write what was said since the last time, unless nothing is new; the facts of the run."""
        said = joined(self._waiting)
        spent, facts = self.accounts()
        if (
            len(said.item)
            or any(spent.values())
            or self.record.ended(self.source.name, self.source.version) != self._errors
        ):
            now = Opinions(
                said.item,
                said.label,
                said.confidence,
                said.voter,
                said.invalid,
                self._errors,  # of the whole run: the last row says how it ended
                self._problems,
                said.notes,
            )
            self.record.write(self.source.name, self.kind, self.source.version, now, spent, facts)
        for name, amount in spent.items():
            self._spent[name] = self._spent.get(name, 0) + amount
        self._waiting, self._kept = [], time.monotonic()
        return facts

    def end(self, share: float = 1.0) -> Voted:
        """Keep the rest. `share`: of the time since the beginning that this source took."""
        seconds = (time.monotonic() - self._begun) * share
        stopped = self.keep().get("stopped")
        return Voted(
            name=self.source.name,
            kind=self.kind,
            items=self._items,
            votes=self._votes,
            invalid=self._invalid,
            errors=self._errors,
            problems=tuple((one.item, one.what) for one in self._problems),
            calls=int(self._spent.get("calls", 0)),
            tokens_in=int(self._spent.get("tokens_in", 0)),
            tokens_out=int(self._spent.get("tokens_out", 0)),
            cost=self._spent.get("cost", 0.0),
            seconds=seconds,
            stopped=stopped,
            warnings=tuple(self.warnings),
        )
