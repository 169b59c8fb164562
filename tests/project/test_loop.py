"""The whole way through Python: create, label, certify, verify, export; and every turn on it."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

from goldleaf.certificates.base import METHODS
from goldleaf.errors import CertificateError, ConfigError, ExportError, VotesError
from goldleaf.posteriors.kernel import KernelProbe
from goldleaf.project.base import Project
from goldleaf.schema import Item, Reply
from goldleaf.task import Classify, Target
from goldleaf.votes.replay import Replay
from tests.helpers import World, answers_of, counting, world


def finish(project: Project, some: World) -> list[int]:
    person, asked = counting(some.person)
    project.label(person)
    assert len(asked) == len(set(asked))
    assert project.status().stage == "certified"
    return asked


@pytest.mark.parametrize("method", ["auto", "threshold.v1", "gro.v1", "uniform.v1"])
def test_two_classes_end_to_end(tmp_path: Path, method: str) -> None:
    some = world(200)
    with some.project(tmp_path / "p"):
        pass
    toml = tmp_path / "p" / "goldleaf.toml"
    toml.write_text(toml.read_text().replace('method = "auto"', f'method = "{method}"'))
    with Project.open(tmp_path / "p") as project:
        asked = finish(project, some)
        assert len(asked) < 200
        certificate = project.certify()
        assert certificate.certified and certificate.bound <= 0.05
        assert certificate.human_answers == len(asked) == sum(certificate.body["answers"].values())
        assert not certificate.replayed and certificate.body["audit"]["method"] in (
            METHODS if method == "auto" else (method,)
        )
        assert project.verify().statement == certificate.body["statement"]
        table = project.export()
        human = np.flatnonzero(table["human"].to_numpy())
        assert sorted(asked) == human.tolist()
        labels = table["label"].to_pylist()
        assert [labels[at] for at in human] == [some.truth[at] for at in human]
        assert sum(a != b for a, b in zip(labels, some.truth, strict=True)) <= 10
        assert set(table["source"].to_pylist()) == {"function:answer", KernelProbe.name}
        assert table["text"].to_pylist() == some.texts


@pytest.mark.parametrize("to", ["parquet", "csv", "jsonl", "hf"])
def test_every_format_has_every_row_and_the_certificate(tmp_path: Path, to: str) -> None:
    some = world(20)
    with some.project(tmp_path / "p") as project:
        finish(project, some)
        project.certify()
        written = project.export_to(tmp_path / "out", to=to)
        names = {path.name for path in written}
        assert {"README.md", "certificate.json"} <= names and all(path.is_file() for path in written)
        data = next(path for path in written if path.suffix in (".parquet", ".csv", ".jsonl"))
        if data.suffix == ".jsonl":
            labels = [json.loads(line)["label"] for line in data.read_text().splitlines()]
        elif data.suffix == ".csv":
            labels = pyarrow.csv.read_csv(data)["label"].to_pylist()
        else:
            labels = pyarrow.parquet.read_table(data)["label"].to_pylist()
        if isinstance(labels[0], int):
            labels = [some.labels[number] for number in labels]
        assert labels == some.truth
        assert project.verify(tmp_path / "out" / "certificate.json").certified
        assert "20" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize("items", [1, 3, 10, 50])
def test_tiny_pools_are_answered_and_proven(tmp_path: Path, items: int) -> None:
    some = world(items)
    with some.project(tmp_path / "p") as project:
        asked = finish(project, some)
        assert project.certify().certified
        project.verify()
        labels = project.export()["label"].to_pylist()
        assert labels == some.truth or len(asked) < items


def test_thirty_classes(tmp_path: Path) -> None:
    some = world(240, 30, noise=0.2)
    with some.project(tmp_path / "p") as project:
        asked = finish(project, some)
        assert len(asked) < 240
        labels = project.export()["label"].to_pylist()
        assert sum(a != b for a, b in zip(labels, some.truth, strict=True)) <= 12


def test_all_of_one_class(tmp_path: Path) -> None:
    some = world(100, 2, truth=np.ones(100, int))
    with some.project(tmp_path / "p") as project:
        asked = finish(project, some)
        assert len(asked) < 100
        assert set(project.export()["label"].to_pylist()) == {"c1"}


def test_a_rare_class_unseen_at_first_is_not_predicted_until_it_is(tmp_path: Path) -> None:
    truth = np.zeros(120, int)
    truth[-2:] = 2
    some = world(120, 3, truth=truth)
    seen: set[str] = set()

    def person(item: Item) -> str:
        seen.add(some.person(item))
        return some.person(item)

    with some.project(tmp_path / "p") as project:
        for _ in range(30):
            project.label(person, limit=5)
            assert set(project.export()["label"].to_pylist()) <= seen
            if project.status().stage == "certified":
                break
        labels = project.export()["label"].to_pylist()
        assert sum(a != b for a, b in zip(labels, some.truth, strict=True)) <= 6


def test_exact_duplicates_are_asked_once_and_counted_in_rows(tmp_path: Path) -> None:
    some = world(30)
    rows = [text for number, text in enumerate(some.texts) for _ in range(1 + number % 3)]
    with some.project(tmp_path / "p", items=rows) as project:
        asked = finish(project, some)
        assert max(asked) < 30
        certificate = project.certify()
        assert (certificate.rows, certificate.items) == (60, 30)
        table = project.export()
        assert table["text"].to_pylist() == rows
        assert table["label"].to_pylist() == [
            label for number, label in enumerate(some.truth) for _ in range(1 + number % 3)
        ]


def test_a_replay_is_called_a_replay_everywhere(tmp_path: Path) -> None:
    some = world(30)
    gold = tmp_path / "gold.csv"
    gold.write_text(
        "text,label\n" + "".join(f"{a},{b}\n" for a, b in zip(some.texts, some.truth, strict=True))
    )
    with some.project(tmp_path / "p") as project:
        with pytest.raises(
            VotesError, match=r"called 'replay:gold\.csv' in the ledger, got source='human:anna'"
        ):
            project.label(Replay(gold), source="human:anna")
        project.label(Replay(gold))
        certificate = project.certify()
        assert certificate.replayed and "replayed answers" in str(certificate)
        assert "replayed from a file" in certificate.body["statement"]
        assert "replayed" in (tmp_path / "p" / "report.html").read_text()
        project.export_to(tmp_path / "out")
        assert "replayed" in (tmp_path / "out" / "README.md").read_text()
        assert set(project.export()["source"].to_pylist()) == {"replay:gold.csv"}


# -- answers that are no labels


@pytest.mark.parametrize("rule", ["error", "exclude"])
def test_cant_tell_is_asked_once_and_kept_or_left_out(tmp_path: Path, rule: str) -> None:
    some = world(100)
    person, asked = counting(lambda item: Reply.CANT_TELL if item.position % 12 == 0 else some.person(item))
    with some.project(tmp_path / "p", target=Target(error=0.2, cant_tell=rule)) as project:
        project.label(person)
        assert len(asked) == len(set(asked))
        by_purpose = Counter(q.purpose for q in project.loop.record.asked.values())
        assert by_purpose["audit"] + by_purpose["census"] > 0
        told = {position for position in asked if position % 12 == 0}
        certificate = project.certify()
        assert certificate.certified and certificate.body["cant_tell"] == {"rule": rule, "items": len(told)}
        project.verify()
        table = project.export()
        gone = told if rule == "exclude" else set()
        assert table["text"].to_pylist() == [text for at, text in enumerate(some.texts) if at not in gone]
        assert certificate.rows == table.num_rows
        kept = dict(zip(table["text"].to_pylist(), table["human"].to_pylist(), strict=True))
        assert not any(kept.get(some.texts[at]) for at in told)


def test_rows_that_leave_during_the_audit_are_not_claimed(tmp_path: Path) -> None:
    some, project = audited(tmp_path, target=Target(cant_tell="exclude"))
    with project:
        assert project.certificate.rows == 200
        while (question := project.ask()[0]).purpose != "audit":
            project.answer(question, some.person(question.item))
        project.answer(question, Reply.CANT_TELL)
        assert project.certificate.rows == project.export().num_rows == 199
        finish(project, some)
        assert project.certify().rows == 199
        project.verify()


def test_a_skip_in_training_is_no_answer(tmp_path: Path) -> None:
    some = world(60)
    with some.project(tmp_path / "p") as project:
        first = project.ask()[0]
        project.answer(first, Reply.SKIP)
        assert (project.status().human_answers, project.status().skipped) == (0, 1)
        assert first.seq not in {question.seq for question in project.ask()}


def test_an_audit_question_cannot_be_skipped_for_good(tmp_path: Path) -> None:
    some = world(200)
    with some.project(tmp_path / "p") as project:
        while project.ask()[0].purpose == "training":
            project.label(some.person, limit=len(project.ask()))
        waiting = project.ask()[0]
        with pytest.raises(VotesError, match=r"was drawn for the audit and has no answer"):
            project.label(lambda item: Reply.SKIP)
        assert project.ask()[0].seq == waiting.seq
        finish(project, some)
        project.certify()
        assert project.verify().certified


@pytest.mark.parametrize("reply", [None, 1, ["c0"]])
def test_an_answer_that_is_no_text_is_refused(tmp_path: Path, reply: object) -> None:
    some = world(20)
    with some.project(tmp_path / "p") as project:
        with pytest.raises(VotesError, match=f"is {re.escape(repr(reply))}; allowed: a label as text"):
            project.label(lambda item: reply)  # type: ignore[arg-type, return-value]
        assert answers_of(project) == []


def test_an_unknown_label_is_refused_with_a_close_name(tmp_path: Path) -> None:
    with world(20).project(tmp_path / "p") as project:
        with pytest.raises(VotesError, match=r"Unknown label 'C1' in the answer of .* Did you mean `c1`\?"):
            project.answer(project.ask()[0], "C1")
        with pytest.raises(VotesError, match=r"There is no question 999"):
            project.answer(999, "c1")
        assert answers_of(project) == []


def test_what_a_callable_said_before_it_failed_is_kept(tmp_path: Path) -> None:
    some = world(40)
    with some.project(tmp_path / "p") as project:
        calls = iter(range(3))

        def fails(item: Item) -> str:
            if next(calls, None) is None:
                raise TimeoutError("the model is away")
            return some.person(item)

        with pytest.raises(TimeoutError):
            project.label(fails)
        assert len(answers_of(project)) == 3
        done = {item for item, _, _ in answers_of(project)}
        person, asked = counting(some.person)
        project.label(person)
        assert not done & {str(project.store.ids()[at]) for at in asked}


# -- taking back and correcting


def test_undo_opens_the_question_again(tmp_path: Path) -> None:
    some = world(40)
    with some.project(tmp_path / "p") as project:
        assert project.undo() is None
        first, second, *_ = project.ask()
        project.answer(first, "c0")
        project.answer(second, "c1")
        assert [project.undo().seq, project.undo().seq] == [second.seq, first.seq]  # type: ignore[union-attr]
        assert project.undo() is None
        assert project.status().human_answers == 0
        assert [answer for _, answer, _ in answers_of(project)] == [
            "label",
            "label",
            "retracted",
            "retracted",
        ]
        finish(project, some)
        project.certify()
        project.verify()


def audited(tmp_path: Path, **settings: object) -> tuple[World, Project]:
    """A project in its audit, with at least one audit answer."""
    some = world(200)
    project = some.project(tmp_path / "p", **settings)
    while project.status().answers["audit"] < 3:
        project.label(some.person, limit=1)
    return some, project


def test_nothing_is_certified_while_an_audit_answer_is_taken_back(tmp_path: Path) -> None:
    some, project = audited(tmp_path)
    with project:
        undone = project.undo()
        assert undone is not None and undone.purpose == "audit"
        with pytest.raises(CertificateError, match=r"1 items have lost the answer"):
            project.certify()
        assert undone.seq in {question.seq for question in project.ask()}
        finish(project, some)
        assert project.certify().certified
        project.verify()
        last = project.undo()
        assert last is not None
        with pytest.raises(CertificateError, match=r"have lost the answer"):
            project.export_to(tmp_path / "out")
        project.answer(last, some.person(last.item))
        project.certify()
        project.verify()


def test_a_skip_over_an_audit_answer_counts_as_taking_it_back(tmp_path: Path) -> None:
    _, project = audited(tmp_path)
    with project:
        question = next(q for q in project.loop.record.asked.values() if q.purpose == "audit")
        project.answer(question.seq, Reply.SKIP)
        with pytest.raises(CertificateError, match=r"1 items have lost the answer"):
            _ = project.certificate


def test_an_answer_that_trained_the_frozen_labels_stays_a_label(tmp_path: Path) -> None:
    some, project = audited(tmp_path)
    with project:
        trained = next(iter(project.loop.record.asked.values()))
        for reply in (Reply.CANT_TELL, Reply.SKIP):
            with pytest.raises(VotesError, match=r"allowed now: a label"):
                project.answer(trained.seq, reply)
        project.answer(trained.seq, "c0")
        project.answer(trained.seq, "c1")
        finish(project, some)
        project.certify()
        project.verify()
        assert project.export()["label"].to_pylist()[trained.position] == "c1"


def test_a_corrected_audit_answer_counts_as_corrected(tmp_path: Path) -> None:
    some, project = audited(tmp_path)
    with project:
        question = next(q for q in project.loop.record.asked.values() if q.purpose == "audit")
        right = some.truth[question.position]
        wrong = "c0" if right == "c1" else "c1"
        before = project.certificate.bound
        project.answer(question.seq, wrong)
        assert project.export()["label"].to_pylist()[question.position] == wrong
        changed = project.certificate
        project.answer(question.seq, right)
        assert project.certificate.bound == before
        assert changed.human_answers == project.certificate.human_answers
        finish(project, some)
        project.certify()
        project.verify()


# -- stopping and going on


def test_a_limit_is_kept_to_the_answer(tmp_path: Path) -> None:
    some = world(60)
    with some.project(tmp_path / "p") as project:
        for limit in (1, 7, 0, 30):
            before = len(answers_of(project))
            project.label(some.person, limit=limit)
            assert len(answers_of(project)) - before == limit


@pytest.mark.parametrize("every", [7, 23])
def test_closing_and_reopening_asks_the_same_questions(tmp_path: Path, every: int) -> None:
    some = world(120, noise=0.9)
    with some.project(tmp_path / "whole") as project:
        person, straight = counting(some.person)
        project.label(person)
        whole = project.certify()
    some.project(tmp_path / "parts").close()
    person, pieces = counting(some.person)
    for _ in range(120 // every + 2):
        with Project.open(tmp_path / "parts") as project:
            project.label(person, limit=every)
    assert pieces == straight
    with Project.open(tmp_path / "parts") as project:
        assert project.certify().bound == whole.bound


def test_status_trains_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, project = audited(tmp_path)
    project.close()

    def forbidden(*_: object) -> None:
        raise AssertionError("trained")

    monkeypatch.setattr("goldleaf.posteriors.kernel.KernelProbe.fit", forbidden)
    monkeypatch.setattr("goldleaf.project.base.pool_features", forbidden)
    before = (tmp_path / "p" / "ledger.db").stat().st_size
    with Project.open(tmp_path / "p", write=False) as reader:
        status = reader.status()
        assert status.stage == "audit" and status.answers["audit"] == 3 and status.forecast is not None
    assert (tmp_path / "p" / "ledger.db").stat().st_size == before


def test_nothing_answered_is_nothing_to_certify_or_export(tmp_path: Path) -> None:
    with world(20).project(tmp_path / "p") as project:
        assert project.status().stage == "training"
        with pytest.raises(CertificateError, match=r"no audit has started"):
            project.certify()
        with pytest.raises(ExportError, match=r"There is no answer yet"):
            project.export()


# -- changing the task and the items on the way


def change_labels(folder: Path, labels: list[str]) -> None:
    toml = folder / "goldleaf.toml"
    lines = toml.read_text().splitlines()
    toml.write_text(
        "\n".join(f"labels = {json.dumps(labels)}" if x.startswith("labels") else x for x in lines)
    )


def test_a_class_added_on_the_way_starts_another_attempt(tmp_path: Path) -> None:
    some, project = audited(tmp_path)
    project.close()
    change_labels(tmp_path / "p", ["c0", "c1", "new"])
    with Project.open(tmp_path / "p") as project:
        assert project.status().stage == "training"
        with pytest.raises(ConfigError, match=r"changed since the last audit"):
            project.certify()
        done = {item for item, _, _ in answers_of(project)}
        person, asked = counting(lambda item: "new" if item.position % 9 == 0 else some.person(item))
        project.label(person)
        assert not done & {str(project.store.ids()[at]) for at in asked}
        certificate = project.certify()
        assert certificate.body["audit"]["attempt"] == 2
        assert certificate.body["audit"]["alpha"] == pytest.approx(0.1 * 0.05)
        assert certificate.body["labels"] == ["c0", "c1", "new"]
        project.verify()


@pytest.mark.parametrize("labels", [["c1", "c0"], ["c0", "c2"], ["c0", "c3", "c1"]])
def test_labels_are_never_removed_or_reordered(tmp_path: Path, labels: list[str]) -> None:
    some = world(20)
    some.project(tmp_path / "p").close()
    change_labels(tmp_path / "p", labels)
    for _ in range(2):  # and the refusal leaves no lock behind
        with pytest.raises(ConfigError, match=r"must start with the labels so far, `c0`, `c1`"):
            Project.open(tmp_path / "p")
    change_labels(tmp_path / "p", ["c0", "c1"])
    Project.open(tmp_path / "p").close()


def test_items_added_after_the_proof_need_another_and_leave_the_old_one_true(tmp_path: Path) -> None:
    some = world(80)
    with some.project(tmp_path / "p", items=some.texts[:60], vectors=some.vectors[:60]) as project:
        finish(project, some)
        project.certify()
        np.save(tmp_path / "p" / "own-vectors.npy", some.vectors)
        added = project.add(some.texts)
        assert (added.new_rows, added.new_items) == (20, 20)
        with pytest.raises(ConfigError, match=r"changed since the last audit"):
            project.certify()
        old = json.loads((tmp_path / "p" / "certificate.json").read_text())
        assert project.verify().certified and old["items"] == 60
        finish(project, some)
        assert project.certify().items == 80
        project.verify()


def test_adding_what_is_there_changes_nothing(tmp_path: Path) -> None:
    some = world(30)
    with some.project(tmp_path / "p") as project:
        head = project.ledger.head
        assert project.add(some.texts).new_rows == 0
        assert project.ledger.head == head


def test_a_project_can_move(tmp_path: Path) -> None:
    some, project = audited(tmp_path)
    project.close()
    shutil.move(tmp_path / "p", tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "elsewhere" / "vectors")
    with Project.open(tmp_path / "elsewhere") as project:
        finish(project, some)
        project.certify()
        project.verify()


def test_a_key_column_names_the_items(tmp_path: Path) -> None:
    some = world(30)
    rows = [{"id": f"r{number}", "text": text} for number, text in enumerate(some.texts)]
    task = Classify(some.labels, text="text", key="id")
    with some.project(tmp_path / "p", items=rows, task=task) as project:
        finish(project, some)
        assert {item for item, _, _ in answers_of(project)} <= {row["id"] for row in rows}
        project.certify()
        project.verify()
        assert project.export()["id"].to_pylist() == [row["id"] for row in rows]
