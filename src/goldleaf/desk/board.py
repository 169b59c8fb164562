"""What many people at once may be asked, and what becomes of their answers; one thread calls it, see `desk`.

A question is handed to one person at a time. Whoever answers gets the next at once: from the round of training or the
batch of draws that is in the ledger, or, while the next round is being computed, from the candidates that the last
model named beside its own picks. Draws of an audit are put in the order and with the probabilities that the audit
gives them; who answers which, and when, changes nothing of either.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from goldleaf.desk.leases import Leases
from goldleaf.desk.left import Left
from goldleaf.desk.pace import Pace
from goldleaf.desk.stock import Dispute, Stock, first_answer
from goldleaf.errors import GoldleafError, Taken, VotesError
from goldleaf.project import repeats
from goldleaf.project.answering import vote
from goldleaf.project.loop import Loop
from goldleaf.project.model import Guess
from goldleaf.project.record import Asked, Given
from goldleaf.project.repeats import ANSWERS
from goldleaf.project.training import Turn
from goldleaf.schema import Reply

SPARE = 400  # candidates that a round names beyond its own
FEW = 8  # of these written into the ledger at a time, at least
BLIND = 0.1  # share of the items left that is asked at random while a round is computed; beyond, people wait for it,
PATIENCE = 5.0  # but for no round that has been under way for so many seconds


@dataclass(frozen=True)
class Handed:
    """A question in somebody's hands; `before`: what they said to it earlier."""

    asked: Asked
    dispute: Dispute | None = None
    before: Given | None = None


@dataclass(frozen=True)
class Give:
    """An answer on its way; `suggested`: the page showed a suggestion with the question."""

    source: str
    question: int
    reply: str | Reply
    seconds: float | None = None
    suggested: bool = False
    settles: bool = False  # whether this person may settle disagreements
    corrects: bool = False  # whether it may replace somebody else's answer


@dataclass(frozen=True)
class Saved:
    """An answer that is in the ledger, with its question; only now may the person learn why they were asked."""

    given: Given
    asked: Asked
    purpose: str


State = Literal["ask", "wait", "done"]


