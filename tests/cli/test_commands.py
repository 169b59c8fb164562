"""Every command: what it says when it works, and how it refuses."""

from __future__ import annotations

import re
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest

from goldleaf.cli.app import COMMANDS
from goldleaf.project.base import Project
from goldleaf.task import Target
from tests.cli.conftest import INIT
from tests.cli.terminal import Cli
from tests.helpers import world


def refused(ran: object, *parts: str, code: int = 1) -> None:
    assert ran.code == code, ran  # type: ignore[attr-defined]
    for part in parts:
        assert re.search(part, ran.err), f"{part!r} is not in {ran.err!r}"  # type: ignore[attr-defined]


def test_the_whole_way(here: Path, goldleaf: Cli) -> None:
    ran = goldleaf(*INIT)
    assert ran.code == 0 and "40 rows, 40 distinct items" in ran.out
    assert "written: goldleaf.toml, ledger.db\nnext: goldleaf plan, then goldleaf label\n" in ran.out
    ran = goldleaf("plan")
    assert ran.code == 0 and "40 distinct, 40 rows (0 duplicates, labeled once)" in ran.out
    ran = goldleaf("status")
    assert (
        ran.code == 0
        and "nothing yet: the audit has not started" in ran.out
        and "next: goldleaf label" in ran.out
    )
    ran = goldleaf("label", "--answers", "gold.csv", "--limit", 5)
    assert ran.code == 0 and "replayed 5 answers" in ran.out
    ran = goldleaf("label", "--answers", "gold.csv")
    assert ran.code == 0 and "next: goldleaf certify" in ran.out
    ran = goldleaf("certify")
    assert ran.code == 0 and "replayed answers" in ran.out and "goldleaf verify" in ran.out
    assert Path("certificate.json").is_file() and Path("report.html").is_file()
    ran = goldleaf("verify")
    assert ran.code == 0 and ran.out.startswith("holds: At most")
    ran = goldleaf("export", "out", "--to", "csv")
    assert ran.code == 0 and "written: out/" in ran.out and "Note:" not in ran.out
    ran = goldleaf("add", "items.csv")
    assert ran.code == 0 and "40 rows read, 0 new" in ran.out


def test_from_another_folder_the_next_step_names_it(here: Path, goldleaf: Cli) -> None:
    ran = goldleaf(*INIT, "-C", "a project")
    assert "written: a project/goldleaf.toml, a project/ledger.db" in ran.out
    assert "next: goldleaf plan -C 'a project', then goldleaf label -C 'a project'" in ran.out
    assert "next: goldleaf label -C 'a project'" in goldleaf("status", "-C", "a project").out
    assert "next: goldleaf label -C 'a project'" in goldleaf("plan", "-C", "a project").out


def test_an_unproven_target_is_exit_code_3(here: Path, goldleaf: Cli) -> None:
    labels = [f"text {number},c{number % 2}\n" for number in range(200)]
    Path("gold.csv").write_text("text,label\n" + "".join(labels))
    np.save("v.npy", np.random.default_rng(0).normal(size=(200, 4)))
    assert goldleaf("init", "gold.csv", *INIT[2:], "--seed", 1).code == 0
    with Project.open() as project:
        while project.status().stage == "training":
            project.label(lambda item: f"c{item.position % 2}", limit=1)
            project.ask()
    ran = goldleaf("certify")
    assert ran.code == 3 and "not certified at 5 %" in ran.out and "NOT reached" in ran.out
    ran = goldleaf("export", "out")
    assert ran.code == 0 and "Note: the target is not proven" in ran.out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(goldleaf: Cli, command: str) -> None:
    ran = goldleaf(command, "--help")
    assert ran.code == 0 and "Usage: goldleaf" in ran.out
    ran = goldleaf(command, "--nonsense")
    refused(ran, "No such option", code=2)


def test_unknown_commands(goldleaf: Cli) -> None:
    refused(goldleaf("lable"), "No command 'lable'", code=2)


