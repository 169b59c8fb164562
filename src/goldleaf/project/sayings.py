"""What other sources say of a project's items, weighed once for each set of votes and only when it is needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from goldleaf.encode.features import Views
from goldleaf.posteriors.opinions import Opinions
from goldleaf.project.vote_record import Standing, VoteRecord
from goldleaf.schema import VoteTable


@dataclass(eq=False)
class Sayings:
    """The votes as they stood at one moment. Reads their files, which never change, and not the ledger.

    Attributes:
        versions: source → version, of those that count.
    """

    versions: Mapping[str, str]
    table: Callable[[], VoteTable]
    seed: int
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _opinions: Opinions | None = None
    _weighed: bool = False

    def opinions(self, features: Callable[[], Views]) -> Opinions | None:
        """The votes weighed; None where there is none. The first call makes them, on whatever thread it is."""
        with self._lock:
            if not self._weighed:
                votes = self.table()
                if len(votes.item):
                    self._opinions = Opinions(self.seed).fit(votes, features())
                self._weighed = True
            return self._opinions


NONE = Sayings({}, lambda: VoteTable(*(np.empty(0, np.int64),) * 3, (), 0, 1), 0)


class Listener:
    """The sayings as of now.

    Args:
        record: of the votes.
        items, classes: of the project. seed: of what weighs the votes.

    Attributes:
        heard: as of the last look.
    """

    def __init__(self, record: VoteRecord, items: int, classes: int, seed: int) -> None:
        self.record = record
        self.items, self.classes, self.seed = items, classes, seed
        self._key: object = None
        self.heard = NONE

    def now(self) -> Sayings:
        """Reads the ledger; the same object as long as no source has said anything new."""
        standing = {name: one for name, one in self.record.standing().items() if one.parts}
        key = [(name, one.version, tuple(one.parts)) for name, one in standing.items()]
        if key != self._key:
            self._key, self.heard = key, self._of(standing) if standing else NONE
        return self.heard

    def _of(self, standing: Mapping[str, Standing]) -> Sayings:
        versions = {name: one.version for name, one in standing.items()}
        return Sayings(versions, lambda: self.record.joined(standing, self.items, self.classes), self.seed)
