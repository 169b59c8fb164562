"""The record: append-only, chained, one writer, durable; the same on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from goldleaf.errors import LedgerError, LedgerLocked, LedgerNewer, LedgerTampered
from goldleaf.ledger.base import GENESIS, Ledger


def vote(number: int, label: str | None = "yes") -> tuple[str, dict[str, object]]:
    return (
        "votes",
        {
            "question": number,
            "item": f"item-{number}",
            "source": "human:anna",
            "answer": "label",
            "label": label,
            "seconds": 1.25 * number,
            "suggestion": False,
        },
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    if request.param == "sqlite":
        return tmp_path / "ledger.db"
    return str(request.getfixturevalue("database"))


def test_what_is_appended_is_read_back_in_order(where: str | Path) -> None:
    with Ledger.open(where, write=True) as ledger:
        assert ledger.head == GENESIS
        first = ledger.append([vote(1), vote(2, None)])
        second = ledger.append(
            [("posteriors", {"attempt": 1, "model": "m", "facts": "{}", "body": b"\0\xff"})]
        )
        assert (first, second) == ([1, 2], [3])
        assert [tuple(row) for row in ledger.rows("votes", "seq", "label", "seconds")] == [
            (1, "yes", 1.25),
            (2, None, 2.5),
        ]
        assert bytes(ledger.last("posteriors").body) == b"\0\xff"
        assert ledger.check() == ledger.head
    with Ledger.open(where, write=False) as reader:
        assert reader.check().seq == 3
        assert reader.count("votes", label="yes") == 1


def test_readers_need_no_lock_and_writers_exclude_each_other(where: str | Path) -> None:
    with Ledger.open(where, write=True) as ledger:
        ledger.append([vote(1)])
        with Ledger.open(where, write=False) as reader:
            assert reader.count("votes") == 1
            with pytest.raises(LedgerError, match="was opened for reading"):
                reader.append([vote(2)])
        with pytest.raises(LedgerLocked, match=r"one writer at a time\. Nothing was changed"):
            Ledger.open(where, write=True)
        ledger.append([vote(2)])
        assert ledger.append([]) == []
    with Ledger.open(where, write=True) as again:
        assert again.append([vote(3)]) == [3]


def test_a_failing_append_writes_nothing(where: str | Path) -> None:
    with Ledger.open(where, write=True) as ledger:
        ledger.append([vote(1)])
        before = ledger.head
        with pytest.raises(LedgerError):
            ledger.append([vote(2), ("votes", {"question": 3})])
        assert ledger.head == before == ledger.check()
        assert ledger.append([vote(2)]) == [2]


def edits(url: str, statement: str) -> None:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE votes SET label = 'no' WHERE seq = 2",
        "UPDATE votes SET seconds = seconds + 0.001 WHERE seq = 1",
        "UPDATE votes SET at = '2020-01-01' WHERE seq = 1",
        "UPDATE votes SET label = NULL WHERE seq = 3",
        "DELETE FROM votes WHERE seq = 3",
        "DELETE FROM chain WHERE seq = 2",
        "UPDATE chain SET hash = repeat('0', 64) WHERE seq = 3",
        "INSERT INTO votes (seq, at, question, item, source, answer, suggestion) "
        "VALUES (4, 'now', 9, 'x', 'human:eve', 'label', false)",
        "UPDATE votes SET seq = 9 WHERE seq = 3",
    ],
)
def test_every_edit_is_found(where: str | Path, statement: str) -> None:
    with Ledger.open(where, write=True) as ledger:
        ledger.append([vote(1), vote(2), vote(3)])
        ledger.check()
    url = str(where) if "://" in str(where) else f"sqlite:///{where}"
    edits(url, statement.replace("repeat('0', 64)", f"'{'0' * 64}'") if "sqlite" in url else statement)
    with Ledger.open(where, write=False) as ledger, pytest.raises(LedgerTampered):
        ledger.check()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_byte_is_found_or_changes_nothing(tmp_path: Path, data: st.DataObject) -> None:
    """A byte of the file either belongs to no entry, or its change is found."""
    path = tmp_path / f"{os.urandom(4).hex()}.db"
    with Ledger.open(path, write=True) as ledger:
        ledger.append([vote(number) for number in range(40)])
        entries = [tuple(row) for row in ledger.rows("votes")]
        head = ledger.head
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        with Ledger.open(path, write=False) as ledger:
            assert ledger.check() == head
            assert [tuple(row) for row in ledger.rows("votes")] == entries
    except LedgerError:
        pass


def test_a_newer_ledger_is_refused_untouched(where: str | Path) -> None:
    Ledger.open(where, write=True).close()
    url = str(where) if "://" in str(where) else f"sqlite:///{where}"
    edits(url, "INSERT INTO goldleaf_schema (version) VALUES (99)")
    for write in (True, False):
        with pytest.raises(
            LedgerNewer, match=r"has schema 99; this goldleaf knows up to 2\. Nothing was changed\."
        ):
            Ledger.open(where, write=write)


SOURCE = {
    "name": "rules",
    "kind": "function",
    "version": "v",
    "part": None,
    **dict.fromkeys(("items", "votes", "invalid", "errors", "calls", "tokens_in", "tokens_out"), 0),
    "cost": 0.0,
    "facts": "{}",
}


def test_a_ledger_of_the_first_schema_is_read_as_it_is_and_written_as_the_newest(where: str | Path) -> None:
    with Ledger.open(where, write=True) as ledger:
        ledger.append([vote(1)])
    url = str(where) if "://" in str(where) else f"sqlite:///{where}"
    for change in ("DROP TABLE sources", "DELETE FROM goldleaf_schema WHERE version = 2"):
        edits(url, change)
    with Ledger.open(where, write=False) as ledger:
        head = ledger.check()
        assert ledger.rows("sources") == [] and ledger.count("sources") == 0
        assert ledger.last("sources") is None and ledger.count("votes") == 1
    with Ledger.open(where, write=True) as ledger:
        assert ledger.check() == head  # the chain is untouched
        ledger.append([("sources", SOURCE)])
        assert ledger.check().seq == 2 and ledger.count("sources", name="rules") == 1
    with Ledger.open(where, write=False) as ledger:
        assert [row.kind for row in ledger.rows("sources")] == ["function"]


def test_a_foreign_database_is_refused(where: str | Path) -> None:
    url = str(where) if "://" in str(where) else f"sqlite:///{where}"
    edits(url, "CREATE TABLE customers (id INTEGER)")
    with pytest.raises(LedgerError, match="tables that are not goldleaf's"):
        Ledger.open(where, write=True)


def test_reading_a_ledger_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"No ledger at .*\nMake a project first: goldleaf init"):
        Ledger.open(tmp_path / "ledger.db", write=False)


WRITER = """
import sys
from tests.ledger.test_ledger import vote
from goldleaf.ledger.base import Ledger
ledger = Ledger.open(sys.argv[1], write=True)
number = ledger.count("votes")
while True:
    number += 1
    ledger.append([vote(number)])
    print(number, flush=True)  # acknowledged
"""


def test_a_killed_writer_loses_nothing_it_acknowledged(where: str | Path) -> None:
    acknowledged = 0
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(where)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert process.stdout is not None
        assert process.stdout.readline()
        time.sleep(0.05 + 0.1 * os.urandom(1)[0] / 255)
        process.send_signal(signal.SIGKILL)
        lines = process.stdout.read().split()
        process.stdout.close()
        process.wait()
        acknowledged = int(lines[-1]) if lines else acknowledged + 1
        deadline = time.monotonic() + 10
        while True:  # PostgreSQL notices a dead client a moment later
            try:
                ledger = Ledger.open(where, write=True)
                break
            except LedgerLocked:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        with ledger:
            kept = [row.question for row in ledger.rows("votes", "question")]
            assert kept == list(range(1, len(kept) + 1))
            assert len(kept) in (acknowledged, acknowledged + 1)  # the last one may not have been printed
            assert ledger.check().seq == len(kept)
            acknowledged = len(kept)