@pytest.mark.parametrize("command", ["plan", "label", "status", "certify", "verify"])
def test_no_project_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, goldleaf: Cli, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    no_project = (re.escape(f"No goldleaf.toml in {tmp_path.resolve()}."), "goldleaf init FILE")
    refused(goldleaf(command), *no_project)
    refused(goldleaf("export", "out"), *no_project)
    refused(goldleaf("add", "x.csv"), *no_project)
    assert list(tmp_path.iterdir()) == []


def changed(*pairs: tuple[str, object]) -> list[object]:
    """The arguments of `init`, with some exchanged."""
    new = dict(pairs)
    return [new.get(str(argument), argument) for argument in INIT]


@pytest.mark.parametrize(
    ("arguments", "parts", "code"),
    [
        (
            changed(("text", "txet")),
            ["No column `txet`; the data has `text`, `n`.", "Did you mean `text`"],
            1,
        ),
        (changed(("c0,c1", "c0")), ["needs at least two labels"], 1),
        (changed(("c0,c1", "c0,c0")), ["must be distinct"], 1),
        (changed(("items.csv", "itmes.csv")), ["No file itmes.csv. Did you mean `items.csv`"], 1),
        (changed(("items.csv", "empty.csv")), ["empty.csv is empty"], 1),
        (changed(("items.csv", "latin.csv")), ["latin.csv is not utf-8: line 2", "--encoding cp1252"], 1),
        (changed(("v.npy", "nix.npy")), ["no file 'nix.npy'"], 1),
        (changed(("v.npy", "vv")), ["neither an .npy file nor a column: 'vv'; the data has `text`, `n`"], 1),
        (changed(("v.npy", "short.npy")), ["`vectors` has 3 rows"], 1),
        ([*INIT, "--error", "2"], ["`error` must lie strictly between 0 and 1, got 2.0"], 1),
        ([*INIT, "--error", "x"], ["'x' is not a valid float"], 2),
        ([*INIT, "--seed", "-1"], ["`seed` must not be negative, got -1"], 1),
        ([*INIT, "--cant-tell", "skip"], ["'skip' is not one of 'error', 'exclude'"], 2),
        ([*INIT, "--encoder", "text.static.v1"], ["Give `encoder` or `vectors`, not both"], 1),
        ([*INIT[:6], "--encoder", "text.statik.v1"], ["Unknown encoder", "Did you mean `text.static.v1`"], 1),
        ([*INIT, "--encoding", "utf9"], ["Unknown encoding 'utf9'"], 1),
        ([*INIT, "--ledger", "oracle://x"], ["oracle"], 1),
        ([*INIT[:4]], ["Missing option '--labels'"], 2),
        ([*INIT, "-C", "/proc/nowhere"], ["/proc/nowhere.*: No such file or directory"], 1),
    ],
)
def test_init_refuses(
    here: Path, goldleaf: Cli, arguments: list[object], parts: list[str], code: int
) -> None:
    Path("empty.csv").touch()
    Path("latin.csv").write_bytes("text\nä\n".encode("latin-1"))
    np.save("short.npy", np.ones((3, 2)))
    before = sorted(path.name for path in here.iterdir())
    refused(goldleaf(*arguments), *parts, code=code)
    assert sorted(path.name for path in here.iterdir()) == before  # nothing is left behind
    assert goldleaf(*INIT).code == 0  # and nothing stands in the way


def test_init_refuses_a_project(project: Path, goldleaf: Cli) -> None:
    refused(goldleaf(*INIT), "is a project already", "another folder: goldleaf init -C FOLDER")


