"""Posteriors from votes alone: what holds for every model, and what each is for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldleaf.posteriors import em
from goldleaf.posteriors.dawid_skene import DawidSkene, OneCoin
from goldleaf.posteriors.mace import Mace
from goldleaf.posteriors.majority import Majority, WeightedMajority
from goldleaf.posteriors.models import MODELS, suited
from goldleaf.posteriors.precision import Precision
from goldleaf.posteriors.tally import Tally
from goldleaf.schema import VoteTable

EVERY = sorted(MODELS)
Ints = np.ndarray


def table(item: Ints, source: Ints, label: Ints, items: int, classes: int, sources: int = 0) -> VoteTable:
    many = max(sources, int(np.max(source, initial=-1)) + 1)
    names = tuple(f"s{number}" for number in range(many))
    return VoteTable(np.asarray(item), np.asarray(source), np.asarray(label), names, items, classes)


def crowd(
    items: int = 400,
    sources: int = 8,
    classes: int = 3,
    right: float = 0.7,
    share: float = 0.6,
    seed: int = 0,
) -> tuple[VoteTable, Ints]:
    """People who vote on a random `share` of the items and are `right` as often."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(classes, size=items)
    item, source = np.nonzero(rng.random((items, sources)) < share)
    wrong = (truth[item] + rng.integers(1, max(classes, 2), len(item))) % classes
    label = np.where(rng.random(len(item)) < right, truth[item], wrong)
    return table(item, source, label, items, classes, sources), truth


