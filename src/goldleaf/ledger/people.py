"""Named people and their sessions, beside the chain: shared by all who use the same database."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, Row, delete, insert, select, update

from goldleaf.ledger.tables import people, sessions


@dataclass(frozen=True)
class Person:
    """Who may answer. `password` is an argon2 hash, `link` the SHA-256 of a share link's token."""

    name: str
    role: str
    active: bool = True
    password: str | None = None
    link: str | None = None


@dataclass(frozen=True)
class Session:
    """A browser that is logged in, by the SHA-256 of its token; `until` in seconds since 1970."""

    token: str
    name: str
    role: str | None
    until: float


_PERSON = tuple(people.c[name] for name in ("name", "role", "active", "password", "link"))
_SESSION = tuple(sessions.c[name] for name in ("token", "name", "role", "until"))


class People:
    """Reads and changes both tables; each call is a transaction of its own.

    Args:
        engine: of the ledger's database. explained: turns the database's errors into ours.
    """

    def __init__(self, engine: Engine, explained: Callable[[], AbstractContextManager[None]]) -> None:
        self._engine = engine
        self._explained = explained

    def all(self) -> list[Person]:
        """By name."""
        return [Person(**row._mapping) for row in self._rows(select(*_PERSON).order_by(people.c.name))]

    def find(self, name: str) -> Person | None:
        rows = self._rows(select(*_PERSON).where(people.c.name == name))
        return Person(**rows[0]._mapping) if rows else None

    def by_link(self, digest: str) -> Person | None:
        rows = self._rows(select(*_PERSON).where(people.c.link == digest))
        return Person(**rows[0]._mapping) if rows else None

    def add(self, person: Person) -> None:
        """Raises LedgerLocked where the name is taken; look first."""
        self._do(insert(people).values(**vars(person), at=datetime.now(UTC).isoformat(timespec="seconds")))

    def change(self, name: str, **values: Any) -> None:
        """Set columns of one person."""
        self._do(update(people).where(people.c.name == name).values(**values))

    def open_session(self, session: Session) -> None:
        self._do(insert(sessions).values(**vars(session)))

    def session(self, digest: str) -> Session | None:
        rows = self._rows(select(*_SESSION).where(sessions.c.token == digest))
        return Session(**rows[0]._mapping) if rows else None

    def close_session(self, digest: str) -> None:
        self._do(delete(sessions).where(sessions.c.token == digest))

    def close_sessions(self, name: str | None = None, before: float | None = None) -> None:
        """All of a person, or those that ended before a moment."""
        query = delete(sessions)
        query = query if name is None else query.where(sessions.c.name == name)
        self._do(query if before is None else query.where(sessions.c.until < before))

    def _rows(self, query: Any) -> list[Row[Any]]:
        with self._explained(), self._engine.connect() as connection:
            return list(connection.execute(query))

    def _do(self, statement: Any) -> None:
        with self._explained(), self._engine.begin() as connection:
            connection.execute(statement)
