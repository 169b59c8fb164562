"""What many people at once may be asked, and what becomes of their answers; one thread calls it, see `desk`.

A question is handed to one person at a time. Whoever answers gets the next at once: from the round of training or the
batch of draws that is in the ledger, or, while the next round is being computed, from the candidates that the last
model named beside its own picks. Draws of an audit are put in the order and with the probabilities that the audit
gives them; who answers which, and when, changes nothing of either.

Questions flow from `candidates` and the ledger into the `supply`, over the board to people, and their `answers` into the
ledger; `rounds` of training read these, and name the next candidates.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from goldleaf.desk.answers import Answers
from goldleaf.desk.candidates import Candidates
from goldleaf.desk.leases import Leases
from goldleaf.desk.messages import Give, Handed, Saved, State
from goldleaf.desk.pace import Pace
from goldleaf.desk.rounds import Rounds
from goldleaf.desk.supply import Supply
from goldleaf.project import repeats
from goldleaf.project.loop import Loop
from goldleaf.project.record import Asked
from goldleaf.project.repeats import ANSWERS

AWAY = 30.0  # seconds in which a question that somebody held too long goes to others first

__all__ = ["Board", "Give", "Handed", "Saved", "State"]


class Board:
    """The state of all who answer; it hands out questions, and its parts do the rest.

    Args:
        loop: of the project. leases: who holds what.
        overlap: share of first answers for which a second person's is asked too, outside of any certificate's sample.
        clock: seconds since 1970.
    """

    def __init__(
        self, loop: Loop, leases: Leases, *, overlap: float = 0.0, clock: Callable[[], float] = time.time
    ) -> None:
        self.loop = loop
        self.record = loop.record
        self.leases = leases
        self.clock = clock
        self.pace = Pace.of(self.record)
        rng = np.random.default_rng([loop.config.seed, loop.ledger.head.seq])
        self.supply = Supply(loop, leases, Candidates(loop.store.items, self.pace, rng, clock))
        self.stock = self.supply.stock
        self.rounds = Rounds(loop, self.supply)
        self.answers = Answers(
            loop, self.supply, self.rounds, self.pace, overlap=overlap, rng=rng, clock=clock
        )
        self.supply.restock()

    def hand(
        self, source: str, ahead: int, settles: bool = False, *, active: bool = False
    ) -> tuple[State, list[Handed]]:
        """Up to `ahead` questions for `source`, those they hold first.

        Args:
            active: they have just answered, so all that they hold stays theirs anew. An open page that merely asks
                keeps nothing: nobody may be sitting there.
        """
        now = self.clock()
        self.pace.seen[source] = now
        self.loop.together = self.pace.at_work(now) > 1
        mine = self.leases.of(source)
        held = [one for seq in mine if (one := self._held(seq, source, settles)) is not None]
        for one in held if active else ():
            self.leases.take(one.asked.seq, source, now)
        while len(held) < ahead and (one := self._next(source, now, settles)) is not None:
            self.leases.take(one.asked.seq, source, now)
            held.append(one)
        if held:
            return "ask", held
        return ("done" if self.supply.finished else "wait"), []

    def _held(self, seq: int, source: str, settles: bool) -> Handed | None:
        """A question that `source` holds, if it still waits for them."""
        asked = self.record.asked[seq]
        last = self.record.given.get(seq)
        dispute = self.stock.dispute_about(seq) if settles else None
        if dispute is not None:
            return Handed(asked, dispute)
        if (last is None or last.answer not in ANSWERS) and asked.attempt in (0, self.loop.attempt):
            mine = [one for one in self.record.said(seq) if one.source == source and one.answer in ANSWERS]
            if mine or asked.purpose == "repeat" or not self.supply.finished:
                return Handed(asked, before=mine[-1] if mine else None)
        self.leases.drop(seq)
        return None

    def _next(self, source: str, now: float, settles: bool) -> Handed | None:
        """A question that nobody holds; new ones are written when there is none."""
        held = set(self.leases.all())
        if settles and (found := self.stock.dispute(source, held, now)) is not None:
            return Handed(found.first, found)
        if (asked := self._opinion(source, held, now)) is not None:
            return Handed(asked)
        if self.supply.finished:
            return None
        picked = self.stock.pick(source, now)
        if picked is None and self.supply.more(self.rounds.working):
            picked = self.stock.pick(source, now)
        if picked is None and not held:
            picked = self.stock.pick(source, now, again=True)  # they skipped it, but nobody else is there
        return Handed(picked) if picked else None

    def _opinion(self, source: str, held: set[int], now: float) -> Asked | None:
        for asked in repeats.waiting(self.record, self.loop.frozen, source) if self.record.repeats else ():
            if asked.seq not in held and not self.stock.leaves(source, asked.seq, now):
                return asked
        return self.stock.opinion(source, held, now)

    def release(self, source: str, questions: Sequence[int]) -> int:
        """Give questions back that `source` holds; how many."""
        mine = [seq for seq in questions if self.leases.holder(seq, self.clock()) == source]
        self.supply.put_back(mine)
        return len(mine)

    def expire(self) -> bool:
        """Free the questions that were held too long; whether there were any."""
        now = self.clock()
        over = self.leases.expired(now)
        for seq, source in over.items():
            self.stock.left(seq, source, now + AWAY)
        self.supply.put_back(list(over))
        return bool(over)
