"""What a project says of itself: the plan before, the status during, the card and the report after."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldleaf import __version__
from goldleaf.certificates import choice
from goldleaf.certificates.disagreement import extra_answers
from goldleaf.certificates.slices import SliceBound, SlicedAudit, forecast_slices
from goldleaf.exports.card import CardFacts, card
from goldleaf.items.store import ItemStore
from goldleaf.project import repeats
from goldleaf.project.config import Config
from goldleaf.project.delivery import Delivery
from goldleaf.project.diagnosing import LlmPlan
from goldleaf.project.loop import Loop
from goldleaf.project.repeats import Opinions
from goldleaf.project.slicing import wanted
from goldleaf.project.tally import tally
from goldleaf.questions.stop import first_batch_size


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
    llms: tuple[LlmPlan, ...] = ()
    sources: tuple[str, ...] = ()  # that have voted

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
    sources: tuple[
        str, ...
    ] = ()  # whose votes the machine's labels rest on, those of the freeze once there is one

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
        return choice.forecast(config.method, weights, p, store.rows, error, alpha, expected)
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
        sources=tuple(loop.frozen.sources if loop.frozen else loop.listener.now().versions),
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
        title=title_of(store, loop),
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
        limits=_limits(config, len(delivery.cant_tell), delivery.sources),
    )
    return card(facts)


def title_of(store: ItemStore, loop: Loop) -> str:
    sources = [row.source for row in loop.ledger.rows("items", "source")]
    return ", ".join(dict.fromkeys(sources))


def _limits(config: Config, cant_tell: int, sources: Mapping[str, str]) -> list[str]:
    limits = [
        "Probabilities are the model's, calibrated on items many of which were chosen because they are hard."
    ]
    if sources:
        voices = ", ".join(f"{name} ({version[:12]})" for name, version in sources.items())
        limits.append(
            f"The machine's labels rest on votes of other sources too: {voices}. None of them counts as an answer."
        )
    if cant_tell and config.target.cant_tell == "error":
        limits.append(
            f"{cant_tell} items that a person could not tell keep the machine's label and count as wrong."
        )
    if cant_tell and config.target.cant_tell == "exclude":
        limits.append(f"{cant_tell} items that a person could not tell were left out.")
    return limits
