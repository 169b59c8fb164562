"""Second opinions through the command line: two files of answers, and two people at a terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from goldleaf.task import Target
from tests.cli.conftest import INIT
from tests.cli.terminal import Cli, screen
from tests.helpers import World, world


@pytest.fixture
def some() -> World:
    return world(200)


def test_two_files_of_answers(here: Path, goldleaf: Cli, some: World) -> None:
    ran = goldleaf(*INIT, "--error", 0.1, "--seed", 1, "--second-opinions", 20)
    assert ran.code == 0 and "second_opinions = 20" in Path("goldleaf.toml").read_text()
    ran = goldleaf("plan")
    assert ran.code == 0 and "20 of the answers are second opinions, by another person" in ran.out
    ran = goldleaf("label", "--answers", "gold.csv")
    assert (
        "how often they err is unknown; 20 of 20 rows wait for a second person (goldleaf label --name NAME)"
        in ran.out
    )
    assert "certified: the target is proven" in ran.out and "about 20 more answers" in ran.out
    ran = goldleaf("certify")
    assert ran.code == 0 and "How often the people themselves err is unknown" in ran.out
    other = ["c1" if label == "c0" else label for label in some.truth[:40]] + some.truth[40:]
    Path("second.csv").write_text(
        "text,label\n" + "".join(f"{a},{b}\n" for a, b in zip(some.texts, other, strict=True))
    )
    assert "replayed 0 answers" in goldleaf("label", "--answers", "gold.csv").out
    ran = goldleaf("label", "--answers", "second.csv")
    assert "replayed 20 answers" in ran.out and ", 20 repeat;" in ran.out
    assert re.search(
        r"people +\d of 20 second opinions differ; people differ in <= [\d.]+ % of the rows", ran.out
    )
    assert "no more answers needed" in ran.out and goldleaf("status").out == ran.out.split("\n", 2)[2]
    ran = goldleaf("certify")
    assert ran.code == 0 and re.search(r"A second person would answer at most [\d.]+ % of the rows", ran.out)
    assert re.search(r"with 95 % confidence \(of 20 rows drawn \d differ\)\. So at most", ran.out)
    ran = goldleaf("verify")
    assert ran.code == 0 and "So at most" in ran.out


def test_a_wrong_number_is_refused(here: Path, goldleaf: Cli) -> None:
    ran = goldleaf(*INIT, "--second-opinions", -1)
    assert ran.code == 1 and "`second_opinions` must be a whole number of rows, 0 or more, got -1." in ran.err
    assert goldleaf(*INIT).code == 0
    toml = Path("goldleaf.toml")
    toml.write_text(toml.read_text().replace("[encoder]", "second_opinions = 0.5\n[encoder]"))
    ran = goldleaf("status")
    assert ran.code == 1 and "`second_opinions` under [target] must be a whole number, got 0.5." in ran.err


def test_a_terminal_shows_a_second_person_nothing_but_the_item(tmp_path: Path, some: World) -> None:
    with some.project(tmp_path / "p", target=Target(0.1, second_opinions=5)) as project:
        project.label(some.person, source="human:anna")
        texts = {question.item.content["text"] for question in project.ask(source="human:bob")}
    with screen("label", "-C", tmp_path / "p", "--name", "anna") as anna:
        assert "5 of 5 rows wait for a second person" in anna.see("next: goldleaf certify")
    with screen("label", "-C", tmp_path / "p", "--name", "bob") as bob:
        for key in "s1111":
            shown = bob.question()
            found = re.search(r"text \d+", shown)
            assert found and found[0] in texts
            assert not re.search(r"repeat|second|anna|audit|differ", shown)
            bob.press(key)
        ended = bob.see("next: goldleaf certify")
        assert re.search(r"\d of 4 second opinions differ; .*; 1 of 5 rows wait for a second person", ended)
