"""What every route shares: the desk, who is in, the newest status, and how a page is rendered."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from goldleaf import __version__
from goldleaf.certificates.threshold import ThresholdAudit
from goldleaf.desk.board import Board, Handed, Saved
from goldleaf.desk.catalog import Catalog
from goldleaf.desk.desk import Desk, Hand, step_back
from goldleaf.desk.shelf import Shelf
from goldleaf.encode.picture import picture
from goldleaf.errors import GoldleafError, LedgerError
from goldleaf.project.loop import REASON
from goldleaf.project.record import Asked
from goldleaf.web.access import Doors, User
from goldleaf.web.contents import AHEAD, Contents
from goldleaf.web.faults import Refusal
from goldleaf.web.hub import Hub
from goldleaf.web.quiet import Quiet
from goldleaf.web.status import Watch

log = logging.getLogger("goldleaf.web")
FOLDER = Path(__file__).parent
KEYS = "1234567890abcdefghijklmnopqrstuvwxyz"
COOKIE = "goldleaf_session"
GUIDELINES = "guidelines.md"
BEAT = 0.25  # seconds between two events
TITLES = {
    "answer": "Answer",
    "items": "Items",
    "item": "Item",
    "map": "Map",
    "progress": "Progress",
    "people": "People",
    "login": "Log in",
    "error": "Error",
    "api": "API",
}


class Page:
    """The state behind the routes.

    Args:
        public_url: where people reach it, without a slash at the end.
        suggest: whether a review of what no audit asked shows the machine's label.
    """

    def __init__(self, desk: Desk, doors: Doors, public_url: str, *, suggest: bool = False) -> None:
        self.desk, self.doors, self.public_url, self.suggest = desk, doors, public_url, suggest
        self.hub = Hub()
        self.contents = Contents(desk.project.store, desk.project.config.task)
        self.watch = Watch(desk.board)
        self.catalog = Catalog(desk.board.loop)
        self.picture: dict[str, Any] | None = None  # the map of the items
        self._reader = ThreadPoolExecutor(1, "goldleaf-reader")
        self.trouble: str | None = None  # why the items cannot be laid out
        self.draws = draws(desk.board)
        self._told = -1
        self._waiting = False
        self._task = self._describe()
        self.templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            auto_reload=bool(os.environ.get("GOLDLEAF_DEV")),
        )
        self.templates.globals.update(static=static, version=__version__)
        desk.heard = self._heard

    def start(self) -> None:
        """Begin the work beside answering, once the server listens."""
        threading.Thread(target=self._lay_out, name="goldleaf-layout", daemon=True).start()

    def _lay_out(self) -> None:
        """Lay the items out for looking at, then draw their map; on a thread of its own, behind all others."""
        step_back()
        try:
            self.contents.shelf = Shelf.of(self.desk.project.store, self.desk.project.folder / "shelf")
            self.picture = picture(self.desk.board.loop.features())
        except (GoldleafError, OSError, ValueError) as error:
            self.trouble = str(error)
            log.error("laying out the items failed", exc_info=error)

    # -- after each change, on the desk's thread

    def _heard(self, board: Board) -> None:
        self.watch.heard(board)
        self.draws = draws(board)
        ahead = board.stock.peek(AHEAD)
        if any(self.contents.known(at) is None for at in ahead):
            self._reader.submit(self.contents.load, ahead)

    async def tell(self) -> None:
        """Send what is new to all open pages, for as long as the server runs."""
        with Quiet() as quiet:
            while not self.hub.closed:
                await asyncio.sleep(BEAT)
                await self._beat()
                quiet.look(self._told, time.monotonic())

    async def _beat(self) -> None:
        if self.watch.stale:
            with suppress(LedgerError):  # a status that cannot be read now comes later
                await asyncio.wrap_future(self.desk.do(self.watch.look))
        if self.watch.now["version"] != self._told:
            self._told = self.watch.now["version"]
            self.hub.tell("status", self.status())
            self.hub.tell("questions", {})

    def close(self) -> None:
        self.hub.close()
        self._reader.shutdown(cancel_futures=True)

    # -- what the page says

    def _describe(self) -> dict[str, Any]:
        project = self.desk.project
        task, target = project.config.task, project.config.target
        described = dict(task.descriptions)
        keys = keys_for(task.labels)
        labels = [
            {"name": name, "key": keys[at], "description": described.get(name), "colour": at}
            for at, name in enumerate(task.labels)
        ]
        guidelines = project.folder / GUIDELINES
        return {
            "name": project.folder.resolve().name,
            "modality": task.modality,
            "labels": labels,
            "guidelines": guidelines.read_text(encoding="utf-8") if guidelines.is_file() else None,
            "fields": list(project.store.fields),
            "text": task.text,
            "image": task.image,
            "key": task.key,
            "items": project.store.items,
            "rows": project.store.rows,
            "target": {
                "error": target.error,
                "confidence": target.confidence,
                "cant_tell": target.cant_tell,
                "per": target.per,
                "second_opinions": target.second_opinions,
            },
        }

    @property
    def task(self) -> dict[str, Any]:
        return self._task

    @property
    def blind(self) -> bool:
        """Whether nobody may see what the machine thinks of an item: an audit may ask anybody about any."""
        return bool(self.watch.now["stage"] == "audit")

    def status(self, user: User | None = None) -> dict[str, Any]:
        """The newest status; with `user`, of their own work too."""
        now = {**self.watch.now, "draws": self.draws}
        if user is None:
            return now
        pace = self.desk.board.pace
        each = pace.seconds(user.source)
        mine = {
            "answers": pace.people.get(user.source, 0),
            "seconds_per_answer": None if each is None else round(each, 1),
        }
        return {**now, "me": mine}

    async def hand(self, hand: Hand, user: User) -> dict[str, Any]:
        """What somebody has in hand, with the items' contents."""
        positions = [one.asked.position for one in hand.questions]
        if any(self.contents.known(at) is None for at in positions):
            await asyncio.get_running_loop().run_in_executor(None, self.contents.load, positions)
        if hand.state == "done":
            with suppress(LedgerError):
                await asyncio.wrap_future(self.desk.do(self.watch.look))
        return {
            "state": hand.state,
            "questions": [self._question(one) for one in hand.questions],
            "status": self.status(user),
            "message": None if self.desk.fault is None else str(self.desk.fault),
        }

    def _question(self, handed: Handed) -> dict[str, Any]:
        """The same for every purpose: nothing here tells an audit's question from another."""
        dispute, before = handed.dispute, handed.before
        return {
            "id": handed.asked.seq,
            "item": self.contents.item(handed.asked.position),
            "kind": "question" if dispute is None else "review",
            "suggestion": None if dispute is None else self._suggestion(handed.asked),
            "opinions": None
            if dispute is None
            else [
                {"person": one.source.removeprefix("human:"), "answer": one.answer, "label": one.label}
                for one in dispute.opinions
            ],
            "answer": None if before is None else {"answer": before.answer, "label": before.label},
            "lease": {"seconds": self.desk.leases.seconds},
        }

    def _suggestion(self, asked: Asked) -> dict[str, Any] | None:
        """The machine's label, never of what an audit asks: there people judge the machine and must not hear it."""
        frozen, position = self.desk.board.loop.frozen, asked.position
        if not self.suggest or self.blind or asked.attempt:
            return None
        if frozen is None or not frozen.holds(position):
            return None
        place = frozen.place(position)
        return {"label": frozen.label(place), "probability": float(frozen.probability[place])}

    def render(
        self,
        request: Request,
        name: str,
        *,
        user: User | None = None,
        status: int = 200,
        boot: dict[str, Any] | None = None,
        **more: Any,
    ) -> HTMLResponse:
        """A page from its template."""
        if name == "error" and user is None:  # an address without a route has asked nobody who they are
            user = self.doors.user(request.cookies.get(COOKIE, ""))
        project = {"name": self.task["name"], "modality": self.task["modality"]} if user else None
        who = {"name": user.name, "role": user.role} if user else None
        base: dict[str, Any] = {
            "csrf": user.csrf if user else None,
            "user": who,
            "project": project,
            "page": name,
        }
        if user:
            base |= {"task": self.task, "blind": self.blind}
        found = more.pop("found", None)
        if isinstance(found, Refusal):
            more |= {"status": found.status, "what": found.what, "do": found.do}
        body = self.templates.get_template(f"{name}.html").render(
            page=name,
            title=TITLES[name],
            user=who,
            csrf=base["csrf"],
            project=project,
            boot={**base, **(boot or {})},
            **more,
        )
        return HTMLResponse(body, status)


