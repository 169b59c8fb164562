"""Second opinions: who is asked what, what the certificate says of the people, and that nothing else changes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from goldleaf.errors import CertificateError, ConfigError, VotesError
from goldleaf.project import repeats
from goldleaf.project.base import Project
from goldleaf.project.proof import to_bytes
from goldleaf.schema import Item, Reply
from goldleaf.task import Target
from tests.helpers import World, answers_of, counting, world
from tests.project.forks import forks, kill

ANNA, BOB, CARL = "human:anna", "human:bob", "human:carl"
TARGET = Target(0.1, second_opinions=20)


def erring(some: World, share: float, seed: int = 0) -> Callable[[Item], str]:
    """A person who differs from the world's on a random `share` of the items."""
    differs = np.random.default_rng(seed).random(len(some.truth)) < share
    shift = {label: some.labels[number - 1] for number, label in enumerate(some.labels)}
    return lambda item: shift[some.person(item)] if differs[item.position] else some.person(item)


def by_anna(tmp_path: Path, some: World, target: Target = TARGET, **settings: Any) -> Project:
    """A project in which one person has answered all she can."""
    project = some.project(tmp_path / "p", target=target, **settings)
    person, asked = counting(some.person)
    project.label(person, source=ANNA)
    assert len(asked) == len(set(asked))  # never a repeat of her own
    assert project.ask(source=ANNA) == [] == project.ask()
    return project


@pytest.mark.parametrize("method", ["auto", "threshold.v1", "gro.v1", "uniform.v1"])
def test_two_people_end_to_end(tmp_path: Path, method: str) -> None:
    some = world(200, 3)
    with some.project(tmp_path / "p", target=TARGET):
        pass
    toml = tmp_path / "p" / "goldleaf.toml"
    assert "second_opinions = 20" in toml.read_text()
    toml.write_text(toml.read_text().replace('method = "auto"', f'method = "{method}"'))
    with Project.open(tmp_path / "p") as project:
        firsts, first_asked = counting(some.person)
        project.label(firsts, source=ANNA)
        seconds, second_asked = counting(erring(some, 0.2))
        project.label(seconds, source=BOB)
        assert len(second_asked) == 20 and set(second_asked) <= set(first_asked)
        before = sum(erring(some, 0.2)(Item("", at, {}, 1)) != some.truth[at] for at in second_asked)
        certificate = project.certify()
        found = certificate.body["disagreement"]
        assert certificate.certified and before > 0
        assert (found["pairs"], found["disagreed"], found["people"]) == (20, before, [ANNA, BOB])
        assert found["sample"] == {"rows": 20, "differing": before, "missing": 0}
        assert found["rows_at_most"] == pytest.approx(200 * found["bound"])
        assert found["combined_bound"] == pytest.approx(found["bound"] + certificate.bound)
        assert (found["confidence"], found["combined_confidence"]) == (0.95, 0.9)
        assert certificate.human_answers == len(first_asked) + 20 == project.status().human_answers
        assert certificate.body["answers"]["repeat"] == 20 == project.status().answers["repeat"]
        assert certificate.body["truth"] == f"the answers of {ANNA}"
        assert set(certificate.body["people"]) == {ANNA, BOB}
        statement = certificate.body["statement"]
        assert f"(of 20 rows drawn {before} differ)" in statement and "with 90 % confidence" in statement
        assert project.verify().statement == statement
        assert "How far the people agree" in (tmp_path / "p" / "report.html").read_text()
        assert f"of 20 rows drawn {before} differ" in (tmp_path / "p" / "report.html").read_text()
        table = project.export()
        labels = table["label"].to_pylist()
        assert [labels[at] for at in first_asked] == [some.truth[at] for at in first_asked]
        assert BOB not in table["source"].to_pylist()
        project.export_to(tmp_path / "out")
        assert BOB in (tmp_path / "out" / "README.md").read_text()


def test_with_one_person_the_error_of_people_is_unknown(tmp_path: Path) -> None:
    with by_anna(tmp_path, world(200)) as project:
        certificate = project.certify()
        assert certificate.certified and project.status().stage == "certified"
        found = certificate.body["disagreement"]
        assert (found["pairs"], found["bound"], found["combined_bound"]) == (0, 1.0, 1.0)
        assert (
            "How often the people themselves err is unknown: of 20 second opinions none"
            in certificate.body["statement"]
        )
        assert project.status().forecast == 20
        project.verify()


