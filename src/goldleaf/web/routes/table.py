"""The table of items: filtered, searched, sorted, a page at a time."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from goldleaf.desk.catalog import BY, HUMAN, Filter
from goldleaf.web.faults import Refusal
from goldleaf.web.page import Page
from goldleaf.web.routes.seen import EXCERPT, in_thread, standing
from goldleaf.web.routes.who import ThePage, Who
from goldleaf.web.shapes import REFUSALS

router = APIRouter(tags=["items"], responses=REFUSALS)


class Wanted:
    """The query of the table."""

    def __init__(
        self,
        search: Annotated[str, Query(max_length=200)] = "",
        label: Annotated[str | None, Query(max_length=10_000)] = None,
        by: Literal["human", "machine", "none"] | None = None,
        person: Annotated[str | None, Query(max_length=100)] = None,
        flagged: bool | None = None,
        min: Annotated[float | None, Query(ge=0, le=1)] = None,  # noqa: A002
        max: Annotated[float | None, Query(ge=0, le=1)] = None,  # noqa: A002
        answer: Literal["cant_tell", "skip"] | None = None,
        sort: Literal["position", "probability", "-probability", "recent"] = "position",
        offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> None:
        self.search, self.label, self.by, self.person, self.flagged = search, label, by, person, flagged
        self.least, self.most, self.answer = min, max, answer
        self.sort, self.offset, self.limit = sort, offset, limit

    @property
    def doubts(self) -> bool:
        """Whether it asks what the machine thinks."""
        return self.least is not None or self.most is not None or "probability" in self.sort


def _table(page: Page, wanted: Wanted) -> dict[str, Any]:
    start = time.perf_counter()
    if page.blind and wanted.doubts:
        raise Refusal(
            403, "While an audit runs nobody sees what the machine thinks.", do="Look again when it is over."
        )
    labels = page.desk.project.config.task.labels
    label = None if wanted.label is None else page.desk.project.config.task.index(wanted.label, "the filter")
    shelf = page.contents.shelf
    if wanted.search and shelf is None:
        raise Refusal(
            503, page.trouble or "The items are still being laid out for searching.", code="not_ready", wait=1
        )
    mask = shelf.search(wanted.search) if shelf is not None and wanted.search else None
    by = None if wanted.by is None else BY[wanted.by]
    if page.blind and label is not None:
        by = HUMAN if by is None else by  # a label that only the machine gave is not to be found by it
        if by != HUMAN:
            return _page_of(page, 0, [], wanted, labels, start)
    person = None if wanted.person is None else _source(wanted.person)
    filters = Filter(label, by, person, wanted.flagged, wanted.least, wanted.most, wanted.answer, mask)
    total, positions = page.catalog.find(filters, wanted.sort, wanted.offset, wanted.limit)
    return _page_of(page, total, positions, wanted, labels, start)


def _source(person: str) -> str:
    return person if ":" in person else f"human:{person}"


def _page_of(
    page: Page, total: int, positions: list[int], wanted: Wanted, labels: tuple[str, ...], start: float
) -> dict[str, Any]:
    page.contents.load(positions)
    return {
        "total": total,
        "offset": wanted.offset,
        "items": [_row(page, at, labels) for at in positions],
        "took_ms": round(1000 * (time.perf_counter() - start), 1),
        "ready": page.contents.shelf is not None,
    }


def _row(page: Page, at: int, labels: tuple[str, ...]) -> dict[str, Any]:
    item = page.contents.item(at)
    cells = {name: "" if value is None else str(value)[:EXCERPT] for name, value in item["content"].items()}
    return {
        "position": at,
        "id": item["id"],
        "excerpt": " · ".join(text for text in cells.values() if text)[:EXCERPT],
        "image": item["image"],
        "cells": cells,
        **standing(page, at, labels),
    }


@router.get("/api/items", summary="A page of the table of items")
async def items(page: ThePage, user: Who, wanted: Annotated[Wanted, Depends()]) -> dict[str, Any]:
    """Filtered and sorted; `total` items fit."""
    return await in_thread(_table, page, wanted)  # type: ignore[no-any-return]