def saved(one: Saved) -> dict[str, Any]:
    """What the person learns once the answer is in the ledger; only now, why they were asked."""
    reason = (
        "two people differed here"
        if one.purpose == "review"
        else REASON.get(one.asked.reason, one.asked.reason)
    )
    return {
        "seq": one.given.seq,
        "question": one.asked.seq,
        "item": one.asked.position,
        "answer": one.given.answer,
        "label": one.given.label,
        "purpose": one.purpose,
        "reason": reason,
    }


def static(path: str) -> str:
    """The address of a static file; the version in it lets browsers keep it for good."""
    return f"/static/{__version__}/{path}"


def keys_for(labels: Sequence[str]) -> list[str | None]:
    """A key for each label: its own name where that is one, so that 3 means "3"; none where the keys do not suffice."""
    if len(labels) > len(KEYS):
        return [None] * len(labels)
    own = {name.lower() for name in labels if len(name) == 1 and name.lower() in KEYS}
    rest = iter([key for key in KEYS if key not in own])
    found: list[str | None] = []
    for name in labels:
        mine = name.lower() if name.lower() in own and name.lower() not in found else next(rest, None)
        found.append(mine)
    return found


def draws(board: Board) -> dict[str, int] | None:
    """How far the even sample is, before whose end a threshold audit proves nothing; None for other audits."""
    audit = board.loop.audit
    if not isinstance(audit, ThresholdAudit):
        return None
    done, total = audit.draws
    return {"done": done, "all": total}