def test_missing_second_answers_count_as_differing(tmp_path: Path) -> None:
    some = world(200)
    with by_anna(tmp_path, some) as project:
        bounds = [1.0]
        while waiting := project.ask(source=BOB):
            project.answer(waiting[0], some.person(waiting[0].item), source=BOB)
            bounds.append(project.certificate.body["disagreement"]["bound"])
            assert project.status().opinions.missing == 20 - len(bounds) + 1  # type: ignore[union-attr]
        assert len(bounds) == 21 and bounds == sorted(bounds, reverse=True) and bounds[-1] < 0.16
        assert "still missing" not in project.certificate.body["statement"]


def test_without_second_opinions_nothing_is_said_or_stored(tmp_path: Path) -> None:
    some = world(100)
    with some.project(tmp_path / "p") as project:
        project.label(some.person, source=ANNA)
        body = project.certify().body
        assert "disagreement" not in body and list(body["answers"]) == ["training", "audit", "census"]
        assert project.status().opinions is None and project.ask(source=BOB) == []
        facts = [json.loads(row.facts) for row in project.ledger.rows("posteriors")]
        assert not any("second_opinions" in one or "settled" in one for one in facts)
        assert "second_opinions" not in project.ledger.last("settings").body  # type: ignore[union-attr]
        assert "How far the people agree" not in (tmp_path / "p" / "report.html").read_text()


# -- who may answer


def test_a_repeat_looks_like_any_question_and_is_for_another_person(tmp_path: Path) -> None:
    some = world(200)
    with by_anna(tmp_path, some) as project:
        question = project.ask(source=BOB)[0]
        assert question.purpose == "repeat" and 0 < question.probability <= 1
        assert question.item.content == {"text": some.texts[question.item.position]}
        with pytest.raises(
            VotesError,
            match=r"is for a second person; human:anna gave the first answer\.\nAsk for the questions of",
        ):
            project.answer(question, "c0", source=ANNA)
        project.answer(question, "c0", source=BOB)
        assert question.seq not in {one.seq for one in project.ask(source=BOB)}
        assert question.seq not in {one.seq for one in project.ask(source=CARL)}
        last = project.undo(source=ANNA)  # hers, not his
        assert last is not None and last.purpose != "repeat"
        project.answer(last, some.person(last.item), source=ANNA)
        back = project.undo(source=BOB)
        assert back is not None and back.purpose != "repeat"  # the newest is Anna's again
        project.answer(back, some.person(back.item), source=ANNA)
        assert project.certify().certified
        project.verify()


def test_a_repeat_waits_for_its_first_answer(tmp_path: Path) -> None:
    some = world(200)
    with some.project(tmp_path / "p", target=TARGET) as project:
        while not (project.loop.record.repeats and project.ask(source=ANNA)):
            question = project.ask(source=ANNA)[0]
            project.answer(question, some.person(question.item), source=ANNA)
        waiting = {question.item.position: question for question in project.ask(source=ANNA)}
        seq = project.loop.record.repeats[-1]
        about = project.loop.record.asked[seq].position
        if about in waiting:
            assert seq not in {one.seq for one in project.ask(source=BOB)}
            with pytest.raises(VotesError, match=f"Question {seq} waits for no answer"):
                project.answer(seq, "c0", source=BOB)
            project.answer(waiting[about], some.person(waiting[about].item), source=ANNA)
        assert seq in {one.seq for one in project.ask(source=BOB)}


def test_a_skipped_repeat_is_left_to_others_and_cant_tell_differs(tmp_path: Path) -> None:
    some = world(200)
    with by_anna(tmp_path, some) as project:
        project.label(lambda item: Reply.SKIP, source=BOB)
        assert project.ask(source=BOB) == [] and len(project.ask(source=CARL)) == 20
        first = project.ask(source=CARL)[0]
        project.answer(first, Reply.CANT_TELL, source=CARL)
        project.label(some.person, source=CARL)
        found = project.certify().body["disagreement"]
        assert (found["pairs"], found["disagreed"], found["people"]) == (20, 1, [ANNA, CARL])
        assert project.certificate.body["cant_tell"]["items"] == 0
        assert project.export()["label"].to_pylist()[first.item.position] == some.person(first.item)
        project.verify()


# -- corrections


