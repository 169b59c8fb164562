"""The whole loop on arrays: vectors and somebody who answers in, labels and a proven error out. No files, no ledger.

`Project` does the same with items, people, a record of everything and a certificate that others can verify.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
from numpy.typing import NDArray

from goldleaf.certificates import audit as audits
from goldleaf.certificates import choice, threshold
from goldleaf.certificates.base import Audit, AuditPlan, Outcome, alpha_of_attempt
from goldleaf.encode.features import Views
from goldleaf.encode.neighbours import around, unit_rows
from goldleaf.posteriors.doubt import GIVEN, Doubt
from goldleaf.posteriors.opinions import Opinions
from goldleaf.project.model import NOTHING, Inferred, Known
from goldleaf.project.training import Training
from goldleaf.questions.stop import Forecast, Round
from goldleaf.schema import VoteTable

Ints = NDArray[np.int64]
Answerer = Callable[[Ints], Ints]
"""From positions to class integers."""


class CertifiedLabeler:
    """Labels every item from few answers and bounds how many labels are wrong.

    Args:
        classes: number of labels.
        error: the largest share of wrong rows to certify. confidence: of the bound.
        method: "auto", "threshold.v1", "gro.v1" or "uniform.v1", as under [audit] in goldleaf.toml.
        seed: of every random choice.
        training: what picks the questions and fits the model.

    Attributes after `fit`:
        labels_ [n] class integers. human_ [n] whether a person gave it. p_wrong_ [n] guess that it is wrong.
        bound_: at most this share of the rows is wrong; certified_: whether that is within `error`.
        answers_: human answers by purpose. plan_: of the audit.
    """

    def __init__(
        self,
        classes: int,
        *,
        error: float = 0.05,
        confidence: float = 0.95,
        method: str = choice.AUTO,
        seed: int = 0,
        training: type[Training] = Training,
    ) -> None:
        self.classes = classes
        self.error = error
        self.confidence = confidence
        self.method = method
        self.seed = seed
        self.training = training

    def fit(
        self,
        vectors: NDArray[np.float32] | Views,
        answer: Answerer,
        weights: Ints | None = None,
        votes: VoteTable | Opinions | None = None,
    ) -> Self:
        """Ask until the target is proven, or every item is labeled by a person.

        Args:
            vectors: [n, d]; centre them on the pool first. Or both `Views`.
            answer: the true class integers [m] of the items at positions [m].
            weights: [n] rows that each item stands for; 1 by default.
            votes: of other sources on the same items, or what has been made of them already. They save answers as
                far as they are right; none counts as one.
        """
        views = vectors if isinstance(vectors, Views) else views_of(vectors)
        self._begin(len(views.own), weights)
        opinions = Opinions(self.seed).fit(votes, views) if isinstance(votes, VoteTable) else votes
        inferred, pool = self._train(self.training(views, self.classes, self.seed, opinions), answer)
        self.p_wrong_[pool] = inferred.p_wrong
        self.labels_[pool] = inferred.probabilities.argmax(axis=1)
        self._prove(pool, answer)
        return self

    def fit_predictions(
        self,
        predicted: Ints,
        confidence: NDArray[np.float64],
        answer: Answerer,
        weights: Ints | None = None,
        *,
        first: int = 40,
    ) -> Self:
        """The same for labels that another model gave, of items nobody has vectors for: they are only proven.

        Args:
            predicted: [n] the class integers; confidence: [n] what the model says of each, in [0, 1].
            first: random answers that tell how far the confidence can be believed.
        """
        n = len(predicted)
        self._begin(n, weights)
        doubts = np.asarray(confidence, np.float64)[:, None]
        if first < n:
            at = np.sort(np.random.default_rng(self.seed).choice(n, first, replace=False))
            self._ask(at, answer, "training", sought=False)
            wrong = self.labels_[at] != predicted[at]
            p_wrong = Doubt(GIVEN).fit(doubts[at], wrong).predict(doubts)
        else:
            p_wrong = np.ones(n)
        pool = np.flatnonzero(~self.human_)
        self.labels_[pool], self.p_wrong_[pool] = predicted[pool], p_wrong[pool]
        self._prove(pool, answer)
        return self

    def _begin(self, n: int, weights: Ints | None) -> None:
        self._weights = np.ones(n, np.int64) if weights is None else np.asarray(weights, np.int64)
        self.labels_ = np.full(n, -1, np.int64)
        self.human_, self._sought = np.zeros(n, bool), np.zeros(n, bool)
        self.answers_ = dict.fromkeys(("training", "audit", "census"), 0)
        self.p_wrong_ = np.zeros(n)

    def _train(self, training: Training, answer: Answerer) -> tuple[Inferred, Ints]:
        rounds: list[Round] = []
        while True:
            candidates = np.flatnonzero(~self.human_)
            turn = training.turn(self._known(), candidates, int(self.human_.sum()), rounds, self._forecaster)
            if turn.round is not None:
                rounds.append(turn.round)
            for reason, positions in turn.ask.items():
                if len(positions):
                    self._ask(positions, answer, "training", sought=reason != "random")
            if turn.stop:
                known = self._known()
                return training.fit(known).infer(candidates) if len(candidates) else NOTHING, candidates

    def _known(self) -> Known:
        at = np.flatnonzero(self.human_)
        return Known(at, self.labels_[at], self._sought[at])

    def _ask(self, positions: Ints, answer: Answerer, purpose: str, *, sought: bool) -> None:
        self.labels_[positions] = answer(positions)
        self.human_[positions] = True
        self._sought[positions] = sought
        self.answers_[purpose] += len(positions)

    def _forecaster(self, sample: Ints, inferred: Inferred) -> Forecast:
        weights, answers = self._weights[~self.human_], int(self.human_.sum())

        def ahead(after: int, error: float) -> float:
            left = weights[: max(len(weights) - (after - answers), 0)]
            if not len(left):
                return 0.0
            guesses = np.resize(inferred.p_wrong, len(left))
            return choice.forecast(self.method, left, guesses, self._rows, self.error, self._alpha, error)

        return ahead

    @property
    def _rows(self) -> int:
        return int(self._weights.sum())

    @property
    def _alpha(self) -> float:
        return alpha_of_attempt(1, 1.0 - self.confidence)

    def _prove(self, pool: Ints, answer: Answerer) -> None:
        p_wrong = self.p_wrong_[pool].astype(np.float32).astype(np.float64)
        weights = self._weights[pool]
        plan = AuditPlan(
            weights=weights,
            p_wrong=p_wrong,
            rows=self._rows,
            error=self.error,
            alpha=self._alpha,
            expected_error=float(np.average(p_wrong, weights=weights)) if len(pool) else 0.0,
            seed=self.seed,
        )
        self.plan_ = choice.method(self.method, plan)
        make = threshold.ThresholdAudit if self.plan_.method == threshold.METHOD else audits.BettingAudit
        audit: Audit = audits.start(self.plan_, make)
        while not audit.certified and (draws := audit.next()):
            machine = self.labels_[pool]
            for kind, purpose in (("draw", "audit"), ("census", "census")):
                at = np.array([draw.position for draw in draws if draw.kind == kind], np.int64)
                if len(at):
                    self._ask(pool[at], answer, purpose, sought=kind == "census")
                for place in at:
                    same = self.labels_[pool[place]] == machine[place]
                    audit.answer(int(place), Outcome.RIGHT if same else Outcome.WRONG)
        self.p_wrong_[self.human_] = 0.0
        self.bound_, self.certified_ = audit.bound, audit.certified


def views_of(vectors: NDArray[np.float32]) -> Views:
    """Both views of `vectors` [n, d], in memory."""
    own = unit_rows(np.asarray(vectors, np.float32))
    return Views(own, around(own))
