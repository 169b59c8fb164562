"""Second opinions: which rows a second person answers too, who may answer them, and what they say.

A repeat is a question of its own in the ledger. It trains nothing, is no draw of the audit and labels nothing: the
first answer stays the label until somebody corrects it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldleaf.certificates.base import Draw, alpha_of_attempt
from goldleaf.certificates.bounds import share
from goldleaf.certificates.disagreement import Sample, upper_limit
from goldleaf.certificates.disagreement_slices import SlicedSample
from goldleaf.errors import CertificateError, VotesError
from goldleaf.project.frozen import Frozen
from goldleaf.project.record import Asked, Given, Record
from goldleaf.schema import percent_up
from goldleaf.task import Target

ANSWERS = ("label", "cant_tell")


def facts(
    target: Target, rows: int, settled: NDArray[np.int64], weights: NDArray[np.int64]
) -> dict[str, Any]:
    """What the freeze fixes: the sample's size, and the items labeled before, out of which rows are drawn too.

    Nothing where no second opinion is wanted, so that such a ledger stays what it was.
    """
    if not target.second_opinions:
        return {}
    return {
        "second_opinions": min(target.second_opinions, rows),
        "settled": {"positions": settled.tolist(), "rows": weights[settled].tolist()},
    }


def size(frozen: Frozen) -> int:
    """Rows of the attempt's sample; 0 without second opinions."""
    return int(frozen.facts.get("second_opinions", 0))


def start(frozen: Frozen) -> Sample | SlicedSample:
    """The sample before the audit's first draw."""
    rows = np.zeros(frozen.facts["items"], np.int64)
    before, seed = frozen.facts["settled"], frozen.facts["seed"]
    rows[before["positions"]] = before["rows"]
    if frozen.slices is None:
        return Sample(size(frozen), seed, rows, int(frozen.weights.sum()))
    rows[frozen.positions] = frozen.weights
    of = np.full(len(rows), -1)
    of[frozen.positions] = frozen.slices.of
    return SlicedSample(size(frozen), seed, of, rows)


def restore(frozen: Frozen, record: Record) -> Sample | SlicedSample:
    """The sample as the ledger has it."""
    sample = start(frozen)
    for asked in record.asked.values():
        if asked.attempt == frozen.attempt:
            if asked.purpose == "repeat":
                sample.take(asked.position)
            else:
                sample.settle(asked.position, int(frozen.weights[frozen.place(asked.position)]))
    return sample


def questions(
    sample: Sample | SlicedSample, frozen: Frozen, draws: Sequence[Draw], evenness: Callable[[int], float]
) -> list[dict[str, Any]]:
    """The repeats that come with the audit's next draws; once no item is unseen, all that the sample lacks."""
    picks = [] if draws else [(sample.steps, pick) for pick in sample.rest()]
    for draw in draws:
        position, weight = int(frozen.positions[draw.position]), int(frozen.weights[draw.position])
        if draw.kind == "census":
            sample.settle(position, weight)
        else:
            pick = sample.draw(position, weight, draw.probability, evenness(draw.position))
            picks += [(draw.step, pick)] if pick is not None else []
        picks += [(draw.step, pick) for pick in sample.rest()]
    return [
        {
            "purpose": "repeat",
            "reason": "repeat",
            "attempt": frozen.attempt,
            "probability": pick.probability,
            "position": pick.position,
            "step": step,
        }
        for step, pick in picks
    ]


class Watch:
    """Recomputes the sample beside the replay of an audit."""

    def __init__(self, frozen: Frozen) -> None:
        self.frozen = frozen
        self.sample = start(frozen)
        self.expected: list[dict[str, Any]] = []

    @property
    def short(self) -> list[int]:
        return self.sample.short

    def __call__(self, draw: Draw, evenness: float) -> None:
        self.expected += questions(self.sample, self.frozen, [draw], lambda _: evenness)

    def check(self, record: Record) -> None:
        """Raise unless the ledger's repeats are those that the seed and the draws lead to."""
        recorded = [
            asked
            for asked in record.asked.values()
            if asked.purpose == "repeat" and asked.attempt == self.frozen.attempt
        ]
        if recorded and not self.sample.steps:  # every item was labeled before, so nothing was ever drawn
            self.expected += questions(self.sample, self.frozen, [], lambda _: 0.0)
        got = [(asked.step, asked.position) for asked in recorded]
        want = [(row["step"], row["position"]) for row in self.expected]
        chances = [
            (asked.probability, row["probability"])
            for asked, row in zip(recorded, self.expected, strict=False)
        ]
        if got != want or any(abs(a - b) > 1e-9 * b for a, b in chances):
            raise CertificateError(
                "The sample for second opinions does not recompute: the ledger has "
                f"{len(got)} rows that differ from the {len(want)} that the seed and the draws lead to.",
                do="Compare the ledger with a copy you trust: a question was changed, added or left out.",
            )


# -- answers


@dataclass(frozen=True)
class Pair:
    """An item of the sample: how many of its rows are in it, and what two people said.

    Attributes:
        first, second: None while missing. `needless`: the first person could not tell, which counts elsewhere.
    """

    question: Asked
    rows: int
    first: Given | None
    second: Given | None
    needless: bool
    differ: bool


def pairs(record: Record, frozen: Frozen) -> list[Pair]:
    """The items of the attempt's sample, in the order in which they were drawn."""
    rows = Counter[int]()
    asked: dict[int, Asked] = {}
    for seq in record.repeats:
        repeat = record.asked[seq]
        if repeat.attempt == frozen.attempt:
            rows[repeat.position] += 1
            asked.setdefault(repeat.position, repeat)
    for seq in record.repeats:  # what a person said in an earlier attempt is not asked again
        earlier = record.asked[seq]
        given = record.given.get(seq)
        if (
            earlier.attempt < frozen.attempt
            and earlier.position in asked
            and given
            and given.answer in ANSWERS
        ):
            asked[earlier.position] = earlier
    return [
        _pair(one, rows[position], [record.said(at) for at in record.about(position)], record.said(one.seq))
        for position, one in asked.items()
    ]