def test_a_correction_after_a_disagreement_does_not_undo_it(tmp_path: Path) -> None:
    some = world(200)
    with by_anna(tmp_path, some) as project:
        early, late, *_ = project.ask(source=BOB)
        asked = {
            one.position: one.seq for one in project.loop.record.asked.values() if one.purpose != "repeat"
        }
        wrong = {
            question.seq: "c0" if some.person(question.item) == "c1" else "c1" for question in (early, late)
        }
        project.answer(asked[early.item.position], wrong[early.seq], source=ANNA)  # before the second answer
        project.answer(early, wrong[early.seq], source=BOB)
        project.answer(late, wrong[late.seq], source=BOB)
        assert project.status().opinions.disagreed == 1  # type: ignore[union-attr]
        project.answer(asked[late.item.position], wrong[late.seq], source=ANNA)  # and after it
        assert project.status().opinions.disagreed == 1  # type: ignore[union-attr]
        project.answer(asked[early.item.position], some.person(early.item), source=ANNA)
        assert project.status().opinions.disagreed == 2  # type: ignore[union-attr]
        assert project.export()["label"].to_pylist()[late.item.position] == wrong[late.seq]
        project.label(some.person)
        project.certify()
        project.verify()


def test_a_first_answer_that_the_second_person_corrects_keeps_the_blind_pair(tmp_path: Path) -> None:
    some = world(200)
    with by_anna(tmp_path, some) as project:
        project.label(some.person, source=BOB)
        seq = next(a.seq for a in project.loop.record.asked.values() if a.purpose == "audit")
        position = project.loop.record.asked[seq].position
        project.answer(seq, some.truth[position], source=BOB)  # Bob corrects Anna
        found = project.certify().body["disagreement"]
        assert found["pairs"] == 20  # the pair is the one that was blind
        project.verify()


# -- the data


@pytest.mark.parametrize("rule", ["error", "exclude"])
def test_items_that_the_first_person_cannot_tell_need_no_second_opinion(tmp_path: Path, rule: Any) -> None:
    some = world(120)
    odd = lambda item: Reply.CANT_TELL if item.position % 6 == 0 else some.person(item)  # noqa: E731
    target = Target(0.3, cant_tell=rule, second_opinions=60)
    with some.project(tmp_path / "p", target=target) as project:
        project.label(odd, source=ANNA)
        person, asked = counting(some.person)
        project.label(person, source=BOB)
        found = project.certify().body["disagreement"]
        assert found["pairs"] == len(asked) < 60 and all(position % 6 for position in asked)
        assert found["sample"] == {"rows": 60, "differing": 0, "missing": 0}
        assert found["bound"] <= 1 and project.verify().certified


def test_rows_are_drawn_and_duplicates_are_asked_once(tmp_path: Path) -> None:
    some = world(60)
    rows = [text for number, text in enumerate(some.texts) for _ in range(20 if number < 3 else 1)]
    with by_anna(tmp_path, some, Target(0.1, second_opinions=50), items=rows) as project:
        person, asked = counting(erring(some, 0.3))
        project.label(person, source=BOB)
        assert len(asked) == len(set(asked)) < 50
        drawn = Counter(project.loop.record.asked[seq].position for seq in project.loop.record.repeats)
        found = project.certify().body["disagreement"]
        assert sum(drawn.values()) == 50 and max(drawn.values()) > 3
        differ = sum(
            count for at, count in drawn.items() if erring(some, 0.3)(Item("", at, {}, 1)) != some.truth[at]
        )
        assert found["sample"] == {"rows": 50, "differing": differ, "missing": 0}
        project.verify()


def test_more_second_opinions_than_rows_ask_for_all(tmp_path: Path) -> None:
    some = world(30)
    with by_anna(tmp_path, some, Target(second_opinions=1000)) as project:
        project.label(erring(some, 0.2), source=BOB)
        found = project.certify().body["disagreement"]
        assert found["pairs"] == 30 and found["rows_at_most"] == found["disagreed"] > 0
        project.verify()


# -- honesty


def test_the_ledger_keeps_the_sample_across_kills(tmp_path: Path) -> None:
    some = world(150)
    some.project(tmp_path / "p", target=Target(second_opinions=30)).close()
    with forks() as started:
        for killed in range(4):
            (pid,) = started.start(["label", str(tmp_path / "p"), 150])
            started.line()
            for _ in range(12 * killed):
                if not started.line().startswith("kept"):
                    break
            kill(pid)
            started.wait()
    with Project.open(tmp_path / "p") as project:
        project.label(some.person)  # the same name: `function:person`
        assert len(project.loop.record.repeats) == 30
        before = len(answers_of(project))
        project.label(some.person, source=BOB, limit=10)
    with Project.open(tmp_path / "p") as project:
        person, asked = counting(some.person)
        project.label(person, source=BOB)
        assert len(asked) == 20 and len(answers_of(project)) == before + 30
        project.certify()
        assert project.verify().certified


