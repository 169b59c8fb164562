"""The sample for second opinions is an even one, and its limit holds as often as it says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2, hypergeom

from goldleaf.certificates import disagreement_slices, simulate_people
from goldleaf.certificates.audit import start
from goldleaf.certificates.base import AuditPlan, Outcome
from goldleaf.certificates.disagreement import Sample, extra_answers, upper_limit
from goldleaf.certificates.simulate_people import Crowd, by_risk, draw_sample, false_share, uneven

RUNS, ALPHA = 300, 0.05
MARK = binom.ppf(1 - 1e-4, RUNS, ALPHA) / RUNS


def too_low(rows: int, differ: int, drawn: int, alpha: float, ignored: int = 0) -> float:
    """The exact chance that the limit is below the truth; `ignored` differing rows are not counted."""
    limits = [upper_limit(rows, drawn, max(found - ignored, 0), alpha) for found in range(drawn + 1)]
    return float(
        sum(hypergeom.pmf(k, rows, differ, drawn) for k, limit in enumerate(limits) if limit < differ)
    )


@pytest.mark.parametrize(("rows", "drawn"), [(1, 1), (12, 5), (30, 12), (30, 30), (90, 25)])
def test_the_limit_is_exact(rows: int, drawn: int) -> None:
    chances = [too_low(rows, differ, drawn, 0.1) for differ in range(rows + 1)]
    assert max(chances) <= 0.1 + 1e-12
    assert drawn == rows or rows < 12 or max(chances) > 0.05  # and not idle


def test_the_exact_check_has_teeth() -> None:
    """A limit that overlooks one differing row is caught."""
    assert max(too_low(30, differ, 12, 0.1, ignored=1) for differ in range(31)) > 0.1


def test_the_limit_is_that_of_the_hypergeometric_law() -> None:
    for rows, drawn, found, alpha in [
        (1000, 60, 0, 0.04),
        (1000, 60, 3, 0.04),
        (10**9, 60, 1, 0.04),
        (50, 20, 19, 0.2),
    ]:
        limit = upper_limit(rows, drawn, found, alpha)
        assert hypergeom.cdf(found, rows, limit, drawn) > alpha * (1 - 1e-6)
        assert hypergeom.cdf(found, rows, limit + 1, drawn) <= alpha * (1 + 1e-6)
    assert upper_limit(10**9, 60, 0, 0.04) / 10**9 == pytest.approx(1 - 0.04 ** (1 / 60), abs=1e-6)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_the_limit_falls_as_answers_come_in(data: st.DataObject) -> None:
    """A missing answer counts as differing, so whatever it says the limit cannot rise; it moves by a row at least."""
    rows = data.draw(st.integers(1, 300))
    drawn = data.draw(st.integers(1, rows))
    found = data.draw(st.integers(0, drawn - 1))
    alpha = data.draw(st.floats(0.001, 0.5))
    assert (
        found <= upper_limit(rows, drawn, found, alpha) < upper_limit(rows, drawn, found + 1, alpha) <= rows
    )
    assert upper_limit(rows, drawn, drawn, alpha) == rows


def counts(crowd: Crowd, size: int, runs: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.sum([draw_sample(crowd, size, seed) for seed in range(runs)], axis=0)


def surprise(crowd: Crowd, size: int, runs: int) -> float:
    """The p-value of the rows of all samples under even draws."""
    found, expected = counts(crowd, size, runs), runs * size * crowd.rows / crowd.rows.sum()
    return float(chi2.sf(((found - expected) ** 2 / expected).sum(), crowd.rows.size - 1))


@pytest.mark.parametrize("size", [4, 25])
def test_uneven_draws_give_an_even_sample(size: int) -> None:
    """25 rows are more than the audit has draws for: the rest comes from what is answered."""
    crowd = uneven(30, 0.2, seed=3)
    assert crowd.settled.any() and np.exp(np.ptp(crowd.risk)) > 20
    assert surprise(crowd, size, 1500) > 1e-4


@pytest.mark.parametrize("size", [4, 25])
def test_an_audit_by_slices_gives_an_even_sample_too(size: int) -> None:
    """Its slices are certified one after the other, and then drawn from for the sample alone."""
    crowd = by_risk(uneven(30, 0.2, seed=3), 3)
    assert surprise(crowd, size, 1500) > 1e-4


def test_pairs_of_rows_of_all_slices_are_as_likely_as_any() -> None:
    """A sample in fixed shares of the slices has even rows, but not even pairs."""
    crowd = replace(by_risk(uneven(12, 0.2, seed=1), 3), rows=np.ones(12, np.int64))
    samples = [draw_sample(crowd, 2, seed) for seed in range(6000)]
    pairs = Counter(tuple(np.flatnonzero(one).tolist()) for one in samples)
    even = len(samples) / 66
    assert len(pairs) == 66
    assert chi2.sf(sum((count - even) ** 2 / even for count in pairs.values()), 65) > 1e-4


def test_the_check_by_slices_has_teeth(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(simulate_people, "evenness", lambda q, even: 0.9)
        assert surprise(by_risk(uneven(30, 0.2, seed=3), 3), 4, 1500) < 1e-6
    monkeypatch.setattr(disagreement_slices, "divide", lambda size, seed, rows: np.array([1, 1, 1, 1]))
    assert surprise(by_risk(uneven(30, 0.2, seed=3), 3), 4, 1500) < 1e-6


def test_the_evenness_check_has_teeth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate_people, "evenness", lambda q, even: 0.9)
    assert surprise(uneven(30, 0.2, seed=3), 4, 1500) < 1e-6


@pytest.mark.parametrize("slices", [1, 4])
def test_false_limits_stay_below_alpha(slices: int) -> None:
    crowd = uneven(200, 0.075) if slices == 1 else by_risk(uneven(200, 0.075), slices)
    assert 0 < false_share(crowd, 40, ALPHA, RUNS, seed=1) <= MARK


def test_the_coverage_check_has_teeth(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample of the audit's own draws, which avoid the items on which people differ, is caught."""
    monkeypatch.setattr(simulate_people, "evenness", lambda q, even: 1.0)
    assert false_share(uneven(200, 0.075), 40, ALPHA, 150, seed=1) > MARK


