"""What the cheaper sources are worth: rules, LLMs, old models, crowds, beside people's answers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import numpy as np
from fastapi import APIRouter

from goldleaf.project import diagnosing
from goldleaf.project.base import Project
from goldleaf.project.diagnosing import Sources
from goldleaf.project.sources import Home
from goldleaf.web.faults import Refusal
from goldleaf.web.routes.who import ThePage, Who
from goldleaf.web.shapes import REFUSALS

router = APIRouter(tags=["sources"], responses=REFUSALS)
MOST = 200  # rows; a crowd has one a person


@router.get("/api/sources", summary="What each source of votes is worth")
async def sources(page: ThePage, user: Who) -> dict[str, Any]:
    """For reviewers and admins: coverage, overlap, conflict, and accuracy on the items that people answered."""
    if not user.reviews:
        raise Refusal(403, f"This is for reviewers and admins; {user.name} is {user.role}.")
    project = page.desk.project
    known = await asyncio.wrap_future(
        page.desk.do(lambda board: (board.record.labeled(), board.record.drawn_at_random()))
    )
    return await asyncio.get_running_loop().run_in_executor(None, _report, project, *known)


def _report(project: Project, labeled: dict[int, str], drawn: Collection[int]) -> dict[str, Any]:
    """Reads the votes' files on a thread of its own, so that nobody's answer waits for them."""
    record = project.record_of_votes
    home = Home(project.folder, project.config, project.store, record, lambda: labeled)
    found = diagnosing.sources(home, project.votes(), labeled, drawn)
    names = found.diagnosis.names
    return {
        "answers": found.answers,
        "total": len(names),
        "sources": [_row(found, at) for at in range(min(len(names), MOST))],
        "troubles": [
            {"name": name, "invalid": one.invalid, "errors": one.errors, "problems": one.problems}
            for name, one in found.standing.items()
            if one.invalid or one.errors
        ],
        "paid": {name: one.spent["cost"] for name, one in found.standing.items() if one.spent.get("cost")},
    }


def _row(found: Sources, at: int) -> dict[str, Any]:
    one = found.diagnosis
    drawn, removed = int(one.drawn[at]), float(found.removed[at])
    return {
        "name": one.names[at],
        "votes": int(one.votes[at]),
        "coverage": float(one.coverage[at]),
        "overlap": float(one.overlap[at]),
        "conflict": float(one.conflict[at]),
        "right": int(one.right[at]),
        "answered": int(one.answered[at]),
        "drawn_right": int(one.drawn_right[at]),
        "drawn": drawn,
        "low": float(one.low[at]) if drawn else None,
        "high": float(one.high[at]) if drawn else None,
        "removed": None if np.isnan(removed) else removed,
    }
