"""The loop on arrays: certified, right within the bound, and wrong no more often than it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from goldleaf.certificates import threshold
from goldleaf.certificates.base import AuditPlan, allowed, alpha_of_attempt
from goldleaf.encode.features import Views
from goldleaf.estimator import CertifiedLabeler, views_of
from goldleaf.project.training import Training
from goldleaf.questions.stop import Forecast, Round

METHODS = ["auto", "threshold.v1", "gro.v1", "uniform.v1"]
Ints = np.ndarray


def blobs(items: int = 400, noise: float = 0.4, seed: int = 0) -> tuple[np.ndarray, Ints]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(3, size=items)
    return (np.eye(3, 8)[truth] + noise * rng.standard_normal((items, 8))).astype(np.float32), truth


class Person:
    """Knows the truth, counts, and is never asked twice."""

    def __init__(self, truth: Ints) -> None:
        self.truth = truth
        self.asked: list[int] = []

    def __call__(self, positions: Ints) -> Ints:
        assert len(positions)
        self.asked += positions.tolist()
        assert len(set(self.asked)) == len(self.asked)
        return self.truth[positions]


def check(labeler: CertifiedLabeler, person: Person, weights: Ints | None = None) -> float:
    """The share of wrong rows, after all that must hold whatever the luck."""
    truth = person.truth
    weights = np.ones(len(truth), np.int64) if weights is None else weights
    assert sum(labeler.answers_.values()) == labeler.human_.sum() == len(person.asked)
    assert set(person.asked) == set(np.flatnonzero(labeler.human_).tolist())
    assert (labeler.labels_[labeler.human_] == truth[labeler.human_]).all()
    assert (labeler.labels_ >= 0).all() and (labeler.labels_ < labeler.classes).all()
    assert labeler.certified_ == (labeler.bound_ <= labeler.error)
    assert (labeler.p_wrong_ >= 0).all() and (labeler.p_wrong_ <= 1).all()
    assert not labeler.p_wrong_[labeler.human_].any()
    return float(weights[labeler.labels_ != truth].sum() / weights.sum())


@pytest.mark.parametrize("method", METHODS)
def test_it_certifies_with_few_answers(method: str) -> None:
    vectors, truth = blobs(900, noise=0.3)
    person = Person(truth)
    labeler = CertifiedLabeler(3, error=0.08, method=method, seed=3).fit(vectors, person)
    assert labeler.certified_ and check(labeler, person) <= labeler.bound_ <= 0.08
    assert len(person.asked) < 450
    assert method in ("auto", labeler.plan_.method)


@pytest.mark.parametrize("method", METHODS)
def test_predictions_of_another_model_are_proven(method: str) -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=1500)
    wrong = rng.random(1500) < 0.1
    predicted = np.where(wrong, (truth + 1) % 3, truth)
    confidence = np.clip(0.95 - 0.4 * wrong + 0.05 * rng.standard_normal(1500), 0, 1)
    before = predicted.copy()
    person = Person(truth)
    labeler = CertifiedLabeler(3, error=0.05, method=method, seed=1)
    labeler.fit_predictions(predicted, confidence, person, first=60)
    assert labeler.certified_ and check(labeler, person) <= labeler.bound_
    assert labeler.answers_["training"] == 60 and np.array_equal(predicted, before)
    assert (labeler.labels_[~labeler.human_] == predicted[~labeler.human_]).all()
    if method in ("auto", "threshold.v1", "gro.v1"):
        assert len(person.asked) < 600


def test_fewer_predictions_than_first_answers_are_all_in_doubt() -> None:
    person = Person(np.array([0, 1, 1]))
    labeler = CertifiedLabeler(2, seed=1).fit_predictions(np.array([0, 1, 0]), np.full(3, 0.9), person)
    assert labeler.certified_ and check(labeler, person) == 0 and labeler.answers_["training"] == 0


def test_the_seed_decides_everything_and_inputs_stay() -> None:
    vectors, truth = blobs()
    before = vectors.copy()

    def asked(seed: int) -> list[int]:
        person = Person(truth)
        CertifiedLabeler(3, error=0.1, seed=seed).fit(vectors, person)
        return person.asked

    assert asked(5) == asked(5) != asked(6)
    assert np.array_equal(vectors, before)


def test_views_may_be_given() -> None:
    vectors, truth = blobs()
    views = views_of(vectors)
    assert isinstance(views, Views)
    one, other = Person(truth), Person(truth)
    CertifiedLabeler(3, error=0.1).fit(vectors, one)
    CertifiedLabeler(3, error=0.1).fit(views, other)
    assert one.asked == other.asked


def test_rows_count_as_often_as_they_are_there() -> None:
    vectors, truth = blobs()
    weights = np.random.default_rng(1).integers(1, 9, size=len(truth))
    person = Person(truth)
    labeler = CertifiedLabeler(3, error=0.1, seed=2).fit(vectors, person, weights)
    assert labeler.plan_.rows == weights.sum()
    assert labeler.certified_ and check(labeler, person, weights) <= labeler.bound_


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("items", [1, 2, 5, 12])
def test_tiny_pools_are_labeled_by_people(items: int, method: str) -> None:
    vectors, truth = blobs(items)
    person = Person(truth)
    labeler = CertifiedLabeler(3, method=method).fit(vectors, person)
    assert labeler.certified_ and check(labeler, person) <= 0.05


@pytest.mark.parametrize("error", [0.001, 0.5])
def test_targets_far_off_the_usual(error: float) -> None:
    vectors, truth = blobs(300)
    person = Person(truth)
    labeler = CertifiedLabeler(3, error=error).fit(vectors, person)
    assert labeler.certified_ and check(labeler, person) <= labeler.bound_ <= error


def test_labels_that_the_vectors_know_nothing_of() -> None:
    rng = np.random.default_rng(0)
    person = Person(rng.integers(3, size=200))
    labeler = CertifiedLabeler(3, error=0.05).fit(rng.normal(size=(200, 5)).astype(np.float32), person)
    assert labeler.certified_ and check(labeler, person) <= 0.05
    assert len(person.asked) > 150


# -- how often it is wrong


class Early(Training):
    """Stops after the cold start, when many labels are wrong."""

    def stop(self, rounds: Sequence[Round], batch: int, ahead: Forecast) -> str | None:
        return "early"


RUNS = 40


def false_certificates(method: str, confidence: float = 0.8) -> int:
    """Of `RUNS` runs on one pool those that certify what is not so."""
    vectors, truth = blobs(240, noise=0.55)
    views = views_of(vectors)
    wrong = 0
    for seed in range(RUNS):
        person = Person(truth)
        labeler = CertifiedLabeler(
            3, error=0.1, confidence=confidence, method=method, seed=seed, training=Early
        ).fit(views, person)
        assert labeler.certified_
        share = check(labeler, person)
        wrong += round(share * 240) > allowed(0.1, 240)
    return wrong


LUCK = int(binom.ppf(0.999, RUNS, alpha_of_attempt(1, 0.2)))


@pytest.mark.parametrize("method", METHODS)
def test_certificates_are_false_as_rarely_as_they_say(method: str) -> None:
    assert false_certificates(method) <= LUCK


def test_the_check_would_find_a_bound_that_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third of the draws, and a claim as if they were all there."""
    designed = threshold.design

    def fewer(*arguments: Any) -> AuditPlan:
        plan = designed(*arguments)
        return replace(plan, draws=max(plan.tolerated + 1, plan.draws // 3))

    monkeypatch.setattr(threshold, "design", fewer)
    monkeypatch.setattr(threshold, "residual", lambda *_: 0)
    assert false_certificates("threshold.v1") > LUCK
