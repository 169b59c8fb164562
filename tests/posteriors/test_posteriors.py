"""The probe and its doubt: probabilities, truly left out, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from goldleaf.posteriors import kernel
from goldleaf.posteriors.doubt import FLOOR, GIVEN, TRAINED, Doubt, Prior
from goldleaf.posteriors.kernel import COLD, KernelProbe, Setting, exact, gaussian, spanned, squared

Floats = np.ndarray


def unit(vectors: Floats) -> Floats:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def clusters(items: int, classes: int, noise: float = 0.5, seed: int = 0) -> tuple[list[Floats], Floats]:
    """Two views of overlapping clusters, and the labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, items)
    width = max(classes, 6)
    views = [unit(np.eye(width)[labels] + rng.normal(size=(items, width)) * noise) for _ in range(2)]
    return views, labels.astype(np.int64)


def kernel_of(vectors: Floats, others: Floats, width: float = 0.5) -> Floats:
    return np.asarray(gaussian(squared(vectors, others), width), np.float64)


# -- the closed forms


@settings(max_examples=60, deadline=None)
@given(
    items=st.integers(2, 14),
    classes=st.integers(2, 4),
    width=st.sampled_from(kernel.WIDTHS),
    ridge=st.sampled_from(kernel.RIDGES),
    copies=st.booleans(),
)
def test_left_out_scores_are_those_of_a_refit_without_the_item(
    items: int, classes: int, width: float, ridge: float, copies: bool
) -> None:
    views, labels = clusters(items, classes, seed=items)
    vectors = views[0]
    if copies:
        vectors[-1] = vectors[0]
    truth = np.eye(classes)[labels] - 1 / classes
    whole = kernel_of(vectors, vectors, width)
    solved = exact(whole, truth, ridge)
    np.testing.assert_allclose((whole + ridge * np.eye(items)) @ solved.coef, truth, atol=1e-7)
    for item in range(items):
        rest = np.delete(np.arange(items), item)
        coef = np.linalg.solve(whole[np.ix_(rest, rest)] + ridge * np.eye(items - 1), truth[rest])
        np.testing.assert_allclose(solved.held_out[item], whole[item, rest] @ coef, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(items=st.integers(2, 40), ridge=st.sampled_from(kernel.RIDGES))
def test_landmarks_that_are_all_answers_give_the_exact_fit(items: int, ridge: float) -> None:
    views, labels = clusters(items, 3, seed=items)
    truth = np.eye(3)[labels] - 1 / 3
    whole = kernel_of(views[0], views[0])
    one, other = exact(whole, truth, ridge), spanned(whole, whole, truth, ridge)
    np.testing.assert_allclose(other.held_out, one.held_out, atol=2e-3)
    np.testing.assert_allclose(whole @ other.coef, whole @ one.coef, atol=2e-3)


def test_left_out_scores_of_landmarks_are_those_of_a_refit() -> None:
    views, labels = clusters(30, 3)
    truth = np.eye(3)[labels] - 1 / 3
    across, among = kernel_of(views[0], views[0][:8]), kernel_of(views[0][:8], views[0][:8])
    solved = spanned(across, among, truth, 0.1)
    for item in range(30):
        rest = np.delete(np.arange(30), item)
        refit = spanned(across[rest], among, truth[rest], 0.1)
        np.testing.assert_allclose(solved.held_out[item], across[item] @ refit.coef, atol=1e-6)


def test_the_setting_has_the_least_left_out_error() -> None:
    views, labels = clusters(50, 3)
    truth = np.eye(3)[labels] - 1 / 3

    def loss(setting: Setting) -> float:
        held_out = exact(kernel_of(views[0], views[0], setting.width), truth, setting.ridge).held_out
        return float(((truth - held_out) ** 2).mean())

    every = [Setting(width, ridge) for width in kernel.WIDTHS for ridge in kernel.RIDGES]
    assert loss(kernel.choose(views[0], truth)) == pytest.approx(min(map(loss, every)), rel=1e-5)


@pytest.mark.parametrize("dimensions", [2, 3, 200])
def test_many_equal_and_near_landmarks_can_be_solved(
    dimensions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels of a few directions or of many copies have hardly any rank."""
    monkeypatch.setattr(kernel, "EXACT", 700)
    monkeypatch.setattr(kernel, "LANDMARKS", 650)
    rng = np.random.default_rng(0)
    some = unit(rng.normal(size=(60, dimensions)))
    vectors = unit(some[rng.integers(60, size=900)] + 1e-5 * rng.normal(size=(900, dimensions)))
    labels = (vectors[:, 0] > 0).astype(np.int64)
    probe = KernelProbe(2).fit([vectors, vectors], labels)
    assert (probe.predict_proba([vectors, vectors]).argmax(axis=1) == labels).mean() > 0.95
    assert (probe.out_of_fold_.argmax(axis=1) == labels).mean() > 0.95


# -- the probe


@settings(max_examples=30, deadline=None)
@given(
    items=st.integers(1, 60),
    seen=st.integers(1, 6),
    more=st.integers(0, 4),
    wide=st.booleans(),
    seed=st.sampled_from([0, 5, 2**53 - 1]),
)
def test_rows_are_probabilities_and_unseen_classes_are_nowhere_likeliest(
    items: int, seen: int, more: int, wide: bool, seed: int
) -> None:
    views, labels = clusters(items, seen, seed=items)
    if wide:  # more dimensions than answers
        views = [np.hstack([vectors, np.zeros((items, 100), np.float32)]) for vectors in views]
    classes = seen + more + 1
    probe = KernelProbe(classes, seed=seed).fit(views, labels)
    unseen = np.setdiff1d(np.arange(classes), labels)
    assert probe.predict_proba(views).dtype == np.float32
    for rows in (probe.predict_proba(views), probe.out_of_fold_):
        assert rows.shape == (items, classes)
        assert rows.sum(axis=1) == pytest.approx(np.ones(items), abs=1e-5)
        assert (rows >= 0).all() and (rows <= 1).all()
    assert not set(probe.predict_proba(views).argmax(axis=1).tolist()) & set(unseen.tolist())


def test_one_answer_says_nothing_of_itself() -> None:
    views, labels = clusters(1, 2)
    probe = KernelProbe(3).fit(views, labels)
    assert probe.out_of_fold_ == pytest.approx(np.full((1, 3), 1 / 3))
    assert probe.views_[0].sharpness == COLD
    assert probe.predict_proba(views).argmax() == labels[0]


def test_one_class_alone_is_believed_everywhere() -> None:
    views, _ = clusters(40, 3)
    probe = KernelProbe(4).fit(views, np.full(40, 2))
    new, _ = clusters(50, 3, seed=1)
    for rows in (probe.predict_proba(new), probe.out_of_fold_):
        assert (rows.argmax(axis=1) == 2).all() and rows[:, 2].min() > 0.9


def test_it_learns_and_is_about_calibrated() -> None:
    views, labels = clusters(600, 4, noise=0.6)
    new, truth = clusters(3000, 4, noise=0.6, seed=1)
    one = KernelProbe(4).fit(views[:1], labels).predict_proba(new[:1])
    right = one.argmax(axis=1) == truth
    assert right.mean() > 0.7
    assert one.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.04)
    both = KernelProbe(4).fit(views, labels).predict_proba(new)
    assert (both.argmax(axis=1) == truth).mean() > right.mean() + 0.05  # each view knows something of its own
    twice = KernelProbe(4).fit(views[:1] * 2, labels).predict_proba(new[:1] * 2)
    np.testing.assert_allclose(twice, one, atol=1e-6)


def test_more_answers_than_are_solved_exactly_still_help(monkeypatch: pytest.MonkeyPatch) -> None:
    views, labels = clusters(900, 4, noise=0.6)
    new, truth = clusters(3000, 4, noise=0.6, seed=1)

    def accuracy(probe: KernelProbe) -> float:
        return float((probe.predict_proba(new).argmax(axis=1) == truth).mean())

    whole = KernelProbe(4).fit(views, labels)
    monkeypatch.setattr(kernel, "EXACT", 300)
    monkeypatch.setattr(kernel, "LANDMARKS", 200)
    few = KernelProbe(4).fit(views, labels)
    assert [len(view.landmarks) for view in few.views_] == [200, 200]
    assert accuracy(few) > accuracy(whole) - 0.01
    assert few.out_of_fold_.shape == (900, 4)
    left_out = (few.out_of_fold_.argmax(axis=1) == labels).mean()
    assert left_out == pytest.approx(accuracy(few), abs=0.04)


def test_the_same_seed_is_the_same_probe_and_inputs_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "EXACT", 60)
    monkeypatch.setattr(kernel, "LANDMARKS", 30)
    views, labels = clusters(80, 3)
    before = [vectors.copy() for vectors in views], labels.copy()
    first, second, other = (KernelProbe(3, seed=seed).fit(views, labels) for seed in (7, 7, 8))
    assert np.array_equal(first.out_of_fold_, second.out_of_fold_)
    assert np.array_equal(first.predict_proba(views), second.predict_proba(views))
    assert not np.array_equal(first.out_of_fold_, other.out_of_fold_)
    assert all(map(np.array_equal, views, before[0])) and np.array_equal(labels, before[1])


@pytest.mark.parametrize("landmarks", [None, 25])
def test_an_items_own_label_never_informs_its_left_out_row(
    monkeypatch: pytest.MonkeyPatch, landmarks: int | None
) -> None:
    """With the setting and the temperature held, changing one label changes the others' rows, not its own."""
    monkeypatch.setattr(kernel, "choose", lambda *_: Setting(0.5, 0.1))
    monkeypatch.setattr(kernel, "_sharpness", lambda *_: 5.0)
    if landmarks:
        monkeypatch.setattr(kernel, "EXACT", landmarks)
        monkeypatch.setattr(kernel, "LANDMARKS", landmarks)
    views, labels = clusters(60, 3, noise=0.8)
    before = KernelProbe(3).fit(views, labels).out_of_fold_
    for item in (0, 17, 42):
        changed = labels.copy()
        changed[item] = (labels[item] + 1) % 3
        after = KernelProbe(3).fit(views, changed).out_of_fold_
        assert after[item] == pytest.approx(before[item], abs=1e-6)
        others = np.delete(np.arange(60), item)
        assert not np.allclose(after[others], before[others], atol=1e-3)


def test_noise_is_not_learned_out_of_fold() -> None:
    """Labels that have nothing to do with the vectors are no better than a guess where they were left out."""
    rng = np.random.default_rng(0)
    vectors = unit(rng.normal(size=(300, 200)))
    labels = rng.integers(0, 2, 300)
    left_out = KernelProbe(2).fit([vectors, vectors], labels).out_of_fold_
    assert (left_out.argmax(axis=1) == labels).mean() < 0.6
    assert left_out.max(axis=1).mean() < 0.65


@pytest.mark.parametrize(("lengths", "labels"), [((2, 2), [0]), ((2, 1), [0, 1]), ((0, 0), [])])
def test_lengths_that_do_not_fit_are_refused(lengths: tuple[int, int], labels: list[int]) -> None:
    views = [np.ones((length, 3), np.float32) for length in lengths]
    with pytest.raises(ValueError, match="must be as long as `labels` and not empty"):
        KernelProbe(2).fit(views, np.array(labels, np.int64))


def test_as_many_views_as_at_the_fit() -> None:
    views, labels = clusters(20, 2)
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        KernelProbe(2).fit(views, labels).predict_proba(views[:1])


# -- what may be wrong


def doubtful(items: int, seed: int = 0) -> tuple[Floats, Floats]:
    """(P(label) [n, 2], the doubt of the likelier one)."""
    doubt = np.random.default_rng(seed).uniform(0.001, 0.5, items)
    return np.column_stack([1 - doubt, doubt]).astype(np.float32), doubt


@pytest.mark.parametrize("times", [0.4, 1.0, 1.8])
def test_the_level_is_learned(times: float) -> None:
    probabilities, doubt = doubtful(3000)
    wrong = np.random.default_rng(1).random(3000) < times * doubt
    guess = Doubt().fit(probabilities, wrong).predict(probabilities)
    assert guess.mean() == pytest.approx(wrong.mean(), abs=0.01)
    assert guess[wrong].mean() > 1.3 * guess[~wrong].mean()


def test_a_few_mistakes_say_less_than_what_such_probes_do_elsewhere() -> None:
    """Forty answers scatter the level by half of what they would alone; without any it is what is expected."""
    probabilities, doubt = doubtful(3000)
    expected = expit(TRAINED.mean[0] + TRAINED.mean[1] * logit(doubt))
    none = Doubt().fit(probabilities[:0], np.zeros(0, bool)).predict(probabilities)
    assert none == pytest.approx(expected, abs=2 * FLOOR)

    def scatter(prior: Prior) -> float:
        levels = []
        for seed in range(60):
            rng = np.random.default_rng(seed)
            some = rng.choice(3000, 40, replace=False)
            wrong = rng.random(40) < expected[some]
            levels.append(Doubt(prior).fit(probabilities[some], wrong).predict(probabilities).mean())
        return float(np.std(levels))

    assert scatter(TRAINED) < 0.7 * scatter(GIVEN)


@settings(max_examples=40, deadline=None)
@given(items=st.integers(1, 300), seed=st.integers(0, 99), reverse=st.booleans())
def test_a_greater_doubt_is_never_a_smaller_guess(items: int, seed: int, reverse: bool) -> None:
    """Whatever the mistakes were, even the opposite of the doubt."""
    probabilities, doubt = doubtful(items, seed)
    wrong = np.random.default_rng(seed).random(items) < (0.5 - doubt if reverse else doubt)
    grid = np.linspace(0.0, 0.66, 200)
    rows = np.column_stack([1 - grid, grid / 2, grid / 2])
    guess = Doubt().fit(probabilities, wrong).predict(rows)
    assert (np.diff(guess) >= 0).all() and np.isfinite(guess).all()
    assert (guess >= FLOOR).all() and (guess <= 1 - FLOOR).all()


@pytest.mark.parametrize("wrong", [False, True])
@pytest.mark.parametrize("items", [0, 1, 30, 3000])
def test_no_mistake_or_nothing_else_is_no_certainty(items: int, wrong: bool) -> None:
    probabilities, _ = doubtful(items)
    fitted = Doubt().fit(probabilities, np.full(items, wrong))
    sure = np.array([[1.0, 0.0], [0.5, 0.5]], np.float32)
    guess = fitted.predict(sure)
    assert np.isfinite(guess).all() and (guess >= FLOOR).all() and (guess <= 1 - FLOOR).all()
    if items == 3000:
        assert (guess[1] > 0.9) if wrong else (guess[1] < 0.01)


def test_certain_labels_are_guessed_at_the_floor_at_least() -> None:
    probabilities = np.array([[1.0, 0.0]] * 500, np.float32)
    guess = Doubt().fit(probabilities, np.zeros(500, bool)).predict(probabilities)
    assert (guess >= FLOOR).all() and guess == pytest.approx(FLOOR, rel=0.01)
    assert len(Doubt().fit(probabilities, np.zeros(500, bool)).predict(probabilities[:0])) == 0


def test_answers_that_are_all_alike_still_leave_items_in_an_order() -> None:
    rng = np.random.default_rng(0)
    vectors = unit(rng.normal(size=(400, 8)) + 2 * np.eye(8)[0])
    at = np.arange(60)
    probe = KernelProbe(2, seed=0).fit([vectors[at]], np.zeros(60, np.int64))
    doubt = Doubt().fit(probe.out_of_fold_, np.zeros(60, bool)).predict(probe.predict_proba([vectors[60:]]))
    assert len(np.unique(doubt.astype(np.float32))) > 300  # no ties: the audit asks the riskiest first
