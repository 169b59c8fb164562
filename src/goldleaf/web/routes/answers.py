"""Questions and answers: what comes next, an answer, undo, giving back."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from goldleaf.desk.board import Board, Give
from goldleaf.desk.notes import note_entries
from goldleaf.desk.pace import LONGEST
from goldleaf.errors import Taken, VotesError
from goldleaf.schema import Reply
from goldleaf.web.faults import Refusal
from goldleaf.web.page import saved
from goldleaf.web.routes.who import ThePage, Who
from goldleaf.web.shapes import REFUSALS, Answer, Release, Undo

router = APIRouter(prefix="/api", tags=["questions"], responses=REFUSALS)


def reply_of(answer: str, label: str | None) -> str | Reply:
    """What was said; a label only with the answer `label`."""
    if answer == "label":
        if label is None:
            raise Refusal(422, "`label` is missing.", do="Send the label's name with the answer `label`.")
        return label
    if label is not None:
        raise Refusal(422, f"The answer `{answer}` has no label, got {label!r}.")
    return Reply(answer)


@router.get("/task", summary="What a label is here")
async def task(page: ThePage, user: Who) -> dict[str, Any]:
    """The labels with their keys, the guidelines, the columns, the target."""
    return page.task


@router.get("/next", summary="What this person is to answer next")
async def next_(page: ThePage, user: Who, ahead: Annotated[int, Query(ge=1, le=5)] = 1) -> JSONResponse:
    """Questions in this person's hands; nobody else is given them. `wait`: ask again on the next event."""
    hand = await asyncio.wrap_future(page.desk.next(user.source, ahead, user.reviews))
    return JSONResponse(await page.hand(hand, user))


@router.post("/answers", summary="Answer a question, and get the next")
async def answer(page: ThePage, user: Who, body: Answer) -> JSONResponse:
    """Durable when it returns. The same answer sent twice counts once."""
    seconds = None if body.seconds is None else round(min(body.seconds, LONGEST), 2)
    reply = reply_of(body.answer, body.label)
    give = Give(user.source, body.question, reply, seconds, body.suggested, user.reviews)
    if body.comment or body.flag:
        remark = page.desk.do(lambda board: _remark(board, give, body))
        await asyncio.wrap_future(remark)
    hand = await asyncio.wrap_future(page.desk.give(give, body.ahead))
    assert hand.saved is not None
    return JSONResponse({"saved": saved(hand.saved), **await page.hand(hand, user)})


def _remark(board: Board, give: Give, body: Answer) -> None:
    asked = board.record.asked.get(give.question)
    if asked is None:
        raise Taken(f"There is no question {give.question}.", do="Ask for the next one.")
    kinds: list[tuple[str, str | None]] = [("comment", body.comment)] if body.comment else []
    kinds += [("flag", None)] if body.flag else []
    board.loop.ledger.append(note_entries(asked.item, asked.position, give.source, kinds))


@router.post("/undo", summary="Take an answer back")
async def undo(page: ThePage, user: Who, body: Undo) -> dict[str, Any]:
    """The question is this person's again, first of those in hand; the ledger keeps both."""
    try:
        asked, hand = await asyncio.wrap_future(
            page.desk.do(
                lambda board: board.answers.undo(user.source, body.question), user.source, body.ahead
            )
        )
    except VotesError as error:
        raise Refusal(409, error.what, do=error.do, code="nothing") from error
    return {"undone": {"question": asked.seq}, **await page.hand(hand, user)}


@router.post("/release", summary="Give questions back")
async def release(page: ThePage, user: Who, body: Release) -> dict[str, int]:
    """Somebody else may have them now."""
    count = await asyncio.wrap_future(page.desk.do(lambda board: board.release(user.source, body.questions)))
    return {"released": count}


@router.get("/status", summary="Where the project stands")
async def status(page: ThePage, user: Who) -> dict[str, Any]:
    """The bound, the forecast, answers, classes; `end` once it is over."""
    return page.status(user)
