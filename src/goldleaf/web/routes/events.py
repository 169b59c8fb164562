"""Server-sent events, and the sign of life."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from goldleaf import __version__
from goldleaf.web.faults import Refusal
from goldleaf.web.hub import MOST
from goldleaf.web.routes.who import ThePage, Who
from goldleaf.web.shapes import REFUSALS

router = APIRouter(responses=REFUSALS)


@router.get(
    "/api/events",
    summary="The newest status, as it changes",
    tags=["status"],
    response_class=StreamingResponse,
)
async def events(page: ThePage, user: Who) -> StreamingResponse:
    """Server-sent events: `status`, and `questions` when who waits should ask again."""
    if len(page.hub) >= MOST:
        raise Refusal(
            503, f"{MOST} pages listen already.", do="Close some, or ask /api/status.", code="busy", wait=5
        )
    return StreamingResponse(page.hub.stream(page.watch.now), media_type="text/event-stream")


@router.get("/healthz", summary="Whether the server is there", tags=["status"])
async def healthz() -> dict[str, object]:
    """Needs no log-in."""
    return {"ok": True, "version": __version__}
