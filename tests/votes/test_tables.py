"""Votes that exist already, joined to the items; and what all sources are worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

import goldleaf as gl
from goldleaf.errors import ConfigError, VotesError
from goldleaf.project.base import Project
from goldleaf.schema import VoteTable
from goldleaf.votes import parts
from goldleaf.votes.base import ABSTAINED, Opinions, coded, joined
from goldleaf.votes.diagnose import clopper_pearson, cost_of_removing, diagnose, majority_error, without
from goldleaf.votes.names import sources
from goldleaf.votes.snorkel import matrix
from goldleaf.votes.suggest import suggest
from goldleaf.votes.table import last_of_each
from tests.helpers import world


@pytest.fixture
def project(tmp_path: Path) -> Any:
    with world(20).project(tmp_path / "p") as made:
        yield made


def triples(project: Project) -> set[tuple[int, str, str]]:
    table, labels = project.votes(), project.config.task.labels
    rows = zip(table.item.tolist(), table.source.tolist(), table.label.tolist(), strict=True)
    return {(item, table.names[source], labels[label]) for item, source, label in rows}


def test_predictions_of_a_file(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_text("text,guess,p\ntext 3,c0,0.9\ntext 1,c1,\ntext 2,,\nunknown,c0,1\n")
    (voted,) = project.vote([gl.Predictions(file, label="guess", confidence="p")])
    assert (voted.name, voted.items, voted.votes) == ("old", 3, 2)
    assert triples(project) == {(3, "old", "c0"), (1, "old", "c1")}
    confidence = project.votes().confidence
    assert confidence is not None
    np.testing.assert_allclose(confidence, [np.nan, 0.9])
    assert project.vote([gl.Predictions(file, label="guess", confidence="p")])[0].items == 0
    file.write_text("text,guess,p\ntext 3,c1,0.9\n")
    project.vote([gl.Predictions(file, label="guess", confidence="p")])
    assert triples(project) == {(3, "old", "c1")}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "text,guess,p\ntext 3,c0,0.9\ntext 1,c9,1\n",
            r"Unknown label 'c9' in old.csv, line 3; allowed: `c0`, `c1`",
        ),
        ("text,guess,p\ntext 3,c0,90\n", r"A confidence lies in \[0, 1\], got 90 in old.csv, line 2"),
        ("text,guess,p\ntext 3,c0,high\n", r"`p` of old.csv must hold numbers"),
        ("text,guess,p\nnothing,c0,1\n", "matches an item by content"),
    ],
)
def test_predictions_that_are_refused(body: str, message: str, project: Project, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_text(body)
    with pytest.raises(VotesError, match=message):
        project.vote([gl.Predictions(file, label="guess", confidence="p")])
    assert project.ledger.count("sources") == 0


def test_probabilities_a_column_a_label() -> None:
    task = gl.Classify(["a", "b"], text="text")
    rows = [
        {"text": "x", "pa": 0.2, "pb": 0.8},
        {"text": "y", "pa": 0.6, "pb": 0.4},
        {"text": "z", "pa": None, "pb": None},
    ]
    import tempfile

    with (
        tempfile.TemporaryDirectory() as folder,
        Project.create(
            Path(folder) / "p", items=rows, task=task, vectors=np.eye(3, dtype=np.float32)
        ) as project,
    ):
        own = gl.Predictions(probabilities={"b": "pb", "a": "pa"}, name="own")
        assert project.vote([own])[0].votes == 2
        assert triples(project) == {(0, "own", "b"), (1, "own", "a")}
        np.testing.assert_allclose(project.votes().confidence, [0.8, 0.6])  # type: ignore[arg-type]


def test_a_crowd(project: Project) -> None:
    rows = [
        {"text": f"text {item}", "annotator": who, "label": label}
        for item, who, label in [
            (0, "ann", "c0"),
            (0, "bob", "c1"),
            (5, "ann", "c1"),
            (5, "ann", "c0"),
            (6, "bob", None),
        ]
    ]
    (voted,) = project.vote([gl.Crowd(rows, name="crowd")])
    assert (voted.items, voted.votes) == (2, 3)
    assert triples(project) == {(0, "crowd:ann", "c0"), (0, "crowd:bob", "c1"), (5, "crowd:ann", "c0")}
    assert project.sources().standing["crowd"].facts["notes"] == {"repeated, the last counts": 1}


def test_a_row_without_a_key_speaks_of_no_item(tmp_path: Path) -> None:
    rows = [{"id": name, "text": f"text of {name}"} for name in "abc"]
    task = gl.Classify(["x", "y"], text="text", key="id")
    crowd = [
        {"id": key, "annotator": who, "label": label}
        for key, who, label in [
            ("c", "ann", "x"),
            (None, "bob", "y"),
            ("b", "bob", "x"),
            ("gone", "ann", "y"),
        ]
    ]
    with Project.create(
        tmp_path / "p", items=rows, task=task, vectors=np.eye(3, dtype=np.float32)
    ) as project:
        (voted,) = project.vote([gl.Crowd(crowd, name="crowd")])
        assert triples(project) == {(2, "crowd:ann", "x"), (1, "crowd:bob", "x")}
        assert (voted.items, voted.votes) == (2, 2)


@given(st.lists(st.sampled_from(["bob", "ann", "Zoë", "", "a b"]), min_size=1, max_size=12))
def test_voters_are_coded_in_alphabetical_order(voters: list[str]) -> None:
    called, which = coded(voters)
    assert called == sorted(set(voters))
    assert [called[at] for at in which] == voters


def test_matrices_by_row_or_by_item(tmp_path: Path) -> None:
    task = gl.Classify(["a", "b"], text="text")
    with Project.create(
        tmp_path / "p", items=["x", "y", "x"], task=task, vectors=np.eye(2, dtype=np.float32)
    ) as project:
        project.vote([gl.Matrix(np.array([[0, -1], [1, 1], [0, 0]]), names=["f", "g"], name="m")])
        assert triples(project) == {(0, "m:f", "a"), (1, "m:f", "b"), (1, "m:g", "b"), (0, "m:g", "a")}
        with pytest.raises(VotesError, match="has 4 rows; the data has 3 rows and 2 distinct items"):
            project.vote([gl.Matrix(np.zeros((4, 1), int))])
    for wrong, message in (
        (np.zeros(3, int), r"got int64 \(3,\)"),
        (np.zeros((2, 2)), "got float64"),
        (np.array([[0, 2]]), "has 2 in row 0, column 1; allowed: 0 to 1"),
    ):
        with pytest.raises(VotesError, match=message):
            matrix(wrong, 2)


def test_dropped_and_changed_sources(project: Project) -> None:
    def one(item: gl.Item) -> str:
        return "c0"

    def two(item: gl.Item) -> str:
        return "c1"

    project.vote([one, two])
    project.drop("one")
    assert project.votes().names == ("two",) and project.votes(only=["one"]).names == ()
    with pytest.raises(VotesError, match=r"No source 'one' has voted; there are `two`\."):
        project.drop("one")
    assert project.vote([one])[0].items == 20
    assert project.votes().names == ("two", "one")
    with pytest.raises(VotesError, match="Two sources are called 'two'"):
        project.vote([two, two])
    with pytest.raises(ConfigError, match=r"No source of votes: builtins\.int"):
        project.vote([3])


def test_a_changed_or_lost_file_of_votes_is_found_and_strays_are_removed(project: Project) -> None:
    def one(item: gl.Item) -> str:
        return "c0"

    project.vote([one])
    folder = project.folder / "votes"
    (folder / "123.tmp").write_text("half")
    (folder / ("0" * 64 + ".parquet")).write_text("never named")
    project.vote([one])
    (part,) = folder.iterdir()
    whole = part.read_bytes()
    part.write_bytes(whole[:-1] + b"x")
    with pytest.raises(VotesError, match="was changed after it was written"):
        project.votes()
    part.unlink()
    with pytest.raises(VotesError, match="cannot be read"):
        project.votes()


opinions = st.integers(0, 30).flatmap(
    lambda size: st.builds(
        lambda item, label, confidence, voter: Opinions(
            np.array(item, np.int64),
            np.array(label, np.int32),
            None if confidence is None else np.array(confidence, np.float32),
            None if voter is None else np.array(voter, np.str_),
        ),
        st.lists(st.integers(0, 50), min_size=size, max_size=size),
        st.lists(st.integers(-1, 3), min_size=size, max_size=size),
        st.none() | st.lists(st.floats(0, 1, width=32) | st.just(float("nan")), min_size=size, max_size=size),
        st.none()
        | st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=3),
            min_size=size,
            max_size=size,
        ),
    )
)


def rows(said: Opinions) -> list[tuple[Any, ...]]:
    size = len(said.item)
    confidence = (
        [None] * size
        if said.confidence is None
        else [None if c != c else c for c in said.confidence.tolist()]
    )
    voter = [None] * size if said.voter is None else said.voter.tolist()
    return sorted(
        zip(said.item.tolist(), said.label.tolist(), map(repr, confidence), map(repr, voter), strict=True)
    )


@settings(deadline=None)  # a disk may take its time to sync
@given(opinions)
def test_parts_give_back_what_was_written(tmp_path_factory: pytest.TempPathFactory, said: Opinions) -> None:
    folder = tmp_path_factory.mktemp("parts")
    digest = parts.write(folder, said)
    assert rows(parts.read(folder, digest)) == rows(said)
    assert parts.write(folder, said) == digest and len(list(folder.iterdir())) == 1


@given(opinions)
def test_one_vote_an_item_and_voter_the_last(said: Opinions) -> None:
    kept = last_of_each(said.item, said.label, said.confidence, said.voter)
    voter = [None] * len(said.item) if said.voter is None else said.voter.tolist()
    last = {
        key: label
        for *key_, label in zip(said.item.tolist(), voter, said.label.tolist(), strict=True)
        for key in [tuple(key_)]
    }
    mine = [None] * len(kept.item) if kept.voter is None else kept.voter.tolist()
    got = {
        (item, who): label
        for item, who, label in zip(kept.item.tolist(), mine, kept.label.tolist(), strict=True)
    }
    assert got == last and len(kept.item) == len(last)


@given(opinions, opinions)
def test_portions_join(one: Opinions, other: Opinions) -> None:
    both = joined([one, other])
    assert both.item.tolist() == one.item.tolist() + other.item.tolist()
    assert both.votes == one.votes + other.votes == int((both.label != ABSTAINED).sum())


# -- what sources are worth


@st.composite
def tables(draw: st.DrawFn) -> tuple[VoteTable, np.ndarray]:
    items, sources_, classes = draw(st.integers(1, 12)), draw(st.integers(1, 4)), draw(st.integers(2, 3))
    cells = draw(st.lists(st.integers(-1, classes - 1), min_size=items * sources_, max_size=items * sources_))
    dense = np.array(cells).reshape(items, sources_)
    item, source = np.nonzero(dense >= 0)
    truth = np.array(draw(st.lists(st.integers(-1, classes - 1), min_size=items, max_size=items)))
    names = tuple(f"s{number}" for number in range(sources_))
    return VoteTable(item, source, dense[item, source], names, items, classes), truth


@given(tables())
def test_diagnosis_by_counting_one_by_one(drawn: tuple[VoteTable, np.ndarray]) -> None:
    table, truth = drawn
    votes = {
        (i, s): c
        for i, s, c in zip(table.item.tolist(), table.source.tolist(), table.label.tolist(), strict=True)
    }
    at_random = np.arange(table.items) % 3 == 0
    got = diagnose(table, truth, at_random, estimated=np.full(len(table.names), 0.8))
    np.testing.assert_array_equal(got.estimated, np.where(got.overlap > 0, 0.8, np.nan))
    for s in range(len(table.names)):
        mine = {i: c for (i, other), c in votes.items() if other == s}
        rest = {i: [c for (j, other), c in votes.items() if j == i and other != s] for i in mine}
        assert got.votes[s] == len(mine) and got.coverage[s] == len(mine) / table.items
        assert got.overlap[s] == sum(bool(rest[i]) for i in mine) / table.items
        assert got.conflict[s] == sum(any(c != mine[i] for c in rest[i]) for i in mine) / table.items
        answered = [i for i in mine if truth[i] >= 0]
        assert got.answered[s] == len(answered)
        assert got.right[s] == sum(mine[i] == truth[i] for i in answered)
        assert got.drawn[s] == sum(i % 3 == 0 for i in answered)
        assert got.drawn_right[s] == sum(mine[i] == truth[i] for i in answered if i % 3 == 0)
        assert got.labels[s].tolist() == [list(mine.values()).count(c) for c in range(table.classes)]


@given(st.integers(0, 40), st.integers(0, 40), st.sampled_from([0.5, 0.9, 0.95]))
def test_intervals_are_scipy_s(right: int, wrong: int, confidence: float) -> None:
    low, high = clopper_pearson(np.array(right), np.array(right + wrong), confidence)
    if right + wrong == 0:
        assert (low, high) == (0, 1)
    else:
        exact = binomtest(right, right + wrong).proportion_ci(confidence, method="exact")
        np.testing.assert_allclose([low, high], [exact.low, exact.high], atol=1e-9)


def test_the_interval_covers_although_training_seeks_out_what_the_source_gets_wrong() -> None:
    items, runs, share = 3000, 400, 0.8
    rng = np.random.default_rng(3)
    right = np.arange(items) < share * items
    table = VoteTable(np.arange(items), np.zeros(items, int), right.astype(int), ("rule",), items, 2)
    covered, biased = 0, 0
    for _ in range(runs):
        truth, drawn = np.full(items, -1), np.zeros(items, bool)
        for _ in range(6):  # rounds: 10 hard items, then 10 at random from those still open
            for hard in (True, False):
                open_ = np.flatnonzero(truth < 0)
                risk = np.where(right[open_], 1.0, 6.0) if hard else np.ones(len(open_))
                some = rng.choice(open_, 10, replace=False, p=risk / risk.sum())
                truth[some], drawn[some] = 1, not hard
        got = diagnose(table, truth, drawn)
        low, high = clopper_pearson(got.right, got.answered)
        covered += got.low[0] <= share <= got.high[0]
        biased += low[0] <= share <= high[0]
        assert (got.drawn[0], got.answered[0]) == (60, 120)
    assert binomtest(covered, runs, 0.95, "less").pvalue > 0.01
    assert biased < runs / 10  # all answers together, as if they had been drawn at random


def test_what_removing_a_source_costs() -> None:
    truth = np.array([0, 1, 0, -1])
    table = VoteTable(
        np.array([0, 1, 2, 0, 1, 2]),
        np.array([0, 0, 0, 1, 1, 1]),
        np.array([0, 1, 0, 1, 1, 0]),
        ("good", "bad"),
        4,
        2,
    )
    cost = majority_error(truth)
    assert cost(table) == pytest.approx(1 / 6)  # a tie on the first item
    np.testing.assert_allclose(cost_of_removing(table, cost), [1 / 6, -1 / 6])
    assert len(without(table, 0).item) == 3


def test_suggestions_are_measured_on_answers_that_did_not_choose_them() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 200)
    noise = [" ".join(rng.choice(["one", "two", "three", "four", "five"], 3)) for _ in truth]
    texts = [
        f"{word} {'great stuff' if label and rng.random() < 0.5 else 'thing'}"
        for word, label in zip(noise, truth, strict=True)
    ]
    found = suggest(texts, truth.tolist(), ["neg", "pos"], [texts, texts])
    assert found[0].label == "pos" and set(found[0].word.split()) <= {"great", "stuff"}
    assert found[0].right == found[0].answered and found[0].low > 0.8
    assert found[0].coverage == pytest.approx(sum("great" in text for text in texts) / 200)
    assert not {"one", "two", "three", "four", "five"} & {one.word for one in found}
    assert suggest(texts[:5], truth[:5].tolist(), ["neg", "pos"], []) == []
    assert found[0].python() == f"goldleaf.keywords('pos', [{found[0].word!r}])"


def test_words_that_tell_nothing_are_rarely_suggested() -> None:
    rng = np.random.default_rng(1)
    shown = 0
    for _ in range(20):
        texts = [
            " ".join(rng.choice(list("abcdefgh"), 6)).replace("a", "aa").replace("b", "bb")
            for _ in range(100)
        ]
        shown += len(suggest(texts, rng.integers(0, 2, 100).tolist(), ["x", "y"], []))
    assert shown <= 2


# -- goldleaf.toml


def test_tables_of_goldleaf_toml(tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text("import goldleaf\n@goldleaf.labeling_function\ndef f(item): ...\n")
    found = sources(
        {
            "llama": {"base_url": "http://x/v1", "model": "m", "api_key_env": "K"},
            "rules": {"functions": "rules.py"},
            "kw": {"keywords": ["a"], "label": "c0"},
            "re": {"regex": "a", "label": "c0"},
            "look": {"lookup": "n", "labels": {"1": "c0"}},
            "old": {"predictions": "old.csv", "label": "guess"},
            "col": {"column": "guess"},
            "many": {"crowd": "c.csv"},
            "zs": {"zero_shot": True, "least": 0.5},
        },
        tmp_path,
    )
    assert [one.name for one in found] == ["llama", "f", "kw", "re", "look", "old", "col", "many", "zs"]
    assert found[5].table == tmp_path / "old.csv"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"base_url": "http://x/v1"}, r"\[sources.n\] must have one of `model`, `functions`"),
        ({"model": "m"}, r"\[sources.n\] needs `base_url`"),
        (
            {"model": "m", "base_url": "http://x", "api_key": "sk"},
            r"Unknown setting `api_key` under .* Did you mean `api_key_env`",
        ),
        ({"model": "m", "base_url": "x"}, "must start with http"),
        ({"model": "m", "base_url": "http://x", "budget": 1}, "needs prices"),
        ({"keywords": ["a"]}, r"needs `label`"),
        ({"zero_shot": False}, "must be true"),
        ({"keywords": ["a"], "regex": "b", "label": "c"}, "must have one of"),
    ],
)
def test_tables_that_are_refused(table: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        sources({"n": table}, tmp_path)
