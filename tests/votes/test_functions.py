"""Labeling functions: what they may say, what goes wrong in them, and when they are asked again."""

from __future__ import annotations

import dataclasses
import functools
import re
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import goldleaf as gl
from goldleaf.errors import ConfigError, VotesError
from goldleaf.project import keeping
from goldleaf.votes import function
from goldleaf.votes.base import ABSTAINED, Batch, joined
from goldleaf.votes.code import code_hash
from goldleaf.votes.function import LabelingFunction
from goldleaf.votes.module import functions_in, functions_of
from tests.helpers import world

LABELS = ("ham", "spam")


def batch(texts: list[str | None], start: int = 0) -> Batch:
    positions = np.arange(start, start + len(texts))
    content = pa.record_batch({"text": pa.array(texts, pa.string()), "n": list(range(len(texts)))})
    return Batch(positions, [f"id-{at}" for at in positions.tolist()], np.ones(len(texts), np.int64), content)


def ask(one: Any, *batches: Batch, workers: int | None = None) -> Any:
    said = list(function.vote([one], batches, LABELS, workers=workers))
    return joined([portion[0] for portion in said])


def test_decorator_with_and_without_parentheses() -> None:
    @gl.labeling_function
    def bare(item: gl.Item) -> str | None:
        return "spam"

    @gl.labeling_function()
    def empty(item: gl.Item) -> str | None:
        return "spam"

    @gl.labeling_function(name="called")
    def named(item: gl.Item) -> str | None:
        return "spam"

    assert [one.name for one in (bare, empty, named)] == ["bare", "empty", "called"]
    assert bare("anything") == "spam"
    with pytest.raises(ConfigError, match="without a name"):
        gl.labeling_function(lambda item: None)


def test_labels_confidences_replies_and_none() -> None:
    said: dict[str, Any] = {"a": "spam", "b": ("ham", 0.25), "c": None, "d": gl.Reply.CANT_TELL}
    got = ask(gl.labeling_function(name="f")(lambda item: said[item.content["text"]]), batch(list("abcd")))
    assert got.label.tolist() == [1, 0, ABSTAINED, ABSTAINED] and got.votes == 2
    np.testing.assert_allclose(got.confidence, [np.nan, 0.25, np.nan, np.nan])


def test_what_goes_wrong_is_counted_with_its_item_and_the_rest_goes_on() -> None:
    def risky(item: gl.Item) -> Any:
        text = item.content["text"]
        return {"a": "spam", "b": "spamm", "c": 1, "d": ("ham", 7)}.get(text) or 1 / 0

    got = ask(gl.labeling_function(risky), batch(list("abcde")))
    assert got.item.tolist() == [0] and got.label.tolist() == [1] and got.errors == 4
    assert [(one.item, one.what) for one in got.problems] == [
        ("id-1", "unknown label 'spamm'; allowed: `ham`, `spam`, or None. Did you mean `spam`?"),
        ("id-2", "unknown label 1; allowed: `ham`, `spam`, or None."),
        ("id-3", "a confidence must lie in [0, 1], got 7"),
    ]


def test_batch_functions_see_arrow_and_fail_as_a_whole() -> None:
    @gl.labeling_function(batch=True)
    def odd(rows: pa.RecordBatch) -> Any:
        assert isinstance(rows, pa.RecordBatch)
        return pa.array([("spam" if n % 2 else None) for n in rows.column("n").to_pylist()])

    assert ask(odd, batch(list("abc")), batch(["d"], 3)).label.tolist() == [
        ABSTAINED,
        1,
        ABSTAINED,
        ABSTAINED,
    ]
    short = gl.labeling_function(name="short", batch=True)(lambda rows: ["spam"])
    got = ask(short, batch(list("abc")), batch(["d"], 3))
    assert got.item.tolist() == [3] and got.errors == 3
    assert got.problems[0].what == "ValueError: 1 answers for 3 items (in a batch of 3)"


def test_more_processes_say_the_same() -> None:
    one = gl.labeling_function(name="f")(lambda item: "spam" if item.position % 3 else None)
    batches = [batch(["x"] * 10, start) for start in range(0, 60, 10)]
    alone, spread = ask(one, *batches, workers=1), ask(one, *batches, workers=2)
    assert alone.item.tolist() == spread.item.tolist() == list(range(60))
    assert alone.label.tolist() == spread.label.tolist()


