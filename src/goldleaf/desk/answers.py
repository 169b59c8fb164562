"""What becomes of answers: checked, written, taken back, corrected, and for a share asked of a second person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from goldleaf.desk.messages import Give, Saved
from goldleaf.desk.pace import Pace
from goldleaf.desk.rounds import Rounds
from goldleaf.desk.stock import first_answer
from goldleaf.desk.supply import Supply
from goldleaf.errors import GoldleafError, Taken, VotesError
from goldleaf.project import repeats
from goldleaf.project.answering import vote
from goldleaf.project.loop import Loop
from goldleaf.project.record import Asked, Given
from goldleaf.project.repeats import ANSWERS
from goldleaf.schema import Reply


class Answers:
    """Writes answers, and brings all that is kept in memory up to date with each.

    Args:
        overlap: share of first answers for which a second person's is asked too, outside of any certificate's sample.
        rng: shared with whoever else draws at this desk. clock: seconds since 1970.
    """

    def __init__(
        self,
        loop: Loop,
        supply: Supply,
        rounds: Rounds,
        pace: Pace,
        *,
        overlap: float,
        rng: np.random.Generator,
        clock: Callable[[], float],
    ) -> None:
        self.loop, self.record = loop, loop.record
        self.supply, self.stock, self.leases = supply, supply.stock, supply.leases
        self.rounds, self.pace = rounds, pace
        self._overlap, self._rng, self._clock = overlap, rng, clock
        self._mine: dict[str, list[Given]] = {}
        for given in self.record.history:
            self._mine.setdefault(given.source, []).append(given)

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
            self.supply.look()
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
        dispute = self.stock.dispute_about(asked.seq) if give.settles else None
        purpose = "review" if dispute is not None else asked.purpose
        vote(self.loop, asked, give.reply, give.source, give.seconds)  # refuses what may not be said
        last = self.record.given.get(asked.seq)
        if last is not None and last.answer in ANSWERS and dispute is None:
            if last.source != give.source and not give.corrects:
                raise Taken(f"Somebody else has answered question {asked.seq}.", do="Ask for the next one.")
            if (last.source, last.answer, last.label) == (give.source, *_said(give.reply)):
                return asked, last, purpose
        holder = self.leases.holder(asked.seq, self._clock())
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
        if given.label is not None and asked.purpose != "repeat" and self.supply.left is not None:
            self.supply.left.take(asked.position)
        if given.answer == "skip":
            self.stock.left(asked.seq, given.source)
            if asked.attempt and asked.purpose != "repeat":
                self.stock.refill([asked])  # an audit's question waits for somebody else
        elif given.answer in ANSWERS and asked.attempt == 0:
            self.rounds.heard()

    def _draw_overlap(self, asked: Sequence[Asked]) -> None:
        """For a share of the first answers, ask a second person too."""
        if not self._overlap:
            return
        chosen = [
            one
            for one in asked
            if one.purpose != "repeat"
            and self.record.given[one.seq].answer in ANSWERS
            and self._rng.random() < self._overlap
        ]
        if chosen:
            self.stock.refill(self.record.ask([_second(one, self._overlap) for one in chosen]))

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
        self.leases.take(asked.seq, source, self._clock())
        self.leases.first(asked.seq)
        return asked

    def _newest(self, source: str, question: int | None) -> Given | None:
        """Their newest answer that stands; to a named question also one that they have just taken back."""
        for given in reversed(self._mine.get(source, ())):
            standing = self.record.given[given.question] is given
            named = question in (None, given.question)
            live = self.record.asked[given.question].attempt in (0, self.loop.attempt)
            again = question is not None and self.leases.holder(given.question, self._clock()) == source
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
        self.supply.claim(asked)
        [result] = self.take([replace(give, question=asked.seq)])
        if isinstance(result, GoldleafError):
            raise result
        return result


def _said(reply: str | Reply) -> tuple[str, str | None]:
    return (reply.value, None) if isinstance(reply, Reply) else ("label", reply)


def _second(asked: Asked, share: float) -> dict[str, Any]:
    return {
        "item": asked.item,
        "purpose": "repeat",
        "reason": "repeat",
        "attempt": 0,
        "probability": share,
        "position": asked.position,
    }
