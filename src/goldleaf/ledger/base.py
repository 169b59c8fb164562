"""Reading and appending. An append is one transaction: durable when it returns, or not there at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import merge
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Select,
    Table,
    create_engine,
    event,
    func,
    insert,
    select,
)
from sqlalchemy.exc import DatabaseError, IntegrityError

from goldleaf.errors import LedgerError, LedgerLocked, LedgerTampered, MissingExtra
from goldleaf.ledger import migrations
from goldleaf.ledger.lock import WriterLock
from goldleaf.ledger.people import People
from goldleaf.ledger.tables import NOUNS, chain

Entry = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Head:
    """The newest entry: everything before it is fixed by its hash."""

    seq: int
    hash: str


BUSY = 5.0  # seconds to wait for a database that another program has locked
GENESIS = Head(0, "0" * 64)


def entry_hash(previous: str, noun: str, row: Mapping[str, Any]) -> str:
    """SHA-256 over the previous hash, the noun, and the row as canonical JSON (bytes by their own SHA-256)."""
    plain = {
        name: hashlib.sha256(value).hexdigest() if isinstance(value, bytes | memoryview) else value
        for name, value in row.items()
    }
    body = json.dumps([previous, noun, plain], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(body.encode()).hexdigest()


class Ledger:
    """One project's record. `Ledger.open(path, write=True)` takes the writer's lock; readers need none."""

    def __init__(self, engine: Engine, name: str, lock: WriterLock | None, nouns: dict[str, Table]) -> None:
        self._engine = engine
        self._nouns = nouns  # an older ledger that is only read may lack some; they have no rows
        self._lock = lock
        self._head: Head | None = None
        self.name = name

    @classmethod
    def open(cls, where: str | Path, *, write: bool) -> Ledger:
        """Open a SQLite file, or a database URL such as `postgresql://…`.

        Raises:
            LedgerLocked: `write` is asked for and another process is writing.
            LedgerNewer: a newer goldleaf wrote it.
            LedgerError: there is no ledger (when reading), or the database cannot be opened.
        """
        url, name = _url(where)
        sqlite = Path(where) if url.startswith("sqlite") else None
        if not write and sqlite and not sqlite.is_file():
            raise LedgerError(
                f"No ledger at {name}.",
                do="Make a project first: goldleaf init FILE --text COLUMN --labels A,B",
            )
        engine = _engine(url, write=write)
        lock: WriterLock | None = None
        try:
            with explained(name):
                lock = WriterLock.take(engine, sqlite, name) if write else None
                with engine.begin() as connection:
                    found = (migrations.migrate if write else migrations.check)(connection, name)
        except BaseException:
            if lock:
                lock.release()
            engine.dispose()
            raise
        return cls(engine, name, lock, migrations.nouns(found))

    @classmethod
    def beside(cls, where: str | Path) -> Ledger:
        """Open a ledger for its `people` alone, beside whoever writes to the record."""
        cls.open(where, write=False).close()  # refuses what is not there, or too new
        url, name = _url(where)
        engine = _engine(url, write=True)
        with explained(name), engine.begin() as connection:
            found = migrations.migrate(connection, name)
        return cls(engine, name, None, migrations.nouns(found))

    def close(self) -> None:
        if self._lock:
            self._lock.release()
        self._engine.dispose()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def writable(self) -> bool:
        return self._lock is not None

    @property
    def head(self) -> Head:
        with explained(self.name), self._engine.connect() as connection:
            return _head(connection)

    def append(self, entries: Sequence[Entry]) -> list[int]:
        """Write `entries` in order, in one transaction; returns their seq numbers.

        Durable when it returns: a process killed afterwards has lost nothing.
        """
        if self._lock is None:
            raise LedgerError(f"{self.name} was opened for reading.")
        if not entries:
            return []
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with explained(self.name), self._engine.begin() as connection:
            head = self._head or _head(connection)
            links, seqs, rows = [], list[int](), dict[str, list[dict[str, Any]]]()
            for noun, values in entries:
                row = _complete(NOUNS[noun], {**values, "seq": head.seq + 1, "at": now})
                head = Head(head.seq + 1, entry_hash(head.hash, noun, row))
                links.append({"seq": head.seq, "noun": noun, "hash": head.hash})
                seqs.append(head.seq)
                rows.setdefault(noun, []).append(row)
            for noun, batch in rows.items():
                connection.execute(insert(NOUNS[noun]), batch)
            connection.execute(insert(chain), links)
        self._head = head
        return seqs

    def read(self, query: Select[Any]) -> Sequence[Row[Any]]:
        """The rows of any SELECT over `NOUNS`."""
        with explained(self.name), self._engine.connect() as connection:
            return connection.execute(query).all()

    def rows(self, noun: str, *columns: str, after: int = 0, **equal: Any) -> list[Row[Any]]:
        """The noun's rows in order, optionally only some columns, after a seq, or with columns equal to values."""
        table = NOUNS[noun]
        if noun not in self._nouns:
            return []
        query = select(*(table.c[name] for name in columns)) if columns else select(table)
        query = query.where(table.c.seq > after, *(table.c[name] == value for name, value in equal.items()))
        with explained(self.name), self._engine.connect() as connection:
            return list(connection.execute(query.order_by(table.c.seq)))

    def last(self, noun: str, *columns: str, **equal: Any) -> Row[Any] | None:
        """The noun's newest row, or None."""
        table = NOUNS[noun]
        if noun not in self._nouns:
            return None
        query = select(*(table.c[name] for name in columns)) if columns else select(table)
        query = query.where(*(table.c[name] == value for name, value in equal.items()))
        with explained(self.name), self._engine.connect() as connection:
            return connection.execute(query.order_by(table.c.seq.desc()).limit(1)).first()

    def count(self, noun: str, **equal: Any) -> int:
        table = NOUNS[noun]
        if noun not in self._nouns:
            return 0
        query = (
            select(func.count())
            .select_from(table)
            .where(*(table.c[name] == value for name, value in equal.items()))
        )
        with explained(self.name), self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def check(self) -> Head:
        """Recompute the whole chain.

        Raises:
            LedgerTampered: a row was changed, removed, added or reordered; says which is the first.
        """
        head = GENESIS
        with explained(self.name), self._engine.connect() as connection, ExitStack() as opened:
            links = connection.execute(select(chain).order_by(chain.c.seq)).all()
            streams = [_stream(connection, noun, table, opened) for noun, table in self._nouns.items()]
            rows = merge(*streams, key=lambda pair: pair[1]["seq"])
            for link in links:
                noun, row = next(rows, ("", {}))
                if (noun, row.get("seq")) != (link.noun, link.seq) or link.seq != head.seq + 1:
                    raise LedgerTampered(
                        f"{self.name}: entry {head.seq + 1} is missing, added or out of order."
                    )
                if entry_hash(head.hash, noun, row) != link.hash:
                    raise LedgerTampered(
                        f"{self.name}: entry {link.seq} ({noun}) was changed after it was written."
                    )
                head = Head(link.seq, link.hash)
            if extra := next(rows, None):
                raise LedgerTampered(
                    f"{self.name}: entry {extra[1]['seq']} ({extra[0]}) is not in the chain."
                )
        return head

    @property
    def people(self) -> People:
        """Who may use the page, and their sessions; outside the chain."""
        return People(self._engine, lambda: explained(self.name))

    def hash_at(self, seq: int) -> str | None:
        with explained(self.name), self._engine.connect() as connection:
            return connection.execute(select(chain.c.hash).where(chain.c.seq == seq)).scalar_one_or_none()


