"""A project's votes in its rounds: fewer answers, a certificate that verifies, and who took part on record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import goldleaf as gl
from goldleaf.project import sayings
from goldleaf.project.base import Project
from goldleaf.project.model import NAME, WITH_VOTES
from goldleaf.schema import Item
from tests.helpers import World, world

ITEMS = 600


@pytest.fixture
def items() -> World:
    return world(ITEMS, 3, noise=1.1, seed=4)


def rules(items: World, *, right: float = 0.93, coverage: float = 0.7, count: int = 4) -> list[Any]:
    """Labeling functions as people write them: each votes on some items, and is mostly right."""

    def rule(number: int) -> Any:
        rng = np.random.default_rng(number)
        speaks, knows = rng.random(ITEMS) < coverage, rng.random(ITEMS) < right
        other = rng.integers(len(items.labels), size=ITEMS)

        def said(item: Item) -> str | None:
            at = item.position
            if not speaks[at]:
                return None
            return items.truth[at] if knows[at] else items.labels[other[at]]

        return gl.labeling_function(name=f"rule{number}", version="1")(said)

    return [rule(number) for number in range(count)]


def posteriors(project: Project) -> list[Any]:
    return project.ledger.rows("posteriors", "attempt", "model", "facts")


def test_votes_save_answers_and_the_certificate_verifies(items: World, tmp_path: Path) -> None:
    with items.project(tmp_path / "without") as without:
        answers = without.label(items.person).status().human_answers
    with items.project(tmp_path / "with") as project:
        project.vote(rules(items), workers=1)
        status = project.label(items.person).status()
        assert status.human_answers < 0.8 * answers
        assert status.certified
        assert status.sources == ("rule0", "rule1", "rule2", "rule3")
        certificate = project.certify()
        assert certificate.human_answers == status.human_answers
        assert project.verify().certified
        table = project.export()
    human = np.array(table["human"].to_pylist())
    source, probability = np.array(table["source"].to_pylist()), np.array(table["probability"].to_pylist())
    assert set(source[~human]) == {"kernel.v1+weighing.v1"}
    assert not any(one.startswith("rule") for one in source)
    assert human.sum() == status.human_answers
    assert (probability[human] == 1).all()
    assert (probability[~human] < 1).all()
    wrong = np.array(table["label"].to_pylist()) != np.array(items.truth)
    assert wrong.mean() <= certificate.bound


def test_who_took_part_is_on_record(items: World, tmp_path: Path) -> None:
    with items.project(tmp_path / "p") as project:
        project.label(items.person, limit=40)
        project.vote(rules(items, count=2), workers=1)
        project.label(items.person)
        standing = project.record_of_votes.standing()
        rows = posteriors(project)
        frozen = [json.loads(row.facts) for row in rows if row.attempt == 1]
        assert frozen[0]["sources"] == {name: one.version for name, one in standing.items()}
        assert rows[0].model == NAME
        assert "sources" not in json.loads(rows[0].facts)
        assert rows[-1].model == WITH_VOTES
        assert "rule0" in project.export_to(tmp_path / "out")[0].parent.joinpath("README.md").read_text()


def test_votes_during_an_audit_change_nothing(items: World, tmp_path: Path) -> None:
    with items.project(tmp_path / "p") as project:
        while project.status().stage == "training":
            project.label(items.person, limit=20)
        before = project.loop.frozen
        project.vote(rules(items, right=0.0, coverage=1.0, count=1), workers=1)
        project.label(items.person)
        assert project.loop.frozen is before
        assert project.status().sources == ()
        project.certify()
        project.verify()
    with Project.open(tmp_path / "p") as project:
        assert project.loop.attempt == 1
        assert project.verify().certified


def test_the_same_votes_and_answers_ask_the_same_questions(items: World, tmp_path: Path) -> None:
    asked = []
    for name in ("one", "two"):
        with items.project(tmp_path / name) as project:
            project.vote(rules(items), workers=1)
            while project.status().stage == "training":
                project.label(items.person, limit=17)
                if name == "two":  # a fresh process knows no more than the ledger
                    project.close()
                    project = Project.open(tmp_path / name)
            project.label(items.person)
            asked.append([(row.item, row.purpose) for row in project.ledger.rows("questions")])
            project.close()
    assert asked[0] == asked[1]


def test_votes_are_weighed_once_until_somebody_says_something_new(
    items: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    class Counted(sayings.Opinions):
        def fit(self, *args: Any) -> Counted:
            made.append(1)
            return super().fit(*args)

    monkeypatch.setattr(sayings, "Opinions", Counted)
    with items.project(tmp_path / "p") as project:
        project.vote(rules(items, count=2), workers=1)
        project.status()
        assert not made
        project.label(items.person, limit=22)
        assert len(made) == 1
        project.vote(rules(items, count=3), workers=1)
        project.label(items.person, limit=8)
        assert len(made) == 2
        for name in ("rule0", "rule1", "rule2"):
            project.drop(name)
        project.label(items.person, limit=8)
        assert len(made) == 2


def test_a_round_reads_no_ledger(items: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with items.project(tmp_path / "p") as project:
        project.vote(rules(items), workers=1)
        project.label(items.person, limit=40)
        project.vote(rules(items, count=5), workers=1)
        compute, known = project.loop.round(), project.loop.known()
        with monkeypatch.context() as patched:
            patched.setattr(type(project.ledger), "rows", None)
            patched.setattr(type(project.ledger), "last", None)
            turn = compute()
            guess = project.loop.guess(known)
        assert "rule4" in turn.sources
        assert guess.sources == turn.sources


def test_people_of_a_crowd_weigh_by_how_often_they_are_right(items: World, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = []
    for at, text in enumerate(items.texts):
        for who, right in (("ann", 0.95), ("ben", 0.8), ("cat", 0.34)):
            told = items.truth[at] if rng.random() < right else items.labels[rng.integers(3)]
            rows.append({"text": text, "annotator": who, "label": told})
    with items.project(tmp_path / "without") as without:
        answers = without.label(items.person).status().human_answers
    with items.project(tmp_path / "p") as project:
        project.vote([gl.Crowd(pa.Table.from_pylist(rows), name="crowd")])
        one = project.sources().diagnosis
        assert one.names == ("crowd:ann", "crowd:ben", "crowd:cat")
        assert one.estimated[0] > one.estimated[1] > one.estimated[2]
        assert project.label(items.person).status().human_answers < answers
        assert project.certificate.certified
