"""Questions and answers over HTTP, to the certificate."""

from __future__ import annotations

import time
import urllib.request
from collections import Counter
from pathlib import Path

from goldleaf.project.base import Project
from goldleaf.votes.patterns import keywords
from tests.helpers import World, world
from tests.web.server import Client, Server


def answer_all(client: Client, truth: list[str], limit: int = 10_000, think: float = 0.0) -> list[int]:
    """Answer until it is done, `think` seconds each; the questions."""
    body, given = client.get("/api/next?ahead=2").json, []
    until = time.monotonic() + 120
    while body["state"] != "done" and len(given) < limit:
        assert time.monotonic() < until
        if body["state"] == "wait":
            time.sleep(0.02)
            body = client.get("/api/next?ahead=2").json
            continue
        question = body["questions"][0]
        time.sleep(think)
        said = {"question": question["id"], "answer": "label", "label": truth[question["item"]["position"]]}
        reply = client.post("/api/answers", {**said, "seconds": 1.5, "ahead": 2})
        assert reply.status == 200, reply.body
        body = reply.json
        given.append(question["id"])
    return given


def test_one_person_labels_to_the_certificate(tmp_path: Path) -> None:
    some = world(300, 2, noise=0.6)
    some.project(tmp_path / "p").close()
    with Server(tmp_path / "p") as server:
        client = server.client()
        given = answer_all(
            client, some.truth, think=0.05
        )  # who is faster than any round gets random questions
        assert len(set(given)) == len(given) < 250
        status = client.get("/api/status").json
        assert status["certified"] and status["end"]["text"].startswith("proved: at most 5 % wrong;")
        assert status["me"]["answers"] == len(given) and status["forecast"]["seconds_per_answer"] == 1.5
        assert client.get("/api/progress").json["curve"][-1]["bound"] == status["bound"]
        assert client.post("/api/certify").json["certificate"]["certified"]
        assert "sandbox" in client.get("/report").headers["content-security-policy"]
        code, said = server.stop()
        assert code == 0, said
    with Project.open(tmp_path / "p") as project:
        assert project.verify().certified
        kept = Counter(row.question for row in project.ledger.rows("votes", "question"))
        assert all(kept.pop(question) == 1 for question in given)
        # an answer given while the last round ran settles the audit's question about the same item
        record = project.loop.record
        assert all(len(record.about(record.asked[question].position)) > 1 for question in kept)


def test_a_question_tells_nothing_of_its_purpose_and_its_answer_does(owner: Client) -> None:
    question = owner.get("/api/next").json["questions"][0]
    assert set(question) == {"id", "item", "kind", "suggestion", "opinions", "answer", "lease"}
    assert question["kind"] == "question" and question["suggestion"] is None
    saved = owner.post("/api/answers", {"question": question["id"], "answer": "label", "label": "c0"}).json[
        "saved"
    ]
    assert saved["purpose"] == "training" and saved["reason"]


def test_sent_twice_counts_once(owner: Client) -> None:
    question = owner.get("/api/next").json["questions"][0]["id"]
    said = {"question": question, "answer": "label", "label": "c0"}
    assert owner.post("/api/answers", said).json["saved"] == owner.post("/api/answers", said).json["saved"]


def test_refusals_have_one_shape_and_say_what_to_do(owner: Client) -> None:
    question = owner.get("/api/next").json["questions"][0]["id"]
    for body, code in (
        ({"question": question, "answer": "label", "label": "nonsense"}, "bad_request"),
        ({"question": question, "answer": "label"}, "bad_request"),
        ({"question": question, "answer": "skip", "label": "c0"}, "bad_request"),
        ({"question": 10**9, "answer": "skip"}, "conflict"),
        ({"question": -1, "answer": "skip"}, "bad_request"),
        ({"question": question, "answer": "skip", "more": 1}, "bad_request"),
    ):
        reply = owner.post("/api/answers", body)
        assert reply.error["code"] == code and reply.error["status"] == reply.status, reply.body
        assert set(reply.error) == {"status", "code", "what", "do"}
    assert owner.get("/api/nothing").error["code"] == "not_found"
    assert owner.send("PATCH", "/api/status").error["status"] == 405


def test_undo_release_and_history(owner: Client) -> None:
    question = owner.get("/api/next").json["questions"][0]
    owner.post("/api/answers", {"question": question["id"], "answer": "cant_tell"})
    assert owner.get("/api/history?limit=1").json["answers"][0]["answer"] == "cant_tell"
    for _ in range(2):
        undone = owner.post("/api/undo", {"question": question["id"]}).json
        assert undone["undone"] == {"question": question["id"]}
        assert undone["questions"][0]["answer"] == {"answer": "cant_tell", "label": None}
    assert owner.post("/api/release", {"questions": [question["id"]]}).json == {"released": 1}


def test_events_bring_the_status_of_each_change(owner: Client) -> None:
    request = urllib.request.Request(
        owner.base + "/api/events", headers={"Cookie": f"goldleaf_session={owner.cookie}"}
    )
    with urllib.request.urlopen(request, timeout=10) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.readline() == b"retry: 2000\n" and stream.readline() == b"event: status\n"
        first = stream.readline()
        question = owner.get("/api/next").json["questions"][0]["id"]
        owner.post("/api/answers", {"question": question, "answer": "label", "label": "c1"})
        lines = [stream.readline() for _ in range(4)]
        assert any(line.startswith(b"data: {") and line != first for line in lines)


