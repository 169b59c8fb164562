"""Python's garbage collector, kept from stopping everybody while people answer.

A full collection looks through all that lives, with every thread stopped: 200 ms after 40,000 answers, once a second
under load. Here the young objects alone are looked through, and the old ones when nobody has answered for a while.
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 10_000, 50, 1_000  # `gc.set_threshold`: a full collection by itself comes next to never
PAUSE = 5.0  # seconds without a change after which a full one disturbs nobody


class Quiet:
    """Collects in the pauses, for the whole process, as long as its `with` block lasts."""

    def __init__(self) -> None:
        self._version = -1
        self._since = 0.0
        self._done = True

    def __enter__(self) -> Quiet:
        self._before = gc.get_threshold()
        gc.collect()
        gc.freeze()  # what is there now stays
        gc.set_threshold(YOUNG, MIDDLE, OLD)
        return self

    def __exit__(self, *_: object) -> None:
        gc.unfreeze()
        gc.set_threshold(*self._before)

    def look(self, version: int, now: float) -> bool:
        """Collect if `version` has stood still long enough at `now`, in seconds, once a pause; whether it did."""
        if version != self._version:
            self._version, self._since, self._done = version, now, False
        if self._done or now - self._since < PAUSE:
            return False
        self._done = True
        gc.collect()
        return True
