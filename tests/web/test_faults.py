"""What must not happen: an acknowledged answer lost, a question answered twice, a fault without a message."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from goldleaf.ledger.base import Ledger
from tests.helpers import World, world
from tests.web.server import Client, Server

KILLS = 3  # the benchmark does ten


@pytest.fixture
def hard() -> World:
    return world(3_000, 2, noise=3.0)  # so noisy that it does not end soon


class Person(threading.Thread):
    """Answers as fast as it can over one connection; keeps what was acknowledged, and ends with the server."""

    def __init__(self, base: str, cookie: str, csrf: str, truth: list[str]) -> None:
        super().__init__(daemon=True)
        self.base, self.truth = urlsplit(base).netloc, truth
        self.headers = {
            "Cookie": f"goldleaf_session={cookie}",
            "X-CSRF-Token": csrf,
            "Content-Type": "application/json",
        }
        self.acknowledged: list[tuple[int, int, str]] = []
        self.unexpected: list[bytes] = []

    def run(self) -> None:
        connection = HTTPConnection(self.base, timeout=10)
        try:
            while True:
                self._once(connection)
        except (OSError, HTTPException):
            pass  # the server was killed
        finally:
            connection.close()

    def _once(self, connection: HTTPConnection) -> None:
        body = self._ask(connection, "GET", "/api/next?ahead=2", None)
        while body and body["state"] == "ask":
            question = body["questions"][0]
            label = self.truth[question["item"]["position"]]
            said = {"question": question["id"], "answer": "label", "label": label, "ahead": 2}
            body = self._ask(connection, "POST", "/api/answers", said)
            if body:
                self.acknowledged.append((body["saved"]["seq"], question["id"], label))
        time.sleep(0.02)

    def _ask(
        self, connection: HTTPConnection, method: str, path: str, said: object
    ) -> dict[str, object] | None:
        connection.request(method, path, None if said is None else json.dumps(said), self.headers)
        reply = connection.getresponse()
        body = reply.read()
        if reply.status == 200:
            return json.loads(body)  # type: ignore[no-any-return]
        if reply.status != 409:
            self.unexpected.append(body)
        return None


def test_killed_under_load_it_loses_no_answer_and_asks_nothing_twice(hard: World, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    hard.project(folder).close()
    with Server(folder) as server:
        owner = server.client()
        links = [owner.post("/api/people", {"name": f"p{at}"}).json["link"] for at in range(6)]
        sessions = [Client(server.base).enter(link.removeprefix(server.base)) for link in links]
        server.stop()
    acknowledged: list[tuple[int, int, str]] = []
    for _ in range(KILLS):
        with Server(folder) as server:
            people = [Person(server.base, one.cookie, one.csrf, hard.truth) for one in sessions]
            for person in people:
                person.start()
            time.sleep(1.5)
            server.kill()
            for person in people:
                person.join(20)
                acknowledged += person.acknowledged
                assert not person.unexpected, person.unexpected[:1]
    assert len(acknowledged) > 50
    with Ledger.open(folder / "ledger.db", write=False) as ledger:
        ledger.check()
        kept = {(row.seq, row.question, row.label) for row in ledger.rows("votes")}
        items = Counter(row.item for row in ledger.rows("votes"))
        questions = Counter(row.question for row in ledger.rows("votes"))
    assert set(acknowledged) <= kept
    assert max(questions.values()) == 1
    assert max(items.values()) <= 2  # a draw may take over a training answer


def test_a_locked_database_is_said_and_the_answer_may_be_sent_again(hard: World, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    hard.project(folder).close()
    with Server(folder) as server:
        owner = server.client()
        question = owner.get("/api/next").json["questions"][0]["id"]
        said = {"question": question, "answer": "label", "label": "c0"}
        other = sqlite3.connect(folder / "ledger.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        refused = owner.post("/api/answers", said)
        other.execute("ROLLBACK")
        other.close()
        assert refused.error["code"] == "storage" and "locked" in refused.error["what"]
        assert "Nothing of this step was written" in refused.error["what"] and refused.headers["retry-after"]
        assert owner.post("/api/answers", said).status == 200
        code, _ = server.stop()
        assert code == 0
    with Ledger.open(folder / "ledger.db", write=False) as ledger:
        assert ledger.count("votes") == 1


def test_a_full_disk_is_said_and_nothing_is_lost(hard: World, tmp_path: Path) -> None:
    """No file may grow beyond 600 kB, the ledger and its log among them."""
    folder = tmp_path / "p"
    hard.project(folder).close()
    with Server(folder, largest_file=600_000) as server:
        owner = server.client()
        body, acknowledged = owner.get("/api/next").json, 0
        refused = None
        for _ in range(2_000):
            if body["state"] != "ask":
                time.sleep(0.02)
                body = owner.get("/api/next").json
                if "error" in body:
                    refused = body["error"]
                    break
                continue
            question = body["questions"][0]["id"]
            reply = owner.post("/api/answers", {"question": question, "answer": "label", "label": "c0"})
            if reply.status != 200:
                refused = reply.error
                break
            acknowledged, body = acknowledged + 1, reply.json
        assert refused is not None and refused["code"] == "storage", refused
        assert "disk" in refused["what"] and "Nothing of this step was written" in refused["what"]
        server.stop()
    with Ledger.open(folder / "ledger.db", write=False) as ledger:
        ledger.check()
        assert ledger.count("votes") == acknowledged


def test_a_second_server_and_a_newer_ledger_are_refused_in_words(hard: World, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    hard.project(folder).close()

    def refused() -> str:
        command = [sys.executable, "-m", "goldleaf", "serve", "-C", str(folder), "--port", "0"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and "Traceback" not in done.stderr
        return done.stderr

    with Server(folder) as server:
        assert "is writing to" in refused()
        server.stop()
    shutil.copy(folder / "ledger.db", tmp_path / "before.db")
    newer = sqlite3.connect(folder / "ledger.db")
    newer.execute("INSERT INTO goldleaf_schema (version) VALUES (99)")
    newer.commit()
    newer.close()
    said = refused()
    assert "has schema 99" in said and "pip install -U goldleaf" in said
