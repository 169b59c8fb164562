"""The ledger's tables: one a noun, and the chain that binds their rows in one order.

The same definitions run on SQLite and PostgreSQL. Rows are only ever inserted.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()


def _noun(name: str, *columns: Column[object]) -> Table:
    return Table(
        name,
        metadata,
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
        Column("at", String(32), nullable=False),
        *columns,
    )


chain = Table(
    "chain",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("noun", String(16), nullable=False),
    Column("hash", String(64), nullable=False),
)

settings = _noun("settings", Column("body", Text, nullable=False))

items = _noun(
    "items",
    Column("source", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("new_rows", BigInteger, nullable=False),
    Column("new_items", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
)

votes = _noun(
    "votes",
    Column("question", BigInteger, nullable=False, index=True),
    Column("item", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("answer", String(16), nullable=False),  # label | cant_tell | skip
    Column("label", Text),
    Column("seconds", Float),
    Column("suggestion", Boolean, nullable=False),
    Column("replaces", BigInteger),
)

posteriors = _noun(
    "posteriors",
    Column("attempt", Integer, nullable=False),  # 0 while training
    Column("model", String(64), nullable=False),
    Column("facts", Text, nullable=False),
    Column("body", LargeBinary),
)

questions = _noun(
    "questions",
    Column("item", Text, nullable=False),
    Column("purpose", String(16), nullable=False),  # training | audit | census | repeat
    Column("reason", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("probability", Float, nullable=False),
    Column("step", BigInteger),
    Column("position", BigInteger),
    Column("p", Float),
    Column("lam", Float),
    Column("nu", Float),
    Column("target", Float),
    Column("least", Float),
)

certificates = _noun(
    "certificates",
    Column("attempt", Integer, nullable=False),
    Column("certified", Boolean, nullable=False),
    Column("body", Text, nullable=False),
)

exports = _noun(
    "exports",
    Column("format", String(32), nullable=False),
    Column("folder", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
)

sources = _noun(
    "sources",
    Column("name", Text, nullable=False),
    Column(
        "kind", String(16), nullable=False
    ),  # function, table, crowd, zero_shot, llm; dropped: no longer asked
    Column("version", String(32), nullable=False),  # of what decides its votes
    Column("part", String(64)),  # SHA-256 of the file with the votes; null where a run only began
    Column("items", BigInteger, nullable=False),  # looked at, with an outcome
    Column("votes", BigInteger, nullable=False),
    Column("invalid", BigInteger, nullable=False),  # answers that name no label
    Column("errors", BigInteger, nullable=False),  # items that it failed on; asked again in the next run
    Column("calls", BigInteger, nullable=False),  # answered and paid in this run
    Column("tokens_in", BigInteger, nullable=False),
    Column("tokens_out", BigInteger, nullable=False),
    Column("cost", Float, nullable=False),
    Column("facts", Text, nullable=False),
)

notes = _noun(
    "notes",
    Column("item", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("kind", String(16), nullable=False),  # comment | flag | unflag
    Column("text", Text),
)

FIRST = (settings, items, votes, posteriors, questions, certificates, exports)
NOUNS = {table.name: table for table in (*FIRST, sources, notes)}

# Who may use the page. Not in the chain: rows change, and a secret (kept as a hash) must be able to go for good.

people = Table(
    "people",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),  # admin | reviewer | annotator
    Column("active", Boolean, nullable=False),
    Column("password", Text),  # argon2
    Column("link", String(64)),  # SHA-256 of the token in the share link
    Column("at", String(32), nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token", String(64), primary_key=True),  # SHA-256
    Column("name", String(64), nullable=False),
    Column("role", String(16)),  # of the owner of the machine, who need not be among the people; else theirs
    Column("until", Float, nullable=False),
)
