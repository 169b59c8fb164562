"""One item: its story, its text, its image, corrections, notes."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from goldleaf.desk.board import Board, Give
from goldleaf.desk.catalog import HUMAN
from goldleaf.desk.notes import note_entries
from goldleaf.desk.story import story, votes_on
from goldleaf.web.access import User
from goldleaf.web.faults import Refusal
from goldleaf.web.page import Page, saved
from goldleaf.web.pictures import kind_of, thumbnail
from goldleaf.web.routes.answers import reply_of
from goldleaf.web.routes.seen import EXCERPT, in_thread, position_of, standing
from goldleaf.web.routes.who import ThePage, Who
from goldleaf.web.shapes import REFUSALS, Correction, Note

router = APIRouter(tags=["items"], responses=REFUSALS)
LONGEST = 200_000


@router.get("/api/items/{position}", summary="One item, and all that happened to it")
async def item(page: ThePage, user: Who, position: int) -> dict[str, Any]:
    """Every question, answer, prediction and note, and each source's vote."""
    return await whole(page, user, position_of(page, position))


async def whole(page: Page, user: User, at: int) -> dict[str, Any]:
    page.catalog.follow()
    hidden = page.blind and page.catalog.by[at] != HUMAN
    project = page.desk.project

    def read(board: Board) -> list[dict[str, Any]]:
        return story(board.loop.ledger, board.record, None if hidden else board.loop.frozen, at)

    found = await asyncio.wrap_future(page.desk.do(read))
    if page.blind:  # an open question would tell that the item was drawn
        found = [one for one in found if one["kind"] != "question"]
    if not hidden:
        found += await in_thread(votes_on, project.record_of_votes, project.config.task.labels, at)
        found.sort(key=lambda one: int(one["seq"]))
    await in_thread(page.contents.load, [at])
    rows, _ = await in_thread(page.contents.rows, [at])
    content = page.contents.item(at)
    others = {name: value for name, value in rows[0].items() if name not in content["content"]}
    columns = {name: None if value is None else str(value)[:EXCERPT] for name, value in others.items()}
    now = standing(page, at, page.desk.project.config.task.labels)
    mine = now["person"] == user.name
    return {
        "item": {**content, "columns": columns},
        **now,
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
    rows, _ = await in_thread(page.contents.rows, [position_of(page, position)])
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
    data: bytes = await in_thread(store.load_image, position_of(page, position))
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}-{size}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=86400", "Content-Security-Policy": "sandbox"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if size == "thumb":
        data = await in_thread(thumbnail, data)
    return Response(data, media_type=kind_of(data), headers=headers)


@router.post("/api/correct", summary="Answer an item outside the questions")
async def correct(page: ThePage, user: Who, body: Correction) -> dict[str, Any]:
    """One's own answer, or as a reviewer anybody's. The ledger keeps both."""
    at = position_of(page, body.position)
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
    at = position_of(page, body.position)
    await in_thread(page.contents.load, [at])
    name = page.contents.item(at)["id"]
    entries = note_entries(name, at, user.source, [(body.kind, body.text)])
    [seq] = await asyncio.wrap_future(page.desk.do(lambda board: board.loop.ledger.append(entries)))
    return {"note": {"seq": seq, "position": at, "kind": body.kind, "text": body.text, "who": user.name}}