def test_items_are_found_filtered_flagged_and_corrected(owner: Client, served_world: World) -> None:
    while not owner.get("/api/items").json["ready"]:
        time.sleep(0.05)
    table = owner.get("/api/items?limit=3&offset=2").json
    assert table["total"] == 400 and [one["position"] for one in table["items"]] == [2, 3, 4]
    found = owner.get("/api/items?search=TEXT%20123").json
    assert [one["excerpt"] for one in found["items"]] == ["text 123"]
    assert owner.post("/api/notes", {"position": 7, "kind": "flag"}).status == 200
    assert owner.post("/api/notes", {"position": 7, "kind": "comment", "text": "odd <b>"}).status == 200
    [flagged] = owner.get("/api/items?flagged=1").json["items"]
    assert flagged["position"] == 7 and flagged["comments"] == 1
    done = owner.post("/api/correct", {"position": 7, "answer": "label", "label": "c1"}).json
    assert done["story"]["label"] == "c1" and done["saved"]["item"] == 7
    assert owner.post("/api/correct", {"position": 7, "answer": "label", "label": "c0"}).status == 200
    said = [one["label"] for one in owner.get("/api/items/7").json["story"] if one["kind"] == "answer"]
    assert said == ["c1", "c0"]
    labels = {one["label"] for one in owner.get("/api/items?label=c0&by=human").json["items"]}
    assert labels == {"c0"}
    assert owner.get("/api/items/7/text?field=text").json == {"text": "text 7", "offset": 0, "total": 6}
    for path in ("/api/items/400", "/api/items/7/image", "/api/items/7/text?field=nope", "/items/400"):
        assert owner.get(path).status == 404, path
    assert owner.get("/api/items/..%2f..%2fledger.db/image").status in (404, 422)


def test_the_map_is_drawn(owner: Client) -> None:
    while not (drawn := owner.get("/api/map").json)["ready"]:
        time.sleep(0.05)
    assert drawn["points"] == 400 == len(drawn["x"]) == len(drawn["label"])
    assert max(map(abs, drawn["x"] + drawn["y"])) <= 1


def frozen(some: World, folder: Path, method: str = "auto") -> Project:
    """A project whose audit has begun."""
    some.project(folder).close()
    settings = folder / "goldleaf.toml"
    settings.write_text(settings.read_text().replace('method = "auto"', f'method = "{method}"'))
    project = Project.open(folder)
    while project.loop.frozen is None:
        project.label(some.person, source="human:before", limit=10)
    assert not project.loop.finished
    return project


def test_a_review_of_what_an_audit_asked_shows_no_suggestion(tmp_path: Path) -> None:
    some = world(600, 2, noise=0.6)
    frozen(some, tmp_path / "p", method="gro.v1").close()  # which has one question open at a time
    with (tmp_path / "p" / "goldleaf.toml").open("a") as settings:
        settings.write("\n[people]\noverlap = 1.0\nsuggest = true\n")
    with Server(tmp_path / "p") as server:
        owner = server.client()
        roles = {"anna": "annotator", "carl": "reviewer"}
        made = [owner.post("/api/people", {"name": name, "role": role}).json for name, role in roles.items()]
        anna, carl = (Client(server.base).enter(one["link"].removeprefix(server.base)) for one in made)
        first = owner.get("/api/next").json["questions"][0]
        told = owner.post("/api/answers", {"question": first["id"], "answer": "label", "label": "c0"}).json
        assert told["saved"]["purpose"] in ("audit", "census")
        second = anna.get("/api/next").json["questions"][0]
        assert second["item"]["position"] == first["item"]["position"]
        anna.post("/api/answers", {"question": second["id"], "answer": "label", "label": "c1"})
        [review] = carl.get("/api/next").json["questions"]
        assert review["kind"] == "review" and review["id"] == first["id"]
        assert review["suggestion"] is None


def test_while_an_audit_runs_nobody_sees_what_the_machine_thinks(tmp_path: Path) -> None:
    some = world(600, 2, noise=0.6)
    with frozen(some, tmp_path / "p") as project:
        project.vote([keywords("c0", ["text"])])
        machine = {int(at) for at in project.loop.frozen.positions} - set(project.loop.record.labeled())
    hidden = min(machine)
    with Server(tmp_path / "p") as server:
        client = server.client()
        assert client.get("/api/status").json["stage"] == "audit"
        table = client.get("/api/items?by=machine&limit=200").json["items"]
        assert table and all(one["label"] is None and one["probability"] is None for one in table)
        assert client.get("/api/items?label=c0&by=machine").json["total"] == 0
        found = client.get("/api/items?label=c0&limit=200").json["items"]
        assert found and {one["by"] for one in found} == {"human"}
        for asked in ("min=0.9", "max=0.2", "sort=probability"):
            assert client.get(f"/api/items?{asked}").status == 403, asked
        one = client.get(f"/api/items/{hidden}").json
        assert one["label"] is None and one["probability"] is None
        assert not {"question", "prediction", "vote"} & {part["kind"] for part in one["story"]}
        while not (drawn := client.get("/api/map").json)["ready"]:
            time.sleep(0.05)
        place = dict(zip(drawn["position"], drawn["label"], strict=True))
        assert hidden in place and all(place[at] == -1 for at in machine & place.keys())


def test_the_story_of_an_item_tells_what_each_source_votes_on_it(tmp_path: Path) -> None:
    some = world(400, 2, noise=0.8)
    with some.project(tmp_path / "p") as project:
        project.vote([keywords("c1", ["7"], name="seven"), keywords("c0", ["8"], name="eight")])
    with Server(tmp_path / "p") as server:
        client = server.client()

        def votes(position: int) -> list[tuple[str, str]]:
            told = client.get(f"/api/items/{position}").json["story"]
            return [(one["who"], one["label"]) for one in told if one["kind"] == "vote"]

        assert votes(7) == [("seven", "c1")] and votes(8) == [("eight", "c0")] and votes(9) == []
