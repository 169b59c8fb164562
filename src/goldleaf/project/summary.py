"""What a project says of itself: the plan before, the status during, the card and the report after."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldleaf import __version__
from goldleaf.certificates.bounds import path
from goldleaf.certificates.census import forecast
from goldleaf.certificates.disagreement import extra_answers
from goldleaf.certificates.report import ReportFacts, SliceFacts
from goldleaf.certificates.slices import SliceBound, SlicedAudit, forecast_slices
from goldleaf.certificates.slices_path import path as slices_path
from goldleaf.exports.card import CardFacts, card
from goldleaf.items.store import ItemStore
from goldleaf.project import proof, repeats
from goldleaf.project.config import Config
from goldleaf.project.delivery import Delivery
from goldleaf.project.loop import Loop
from goldleaf.project.repeats import Opinions
from goldleaf.project.slicing import wanted
from goldleaf.project.tally import tally
from goldleaf.questions.stop import first_batch_size

PREVIEW = 160  # characters of an item in a report


@dataclass(frozen=True)
class Plan:
    """Before any work. Answers are a range: a model that makes no error, and one that errs as often as allowed."""

    rows: int
    items: int
    duplicates: int
    labels: int
    encoder: str
    answers: tuple[int, int]
    seconds_per_answer: float
    encode_seconds: float
    second_opinions: int = 0  # among the answers

    @property
    def hours(self) -> tuple[float, float]:
        low, high = (count * self.seconds_per_answer / 3600 for count in self.answers)
        return low, high

    @property
    def hours_by_hand(self) -> float:
        return self.items * self.seconds_per_answer / 3600


@dataclass(frozen=True)
class Status:
    """Where a project stands."""

    stage: str
    rows: int
    items: int
    answers: dict[str, int]
    skipped: int
    attempt: int
    error: float
    confidence: float
    bound: float
    certified: bool
    forecast: float | None
    hours: float
    seconds_per_answer: float
    per: str | None = None
    slices: tuple[tuple[str | None, SliceBound], ...] = ()  # (name, what is proven of it), once an audit runs
    opinions: Opinions | None = None

    @property
    def human_answers(self) -> int:
        return sum(self.answers.values())


def plan(
    config: Config, store: ItemStore, batches: Callable[[int], Iterator[pa.RecordBatch]], folder: Path
) -> Plan:
    """The plan of a project, without any answer."""
    first = first_batch_size(len(config.task.labels), store.items)
    weights = store.weights()
    least = _forecast(config, store, weights, np.full(store.items, 1e-4), 0.0)
    most = _forecast_at(config, store, weights)
    low, high = min(first + least, store.items), min(3 * first + most, store.items)
    repeated = min(config.target.second_opinions, store.rows)
    more = [min(extra_answers(repeated, audit), repeated + store.items) for audit in (least, most)]
    return Plan(
        rows=store.rows,
        items=store.items,
        duplicates=store.rows - store.items,
        labels=len(config.task.labels),
        encoder=config.encoder["name"],
        answers=(round(low + more[0]), round(max(low + more[0], high + more[1]))),
        seconds_per_answer=seconds_per_answer(config, store),
        encode_seconds=_encode_seconds(config, store, batches, folder),
        second_opinions=repeated,
    )


def _forecast_at(config: Config, store: ItemStore, weights: np.ndarray[Any, np.dtype[np.int64]]) -> float:
    """The audit of a middling model: it errs as often as the target allows, and half knows where."""
    error = config.target.error
    p = np.clip(error * -np.log((np.arange(store.items) + 0.5) / store.items), 1e-4, 0.95)
    return _forecast(config, store, weights, p, error)


def _forecast(
    config: Config, store: ItemStore, weights: NDArray[np.int64], p: NDArray[np.float64], expected: float
) -> float:
    """Answers of an audit of all items; where nothing is known of the classes yet, they are taken as equal."""
    error, alpha = config.target.error, config.target.alpha
    parts = wanted(config.task, config.target, store)
    if parts is None:
        return forecast(weights, p, store.rows, error, alpha, expected)
    at = np.arange(store.items)
    of = parts.slice_of(at, at % len(parts.names))
    rows = np.bincount(of, weights, minlength=len(parts.names)).astype(np.int64)
    return forecast_slices(of, weights, p, rows, error, alpha, expected)


def _encode_seconds(
    config: Config, store: ItemStore, batches: Callable[[int], Iterator[pa.RecordBatch]], folder: Path
) -> float:
    """Measured on the first items; 0 when the vectors are there already, or are the user's own."""
    if config.encoder["name"] in ("npy.v1", "column.v1") or any(folder.glob("*")):
        return 0.0
    encoder: Any = config.build_encoder(store.fields, folder.parent)
    some = next(iter(batches(0))).slice(0, 32)
    if hasattr(encoder, "fit"):
        encoder = encoder.fit(pa.Table.from_batches([some]))
    encoder.encode(some.slice(0, 2))  # loading is not encoding
    start = time.perf_counter()
    encoder.encode(some)
    return (time.perf_counter() - start) / some.num_rows * store.items