@pytest.mark.parametrize("method", ["gro.v1", "uniform.v1"])
def test_no_item_is_drawn_less_often_than_the_evenness_says(method: str) -> None:
    rng = np.random.default_rng(2)
    weights = rng.choice([1, 1, 4, 30], 300)
    p_wrong = rng.beta(0.3, 6, 300)
    plan = AuditPlan(weights, p_wrong, int(weights.sum()) + 50, 0.05, 0.04, 0.04, seed=5, method=method)  # type: ignore[arg-type]
    audit, unseen = start(plan), np.ones(300, bool)
    seen = []
    for _ in range(60):
        draws = audit.next()
        if draws[0].kind == "draw":
            even = audit.evenness(draws[0].position)
            _, bet = audit._design()  # type: ignore[attr-defined]
            q = bet.q[audit._pool.cell]  # type: ignore[attr-defined]
            assert q[unseen].sum() == pytest.approx(1)
            assert even <= (q * weights[unseen].sum() / weights)[unseen].min() <= even + 2 / 1024
            assert q[draws[0].position] == draws[0].probability
            seen.append(even)
        for draw in draws:
            audit.answer(draw.position, Outcome(int(rng.random() < p_wrong[draw.position])))
            unseen[draw.position] = False
    assert seen and min(seen) >= 0.1 - 1 / 1024
    assert method == "gro.v1" or min(seen) > 0.99


@pytest.mark.parametrize("crowd", [uneven(60, 0.1), by_risk(uneven(60, 0.1), 4)], ids=["whole", "sliced"])
def test_the_sample_is_a_function_of_the_seed_and_the_draws(crowd: Crowd) -> None:
    np.testing.assert_array_equal(draw_sample(crowd, 20, 7), draw_sample(crowd, 20, 7))
    assert (draw_sample(crowd, 20, 7) != draw_sample(crowd, 20, 8)).any()
    whole = draw_sample(crowd, int(crowd.rows.sum()), 7)
    np.testing.assert_array_equal(whole, crowd.rows)
    assert Sample(0, 1, np.ones(3, np.int64), 0).rest() == []


def test_extra_answers_are_second_ones_and_first_ones_beyond_the_audit() -> None:
    assert extra_answers(0, 100.0) == 0
    assert extra_answers(60, 1000.0) == 60
    assert extra_answers(60, 0.0) > 120
