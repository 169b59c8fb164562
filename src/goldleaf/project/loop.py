"""What to ask next: rounds of training until the forecast total stops falling, then freeze and audit.

train ─▶ ask ─▶ … ─▶ freeze ─▶ draw ─▶ answer ─▶ … ─▶ certified
  ▲                               │
  └──── the data or the labels changed, or a new attempt is asked for
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldleaf.certificates import audit as audits
from goldleaf.certificates import choice, threshold
from goldleaf.certificates.base import Audit, Draw, alpha_of_attempt
from goldleaf.certificates.disagreement import Sample
from goldleaf.certificates.disagreement_slices import SlicedSample
from goldleaf.certificates.slices import Slices, forecast_slices
from goldleaf.encode.features import Views
from goldleaf.errors import VotesError
from goldleaf.items.store import ItemStore
from goldleaf.ledger.base import Ledger
from goldleaf.project import repeats
from goldleaf.project.config import Config
from goldleaf.project.frozen import Frozen, last_freeze, promise
from goldleaf.project.model import NAME, NOTHING, WITH_VOTES, Guess, Inferred, Known
from goldleaf.project.record import Asked, Given, Record, heard
from goldleaf.project.sayings import Listener, Sayings
from goldleaf.project.slicing import Parting, wanted
from goldleaf.project.tally import course
from goldleaf.project.training import Forecaster, Training, Turn
from goldleaf.project.vote_record import VoteRecord
from goldleaf.questions.stop import Forecast, Round

ABANDONED = "abandoned"  # in the place of a model's name: the attempt before was given up
REASON = {
    "cold": "one of the first: near the centre of a cluster of items",
    "margin": "the model is among the least certain here",
    "random": "drawn at random, to keep the model's picture of easy items honest",
    "chosen": "chosen by a person who looked at the items",
    "audit": "drawn for the audit with a known probability",
    "census": "among the items most likely wrong, labeled outright",
    "repeat": "drawn at random for a second opinion, by another person",
}


class Loop:
    """The state of one project between the ledger and the stages."""

    def __init__(
        self,
        store: ItemStore,
        ledger: Ledger,
        config: Config,
        features: Callable[[], Views],
        votes: VoteRecord,
    ) -> None:
        self.store = store
        self.ledger = ledger
        self.config = config
        self.features = features
        self.listener = Listener(votes, store.items, len(config.task.labels), config.seed)
        self._trained: tuple[Sayings, Training] | None = None
        self.frozen = self._restore()
        self._audit: Audit | None = None
        self._sample: Sample | SlicedSample | None = None
        self.together = False  # whether several people answer at the same time

    def _restore(self) -> Frozen | None:
        """The last freeze, if it is about today's items, labels and target."""
        row = last_freeze(self.ledger)
        if row is None:
            return None
        if self.ledger.rows("posteriors", "seq", after=row.seq, model=ABANDONED):
            return None
        now = {"per": None, **promise(self.config), "items": self.store.items, "total_rows": self.store.rows}
        facts = json.loads(row.facts)
        same = all(facts.get(name) == value for name, value in now.items())
        return Frozen.from_row(row) if same else None

    @cached_property
    def record(self) -> Record:
        """Every question and answer; read when it is first needed, as a status needs only their numbers."""
        return Record(self.ledger)

    @cached_property
    def ids(self) -> pa.StringArray:
        return self.store.ids()

    @cached_property
    def parting(self) -> Parting | None:
        """The slices that the target asks for."""
        return wanted(self.config.task, self.config.target, self.store)

    @property
    def audit(self) -> Audit | None:
        """The audit of the frozen labels, as far as it has come; None while training."""
        if self._audit is None and self.frozen is not None:
            self._audit = audits.restore(
                self.frozen.plan(), course(self.ledger, self.frozen), self.frozen.make
            )
        return self._audit

    @property
    def sample(self) -> Sample | SlicedSample | None:
        """The rows for second opinions, as far as they are drawn; None where none were asked for."""
        if self._sample is None and self.frozen is not None and repeats.size(self.frozen):
            self._sample = repeats.restore(self.frozen, self.record)
        return self._sample

    @property
    def attempt(self) -> int:
        return self.frozen.attempt if self.frozen else 0

    @property
    def attempts(self) -> int:
        """Freezes so far, void ones included: each has spent its alpha."""
        row = last_freeze(self.ledger, "attempt")
        return row.attempt if row else 0

    @property
    def finished(self) -> bool:
        """Whether the audit asks no more: it has proven the target and drawn its second opinions, or has no item left."""
        if self.audit is None or (self.sample is not None and self.sample.missing):
            return False
        # not `next`: a draw made here could be older than a correction that comes before it is written
        return self.audit.certified or self.audit.exhausted

    def ask(self, known: NDArray[np.int64] | None = None, source: str | None = None) -> list[Asked]:
        """The open questions; new ones when none is open; none when the audit is over.

        Args:
            known: positions that new training questions are to be about, where not every item has an answer.
            source: who is asked; repeats are put to a named person only.
        """
        while not (waiting := [*repeats.waiting(self.record, self.frozen, source), *self._unanswered()]):
            if self.audit is None:
                self._train(known)
            elif self.audit.failed:
                self.abandon("more items could not be told than the audit was planned for")
            elif self.finished:
                return []
            else:
                self.draw()
        return waiting

    def _unanswered(self) -> list[Asked]:
        """The open questions; an audit's question about an item that has an answer takes that one."""
        waiting = self.record.open(self.attempt)
        return self.record.open(self.attempt) if self.settle(waiting) else waiting

    def settle(self, waiting: Sequence[Asked]) -> list[Asked]:
        """Answer those of the audit's questions whose item has an answer elsewhere; which these are."""
        told = [(asked, self.record.told(asked)) for asked in waiting if asked.attempt]
        votes = [
            {
                "question": asked.seq,
                "item": asked.item,
                "source": given.source,
                "answer": given.answer,
                "label": given.label,
            }
            for asked, given in told
            if given is not None
        ]
        if not votes:
            return []
        known = [asked for asked, given in told if given is not None]
        self.answered(list(zip(known, self.record.answer(votes), strict=True)))
        return known

    def answered(self, pairs: list[tuple[Asked, Given]]) -> None:
        """Tell the audit of new answers that are already in the ledger."""
        if self._audit is None or self.frozen is None:
            return  # it will be restored with these answers in it
        for asked, given in pairs:
            if asked.drawn_in(self.attempt) and given.answer in ("label", "cant_tell"):
                self._audit.answer(*heard(given, self.frozen, self.frozen.place(asked.position)))

    def abandon(self, reason: str) -> None:
        """Leave this attempt for good; what its audit learned trains the next one."""
        facts = json.dumps({"attempt": self.attempt, "reason": reason})
        self.ledger.append([("posteriors", {"attempt": 0, "model": ABANDONED, "facts": facts})])
        self.frozen, self._audit, self._sample = None, None, None

    # -- training

    def training(self, said: Sayings) -> Training:
        """The rounds with what other sources said; the newest is kept."""
        kept = self._trained
        if kept is None or kept[0] is not said:
            features, classes = self.features(), len(self.config.task.labels)
            opinions = said.opinions(lambda: features)
            kept = self._trained = said, Training(features, classes, self.config.seed, opinions)
        return kept[1]

    def _train(self, only: NDArray[np.int64] | None = None) -> None:
        self.take(self.round(only)())

    def round(
        self, only: NDArray[np.int64] | None = None, without: NDArray[np.int64] | None = None, spare: int = 0
    ) -> Callable[[], Turn]:
        """The next round of training, as of now: a function that reads neither the ledger nor the record.

        It may run beside answers that come in meanwhile; `take` then writes what it found.

        Args:
            only: positions that new questions are to be about. without: those that they are not to be about.
            spare: further candidates to name, for people who are faster than the next round.
        """
        candidates = self.candidates()
        if only is not None:
            candidates = np.intersect1d(candidates, only)
        if without is not None:
            candidates = np.setdiff1d(candidates, without)
        known, answers, curve = self.known(), self.record.answers(), self._curve()
        forecaster = self._forecaster(candidates, answers, known)
        said = self.listener.now()

        def turn() -> Turn:
            found = self.training(said).turn(known, candidates, answers, curve, forecaster, spare)
            return replace(found, sources=said.versions)

        return turn

    def take(self, turn: Turn, guess: Guess | None = None) -> list[Asked]:
        """Write what a round found: its questions, or the freeze; `guess` as of `predict`."""
        if turn.round is not None:
            facts = {
                "answers": turn.round.answers,
                "expected_error": turn.round.error,
                "forecast": turn.forecast,
                **({"sources": dict(turn.sources)} if turn.sources else {}),
            }
            name = WITH_VOTES if turn.sources else NAME
            self.ledger.append([("posteriors", {"attempt": 0, "model": name, "facts": json.dumps(facts)})])
        if not turn.stop:
            return self.ask_training(turn.ask)
        self._freeze(turn.stop, guess)
        return []

    def _forecaster(self, candidates: NDArray[np.int64], answers: int, known: Known) -> Forecaster:
        """Of the audit's answers, from what the model makes of a sample of the candidates."""
        every, parting, method = self.store.weights(), self.parting, self.method
        weights = every[candidates]
        alpha = alpha_of_attempt(self.attempts + 1, self.config.target.alpha)

        def forecaster(sample: NDArray[np.int64], inferred: Inferred) -> Forecast:
            slices = None
            if parting is not None:
                labels = inferred.probabilities.argmax(axis=1)
                slices = parting.slices(
                    candidates, labels, (known.positions, known.labels), every, like=sample
                )

            def ahead(after: int, error: float) -> float:
                left = max(len(candidates) - (after - answers), 0)
                if not left:
                    return 0.0
                return self._forecast(weights[:left], inferred.p_wrong, error, slices, alpha, method)

            return ahead

        return forecaster

    def _curve(self) -> list[Round]:
        return [Round(body["answers"], body["expected_error"]) for body in self.rounds()]

    def rounds(self) -> list[dict[str, Any]]:
        """The facts of the training rounds since the last freeze."""
        freeze = last_freeze(self.ledger, "seq")
        rows = self.ledger.rows("posteriors", "model", "facts", after=freeze.seq if freeze else 0, attempt=0)
        return [json.loads(row.facts) for row in rows if row.model != ABANDONED]

    def _forecast(
        self,
        weights: NDArray[np.int64],
        p_wrong: NDArray[np.float64],
        error: float,
        slices: Slices | None,
        alpha: float,
        method: str,
    ) -> float:
        """Answers of the next attempt's audit over items of these weights; `p_wrong` may be of a sample."""
        target = self.config.target
        guesses = np.resize(p_wrong, len(weights))
        if slices is not None:
            of = slices.of[: len(weights)]
            return forecast_slices(of, weights, guesses, slices.rows, target.error, alpha, error)
        return choice.forecast(method, weights, guesses, self.store.rows, target.error, alpha, error)

    @property
    def method(self) -> str:
        """The audit that the next freeze may have: as configured, or bets where only they are fit.

        Bets are drawn one at a time, so several people would wait for each other.
        """
        if self.config.method != choice.AUTO:
            return self.config.method
        if self.parting is not None or len(self.record.positions("cant_tell")):
            return "gro.v1"
        return threshold.METHOD if self.together else choice.AUTO

    def known(self) -> Known:
        """What people labeled, and whether an item was sought out as a hard one."""
        index = {label: number for number, label in enumerate(self.config.task.labels)}
        found = {
            asked.position: (index[given.label], asked.reason not in ("random", "audit"))
            for asked, given in self.record.effective()
            if given.label is not None
        }
        positions = np.array(sorted(found), np.int64)
        pairs = [found[int(position)] for position in positions]
        return Known(
            positions,
            np.array([label for label, _ in pairs], np.int64),
            np.array([hard for _, hard in pairs], bool),
        )

    def candidates(self) -> NDArray[np.int64]:
        """Items a training question may be about."""
        closed = np.zeros(self.store.items, bool)
        closed[self.known().positions] = True
        closed[self.record.positions("cant_tell")] = True
        closed[self.record.positions("skip")] = True
        return np.flatnonzero(~closed)

    def ask_training(self, chosen: Mapping[str, NDArray[np.int64]]) -> list[Asked]:
        """Write training questions, by the reason they are asked for."""
        questions = [
            {
                "purpose": "training",
                "reason": why,
                "attempt": 0,
                "probability": 0.0,
                "position": int(position),
            }
            for why, positions in chosen.items()
            for position in positions
        ]
        return self._write(questions)

    def _write(self, questions: list[dict[str, Any]]) -> list[Asked]:
        return self.record.ask(
            [{**question, "item": self.ids[question["position"]].as_py()} for question in questions]
        )

    # -- audit

    def _freeze(self, reason: str, guess: Guess | None = None) -> None:
        frozen = self.predict(self.attempts + 1, reason, guess)
        self.ledger.append([("posteriors", frozen.entry(self.ids.take(frozen.positions)))])
        self.frozen, self._audit, self._sample = frozen, audits.start(frozen.plan(), frozen.make), None

    def guess(self, known: Known) -> Guess:
        """What the machine makes of every item that is not `known`, with the votes that it last heard.

        It reads neither the ledger nor the record.
        """
        said = self.listener.heard
        unknown = np.ones(self.store.items, bool)
        unknown[known.positions] = False
        pool = np.flatnonzero(unknown)
        model = self.training(said).fit(known)
        return Guess(model, pool, model.infer(pool), said.versions)

    def predict(self, attempt: int, reason: str, guess: Guess | None = None) -> Frozen:
        """The machine's label for every item that no person labeled.

        Args:
            guess: made before the newest answers came in; by default it is made now.
        """
        known = self.known()
        if not len(known.positions):
            raise VotesError(
                "No item has a label yet, so there is nothing to learn from.", do="Answer: goldleaf label"
            )
        machine = np.ones(self.store.items, bool)
        machine[known.positions] = False
        cant_tell = self.record.positions("cant_tell")
        weights = self.store.weights()
        rows = self.store.rows
        counted = np.ones(self.store.items, bool)
        if self.config.target.cant_tell == "exclude":
            machine[cant_tell] = counted[cant_tell] = False
            rows -= int(weights[cant_tell].sum())
        pool = np.flatnonzero(machine)
        if guess is None and len(pool):
            self.listener.now()
            guess = self.guess(known)
        inferred = guess.of(pool) if guess is not None and len(pool) else NOTHING
        # known to count as wrong; answered without asking again
        inferred.p_wrong[np.isin(pool, cant_tell)] = 0.999
        p_wrong = inferred.p_wrong.astype(np.float32)
        facts = {
            **promise(self.config),
            "items": self.store.items,
            "total_rows": self.store.rows,
            "rows": rows,
            "alpha": alpha_of_attempt(max(attempt, 1), self.config.target.alpha),
            "expected_error": float(np.average(p_wrong, weights=weights[pool])) if len(pool) else 0.0,
            "seed": _seed(self.config.seed, attempt),
            "digest": self.store.digest,
            "answers": self.record.answers(),
            "reason": reason,
            **({"sources": dict(guess.sources)} if guess is not None and guess.sources else {}),
            **repeats.facts(self.config.target, rows, np.flatnonzero(~machine & counted), weights),
        }
        labels = inferred.probabilities.argmax(axis=1)
        slices = None
        if self.parting is not None:
            slices = self.parting.slices(pool, labels, (known.positions, known.labels), weights)
            facts["slices"] = {"names": list(self.parting.names), "rows": slices.rows.tolist()}
        frozen = Frozen(
            slices=slices,
            attempt=attempt,
            positions=pool,
            weights=weights[pool],
            labels=labels.astype(np.int16),
            probability=inferred.probabilities.max(axis=1),
            p_wrong=p_wrong,
            facts=facts,
        )
        doubted = int(weights[np.intersect1d(pool, cant_tell)].sum())
        return frozen.with_method(choice.method(self.method, frozen.plan(), doubted))

    def draw(self) -> list[Asked]:
        """Put the audit's next draws into the ledger, beside those that are open; [] where they must wait."""
        assert self.audit is not None and self.frozen is not None
        draws = self.audit.ahead(self.sample.short if self.sample else ())
        new = [self._question(draw) for draw in draws]
        if self.sample is not None:  # in the same transaction: no draw without its repeat
            new += repeats.questions(self.sample, self.frozen, draws, self.audit.evenness)
        return self._write(new) if new else []

    def _question(self, draw: Draw) -> dict[str, Any]:
        assert self.frozen is not None
        purpose = "census" if draw.kind == "census" else "audit"
        return {
            "purpose": purpose,
            "reason": purpose,
            "attempt": self.attempt,
            "probability": draw.probability,
            "position": int(self.frozen.positions[draw.position]),
            "step": draw.step,
            "p": draw.p,
            "lam": draw.lam,
            "nu": draw.nu,
            "target": draw.target,
            "least": draw.least,
        }


def _seed(seed: int, attempt: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{attempt}".encode()).digest()[:7], "big")
