"""A killed process loses nothing it acknowledged and asks nothing twice."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from goldleaf.errors import ConfigError, LedgerLocked
from goldleaf.project.base import Project
from goldleaf.project.making import UNFINISHED
from tests.helpers import answers_of, counting, world
from tests.project.forks import forks, kill

ITEMS, MANY = 150, 8_000


def test_six_kills_lose_nothing_and_ask_nothing_twice(tmp_path: Path) -> None:
    some = world(ITEMS)
    some.project(tmp_path / "p").close()
    chance = random.Random(3)
    kept: list[str] = []
    with forks() as started:
        for killed in range(1, 7):
            (pid,) = started.start(["label", str(tmp_path / "p"), ITEMS])
            first = started.line()  # it has begun to answer, however slow the machine is
            if first == "gone\n":  # the kills before came late, and nothing was left to ask
                break
            time.sleep(chance.uniform(0.0, 0.3))
            kill(pid)
            said = [line.split() for line in [first, *started.wait()] if line.endswith("\n")]
            kept += [words[1] for words in said if words[0] == "kept"]
            with Project.open(tmp_path / "p", write=False) as reader:
                answered = [item for item, _, _ in answers_of(reader)]
                assert len(answered) == len(set(answered))
                assert set(kept) <= set(answered)
                assert len(answered) <= len(kept) + killed  # at most the one that each kill hit
                reader.ledger.check()
    assert kept
    with Project.open(tmp_path / "p") as project:
        before = {item for item, _, _ in answers_of(project)}
        person, asked = counting(some.person)
        project.label(person)
        ids = {str(project.store.ids()[position]) for position in asked}
        assert len(asked) == len(ids) and not before & ids
        answered = [item for item, _, _ in answers_of(project)]
        assert len(answered) == len(set(answered)) == len(before) + len(asked)
        assert project.certify().certified
        project.verify()


def test_a_killed_create_is_made_anew(tmp_path: Path) -> None:
    with forks() as started:
        began = time.monotonic()
        started.start(["create", str(tmp_path / "timed"), MANY])
        assert started.wait() == ["made\n"]
        whole = time.monotonic() - began
        for number in range(6):
            folder = tmp_path / f"p{number}"
            (pid,) = started.start(["create", str(folder), MANY])
            time.sleep(whole * (number + 0.5) / 6)
            kill(pid)
            started.wait()
            expected = MANY
            if not (folder / "goldleaf.toml").exists():
                with pytest.raises(ConfigError, match=r"No goldleaf\.toml"):
                    Project.open(folder)
                expected = 30  # other items: none of the killed one's may be left
                world(expected, seed=5).project(folder).close()
            with Project.open(folder) as project:
                assert project.store.items == expected
                assert [row.rows for row in project.ledger.rows("items")] == [expected]
                project.store.verify()


def test_a_failed_create_leaves_nothing(tmp_path: Path) -> None:
    some = world(20)
    with pytest.raises(ConfigError, match=r"`vectors` has 19 rows; the data has 20 rows"):
        some.project(tmp_path / "p", vectors=some.vectors[:19])
    with pytest.raises(
        ConfigError, match=r"neither an \.npy file nor a column: 'txet'; .*Did you mean `text`\?"
    ):
        some.project(tmp_path / "p", vectors="txet")
    assert not (tmp_path / "p").exists()
    some.project(tmp_path / "p").close()
    with pytest.raises(ConfigError, match="is a project already"):
        some.project(tmp_path / "p")
    assert not (tmp_path / "p" / UNFINISHED).exists()
    Project.open(tmp_path / "p").close()


def test_a_folder_of_ones_own_is_never_taken_over(tmp_path: Path) -> None:
    (tmp_path / "items").mkdir()
    mine = tmp_path / "items" / "part-00000.csv"
    mine.write_text("text\na\nb\n")
    with pytest.raises(ConfigError, match=r"is no project, but holds `items`"):
        world(20).project(tmp_path, items=mine, vectors=None)
    assert [path.name for path in tmp_path.iterdir()] == ["items"]
    assert mine.read_text() == "text\na\nb\n"


def test_one_process_makes_a_project_at_a_time(tmp_path: Path) -> None:
    from goldleaf.project.making import making

    with (
        making(tmp_path / "p", "ledger.db"),
        pytest.raises(ConfigError, match="Another process is making a project"),
        making(tmp_path / "p", "ledger.db"),
    ):
        pass


# -- both databases


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest) -> str:
    return "ledger.db" if request.param == "sqlite" else str(request.getfixturevalue("database"))


def test_end_to_end_on_both_databases(tmp_path: Path, ledger: str) -> None:
    some = world(100)
    with some.project(tmp_path / "p", ledger=ledger) as project:
        with pytest.raises(LedgerLocked, match="one writer at a time"):
            Project.open(tmp_path / "p")
        project.label(some.person, limit=20)
        with Project.open(tmp_path / "p", write=False) as reader:
            assert reader.status().human_answers == 20
    with Project.open(tmp_path / "p") as project:
        project.label(some.person)
        assert project.certify().certified
        project.verify()
        assert project.export().num_rows == 100


def test_a_database_holds_one_project(tmp_path: Path, database: str) -> None:
    some = world(20)
    some.project(tmp_path / "p", ledger=database).close()
    with pytest.raises(ConfigError, match="holds the record of another project"):
        some.project(tmp_path / "q", ledger=database)
    assert not (tmp_path / "q").exists()
    Project.open(tmp_path / "p").close()


def test_two_writers_at_once_take_turns(tmp_path: Path, ledger: str) -> None:
    some = world(100)
    some.project(tmp_path / "p", ledger=ledger).close()
    with forks() as started:
        started.start(*(["race", str(tmp_path / "p"), 100, name, 12] for name in ("anna", "bert")))
        assert started.wait() == ["given 12\n", "given 12\n"]
    with Project.open(tmp_path / "p") as project:
        answered = [item for item, _, _ in answers_of(project)]
        assert len(answered) == len(set(answered)) == 24
        project.label(some.person)
        people = project.certify().body["people"]
        assert people["human:anna"]["answers"] == people["human:bert"]["answers"] == 12
        project.verify()