def functions(items: int = 3000, classes: int = 3, seed: int = 0) -> tuple[VoteTable, Ints]:
    """Three functions a class, each for its class only, right in 0.6 to 0.9 of their votes."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(classes, size=items)
    item, source, label = [], [], []
    for number in range(3 * classes):
        own, right = number % classes, (0.6, 0.75, 0.9)[number // classes]
        chance = np.where(truth == own, 0.3, 0.3 * (1 - right) / right / (classes - 1))
        at = np.flatnonzero(rng.random(items) < chance)
        item.append(at)
        source.append(np.full(len(at), number))
        label.append(np.full(len(at), own))
    return table(*map(np.concatenate, (item, source, label)), items, classes), truth


def voted(truth: Ints, confusion: Ints, each: int, seed: int = 0) -> VoteTable:
    """`each` votes an item, of random sources with these confusion matrices [sources, classes, classes]."""
    rng = np.random.default_rng(seed)
    sources, classes = confusion.shape[:2]
    source = rng.permuted(np.tile(np.arange(sources), (len(truth), 1)), axis=1)[:, :each].ravel()
    item = np.repeat(np.arange(len(truth)), each)
    steps = confusion[source, truth[item]].cumsum(axis=1)
    label = (steps[:, :-1] < rng.random((len(item), 1))).sum(axis=1)
    return table(item, source, label, len(truth), classes, sources)


def appended(votes: VoteTable, item: Ints, label: Ints) -> VoteTable:
    """`votes` with one source more."""
    number = np.full(len(item), len(votes.names))
    return replace(
        votes,
        item=np.concatenate([votes.item, item]),
        source=np.concatenate([votes.source, number]),
        label=np.concatenate([votes.label, label]),
        names=(*votes.names, "one more"),
    )


def accuracy(probabilities: Ints, truth: Ints, votes: VoteTable) -> float:
    at = np.unique(votes.item)
    return float((probabilities[at].argmax(axis=1) == truth[at]).mean())


@st.composite
def tables(draw: st.DrawFn) -> VoteTable:
    items, sources, classes = draw(st.integers(1, 12)), draw(st.integers(1, 5)), draw(st.integers(2, 4))
    cells = draw(st.lists(st.integers(0, items * sources - 1), unique=True, max_size=items * sources))
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=len(cells), max_size=len(cells)))
    at = np.array(cells, np.int64)
    return table(at // sources, at % sources, np.array(labels, np.int64), items, classes, sources)


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=30, deadline=None)
@given(votes=tables(), data=st.data())
def test_posteriors_sum_to_one_and_do_not_depend_on_any_order(
    name: str, votes: VoteTable, data: st.DataObject
) -> None:
    made = MODELS[name]().fit(votes).predict_proba(votes)
    assert made.shape == (votes.items, votes.classes) and (made >= 0).all()
    assert made.sum(axis=1) == pytest.approx(np.ones(votes.items))
    items = np.array(data.draw(st.permutations(range(votes.items))))
    sources = np.array(data.draw(st.permutations(range(len(votes.names)))))
    labels = np.array(data.draw(st.permutations(range(votes.classes))))
    rows = np.array(data.draw(st.permutations(range(len(votes.item)))), np.int64)
    turned = replace(
        votes,
        item=items[votes.item[rows]],
        source=sources[votes.source[rows]],
        label=labels[votes.label[rows]],
    )
    other = MODELS[name]().fit(turned).predict_proba(turned)
    np.testing.assert_allclose(other[items][:, labels], made, atol=2e-3)


@pytest.mark.parametrize("name", EVERY)
def test_inputs_stay_and_a_refit_forgets(name: str) -> None:
    votes, _ = crowd()
    before = votes.item.copy(), votes.source.copy(), votes.label.copy()
    model = MODELS[name]()
    first = model.fit(votes).predict_proba(votes)
    again = model.fit(crowd(seed=5)[0]).fit(votes).predict_proba(votes)
    assert np.array_equal(first, again)
    assert np.array_equal(first, MODELS[name]().fit_predict_proba(votes))
    assert all(map(np.array_equal, before, (votes.item, votes.source, votes.label)))


@pytest.mark.parametrize("name", EVERY)
def test_no_votes_at_all_say_nothing(name: str) -> None:
    none = np.empty(0, np.int64)
    votes = table(none, none, none, 4, 3, 2)
    assert MODELS[name]().fit(votes).predict_proba(votes) == pytest.approx(np.full((4, 3), 1 / 3))


@pytest.mark.parametrize("name", EVERY)
def test_one_source_alone_is_believed_where_it_votes(name: str) -> None:
    votes = table([0, 1, 2, 3], [0, 0, 0, 0], [0, 1, 1, 0], 5, 2)
    made = MODELS[name]().fit(votes).predict_proba(votes)
    assert made[:4].argmax(axis=1).tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("name", EVERY)
def test_one_class_seen_is_the_label_of_all(name: str) -> None:
    votes = table([0, 0, 1, 2], [0, 1, 0, 1], [1, 1, 1, 1], 4, 3)
    assert (MODELS[name]().fit(votes).predict_proba(votes).argmax(axis=1) == 1).all()


@pytest.mark.parametrize("kind", [WeightedMajority, OneCoin, DawidSkene, Mace, Precision])
def test_a_source_that_knows_nothing_costs_little(kind: type) -> None:
    votes, truth = crowd(right=0.75)
    alone = accuracy(kind().fit(votes).predict_proba(votes), truth, votes)
    item = np.arange(votes.items)
    worse = appended(votes, item, np.random.default_rng(1).integers(3, size=votes.items))
    assert accuracy(kind().fit(worse).predict_proba(worse), truth, votes) > alone - 0.02


def test_a_source_that_is_always_wrong_tells_the_truth_to_dawid_skene() -> None:
    votes, truth = crowd(classes=2, right=0.7)
    alone = accuracy(DawidSkene().fit(votes).predict_proba(votes), truth, votes)
    lying = appended(votes, np.arange(votes.items), 1 - truth)
    assert accuracy(DawidSkene().fit(lying).predict_proba(lying), truth, votes) > alone + 0.05


def test_copies_of_a_function_have_one_voice() -> None:
    votes, truth = functions()
    model = Precision().fit(votes)
    made = model.predict_proba(votes)
    own = votes.source == 0  # the worst function of class 0
    more = votes
    for _ in range(5):
        more = appended(more, votes.item[own], votes.label[own])
    copied = Precision().fit(more)
    assert copied.predict_proba(more) == pytest.approx(made, abs=0.05)
    assert accuracy(copied.predict_proba(more), truth, votes) > accuracy(made, truth, votes) - 0.01


def test_precision_is_for_functions_and_confusion_for_people() -> None:
    votes, truth = functions()
    assert isinstance(suited(Tally(votes)), Precision)
    assert isinstance(suited(Tally(crowd()[0])), DawidSkene)
    made = accuracy(Precision().fit(votes).predict_proba(votes), truth, votes)
    plain = accuracy(Majority().fit(votes).predict_proba(votes), truth, votes)
    assert made > plain + 0.01
    assert accuracy(DawidSkene().fit(votes).predict_proba(votes), truth, votes) < 0.5  # why there are two


def test_dawid_skene_finds_the_good_people() -> None:
    rng = np.random.default_rng(0)
    votes, truth = crowd(sources=9, right=0.45, share=1.0, classes=3)
    good = votes.source < 3
    sure = np.where(rng.random(good.sum()) < 0.9, truth[votes.item[good]], votes.label[good])
    label = votes.label.copy()
    label[good] = sure
    votes = replace(votes, label=label)
    plain = accuracy(Majority().fit(votes).predict_proba(votes), truth, votes)
    weighted = accuracy(WeightedMajority().fit(votes).predict_proba(votes), truth, votes)
    made = accuracy(DawidSkene().fit(votes).predict_proba(votes), truth, votes)
    assert made > weighted >= plain and made > 0.95


def test_sources_of_few_votes_share_their_confusions() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(4, size=800)
    mistaken = np.array(
        [[0.65, 0.3, 0.0, 0.05], [0.1, 0.8, 0.1, 0.0], [0.0, 0.0, 0.7, 0.3], [0.05, 0.0, 0.05, 0.9]]
    )
    votes = voted(truth, np.tile(mistaken, (200, 1, 1)), 3)
    made = {
        name: accuracy(kind.fit(votes).predict_proba(votes), truth, votes)
        for name, kind in (
            ("learned", DawidSkene()),
            ("weak", DawidSkene(1.0)),
            ("majority", Majority()),
            ("coin", OneCoin()),
        )
    }
    assert made["learned"] > max(made["weak"], made["majority"], made["coin"]) + 0.01


@pytest.mark.parametrize("strength", [4.0, 40.0])
def test_how_much_sources_differ_is_learned(strength: float) -> None:
    rng = np.random.default_rng(1)
    mean = np.full((3, 3), 0.1) + 0.7 * np.eye(3)
    confusion = np.stack([[rng.dirichlet(strength * row) for row in mean] for _ in range(80)])
    model = DawidSkene().fit(voted(rng.integers(3, size=3000), confusion, 8))
    assert strength / 2 < model.strength_ < 2 * strength


@pytest.mark.parametrize("each", [3, 5])
def test_a_rare_class_is_neither_lost_nor_made_common(each: int) -> None:
    rng = np.random.default_rng(2)
    truth = (rng.random(2000) < 0.05).astype(np.int64)
    votes = voted(truth, np.tile([[0.8, 0.2], [0.2, 0.8]], (100, 1, 1)), each)
    model = DawidSkene().fit(votes)
    assert model.prior_[1] == pytest.approx(0.05, abs=0.02)
    assert accuracy(model.predict_proba(votes), truth, votes) > 0.95


def test_mace_finds_who_knows_and_what_spammers_say() -> None:
    rng = np.random.default_rng(0)
    knows, guesses = rng.random(20), rng.dirichlet(np.ones(3), size=20)
    confusion = knows[:, None, None] * np.eye(3) + (1 - knows)[:, None, None] * guesses[:, None, :]
    truth = rng.integers(3, size=3000)
    votes = voted(truth, confusion, 10)
    model = Mace().fit(votes)
    np.testing.assert_allclose(model.knows_, knows, atol=0.06)
    guessing = knows < 0.7
    np.testing.assert_allclose(model.guesses_[guessing], guesses[guessing], atol=0.08)
    plain = accuracy(Majority().fit(votes).predict_proba(votes), truth, votes)
    assert accuracy(model.predict_proba(votes), truth, votes) > plain + 0.02


@pytest.mark.filterwarnings("ignore")  # crowd-kit's own, of newer versions of pandas
@pytest.mark.parametrize("seed", range(3))
def test_it_agrees_with_crowd_kit(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a vanishing prior it is the maximum likelihood that crowd-kit computes."""
    import pandas
    from crowdkit import aggregation

    monkeypatch.setattr(em, "STILL", 1e-9)
    monkeypatch.setattr(em, "STEPS", 500)
    votes, _ = crowd(items=600, sources=8, right=0.75, share=0.9, seed=seed)
    frame = pandas.DataFrame({"task": votes.item, "worker": votes.source, "label": votes.label})
    theirs = aggregation.DawidSkene(n_iter=500, tol=1e-12).fit_predict_proba(frame)
    ours = DawidSkene(strength=1e-6).fit(votes).predict_proba(votes)
    np.testing.assert_allclose(ours[theirs.index], theirs[sorted(theirs.columns)].to_numpy(), atol=0.02)
    plain = aggregation.MajorityVote().fit_predict_proba(frame)
    mine = Majority().fit(votes).predict_proba(votes)
    np.testing.assert_allclose(mine[plain.index], plain[sorted(plain.columns)].to_numpy(), atol=1e-6)


