"""`goldleaf people`: naming, changing and listing who may come in."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from goldleaf.cli.people import command
from goldleaf.errors import ConfigError
from goldleaf.project.base import Project
from goldleaf.web.access import digest
from tests.helpers import world


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    world(20).project(tmp_path / "p").close()
    return tmp_path / "p"


def people(folder: Path, *arguments: str, typed: str | None = None) -> str:
    done = CliRunner().invoke(
        command, [*arguments, "--project", str(folder)], input=typed, catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_link_lets_its_person_in_until_a_new_one_is_made(folder: Path) -> None:
    first = people(folder, "add", "bob", "--public-url", "https://label.example.org/").strip()
    assert first.startswith("https://label.example.org/join?token=")
    second = people(folder, "link", "bob").strip()
    with Project.open(folder, write=False) as project:
        found = [project.ledger.people.by_link(digest(link.partition("=")[2])) for link in (first, second)]
    assert found[0] is None and found[1] is not None and found[1].name == "bob"


def test_roles_passwords_and_shutting_out(folder: Path) -> None:
    people(folder, "add", "anna", "--role", "admin", "--password", typed="correct horse\ncorrect horse\n")
    assert people(folder) == "anna  admin  password\n"
    people(folder, "change", "anna", "--role", "reviewer", "--inactive")
    assert people(folder, "list") == "anna  reviewer  password  (may not come in)\n"
    with Project.open(folder, write=False) as project:
        kept = project.ledger.people.find("anna")
    assert kept is not None and kept.password is not None and kept.password.startswith("$argon2id$")


def test_mistakes_are_refused(folder: Path) -> None:
    people(folder, "add", "bob")
    with pytest.raises(ConfigError, match=r"^There is a person 'bob' already\.") as refused:
        people(folder, "add", "bob")
    assert refused.value.do == "Choose another name, or make a new link."
    with pytest.raises(ConfigError, match=r"^There is no person 'eve'\."):
        people(folder, "link", "eve")
    with pytest.raises(ConfigError, match=r"^A password needs at least 8 characters, got 5\."):
        people(folder, "add", "carl", "--password", typed="short\nshort\n")
    assert people(folder, "list") == "bob  annotator\n"


def test_an_empty_list_says_how_to_begin(folder: Path) -> None:
    done = CliRunner().invoke(command, ["list", "--project", str(folder)])
    assert done.exit_code == 0 and "goldleaf people add NAME" in done.stderr
