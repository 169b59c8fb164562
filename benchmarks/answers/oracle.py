"""The fewest human answers that this encoder and probe allow: an oracle trains to the best size, then knows.

After every round of margin active learning it knows how many machine labels are wrong above each score, and asks
people for the fewest riskiest items that leave no more wrong rows than the target allows. It pays for no proof.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from benchmarks.answers.case import Case, Ints, Result
from benchmarks.answers.machine import imported, inputs
from goldleaf.certificates.base import allowed
from goldleaf.project.model import Known, Model
from goldleaf.questions.centroids import centroids
from goldleaf.questions.margin import margin
from goldleaf.questions.stop import first_batch_size

GROWTH, LATER_GROWTH, LATER = 0.1, 0.15, 1_000  # of the answers so far, and above so many answers


@dataclass(frozen=True, eq=False)
class Round:
    """After `answers`: `left[k]` wrong rows remain once the k riskiest items are asked too."""

    answers: int
    left: Ints

    def total(self, limit: int) -> int:
        return self.answers + int(np.argmax(self.left <= limit))


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
    """The smallest total over all training sizes; more training is futile once it alone exceeds the best total."""
    limit = allowed(error, case.rows)
    best = case.items
    training, wrong = 0, 0
    for one in _shared(case, seed):
        if one.answers >= best:
            break
        if one.total(limit) < best:
            best, training = one.total(limit), one.answers
            wrong = int(one.left[best - training])
    return Result(best, True, wrong, {"training": training, "census": best - training})


@lru_cache(maxsize=1)
def _shared(case: Case, seed: int) -> Rounds:
    return Rounds(case, seed)


def _rounds(case: Case, seed: int) -> Iterator[Round]:
    if case.vectors is None:
        machine = imported(case, seed)
        yield Round(0, _left(machine.wrong * machine.weights))
        return
    seen = inputs(case)
    asked = centroids(seen, np.arange(case.items), first_batch_size(case.classes, case.items), seed=seed)
    sought = np.zeros(len(asked), bool)
    while len(asked) < case.items:
        order = np.argsort(asked)
        known = Known(asked[order], case.gold[asked[order]], sought[order])
        model = Model.fit(seen, known, case.classes, seed=seed)
        pool = np.setdiff1d(np.arange(case.items), asked)
        made = model.infer(pool)
        wrong = (made.probabilities.argmax(axis=1) != case.gold[pool]) * case.weights[pool]
        yield Round(len(asked), _left(wrong[np.argsort(made.p_wrong, kind="stable")]))
        probabilities = np.zeros((case.items, case.classes), np.float32)
        probabilities[pool] = made.probabilities
        growth = GROWTH if len(asked) < LATER else LATER_GROWTH
        batch = max(8, case.classes // 2, round(growth * len(asked)))
        unsure, by_chance = margin(seen, probabilities, pool, batch, seed=seed * 1000 + len(asked))
        asked = np.concatenate([asked, unsure, by_chance])
        sought = np.concatenate([sought, np.ones(len(unsure), bool), np.zeros(len(by_chance), bool)])


def _left(wrong: Ints) -> Ints:
    """Wrong rows that remain after none, one, two ... of the last items are asked; `wrong` is by growing risk."""
    return np.concatenate([np.cumsum(wrong)[::-1], [0]]).astype(np.int64)