@pytest.mark.parametrize(
    ("answers", "arguments", "parts"),
    [
        (
            "text,label\ntext 1,c0\ntext 2,C1\n",
            [],
            [r"Unknown label 'C1' in a\.csv, line 3; allowed: `c0`, `c1`", "`c1`"],
        ),
        ("text,label\ntext 1,c0\ntext 1,c1\n", [], [r"Two labels for one item: .*line 2.*line 3"]),
        ("text,label\nother,c0\n", [], [r"None of the 1 rows of a\.csv matches an item"]),
        ("txt,label\ntext 1,c0\n", [], ["does not say which items its labels are for: it has `txt`"]),
        ("text,a,b\ntext 1,c0,c1\n", [], [r"Which column of a\.csv holds the labels", "--answer-column"]),
        (
            "text,label\ntext 1,c0\n",
            ["--answer-column", "lable"],
            [r"No column `lable` in a\.csv", "Did you mean `label`"],
        ),
        ("", [], [r"a\.csv is empty"]),
        ("text,label\nä,c0\n", [], [r"a\.csv is not utf-8"]),
    ],
)
def test_answers_that_do_not_fit_are_refused_whole(
    project: Path, goldleaf: Cli, answers: str, arguments: list[str], parts: list[str]
) -> None:
    Path("a.csv").write_bytes(answers.encode("latin-1"))
    refused(goldleaf("label", "--answers", "a.csv", *arguments), *parts)
    assert "0: 0 training" in goldleaf("status").out


