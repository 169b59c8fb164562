"""The certificate as a file: a function of the ledger up to one entry, and of nothing else."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from goldleaf.certificates import audit as audits
from goldleaf.certificates.base import Audit, Outcome
from goldleaf.certificates.slices import SlicedAudit
from goldleaf.errors import CertificateError
from goldleaf.items.store import ItemStore
from goldleaf.ledger.base import Head, Ledger
from goldleaf.project import repeats
from goldleaf.project.frozen import Frozen
from goldleaf.project.record import Record
from goldleaf.project.slicing import parting
from goldleaf.schema import Certificate, Purpose, kind_of_slice, percent_up, slice_name, worst_slice
from goldleaf.task import CLASS

FORMAT = "goldleaf-certificate.v1"


def build(ledger: Ledger, head: Head, *, replay: bool) -> dict[str, Any]:
    """The certificate's content as of `head`.

    Args:
        replay: recompute every draw from the plan and the seed, as `verify` does.

    Raises:
        CertificateError: nothing is frozen yet, a draw does not recompute, or an answer that counts was taken back.
    """
    frozen, freeze = _frozen(ledger, head)
    record = Record(ledger, upto=head.seq)
    _refuse_taken_back(record, frozen, freeze)
    bring = _replay if replay else _resume
    audit = bring(frozen, record)
    return _body(frozen, audit, record, head, ledger.hash_at(freeze))


def _frozen(ledger: Ledger, head: Head) -> tuple[Frozen, int]:
    """The newest freeze as of `head`, and its entry."""
    freezes = [
        row.seq
        for row in ledger.rows("posteriors", "seq", "attempt")
        if row.attempt > 0 and row.seq <= head.seq
    ]
    if not freezes:
        raise CertificateError(
            "There is nothing to certify: no audit has started.", do="Answer on: goldleaf label"
        )
    return Frozen.from_row(ledger.rows("posteriors", seq=freezes[-1])[0]), freezes[-1]


def _resume(frozen: Frozen, record: Record) -> Audit:
    return audits.resume(frozen.plan(), record.events(frozen), frozen.make)


def _replay(frozen: Frozen, record: Record) -> Audit:
    """The audit, with its draws and its sample for second opinions recomputed."""
    watch = repeats.Watch(frozen) if repeats.size(frozen) else None
    audit = audits.replay(frozen.plan(), record.events(frozen), frozen.make, watch)
    if watch is not None:
        watch.check(record)
    return audit


def _refuse_taken_back(record: Record, frozen: Frozen, freeze: int) -> None:
    """The bound counts an item that a person answered as right, so the answer must still be there."""
    lacking = np.ones(frozen.facts["items"], bool)
    lacking[frozen.positions] = False
    before = record.labeled_before(freeze) if frozen.facts.get("per") == CLASS else {}
    for asked, given in record.effective():
        if given.label != before.get(asked.position, given.label) and not frozen.holds(asked.position):
            continue  # the class that was counted is not the one delivered
        excluded = given.answer == "cant_tell" and given.seq < freeze
        if asked.position < len(lacking) and (given.label is not None or excluded):
            lacking[asked.position] = False
    taken_back = {int(position) for position in np.flatnonzero(lacking)}
    for question in {given.question for given in record.history if given.answer in ("label", "cant_tell")}:
        asked = record.asked[question]
        if asked.drawn_in(frozen.attempt) and record.given[question].answer in ("retracted", "skip"):
            taken_back.add(asked.position)
    if taken_back:
        raise CertificateError(
            f"{len(taken_back)} items have lost the answer that the proof counts on (taken back, or changed to none).",
            do="Answer them again: goldleaf label",
        )


def _body(
    frozen: Frozen, audit: Audit, record: Record, head: Head, freeze_hash: str | None
) -> dict[str, Any]:
    facts = frozen.facts
    answers = [(asked, given) for asked, given in record.counted() if given.answer != "skip"]
    firsts = {given.source for asked, given in answers if asked.purpose != "repeat"}
    found = repeats.opinions(record, frozen)
    purposes = Counter(asked.purpose for asked, _ in answers)
    people = {
        source: {
            "answers": sum(given.source == source for _, given in answers),
            "seconds": round(sum(given.seconds or 0.0 for _, given in answers if given.source == source), 1),
        }
        for source in sorted({given.source for _, given in answers})
    }
    cant_tell = {asked.position for asked, given in record.effective() if given.answer == "cant_tell"}
    named: tuple[Purpose, ...] = ("training", "audit", "census")
    named = (*named, "repeat") if found or purposes["repeat"] else named
    rows = facts["rows"] - _left_out(frozen, record)
    body = {
        "format": FORMAT,
        "certified": audit.certified,
        "error": facts["error"],
        "confidence": facts["confidence"],
        "bound": audit.bound,
        "wrong_rows_at_most": audit.remaining,
        "rows": rows,
        "items": facts["items"],
        "human_answers": len(answers),
        "answers": {purpose: purposes.get(purpose, 0) for purpose in named},
        "truth": "the answers of " + ", ".join(sorted(firsts)) if firsts else "no answers",
        "people": people,
        "replayed": any(source.startswith("replay:") for source in people),
        "cant_tell": {"rule": facts["cant_tell"], "items": len(cant_tell)},
        **({"disagreement": repeats.entry(found, audit.remaining, rows)} if found else {}),
        "labels": facts["labels"],
        "audit": {
            "attempt": frozen.attempt,
            "alpha": facts["alpha"],
            **facts["audit"],
            "seed": facts["seed"],
            "freeze": freeze_hash,
        },
        "items_digest": facts["digest"],
        "ledger": {"seq": head.seq, "hash": head.hash},
    }
    if isinstance(audit, SlicedAudit):
        body["per"] = _per(facts, audit)
    return {"statement": statement(body), **body}


def _per(facts: dict[str, Any], audit: SlicedAudit) -> dict[str, Any]:
    """The claim slice by slice."""
    slices = [
        {
            "name": name,
            "rows": one.rows,
            "bound": one.bound,
            "wrong_rows_at_most": one.remaining,
            "certified": one.certified,
            "answers": one.answers,
        }
        for name, one in zip(facts["slices"]["names"], audit.slices(), strict=True)
    ]
    return {"by": facts["per"], "slices": slices}


def _left_out(frozen: Frozen, record: Record) -> int:
    """Rows that left the data set during the audit."""
    if frozen.facts["cant_tell"] != "exclude":
        return 0
    draws, outcomes = record.audited(frozen)
    return sum(
        int(frozen.weights[draw.position])
        for draw, outcome in zip(draws, outcomes, strict=True)
        if outcome is Outcome.CANT_TELL
    )


def statement(body: dict[str, Any]) -> str:
    """The claim in words."""
    told = (
        'an answer "can\'t tell" counts as a wrong label'
        if body["cant_tell"]["rule"] == "error"
        else "items that a person could not tell have left the data set"
    )
    truth = f"Here {body['truth']} count as the truth, and {told}."
    where = f" in every {kind_of_slice(body['per']['by'])}" if "per" in body else ""
    goal = f"The target of {100 * body['error']:.4g} %{where} is {'reached' if body['certified'] else 'NOT reached'}."
    people = f"{repeats.sentence(body['disagreement'])} " if "disagreement" in body else ""
    return f"{claim(body)} {truth} {people}{goal}" + (
        " The answers were replayed from a file." if body["replayed"] else ""
    )


def claim(body: dict[str, Any]) -> str:
    """The claim in one sentence, or in two."""
    if "per" in body:
        return _claim_per(body)
    return (
        f"At most {percent_up(body['bound'])} % of these {body['rows']:,} labels are wrong, "
        f"with {100 * body['confidence']:.4g} % confidence."
    )


def _claim_per(body: dict[str, Any]) -> str:
    by, worst = body["per"]["by"], worst_slice(body["per"])
    count = sum(one["rows"] > 0 for one in body["per"]["slices"])
    parts = f"In each of {count} classes" if by == CLASS else f"For each of {count} values of `{by}`"
    return (
        f"{parts} at most {percent_up(worst['bound'])} % of the labels are wrong, with "
        f"{100 * body['confidence']:.4g} % confidence for all at once; the largest bound is that of "
        f"{slice_name(worst['name'])}. Of all {body['rows']:,} labels at most {percent_up(body['bound'])} % are wrong."
    )


def to_bytes(body: dict[str, Any]) -> bytes:
    """The one spelling of a certificate file."""
    return (json.dumps(body, indent=1, ensure_ascii=False) + "\n").encode()


def certificate(body: dict[str, Any]) -> Certificate:
    """The certificate as Python sees it."""
    return Certificate(
        certified=body["certified"],
        bound=body["bound"],
        error=body["error"],
        confidence=body["confidence"],
        human_answers=body["human_answers"],
        items=body["items"],
        rows=body["rows"],
        replayed=body["replayed"],
        body=body,
    )


@dataclass(frozen=True)
class Verified:
    """What `verify` found to hold."""

    statement: str
    entries: int
    certified: bool


def verify(path: Path, ledger: Ledger, store: ItemStore) -> Verified:
    """Recompute a certificate from the ledger and compare it byte by byte.

    Raises:
        LedgerTampered: the ledger's chain is broken.
        CertificateError: the certificate or a draw differs from what the ledger says.
        ItemsError: the stored items differ.
    """
    written = _read(path)
    whole = ledger.check()
    try:
        named = json.loads(written)["ledger"]
        head = Head(int(named["seq"]), str(named["hash"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise CertificateError(
            f"{path} is not a certificate of goldleaf: {error!r}.", do="Write one: goldleaf certify"
        ) from error
    if head.seq > whole.seq or ledger.hash_at(head.seq) != head.hash:
        raise CertificateError(
            f"{path} names entry {head.seq} with hash {head.hash[:12]}…, which {ledger.name} does not have.",
            do="It belongs to another ledger, or one of the two was changed.",
        )
    body = build(ledger, head, replay=True)
    if to_bytes(body) != written:
        raise CertificateError(f"{path} differs from what the ledger proves: {_difference(body, written)}.")
    store.verify()
    if not _imported(ledger, store.digest):
        raise CertificateError(
            "The stored items are not those in the ledger.", do="Restore the folder `items`."
        )
    _check_slices(ledger, head, store)
    return Verified(body["statement"], whole.seq, body["certified"])


def _check_slices(ledger: Ledger, head: Head, store: ItemStore) -> None:
    """Raise unless the frozen slices are those of the items, where these are still the items of the freeze."""
    frozen, freeze = _frozen(ledger, head)
    if frozen.slices is None or frozen.facts["digest"] != store.digest:
        return
    labels: list[str] = frozen.facts["labels"]
    known = Record(ledger, upto=head.seq).labeled_before(freeze)
    positions = np.array(sorted(known), np.int64)
    theirs = np.array([labels.index(known[int(position)]) for position in positions], np.int64)
    parts = parting(frozen.facts["per"], tuple(labels), store)
    found = parts.slices(frozen.positions, frozen.labels, (positions, theirs), store.weights())
    same = list(parts.names) == frozen.facts["slices"]["names"]
    if not (same and (found.of == frozen.slices.of).all() and (found.rows == frozen.slices.rows).all()):
        raise CertificateError(
            f"The slices by `{frozen.facts['per']}` in the ledger are not those of the stored items and labels.",
            do="Do not trust this certificate; ask whoever made it for the project as it was.",
        )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(
            f"Cannot read {path}: {error.strerror}.", do="Write one: goldleaf certify"
        ) from error


def _difference(body: dict[str, Any], written: bytes) -> str:
    """The first setting that differs, or that only the spelling does."""
    try:
        found = json.loads(written)
    except ValueError:
        return "it is not valid JSON"
    plain = json.loads(to_bytes(body))
    for name in plain:
        if found.get(name) != plain[name]:
            return f"`{name}` is {found.get(name)!r}, recomputed {plain[name]!r}"
    for name in found.keys() - plain.keys():
        return f"`{name}` is {found[name]!r}, which no certificate has"
    return "its bytes were edited"


def _imported(ledger: Ledger, digest: str) -> bool:
    last = ledger.last("items", "digest")
    return last is not None and last.digest == digest
