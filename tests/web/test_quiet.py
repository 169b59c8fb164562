"""Garbage is collected in the pauses, and only there."""

from __future__ import annotations

import gc
import weakref

from goldleaf.web.quiet import PAUSE, Quiet


class Knot:
    """Holds itself, so that only the collector frees it."""

    def __init__(self) -> None:
        self.itself = self


def test_old_garbage_goes_in_a_pause_and_once() -> None:
    before = gc.get_threshold()
    with Quiet() as quiet:
        knot = Knot()
        gone = weakref.ref(knot)
        gc.collect(0), gc.collect(1)  # it is old now
        del knot
        assert not quiet.look(1, 0.0) and not quiet.look(1, PAUSE - 0.1)
        assert not quiet.look(2, PAUSE), "somebody has answered"
        assert gone() is not None
        assert quiet.look(2, 2 * PAUSE) and gone() is None
        assert not quiet.look(2, 9 * PAUSE), "nothing has happened since"
    assert gc.get_threshold() == before and gc.get_freeze_count() == 0
