"""What the report is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class SliceFacts:
    """One part of the data, as a certificate has it; without a name the items that have no value."""

    name: str | None
    rows: int
    bound: float
    wrong_rows_at_most: float
    certified: bool
    answers: int


@dataclass(frozen=True)
class ReportFacts:
    """Everything the report says.

    Args:
        statement: the claim in one sentence: "At most 4.7 % of these labels are wrong, with 95 % confidence".
        certified: the claim meets the target.
        error: the target, a share. confidence: a share. bound: the proven bound, a share.
        rows: rows of the data. items: distinct contents among them.
        human: items labeled by a person. machine: items labeled by the machine.
        replayed: the answers were read from earlier ones.
        bound_path: (human answers so far, bound proven then), ascending in the first; thinned by the caller.
        purposes: human answers by what they were for: training, audit, census, repeat.
        reliability: (probability said, share found right, items checked) by bin.
        found_errors: (bin, errors predicted, errors found, items checked) by bin.
        class_mix: (label, rows labeled by a person, rows labeled by the machine).
        suspects: (id, the item in short, its label, the probability that the label is wrong), worst first.
        hours_spent: by people, so far. hours_by_hand: what labeling every item would have taken.
        seconds_assumed: the hours rest on an assumed time per answer, not on measured ones.
        certificate: the certificate itself.
        created: when, as it is to be printed.
        per: what the claim is proven for each part of: "class" or a column; None: for the whole.
        slices: these parts.
        people: how far the people agree, in words; None where no second opinion was asked for.
    """

    title: str
    statement: str
    certified: bool
    error: float
    confidence: float
    bound: float
    rows: int
    items: int
    human: int
    machine: int
    replayed: bool
    bound_path: tuple[Sequence[float], Sequence[float]]
    purposes: dict[str, int]
    reliability: list[tuple[float, float, int]]
    found_errors: list[tuple[str, float, int, int]]
    class_mix: list[tuple[str, int, int]]
    suspects: list[tuple[str, str, str, float]]
    hours_spent: float
    hours_by_hand: float
    seconds_assumed: bool
    certificate: dict[str, object]
    created: str
    version: str
    per: str | None = None
    slices: Sequence[SliceFacts] = ()
    people: str | None = None
