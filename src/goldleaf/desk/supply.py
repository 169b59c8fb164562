"""Where questions come from: the open ones of the ledger, and new ones when these have run out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from goldleaf.desk.candidates import Candidates
from goldleaf.desk.leases import Leases
from goldleaf.desk.left import Left
from goldleaf.desk.stock import Stock
from goldleaf.project import repeats
from goldleaf.project.loop import Loop
from goldleaf.project.record import Asked


class Supply:
    """Keeps the stock of open questions, and writes new ones into the ledger.

    Empty until `restock` is called.

    Attributes:
        stock: open questions that nobody holds. finished: the audit asks no more.
        left: to the machine, once its labels are frozen.
    """

    def __init__(self, loop: Loop, leases: Leases, candidates: Candidates) -> None:
        self.loop, self.record = loop, loop.record
        self.leases, self.candidates = leases, candidates
        self.stock = Stock(self.record)
        self.left: Left | None = None
        self.finished = False

    def restock(self) -> None:
        """Take all open questions anew: at the start, and after a freeze."""
        self.stock.clear()
        held = set(self.leases.all())
        stage = self.loop.attempt
        open_ = [asked for asked in self.record.open(stage) if asked.attempt == stage]
        known = {asked.seq for asked in self.loop.settle(open_)} if stage else set()
        self.candidates.known([asked.position for asked in self.record.asked.values()])
        self.stock.refill(asked for asked in open_ if asked.seq not in held | known)
        frozen, labels = self.loop.frozen, self.loop.config.task.labels
        self.left = Left(frozen, len(labels), self.record.labeled()) if frozen is not None else None
        self.look()

    def look(self) -> None:
        """See anew whether it is over: after every answer."""
        self.finished = self._over()

    def _over(self) -> bool:
        """Whether the audit asks no more, not even for a first answer that a second opinion waits for."""
        loop = self.loop
        if loop.audit is None or loop.frozen is None or not loop.finished:
            return False
        return not any(pair.first is None for pair in repeats.pairs(self.record, loop.frozen))

    def more(self, working: bool) -> bool:
        """Write new questions, if any may be asked now; whether there are some.

        Args:
            working: a round of training is being computed.
        """
        loop = self.loop
        if loop.audit is None:
            chosen = self.candidates.choose(working)
            if chosen:
                self.put(loop.ask_training(chosen))
            return bool(chosen)
        if self.finished or loop.audit.failed:
            return False
        new = loop.draw()
        known = {asked.seq for asked in loop.settle([asked for asked in new if asked.purpose != "repeat"])}
        self.put([asked for asked in new if asked.seq not in known])
        return bool(new)

    def put(self, asked: Sequence[Asked]) -> None:
        """New questions, behind those that wait."""
        self.candidates.known([one.position for one in asked])
        self.stock.refill(asked)

    def claim(self, asked: Asked) -> None:
        """Somebody takes this question out of turn."""
        self.stock.pull(asked.seq)
        self.candidates.known([asked.position])

    def put_back(self, questions: Sequence[int]) -> None:
        """Questions that nobody holds any more."""
        for seq in questions:
            self.leases.drop(seq)
        asked = [self.record.asked[seq] for seq in questions]
        open_ = {one.seq for one in self.record.open(self.loop.attempt)} if asked else set()
        self.stock.refill(one for one in asked if one.seq in open_ and one.attempt == self.loop.attempt)

    def free(self) -> NDArray[np.bool_]:
        """Items that a new training question may be about: without an answer, and not being asked about."""
        free = np.zeros(self.loop.store.items, bool)
        free[self.loop.candidates()] = True
        free[[asked.position for asked in self.record.open(self.loop.attempt)]] = False
        return free
