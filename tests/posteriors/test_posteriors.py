"""The probe and its doubts: probabilities, truly out of fold, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldleaf.posteriors.probe import Probe
from goldleaf.posteriors.wrong import FLOOR, WrongPredictor, signals

Floats = np.ndarray


def clusters(items: int, classes: int, noise: float = 0.5, seed: int = 0) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, items)
    vectors = np.eye(max(classes, 6))[labels] + rng.normal(size=(items, max(classes, 6))) * noise
    return vectors.astype(np.float32), labels.astype(np.int64)


@settings(max_examples=40, deadline=None)
@given(
    items=st.integers(2, 60),
    seen=st.integers(1, 6),
    more=st.integers(0, 4),
    wide=st.booleans(),
    seed=st.sampled_from([0, 5, 2**53 - 1]),
)
def test_rows_are_probabilities_and_unseen_classes_get_none(
    items: int, seen: int, more: int, wide: bool, seed: int
) -> None:
    vectors, labels = clusters(items, seen, seed=items)
    if wide:  # more dimensions than answers
        vectors = np.hstack([vectors, np.zeros((items, 100), np.float32)])
    classes = seen + more + 1
    probe = Probe(classes, seed=seed).fit(vectors, labels)
    unseen = np.setdiff1d(np.arange(classes), labels)
    for rows in (probe.predict_proba(vectors), probe.out_of_fold_):
        assert rows.shape == (items, classes) and rows.dtype == np.float32
        assert rows.sum(axis=1) == pytest.approx(np.ones(items), abs=1e-4)
        assert (rows >= 0).all() and (rows[:, unseen] == 0).all()
        assert not set(rows.argmax(axis=1).tolist()) & set(unseen.tolist())


def test_one_answer_has_finite_probabilities_out_of_fold() -> None:
    vectors, labels = clusters(1, 2)
    assert np.isfinite(Probe(3).fit(vectors, labels).out_of_fold_).all()


def test_it_learns_and_is_about_calibrated() -> None:
    vectors, labels = clusters(600, 4, noise=0.45)
    new, truth = clusters(4000, 4, noise=0.45, seed=1)
    probabilities = Probe(4, strength=100.0).fit(vectors, labels).predict_proba(new)
    right = probabilities.argmax(axis=1) == truth
    assert right.mean() > 0.75
    assert probabilities.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.04)


def test_the_same_seed_is_the_same_probe_and_inputs_stay() -> None:
    vectors, labels = clusters(80, 3)
    before = vectors.copy(), labels.copy()
    first, second = (Probe(3, seed=7).fit(vectors, labels) for _ in range(2))
    assert np.array_equal(first.out_of_fold_, second.out_of_fold_)
    assert np.array_equal(first.predict_proba(vectors), second.predict_proba(vectors))
    assert not np.array_equal(first.out_of_fold_, Probe(3, seed=8).fit(vectors, labels).out_of_fold_)
    assert np.array_equal(vectors, before[0]) and np.array_equal(labels, before[1])


def test_an_items_own_label_never_informs_its_out_of_fold_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the folds and the temperature held, changing one label changes the others' rows, not its own."""
    from goldleaf.posteriors import probe as module

    vectors, labels = clusters(60, 3, noise=0.8)
    folds = list(module._folds(labels, 5, 0))
    assert sorted(np.concatenate([test for _, test in folds]).tolist()) == list(range(60))
    assert all(not set(train.tolist()) & set(test.tolist()) for train, test in folds)
    monkeypatch.setattr(module, "_folds", lambda *_: iter(folds))
    monkeypatch.setattr(module, "_temperature", lambda *_: 1.0)
    before = Probe(3).fit(vectors, labels).out_of_fold_
    for item in (0, 17, 42):
        changed = labels.copy()
        changed[item] = (labels[item] + 1) % 3
        after = Probe(3).fit(vectors, changed).out_of_fold_
        mates = next(test for _, test in folds if item in test)
        others = np.setdiff1d(np.arange(60), mates)
        assert after[item] == pytest.approx(before[item], abs=1e-5)
        assert not np.allclose(after[others], before[others], atol=1e-4)


