"""The map: items on a plane, with their labels as far as these may be seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from fastapi import APIRouter

from goldleaf.desk.catalog import HUMAN
from goldleaf.web.routes.seen import in_thread
from goldleaf.web.routes.who import ThePage, Who
from goldleaf.web.shapes import REFUSALS

router = APIRouter(tags=["items"], responses=REFUSALS)


@router.get("/api/map", summary="The items on a plane")
async def map_(page: ThePage, user: Who) -> dict[str, Any]:
    """A sample, by the main directions of their vectors; `ready` once it is drawn."""
    drawn = page.picture
    if drawn is None:
        return {"ready": False, "points": 0, "trouble": page.trouble}
    await in_thread(page.catalog.follow)
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
