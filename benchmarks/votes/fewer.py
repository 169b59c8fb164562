"""Human answers to a certified 5 %, with what other sources say and without, over the sets that have any."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.answers.summary import geometric
from benchmarks.figures import Figure
from benchmarks.votes.sets import CROWDS, VotedSet
from goldleaf.estimator import CertifiedLabeler
from goldleaf.posteriors.opinions import Opinions
from goldleaf.schema import VoteTable

ERROR = 0.05
SAVED, COST = 0.7, 1.05
BAD_COVERAGE = 0.5  # of the items, by a useless or an adversarial source
LYING = 0.9  # of an adversarial source's votes are wrong
LARGE = 15_000  # items; of a larger set there is one run only
SMALL = (
    6_000  # items up to which a set is also run with bad sources: their cost is the noisier, the larger a set
)


@dataclass(frozen=True)
class Count:
    """Answers of one run, and whether its certificate was false."""

    answers: int
    false: bool


def figures(sets: Sequence[VotedSet], seeds: int) -> Iterator[Figure]:
    """By set and over all of them."""
    ratios: dict[str, list[float]] = {name: [] for name in VARIANTS}
    runs, false = 0, 0
    for one in sets:
        times = seeds if len(one.gold) <= LARGE else 1
        plain = [count(one, None, seed) for seed in range(times)]
        mean = float(np.mean([run.answers for run in plain]))
        for variant, votes_of in VARIANTS.items():
            if variant != WITH and len(one.gold) > SMALL:
                continue
            some = [count(one, votes_of(one, seed), seed) for seed in range(times)]
            ratio = geometric(run.answers / other.answers for run, other in zip(some, plain, strict=True))
            ratios[variant].append(ratio)
            runs, false = runs + len(some), false + sum(run.false for run in some)
            answers = float(np.mean([run.answers for run in some]))
            name = f"{one.name}: answers, {variant} (mean of {times})"
            yield Figure(name, answers, "answers", "", None, "without", mean)
            print(f"{one.name}, {variant}: {answers:.0f} of {mean:.0f} answers", flush=True)
    for variant, found in ratios.items():
        limit = SAVED if variant == WITH else COST
        value = geometric(found) if found else float("nan")
        what = f"answers {variant} / without, geometric mean of {len(found)} sets"
        yield Figure(what, value, "ratio", f"<= {limit:g}", value <= limit)
    yield Figure(f"false certificates of {runs} with other sources (5 % allowed)", false, "runs")


def count(one: VotedSet, votes: VoteTable | None, seed: int) -> Count:
    """A whole run."""
    assert one.views is not None and one.case is not None
    opinions = None if votes is None else Opinions(seed).fit(votes, one.views)
    labeler = CertifiedLabeler(one.votes.classes, error=ERROR, seed=seed)
    labeler.fit(one.views, lambda at: one.gold[at], one.case.weights, opinions)
    wrong = int((one.case.weights * (labeler.labels_ != one.gold)).sum())
    return Count(int(labeler.human_.sum()), labeler.certified_ and wrong > ERROR * one.case.rows)


def own(one: VotedSet, seed: int) -> VoteTable:
    """The set's own votes; of a crowd, a random one an item."""
    votes = one.votes
    if one.name not in CROWDS:
        return votes
    mixed = np.random.default_rng([seed, 1]).permutation(len(votes.item))
    _, first = np.unique(votes.item[mixed], return_index=True)
    kept = np.sort(mixed[first])
    return replace(votes, item=votes.item[kept], source=votes.source[kept], label=votes.label[kept])


def useless(one: VotedSet, seed: int) -> VoteTable:
    """One source that guesses."""
    rng = np.random.default_rng([seed, 2])
    item = np.flatnonzero(rng.random(len(one.gold)) < BAD_COVERAGE)
    return _single(one, item, rng.integers(one.votes.classes, size=len(item)))


def adversarial(one: VotedSet, seed: int) -> VoteTable:
    """One source that lies."""
    rng = np.random.default_rng([seed, 3])
    item = np.flatnonzero(rng.random(len(one.gold)) < BAD_COVERAGE)
    other = (one.gold[item] + rng.integers(1, one.votes.classes, len(item))) % one.votes.classes
    return _single(one, item, np.where(rng.random(len(item)) < LYING, other, one.gold[item]))


def _single(one: VotedSet, item: np.ndarray, label: np.ndarray) -> VoteTable:
    source = np.zeros(len(item), np.int64)
    return VoteTable(item, source, label, ("bad",), len(one.gold), one.votes.classes)


WITH = "with its own sources"
VARIANTS: dict[str, Callable[[VotedSet, int], VoteTable]] = {
    WITH: own,
    "with a useless source": useless,
    "with an adversarial source": adversarial,
}
