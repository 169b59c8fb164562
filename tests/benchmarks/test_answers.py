"""The benchmark of human answers: its bounds are exact, its peers valid, its command says what is wrong."""

from __future__ import annotations

import csv
import itertools
from dataclasses import replace
from functools import partial
from math import comb
from pathlib import Path

import numpy as np
import pytest
from benchmarks.answers import cases, machine, ours, plot, report, runs, summary
from benchmarks.answers.__main__ import main
from benchmarks.answers.case import Case, Method, Result
from benchmarks.answers.methods import chosen, family, methods
from benchmarks.answers.oracle import oracle
from benchmarks.answers.peers.activeml import activeml
from benchmarks.answers.peers.pac_wsr import pac_wsr
from benchmarks.answers.peers.random_exact import random_exact
from benchmarks.answers.peers.tbal import thresholds
from benchmarks.answers.threshold import (
    draw_rows,
    safe_by_count,
    tolerated_clopper_pearson,
    tolerated_hypergeometric,
    wsr_upper_holds,
)
from scipy.stats import binom

from goldleaf.certificates.base import allowed
from goldleaf.encode import neighbours

ALPHA = 0.05


def voted(wrong: float = 0.2, items: int = 400, seed: int = 0, copies: int = 1) -> Case:
    """A case of votes whose confidence tells a little about which are wrong."""
    rng = np.random.default_rng(seed)
    gold, mistaken = rng.integers(3, size=items), rng.random(items) < wrong
    votes = np.where(mistaken, (gold + 1) % 3, gold)
    confidence = np.round(rng.random(items) - 0.3 * mistaken, 2)
    weights = rng.integers(1, copies + 1, size=items)
    return Case("voted", None, gold, weights, 3, "votes", votes, confidence)