words = st.text(st.sampled_from("abc. é"), min_size=1, max_size=4).filter(str.strip)


@given(
    st.lists(st.text(st.sampled_from("abcé .A\n"), max_size=12), min_size=1),
    st.lists(words, min_size=1, max_size=3),
)
def test_keywords_are_whole_words_in_any_case(texts: list[str], some: list[str]) -> None:
    def occurs(text: str) -> bool:
        flat = re.sub(r"\s+", " ", text).lower()
        phrases = [re.sub(r"\s+", " ", word.strip()).lower() for word in some]
        ends = [(at, at + len(one)) for one in phrases for at in range(len(flat)) if flat.startswith(one, at)]
        return any(not flat[a - 1 : a].isalnum() and not flat[b : b + 1].isalnum() for a, b in ends)

    got = ask(gl.keywords("spam", some), batch(list(texts)))
    assert (got.label == 1).tolist() == [occurs(text) for text in texts]


@given(
    st.lists(
        st.text(st.sampled_from("isk\u0130\u0131\u017f\u212aKS _+-.\n\u00a0é"), max_size=10), min_size=1
    ),
    st.lists(
        st.text(st.sampled_from("isk\u0131é +.-"), min_size=1, max_size=4).filter(str.strip),
        min_size=1,
        max_size=3,
    ),
    st.booleans(),
)
def test_the_hint_to_arrow_changes_nothing(texts: list[str], some: list[str], whole: bool) -> None:
    rule = gl.keywords("spam", some, whole=whole)
    slow = dataclasses.replace(rule.function, hint=None, exact=False)  # type: ignore[type-var]
    assert ask(rule, batch(list(texts))).label.tolist() == [
        -1 if label is None else 1 for label in slow(batch(list(texts)).content).to_pylist()
    ]


