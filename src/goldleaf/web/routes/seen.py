"""What the routes about items share: an item's number, its label as far as it may be seen, work on a thread."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np

from goldleaf.desk.catalog import HUMAN
from goldleaf.web.faults import Refusal
from goldleaf.web.page import Page

EXCERPT = 200


async def in_thread(call: Any, *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, call, *arguments)


def position_of(page: Page, position: int) -> int:
    if not 0 <= position < page.desk.project.store.items:
        raise Refusal(404, f"There is no item {position}; there are {page.desk.project.store.items:,}.")
    return position


def standing(page: Page, at: int, labels: tuple[str, ...]) -> dict[str, Any]:
    """The item's label, as far as it may be seen now."""
    catalog = page.catalog
    by, code = int(catalog.by[at]), int(catalog.label[at])
    shown = by == HUMAN or not page.blind
    probability = float(catalog.probability[at])
    people = catalog.people_by_code()
    person = people[catalog.person[at]] if by == HUMAN else None
    return {
        "label": labels[code] if shown and code >= 0 else None,
        "probability": round(probability, 4) if shown and not np.isnan(probability) else None,
        "by": {0: None, 1: "machine", 2: "human"}[by],
        "person": None if person is None else person.removeprefix("human:"),
        "flagged": catalog.flags.get(at, False),
        "comments": catalog.comments.get(at, 0),
    }