def blobs(items: int = 240, seed: int = 0) -> Case:
    """Three classes that a linear classifier tells apart, but for some."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(3, size=items)
    raw = np.eye(3, 8)[gold] + 0.45 * rng.standard_normal((items, 8))
    vectors = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    around = neighbours.around(vectors)
    return Case("blobs", vectors, gold, np.ones(items, np.int64), 3, "vectors", around=around)


# -- the bounds


def left_wrong(wrong: tuple[bool, ...], drawn: tuple[int, ...], tolerated: int) -> int:
    """Wrong rows that stay when the walk may pass `tolerated` wrong drawn ones."""
    pool = np.arange(len(wrong))
    known = machine.Machine(pool[:0], pool, np.array(wrong), np.ones(len(wrong), np.int64))
    safe = safe_by_count(known, np.array(drawn), tolerated)
    return sum(wrong[at] for at in range(safe) if at not in drawn)


def worst_coverage(rows: int, limit: int, size: int, tolerated: int) -> float:
    """The largest chance over all worlds, every sample enumerated, that more than `limit` wrong rows stay."""
    samples = list(itertools.combinations(range(rows), size))
    return max(
        np.mean([left_wrong(wrong, drawn, tolerated) > limit for drawn in samples])
        for wrong in itertools.product([False, True], repeat=rows)
    )


@pytest.mark.parametrize(("limit", "size", "alpha"), [(0, 4, 0.5), (1, 4, 0.3), (2, 5, 0.3), (3, 3, 0.1)])
def test_the_exact_walk_holds_in_every_world_and_is_not_loose(limit: int, size: int, alpha: float) -> None:
    tolerated = tolerated_hypergeometric(8, limit, size, alpha)
    assert tolerated < 0 or worst_coverage(8, limit, size, tolerated) <= alpha
    more = tolerated + 1
    if limit + 1 + more <= 8:  # else so many wrong rows do not exist
        assert worst_coverage(8, limit, size, more) > alpha


def test_the_exact_bound_is_that_of_the_urn() -> None:
    rows, limit, size = 1000, 50, 100
    tolerated = tolerated_hypergeometric(rows, limit, size, ALPHA)

    def chance(found: int) -> float:
        wrong = limit + 1 + found
        ways = sum(comb(wrong, x) * comb(rows - wrong, size - x) for x in range(found + 1))
        return ways / comb(rows, size)

    assert tolerated == 1
    assert chance(tolerated) <= ALPHA < chance(tolerated + 1)


@pytest.mark.parametrize(("size", "tolerated"), [(58, -1), (59, 0), (92, 0), (93, 1)])
def test_clopper_pearson_at_five_percent(size: int, tolerated: int) -> None:
    assert tolerated_clopper_pearson(0.05, size, ALPHA) == tolerated


def test_the_betting_bound_is_the_published_recursion() -> None:
    losses = (np.random.default_rng(0).random(500) < 0.02).astype(float)

    def holds(mean: float) -> bool:
        total, squares, wealth, best = 0.5, 0.25, 1.0, 1.0
        for t, loss in enumerate(losses, 1):
            bet = min(np.sqrt(2 * np.log(2 / ALPHA) / (500 * squares / t)), 0.75 / (1 - mean))
            wealth *= 1 - bet * (loss - mean)
            best = max(best, wealth)
            total += loss
            squares += (loss - total / (t + 1)) ** 2
        return best >= 1 / ALPHA

    for mean in np.linspace(0.005, 0.1, 60):
        assert wsr_upper_holds(losses, float(mean), ALPHA) == holds(float(mean))
    assert not wsr_upper_holds(np.zeros(500), 0.0079, ALPHA)
    assert wsr_upper_holds(np.zeros(500), 0.0081, ALPHA)


def test_rows_are_drawn_alike() -> None:
    weights = np.array([1, 5, 2])
    drawn = draw_rows(weights, 40_000, 0, again=True)
    assert np.bincount(drawn) / 40_000 == pytest.approx(weights / 8, abs=0.01)
    assert np.bincount(draw_rows(weights, 8, 0, again=False)).tolist() == [1, 5, 2]


# -- the methods


def false_certificates(method: Method, case: Case, error: float, seeds: int) -> int:
    results = [method(case, error, ALPHA, seed) for seed in range(seeds)]
    return sum(one.certified and one.wrong_rows > allowed(error, case.rows) for one in results)


VALID = {
    "random_exact": partial(random_exact, size=100),
    "pac_wsr": partial(pac_wsr, size=250),
    "activeml": partial(activeml, strategy="margin", share=0.05),
}


@pytest.mark.parametrize("copies", [1, 4])
@pytest.mark.parametrize("name", VALID)
def test_a_valid_peer_is_wrong_no_more_often_than_it_says(name: str, copies: int) -> None:
    case = voted(copies=copies)
    assert false_certificates(VALID[name], case, 0.1, 300) <= binom.ppf(0.999, 300, ALPHA)


def test_the_check_finds_an_invalid_peer() -> None:
    def loose(case: Case, error: float, alpha: float, seed: int) -> Result:
        return random_exact(case, error, 0.5, seed, size=100)

    assert false_certificates(loose, voted(), 0.1, 300) > binom.ppf(0.999, 300, ALPHA)


REPEATED = ("goldleaf", "goldleaf - kernel")


def test_every_method_counts_its_answers_and_repeats_itself() -> None:
    case = blobs()
    for name, method in methods().items():
        if family(name) in summary.PEERS or name in ("oracle", "all_human", *REPEATED):
            first = method(case, 0.1, ALPHA, 3)
            for kept in (machine.random_start, machine.margin_start, ours._fits, ours.views):
                kept.cache_clear()
            assert method(case, 0.1, ALPHA, 3) == first, name
            assert first.answers == sum(first.parts.values()) <= case.items, name


@pytest.mark.parametrize("name", [name for name in ours.METHODS if name not in REPEATED])
def test_an_ablation_keeps_its_promise(name: str) -> None:
    result = ours.METHODS[name](blobs(), 0.1, ALPHA, 1)
    assert result.certified and result.wrong_rows <= 24
    assert result.answers == sum(result.parts.values()) <= 240


def test_targets_of_a_seed_share_their_rounds_and_nothing_else() -> None:
    case = blobs()
    alone = {}
    for error in (0.05, 0.15):
        ours._fits.cache_clear()
        alone[error] = ours.goldleaf(case, error, ALPHA, 2)
    ours._fits.cache_clear()
    assert {error: ours.goldleaf(case, error, ALPHA, 2) for error in (0.15, 0.05)} == alone


def test_goldleaf_only_proves_imported_votes() -> None:
    case = voted()
    result = ours.goldleaf(case, 0.1, ALPHA, 0)
    assert result.certified and result.parts["training"] == ours.FIRST
    assert result.answers == sum(result.parts.values()) < case.items


def test_tbal_takes_the_smallest_threshold_within_its_error() -> None:
    label, confidence = np.zeros(8, np.int64), np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.5, 0.4, 0.3])
    wrong = np.array([0, 0, 0, 0, 0, 1, 0, 0], bool)
    limits = thresholds(label, confidence, wrong, np.ones(8, np.int64), 2, 0.05)
    assert limits.tolist() == [0.6, np.inf]  # 0.5 is tied with a mistake


def test_the_oracle_asks_the_fewest() -> None:
    case = voted(copies=3)
    known = machine.imported(case, 0)
    limit = allowed(0.1, case.rows)
    fewest = next(
        k for k in range(case.items) if (known.wrong * known.weights)[: case.items - k].sum() <= limit
    )
    result = oracle(case, 0.1, ALPHA, 0)
    assert 0 < result.answers == fewest and result.wrong_rows <= limit


def test_the_oracle_needs_no_more_than_any_peer_on_vectors() -> None:
    case = blobs(600)
    assert oracle(case, 0.05, ALPHA, 0).answers < random_exact(case, 0.05, ALPHA, 0, size=150).answers


# -- the summary


def a_run(method: str, answers: int, seed: int = 0, on: str = "a", wrong: int = 0) -> runs.Run:
    return runs.Run(on, method, 0.05, ALPHA, seed, "text", 100, 100, answers, "", True, wrong, 0.1)


def test_a_peer_has_one_setting_for_all_sets() -> None:
    table = summary.cells(
        [
            a_run("pac_wsr[m=250]", 10),
            a_run("pac_wsr[m=500]", 20),
            a_run("pac_wsr[m=250]", 90, on="b"),
            a_run("pac_wsr[m=500]", 30, on="b"),
            a_run("goldleaf", 5),
            a_run("goldleaf", 60, on="b"),
        ]
    )
    assert summary.best_settings(table) == {"pac_wsr": "pac_wsr[m=500]"}
    assert summary.against(table, 0.05, ["pac_wsr[m=500]"]) == {
        "a": pytest.approx(0.25),
        "b": pytest.approx(2),
    }


def test_a_ratio_is_of_all_seeds_that_each_was_run_with() -> None:
    runs_ = [a_run("goldleaf", 10 if seed < 2 else 90, seed) for seed in range(20)]
    table = summary.cells([*runs_, *(a_run("goldleaf - x", 41, seed) for seed in range(2))])
    assert summary.against(table, 0.05, ["goldleaf - x"]) == {"a": pytest.approx(2)}


def test_a_method_whose_certificates_are_false_too_often_is_no_rival() -> None:
    table = summary.cells([a_run("tbal[x]", 10, seed, wrong=6 if seed < 6 else 5) for seed in range(20)])
    assert table["a", "tbal[x]", 0.05].violated == 6
    assert not summary.eligible(table, "tbal[x]")
    table = summary.cells([a_run("tbal[x]", 10, seed, wrong=6 if seed < 2 else 5) for seed in range(20)])
    assert summary.eligible(table, "tbal[x]")


def test_the_long_table_is_read_as_written(tmp_path: Path) -> None:
    some = [a_run("all_human", 100, seed) for seed in range(3)]
    runs.append(tmp_path / "runs.csv", some[:2])
    runs.append(tmp_path / "runs.csv", some[2:])
    assert list(runs.read(tmp_path / "runs.csv").values()) == some


# -- the command


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cases, "CACHE", tmp_path / "cache")
    rng = np.random.default_rng(0)
    with Path("mine.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["review", "stars", "label"])
        for row in range(200):
            good = bool(rng.random() < 0.5)
            writer.writerow([f"{'great' if good else 'awful'} food, visit {row}", row % 5, good])
    return tmp_path


CHEAP = ["--seeds", "2", "--jobs", "1", "--methods", "random_exact,pac_wsr[m=250],all_human"]


def test_the_command_on_a_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = ["--data", "mine.csv", "--text", "review", "--gold", "label", "--error", "0.1", *CHEAP]
    assert main(mine) == 0
    assert "| mine | 200 |" in capsys.readouterr().out
    kept = runs.read(here / "answers_runs.csv")
    assert len(kept) == 2 * 6 and not any(run.violated for run in kept.values())
    assert main([*mine, "--resume"]) == 0
    assert runs.read(here / "answers_runs.csv") == kept
    assert "seed" not in capsys.readouterr().out.split("\n\n")[0]  # nothing was run again


def test_the_command_on_a_line_of_toml(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("sets.toml").write_text('food = {file = "mine.csv", table = true, gold = "label"}\n')
    assert main(["--config", "sets.toml", "--error", "0.1", *CHEAP]) == 0
    assert "| food | 200 |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--data", "mine.csv", "--text", "revue", "--gold", "label"],
            "mine.csv has no column 'revue'; it has `review`, `stars`, `label`. Did you mean `review`?\n"
            "Name one of them: --text COLUMN.",
        ),
        (
            ["--data", "mime.csv", "--text", "review", "--gold", "label"],
            "No file mime.csv. Did you mean `mine.csv`?\nCheck the path; it starts from the current folder.",
        ),
        (
            ["--data", "mine.csv", "--gold", "label"],
            "mine.csv: exactly one of `text`, `image`, `vectors`, `table` says what an item is, got none.\n"
            "Name the column with the texts, e.g. --text review.",
        ),
        (
            ["--data", "mine.csv", "--text", "review"],
            "--data needs the column of true labels.\nName it: --gold COLUMN.",
        ),
        (
            ["--data", "mine.csv", "--vectors", "review", "--gold", "label"],
            "The column 'review' of mine.csv must hold lists of one length, got string.\n"
            "Write the vectors as a list column of a Parquet file.",
        ),
        (
            ["--error", "5", "--sets", "digits"],
            "`--errors` must lie strictly between 0 and 1, got '5'.\nWrite 5 % as 0.05.",
        ),
        (["--config", "no.toml"], "No file no.toml.\nCheck the path; it starts from the current folder."),
    ],
)
def test_a_refusal_says_what_to_do(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main([*arguments, "--methods", "all_human", "--jobs", "1"]) == 1
    assert capsys.readouterr().err == message + "\n"
    assert not Path("answers_runs.csv").exists()


def test_an_unknown_method_or_set_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--sets", "digit", "--draft"]) == 1
    assert "`--sets` names 'digit'; allowed: `digits`" in capsys.readouterr().err
    assert main(["--methods", "pac", "--draft"]) == 1
    assert "`--methods` names 'pac'; allowed: all, `random_exact`" in capsys.readouterr().err


def test_a_family_is_all_its_settings() -> None:
    assert list(chosen("pac_exact, oracle")) == [
        "pac_exact[m=150]",
        "pac_exact[m=300]",
        "pac_exact[m=600]",
        "pac_exact[m=0.05]",
        "oracle",
    ]


# -- the page


def test_the_report_says_what_holds(tmp_path: Path) -> None:
    def on(name: str, ours: int, peer: int, bare: int) -> list[runs.Run]:
        shares = {"goldleaf": ours, "goldleaf - census": bare, "pac_wsr[m=500]": peer, "oracle": 4}
        return [
            a_run(method, answers, seed, on=name) for method, answers in shares.items() for seed in range(3)
        ]

    table = summary.cells([*on("a", 6, 16, 9), *on("b", 24, 16, 24)])
    found = {figure.name: figure for figure in report.headline(table)}
    ratio = found["at 5 %: geometric mean, goldleaf / PAC labels"]
    assert (ratio.value, ratio.holds) == (pytest.approx(0.75), False)
    largest = found["at 5 %: largest ratio to the best eligible peer (b)"]
    assert (largest.value, largest.holds) == (pytest.approx(1.5), False)
    assert found["false certificates of 6 (5 % allowed), goldleaf"].holds
    assert "| a | 100 | **6.0** (6.0) | 16.0 (16.0) | 4.0 (4.0) | 0.0 |" in report.sets_table(table, 0.05)
    assert "| goldleaf - census | 1.22 | 1.50 (a) | 0 of 6 |" in report.ablation_table(table, 0.05)
    assert len(report.details(table)) == 2 * 4 * 4


def test_the_chart_has_a_line_a_method(tmp_path: Path) -> None:
    some = [
        replace(a_run(method, answers, on=plot.SETS[0]), error=error)
        for method, answers in (("goldleaf", 6), ("pac_wsr[m=500]", 16))
        for error in (0.05, 0.1)
    ]
    plot.draw(summary.cells(some), tmp_path / "images" / "answers.svg")
    drawn = (tmp_path / "images" / "answers.svg").read_text()
    assert plot.OWN_COLOUR in drawn and plot.COLOURS[0] in drawn and "(b) PAC labels" in drawn
