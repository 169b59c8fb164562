"""The pages themselves, and coming in and going out."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from goldleaf.web.access import DAYS
from goldleaf.web.faults import Refusal
from goldleaf.web.page import COOKIE, Page
from goldleaf.web.routes.item import whole
from goldleaf.web.routes.who import ThePage, Who, who

router = APIRouter(include_in_schema=False)


async def _thread(call: Any, *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, call, *arguments)


def _come_in(page: Page, token: str, to: str = "/") -> Response:
    """To the page itself, with a clean address."""
    response = RedirectResponse(to, 303)
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(DAYS * 86_400),
        httponly=True,
        samesite="lax",
        secure=page.public_url.startswith("https:"),
    )
    return response


@router.get("/")
async def answer(request: Request, page: ThePage, token: str | None = None) -> Response:
    if token is not None:
        session = await _thread(page.doors.by_owner_token, token)
        if session is None:
            raise Refusal(
                401, "The token in this address is not valid any more.", do="Start goldleaf serve again."
            )
        return _come_in(page, session)
    user = await who(request)
    hand = await asyncio.wrap_future(page.desk.next(user.source, 2, user.reviews))
    return page.render(request, "answer", user=user, boot={"first": await page.hand(hand, user)})


@router.get("/join")
async def join(page: ThePage, token: str) -> Response:
    session = await _thread(page.doors.by_link, token)
    if session is None:
        raise Refusal(
            401, "This link is not valid any more.", do="Ask an admin for a new one.", code="bad_link"
        )
    return _come_in(page, session)


@router.get("/login")
async def login(request: Request, page: ThePage, next: str = "/") -> Response:  # noqa: A002
    return page.render(request, "login", failed=None, next=_inside(next))


@router.post("/login")
async def log_in(request: Request, page: ThePage) -> Response:
    form = {
        name: values[-1]
        for name, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()
    }
    name, to = form.get("name", "")[:64], _inside(form.get("next", "/"))
    keys = (f"name:{name}", f"from:{request.client.host if request.client else ''}")
    if wait := page.doors.wait(*keys):
        response = page.render(
            request, "login", status=429, failed=f"Too many tries. Wait {wait:.0f} seconds.", next=to
        )
        response.headers["Retry-After"] = str(int(wait) + 1)
        return response
    session = await _thread(page.doors.by_password, name, form.get("password", ""))
    if session is None:
        page.doors.failed(*keys)
        return page.render(request, "login", status=401, failed="The name or the password is wrong.", next=to)
    return _come_in(page, session, to)


@router.post("/logout")
async def logout(request: Request, page: ThePage) -> Response:
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    token = request.cookies.get(COOKIE, "")
    user = await _thread(page.doors.user, token)
    if user is not None:
        if form.get("csrf", [""])[-1] != user.csrf:
            raise Refusal(403, "The request did not come from a page of goldleaf.", code="csrf")
        await _thread(page.doors.close, token)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE)
    return response


@router.get("/progress")
async def progress(request: Request, page: ThePage, user: Who) -> Response:
    return page.render(request, "progress", user=user, boot={"status": page.status(user)})


@router.get("/map")
async def map_(request: Request, page: ThePage, user: Who) -> Response:
    return page.render(request, "map", user=user)


@router.get("/items")
async def items(request: Request, page: ThePage, user: Who) -> Response:
    await _thread(page.catalog.follow)
    people = [source.removeprefix("human:") for source in page.catalog.people()]
    query = dict(request.query_params)
    return page.render(request, "items", user=user, boot={"query": query, "people": people})


@router.get("/items/{position}")
async def item(request: Request, page: ThePage, user: Who, position: int) -> Response:
    if not 0 <= position < page.desk.project.store.items:
        raise Refusal(404, f"There is no item {position}.")
    return page.render(request, "item", user=user, boot={"item": await whole(page, user, position)})


@router.get("/api")
async def api(request: Request, page: ThePage, user: Who) -> Response:
    return page.render(request, "api", user=user, operations=_operations(request.app.openapi()))


def _operations(described: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "method": method.upper(),
            "path": path,
            "summary": one.get("summary", ""),
            "description": one.get("description", ""),
            "parameters": one.get("parameters", []),
            "request": _schema(one.get("requestBody"), described),
            "responses": {code: found["description"] for code, found in one["responses"].items()},
        }
        for path, methods in described["paths"].items()
        for method, one in methods.items()
    ]


def _schema(body: dict[str, Any] | None, described: dict[str, Any]) -> dict[str, Any] | None:
    if body is None:
        return None
    name = body["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
    found: dict[str, Any] = described["components"]["schemas"][name]
    return found


def _inside(path: str) -> str:
    """A path of this server; anything else leads to the front page."""
    plain = (
        path.startswith("/")
        and not path.startswith(("//", "/\\"))
        and path.isprintable()
        and "\\" not in path
    )
    return path if plain else "/"
