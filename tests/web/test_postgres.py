"""The page with its ledger in PostgreSQL: people, sessions, answers at the same time, a restart."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from goldleaf.project.base import Project
from tests.helpers import world
from tests.web.server import Client, Server


def answer_some(client: Client, truth: list[str], count: int) -> list[int]:
    """The questions that got an answer."""
    given: list[int] = []
    body = client.get("/api/next").json
    while len(given) < count and body["state"] == "ask":
        question = body["questions"][0]
        said = {"question": question["id"], "answer": "label", "label": truth[question["item"]["position"]]}
        reply = client.post("/api/answers", said)
        assert reply.status == 200, reply.body
        given.append(reply.json["saved"]["question"])
        body = reply.json
    return given


def test_people_answer_into_postgresql(database: str, tmp_path: Path) -> None:
    some = world(200, 2, noise=0.8)
    some.project(tmp_path / "p", ledger=database).close()
    with Server(tmp_path / "p") as server:
        owner = server.client()
        links = [owner.post("/api/people", {"name": name}).json["link"] for name in ("anna", "bob")]
        people = [Client(server.base).enter(_path(link)) for link in links]
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda client: answer_some(client, some.truth, 6), people))
        assert all(found) and not set(found[0]) & set(found[1])
        [newest] = people[0].get("/api/history?limit=1").json["answers"]
        undone = people[0].post("/api/undo", {}).json["undone"]["question"]
        assert undone == newest["question"] == found[0][-1]
        assert server.stop()[0] == 0
    with Server(tmp_path / "p") as server:
        again = Client(server.base, people[1].cookie)
        assert again.get("/api/status").json["me"]["answers"] == len(found[1])
        names = {one["name"]: one["answers"] for one in server.client().get("/api/people").json["people"]}
        assert (names["anna"], names["bob"]) == (len(found[0]) - 1, len(found[1]))
    with Project.open(tmp_path / "p") as project:
        project.ledger.check()
        rows = project.ledger.rows("votes", "question", "source", "answer")
        kept = {(row.question, row.source) for row in rows if row.answer == "label"}
        wanted = {
            (question, f"human:{name}")
            for name, mine in zip(("anna", "bob"), found, strict=True)
            for question in mine
        }
        assert kept == wanted


def _path(link: str) -> str:
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"
