"""What to ask: distinct candidates of the right number, for any seed; and when to stop training."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldleaf.questions.centroids import centroids
from goldleaf.questions.margin import RANDOM_SHARE, margin
from goldleaf.questions.stop import (
    ROUNDS,
    Round,
    batch_size,
    first_batch_size,
    learning_curve,
    reason_to_stop,
)

SEEDS = st.sampled_from([0, 1, 2**31 - 1, 2**32, 2**53 - 1])  # a project draws 53 bits


@st.composite
def pools(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, int]:
    """(vectors, probabilities, candidates, size, seed), down to pools of one item and of equal items."""
    items = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    vectors = rng.normal(size=(items, 3)).astype(np.float32)
    if draw(st.booleans()):
        vectors[:] = vectors[0]
    probabilities = rng.dirichlet(np.ones(draw(st.integers(2, 5))), items).astype(np.float32)
    chosen = rng.choice(items, draw(st.integers(1, items)), replace=False)
    return vectors, probabilities, np.sort(chosen), draw(st.integers(1, 70)), draw(SEEDS)


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@settings(max_examples=60, deadline=None)
@given(pool=pools())
def test_the_first_questions_are_distinct_candidates(pool) -> None:
    vectors, _, candidates, size, seed = pool
    chosen = centroids(vectors, candidates, size, seed=seed)
    assert len(chosen) == min(size, len(candidates)) == len(set(chosen.tolist()))
    assert set(chosen.tolist()) <= set(candidates.tolist())
    assert chosen.tolist() == centroids(vectors, candidates, size, seed=seed).tolist()


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@settings(max_examples=60, deadline=None)
@given(pool=pools())
def test_a_rounds_questions_are_distinct_candidates(pool) -> None:
    vectors, probabilities, _, size, seed = pool
    unsure, chance = margin(vectors, probabilities, size, seed=seed)
    both = [*unsure.tolist(), *chance.tolist()]
    assert len(both) == len(set(both)) == min(size, len(vectors))
    assert set(both) <= set(range(len(vectors)))
    again = margin(vectors, probabilities, size, seed=seed)
    assert both == [*again[0].tolist(), *again[1].tolist()]


def test_the_first_questions_lie_in_every_cluster() -> None:
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(6), 30)
    vectors = (10 * np.eye(6)[cluster] + rng.normal(size=(180, 6)) * 0.1).astype(np.float32)
    chosen = centroids(vectors, np.arange(180), 12, seed=3)
    assert set(cluster[chosen].tolist()) == set(range(6))


def test_the_uncertain_are_asked_and_a_share_at_random() -> None:
    rng = np.random.default_rng(1)
    first = np.linspace(0.5, 1.0, 2000)
    probabilities = np.column_stack([first, 1 - first]).astype(np.float32)
    vectors = rng.normal(size=(2000, 4)).astype(np.float32)
    unsure, chance = margin(vectors, probabilities, 40, seed=5)
    assert len(chance) == round(40 * RANDOM_SHARE) and len(unsure) == 40 - len(chance)
    assert unsure.max() < 10 * 40 + len(chance)  # of the least certain; spread, not the very least
    assert chance.max() > 1000  # an item the model is sure of
    other, _ = margin(vectors, probabilities, 40, seed=6)
    assert set(other.tolist()) != set(unsure.tolist())


# -- when to stop


def rounds(errors: list[float], step: int = 20) -> list[Round]:
    return [Round(step * (number + 1), error) for number, error in enumerate(errors)]


def audit(answers: int, error: float, *, worth: float = 4000) -> float:
    """An audit that costs in proportion to the error, and never less than 50."""
    return 50 + worth * error


def test_training_goes_on_while_it_pays() -> None:
    falling = [0.3 * (number + 1) ** -0.6 for number in range(10)]
    assert reason_to_stop(rounds(falling), 50, 8, lambda n, error: audit(n, error, worth=20_000)) is None


def test_training_ends_where_it_does_not_pay() -> None:
    flat = [0.05] * 20
    reason = reason_to_stop(rounds(flat), 50, 8, lambda answers, error: audit(answers, error, worth=1000))
    assert reason and "stopped falling" in reason
    rising = [0.02 + 0.002 * number for number in range(20)]
    reason = reason_to_stop(rounds(rising), 50, 8, lambda answers, error: audit(answers, error, worth=1000))
    assert reason and "stopped falling" in reason


def test_training_ends_near_the_floor() -> None:
    reason = reason_to_stop(rounds([0.001] * ROUNDS), 50, 8, lambda answers, error: 55.0)
    assert reason == "the audit's forecast (55) is near its minimum (50)"


def test_the_first_rounds_say_too_little() -> None:
    for number in range(1, ROUNDS):
        assert reason_to_stop(rounds([0.001] * number), 50, 8, audit) is None


@pytest.mark.parametrize("exponent", [0.2, 0.5])
def test_the_curve_is_found_through_noise(exponent: float) -> None:
    rng = np.random.default_rng(2)
    noisy = [0.5 * (n + 1) ** -exponent * np.exp(0.05 * rng.normal()) for n in range(60)]
    curve = learning_curve(rounds(noisy))
    assert curve.exponent == pytest.approx(exponent, abs=0.2)
    assert curve.error == pytest.approx(0.5 * 60**-exponent, rel=0.15)
    assert curve.at(2 * curve.answers) == pytest.approx(curve.error * 2**-curve.exponent)
    assert curve.at(curve.answers) == curve.error


def test_nothing_is_added_to_what_the_rounds_expect() -> None:
    """Mistakes not seen yet are in the expected errors already."""
    falling = [0.02 * (n + 1) ** -0.4 for n in range(30)]
    assert learning_curve(rounds(falling)).error == pytest.approx(falling[-1], rel=0.05)


def test_no_error_at_all_is_no_reason_to_divide_by_zero() -> None:
    curve = learning_curve(rounds([0.0] * ROUNDS))
    assert 0 < curve.error < 0.05 and np.isfinite(curve.exponent)


@given(classes=st.integers(2, 500), items=st.integers(1, 10**7), answers=st.integers(0, 10**6))
def test_sizes_are_sane(classes: int, items: int, answers: int) -> None:
    assert 2 <= first_batch_size(classes, items) <= max(2 * classes, 20)
    assert first_batch_size(classes, items) <= max(items, 2)
    assert batch_size(classes, answers) >= 8
    assert batch_size(classes, answers + 100) >= batch_size(classes, answers)
