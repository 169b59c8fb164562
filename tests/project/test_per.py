"""A target for every class, or for every value of a column: through Python, on a real ledger."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from goldleaf.certificates.slices import SlicedAudit, Slices
from goldleaf.errors import CertificateError, ConfigError, VotesError
from goldleaf.project.base import Project
from goldleaf.project.proof import to_bytes
from goldleaf.project.slicing import Parting
from goldleaf.schema import Item, Reply
from goldleaf.task import Classify, Target
from tests.helpers import World, counting, world

CLASSES = Target(0.1, 0.9, per="class")


def table(some: World, column: list[Any], name: str = "source") -> list[dict[str, Any]]:
    return [{"text": text, name: value} for text, value in zip(some.texts, column, strict=True)]


def wrong_by(labels: list[str], truth: list[str], key: list[Any]) -> Counter[Any]:
    return Counter(k for label, true, k in zip(labels, truth, key, strict=True) if label != true)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certified project by class; tests that change it copy it."""
    folder = tmp_path_factory.mktemp("finished") / "p"
    some = world(400, 3, noise=0.8)
    with some.project(folder, target=CLASSES) as project:
        person, asked = counting(some.person)
        project.label(person)
        assert len(asked) == len(set(asked)) < 400
        project.certify()
    return folder


def test_every_class_is_within_the_target(finished: Path) -> None:
    some = world(400, 3, noise=0.8)
    with Project.open(finished, write=False) as project:
        assert isinstance(project.loop.audit, SlicedAudit)
        status, certificate = project.status(), project.certificate
        labels = project.export()["label"].to_pylist()
        assert project.verify().certified
    rows, wrong = Counter(labels), wrong_by(labels, some.truth, labels)
    per = certificate.body["per"]
    assert per["by"] == "class"
    assert [one["name"] for one in per["slices"]] == list(some.labels)
    for one in per["slices"]:
        assert one["rows"] == rows[one["name"]], "the rows delivered with that label"
        assert wrong[one["name"]] <= one["wrong_rows_at_most"] <= 0.1 * one["rows"]
        assert one["certified"] and one["bound"] == one["wrong_rows_at_most"] / one["rows"]
    assert sum(one["wrong_rows_at_most"] for one in per["slices"]) == certificate.body["wrong_rows_at_most"]
    audit = certificate.body["answers"]
    assert sum(one["answers"] for one in per["slices"]) == audit["audit"] + audit["census"]
    assert "In each of 3 classes at most" in certificate.body["statement"]
    assert "in every class is reached" in certificate.body["statement"]
    assert "% in every class with 90 %" in str(certificate)
    assert [name for name, _ in status.slices] == list(some.labels)
    assert status.stage == "certified" and status.per == "class" and status.forecast == 0


def test_the_freeze_has_the_slices_and_the_file_the_target(finished: Path) -> None:
    assert 'per = "class"' in (finished / "goldleaf.toml").read_text()
    with Project.open(finished, write=False) as project:
        row = project.ledger.last("posteriors", "facts", "body", attempt=1)
        assert project.config.target == CLASSES
    facts = json.loads(row.facts)
    assert facts["per"] == "class" and facts["slices"]["names"] == ["c0", "c1", "c2"]
    frozen = pq.read_table(io.BytesIO(row.body))
    assert frozen["slice"].to_pylist() == frozen["label"].to_pylist()


def test_without_per_nothing_of_it_is_written(tmp_path: Path) -> None:
    some = world(60)
    with some.project(tmp_path / "p") as project:
        project.label(some.person)
        certificate = project.certify()
        row = project.ledger.last("posteriors", "facts", "body", attempt=1)
        settings = project.ledger.last("settings", "body").body
    assert not {"per", "slices"} & set(json.loads(row.facts)) and "per" not in certificate.body
    assert pq.read_table(io.BytesIO(row.body)).column_names == [
        "id",
        "position",
        "weight",
        "label",
        "probability",
        "p_wrong",
    ]
    assert "per" not in json.loads(settings)["target"]
    assert "Slice by slice" not in (tmp_path / "p" / "report.html").read_text()


@pytest.mark.parametrize("name", ["rows", "bound", "wrong_rows_at_most", "certified", "answers", "name"])
def test_an_edited_slice_is_found(finished: Path, tmp_path: Path, name: str) -> None:
    body = json.loads((finished / "certificate.json").read_bytes())
    value = body["per"]["slices"][1][name]
    body["per"]["slices"][1][name] = (
        "other" if isinstance(value, str) else not value if name == "certified" else value + 1
    )
    (tmp_path / "changed.json").write_bytes(to_bytes(body))
    with (
        Project.open(finished, write=False) as project,
        pytest.raises(CertificateError, match=r"differs .*`per`"),
    ):
        project.verify(tmp_path / "changed.json")


