"""Server-sent events: every open page hears the newest status, and that there is something new to ask for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

BEAT = 15.0  # seconds between signs of life
MOST = 500  # open streams


class Hub:
    """Holds for each stream the newest of each kind of event; a slow reader misses the ones between."""

    def __init__(self) -> None:
        self._streams: dict[asyncio.Event, dict[str, str]] = {}
        self.closed = False

    def __len__(self) -> int:
        return len(self._streams)

    def tell(self, kind: str, data: Any) -> None:
        """On the event loop's thread."""
        text = f"event: {kind}\ndata: {json.dumps(data)}\n\n"
        for woken, waiting in self._streams.items():
            waiting[kind] = text
            woken.set()

    def close(self) -> None:
        """End all streams, so that the server can stop."""
        self.closed = True
        for woken in self._streams:
            woken.set()

    async def stream(self, first: Any) -> AsyncIterator[str]:
        """The text of one stream, from the status now on."""
        woken, waiting = asyncio.Event(), dict[str, str]()
        self._streams[woken] = waiting
        try:
            yield f"retry: 2000\nevent: status\ndata: {json.dumps(first)}\n\n"
            while not self.closed:
                try:
                    await asyncio.wait_for(woken.wait(), BEAT)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                woken.clear()
                texts = list(waiting.values())
                waiting.clear()
                for text in texts:
                    yield text
        finally:
            del self._streams[woken]
