"""Who is asking: a session's cookie or a bearer token; and that a change comes from our own pages."""

from __future__ import annotations

import asyncio
import hmac
from typing import Annotated

from fastapi import Depends, Request

from goldleaf.web.access import User
from goldleaf.web.faults import Refusal
from goldleaf.web.page import COOKIE, Page

SAFE = ("GET", "HEAD", "OPTIONS")


async def page_of(request: Request) -> Page:
    """Asynchronous like all dependencies: the others would each cost a hop to a thread."""
    found: Page = request.app.state.page
    return found


async def who(request: Request) -> User:
    """The person, or a refusal."""
    page = await page_of(request)
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    by_program = scheme.lower() == "bearer" and bool(bearer)
    token = bearer.strip() if by_program else request.cookies.get(COOKIE, "")
    if not token:
        raise Refusal(
            401, "Nobody is logged in.", do="Open the address that goldleaf serve printed, or log in."
        )
    known, user = page.doors.remembered(token)
    if not known:
        user = await asyncio.get_running_loop().run_in_executor(None, page.doors.user, token)
    if user is None:
        raise Refusal(401, "This session has ended.", do="Log in again.")
    if request.method not in SAFE and not by_program:
        sent = request.headers.get("x-csrf-token", "")
        if not hmac.compare_digest(sent.encode(), user.csrf.encode()):
            raise Refusal(
                403,
                "The request did not come from a page of goldleaf.",
                do="Load the page again.",
                code="csrf",
            )
    return user


Who = Annotated[User, Depends(who)]


async def admin(user: Who) -> User:
    if user.role != "admin":
        raise Refusal(403, f"This is for admins; {user.name} is {user.role}.")
    return user


Admin = Annotated[User, Depends(admin)]
ThePage = Annotated[Page, Depends(page_of)]
