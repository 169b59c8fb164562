"""Votes beside vectors and answers: what they bring, and that bad ones bring no harm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from goldleaf.encode.features import Views
from goldleaf.estimator import CertifiedLabeler, views_of
from goldleaf.posteriors.opinions import Opinions
from goldleaf.posteriors.soft import SoftProbe
from goldleaf.posteriors.sure import ranks
from goldleaf.posteriors.tally import Tally
from goldleaf.posteriors.weighing import Weighing
from goldleaf.project.model import Known, Model
from goldleaf.project.training import beyond
from goldleaf.schema import VoteTable

Ints = np.ndarray


def pool(items: int = 600, noise: float = 0.7, seed: int = 0) -> tuple[Views, Ints]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(3, size=items)
    return views_of(
        (np.eye(3, 10)[truth] + noise * rng.standard_normal((items, 10))).astype(np.float32)
    ), truth


def source(truth: Ints, right: float, share: float, seed: int, name: str = "one") -> VoteTable:
    """One source that votes on a random `share`."""
    rng = np.random.default_rng(seed)
    item = np.flatnonzero(rng.random(len(truth)) < share)
    wrong = rng.random(len(item)) >= right
    label = np.where(wrong, (truth[item] + rng.integers(1, 3, len(item))) % 3, truth[item])
    return VoteTable(item, np.zeros(len(item), np.int64), label, (name,), len(truth), 3)


def joined(*tables: VoteTable) -> VoteTable:
    return replace(
        tables[0],
        item=np.concatenate([one.item for one in tables]),
        label=np.concatenate([one.label for one in tables]),
        source=np.concatenate([np.full(len(one.item), number) for number, one in enumerate(tables)]),
        names=tuple(f"s{number}" for number in range(len(tables))),
    )


def unsure(votes: VoteTable, truth: Ints) -> VoteTable:
    """With a confidence that is too high, and lower where a vote is wrong."""
    chance = np.random.default_rng(3).random(len(votes.item))
    return replace(votes, confidence=np.where(votes.label == truth[votes.item], 0.9, 0.85) + 0.1 * chance)


def known(truth: Ints, size: int, seed: int = 0) -> Known:
    at = np.sort(np.random.default_rng(seed).choice(len(truth), size, replace=False))
    return Known(at, truth[at], np.zeros(size, bool))


def right(views: Views, truth: Ints, some: Known, votes: VoteTable | None) -> float:
    opinions = None if votes is None else Opinions().fit(votes, views)
    rest = np.setdiff1d(np.arange(len(truth)), some.positions)
    made = Model.fit(views, some, 3, seed=0, opinions=opinions).infer(rest)
    return float((made.probabilities.argmax(axis=1) == truth[rest]).mean())


def test_neighbours_carry_votes_to_items_without_any() -> None:
    views, truth = pool()
    votes = joined(*(source(truth, 0.75, 0.25, seed) for seed in range(3)))
    opinions = Opinions().fit(votes, views)
    made = opinions.predict_proba()
    assert made.sum(axis=1) == pytest.approx(np.ones(len(truth)))
    silent = ~opinions.tally_.covered
    assert 0.3 < silent.mean() < 0.6
    assert (made.argmax(axis=1) == truth)[silent].mean() > 0.6
    alone = Opinions().fit(votes).predict_proba()
    assert (made.argmax(axis=1) == truth).mean() > (alone.argmax(axis=1) == truth).mean() + 0.1


def test_good_votes_save_answers_and_bad_ones_do_no_harm() -> None:
    views, truth = pool()
    some = known(truth, 60)
    plain = right(views, truth, some, None)
    assert right(views, truth, some, source(truth, 0.9, 1.0, 1)) > plain + 0.05
    assert right(views, truth, some, source(truth, 1 / 3, 0.6, 1)) > plain - 0.03
    assert right(views, truth, some, source(truth, 0.05, 0.6, 1)) > plain - 0.03


def test_a_source_given_twice_changes_little() -> None:
    views, truth = pool()
    some, one = known(truth, 60), source(truth, 0.8, 0.7, 1)
    once, twice = right(views, truth, some, one), right(views, truth, some, joined(one, one))
    assert twice == pytest.approx(once, abs=0.03)


def test_a_vote_that_nobody_checks_is_not_talked_down_by_the_vectors() -> None:
    """One vote an item by many people, where the vectors know little."""
    views, truth = pool(noise=2.5)
    votes = source(truth, 0.85, 1.0, 1)
    people = np.random.default_rng(0).integers(60, size=len(truth))
    crowd = replace(votes, source=people, names=tuple(f"p{number}" for number in range(60)))
    made = Opinions().fit(crowd, views).predict_proba()
    assert (made.argmax(axis=1) == truth).mean() > 0.8


@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_answer_never_informs_its_own_left_out_row(number: int) -> None:
    _, truth = pool(120)
    votes = joined(*(source(truth, 0.7, 0.5, seed) for seed in range(4)))
    opinions = Opinions().fit(unsure(votes, truth))
    heeding = opinions.heedings_[number]
    at = np.flatnonzero(opinions.tally_.covered)[:40]
    some = Known(at, truth[at], np.zeros(40, bool))
    before = heeding.left_out(some.positions, some.labels)
    for place in (0, 13, 39):
        changed = some.labels.copy()
        changed[place] = (changed[place] + 1) % 3
        after = heeding.left_out(some.positions, changed)
        assert after[place] == pytest.approx(before[place])
        assert not np.allclose(after, before)


def test_answers_find_a_source_that_lies_out() -> None:
    _, truth = pool()
    votes = source(truth, 0.0, 1.0, 1)
    opinions = Opinions().fit(votes)
    some = known(truth, 100)
    heeding = opinions.heedings_[0]
    odds = heeding.log_odds(heeding.heard(some.positions, some.labels), np.arange(len(truth)))
    at = np.arange(len(truth))
    lie = np.full(len(truth), -1)
    lie[votes.item] = votes.label
    assert (odds[at, lie] < 0).all()  # what it says is what it is not


def test_without_answers_the_opinions_stand_alone_and_answers_move_the_weights() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=200)
    good = 2.0 * np.eye(3)[labels] + 0.5 * rng.standard_normal((200, 3))
    noise = 2.0 * rng.standard_normal((200, 3))
    parts = np.stack([good, noise, noise, 0 * noise])
    share = np.array([0.5, 0.3, 0.2])
    nothing = Weighing().fit(parts[:, :0], labels[:0], share)
    assert nothing.weights_ == pytest.approx([1, 1, 0, 0])
    assert np.exp(nothing.terms_) == pytest.approx(share)
    made = Weighing().fit(parts, labels, share)
    assert made.weights_[0] > 0.9 and abs(made.weights_[1] + made.weights_[2]) < 0.2
    left_out = (made.out_of_fold_.argmax(axis=1) == labels).mean()
    assert left_out == pytest.approx((made.predict_proba(parts).argmax(axis=1) == labels).mean(), abs=0.03)


@pytest.mark.parametrize("said", ["true", "turned round", "made up"])
def test_the_answers_tell_what_a_source_s_confidence_is_worth(said: str) -> None:
    views, truth = pool(noise=2.5)
    votes = source(truth, 0.75, 1.0, 1)
    some = known(truth, 120)

    def told_apart(given: VoteTable) -> float:
        """How often a wrong label is doubted more than a right one."""
        rest = np.setdiff1d(np.arange(len(truth)), some.positions)
        opinions = Opinions().fit(given, views)
        made = Model.fit(views, some, 3, seed=0, opinions=opinions).infer(rest)
        wrong = made.probabilities.argmax(axis=1) != truth[rest]
        return float((made.p_wrong[wrong][:, None] > made.p_wrong[~wrong]).mean())

    sure = unsure(votes, truth)
    if said == "turned round":
        sure = replace(sure, confidence=1.0 - sure.confidence)
    if said == "made up":
        sure = replace(sure, confidence=np.random.default_rng(5).random(len(truth)))
    plain, heard = told_apart(votes), told_apart(sure)
    assert heard > plain - 0.05 if said == "made up" else heard > plain + 0.05


def test_the_order_of_a_source_s_confidence_is_all_that_counts() -> None:
    nan = float("nan")
    item, number = np.array([0, 1, 2, 0, 1, 2]), np.array([0, 0, 0, 1, 1, 1])
    votes = VoteTable(item, number, 0 * item, ("a", "b"), 3, 2, np.array([0.99, 0.98, nan, 0.3, 0.1, 0.1]))
    assert ranks(votes) == pytest.approx([0.5, -0.5, 0, 2 / 3, -1 / 3, -1 / 3])


def test_the_shares_of_the_classes_count_once() -> None:
    """A probe that has seen the rare class a few times says "common" everywhere; votes that know better stand."""
    rng = np.random.default_rng(0)
    truth = (rng.random(1500) < 0.1).astype(np.int64)
    views = views_of((np.eye(2, 10)[truth] + rng.standard_normal((1500, 10))).astype(np.float32))
    said = np.where(rng.random(1500) < 0.92, truth, 1 - truth)
    at = np.arange(1500)
    opinions = Opinions().fit(VoteTable(at, 0 * at, said, ("one",), 1500, 2), views)

    found = []
    for seed in range(5):
        some = known(truth, 40, seed)
        rest = np.setdiff1d(at[truth == 1], some.positions)
        made = Model.fit(views, some, 2, seed=0, opinions=opinions).infer(rest)
        found.append((made.probabilities.argmax(axis=1) == 1).mean())
    assert np.mean(found) > 0.7


def test_the_soft_probe_is_about_calibrated_to_what_it_was_given() -> None:
    views, truth = pool(1500)
    rng = np.random.default_rng(1)
    said = np.where(rng.random(1500) < 0.8, truth, rng.integers(3, size=1500))
    probe = SoftProbe().fit(views, np.arange(1500), np.eye(3)[said])
    agreed = (probe.held_out_.argmax(axis=1) == said).mean()
    assert probe.held_out_.max(axis=1).mean() == pytest.approx(agreed, abs=0.05)
    assert (probe.held_out_.argmax(axis=1) == truth).mean() > agreed  # noise is not learned


def test_what_more_answers_bring_is_read_off_the_probe_too() -> None:
    ahead = beyond(lambda after, error: after + 1000 * error, 100, 0.3)
    assert ahead(100, 0.2) == 100 + 200
    assert ahead(10_000, 0.2) == pytest.approx(10_000 + 1000 * 0.3 * 100**-0.4)
    assert ahead(200, 0.0) == 200


def test_a_whole_run_with_votes_is_certified_and_asks_less() -> None:
    views, truth = pool(500, noise=0.45)
    good = source(truth, 0.95, 1.0, 1)
    silent = replace(good, item=good.item[:0], source=good.source[:0], label=good.label[:0])
    one_class = replace(good, label=np.zeros_like(good.label))

    def count(given: VoteTable | None) -> int:
        asked = 0
        for seed in (1, 2, 3):
            labeler = CertifiedLabeler(3, error=0.08, seed=seed).fit(views, lambda at: truth[at], votes=given)
            assert labeler.certified_ and (labeler.labels_ != truth).mean() <= 0.08
            asked += int(labeler.human_.sum())
        return asked

    plain = count(None)
    for votes, most in ((good, 0.8), (silent, 1.5), (one_class, 1.5)):
        asked = count(votes)
        assert asked < most * plain, (asked, plain)


def test_tally_of_some_items() -> None:
    _, truth = pool(50)
    tally = Tally(joined(source(truth, 0.7, 0.5, 0), source(truth, 0.7, 0.5, 1)))
    some = np.array([3, 7, 7, 40])
    assert np.array_equal(tally.take(some).counts, tally.counts[some])
    assert np.array_equal(tally.take(some).covered, tally.covered[some])
