"""goldleaf in the benchmark, whole and with one ingredient taken away; `goldleaf.estimator` runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from unittest import mock

import numpy as np

from benchmarks.answers.case import Case, Floats, Ints, Method, Result
from benchmarks.answers.machine import Logistic
from goldleaf.certificates import census, choice
from goldleaf.encode.features import Views
from goldleaf.estimator import CertifiedLabeler
from goldleaf.posteriors.doubt import GIVEN, Doubt
from goldleaf.posteriors.opinions import Opinions
from goldleaf.project.model import Inferred, Known, Model
from goldleaf.project.training import Training
from goldleaf.questions.stop import Forecast, Round
from goldleaf.schema import VoteTable

FIRST = 40  # random answers that tell how far an imported confidence can be believed
FIXED = 0.05  # of the items: the training where there is no stop rule
FOLDS = 5


class Remembered(Model):
    """A model that infers the same items only once: the targets of a seed share their rounds."""

    def infer(self, positions: Ints) -> Inferred:
        key = positions.tobytes()
        memory = self.__dict__.setdefault("memory", {})
        if key not in memory:
            memory[key] = super().infer(positions)
        return memory[key]  # type: ignore[no-any-return]


class Whole(Training):
    """Training as it is; fits of a seed are kept for its other targets."""

    def fit(self, known: Known) -> Model:
        kept = _fits(id(self.features.own), type(self), self.seed)
        key = known.positions.tobytes()
        if key not in kept:
            kept[key] = self.model(known)
        return kept[key]

    def model(self, known: Known) -> Model:
        return Remembered.fit(self.features, known, self.classes, seed=self.seed, opinions=self.opinions)


@lru_cache(maxsize=1)
def _fits(features: int, kind: type, seed: int) -> dict[bytes, Model]:
    """Kept models hold their features, so that no other ones can have their address meanwhile."""
    return {}


class RandomStart(Whole):
    def first(self, candidates: Ints) -> Ints:
        size = len(super().first(candidates))
        return np.random.default_rng(self.seed).choice(candidates, size, replace=False)


class RandomQuestions(Whole):
    def pick(self, candidates: Ints, inferred: Inferred, size: int, seed: int) -> tuple[Ints, Ints]:
        chosen = np.random.default_rng(seed).choice(candidates, min(size, len(candidates)), replace=False)
        return chosen[:0], chosen


class OneView(Whole):
    """Without the view of the neighbours."""

    def model(self, known: Known) -> Model:
        alone = Views(self.features.own, self.features.own)
        return Remembered.fit(alone, known, self.classes, seed=self.seed, opinions=self.opinions)


class FixedTraining(Whole):
    def stop(self, rounds: list[Round], batch: int, ahead: Forecast) -> str | None:  # type: ignore[override]
        return "a fixed share" if rounds[-1].answers >= FIXED * len(self.features.own) else None


class LogisticProbe(Whole):
    """Logistic regression in the place of the kernel probe, cross-fitted in five folds."""

    def model(self, known: Known) -> Model:
        vectors = np.asarray(self.features.own[known.positions])
        fold = np.random.default_rng(self.seed).permutation(len(vectors)) % FOLDS
        held_out = np.zeros((len(vectors), self.classes), np.float32)
        for one in np.unique(fold):
            train = fold != one
            if train.any():
                fitted = Logistic(self.classes).fit(vectors[train], known.labels[train])
                held_out[~train] = fitted.predict_proba(vectors[~train])
        told = known.sought if known.sought.all() else ~known.sought
        mistaken = (held_out.argmax(axis=1) != known.labels)[told]
        doubt = Doubt(GIVEN).fit(held_out[told], mistaken)  # the other prior is of the kernel's doubt
        probe = _OnFirst(Logistic(self.classes).fit(vectors, known.labels), self.classes)
        return Remembered(probe, doubt, self.features)  # type: ignore[arg-type]


@dataclass(frozen=True)
class _OnFirst:
    model: Logistic
    classes: int

    def predict_proba(self, views: Views) -> Floats:
        return self.model.predict_proba(views.own)


class NoErrorPredictor(Whole):
    """Every label is as likely to be wrong as any other: draws and cuts know nothing of risk."""

    def model(self, known: Known) -> Model:
        return _Flat.fit(self.features, known, self.classes, seed=self.seed, opinions=self.opinions)


class _Flat(Remembered):
    def infer(self, positions: Ints) -> Inferred:
        made = super().infer(positions)
        mean = float(made.p_wrong.mean()) if len(positions) else 0.0
        return Inferred(made.probabilities, np.full(len(positions), mean))


def goldleaf(
    case: Case,
    error: float,
    alpha: float,
    seed: int,
    *,
    training: type[Training] = Whole,
    method: str = choice.AUTO,
    without: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Result:
    """A whole run; `without` takes something away while it lasts."""
    labeler = CertifiedLabeler(
        case.classes, error=error, confidence=1 - alpha, method=method, seed=seed, training=training
    )
    with without():
        if case.vectors is None:
            labeler.fit_predictions(case.votes, case.confidence, lambda at: case.gold[at], first=FIRST)
        else:
            labeler.fit(views(case), lambda at: case.gold[at], case.weights, opinions(case, seed))
    wrong = int((case.weights * (labeler.labels_ != case.gold)).sum())
    return Result(int(labeler.human_.sum()), bool(labeler.certified_), wrong, dict(labeler.answers_))


@lru_cache(maxsize=1)
def views(case: Case) -> Views:
    """What goldleaf looks at; the votes of an imported model are none of it."""
    assert case.vectors is not None and case.around is not None
    return Views(case.vectors, case.around)


@lru_cache(maxsize=1)
def opinions(case: Case, seed: int) -> Opinions | None:
    """What the votes of an imported model say of the items."""
    if case.votes is None:
        return None
    item = np.arange(case.items)
    votes = VoteTable(item, np.zeros_like(item), case.votes, ("model",), case.items, case.classes)
    return Opinions(seed).fit(votes, views(case))


@contextmanager
def _no_census() -> Iterator[None]:
    with mock.patch.object(census, "GATE", 0.0):
        yield


METHODS: dict[str, Method] = {
    "goldleaf": goldleaf,
    "goldleaf - cold start": partial(goldleaf, training=RandomStart),
    "goldleaf - margin": partial(goldleaf, training=RandomQuestions),
    "goldleaf - neighbours": partial(goldleaf, training=OneView),
    "goldleaf - kernel": partial(goldleaf, training=LogisticProbe),
    "goldleaf - error predictor": partial(goldleaf, training=NoErrorPredictor),
    "goldleaf - stop rule": partial(goldleaf, training=FixedTraining),
    "goldleaf - cut": partial(goldleaf, method="gro.v1"),
    "goldleaf - cut and census": partial(goldleaf, method="gro.v1", without=_no_census),
    "goldleaf - bets": partial(goldleaf, method="threshold.v1"),
    "goldleaf - cut and GRO design": partial(goldleaf, method="uniform.v1"),
}
