"""Named people, for admins; and one's own password and past answers."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from goldleaf.desk.agreement import Agreement, agreements
from goldleaf.desk.board import Board
from goldleaf.ledger.people import Person
from goldleaf.project.loop import REASON
from goldleaf.web import access
from goldleaf.web.access import User
from goldleaf.web.faults import Refusal
from goldleaf.web.page import Page
from goldleaf.web.routes.who import Admin, ThePage, Who
from goldleaf.web.shapes import REFUSALS, NewPerson, PasswordChange, PersonChange

router = APIRouter(tags=["people"], responses=REFUSALS)
Name = Annotated[str, Path(max_length=64)]


async def _thread(call: Any, *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, call, *arguments)


async def everybody(page: Page, user: User) -> dict[str, Any]:
    """All who may come in, and all who have answered."""

    def read(board: Board) -> tuple[dict[str, Agreement], dict[str, str]]:
        last = {source: board.answers.last_of(source) for source in board.pace.people}
        return agreements(board.record), last

    found, last = await asyncio.wrap_future(page.desk.do(read))
    named = {one.name: one for one in await _thread(page.doors.people.all)}
    pace = page.desk.board.pace
    names = [*named, *(name for name in map(_plain, last) if name not in named)]
    if user.name not in names:
        names.append(user.name)
    return {"people": [_row(named.get(name), name, pace, found, last) for name in names], "me": user.name}


def _plain(source: str) -> str:
    return source.removeprefix("human:")


def _row(
    person: Person | None, name: str, pace: Any, found: dict[str, Agreement], last: dict[str, str]
) -> dict[str, Any]:
    source = name if ":" in name else f"human:{name}"
    agreement = found.get(source)
    each = pace.seconds(source)
    return {
        "name": name,
        "role": person.role if person else None,
        "active": person.active if person else None,
        "has_password": bool(person and person.password),
        "answers": pace.people.get(source, 0),
        "seconds_per_answer": None if each is None else round(each, 1),
        "agreement": None
        if agreement is None
        else {
            "pairs": agreement.pairs,
            "agree": agreement.agree,
            "share": round(agreement.agree / agreement.pairs, 4),
        },
        "accuracy": None if agreement is None or agreement.accuracy is None else round(agreement.accuracy, 4),
        "last": last.get(source) or None,
    }


@router.get("/people", include_in_schema=False)
async def people_page(request: Request, page: ThePage, user: Admin) -> Response:
    return page.render(request, "people", user=user, boot={"people": await everybody(page, user)})


@router.get("/api/people", summary="Everybody, their pace and agreement")
async def people(page: ThePage, user: Admin) -> dict[str, Any]:
    """For admins."""
    return await everybody(page, user)


@router.post("/api/people", summary="Name a person")
async def add(page: ThePage, user: Admin, body: NewPerson) -> dict[str, Any]:
    """Returns their share link, which is shown only now."""
    token = await _thread(access.add_person, page.doors.people, body.name, body.role, body.password)
    person = {"name": body.name, "role": body.role, "active": True, "has_password": body.password is not None}
    return {"person": person, "link": _link(page, token)}


def _link(page: Page, token: str) -> str:
    return f"{page.public_url}/join?token={token}"


@router.post("/api/people/{name}/link", summary="A new share link")
async def link(page: ThePage, user: Admin, name: Name) -> dict[str, str]:
    """The old one ends, and so do the sessions that came of it."""
    token = await _thread(access.new_link, page.doors.people, name)
    await _thread(page.doors.shut, name)
    return {"link": _link(page, token)}


@router.put("/api/people/{name}", summary="Change a person")
async def change(page: ThePage, user: Admin, name: Name, body: PersonChange) -> dict[str, Any]:
    """Their role, whether they may come in, their password; open sessions end."""
    if name == user.name and (body.active is False or body.role not in (None, "admin")):
        raise Refusal(422, "You cannot take your own rights.", do="Let another admin do it.")
    one = await _thread(access.change_person, page.doors.people, name, body.model_dump())
    if name != user.name:
        await _thread(page.doors.shut, name)
    return {
        "person": {
            "name": one.name,
            "role": one.role,
            "active": one.active,
            "has_password": one.password is not None,
        }
    }


@router.put("/api/password", summary="Change one's own password")
async def password(page: ThePage, user: Who, body: PasswordChange) -> dict[str, bool]:
    """`old` may be left out where there is none yet."""
    wait = page.doors.wait(f"name:{user.name}")
    if wait:
        raise Refusal(429, "Too many tries.", do=f"Wait {wait:.0f} seconds.", wait=wait)
    person = await _thread(access.must_find, page.doors.people, user.name)
    if person.password is not None and not await _thread(access.matches, person.password, body.old or ""):
        page.doors.failed(f"name:{user.name}")
        raise Refusal(403, "The old password is wrong.")
    await _thread(access.change_person, page.doors.people, user.name, {"password": body.new})
    return {"changed": True}


@router.get("/api/history", summary="One's own answers, the newest first")
async def history(
    page: ThePage, user: Who, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> dict[str, Any]:
    """Those that stand, each with its item's first words."""

    def read(board: Board) -> list[dict[str, Any]]:
        return [
            {
                "question": one.question,
                "item": board.record.asked[one.question].position,
                "answer": one.answer,
                "label": one.label,
                "at": board.loop.ledger.rows("votes", "at", seq=one.seq)[0].at,
                "seconds": one.seconds,
                "purpose": board.record.asked[one.question].purpose,
                "reason": REASON.get(board.record.asked[one.question].reason, ""),
            }
            for one in board.answers.standing(user.source, limit)
        ]

    found = await asyncio.wrap_future(page.desk.do(read))
    await _thread(page.contents.load, [one["item"] for one in found])
    for one in found:
        texts = [
            str(value) for value in page.contents.item(one["item"])["content"].values() if value is not None
        ]
        one["excerpt"] = " · ".join(texts)[:200]
    return {"answers": found}
