"""Answering in a real terminal, one key at a time."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from goldleaf.project.base import Project
from goldleaf.task import Classify
from tests.cli.terminal import Screen, screen
from tests.helpers import World, answers_of, world


@pytest.fixture
def folder(tmp_path: Path, some: World) -> Path:
    some.project(tmp_path / "p").close()
    return tmp_path / "p"


def given(folder: Path) -> list[tuple[str, str | None]]:
    with Project.open(folder, write=False) as project:
        return [(answer, label) for _, answer, label in answers_of(project)]


def text_of(question: str) -> str:
    found = re.search(r"text \d+", question)
    assert found
    return found[0]


def test_keys_undo_skip_cant_tell_wrong_key_quit_and_resume(folder: Path) -> None:
    with screen("label", "-C", folder, "--name", "anna") as person:
        first = person.question()
        assert first.startswith("0 answers") and "  1  c0\n  2  c1\n" in first
        person.press("1")
        second = person.question()
        assert second.startswith("1 answers") and text_of(second) != text_of(first)
        person.press("x")
        assert "No label has the key 'x'." in person.see(r"key 'x'\.")
        person.press("2")
        third = person.question()
        person.press("u")
        assert text_of(person.question()) == text_of(second)
        person.press("1")
        assert text_of(person.question()) == text_of(third)
        person.press("s")
        person.question()
        person.press("?")
        fifth = person.question()
        person.press("q")
        person.see("next: goldleaf label")
    expected = [
        ("label", "c0"),
        ("label", "c1"),
        ("retracted", None),
        ("label", "c0"),
        ("skip", None),
        ("cant_tell", None),
    ]
    assert given(folder) == expected
    with screen("label", "-C", folder, "--limit", "1") as person:
        assert text_of(person.question()) == text_of(fifth)
        person.press("2")
        person.see("next: goldleaf label")
    assert given(folder) == [*expected, ("label", "c1")]
    with Project.open(folder, write=False) as project:
        votes = project.ledger.rows("votes")
        assert votes[0].source == "human:anna" and votes[0].seconds is not None


def test_nothing_to_undo_is_said(folder: Path) -> None:
    with screen("label", "-C", folder) as person:
        person.question()
        person.press("u")
        assert "There is no answer to take back." in person.question()
        person.press("q")
        person.see("next: ")


def test_interrupting_keeps_the_answers(folder: Path) -> None:
    with screen("label", "-C", folder) as person:
        person.question()
        person.press("1")
        person.question()
        person.press("\x03")
        person.see("Every answer given so far is kept")
        assert person.process.wait(10) == 130
    assert given(folder) == [("label", "c0")]


def answer(person: Screen, some: World) -> str:
    """Answer what is on the screen as it is; the screen."""
    shown = person.question()
    number = int(text_of(shown).split()[1])
    person.press("1" if some.truth[number] == "c0" else "2")
    return shown


def one_at_a_time(folder: Path, some: World) -> None:
    """A project whose audit puts one question after the other: bets, as long as little is wrong."""
    some.project(folder).close()
    toml = folder / "goldleaf.toml"
    toml.write_text(toml.read_text().replace('method = "auto"', 'method = "gro.v1"'))


def test_audit_questions_look_like_all_others(tmp_path: Path) -> None:
    some = world(200)
    one_at_a_time(tmp_path / "p", some)
    with Project.open(tmp_path / "p") as project:
        while project.ask()[0].purpose == "training":
            project.label(some.person, limit=1)
        project.undo()  # the last training question waits again, beside the first of the audit
    with screen("label", "-C", tmp_path / "p", "--limit", "2") as person:
        shapes = [re.sub(r"\d[\d,]*", "N", answer(person, some)) for _ in range(2)]
        person.see("next: ")
    with Project.open(tmp_path / "p", write=False) as project:
        newest = [
            project.loop.record.asked[row.question].purpose for row in project.ledger.rows("votes")[-2:]
        ]
        assert sorted(newest) == ["audit", "training"]
    assert shapes[0] == shapes[1]
    assert not re.search(r"audit|training|probab|suggest", " ".join(shapes))


def test_an_audit_question_cannot_be_skipped_and_says_so(tmp_path: Path) -> None:
    some = world(200)
    one_at_a_time(tmp_path / "p", some)
    with Project.open(tmp_path / "p") as project:
        while project.ask()[0].purpose == "training":
            project.label(some.person, limit=1)
    with screen("label", "-C", tmp_path / "p") as person:
        first = person.question()
        person.press("s")
        again = person.question()
        assert text_of(again) == text_of(first) and "This one cannot be left out." in again
        person.press("q")
        person.see("next: ")


def test_more_labels_than_keys_are_typed(tmp_path: Path) -> None:
    labels = [f"class number {number:02d}" for number in range(34)] + ["other"]
    some = world(80, 2)
    task = Classify(labels, text="text")
    some.project(tmp_path / "p", task=task).close()
    with screen("label", "-C", tmp_path / "p", "--limit", "3") as person:
        person.question()
        person.type("zebra")
        person.see("No label contains 'zebra'")
        person.type("number 0")
        assert "10 labels match" in person.see(r"10 labels match: .*09")
        person.type("NUMBER 07")
        person.question()
        person.type("other")
        person.question()
        person.type("?")
        person.see("next: ")
    assert given(tmp_path / "p") == [("label", "class number 07"), ("label", "other"), ("cant_tell", None)]


def test_an_image_is_shown(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        Image.fromarray(rng.integers(0, 255, (8, 8, 3), np.uint8)).save(tmp_path / "images" / f"{number}.png")
    task = Classify("ab", image="file")
    vectors = rng.normal(size=(12, 4)).astype(np.float32)
    Project.create(tmp_path / "p", items=tmp_path / "images", task=task, vectors=vectors).close()
    with screen("label", "-C", tmp_path / "p", "--limit", "1") as person:
        shown = person.see(r"q stop.*\n")
        assert shown.count("▀") >= 8 * 4 and re.search(r"\x1b\[38;2;\d+;\d+;\d+m", shown)
        assert re.search(r"\d+\.png", shown)
        person.press("1")
        person.see("next: ")


def test_a_table_row_is_shown_by_column(tmp_path: Path) -> None:
    rows = [{"height": number, "name": f"n{number}", "id": f"k{number}"} for number in range(12)]
    task = Classify("ab", table="*", key="id")
    vectors = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    Project.create(tmp_path / "p", items=rows, task=task, vectors=vectors).close()
    with screen("label", "-C", tmp_path / "p", "--limit", "1") as person:
        assert re.search(r"height: (\d+)\nname: n\1\n", person.question())
        person.press("1")
        person.see("next: ")
