"""A round of training on arrays: the right questions, the same for the same seed, and an end."""

from __future__ import annotations

import numpy as np
import pytest

from goldleaf.estimator import views_of
from goldleaf.project import model as models
from goldleaf.project.model import Inferred, Known, Model
from goldleaf.project.training import Training
from goldleaf.questions.margin import RANDOM_SHARE
from goldleaf.questions.stop import Forecast, Round, batch_size, first_batch_size

Ints = np.ndarray


def blobs(items: int = 300, classes: int = 3, noise: float = 0.35, seed: int = 0) -> tuple[np.ndarray, Ints]:
    """(vectors, truth)"""
    rng = np.random.default_rng(seed)
    truth = rng.integers(classes, size=items)
    vectors = np.eye(classes, 8)[truth] + noise * rng.standard_normal((items, 8))
    return vectors.astype(np.float32), truth


def known_of(positions: Ints, truth: Ints, sought: bool = False) -> Known:
    return Known(positions, truth[positions], np.full(len(positions), sought))


def costly(sample: Ints, inferred: Inferred) -> Forecast:
    """An audit that would cost a lot, so that training goes on."""
    return lambda answers, error: 50 + 1e6 * error


def free(sample: Ints, inferred: Inferred) -> Forecast:
    return lambda answers, error: 1.0


@pytest.fixture
def training() -> Training:
    return Training(views_of(blobs()[0]), 3, seed=1)


NONE = Known(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, bool))


def test_the_first_questions_come_without_a_round(training: Training) -> None:
    turn = training.turn(NONE, np.arange(300), 0, [], costly)
    assert list(turn.ask) == ["cold"] and turn.stop is None and turn.round is None
    assert len(set(turn.ask["cold"].tolist())) == first_batch_size(3, 300)
    allowed = np.arange(100, 300)
    again = training.turn(NONE, allowed, 7, [], costly).ask["cold"]  # seven can't tells
    assert set(again.tolist()) <= set(allowed.tolist())


def test_a_round_asks_new_candidates_for_two_reasons(training: Training) -> None:
    _, truth = blobs()
    known = known_of(np.arange(0, 300, 10), truth)
    candidates = np.setdiff1d(np.arange(300), known.positions)[5:]
    turn = training.turn(known, candidates, 32, [], costly)
    asked = np.concatenate(list(turn.ask.values()))
    size = batch_size(3, 30)
    assert list(turn.ask) == ["margin", "random"]
    assert len(turn.ask["random"]) == round(RANDOM_SHARE * size)
    assert len(set(asked.tolist())) == size and set(asked.tolist()) <= set(candidates.tolist())
    assert turn.round is not None and turn.round.answers == 32 and 0 < turn.round.error < 1
    assert turn.forecast == pytest.approx(50 + 1e6 * turn.round.error)


def test_a_round_is_a_function_of_what_it_is_given(training: Training) -> None:
    vectors, truth = blobs()
    known = known_of(np.arange(0, 300, 10), truth)
    candidates = np.setdiff1d(np.arange(300), known.positions)

    def asked(seed: int) -> list[list[int]]:
        turn = Training(views_of(vectors), 3, seed).turn(known, candidates, 30, [], costly)
        return [positions.tolist() for positions in turn.ask.values()]

    assert asked(1) == asked(1) != asked(2)


def test_the_forecast_is_made_for_what_is_scored(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    from goldleaf.project import training as module

    monkeypatch.setattr(module, "SCORED", 60)
    monkeypatch.setattr(module, "SAMPLE", 25)
    _, truth = blobs()
    known = known_of(np.arange(0, 300, 10), truth)
    candidates = np.setdiff1d(np.arange(300), known.positions)
    seen: list[tuple[Ints, Inferred]] = []

    def forecaster(sample: Ints, inferred: Inferred) -> Forecast:
        seen.append((sample, inferred))
        return costly(sample, inferred)

    turn = training.turn(known, candidates, 30, [], forecaster)
    [(sample, inferred)] = seen
    assert len(sample) == len(inferred.p_wrong) == 25 and set(sample.tolist()) <= set(candidates.tolist())
    np.testing.assert_allclose(inferred.p_wrong, training.fit(known).infer(sample).p_wrong, rtol=1e-5)
    assert turn.round is not None and turn.round.error == pytest.approx(inferred.p_wrong.mean())


def test_training_ends_with_a_reason(training: Training) -> None:
    _, truth = blobs()
    known = known_of(np.arange(0, 300, 5), truth)
    rest = np.setdiff1d(np.arange(300), known.positions)
    before = [Round(20 + 8 * number, 0.1) for number in range(5)]
    turn = training.turn(known, rest, 60, before, free)
    assert turn.stop and "near its minimum" in turn.stop and not turn.ask
    assert turn.round is not None and turn.forecast == 1.0
    assert training.turn(known, rest, 60, before[:3], free).stop is None  # too few rounds to tell
    turn = training.turn(known, rest[:0], 60, before, costly)
    assert turn.stop == "every item that may be asked has an answer" and not turn.ask


# -- the model


def test_a_model_says_the_same_in_any_block(monkeypatch: pytest.MonkeyPatch, training: Training) -> None:
    _, truth = blobs()
    model = training.fit(known_of(np.arange(0, 300, 4), truth))
    whole = model.infer(np.arange(300))
    monkeypatch.setattr(models, "BLOCK", 7)
    parts = model.infer(np.arange(300))
    np.testing.assert_allclose(parts.probabilities, whole.probabilities, atol=1e-5)
    np.testing.assert_allclose(parts.p_wrong, whole.p_wrong, rtol=1e-3)
    assert (whole.probabilities.argmax(axis=1) == truth).mean() > 0.85
    assert len(model.infer(np.empty(0, np.int64)).p_wrong) == 0


def test_mistakes_on_sought_out_items_do_not_spoil_the_picture() -> None:
    """Hard items are all mislabeled by the model; the guess for others follows those drawn at random."""
    vectors, truth = blobs(900)
    labels = truth.copy()
    hard = np.arange(0, 900, 3)
    labels[hard] = np.random.default_rng(0).integers(3, size=len(hard))
    at = np.arange(0, 900)
    sought = np.isin(at, hard)
    told = Model.fit(views_of(vectors), Known(at, labels, sought), 3, seed=0)
    blind = Model.fit(views_of(vectors), Known(at, labels, np.ones(900, bool)), 3, seed=0)
    assert told.infer(at).p_wrong.mean() < 0.6 * blind.infer(at).p_wrong.mean()


def test_one_answer_is_a_model(training: Training) -> None:
    _, truth = blobs()
    for sought in (True, False):
        inferred = training.fit(known_of(np.array([4]), truth, sought)).infer(np.arange(300))
        assert np.isfinite(inferred.p_wrong).all() and np.isfinite(inferred.probabilities).all()
