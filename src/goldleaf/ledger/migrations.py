"""Schema versions. A migration and its record share a transaction; an older goldleaf refuses a newer ledger."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Column, Connection, Integer, MetaData, Table, func, insert, inspect, select

from goldleaf.errors import LedgerError, LedgerNewer
from goldleaf.ledger.tables import FIRST, NOUNS, chain, metadata, notes, people, sessions, sources

_versions = Table("goldleaf_schema", MetaData(), Column("version", Integer, primary_key=True))


def _first(connection: Connection) -> None:
    metadata.create_all(connection, tables=[*FIRST, chain])


def _sources_notes_people(connection: Connection) -> None:
    metadata.create_all(connection, tables=[sources, notes, people, sessions])


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_first, _sources_notes_people)
_SINCE = {sources.name: 2, notes.name: 2}  # the schema that brought a noun; the others are of the first


def nouns(found: int) -> dict[str, Table]:
    """The tables that a ledger of schema `found` has: an older one is read as it is."""
    return {name: table for name, table in NOUNS.items() if _SINCE.get(name, 1) <= found}


def version(connection: Connection) -> int:
    """The ledger's schema version; 0 for an empty database."""
    if not inspect(connection).has_table(_versions.name):
        return 0
    return connection.execute(select(func.max(_versions.c.version))).scalar_one() or 0


def check(connection: Connection, name: str) -> int:
    """The version, if this goldleaf can read it."""
    found = version(connection)
    if found > len(MIGRATIONS):
        raise LedgerNewer(
            f"{name} has schema {found}; this goldleaf knows up to {len(MIGRATIONS)}. Nothing was changed.",
            do="Update goldleaf: pip install -U goldleaf",
        )
    return found


def migrate(connection: Connection, name: str) -> int:
    """Bring the ledger to the newest schema inside the caller's transaction; returns it."""
    found = check(connection, name)
    if found == 0 and inspect(connection).get_table_names():
        raise LedgerError(
            f"{name} is a database with tables that are not goldleaf's.",
            do="Point `ledger` at an empty database.",
        )
    _versions.create(connection, checkfirst=True)
    for number, step in enumerate(MIGRATIONS[found:], start=found + 1):
        step(connection)
        connection.execute(insert(_versions).values(version=number))
    return len(MIGRATIONS)
