"""The fewest human answers that this encoder and probe allow: an oracle trains to the best size, then knows.

After every round of margin active learning it knows how many machine labels are wrong above each score, and asks
people for the fewest riskiest items that leave no more wrong rows than the target allows. It pays for no proof. In a
large pool the size is found on a sample, and the answers are then counted on all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from benchmarks.answers.case import Case, Floats, Ints, Result
from benchmarks.answers.machine import imported, vote_block
from goldleaf.certificates.base import allowed
from goldleaf.encode.features import Views
from goldleaf.project.model import Known, Model
from goldleaf.questions.centroids import centroids
from goldleaf.questions.margin import RANDOM_SHARE, margin
from goldleaf.questions.stop import first_batch_size

GROWTH, LATER_GROWTH, LATER = 0.2, 0.3, 1_000  # of the answers so far, and above so many answers
# Training is over when it exceeds the best total; before that, when the total has not fallen over PATIENCE times the
# training, once that is AT_LEAST so many answers and a fair part, WORTH, of the total.
PATIENCE, AT_LEAST, WORTH = 3, 500, 0.4
SAMPLE = 5_000  # items of the pool that a round looks at
SCORED = 20_000  # items among which a round looks for the least certain
SPREAD = 100  # the largest round that k-means spreads; a larger one is diverse by itself


@dataclass(frozen=True, eq=False)
class Round:
    """One training: `left[k]` wrong rows remain once the k riskiest items of the sample are asked too."""

    model: Model
    asked: Ints
    pool: Ints
    left: Ints
    sampled: float

    def total(self, limit: int) -> float:
        """About the answers that leave at most `limit` wrong rows."""
        return len(self.asked) + fewest(self.left, limit * self.sampled) / self.sampled


class Rounds:
    """The rounds of one case and seed, trained as far as somebody has asked, and shared by all targets."""

    def __init__(self, case: Case, seed: int) -> None:
        self._done: list[Round] = []
        self._more = _rounds(case, seed)

    def __iter__(self) -> Iterator[Round]:
        at = 0
        while True:
            if at == len(self._done):
                following = next(self._more, None)
                if following is None:
                    return
                self._done.append(following)
            yield self._done[at]
            at += 1


def oracle(case: Case, error: float, alpha: float, seed: int) -> Result:
    """The smallest total over the training sizes; more training is futile once it alone exceeds that total."""
    limit = allowed(error, case.rows)
    if case.vectors is None:
        machine = imported(case, seed)
        return _counted(0, left_wrong(machine.wrong * machine.weights), limit)
    best: Round | None = None
    least = float(case.items)
    for one in _shared(case, seed):
        if best and len(one.asked) >= min(least, max(AT_LEAST, WORTH * least, PATIENCE * len(best.asked))):
            break
        if one.total(limit) < least:
            best, least = one, one.total(limit)
    if best is None:
        return Result(case.items, True, 0, {"census": case.items})
    return _counted(len(best.asked), _left(case, best.model, best.pool), limit)


def _counted(training: int, left: Ints, limit: int) -> Result:
    census = fewest(left, limit)
    parts = {"training": training, "census": census}
    return Result(training + census, True, int(left[census]), parts)


def fewest(left: Ints, limit: float) -> int:
    """The smallest k with at most `limit` wrong rows left."""
    return int(np.argmax(left <= limit))


def left_wrong(wrong: Ints) -> Ints:
    """Wrong rows that remain after none, one, two ... of the last items are asked; `wrong` is by growing risk."""
    return np.concatenate([np.cumsum(wrong)[::-1], [0]]).astype(np.int64)


@lru_cache(maxsize=1)
def _shared(case: Case, seed: int) -> Rounds:
    return Rounds(case, seed)


def _rounds(case: Case, seed: int) -> Iterator[Round]:
    seen, rng = _seen(case), np.random.default_rng([seed, 7])
    asked = centroids(
        seen.around, np.arange(case.items), first_batch_size(case.classes, case.items), seed=seed
    )
    sought = np.zeros(len(asked), bool)
    while len(asked) < case.items:
        order = np.argsort(asked)
        known = Known(asked[order], case.gold[asked[order]], sought[order])
        model = Model.fit(seen, known, case.classes, seed=seed)
        pool = np.setdiff1d(np.arange(case.items), asked)
        some = pool if len(pool) <= SAMPLE else rng.choice(pool, SAMPLE, replace=False)
        yield Round(model, asked, pool, _left(case, model, some), len(some) / len(pool))
        growth = GROWTH if len(asked) < LATER else LATER_GROWTH
        batch = min(len(pool), max(8, case.classes // 2, round(growth * len(asked))))
        near = pool if len(pool) <= SCORED else rng.choice(pool, SCORED, replace=False)
        probabilities = model.infer(near).probabilities
        unsure, by_chance = _query(seen.around[near], probabilities, near, batch, seed * 1000 + len(asked))
        asked = np.concatenate([asked, unsure, by_chance])
        sought = np.concatenate([sought, np.ones(len(unsure), bool), np.zeros(len(by_chance), bool)])


def _query(vectors: Floats, probabilities: Floats, pool: Ints, batch: int, seed: int) -> tuple[Ints, Ints]:
    """(uncertain, random) items out of `pool`, `batch` of them; vectors and probabilities are theirs."""
    if batch <= SPREAD:
        unsure, chance = margin(vectors, probabilities, batch, seed=seed)
        return pool[unsure], pool[chance]
    mixed = np.random.default_rng(seed).permutation(len(pool))
    by_chance, rest = np.split(mixed, [round(RANDOM_SHARE * batch)])
    top2 = np.partition(probabilities[rest], -2, axis=1)[:, -2:]
    unsure = rest[np.argsort(top2[:, 1] - top2[:, 0])[: batch - len(by_chance)]]
    return pool[unsure], pool[by_chance]


def _left(case: Case, model: Model, pool: Ints) -> Ints:
    made = model.infer(pool)
    wrong = (made.probabilities.argmax(axis=1) != case.gold[pool]) * case.weights[pool]
    return left_wrong(wrong[np.argsort(made.p_wrong, kind="stable")])


def _seen(case: Case) -> Views:
    """Both views; an imported vote stands beside the vectors."""
    assert case.vectors is not None and case.around is not None
    if case.votes is None:
        return Views(case.vectors, case.around)
    votes = vote_block(case)
    return Views(np.hstack([case.vectors, votes]), np.hstack([case.around, votes]))