@pytest.mark.parametrize("per", ["class", "origin"])
def test_slices_that_are_not_those_of_the_items_are_found(
    tmp_path: Path, per: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever certifies could have parted the items as it suits; the ledger alone would not show it."""
    some = world(60)
    rows = table(some, [("app", "web")[number % 3 == 0] for number in range(60)], "origin")
    real = Parting.slices

    def kind(self: Parting, *args: Any, **named: Any) -> Slices:
        found = real(self, *args, **named)
        return Slices(found.of[::-1], found.rows + np.array([1, -1]))

    with some.project(tmp_path / "p", items=rows, target=Target(0.2, 0.8, per=per)) as project:
        with monkeypatch.context() as changed:
            changed.setattr(Parting, "slices", kind)
            project.label(some.person)
        project.certify()
        with pytest.raises(
            CertificateError, match=f"slices by `{per}` in the ledger are not those of the stored items"
        ):
            project.verify()


def test_stopping_and_reopening_after_every_answer_asks_the_same(tmp_path: Path) -> None:
    some = world(150, 2, noise=1.2)

    def person(item: Item) -> str | Reply:
        return Reply.CANT_TELL if item.position % 29 == 7 else some.person(item)

    asked: list[list[int]] = []
    target = Target(0.2, 0.8, per="class")
    for limit in (None, 7):
        folder = tmp_path / str(limit)
        some.project(folder, target=target).close()
        mine: list[int] = []
        while True:
            with Project.open(folder) as project:
                answer, seen = counting(person)
                project.label(answer, limit=limit)
                mine += seen
                if not project.ask():
                    project.certify()
                    project.verify()
                    break
        asked.append(mine)
    assert asked[0] == asked[1]


def test_answers_out_of_order_undo_and_corrections_are_restored(tmp_path: Path) -> None:
    some = world(150, 2, noise=1.0)
    with some.project(tmp_path / "p", target=Target(0.2, 0.8, per="class")) as project:
        while project.loop.frozen is None:
            (first, *_) = project.ask()
            if project.loop.frozen is None:
                project.answer(first, some.person(first.item))
        waiting = project.ask()
        assert len(waiting) > 1
        project.answer(waiting[-1], "c0")
        project.answer(waiting[-1], "c1")
        project.undo()
        project.answer(waiting[-1], some.person(waiting[-1].item))
        assert isinstance(project.loop.audit, SlicedAudit)
        before, open_before = project.loop.audit.slices(), project.ask()
    with Project.open(tmp_path / "p") as project:
        assert isinstance(project.loop.audit, SlicedAudit)
        for one, other in zip(project.loop.audit.slices(), before, strict=True):
            assert one.forecast == pytest.approx(other.forecast)  # the sum of the answers in another order
            assert replace(one, forecast=0.0) == replace(other, forecast=0.0)
        assert project.ask() == open_before
        project.label(some.person)
        project.certify()
        project.verify()


@pytest.mark.parametrize("cant_tell", ["error", "exclude"])
def test_every_value_of_a_column_is_within_the_target(tmp_path: Path, cant_tell: Any) -> None:
    some = world(300, 2, noise=0.9)
    origin = [("app", "web", None)[number % 3] for number in range(300)]
    target = Target(0.1, 0.9, cant_tell, per="origin")

    def person(item: Item) -> str | Reply:
        return Reply.CANT_TELL if item.position in (5, 77) else some.person(item)

    with some.project(tmp_path / "p", items=table(some, origin, "origin"), target=target) as project:
        project.label(person)
        certificate = project.certify()
        project.verify()
        out = project.export()
        assert project.status().certified
    per = certificate.body["per"]
    assert per["by"] == "origin" and [one["name"] for one in per["slices"]] == ["app", "web", None]
    truth = [some.truth[int(text.split()[1])] for text in out["text"].to_pylist()]
    wrong = wrong_by(out["label"].to_pylist(), truth, out["origin"].to_pylist())
    rows = Counter(out["origin"].to_pylist())
    for one in per["slices"]:
        assert one["rows"] == rows[one["name"]]
        assert wrong[one["name"]] <= 0.1 * one["rows"]
    assert "For each of 3 values of `origin` at most" in certificate.body["statement"]


def test_rows_of_one_item_in_two_slices_are_refused(tmp_path: Path) -> None:
    some = world(30)
    rows = table(some, ["app"] * 30)
    with pytest.raises(
        ConfigError, match=r"has rows with 'app' and with 'web' there; allowed: one value an item"
    ):
        some.project(tmp_path / "p", items=[*rows, {**rows[4], "source": "web"}], target=Target(per="source"))
    assert not (tmp_path / "p").exists()
    twice = [*rows, dict(rows[4])]
    with some.project(tmp_path / "p", items=twice, target=Target(per="source")) as project:
        project.label(some.person)
        assert project.certify().rows == 31
        project.add([{"text": rows[5]["text"], "source": "web"}])
        with pytest.raises(ConfigError, match="one value an item"):
            project.label(some.person)


@pytest.mark.parametrize(
    ("column", "per", "message"),
    [
        (
            ["a"] * 300,
            "sorce",
            r"`per` is `sorce`, but the items have no such column; .* Did you mean `source`\?",
        ),
        ([str(n) for n in range(300)], "source", r"which has 300 values; allowed: up to 200"),
        ([["a"]] * 300, "source", r"a column of type list<.*>; allowed: text, numbers, dates"),
        ([b"a"] * 300, "source", r"a column of type .*binary; allowed: text"),
    ],
)
def test_a_column_that_cannot_part_the_items_is_refused(
    tmp_path: Path, column: list[Any], per: str, message: str
) -> None:
    some = world(300)
    with pytest.raises(ConfigError, match=message):
        some.project(tmp_path / "p", items=table(some, column), target=Target(per=per))
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize("per", ["", 3, ("a",)])
def test_per_must_be_a_name(per: Any) -> None:
    with pytest.raises(ConfigError, match="`per` must be `class` or the name of a column"):
        Target(per=per)


def test_setting_or_removing_per_begins_the_next_attempt(finished: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "p"))
    toml = (folder / "goldleaf.toml").read_text()
    (folder / "goldleaf.toml").write_text(toml.replace('per = "class"\n', ""))
    some = world(400, 3, noise=0.8)
    with Project.open(folder) as project:
        with pytest.raises(ConfigError, match="changed since the last audit"):
            project.certify()
        project.label(some.person)
        certificate = project.certify()
        assert certificate.body["audit"]["attempt"] == 2 and "per" not in certificate.body
        project.verify()


def test_a_label_from_before_the_audit_stays_in_its_class(finished: Path, tmp_path: Path) -> None:
    """The proof counts the rows that people had labeled with each class when the audit began."""
    folder = Path(shutil.copytree(finished, tmp_path / "p"))
    with Project.open(folder) as project:
        record = project.loop.record
        asked, given = next((a, g) for a, g in record.effective() if a.purpose == "training")
        other = next(label for label in ("c0", "c1") if label != given.label)
        with pytest.raises(VotesError, match=re.escape(f"got {other!r}, allowed now: {given.label!r}")):
            project.answer(asked.seq, other)
        project.answer(asked.seq, given.label)
        assert project.certificate.certified


def test_the_report_has_a_line_a_slice_and_escapes_names(tmp_path: Path) -> None:
    some = world(60)
    column = ["<script>alert(1)</script>" if number % 2 else "plain" for number in range(60)]
    with some.project(
        tmp_path / "p", items=table(some, column), target=Target(0.2, 0.8, per="source")
    ) as project:
        project.label(some.person)
        project.certify()
        project.export_to(tmp_path / "out")
    page, card = (tmp_path / "p" / "report.html").read_text(), (tmp_path / "out" / "README.md").read_text()
    assert "Slice by slice" in page and "<script>" not in page and "&lt;script&gt;alert(1)" in page
    assert "\\<script\\>alert(1)" in card and "| plain |" in card
    assert "The bounds hold for each source, not for other parts" in card


def test_the_plan_foresees_more_for_more_slices(tmp_path: Path) -> None:
    some = world(2000, 4)
    answers = []
    for number, target in enumerate((Target(), Target(per="class"))):
        with some.project(tmp_path / str(number), target=target) as project:
            answers.append(project.plan().answers)
    assert answers[1][0] > 2 * answers[0][0] and answers[1][1] > answers[0][1]


def test_a_class_too_small_for_one_error_is_asked_completely(tmp_path: Path) -> None:
    truth = [2] * 12 + [number % 2 for number in range(288)]
    some = world(300, 3, truth=truth, noise=0.2)
    with some.project(tmp_path / "p", target=Target(0.05, per="class")) as project:
        project.label(some.person)
        certificate = project.certify()
        out = project.export()
    small = certificate.body["per"]["slices"][2]
    assert small["rows"] < 20 and small["wrong_rows_at_most"] == 0
    humans = [
        human
        for human, label in zip(out["human"].to_pylist(), out["label"].to_pylist(), strict=True)
        if label == "c2"
    ]
    assert all(humans)


def test_on_postgresql(database: str, tmp_path: Path) -> None:
    some = world(120)
    with some.project(tmp_path / "p", target=Target(0.2, 0.8, per="class"), ledger=database) as project:
        project.label(some.person)
        project.certify()
        assert project.verify().certified


def test_keys_and_tables_can_be_sliced_too(tmp_path: Path) -> None:
    some = world(80)
    items = [{"id": f"k{n}", "text": text, "year": 2020 + n % 2} for n, text in enumerate(some.texts)]
    task = Classify(some.labels, table=["text"], key="id")
    with some.project(tmp_path / "p", items=items, task=task, target=Target(0.2, 0.8, per="year")) as project:
        project.label(some.person)
        assert [one["name"] for one in project.certify().body["per"]["slices"]] == ["2020", "2021"]
        project.verify()
