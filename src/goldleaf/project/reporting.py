"""What a project's report says: the facts of the audit, of the model and of the labels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldleaf import __version__
from goldleaf.certificates import threshold
from goldleaf.certificates.bounds import path
from goldleaf.certificates.report_facts import ReportFacts, SliceFacts
from goldleaf.certificates.slices_path import path as slices_path
from goldleaf.certificates.threshold_path import path as threshold_path
from goldleaf.items.store import ItemStore
from goldleaf.project import proof, repeats
from goldleaf.project.config import Config
from goldleaf.project.delivery import Delivery
from goldleaf.project.loop import Loop
from goldleaf.project.summary import status, title_of

PREVIEW = 160  # characters of an item in a report


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
        title=title_of(store, loop),
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
    if frozen.plan().method == threshold.METHOD:
        return threshold_path(frozen.plan(), draws, outcomes)
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