def test_noise_is_not_learned_out_of_fold() -> None:
    """Labels that have nothing to do with the vectors: in sample they are remembered, out of fold they are not."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 200)).astype(np.float32)
    labels = rng.integers(0, 2, 300)
    probe = Probe(2, strength=100.0).fit(vectors, labels)
    assert (probe.predict_proba(vectors).argmax(axis=1) == labels).mean() > 0.9
    assert (probe.out_of_fold_.argmax(axis=1) == labels).mean() < 0.6


@pytest.mark.parametrize(("vectors", "labels"), [(np.ones((2, 3)), [0]), (np.ones((0, 3)), [])])
def test_lengths_that_do_not_fit_are_refused(vectors: Floats, labels: list[int]) -> None:
    with pytest.raises(ValueError, match="must be as long and not empty"):
        Probe(2).fit(vectors.astype(np.float32), np.array(labels, np.int64))


# -- what may be wrong


def test_no_item_is_its_own_neighbour() -> None:
    """Far apart items, each label its own: whoever counted themselves would find agreement and similarity 1."""
    vectors = np.eye(12, dtype=np.float32)
    labels = np.arange(12)
    probabilities = np.eye(12, dtype=np.float32)
    apart = signals(probabilities, vectors, vectors, labels, same=True)
    own = signals(probabilities, vectors, vectors, labels, same=False)
    assert (apart[:, 3] == 0).all() and (apart[:, 4] == 0).all()
    assert (own[:, 3] > 0).all() and (own[:, 4] == 1).all()


def test_no_item_is_its_own_neighbour_in_any_block(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, labels = clusters(50, 3)
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), 50).astype(np.float32)
    whole = signals(probabilities, vectors, vectors, labels, same=True)
    monkeypatch.setattr("goldleaf.posteriors.wrong._BLOCK_CELLS", 50 * 7)
    assert signals(probabilities, vectors, vectors, labels, same=True) == pytest.approx(whole)


@pytest.mark.parametrize("known", [1, 2, 5])
def test_few_labeled_items_are_enough(known: int) -> None:
    vectors, labels = clusters(known, 2)
    probabilities = np.full((known, 2), 0.5, np.float32)
    assert np.isfinite(signals(probabilities, vectors, vectors, labels, same=True)).all()
    assert np.isfinite(signals(probabilities, vectors, vectors, labels)).all()


def test_likely_mistakes_rank_above_others() -> None:
    rng = np.random.default_rng(3)
    signal = rng.normal(size=(400, 5)).astype(np.float32)
    risk = 1 / (1 + np.exp(2 * signal[:, 0] + 2))
    wrong = rng.random(400) < risk
    guess = WrongPredictor().fit(signal, wrong, np.zeros(400, bool)).predict(signal)
    assert guess[wrong].mean() > 2 * guess[~wrong].mean()
    assert guess.mean() == pytest.approx(wrong.mean(), abs=0.02)
    assert (guess >= FLOOR).all() and (guess < 1).all()


@pytest.mark.parametrize("wrong", [0, 30])
def test_no_mistake_or_nothing_else_is_one_guess_for_all(wrong: int) -> None:
    signal = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    made = np.arange(30) < wrong
    guess = WrongPredictor().fit(signal, made, np.zeros(30, bool)).predict(signal)
    assert guess == pytest.approx(np.full(30, (wrong + 0.5) / 31))


def test_sought_out_items_do_not_spoil_the_picture() -> None:
    """Items picked for being hard err more; the guess for others follows those drawn at random."""
    rng = np.random.default_rng(1)
    signal = rng.normal(size=(2000, 5)).astype(np.float32)
    sought = np.arange(2000) < 1000
    wrong = rng.random(2000) < np.where(sought, 0.4, 0.05)
    guess = WrongPredictor().fit(signal, wrong, sought).predict(signal)
    assert guess.mean() == pytest.approx(0.05, abs=0.02)
