"""What is left to the machine: how many items it labels, as frozen, less those that a person has labeled since."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from goldleaf.project.frozen import Frozen


class Left:
    """Kept up to date one item at a time.

    Args:
        frozen: the machine's labels. classes: how many there are. labeled: items that people labeled.

    Attributes:
        counts: [classes] items that the machine labels.
    """

    def __init__(self, frozen: Frozen, classes: int, labeled: Iterable[int] = ()) -> None:
        self._frozen = frozen
        self._taken: set[int] = set()
        self.counts: NDArray[np.int64] = np.bincount(frozen.labels, minlength=classes)
        for position in labeled:
            self.take(position)

    def take(self, position: int) -> None:
        """A person labeled the item."""
        if position not in self._taken and self._frozen.holds(position):
            self._taken.add(position)
            self.counts[self._frozen.labels[self._frozen.place(position)]] -= 1
