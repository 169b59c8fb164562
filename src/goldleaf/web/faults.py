"""One shape for everything that goes wrong: {"error": {"status", "code", "what", "do"}}, or a page that says the same."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from goldleaf.errors import GoldleafError, ItemsError, LedgerError, Taken

log = logging.getLogger("goldleaf.web")
CODES = {
    401: "not_logged_in",
    403: "forbidden",
    404: "not_found",
    405: "bad_method",
    409: "conflict",
    413: "too_large",
    422: "bad_request",
    429: "too_many",
    503: "storage",
}


class Refusal(Exception):
    """A refusal with a status of its own."""

    def __init__(
        self,
        status: int,
        what: str,
        *,
        do: str | None = None,
        code: str | None = None,
        wait: float | None = None,
    ) -> None:
        self.status, self.what, self.do = status, what, do
        self.code = code or CODES.get(status, "error")
        self.wait = wait
        super().__init__(what)


def refusal(error: Exception) -> Refusal:
    """What to say of `error`."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, Taken):
        return Refusal(409, error.what, do=error.do)
    if isinstance(error, LedgerError | OSError):
        what = error.what if isinstance(error, LedgerError) else f"{error.strerror or error}."
        do = error.do if isinstance(error, LedgerError) else None
        return Refusal(503, what, do=do or "Make room or wait, then send it again.", wait=2)
    if isinstance(error, GoldleafError):
        return Refusal(404 if isinstance(error, ItemsError) else 422, error.what, do=error.do)
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
        return Refusal(422, f"`{where}`: {first['msg']}.")
    if isinstance(error, HTTPException):
        said = {404: "There is no such page.", 405: "This address takes other methods."}
        return Refusal(error.status_code, said.get(error.status_code, str(error.detail)))
    log.error("unexpected", exc_info=error)
    return Refusal(
        500, "The page met something that it did not expect.", code="unexpected", do="See the server's log."
    )


def shape(found: Refusal) -> dict[str, Any]:
    return {"error": {"status": found.status, "code": found.code, "what": found.what, "do": found.do}}


def install(app: FastAPI) -> None:
    """Answer every error in this shape."""

    async def answer(request: Request, error: Exception) -> Response:
        found = refusal(error)
        headers = {} if found.wait is None else {"Retry-After": str(int(found.wait) + 1)}
        page = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")
        if page and found.status == 401:
            return Response(status_code=303, headers={"Location": "/login"})
        if page:
            return request.app.state.page.render(request, "error", status=found.status, found=found)  # type: ignore[no-any-return]
        return JSONResponse(shape(found), found.status, headers)

    for kind in (Refusal, GoldleafError, OSError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)