NEAR = st.text(st.sampled_from("abAé1 .\n+-\u0130\u017fß"), max_size=12)
PATTERNS = [
    "ab", "a b", "a.b", r"a\.b", r"\bab\b", r"(?i)ab", "(?i:ab)", "(?-i:ab)", "(ab)+é", "(ab)*é", "(?:ab|é)1",
    r"a{2}b", "[a]b", "[^a]b", "(?=ab)é?", "(?<!a)b1", "a(?#not b)b", r"(?x) a b  # c", "ab$", "(?s)a.b", "(a)b\\1",
    "", "a\n", r"\+-", "(?P<x>é1)?b", "a(b(1|é))", "a++b", "(?>ab)1", "é",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
@given(texts=st.lists(NEAR, min_size=1))
def test_the_text_that_a_pattern_needs_changes_nothing(pattern: str, texts: list[str]) -> None:
    got = ask(gl.regex("spam", pattern), batch(list(texts)))
    assert (got.label == 1).tolist() == [re.search(pattern, text) is not None for text in texts]


@pytest.mark.parametrize(
    ("pattern", "needed"),
    [
        (r"\bfree\b.*(?:money|cash)", "free"),
        ("x?(call now)+", r"call\ now"),
        ("(?i)free", None),
        ("a|b", None),
    ],
)
def test_only_rows_with_the_text_that_a_pattern_needs_are_looked_at(pattern: str, needed: str | None) -> None:
    assert gl.regex("spam", pattern).function.hint == needed  # type: ignore[attr-defined]


def test_helpers() -> None:
    assert ask(gl.regex("spam", r"\d{3}"), batch(["12", "123", None])).label.tolist() == [-1, 1, -1]
    assert ask(gl.lookup("n", {"1": "ham"}), batch(list("abc"))).label.tolist() == [-1, 0, -1]
    assert ask(gl.keywords("spam", ["ham"], whole=False), batch(["shame"])).label.tolist() == [1]
    with pytest.raises(ConfigError, match="not a regular expression"):
        gl.regex("spam", "(")
    with pytest.raises(ConfigError, match="must be a list of words"):
        gl.keywords("spam", "word")


class Snorkelish:
    """The shape of Snorkel's LabelingFunction."""

    def __init__(self, name: str, f: Any) -> None:
        self.name, self._f, self._resources, self._pre = name, f, {}, []

    def __call__(self, x: Any) -> int:
        return int(self._f(x))


def test_snorkel_functions_are_taken_as_they_are() -> None:
    (one,) = functions_in([Snorkelish("lf", lambda x: {"a": 1, "b": -1, "c": 0, "d": 2}[x.text])])
    got = ask(one, batch(list("abcd")))
    assert (one.name, got.item.tolist(), got.label.tolist()) == ("lf", [0, 1, 2], [1, ABSTAINED, 0])
    assert got.problems[0].what.startswith("unknown label 'class 2'")
    other = Snorkelish("lf", lambda x: {"a": 0}[x.text])
    assert functions_in([other])[0].version != one.version


# -- versions


FACTOR = 3
PATTERN = re.compile("a")


def helper(number: int) -> int:
    return number * FACTOR


def uses(number: int) -> int:
    return helper(number) if PATTERN.search("a") else 0


def test_a_version_follows_the_code_and_what_it_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_hash(uses)
    assert code_hash(uses) == before
    for name, value in (("FACTOR", 4), ("PATTERN", re.compile("b")), ("helper", lambda number: number)):
        with monkeypatch.context() as patch:
            patch.setitem(uses.__globals__, name, value)
            assert code_hash(uses) != before, name
    assert code_hash(uses) == before


def test_closures_defaults_partials_and_recursion_count() -> None:
    def made(word: str, extra: int = 0) -> Any:
        def inner(text: str, at: int = extra) -> Any:
            return inner if word in text else at

        return inner

    hashes = [code_hash(made("a")), code_hash(made("b")), code_hash(made("a", 1))]
    assert len(set(hashes)) == 3 and code_hash(made("a")) == hashes[0]
    one, two = (functools.partial(pow, number) for number in (1, 2))
    assert code_hash(one) != code_hash(two)


def test_a_version_is_the_same_in_another_process(tmp_path: Path) -> None:
    path = tmp_path / "rules.py"
    path.write_text(
        "import goldleaf\nWORDS = {'a', 'b', 'c', 'd'}\n@goldleaf.labeling_function\n"
        "def f(item):\n    return 'spam' if item in WORDS | {'x', 'y', 'z'} else None\n"
    )
    code = f"from pathlib import Path; from goldleaf.votes.module import functions_of; print(functions_of(Path({str(path)!r}))[0].version)"
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=None
        ).stdout.strip()
        for _ in range(2)
    }
    assert runs == {functions_of(path)[0].version}


def test_files_of_functions(tmp_path: Path) -> None:
    path = tmp_path / "rules.py"
    with pytest.raises(ConfigError, match="No file"):
        functions_of(path)
    path.write_text("x = 1\n")
    with pytest.raises(ConfigError, match="has no labeling functions"):
        functions_of(path)
    path.write_text("x = 1\ny = 1 / 0\n")
    with pytest.raises(VotesError, match="cannot be run: line 2: ZeroDivisionError"):
        functions_of(path)
    path.write_text(
        "import goldleaf as gl\nrules = [gl.keywords('ham', ['a'], name='k')]\n@gl.labeling_function\ndef f(item): ...\n"
    )
    assert [one.name for one in functions_of(path)] == ["k", "f"]


# -- in a project


def test_only_new_items_and_changed_functions_are_run(tmp_path: Path) -> None:
    some = world(30)
    asked: list[int] = []

    def rule(item: gl.Item) -> str | None:
        asked.append(item.position)
        return "c0" if item.position % 2 else None

    def run(project: gl.Project, version: str = "") -> Any:
        asked.clear()
        return project.vote([LabelingFunction(rule, "rule", version=version)], workers=1)[0]

    asked = []
    with some.project(tmp_path / "p") as project:
        # what a function gathers is part of what it uses, so this one keeps its list out of its own sight
        counted = SimpleNamespace(asked=[])

        class Rule:
            cache = counted

            def __call__(self, item: gl.Item) -> str | None:
                self.cache.asked.append(item.position)
                return "c0" if item.position % 2 else None

        def again(version: str = "") -> tuple[int, int]:
            counted.asked.clear()
            (voted,) = project.vote([LabelingFunction(Rule(), "rule", version=version)], workers=1)
            return len(counted.asked), voted.items

        assert again() == (30, 30)
        assert again() == (0, 0)
        project.add(["a new text"])
        assert again() == (1, 1)
        assert again("2") == (31, 31)
        assert project.votes().item.tolist() == list(range(1, 31, 2))
        assert project.ledger.count("sources") == 3 and len(list((tmp_path / "p" / "votes").glob("*"))) == 3


