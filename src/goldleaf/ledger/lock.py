"""One writer at a time: a file lock beside a SQLite ledger, an advisory lock on PostgreSQL."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, text

from goldleaf.errors import LedgerLocked


class WriterLock:
    """Held until `release` or the end of the process, whichever is first: a killed writer leaves no lock."""

    def __init__(self, release: Callable[[], object]) -> None:
        self.release = release

    @classmethod
    def take(cls, engine: Engine, path: Path | None, name: str) -> WriterLock:
        """Raises LedgerLocked when another process (or another Ledger of this one) holds it."""
        return _file(path, name) if path else _advisory(engine, name)


def _file(path: Path, name: str) -> WriterLock:
    beside = path.with_name(path.name + ".lock")
    lock = FileLock(beside, blocking=False, is_singleton=False)
    try:
        lock.acquire()
    except Timeout:
        raise _held(name, _holder(beside)) from None
    beside.write_text(str(os.getpid()))
    return WriterLock(lock.release)


def _holder(beside: Path) -> str:
    pid = beside.read_text().strip() if beside.exists() else ""
    return f" (process {pid})" if pid else ""


def _advisory(engine: Engine, name: str) -> WriterLock:
    key = int.from_bytes(hashlib.sha256(f"goldleaf {name}".encode()).digest()[:8], "big", signed=True)
    connection = engine.connect()
    if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar_one():
        connection.close()
        raise _held(name, "")
    connection.commit()  # the lock belongs to the session, not to this transaction
    return WriterLock(lambda: _unlock(connection, key))


def _unlock(connection: Connection, key: int) -> None:
    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
    connection.close()


def _held(name: str, who: str) -> LedgerLocked:
    return LedgerLocked(
        f"Another process{who} is writing to {name}; goldleaf allows one writer at a time. Nothing was changed.",
        do="Wait for it, or stop it. Reading commands (status, verify) work meanwhile.",
    )
