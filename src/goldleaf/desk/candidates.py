"""What may be asked in training before the next round is there: its candidates, then items at random."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from goldleaf.desk.pace import Pace

FEW = 8  # candidates written into the ledger at a time, at least
BLIND = 0.1  # share of the items left that is asked at random while a round is computed; beyond, people wait for it,
PATIENCE = 5.0  # but for no round that has been under way for so many seconds


class Candidates:
    """Which items a new training question may be about; chooses, and writes nothing.

    Args:
        items: how many there are. rng: shared with whoever else draws at this desk.
        clock: seconds since 1970.

    Attributes:
        spare: reason → positions that the last round named beyond its own.
    """

    def __init__(self, items: int, pace: Pace, rng: np.random.Generator, clock: Callable[[], float]) -> None:
        self.spare: dict[str, list[int]] = {}
        self._known = np.zeros(items, bool)  # items that a question was ever about
        self._pace, self._rng, self._clock = pace, rng, clock
        self._began = 0.0  # when the round was due that is being computed
        self._blind = 0  # questions drawn at random since then, for want of others

    def known(self, positions: list[int]) -> None:
        """There are questions about these items."""
        self._known[positions] = True

    def begin(self) -> None:
        """A round begins: how much may be asked at random counts from here."""
        self._began, self._blind = self._clock(), 0

    def choose(self, working: bool) -> dict[str, NDArray[np.int64]]:
        """A few items by reason; none where people had better wait for the round.

        Args:
            working: a round is being computed.
        """
        size, free = max(FEW, self._pace.at_work(self._clock())), ~self._known
        chosen = {why: self._take_spare(why, free, size) for why in list(self.spare)}
        if not any(map(len, chosen.values())):
            chosen = self._at_random(free, working)
        return {why: positions for why, positions in chosen.items() if len(positions)}

    def _at_random(self, free: NDArray[np.bool_], working: bool) -> dict[str, NDArray[np.int64]]:
        if not working and self._pace.labels.total():
            return {}  # a round is due, and starts in a moment
        open_, people = np.flatnonzero(free), self._pace.at_work(self._clock())
        few = min(max(2, people), len(open_))
        most = max(FEW, people, int(BLIND * len(open_)))
        if self._blind + few > most and self._clock() - self._began < PATIENCE:
            return {}
        self._blind += few
        return {"random": self._rng.choice(open_, few, replace=False)}

    def _take_spare(self, why: str, free: NDArray[np.bool_], size: int) -> NDArray[np.int64]:
        share = size if len(self.spare) == 1 else size // 4 if why == "random" else size - size // 4
        kept = [at for at in self.spare[why] if free[at]]
        self.spare[why] = kept[share:]
        return np.array(kept[:share], np.int64)
