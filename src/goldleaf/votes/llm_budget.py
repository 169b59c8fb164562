"""A budget that is never overdrawn: a call is paid for before it is sent, at the most that it can cost."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass
class Budget:
    """Money for calls; may be used from several threads.

    Args:
        limit: None for as much as it takes. spent: so far, by earlier runs too.
    """

    limit: float | None
    spent: float = 0.0
    _held: float = 0.0
    _calls: int = (
        0  # open ones; what they hold adds up with rounding, and is no test of whether there are any
    )
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def hold(self, most: float) -> bool:
        """Set `most` aside for a call. Waits for open calls to be settled where that may make room; False if not."""
        with self._changed:
            while self.limit is not None and self.spent + self._held + most > self.limit * (1 + 1e-9):
                if not self._calls:
                    return False
                self._changed.wait()
            self._held += most
            self._calls += 1
            return True

    def settle(self, most: float, paid: float) -> None:
        """Give back what was held for a call, less what it took."""
        with self._changed:
            self._calls -= 1
            self._held = max(self._held - most, 0.0) if self._calls else 0.0
            self.spent += paid
            self._changed.notify_all()
