"""A round of training: whom to ask about next, or why to stop. Arrays in, positions out; no ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from goldleaf.encode.base import Vectors
from goldleaf.encode.features import Views
from goldleaf.posteriors.opinions import Opinions
from goldleaf.project.model import Inferred, Known, Model
from goldleaf.questions.centroids import centroids
from goldleaf.questions.margin import RANDOM_SHARE, margin
from goldleaf.questions.stop import EXPONENT, Forecast, Round, batch_size, first_batch_size, reason_to_stop

Ints = NDArray[np.int64]
SCORED = 20_000  # candidates that the model of a round looks at
SAMPLE = 5_000  # of these, the items on which a round's forecast is computed
ALONE = 1_000  # of these, the items on which the probe is looked at without other sources

Forecaster = Callable[[Ints, Inferred], Forecast]
"""From what the model makes of some candidates to the answers that an audit would take."""


@dataclass(frozen=True)
class Turn:
    """What comes next.

    Attributes:
        ask: positions by the reason they are picked for; empty when training ends.
        stop: why it ends.
        round: this round, and forecast: the audit's answers now; None before the first answers.
        spare: further positions by reason, the most useful first, for people who are faster than the next round.
        sources: whose votes took part → their version.
    """

    ask: Mapping[str, Ints] = field(default_factory=dict)
    stop: str | None = None
    round: Round | None = None
    forecast: float = 0.0
    spare: Mapping[str, Ints] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Training:
    """The rounds over one pool.

    Args:
        features: both views of every item.
        classes: number of labels.
        seed: of every random choice.
        opinions: what other sources say of the items, if anything.
    """

    features: Views
    classes: int
    seed: int
    opinions: Opinions | None = None

    def turn(
        self,
        known: Known,
        candidates: Ints,
        answers: int,
        rounds: Sequence[Round],
        forecaster: Forecaster,
        spare: int = 0,
    ) -> Turn:
        """The next questions, or the end.

        Args:
            known: what people labeled. candidates: positions that may be asked about.
            answers: human answers so far, can't tells too. rounds: the earlier ones, oldest first.
            spare: further positions wanted.
        """
        if not len(candidates):
            return Turn(stop="every item that may be asked has an answer")
        if not len(known.labels):
            return Turn({"cold": self.first(candidates)})
        rng = np.random.default_rng([self.seed, len(known.labels)])
        scored = _some(rng, candidates, SCORED)
        model = self.fit(known)
        inferred = model.infer(scored)
        at = _some(rng, np.arange(len(scored)), SAMPLE)
        sample = Inferred(inferred.probabilities[at], inferred.p_wrong[at])
        ahead = forecaster(scored[at], sample)
        if self.opinions is not None:
            ahead = beyond(ahead, answers, model.doubt_of_probe(scored[at[:ALONE]]))
        now = Round(answers, float(sample.p_wrong.mean()))
        batch = batch_size(self.classes, len(known.labels))
        stop = self.stop([*rounds, now], batch, ahead)
        forecast = ahead(answers, now.error)
        if stop:
            return Turn(stop=stop, round=now, forecast=forecast)
        unsure, chance = self.pick(scored, inferred, batch, int(rng.integers(2**31)))
        more = further(scored, inferred, np.concatenate([unsure, chance]), spare, rng) if spare else {}
        return Turn({"margin": unsure, "random": chance}, round=now, forecast=forecast, spare=more)

    def first(self, candidates: Ints) -> Ints:
        """Whom to ask about before anything is known."""
        size = first_batch_size(self.classes, len(self.features.own))
        if self.opinions is not None:
            return doubtful(self.features.around, candidates, self.opinions, size, seed=self.seed)
        return centroids(self.features.around, candidates, size, seed=self.seed)

    def pick(self, candidates: Ints, inferred: Inferred, size: int, seed: int) -> tuple[Ints, Ints]:
        """(hard, random) candidates to ask about next."""
        vectors = np.asarray(self.features.around[candidates])
        unsure, chance = margin(vectors, inferred.probabilities, size, seed=seed)
        return candidates[unsure], candidates[chance]

    def stop(self, rounds: Sequence[Round], batch: int, ahead: Forecast) -> str | None:
        """Why training should end now, or None."""
        return reason_to_stop(rounds, ahead(rounds[-1].answers, 0.0), batch, ahead)

    def fit(self, known: Known) -> Model:
        """The model of what is known."""
        return Model.fit(self.features, known, self.classes, seed=self.seed, opinions=self.opinions)


def beyond(ahead: Forecast, answers: int, error: float) -> Forecast:
    """`ahead` where other sources have spoken: later, the model is no worse than the probe alone would be.

    Sources that save the first answers leave a flat learning curve, which tells nothing of what more answers bring.

    Args:
        answers: so far. error: of the probe alone.
    """

    def later(after: int, expected: float) -> float:
        if after <= answers:
            return ahead(after, expected)
        return ahead(after, min(expected, error * (after / answers) ** -EXPONENT))

    return later


def doubtful(vectors: Vectors, candidates: Ints, opinions: Opinions, size: int, *, seed: int) -> Ints:
    """The first questions where other sources have spoken: half of them where these are least sure, half at random."""
    some = _some(np.random.default_rng(seed), candidates, SCORED)
    if size >= len(some):
        return some
    probabilities = opinions.predict_proba(some).astype(np.float32)
    unsure, chance = margin(np.asarray(vectors[some]), probabilities, size, seed=seed, random_share=0.5)
    return np.sort(some[np.concatenate([unsure, chance])])


def further(
    scored: Ints, inferred: Inferred, taken: Ints, size: int, rng: np.random.Generator
) -> dict[str, Ints]:
    """`size` more positions, in the same mixture of hard and random ones, without spreading them out."""
    free = np.flatnonzero(~np.isin(scored, taken))
    by_chance = rng.choice(free, min(len(free), max(1, round(size * RANDOM_SHARE))), replace=False)
    rest = np.setdiff1d(free, by_chance)
    top2 = np.partition(inferred.probabilities[rest], -2, axis=1)[:, -2:]
    unsure = rest[np.argsort(top2[:, 1] - top2[:, 0], kind="stable")][: max(size - len(by_chance), 0)]
    return {"margin": scored[unsure], "random": scored[by_chance]}


def _some(rng: np.random.Generator, positions: Ints, most: int) -> Ints:
    if len(positions) <= most:
        return positions
    return np.sort(rng.choice(positions, most, replace=False))