def _complete(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    unknown = row.keys() - table.columns.keys()
    if unknown:
        raise LedgerError(f"`{table.name}` has no column {sorted(unknown)}.")
    return {name: row.get(name) for name in table.columns.keys()}  # noqa: SIM118  (a SQL collection)


def _head(connection: Connection) -> Head:
    row = connection.execute(select(chain.c.seq, chain.c.hash).order_by(chain.c.seq.desc()).limit(1)).first()
    return Head(row.seq, row.hash) if row else GENESIS


def _stream(
    connection: Connection, noun: str, table: Table, opened: ExitStack
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The noun's rows in order, a thousand at a time."""
    result = connection.execution_options(yield_per=1000).execute(select(table).order_by(table.c.seq))
    opened.callback(result.close)
    return ((noun, dict(row._mapping)) for row in result)


def _url(where: str | Path) -> tuple[str, str]:
    text_ = str(where)
    if "://" in text_:
        shown = text_.split("@")[-1] if "@" in text_ else text_
        return text_.replace("postgresql://", "postgresql+psycopg://", 1), shown
    return f"sqlite:///{text_}", text_


def _engine(url: str, *, write: bool) -> Engine:
    if url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"timeout": BUSY})
        event.listen(engine, "connect", _durable if write else _patient)
        return engine
    try:
        return create_engine(url)
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"The ledger's database needs the Python package `{error.name}`.", "postgres"
        ) from error


def _durable(connection: Any, record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # an acknowledged answer survives a power cut


def _patient(connection: Any, record: object) -> None:
    connection.execute("PRAGMA query_only=ON")


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn the database's errors into ours, with nothing half-written behind them."""
    try:
        yield
    except IntegrityError as error:
        raise LedgerLocked(
            f"{name}: another process wrote an entry at the same time; nothing of this one was kept.",
            do="Run the command again.",
        ) from error
    except UnicodeDecodeError as error:  # SQLite's driver lets it through
        raise LedgerTampered(f"{name} holds damaged text: {error}.") from error
    except DatabaseError as error:
        raise LedgerError(f"{name}: {error.orig or error}. Nothing of this step was written.") from error
