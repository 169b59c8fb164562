"""Rounds of training: when one is due, what it computes on another thread, and what is written of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from goldleaf.desk.supply import Supply
from goldleaf.project.loop import Loop
from goldleaf.project.model import Guess
from goldleaf.project.training import Turn

SPARE = 400  # candidates that a round names beyond its own


class Rounds:
    """One round at a time.

    Attributes:
        working: one is being computed. count: of those since the board was set up.
    """

    def __init__(self, loop: Loop, supply: Supply) -> None:
        self.loop, self.supply = loop, supply
        self.working = False
        self.count = 0
        self._since = 0  # answers since the last round began
        self._size = 0  # questions of the last round

    def heard(self) -> None:
        """An answer came in that a model may learn from."""
        self._since += 1

    def due(self) -> Callable[[], tuple[Turn, Guess | None]] | None:
        """The next round of training, when it is time for one: a function for another thread."""
        if self.working:
            return None
        if self.loop.audit is not None and self.loop.audit.failed:
            self.loop.abandon("more items could not be told than the audit was planned for")
            self.supply.restock()
        if self.loop.audit is not None or not self._ripe():
            return None
        open_ = [asked.position for asked in self.loop.record.open(0)]
        compute = self.loop.round(without=np.array(open_, np.int64), spare=SPARE)
        known = self.loop.known()
        self.working, self._since = True, 0
        self.supply.candidates.begin()

        def work() -> tuple[Turn, Guess | None]:
            turn = compute()
            return turn, self.loop.guess(known) if turn.stop else None

        return work

    def _ripe(self) -> bool:
        """Whether a new round would have something new to learn, and is needed."""
        stock, held = self.supply.stock, self.supply.leases.all()
        if len(stock) == 0 and not held:
            return True
        return len(stock) <= len(held) and self._since >= max(2, self._size // 2)

    def learned(self, turn: Turn, guess: Guess | None) -> None:
        """Write what a round found."""
        self.working = False
        self.count += 1
        if self.loop.audit is not None:
            return
        free = self.supply.free()
        ask = {why: positions[free[positions]] for why, positions in turn.ask.items()}
        spare = {why: positions[free[positions]].tolist() for why, positions in turn.spare.items()}
        self.supply.candidates.spare = spare
        new = self.loop.take(replace(turn, ask=ask), guess)
        if turn.stop:
            self.supply.candidates.spare = {}
            self.supply.restock()
        else:
            self._size = len(new)
            self.supply.put(new)