def seconds_per_answer(config: Config, store: ItemStore) -> float:
    """As goldleaf.toml says under [people], else an assumption: reading 4 words a second plus 2 s to decide."""
    if config.seconds is not None:
        return config.seconds
    if config.task.text is None:
        return 3.0 if config.task.image else 8.0
    first = next(iter(store.item_batches([config.task.text], size=256))).column(0).to_pylist()
    return round(2 + float(np.mean([len(str(text).split()) for text in first])) / 4, 1)


def status(config: Config, store: ItemStore, loop: Loop) -> Status:
    """The status; reads the ledger, trains nothing."""
    counted = tally(loop.ledger)
    audit = loop.audit
    rounds = loop.rounds()
    if audit is None:
        stage, more = "training", rounds[-1]["forecast"] if rounds else None
    else:
        stage = "certified" if audit.certified else "audit" if not loop.finished else "exhausted"
        more = 0.0 if audit.certified else audit.forecast()
    opinions = repeats.opinions(loop.record, loop.frozen) if loop.sample else None
    if more is not None:
        more += _more_for_repeats(config, loop, opinions, more)
    each = seconds_per_answer(config, store)
    return Status(
        stage=stage,
        rows=store.rows,
        items=store.items,
        answers=counted.answers,
        skipped=counted.skipped,
        attempt=loop.attempt,
        error=config.target.error,
        confidence=config.target.confidence,
        bound=audit.bound if audit else 1.0,
        certified=bool(audit and audit.certified),
        forecast=more,
        hours=(counted.seconds + counted.untimed * each) / 3600,
        seconds_per_answer=each,
        per=config.target.per,
        slices=_slices(loop),
        opinions=opinions,
    )


def _slices(loop: Loop) -> tuple[tuple[str | None, SliceBound], ...]:
    if loop.frozen is None or not isinstance(loop.audit, SlicedAudit):
        return ()
    return tuple(zip(loop.frozen.facts["slices"]["names"], loop.audit.slices(), strict=True))


def _more_for_repeats(config: Config, loop: Loop, opinions: Opinions | None, audit: float) -> float:
    """Second answers still to give, and first ones that the audit asks beyond its end for them."""
    if loop.sample is None or opinions is None:
        return extra_answers(config.target.second_opinions, audit) if loop.frozen is None else 0.0
    return opinions.missing - loop.sample.missing + extra_answers(loop.sample.missing, audit)


def card_text(
    config: Config, store: ItemStore, loop: Loop, delivery: Delivery, body: dict[str, Any] | None
) -> str:
    """The data card of an export."""
    now = status(config, store, loop)
    people: dict[str, list[float]] = {}
    for _, given in loop.record.counted():
        if given.answer != "skip":
            people.setdefault(given.source, []).append(given.seconds or 0.0)
    facts = CardFacts(
        title=_title(store, loop),
        rows=delivery.rows,
        items=store.items,
        labels=config.task.labels,
        class_counts=delivery.class_counts(),
        asked=[(who, len(seconds), sum(seconds)) for who, seconds in sorted(people.items())],
        questions_by_purpose=now.answers,
        certificate=body["statement"] if body else None,
        per=body["per"]["by"] if body and "per" in body else None,
        slices=[
            ("no value" if one["name"] is None else one["name"], one["rows"], one["bound"], one["certified"])
            for one in (body or {}).get("per", {}).get("slices", ())
        ],
        cant_tell=delivery.unlabeled,
        encoder=config.encoder["name"],
        source_files=[row.source for row in loop.ledger.rows("items", "source")],
        replayed=any(who.startswith("replay:") for who in people),
        created=datetime.now(UTC).date().isoformat(),
        version=__version__,
        limits=_limits(config, len(delivery.cant_tell)),
    )
    return card(facts)


def _title(store: ItemStore, loop: Loop) -> str:
    sources = [row.source for row in loop.ledger.rows("items", "source")]
    return ", ".join(dict.fromkeys(sources))


def _limits(config: Config, cant_tell: int) -> list[str]:
    limits = [
        "Probabilities are the model's, calibrated on items many of which were chosen because they are hard."
    ]
    if cant_tell and config.target.cant_tell == "error":
        limits.append(
            f"{cant_tell} items that a person could not tell keep the machine's label and count as wrong."
        )
    if cant_tell and config.target.cant_tell == "exclude":
        limits.append(f"{cant_tell} items that a person could not tell were left out.")
    return limits


