"""Every answered call, on disk before it counts: a killed run repeats none of them.

A SQLite file under the project's `votes/`. The key of a call is the hash of everything that was sent that bears on the
answer, so an item asked the same way again is not sent again, under whatever name.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from goldleaf.votes.llm_reply import Reply

FILE = "calls.db"
_TABLE = """
CREATE TABLE IF NOT EXISTS calls (
    key BLOB PRIMARY KEY, source TEXT NOT NULL, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL,
    uncounted INTEGER NOT NULL, cost REAL NOT NULL, reply TEXT NOT NULL
) WITHOUT ROWID
"""


def key_of(request: Any) -> bytes:
    """The hash of a request."""
    body = json.dumps(request, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).digest()


class CallCache:
    """Answered calls; may be used from several threads."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(folder / FILE, timeout=30, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")  # a paid answer survives a power cut
        self._database.execute(_TABLE)
        self._database.commit()

    def get(self, key: bytes) -> Reply | None:
        with self._lock:
            row = self._database.execute("SELECT reply FROM calls WHERE key = ?", (key,)).fetchone()
        return Reply(**json.loads(row[0])) if row else None

    def put(
        self, key: bytes, source: str, reply: Reply, tokens: tuple[int, int], counted: bool, cost: float
    ) -> None:
        """Keep an answered call; durable when this returns. One that is there already stays as it is."""
        values = (key, source, *tokens, int(not counted), cost, json.dumps(asdict(reply), ensure_ascii=False))
        with self._lock, self._database:
            self._database.execute("INSERT OR IGNORE INTO calls VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def spent(self, source: str) -> dict[str, float]:
        """What a source has paid in all its runs, those included that were killed."""
        with self._lock:
            row = self._database.execute(
                "SELECT count(*), total(tokens_in), total(tokens_out), total(cost), total(uncounted) "
                "FROM calls WHERE source = ?",
                (source,),
            ).fetchone()
        names = ("calls", "tokens_in", "tokens_out", "cost", "uncounted")
        return dict(zip(names, (int(row[0]), int(row[1]), int(row[2]), row[3], int(row[4])), strict=True))

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