def test_label_refuses(project: Path, goldleaf: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(goldleaf("label", "--limit", "0"), "0 is not in the range", code=2)
    refused(goldleaf("label", "--answers", "nix.csv"), r"No file nix\.csv")
    with open("/dev/null") as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        refused(goldleaf("label"), "typed in a terminal, and there is none", "--answers FILE")


def test_verify_refuses(finished: Path, goldleaf: Cli) -> None:
    refused(goldleaf("verify", "nix.json"), r"Cannot read nix\.json: No such file", "goldleaf certify")
    text = Path("certificate.json").read_text()
    Path("certificate.json").write_text(text.replace('"rows": 40', '"rows": 41'))
    refused(goldleaf("verify"), "differs from what the ledger proves: `rows` is 41, recomputed 40")
    Path("certificate.json").write_text("hello")
    refused(goldleaf("verify"), "is not a certificate of goldleaf")


def test_export_refuses(finished: Path, goldleaf: Cli) -> None:
    refused(goldleaf("export", "out", "--to", "parqet"), "'parqet' is not one of 'csv'", code=2)
    Path("full").mkdir()
    Path("full/mine.txt").touch()
    refused(
        goldleaf("export", "full"), r"holds files that goldleaf did not write: `mine\.txt`", "--overwrite"
    )
    refused(goldleaf("export", "items.csv"), "is a file")
    refused(goldleaf("export", "/proc/nowhere"), "Could not write to '/proc/nowhere'")
    assert goldleaf("export", "full", "--overwrite").code == 0


def test_add_refuses_and_says_what_follows(finished: Path, goldleaf: Cli) -> None:
    refused(goldleaf("add", "nix.csv"), r"No file nix\.csv")
    Path("more.csv").write_text("txt\nx\n")
    refused(goldleaf("add", "more.csv"), "No column `text`|`text`")
    Path("more.csv").write_text("text\nnew one\n")
    ran = goldleaf("add", "more.csv")
    assert ran.code == 0 and "1 new items; 41 items now" in ran.out and "Go on: goldleaf label" in ran.out
    refused(goldleaf("certify"), "changed since the last audit", "goldleaf label")
    refused(goldleaf("label", "--answers", "gold.csv"), "40 rows for 41 items")
    assert goldleaf("verify").code == 0


def test_a_locked_ledger_is_named_and_readers_go_on(finished: Path, goldleaf: Cli) -> None:
    with Project.open(finished):
        for arguments in (
            ["label", "--answers", "gold.csv"],
            ["certify"],
            ["export", "out"],
            ["add", "items.csv"],
        ):
            refused(goldleaf(*arguments), r"process \d+\) is writing to .*ledger\.db", "Nothing was changed")
        for command in ("status", "verify", "plan"):
            assert goldleaf(command).code == 0


def test_a_missing_ledger_is_named(finished: Path, goldleaf: Cli) -> None:
    Path("ledger.db").unlink()
    refused(goldleaf("status"), r"No ledger at .*ledger\.db")
    Path("ledger.db").write_bytes(b"not a database at all" * 100)
    refused(goldleaf("status"), r"ledger\.db: file is not a database")


def test_missing_items_are_named(finished: Path, goldleaf: Cli) -> None:
    shutil.rmtree("items")
    refused(goldleaf("verify"), "items")


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> object:
    """No file may grow beyond a few bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    class Full:
        def __enter__(self) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))

        def __exit__(self, *_: object) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return Full()


def test_a_full_disk_is_an_error_in_words_and_loses_nothing(finished: Path, goldleaf: Cli, full_disk) -> None:
    for arguments in (["certify"], ["export", "out"], ["add", "gold.csv"], [*INIT, "-C", "other"]):
        with full_disk:
            refused(goldleaf(*arguments), r"(?i)too large|disk|full|I/O|written")
    assert goldleaf("status").code == 0
    assert goldleaf("certify").code == 0
    assert goldleaf("verify").code == 0


def test_init_without_a_column_names_those_there_are(goldleaf: Cli, tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text("id,review\n1,good\n2,bad\n")
    ran = goldleaf("init", str(tmp_path / "reviews.csv"), "--labels", "a,b", "-C", str(tmp_path / "p"))
    refused(ran, r"Which column holds the items\? .*reviews\.csv has `id`, `review`", "--text COLUMN")


@pytest.mark.parametrize(
    ("option", "value", "meant"), [("--error", "5", "0.05"), ("--confidence", "95", "0.95")]
)
def test_percent_for_a_share_is_explained(
    goldleaf: Cli, tmp_path: Path, option: str, value: str, meant: str
) -> None:
    (tmp_path / "reviews.csv").write_text("review\ngood\nbad\n")
    ran = goldleaf(
        "init", str(tmp_path / "reviews.csv"), "--text", "review", "--labels", "a,b", option, value
    )
    refused(ran, rf"must lie strictly between 0 and 1, got {value}\.0", f"For {value} %, write {meant}")


def test_answers_are_no_items(goldleaf: Cli, tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text("review\ngood\nbad\n")
    (tmp_path / "gold.csv").write_text("review,label\ngood,a\nbad,b\n")
    project = str(tmp_path / "p")
    made = ("--text", "review", "--labels", "a,b", "--encoder", "text.static.v1", "-C", project)
    assert goldleaf("init", str(tmp_path / "reviews.csv"), *made).code == 0
    ran = goldleaf("add", str(tmp_path / "gold.csv"), "-C", project)
    refused(
        ran,
        r"gold\.csv has columns that the project's items do not have: `label`",
        "goldleaf label --answers",
    )


def test_a_target_for_every_class(here: Path, goldleaf: Cli) -> None:
    ran = goldleaf(*INIT, "--per", "class", "--error", 0.2)
    assert ran.code == 0 and "at most 20 % wrong in every class, with 95 % confidence" in ran.out
    assert 'per = "class"' in Path("goldleaf.toml").read_text()
    assert "(target 20 % in every class)" in goldleaf("status").out
    ran = goldleaf("label", "--answers", "gold.csv")
    assert ran.code == 0 and re.search(
        r"proven +error <= .* % in the worst, `c\d`, with 95 % confidence; ", ran.out
    )
    assert re.search(r"  `c0`: error <= .* % of \d+ rows, \d+ answers, proven\n", ran.out)
    assert "% in every class with 95 % confidence" in goldleaf("certify").out
    assert goldleaf("verify").code == 0


def test_a_slice_that_is_not_proven_yet_says_what_it_needs(tmp_path: Path, goldleaf: Cli) -> None:
    some = world(400, noise=0.8)
    with some.project(tmp_path / "p", target=Target(0.05, per="class")) as project:
        while project.loop.frozen is None:
            project.label(some.person, limit=5)
            project.ask()
    ran = goldleaf("certify", "-C", tmp_path / "p")
    assert ran.code == 3 and ran.out.startswith("not certified at 5 %: error <= ")
    assert re.search(r"`c\d`: .* answers, about \d+ more\n", goldleaf("status", "-C", tmp_path / "p").out)


def test_a_column_to_slice_by_must_exist(here: Path, goldleaf: Cli) -> None:
    refused(
        goldleaf(*INIT, "--per", "m"), r"`per` is `m`, but the items have no such column; allowed: `class`"
    )
    assert not Path("goldleaf.toml").exists()
    assert goldleaf(*INIT, "--per", "n").code == 0  # forty values; each item is a slice of its own