def test_one_that_cannot_travel_is_named_and_all_run_here(tmp_path: Path) -> None:
    lock = threading.Lock()

    def tied(item: gl.Item) -> str | None:
        with lock:
            return "c0"

    def free(item: gl.Item) -> str | None:
        return "c1"

    with world(80).project(tmp_path / "p") as project:
        first, second = project.vote([tied, free], workers=2)
    assert (first.votes, second.votes) == (80, 80)
    assert first.warnings == (
        "cannot be sent to other processes (TypeError: cannot pickle '_thread.lock' object), "
        "so one process did all the work",
    )
    assert second.warnings == ()


KILLED = """
import os, sys
import goldleaf as gl
from goldleaf.project import keeping
from goldleaf.votes import function

keeping.KEEP_AFTER, function.PIECE = 0.0, 0.0  # keep after every piece, of 16 items
asked = []

@gl.labeling_function
def rule(item):
    if item.position == 100:
        os._exit(9)
    return "c0"

with gl.Project.open(sys.argv[1]) as project:
    project.vote([rule], workers=1)
"""


def test_a_kill_loses_the_last_piece_only(tmp_path: Path) -> None:
    world(150).project(tmp_path / "p").close()
    ran = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "p")], check=False, timeout=60)
    assert ran.returncode == 9
    asked = []

    @gl.labeling_function(name="rule")
    def rule(item: gl.Item) -> str:
        asked.append(item.position)
        return "c0"

    with gl.Project.open(tmp_path / "p") as project:
        kept = project.votes(["rule"]).item.tolist()
        assert kept == list(range(96))  # 64 to learn the pace, then 16 at a time
        (standing,) = project.record_of_votes.standing().values()
        again = dataclasses.replace(rule)
        object.__setattr__(again, "version", standing.version)
        (voted,) = project.vote([again], workers=1)
        assert voted.items == 54 and sorted(asked) == list(range(96, 150))
        assert project.votes().item.tolist() == list(range(150))


def test_errors_of_one_run_are_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "KEEP_AFTER", 0.0)
    monkeypatch.setattr(function, "PIECE", 0.0)

    def odd(item: gl.Item) -> str:
        return "c0" if item.position % 2 else str(1 / 0)

    with world(150).project(tmp_path / "p") as project:
        (voted,) = project.vote([odd], workers=1)
        assert (voted.items, voted.errors) == (75, 75) and len(voted.problems) == 3
        assert project.sources().standing["odd"].errors == 75
        assert project.ledger.count("sources") > 3
        (voted,) = project.vote([odd], workers=1)
        assert (voted.items, voted.errors) == (0, 75)


def test_one_function_that_fails_keeps_the_others_and_is_asked_again(tmp_path: Path) -> None:
    def fine(item: gl.Item) -> str:
        return "c1"

    def broken(item: gl.Item) -> str:
        return "c1" if item.position else str(1 / 0)

    with world(10).project(tmp_path / "p") as project:
        good, bad = project.vote([fine, broken])
        assert (good.votes, good.errors, bad.votes, bad.errors) == (10, 0, 9, 1)
        assert bad.problems[0][1] == "ZeroDivisionError: division by zero"
        rows = project.ledger.count("sources")
        good, bad = project.vote([fine, broken])
        assert (good.items, bad.items, bad.errors) == (0, 0, 1)
        assert project.ledger.count("sources") == rows  # nothing new to record
        assert project.sources().standing["broken"].errors == 1


def test_a_changed_function_that_fails_as_often_as_before_is_on_record(tmp_path: Path) -> None:
    def broken(item: gl.Item) -> str:
        raise ValueError("one")

    with world(10).project(tmp_path / "p") as project:
        project.vote([broken])
        before = project.sources().standing["broken"].version

        def broken(item: gl.Item) -> str:
            raise ValueError("another")

        project.vote([broken])
        after = project.sources().standing["broken"]
        assert after.version != before and after.errors == 10