@pytest.mark.filterwarnings("ignore")  # crowd-kit's own, of newer versions of pandas
def test_mace_agrees_with_crowd_kit(monkeypatch: pytest.MonkeyPatch) -> None:
    """With classes held to be as common as each other, as theirs has it."""
    import pandas
    from crowdkit import aggregation

    votes, _ = crowd(items=300, sources=8, right=0.75, share=0.9)
    frame = pandas.DataFrame({"task": votes.item, "worker": votes.source, "label": votes.label})
    monkeypatch.setattr(em, "STILL", 1e-9)
    frame = frame.sort_values(["worker", "label"])  # theirs mixes up what it meets in another order
    monkeypatch.setattr(Mace, "_prior", lambda self, tally, posterior: np.full(tally.classes, 1 / 3))
    theirs = aggregation.MACE(n_restarts=1, n_iter=100).fit_predict_proba(frame)
    ours = Mace().fit(votes).predict_proba(votes)
    np.testing.assert_allclose(ours[theirs.index], theirs[sorted(theirs.columns)].to_numpy(), atol=0.01)


@pytest.mark.parametrize("kind", [DawidSkene, Mace, Precision])
def test_a_large_table_is_learned_from_a_part_of_it(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    people = crowd(items=9000, sources=6, right=0.8, share=0.9)
    votes, truth = functions(items=9000) if kind is Precision else people
    whole = kind().fit(votes).predict_proba(votes)
    monkeypatch.setattr(em, "SAMPLE", 3000)
    monkeypatch.setattr(em, "PLENTY", 50)
    part = kind().fit(votes).predict_proba(votes)
    at = np.unique(votes.item)
    assert np.abs(part - whole)[at].mean() < 0.02
    assert accuracy(part, truth, votes) > accuracy(whole, truth, votes) - 0.01


def test_calibration_of_people_who_are_as_the_model_has_it() -> None:
    votes, truth = crowd(items=6000, sources=5, right=0.65, classes=2)
    made = DawidSkene().fit(votes).predict_proba(votes)
    right = made.argmax(axis=1) == truth
    assert made.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.03)


@pytest.mark.parametrize(
    ("item", "source", "label", "message"),
    [
        ([0, 3], [0, 0], [0, 1], "`item` must lie in 0 to 2, got 0 to 3."),
        ([0, 1], [0, 0], [0, 2], "`label` must lie in 0 to 1, got 0 to 2."),
        ([0, 1], [0, 0], [-1, 1], "`label` must lie in 0 to 1, got -1 to 1."),
        ([0, 1], [0], [0, 1], "`source` must have as many entries as `item`, 2, got 1."),
    ],
)
def test_columns_that_do_not_fit_are_refused(
    item: list[int], source: list[int], label: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Majority().fit(table(np.array(item), np.array(source), np.array(label), 3, 2))