class Board:
    """The state of all who answer.

    Args:
        loop: of the project. leases: who holds what.
        overlap: share of first answers for which a second person's is asked too, outside of any certificate's sample.
        clock: seconds since 1970.
    """

    def __init__(
        self, loop: Loop, leases: Leases, *, overlap: float = 0.0, clock: Callable[[], float] = time.time
    ) -> None:
        self.loop = loop
        self.record = loop.record
        self.leases = leases
        self.overlap = overlap
        self.clock = clock
        self.pace = Pace.of(self.record)
        self.stock = Stock(self.record)
        self.working = False  # a round of training is being computed
        self._began = 0.0  # when it was due
        self._blind = 0  # questions drawn at random since then, for want of others
        self.rounds = 0  # since the board was set up
        self.left: Left | None = None  # to the machine, once its labels are frozen
        self.spare: dict[str, list[int]] = {}
        self._rng = np.random.default_rng([loop.config.seed, loop.ledger.head.seq])
        self.finished = False  # the audit asks no more
        self._known = np.zeros(loop.store.items, bool)  # items that a question was ever about
        self._since = 0  # answers since the last round began
        self._round = 0  # questions of the last round
        self._mine: dict[str, list[Given]] = {}
        for given in self.record.history:
            self._mine.setdefault(given.source, []).append(given)
        self.restock()

    # -- handing out

    def hand(self, source: str, ahead: int, settles: bool = False) -> tuple[State, list[Handed]]:
        """Up to `ahead` questions for `source`, those they hold first; they hold all of them from now on."""
        now = self.clock()
        self.pace.seen[source] = now
        self.loop.together = self.pace.at_work(now) > 1
        mine = self.leases.of(source)
        held = [one for seq in mine if (one := self._held(seq, source, settles)) is not None]
        for one in held:
            self.leases.take(one.asked.seq, source, now)
        while len(held) < ahead and (one := self._next(source, settles)) is not None:
            self.leases.take(one.asked.seq, source, now)
            held.append(one)
        if held:
            return "ask", held
        return ("done" if self.finished else "wait"), []

    def _held(self, seq: int, source: str, settles: bool) -> Handed | None:
        """A question that `source` holds, if it still waits for them."""
        asked = self.record.asked[seq]
        last = self.record.given.get(seq)
        dispute = self._dispute_about(seq) if settles else None
        if dispute is not None:
            return Handed(asked, dispute)
        if (last is None or last.answer not in ANSWERS) and asked.attempt in (0, self.loop.attempt):
            mine = [one for one in self.record.said(seq) if one.source == source and one.answer in ANSWERS]
            if mine or asked.purpose == "repeat" or not self.finished:
                return Handed(asked, before=mine[-1] if mine else None)
        self.leases.drop(seq)
        return None

    def _dispute_about(self, seq: int) -> Dispute | None:
        return next((one for one in self.stock.disputes.values() if one.first.seq == seq), None)

    def _next(self, source: str, settles: bool) -> Handed | None:
        """A question that nobody holds; new ones are written when there is none."""
        held = set(self.leases.all())
        if settles and (found := self.stock.dispute(source, held)) is not None:
            return Handed(found.first, found)
        if (asked := self._opinion(source, held)) is not None:
            return Handed(asked)
        if self.finished:
            return None
        picked = self.stock.pick(source)
        if picked is None and self._more():
            picked = self.stock.pick(source)
        if picked is None and not held:
            picked = self.stock.pick(source, again=True)  # they skipped it, but nobody else is there
        return Handed(picked) if picked else None

    def _opinion(self, source: str, held: set[int]) -> Asked | None:
        for asked in repeats.waiting(self.record, self.loop.frozen, source) if self.record.repeats else ():
            if asked.seq not in held:
                return asked
        return self.stock.opinion(source, held)

    def _more(self) -> bool:
        """Write new questions, if any may be asked now."""
        loop = self.loop
        if loop.audit is None:
            return self._more_training()
        if self.finished or loop.audit.failed:
            return False
        new = loop.draw()
        known = {asked.seq for asked in loop.settle([asked for asked in new if asked.purpose != "repeat"])}
        self._put([asked for asked in new if asked.seq not in known])
        return bool(new)

    def _more_training(self) -> bool:
        """Questions from the candidates that the last round named; where none are left, drawn at random."""
        size, free = max(FEW, self.pace.at_work(self.clock())), ~self._known
        chosen = {why: self._take_spare(why, free, size) for why in list(self.spare)}
        if not any(map(len, chosen.values())):
            if not self.working and self.pace.labels.total():
                return False  # a round is due, and starts in a moment
            open_, people = np.flatnonzero(free), self.pace.at_work(self.clock())
            few = min(max(2, people), len(open_))
            most = max(FEW, people, int(BLIND * len(open_)))
            if self._blind + few > most and self.clock() - self._began < PATIENCE:
                return False
            chosen = {"random": self._rng.choice(open_, few, replace=False)}
            self._blind += few
        chosen = {why: positions for why, positions in chosen.items() if len(positions)}
        if not chosen:
            return False
        self._put(self.loop.ask_training(chosen))
        return True

    def _take_spare(self, why: str, free: NDArray[np.bool_], size: int) -> NDArray[np.int64]:
        share = size if len(self.spare) == 1 else size // 4 if why == "random" else size - size // 4
        kept = [at for at in self.spare[why] if free[at]]
        self.spare[why] = kept[share:]
        return np.array(kept[:share], np.int64)

    def _free(self) -> NDArray[np.bool_]:
        """Items that a new training question may be about: without an answer, and not being asked about."""
        free = np.zeros(self.loop.store.items, bool)
        free[self.loop.candidates()] = True
        free[[asked.position for asked in self.record.open(self.loop.attempt)]] = False
        return free

    def restock(self) -> None:
        """Take all open questions anew: at the start, and after a freeze."""
        self.stock.clear()
        held = set(self.leases.all())
        stage = self.loop.attempt
        open_ = [asked for asked in self.record.open(stage) if asked.attempt == stage]
        known = {asked.seq for asked in self.loop.settle(open_)} if stage else set()
        self._known[[asked.position for asked in self.record.asked.values()]] = True
        self.stock.refill(asked for asked in open_ if asked.seq not in held | known)
        frozen, labels = self.loop.frozen, self.loop.config.task.labels
        self.left = Left(frozen, len(labels), self.record.labeled()) if frozen is not None else None
        self.finished = self._over()

    def _over(self) -> bool:
        """Whether the audit asks no more, not even for a first answer that a second opinion waits for."""
        loop = self.loop
        if loop.audit is None or loop.frozen is None or not loop.finished:
            return False
        return not any(pair.first is None for pair in repeats.pairs(self.record, loop.frozen))

    # -- taking answers

    def take(self, gives: Sequence[Give]) -> list[Saved | GoldleafError]:
        """Write answers in one transaction; durable when this returns. Each is written or refused for itself.

        Raises:
            LedgerError: the ledger could not be written; none of them was kept.
        """
        results: list[Saved | GoldleafError | None] = []
        votes: list[dict[str, Any]] = []
        about: list[tuple[int, Asked, Given | None, str]] = []
        for give in gives:
            try:
                asked, again, purpose = self._allowed(give)
            except GoldleafError as error:
                results.append(error)
                continue
            if again is not None:
                results.append(Saved(again, asked, purpose))
                continue
            said = vote(self.loop, asked, give.reply, give.source, give.seconds)
            votes.append({**said, "suggestion": give.suggested})
            about.append((len(results), asked, self.record.given.get(asked.seq), purpose))
            results.append(None)
        if votes:
            given = self.record.answer(votes)
            self.loop.answered([(asked, one) for (_, asked, _, _), one in zip(about, given, strict=True)])
            for (at, asked, before, purpose), one in zip(about, given, strict=True):
                self._settled(asked, one, before)
                results[at] = Saved(one, asked, purpose)
            self.finished = self._over()
            self._draw_overlap([asked for _, asked, before, _ in about if before is None])
        return [one for one in results if one is not None]

    def _allowed(self, give: Give) -> tuple[Asked, Given | None, str]:
        """The question, an equal answer that is there already, and what it was for.

        Raises:
            VotesError: no such question. Taken: it is somebody else's now.
        """
        asked = self.record.asked.get(give.question)
        if asked is None or asked.attempt not in (0, self.loop.attempt):
            what = "There is no question" if asked is None else "The audit is over that had question"
            raise Taken(f"{what} {give.question}.", do="Ask for the next one.")
        dispute = self._dispute_about(asked.seq) if give.settles else None
        purpose = "review" if dispute is not None else asked.purpose
        vote(self.loop, asked, give.reply, give.source, give.seconds)  # refuses what may not be said
        last = self.record.given.get(asked.seq)
        if last is not None and last.answer in ANSWERS and dispute is None:
            if last.source != give.source and not give.corrects:
                raise Taken(f"Somebody else has answered question {asked.seq}.", do="Ask for the next one.")
            if (last.source, last.answer, last.label) == (give.source, *_said(give.reply)):
                return asked, last, purpose
        holder = self.leases.holder(asked.seq, self.clock())
        if holder not in (None, give.source):
            raise Taken(f"Somebody else has question {asked.seq} now.", do="Ask for the next one.")
        if asked.purpose == "repeat":
            self._refuse_own(asked, give.source)
        twice = give.reply is Reply.SKIP and last is not None and last.answer == "skip"
        if twice and last is not None and last.source == give.source and asked.attempt == 0:
            return asked, last, purpose
        return asked, None, purpose

    def _refuse_own(self, asked: Asked, source: str) -> None:
        if asked.attempt:
            assert self.loop.frozen is not None
            repeats.refuse_own(self.record, self.loop.frozen, asked, source)
        elif (first := first_answer(self.record, asked)) is not None and first.source == source:
            raise VotesError(
                f"Question {asked.seq} is for a second person; {source} gave the first answer.",
                do="Ask for the next one.",
            )

    def _settled(self, asked: Asked, given: Given, before: Given | None) -> None:
        """Bring the board up to date with an answer that is in the ledger."""
        self.pace.take(asked, given, before)
        self._mine.setdefault(given.source, []).append(given)
        self.leases.drop(asked.seq)
        self.stock.heard(asked)
        if given.label is not None and asked.purpose != "repeat" and self.left is not None:
            self.left.take(asked.position)
        if given.answer == "skip":
            self.stock.left(asked.seq, given.source)
            if asked.attempt and asked.purpose != "repeat":
                self.stock.refill([asked])  # an audit's question waits for somebody else
        elif given.answer in ANSWERS and asked.attempt == 0:
            self._since += 1

    def _draw_overlap(self, asked: Sequence[Asked]) -> None:
        """For a share of the first answers, ask a second person too."""
        if not self.overlap:
            return
        chosen = [
            one
            for one in asked
            if one.purpose != "repeat"
            and self.record.given[one.seq].answer in ANSWERS
            and self._rng.random() < self.overlap
        ]
        if chosen:
            self.stock.refill(self.record.ask([_overlap(one, self.overlap) for one in chosen]))

    def undo(self, source: str, question: int | None = None) -> Asked:
        """Take back the newest answer of `source`, or that to `question`; the question is theirs again.

        Raises:
            VotesError: there is none.
        """
        given = self._newest(source, question)
        if given is None:
            raise VotesError("There is no answer of yours to take back.", do="Go on with the next question.")
        asked = self.record.asked[given.question]
        if given.answer != "retracted":
            said = {"question": asked.seq, "item": asked.item, "source": source, "answer": "retracted"}
            [now] = self.record.answer([said])
            self._settled(asked, now, given)
        self.stock.pull(asked.seq)
        self.leases.take(asked.seq, source, self.clock())
        self.leases.first(asked.seq)
        return asked

    def _newest(self, source: str, question: int | None) -> Given | None:
        """Their newest answer that stands; to a named question also one that they have just taken back."""
        for given in reversed(self._mine.get(source, ())):
            standing = self.record.given[given.question] is given
            named = question in (None, given.question)
            live = self.record.asked[given.question].attempt in (0, self.loop.attempt)
            again = question is not None and self.leases.holder(given.question, self.clock()) == source
            if standing and named and live and (given.answer != "retracted" or again):
                return given
        return None

    def standing(self, source: str, limit: int) -> list[Given]:
        """The answers of `source` that count, the newest first."""
        found: list[Given] = []
        for given in reversed(self._mine.get(source, ())):
            if self.record.given[given.question] is given and given.answer != "retracted":
                found.append(given)
                if len(found) == limit:
                    break
        return found

    def last_of(self, source: str) -> str:
        """When `source` last answered, as the ledger writes it; '' if never."""
        mine = self._mine.get(source)
        rows = self.loop.ledger.rows("votes", "at", seq=mine[-1].seq) if mine else []
        return str(rows[0].at) if rows else ""

    def correct(self, give: Give, position: int) -> Saved:
        """Answer an item outside the questions; `give.question` is not looked at.

        Raises:
            VotesError: the answer is not allowed. Taken: somebody is being asked about the item.
        """
        live = [self.record.asked[seq] for seq in self.record.about(position)]
        live = [one for one in live if one.attempt in (0, self.loop.attempt)]
        standing = [one for one in live if one.seq in self.record.given]
        asked = (standing or live or self.loop.ask_training({"chosen": np.array([position])}))[-1]
        self.stock.pull(asked.seq)
        self._known[position] = True
        [result] = self.take([replace(give, question=asked.seq)])
        if isinstance(result, GoldleafError):
            raise result
        return result

    def release(self, source: str, questions: Sequence[int]) -> int:
        """Give questions back that `source` holds; how many."""
        mine = [seq for seq in questions if self.leases.holder(seq, self.clock()) == source]
        self._free_again(mine)
        return len(mine)

    def expire(self) -> bool:
        """Free the questions that were held too long; whether there were any."""
        over = self.leases.expired(self.clock())
        self._free_again(over)
        return bool(over)

    def _free_again(self, questions: Sequence[int]) -> None:
        for seq in questions:
            self.leases.drop(seq)
        asked = [self.record.asked[seq] for seq in questions]
        open_ = {one.seq for one in self.record.open(self.loop.attempt)} if asked else set()
        self.stock.refill(one for one in asked if one.seq in open_ and one.attempt == self.loop.attempt)

    # -- training

    def due(self) -> Callable[[], tuple[Turn, Guess | None]] | None:
        """The next round of training, when it is time for one: a function for another thread."""
        if self.working:
            return None
        if self.loop.audit is not None and self.loop.audit.failed:
            self.loop.abandon("more items could not be told than the audit was planned for")
            self.restock()
        if self.loop.audit is not None or not self._ripe():
            return None
        open_ = [asked.position for asked in self.record.open(0)]
        compute = self.loop.round(without=np.array(open_, np.int64), spare=SPARE)
        known = self.loop.known()
        self.working, self._since = True, 0
        self._began, self._blind = self.clock(), 0

        def work() -> tuple[Turn, Guess | None]:
            turn = compute()
            return turn, self.loop.guess(known) if turn.stop else None

        return work

    def _ripe(self) -> bool:
        """Whether a new round would have something new to learn, and is needed."""
        held = self.leases.all()
        if len(self.stock) == 0 and not held:
            return True
        return len(self.stock) <= len(held) and self._since >= max(2, self._round // 2)

    def learned(self, turn: Turn, guess: Guess | None) -> None:
        """Write what a round found."""
        self.working = False
        self.rounds += 1
        if self.loop.audit is not None:
            return
        free = self._free()
        ask = {why: positions[free[positions]] for why, positions in turn.ask.items()}
        self.spare = {why: positions[free[positions]].tolist() for why, positions in turn.spare.items()}
        new = self.loop.take(replace(turn, ask=ask), guess)
        if turn.stop:
            self.spare = {}
            self.restock()
        else:
            self._round = len(new)
            self._put(new)

    def _put(self, asked: Sequence[Asked]) -> None:
        self._known[[one.position for one in asked]] = True
        self.stock.refill(asked)


def _said(reply: str | Reply) -> tuple[str, str | None]:
    return (reply.value, None) if isinstance(reply, Reply) else ("label", reply)


def _overlap(asked: Asked, share: float) -> dict[str, Any]:
    return {
        "item": asked.item,
        "purpose": "repeat",
        "reason": "repeat",
        "attempt": 0,
        "probability": share,
        "position": asked.position,
    }
