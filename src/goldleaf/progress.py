"""Progress of long work, without the library ever printing: the command line installs a reporter.

`with track("encode", total=n, unit="items") as advance: ... advance(k)`
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

Advance = Callable[[int], object]
Reporter = Callable[[str, int | None, str], AbstractContextManager[Advance]]


def _silent(what: str, total: int | None, unit: str) -> AbstractContextManager[Advance]:
    return nullcontext(lambda n: None)


_reporter: ContextVar[Reporter] = ContextVar("goldleaf_reporter", default=_silent)


def track(what: str, total: int | None = None, unit: str = "items") -> AbstractContextManager[Advance]:
    """A context manager whose value is called with the number of units just done."""
    return _reporter.get()(what, total, unit)


@contextmanager
def reporting(reporter: Reporter) -> Iterator[None]:
    """Show progress with `reporter` inside the block."""
    token = _reporter.set(reporter)
    try:
        yield
    finally:
        _reporter.reset(token)