def _pair(asked: Asked, rows: int, firsts: list[list[Given]], seconds: list[Given]) -> Pair:
    standing = list(takewhile(lambda one: one.answer in ANSWERS, reversed(seconds)))
    second = standing[0] if standing else None
    # the first answer as it stood when the second came: one corrected afterwards, perhaps because of it, still differed
    then = _standing(
        [[one for one in votes if not standing or one.seq < standing[-1].seq] for votes in firsts]
    )
    now = _standing(firsts)
    if second is not None and (then is None or then.source == second.source):
        second = None
    needless = second is None and now is not None and now.answer == "cant_tell"
    labels = {one.label for one in (then, now) if one is not None and one.label is not None}
    return Pair(asked, rows, now, second, needless, second is not None and labels != {second.label})


def _standing(votes: list[list[Given]]) -> Given | None:
    """The newest answer that counts among those to several questions about one item."""
    newest = [said[-1] for said in votes if said and said[-1].answer in ANSWERS]
    return max(newest, key=lambda given: given.seq, default=None)


def waiting(record: Record, frozen: Frozen | None, source: str | None) -> list[Asked]:
    """The repeats that this person may answer: not of their own answers, nor those they left to others."""
    if source is None or frozen is None or not size(frozen):
        return []
    return [pair.question for pair in pairs(record, frozen) if _open_to(pair, record, source)]


def _open_to(pair: Pair, record: Record, source: str) -> bool:
    if pair.second is not None or pair.needless or pair.first is None or pair.first.source == source:
        return False
    last = record.given.get(pair.question.seq)
    return last is None or (last.answer, last.source) != ("skip", source)


def refuse_own(record: Record, frozen: Frozen, asked: Asked, source: str) -> None:
    """Raise unless `source` may answer this repeat."""
    pair = next(pair for pair in pairs(record, frozen) if pair.question.position == asked.position)
    if pair.question.seq != asked.seq or pair.first is None or pair.needless:
        raise VotesError(
            f"Question {asked.seq} waits for no answer: its item has no first answer now, or has a second one elsewhere.",
            do="Ask for the open ones: project.ask(source=...)",
        )
    if pair.first.source == source:
        raise VotesError(
            f"Question {asked.seq} is for a second person; {source} gave the first answer.",
            do="Ask for the questions of one person: project.ask(source=...)",
        )


# -- what they say


@dataclass(frozen=True)
class Opinions:
    """The second opinions so far.

    Attributes:
        rows: of the sample. missing: of these, not drawn yet or without a second answer.
        differing: rows of the sample on which two people differ.
        pairs, disagreed: items with two answers, and those among them that differ.
        limit: of the `data_rows`, those on which people differ at most.
    """

    rows: int
    missing: int
    differing: int
    pairs: int
    disagreed: int
    people: tuple[str, ...]
    limit: int
    data_rows: int
    confidence: float


def opinions(record: Record, frozen: Frozen | None) -> Opinions | None:
    """What the second opinions say so far; None where none were asked for."""
    if frozen is None or not size(frozen):
        return None
    found = pairs(record, frozen)
    told = sum(pair.rows for pair in found if pair.second is not None or pair.needless)
    differing = sum(pair.rows for pair in found if pair.differ)
    missing = size(frozen) - told
    alpha = alpha_of_attempt(frozen.attempt, 1.0 - frozen.facts["confidence"])
    whole = [pair for pair in found if pair.second is not None]
    return Opinions(
        rows=size(frozen),
        missing=missing,
        differing=differing,
        pairs=len(whole),
        disagreed=sum(pair.differ for pair in whole),
        people=tuple(sorted({one.source for pair in whole for one in (pair.first, pair.second) if one})),
        limit=upper_limit(frozen.facts["rows"], size(frozen), differing + missing, alpha),
        data_rows=frozen.facts["rows"],
        confidence=frozen.facts["confidence"],
    )


def entry(found: Opinions, wrong: float, rows: int) -> dict[str, Any]:
    """The certificate's `disagreement`; `wrong` of its `rows` labels at most are at odds with the first answers."""
    return {
        "pairs": found.pairs,
        "disagreed": found.disagreed,
        "sample": {"rows": found.rows, "differing": found.differing, "missing": found.missing},
        "rows_at_most": found.limit,
        "bound": share(min(found.limit, rows), rows),
        "confidence": found.confidence,
        "combined_bound": share(min(found.limit + wrong, rows), rows),
        "combined_confidence": round(2 * found.confidence - 1, 12),
        "people": list(found.people),
    }


def sentence(body: dict[str, Any]) -> str:
    """The certificate's `disagreement` in words."""
    rows, missing = body["sample"]["rows"], body["sample"]["missing"]
    if not body["pairs"]:
        return f"How often the people themselves err is unknown: of {rows:,} second opinions none is given."
    still = f", and {missing:,} still missing count as differing" if missing else ""
    return (
        f"A second person would answer at most {percent_up(body['bound'])} % of the rows differently from the first, "
        f"with {100 * body['confidence']:.4g} % confidence (of {rows:,} rows drawn {body['sample']['differing']:,} "
        f"differ{still}). So at most {percent_up(body['combined_bound'])} % of these labels differ from what a second "
        f"person would say, with {100 * body['combined_confidence']:.4g} % confidence."
    )