def report_facts(config: Config, store: ItemStore, loop: Loop, body: dict[str, Any]) -> ReportFacts:
    """Everything the report draws."""
    frozen, audit = loop.frozen, loop.audit
    assert frozen is not None and audit is not None
    delivery = Delivery(config, store, loop)
    now = status(config, store, loop)
    before = now.answers["training"] if loop.attempt == 1 else now.human_answers - audit_answers(loop)
    steps, bound = _bound_path(loop)
    drawn = _drawn(loop)
    return ReportFacts(
        title=_title(store, loop),
        statement=proof.claim(body),
        certified=body["certified"],
        error=body["error"],
        confidence=body["confidence"],
        bound=body["bound"],
        rows=body["rows"],
        items=body["items"],
        human=int(delivery.human.sum()),
        machine=int((~delivery.human & ~delivery.left_out).sum()),
        replayed=body["replayed"],
        bound_path=((steps + before).tolist(), bound.tolist()),
        purposes=now.answers,
        reliability=reliability(drawn),
        found_errors=found_errors(drawn),
        class_mix=[(name, *counts) for name, counts in delivery.class_counts().items()],
        suspects=_suspects(store, loop, delivery),
        hours_spent=now.hours,
        hours_by_hand=store.items * now.seconds_per_answer / 3600,
        seconds_assumed=body["replayed"] or any(one.seconds is None for _, one in loop.record.counted()),
        certificate=body,
        per=body["per"]["by"] if "per" in body else None,
        slices=[SliceFacts(**one) for one in body.get("per", {}).get("slices", ())],
        created=datetime.now(UTC).isoformat(timespec="minutes"),
        version=__version__,
        people=repeats.sentence(body["disagreement"]) if "disagreement" in body else None,
    )


def _bound_path(loop: Loop) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(answers, bound then); by slices the bound of the worst one."""
    frozen = loop.frozen
    assert frozen is not None
    draws, outcomes = loop.record.audited(frozen)
    if frozen.slices is None:
        steps, _, bound = path(frozen.plan(), draws, outcomes)
        return steps, bound
    labels = loop.record.labeled()
    into = [frozen.into(draw.position, labels.get(int(frozen.positions[draw.position]))) for draw in draws]
    return slices_path(
        frozen.plan(), frozen.slices, draws, outcomes, [-1 if at is None else at for at in into]
    )


def audit_answers(loop: Loop) -> int:
    """Answers to this attempt's draws, census and repeats."""
    return sum(asked.attempt == loop.attempt for asked, _ in loop.record.counted())


@dataclass(frozen=True)
class Drawn:
    """Audited items: what was predicted of them, whether it was wrong, and how many items each draw stands for."""

    probability: np.ndarray[Any, np.dtype[np.float64]]
    p_wrong: np.ndarray[Any, np.dtype[np.float64]]
    wrong: np.ndarray[Any, np.dtype[np.bool_]]
    census: np.ndarray[Any, np.dtype[np.bool_]]


def _drawn(loop: Loop) -> Drawn:
    frozen = loop.frozen
    assert frozen is not None
    places, wrong, census = [], [], []
    for asked, given in loop.record.effective():
        if asked.attempt == loop.attempt and given.answer == "label":
            place = frozen.place(asked.position)
            places.append(place)
            wrong.append(given.label != frozen.label(place))
            census.append(asked.purpose == "census")
    at = np.array(places, np.int64)
    return Drawn(
        frozen.probability[at].astype(float),
        frozen.p_wrong[at].astype(float),
        np.array(wrong, bool),
        np.array(census, bool),
    )


def reliability(drawn: Drawn, bins: int = 8) -> list[tuple[float, float, int]]:
    """(predicted, observed, count) of being right, in bins of equally many audited items."""
    if not len(drawn.wrong):
        return []
    order = np.argsort(drawn.probability)
    return [
        (float(drawn.probability[part].mean()), float(1 - drawn.wrong[part].mean()), len(part))
        for part in np.array_split(order, min(bins, max(1, len(order) // 10)))
    ]


def found_errors(drawn: Drawn) -> list[tuple[str, float, int, int]]:
    """(risk, predicted errors, found errors, audited) among the audited items."""
    edges = [0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]  # p_wrong stays below 1
    found = []
    for low, high in pairwise(edges):
        part = (drawn.p_wrong >= low) & (drawn.p_wrong < high)
        if part.any():
            found.append(
                (
                    f"{100 * low:g} to {100 * high:g} %",
                    float(drawn.p_wrong[part].sum()),
                    int(drawn.wrong[part].sum()),
                    int(part.sum()),
                )
            )
    return found


def _suspects(
    store: ItemStore, loop: Loop, delivery: Delivery, count: int = 25
) -> list[tuple[str, str, str, float]]:
    frozen = loop.frozen
    assert frozen is not None
    unseen = np.flatnonzero(~delivery.human[frozen.positions])
    worst = unseen[np.argsort(-frozen.p_wrong[unseen], kind="stable")[:count]]
    if not len(worst):
        return []
    contents = store.take(frozen.positions[worst]).to_pylist()
    return [
        (
            str(loop.ids[int(frozen.positions[at])]),
            preview(content),
            frozen.label(int(at)),
            float(frozen.p_wrong[at]),
        )
        for at, content in zip(worst, contents, strict=True)
    ]


def preview(content: dict[str, Any]) -> str:
    """An item in one line."""
    shown = {
        name: value
        for name, value in content.items()
        if not isinstance(value, bytes | dict) and value is not None
    }
    text = (
        str(next(iter(shown.values())))
        if len(shown) == 1
        else ", ".join(f"{k}: {v}" for k, v in shown.items())
    )
    text = " ".join(text.split())
    return text if len(text) <= PREVIEW else text[: PREVIEW - 1] + "…"
