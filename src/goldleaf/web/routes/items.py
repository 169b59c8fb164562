"""Looking at the items: the table, one item's story, its image, corrections, notes, the map."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from goldleaf.desk.board import Board, Give
from goldleaf.desk.catalog import BY, HUMAN, Filter
from goldleaf.desk.notes import note_entries
from goldleaf.desk.story import story
from goldleaf.web.access import User
from goldleaf.web.faults import Refusal
from goldleaf.web.page import Page, saved
from goldleaf.web.pictures import kind_of, thumbnail
from goldleaf.web.routes.answers import reply_of
from goldleaf.web.routes.who import ThePage, Who
from goldleaf.web.shapes import REFUSALS, Correction, Note

router = APIRouter(tags=["items"], responses=REFUSALS)
EXCERPT = 200
LONGEST = 200_000


async def _thread(call: Any, *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, call, *arguments)


def _position(page: Page, position: int) -> int:
    if not 0 <= position < page.desk.project.store.items:
        raise Refusal(404, f"There is no item {position}; there are {page.desk.project.store.items:,}.")
    return position


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


def _standing(page: Page, at: int, labels: tuple[str, ...]) -> dict[str, Any]:
    """The item's label, as far as it may be seen now."""
    catalog = page.catalog
    by, code = int(catalog.by[at]), int(catalog.label[at])
    shown = by == HUMAN or not page.blind
    probability = float(catalog.probability[at])
    people = catalog.people_by_code()
    person = people[catalog.person[at]] if by == HUMAN else None
    return {
        "label": labels[code] if shown and code >= 0 else None,
        "probability": round(probability, 4) if shown and not np.isnan(probability) else None,
        "by": {0: None, 1: "machine", 2: "human"}[by],
        "person": None if person is None else person.removeprefix("human:"),
        "flagged": catalog.flags.get(at, False),
        "comments": catalog.comments.get(at, 0),
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
        **_standing(page, at, labels),
    }


@router.get("/api/items", summary="A page of the table of items")
async def items(page: ThePage, user: Who, wanted: Annotated[Wanted, Depends()]) -> dict[str, Any]:
    """Filtered and sorted; `total` items fit."""
    return await _thread(_table, page, wanted)  # type: ignore[no-any-return]


@router.get("/api/items/{position}", summary="One item, and all that happened to it")
async def item(page: ThePage, user: Who, position: int) -> dict[str, Any]:
    """Every question, answer, prediction and note."""
    return await whole(page, user, _position(page, position))


async def whole(page: Page, user: User, at: int) -> dict[str, Any]:
    def read(board: Board) -> list[dict[str, Any]]:
        frozen = None if page.blind and page.catalog.by[at] != HUMAN else board.loop.frozen
        return story(board.loop.ledger, board.record, frozen, at)

    page.catalog.follow()
    found = await asyncio.wrap_future(page.desk.do(read))
    if page.blind:
        found = [
            one for one in found if one["kind"] != "question"
        ]  # an open one would tell that it was drawn
    await _thread(page.contents.load, [at])
    rows, _ = await _thread(page.contents.rows, [at])
    content = page.contents.item(at)
    others = {name: value for name, value in rows[0].items() if name not in content["content"]}
    columns = {name: None if value is None else str(value)[:EXCERPT] for name, value in others.items()}
    standing = _standing(page, at, page.desk.project.config.task.labels)
    mine = standing["person"] == user.name
    return {
        "item": {**content, "columns": columns},
        **standing,
        "story": found,
        "may_correct": user.reviews or mine,
    }


@router.get("/api/items/{position}/text", summary="More of a long text")
async def text(
    page: ThePage,
    user: Who,
    position: int,
    field: Annotated[str, Query(max_length=1000)],
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    length: Annotated[int, Query(ge=1, le=LONGEST)] = 100_000,
) -> dict[str, Any]:
    """A part of one cell, in characters."""
    rows, _ = await _thread(page.contents.rows, [_position(page, position)])
    value = rows[0].get(field)
    if field not in page.desk.project.store.fields or not isinstance(value, str):
        raise Refusal(404, f"There is no text {field!r} in item {position}.")
    return {"text": value[offset : offset + length], "offset": offset, "total": len(value)}


@router.get(
    "/api/items/{position}/image",
    summary="An item's image",
    response_class=Response,
    responses={200: {"content": {"image/*": {}}}},
)
async def image(
    request: Request, page: ThePage, user: Who, position: int, size: Literal["full", "thumb"] = "full"
) -> Response:
    """By the item's number alone: no path comes from outside."""
    store = page.desk.project.store
    if page.desk.project.config.task.image is None:
        raise Refusal(404, "The items are no images.")
    data: bytes = await _thread(store.load_image, _position(page, position))
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}-{size}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=86400", "Content-Security-Policy": "sandbox"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if size == "thumb":
        data = await _thread(thumbnail, data)
    return Response(data, media_type=kind_of(data), headers=headers)


@router.post("/api/correct", summary="Answer an item outside the questions")
async def correct(page: ThePage, user: Who, body: Correction) -> dict[str, Any]:
    """One's own answer, or as a reviewer anybody's. The ledger keeps both."""
    at = _position(page, body.position)
    page.catalog.follow()
    mine = page.catalog.people_by_code().get(int(page.catalog.person[at])) == user.source
    if not (mine or user.reviews):
        raise Refusal(403, "You may correct your own answers; others are for reviewers.")
    give = Give(user.source, 0, reply_of(body.answer, body.label), corrects=True, settles=user.reviews)

    def run(board: Board) -> Any:
        done = board.answers.correct(give, at)
        if body.comment:
            notes = note_entries(done.asked.item, at, user.source, [("comment", body.comment)])
            board.loop.ledger.append(notes)
        return done

    done = await asyncio.wrap_future(page.desk.do(run))
    return {"saved": saved(done), "story": await whole(page, user, at)}


@router.post("/api/notes", summary="A comment or a flag")
async def notes(page: ThePage, user: Who, body: Note) -> dict[str, Any]:
    """Labels nothing and proves nothing; the ledger keeps it."""
    if body.kind == "comment" and not (body.text or "").strip():
        raise Refusal(422, "`text` is missing.", do="Say something, or flag the item.")
    at = _position(page, body.position)
    await _thread(page.contents.load, [at])
    name = page.contents.item(at)["id"]
    entries = note_entries(name, at, user.source, [(body.kind, body.text)])
    [seq] = await asyncio.wrap_future(page.desk.do(lambda board: board.loop.ledger.append(entries)))
    return {"note": {"seq": seq, "position": at, "kind": body.kind, "text": body.text, "who": user.name}}


@router.get("/api/map", summary="The items on a plane")
async def map_(page: ThePage, user: Who) -> dict[str, Any]:
    """A sample, by the main directions of their vectors; `ready` once it is drawn."""
    drawn = page.picture
    if drawn is None:
        return {"ready": False, "points": 0, "trouble": page.trouble}
    await _thread(page.catalog.follow)
    at = np.array(drawn["position"])
    human = page.catalog.by[at] == HUMAN
    shown = human | (not page.blind)
    probability = page.catalog.probability[at]
    known = shown & ~np.isnan(probability)
    return {
        "ready": True,
        **drawn,
        "points": len(at),
        "label": np.where(shown, page.catalog.label[at], -1).tolist(),
        "human": human.astype(int).tolist(),
        "probability": [round(float(p), 3) if ok else None for p, ok in zip(probability, known, strict=True)],
    }
