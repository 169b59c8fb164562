"""Giving up an audit: the next attempt trains on its answers and spends less alpha."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import goldleaf as gl
from goldleaf.errors import ConfigError, VotesError
from tests.helpers import world


def test_an_abandoned_attempt_stays_abandoned_and_its_alpha_is_spent(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400)
    vectors = rng.normal(size=(400, 3)).astype(np.float32)
    vectors[:, 0] += 4 * truth - 2
    task = gl.Classify(["no", "yes"], text="text")

    def answer(item: gl.Item) -> str:
        return ("no", "yes")[truth[item.position]]

    folder = tmp_path / "project"
    with gl.Project.create(
        folder, items=[f"item {n}" for n in range(400)], task=task, vectors=vectors, seed=1
    ) as project:
        while project.status().stage == "training":
            project.label(answer, limit=20)
        project.label(answer, limit=5)
        project.retrain()
        assert project.status().stage == "training"
    with gl.Project.open(folder) as project:
        assert project.status().stage == "training"
        project.label(answer)
        certificate = project.certify()
        assert certificate.certified
        assert certificate.body["audit"]["attempt"] == 2
        assert certificate.body["audit"]["alpha"] == pytest.approx(0.005)
        project.verify()


def test_vectors_may_come_one_a_row_or_one_an_item(tmp_path: Path) -> None:
    texts = ["a", "b", "a", "c", "b"]
    vectors = np.arange(10, dtype=np.float32).reshape(5, 2)
    task = gl.Classify(["no", "yes"], text="text")
    with gl.Project.create(tmp_path / "rows", items=texts, task=task, vectors=vectors) as project:
        by_row = np.asarray(project._vectors)
    with gl.Project.create(tmp_path / "items", items=texts, task=task, vectors=vectors[[0, 1, 3]]) as project:
        np.testing.assert_array_equal(by_row, np.asarray(project._vectors))
    with pytest.raises(ConfigError, match="`vectors` has 4 rows; the data has 5 rows and 3 distinct items"):
        gl.Project.create(tmp_path / "wrong", items=texts, task=task, vectors=vectors[:4])


def test_answers_to_a_part_of_the_items_are_asked_for_that_part_only(tmp_path: Path) -> None:
    truth = np.arange(300) % 2
    vectors = np.column_stack([truth * 2.0 - 1, np.linspace(0, 1, 300)]).astype(np.float32)
    texts = [f"item {n}" for n in range(300)]
    some = [{"text": texts[n], "label": ("no", "yes")[truth[n]]} for n in range(0, 300, 3)]
    task = gl.Classify(["no", "yes"], text="text")
    with gl.Project.create(tmp_path / "p", items=texts, task=task, vectors=vectors, seed=0) as project:
        known = project.match(gl.Replay([*some, {"text": "of another project", "label": "no"}]))
        assert (len(known.labels), known.unmatched) == (100, 1)
        with pytest.raises(VotesError, match="was drawn for the audit and has no answer"):
            project.label(known)
        status = project.status()
        assert status.stage == "audit"
        record = (
            project.loop.record
        )  # the file could not answer the audit's questions, and was asked no others
        skipped = [asked for asked, given in record.counted() if given.answer == "skip"]
        assert len(skipped) == status.skipped and {asked.attempt for asked in skipped} <= {1}
        assert {asked.position % 3 for asked, given in project.loop.record.effective() if given.label} == {0}


def test_answers_of_a_callable_are_not_called_human(tmp_path: Path) -> None:
    task = gl.Classify(["no", "yes"], text="text")
    vectors = np.eye(30, dtype=np.float32)
    with gl.Project.create(
        tmp_path / "p", items=[f"item {n}" for n in range(30)], task=task, vectors=vectors
    ) as project:
        project.label(lambda item: "yes")
        assert "human" not in str(project.certificate)
        assert " answers for 30 items" in str(project.certificate)


def project_of(tmp_path: Path, n: int = 60) -> gl.Project:
    truth = np.arange(n) % 2
    vectors = np.column_stack([truth * 2.0 - 1, np.linspace(0, 1, n)]).astype(np.float32)
    task = gl.Classify(["no", "yes"], text="text")
    return gl.Project.create(
        tmp_path / "p", items=[f"item {at}" for at in range(n)], task=task, vectors=vectors, seed=0
    )


def test_nothing_but_skips_is_refused_in_words(tmp_path: Path) -> None:
    with project_of(tmp_path) as project, pytest.raises(VotesError, match="No item has a label yet"):
        project.label(lambda item: gl.Reply.SKIP)


def test_a_question_of_a_given_up_audit_takes_no_answer(tmp_path: Path) -> None:
    with project_of(tmp_path) as project:
        while project.status().stage == "training":
            project.label(lambda item: ("no", "yes")[item.position % 2], limit=5)
        question = project.ask()[0]
        project.retrain()
        with pytest.raises(VotesError, match=r"belongs to audit 1, which is over"):
            project.answer(question, "yes")


def test_an_item_labeled_after_the_freeze_is_not_asked_again(tmp_path: Path) -> None:
    skipped: list[int] = []

    def hesitant(item: gl.Item) -> str | gl.Reply:
        if len(skipped) < 8:
            skipped.append(item.position)
            return gl.Reply.SKIP
        return ("no", "yes")[item.position % 2]

    with project_of(tmp_path) as project:
        while project.status().stage == "training":
            project.label(hesitant, limit=4)
        for asked in list(project.loop.record.asked.values()):
            if asked.position in skipped and asked.purpose == "training":
                project.answer(asked.seq, ("no", "yes")[asked.position % 2], source="human:late")
        again: list[int] = []

        def watched(item: gl.Item) -> str:
            again.append(item.position)
            return ("no", "yes")[item.position % 2]

        project.label(watched)
        assert not set(again) & set(skipped)
        project.certify()
        project.verify()


def test_a_draw_is_made_of_what_is_known_when_it_is_written(tmp_path: Path) -> None:
    """A look at the status draws nothing, so a correction after it changes the next draw as `verify` expects."""
    some = world(400, 3, noise=0.8)
    with some.project(tmp_path / "p") as project:
        drawn: list[gl.Question] = []
        while len(drawn) < 25:
            question = project.ask()[0]
            project.answer(question, some.person(question.item))
            drawn += [question] if question.purpose == "audit" else []
        project.status()
        for question in drawn[:12]:
            project.answer(
                question, next(label for label in some.labels if label != some.person(question.item))
            )
        project.ask()
        project.certify()
        project.verify()