@pytest.mark.parametrize("per", [None, "class"])
@pytest.mark.parametrize("skipped", [0, 7, 19])
def test_a_sample_with_a_row_left_out_is_found(
    tmp_path: Path, skipped: int, per: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    some, real, made = world(200), repeats.questions, [0]

    def lossy(*arguments: Any) -> list[dict[str, Any]]:
        kept = []
        for row in real(*arguments):
            kept += [row] if made[0] != skipped else []
            made[0] += 1
        return kept

    monkeypatch.setattr(repeats, "questions", lossy)
    with some.project(tmp_path / "p", target=replace(TARGET, per=per)) as project:
        project.label(some.person, source=ANNA)
        project.certify()
        monkeypatch.setattr(repeats, "questions", real)
        with pytest.raises(
            CertificateError, match="sample for second opinions does not recompute: the ledger has"
        ):
            project.verify()


def test_an_edited_disagreement_is_found(tmp_path: Path) -> None:
    some = world(200)
    with by_anna(tmp_path, some) as project:
        project.label(erring(some, 0.2), source=BOB)
        body = json.loads(json.dumps(project.certify().body))
        for name in body["disagreement"]:
            changed = {**body, "disagreement": {**body["disagreement"], name: 0}}
            (tmp_path / "c.json").write_bytes(to_bytes(changed))
            with pytest.raises(CertificateError, match="`disagreement` is"):
                project.verify(tmp_path / "c.json")


def test_every_attempt_has_a_sample_of_its_own(tmp_path: Path) -> None:
    some = world(200)
    with by_anna(tmp_path, some) as project:
        bob, told = counting(some.person)
        project.label(bob, source=BOB, limit=5)
        before = set(told)
        old = project.ask(source=BOB)[0]
        project.retrain()
        assert project.ask(source=BOB) and all(one.purpose != "repeat" for one in project.ask(source=BOB))
        project.label(some.person, source=ANNA)
        with pytest.raises(VotesError, match="belongs to audit 1, which is over"):
            project.answer(old, "c0", source=BOB)
        assert project.certificate.body["disagreement"]["pairs"] <= 5
        person, again = counting(some.person)
        project.label(person, source=BOB)
        assert not before & set(again)  # what Bob said in the first attempt is not asked of him again
        second = project.certify().body
        assert second["disagreement"]["pairs"] == 20 and second["answers"]["repeat"] == 5 + len(again)
        project.verify()


def test_what_is_certified_of_people_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole projects; people who differ in a quarter of the items, the machine's labels included."""
    monkeypatch.setattr(
        "goldleaf.ledger.base._durable", lambda connection, _: connection.execute("PRAGMA synchronous=OFF")
    )
    false = told = 0
    for number in range(5):
        some = world(120, 3, noise=1.0, seed=number)
        second = erring(some, 0.25, seed=number)
        with some.project(
            tmp_path / f"p{number}", seed=number, target=Target(0.1, second_opinions=40)
        ) as project:
            project.label(some.person, source=ANNA)
            project.label(second, source=BOB)
            found, labels = project.certify().body["disagreement"], project.export()["label"].to_pylist()
            project.verify()
        others = [second(Item("", at, {}, 1)) for at in range(120)]
        differ = sum(a != b for a, b in zip(others, some.truth, strict=True))
        false += found["rows_at_most"] < differ
        false += found["combined_bound"] * 120 < sum(a != b for a, b in zip(others, labels, strict=True))
        told += found["combined_bound"] < 0.6
    assert false <= 2 and told == 5


# -- the setting


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1, "must be a whole number of rows, 0 or more, got -1"),
        (0.2, "must be a whole number of rows, 0 or more, got 0.2"),
        (True, "must be a whole number of rows, 0 or more, got True"),
    ],
)
def test_what_is_no_number_of_rows_is_refused(value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Target(second_opinions=value)
    with pytest.raises(ConfigError, match=r"needs a `confidence` above 0\.5, got 0\.5"):
        Target(confidence=0.5, second_opinions=1)


def test_the_plan_and_the_forecast_count_them(tmp_path: Path) -> None:
    some = world(400)
    with some.project(tmp_path / "without", target=Target(0.1)) as project:
        without = project.plan().answers
        project.label(some.person, limit=60)
        training = project.status().forecast
    with some.project(tmp_path / "p", target=Target(0.1, second_opinions=40)) as project:
        plan = project.plan()
        assert plan.second_opinions == 40 and all(
            b >= a + 40 for a, b in zip(without, plan.answers, strict=True)
        )
        project.label(some.person, limit=60)
        assert training is not None and project.status().forecast >= training + 40  # type: ignore[operator]
        project.label(some.person)
        assert project.status().forecast == 40
        project.label(some.person, source=BOB)
        assert project.status().forecast == 0


# -- by slices


def by_source(some: World) -> list[dict[str, Any]]:
    """Items of three sources, one of them so small that it is asked completely; every tenth stands for three rows."""
    source = ["small" if at < 9 else "ab"[at % 2] for at in range(len(some.texts))]
    rows = [{"text": text, "source": value} for text, value in zip(some.texts, source, strict=True)]
    return [row for at, row in enumerate(rows) for _ in range(1 if at % 10 else 3)]


@pytest.mark.parametrize(
    ("per", "rule", "method"),
    [("class", "error", "gro.v1"), ("source", "exclude", "gro.v1"), ("source", "error", "uniform.v1")],
)
def test_a_proof_by_slices_with_second_opinions(tmp_path: Path, per: str, rule: Any, method: str) -> None:
    some = world(300, 2, noise=0.6)
    target = Target(0.15, 0.9, cant_tell=rule, per=per, second_opinions=40)
    some.project(tmp_path / "p", target=target, items=by_source(some)).close()
    toml = tmp_path / "p" / "goldleaf.toml"
    toml.write_text(toml.read_text().replace('method = "auto"', f'method = "{method}"'))
    odd = lambda item: Reply.CANT_TELL if item.position % 50 == 7 else some.person(item)  # noqa: E731
    with Project.open(tmp_path / "p") as project:
        project.label(odd, source=ANNA)
        project.label(erring(some, 0.2), source=BOB)
        body = project.certify().body
        drawn = Counter(project.loop.record.asked[seq].position for seq in project.loop.record.repeats)
        assert sum(drawn.values()) == 40 == body["disagreement"]["sample"]["rows"]
        assert body["disagreement"]["sample"]["missing"] == 0 < body["disagreement"]["pairs"]
        assert body["certified"] and all(one["certified"] for one in body["per"]["slices"])
        assert "at once" in body["statement"] and "of 40 rows drawn" in body["statement"]
        assert body["answers"]["repeat"] == body["disagreement"]["pairs"]
        settled = set(project.loop.frozen.facts["settled"]["positions"])  # type: ignore[union-attr]
        assert settled & set(drawn) and set(drawn) - settled
        report = (tmp_path / "p" / "report.html").read_text()
        assert "How far the people agree" in report and "Slice by slice" in report
        status = project.status()
        assert status.slices and status.opinions and status.forecast == 0
        assert project.verify().statement == body["statement"]


def test_by_slices_reopening_after_every_answer_asks_the_same(tmp_path: Path) -> None:
    some, asked = world(120, 2), []
    target = Target(0.2, 0.9, per="class", second_opinions=30)
    some.project(tmp_path / "a", target=target).close()
    while True:
        with Project.open(tmp_path / "a") as project:
            project.status()
            if not (waiting := project.ask(source=ANNA)):
                break
            project.answer(waiting[0], some.person(waiting[0].item), source=ANNA)
            asked.append(waiting[0].item.position)
    with some.project(tmp_path / "b", target=target) as project:
        while waiting := project.ask(source=ANNA):
            project.answer(waiting[0], some.person(waiting[0].item), source=ANNA)
        assert asked == [
            project.loop.record.asked[given.question].position for given in project.loop.record.history
        ]
        whole = [project.loop.record.asked[seq] for seq in project.loop.record.repeats]
    with Project.open(tmp_path / "a") as project:
        assert [project.loop.record.asked[seq] for seq in project.loop.record.repeats] == whole
        project.certify()
        assert project.verify().certified


def test_by_slices_a_correction_and_a_repeat_leave_the_classes_right(tmp_path: Path) -> None:
    """A second opinion of another class moves no row; a correction of the first answer does."""
    some = world(200, 2)
    with by_anna(tmp_path, some, Target(0.15, 0.9, per="class", second_opinions=20)) as project:
        before = [one["rows"] for one in project.certificate.body["per"]["slices"]]
        project.label(lambda item: "c0" if some.person(item) == "c1" else "c1", source=BOB)
        body = project.certify().body
        assert [one["rows"] for one in body["per"]["slices"]] == before
        assert body["disagreement"]["disagreed"] == body["disagreement"]["pairs"] > 10
        project.verify()
        audited = next(one for one in project.loop.record.asked.values() if one.purpose == "audit")
        other = "c0" if some.truth[audited.position] == "c1" else "c1"
        project.answer(audited.seq, other, source=ANNA)
        project.label(some.person, source=ANNA)
        body = project.certify().body
        assert [one["rows"] for one in body["per"]["slices"]] != before
        project.verify()
