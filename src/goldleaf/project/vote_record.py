"""What sources said of a project's items: files under `votes/`, each named by a row of the ledger.

The newest version of each source counts; what an older one said stays on record. A source that was dropped has none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldleaf.ledger.base import Ledger
from goldleaf.schema import VoteTable
from goldleaf.votes import parts
from goldleaf.votes.base import ABSTAINED, Opinions, coded, joined

FOLDER = "votes"
DROPPED = "dropped"
_COUNTS = ("calls", "tokens_in", "tokens_out", "cost")


@dataclass
class Standing:
    """A source as it stands: its newest version, its files, and what all its runs took.

    Attributes:
        invalid, errors, problems: answers that name no label; items that the last run failed on, and a few of them.
        spent: calls, tokens and money of all versions.
    """

    name: str
    kind: str
    version: str
    parts: list[str] = field(default_factory=list)
    invalid: int = 0
    errors: int = 0
    problems: list[list[str]] = field(default_factory=list)
    spent: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Vote:
    """One source's vote on one item; `seq`, `at`: of the ledger's row that names its file."""

    seq: int
    at: str
    source: str
    label: int
    confidence: float | None


class VoteRecord:
    """The votes of one project."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self.folder = folder / FOLDER
        self.ledger = ledger

    def standing(self) -> dict[str, Standing]:
        """The sources that count now, in the order in which they first voted."""
        found: dict[str, Standing] = {}
        for row in self.ledger.rows("sources"):
            facts = json.loads(row.facts)
            if row.kind == DROPPED:
                found.pop(row.name, None)
            if row.kind == DROPPED or facts.get("begun"):
                continue
            now = found.get(row.name)
            if now is None or now.version != row.version:
                spent = now.spent if now else dict[str, float]()
                now = found[row.name] = Standing(row.name, row.kind, row.version, spent=spent)
            for name in _COUNTS:
                now.spent[name] = now.spent.get(name, 0) + getattr(row, name)
            now.parts += [row.part] if row.part else []
            now.invalid, now.errors = now.invalid + row.invalid, row.errors
            now.problems, now.facts = facts.pop("problems", []), facts
        return found

    def begun(self, name: str, version: str) -> dict[str, Any] | None:
        """What was fixed when this version of a source first began, or None."""
        for row in self.ledger.rows("sources", "facts", name=name, version=version):
            facts: dict[str, Any] = json.loads(row.facts)
            if facts.get("begun"):
                return facts
        return None

    def begin(self, name: str, kind: str, version: str, facts: dict[str, Any]) -> None:
        """Fix facts before the first vote, so that a run that is killed goes on with the same."""
        self._append(
            name,
            kind,
            version,
            None,
            Opinions(np.empty(0, np.int64), np.empty(0, np.int32)),
            {},
            facts | {"begun": True},
        )

    def write(
        self,
        name: str,
        kind: str,
        version: str,
        said: Opinions,
        spent: dict[str, float],
        facts: dict[str, Any],
    ) -> None:
        """Keep what a source said; durable when this returns."""
        part = parts.write(self.folder, said) if len(said.item) else None
        problems = [[one.item, one.what] for one in said.problems]
        self._append(name, kind, version, part, said, spent, {**facts, "problems": problems, **_notes(said)})

    def ended(self, name: str, version: str) -> int | None:
        """On how many items this version of a source failed last; None where it does not count now."""
        row = self.ledger.last("sources", "version", "errors", "facts", name=name)
        if row is None or row.version != version or json.loads(row.facts).get("begun"):
            return None
        return int(row.errors)

    def told(self, name: str) -> dict[str, float]:
        """What the ledger says that a source has paid, in all its runs."""
        rows = self.ledger.rows("sources", *_COUNTS, name=name)
        return {count: sum(getattr(row, count) for row in rows) for count in _COUNTS}

    def drop(self, name: str) -> None:
        """Let a source no longer count; its votes stay on record."""
        self._append(name, DROPPED, "", None, Opinions(np.empty(0, np.int64), np.empty(0, np.int32)), {}, {})

    def _append(
        self,
        name: str,
        kind: str,
        version: str,
        part: str | None,
        said: Opinions,
        spent: dict[str, float],
        facts: dict[str, Any],
    ) -> None:
        row = {
            "name": name,
            "kind": kind,
            "version": version,
            "part": part,
            "items": said.items,
            "votes": said.votes,
            "invalid": said.invalid,
            "errors": said.errors,
            **{count: int(spent.get(count, 0)) for count in _COUNTS[:-1]},
            "cost": float(spent.get("cost", 0.0)),
            "facts": json.dumps(facts, ensure_ascii=False, sort_keys=True),
        }
        self.ledger.append([("sources", row)])

    def tidy(self) -> None:
        """Remove what a killed run left half-written."""
        if self.folder.is_dir():
            parts.tidy(self.folder, {row.part for row in self.ledger.rows("sources", "part")})

    def opinions(self, one: Standing) -> Opinions:
        """All that a source says now; where a later part speaks of an item again, the parts hold each item once."""
        return joined([parts.read(self.folder, digest) for digest in one.parts])

    def about(self, position: int) -> list[Vote]:
        """What the sources say now of one item, each by the newest of its files that speaks of it.

        Raises:
            VotesError: a file cannot be read.
        """
        rows = {row.part: row for row in self.ledger.rows("sources", "seq", "at", "part") if row.part}
        found: list[Vote] = []
        for name, one in self.standing().items():
            for part in reversed(one.parts):
                said = parts.about(self.folder, part, position)
                for at in np.flatnonzero(said.label != ABSTAINED):
                    voter = name if said.voter is None else f"{name}:{said.voter[at].as_py()}"
                    sure = np.nan if said.confidence is None else said.confidence[at]
                    row = rows[part]
                    confidence = None if np.isnan(sure) else float(sure)
                    found.append(Vote(row.seq, row.at, voter, int(said.label[at]), confidence))
                if len(said.item):
                    break
        return found

    def seen(self, name: str, version: str, items: int) -> NDArray[np.bool_]:
        """The items that have an outcome of this version of a source."""
        found = np.zeros(items, bool)
        dropped = self.ledger.last("sources", "seq", name=name, kind=DROPPED)
        since = dropped.seq if dropped else 0
        for row in self.ledger.rows("sources", "part", name=name, version=version, after=since):
            if row.part:
                found[parts.items(self.folder, row.part)] = True
        return found

    def table(self, items: int, classes: int, only: Sequence[str] | None = None) -> VoteTable:
        """The votes of all sources (or of `only` some), as arrays by item position."""
        standing = self.standing().items()
        counted = {name: one for name, one in standing if only is None or name in only}
        return self.joined(counted, items, classes)

    def joined(self, standing: Mapping[str, Standing], items: int, classes: int) -> VoteTable:
        """The same of sources as they stood; reads files only, and not the ledger."""
        names: list[str] = []
        columns: list[tuple[Any, ...]] = []
        for name, one in standing.items():
            said = self.opinions(one)
            voted = said.label != ABSTAINED
            source = np.full(len(said.item), len(names), np.int64)
            if said.voter is None:
                names.append(name)
            else:
                voters, which = coded(said.voter)
                source += which
                names += [f"{name}:{voter}" for voter in voters]
            confidence = None if said.confidence is None else said.confidence[voted]
            columns.append((said.item[voted], source[voted], said.label[voted], confidence))
        return _table(columns, tuple(names), items, classes)


def _table(columns: list[tuple[Any, ...]], names: tuple[str, ...], items: int, classes: int) -> VoteTable:
    if not columns:
        nothing = np.empty(0, np.int64)
        return VoteTable(nothing, nothing, nothing, names, items, classes)
    item, source, label, confidence = zip(*columns, strict=True)
    some = any(one is not None for one in confidence)
    filled = [
        np.full(len(at), np.nan, np.float32) if one is None else one
        for at, one in zip(item, confidence, strict=True)
    ]
    return VoteTable(
        np.concatenate(item),
        np.concatenate(source),
        np.concatenate(label).astype(np.int64),
        names,
        items,
        classes,
        np.concatenate(filled) if some else None,
    )


def _notes(said: Opinions) -> dict[str, Any]:
    return {"notes": said.notes} if said.notes else {}
