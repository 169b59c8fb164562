"""The proof: its course so far, the certificate, training anew."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import numpy as np
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from goldleaf.certificates.bounds import path
from goldleaf.certificates.slices import SlicedAudit
from goldleaf.certificates.threshold import ThresholdAudit
from goldleaf.certificates.threshold_path import path as threshold_path
from goldleaf.desk.board import Board
from goldleaf.project.base import REPORT
from goldleaf.web.faults import Refusal
from goldleaf.web.routes.who import Admin, ThePage, Who
from goldleaf.web.shapes import REFUSALS

router = APIRouter(tags=["certificates"], responses=REFUSALS)
POINTS = 60  # of the curve
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


def _course(board: Board) -> dict[str, Any]:
    """The bound by human answers, the rounds of training, answers by the hour."""
    loop = board.loop
    curve: list[dict[str, Any]] = []
    if loop.frozen is not None and loop.audit is not None and not isinstance(loop.audit, SlicedAudit):
        draws, said = board.record.audited(loop.frozen)
        before = loop.frozen.facts["answers"]
        curve = [
            {"answers": before, "bound": float(loop.audit.bound)}
        ]  # nothing drawn yet, or nothing to draw
        if draws:
            plan = loop.frozen.plan()
            if isinstance(loop.audit, ThresholdAudit):
                ends, bounds = threshold_path(plan, draws, said, POINTS)
            else:
                ends, _, bounds = path(plan, draws, said, POINTS)
            pairs = zip(np.asarray(ends).tolist(), np.asarray(bounds).tolist(), strict=True)
            curve = [{"answers": before + int(end), "bound": float(bound)} for end, bound in pairs]
    hours = Counter(row.at[:13] for row in loop.ledger.rows("votes", "at"))
    return {
        "curve": curve,
        "rounds": loop.rounds(),
        "per_hour": [{"hour": f"{hour}:00Z", "answers": count} for hour, count in sorted(hours.items())],
    }


@router.get("/api/progress", summary="The course of the proof")
async def progress(page: ThePage, user: Who) -> dict[str, Any]:
    """The bound after each part of the answers; the rounds of training; answers by the hour."""
    found: dict[str, Any] = await asyncio.wrap_future(page.desk.do(_course))
    return found


@router.post("/api/certify", summary="Write the certificate and the report")
async def certify(page: ThePage, user: Admin) -> dict[str, Any]:
    """certificate.json and report.html in the project's folder, as the proof stands now."""
    made = await asyncio.wrap_future(page.desk.do(lambda board: page.desk.project.certify()))
    return {"certificate": made.body, "report": "/report"}


@router.get("/report", include_in_schema=False)
async def report(page: ThePage, user: Who) -> Response:
    file = page.desk.project.folder / REPORT
    if not file.is_file():
        raise Refusal(404, "There is no report yet.", do="Make the certificate first.")
    return HTMLResponse(file.read_text(encoding="utf-8"), headers={"Content-Security-Policy": REPORT_POLICY})


@router.post("/api/retrain", summary="Give up the audit and train anew")
async def retrain(page: ThePage, user: Admin) -> dict[str, bool]:
    """The next attempt has a smaller share of the risk, so it needs more answers."""

    def run(board: Board) -> bool:
        if board.loop.frozen is None:
            return False
        board.loop.abandon("asked to train again")
        board.supply.restock()
        return True

    return {"retrained": await asyncio.wrap_future(page.desk.do(run))}
