"""Where the project stands, as the page shows it: computed on the desk's thread, read by everybody."""

from __future__ import annotations

import time
from typing import Any

from goldleaf.certificates.slices import SlicedAudit
from goldleaf.desk.board import Board
from goldleaf.project.summary import seconds_per_answer
from goldleaf.schema import percent_up

SHARE = 10  # a status may cost at most a tenth of the time


class Watch:
    """The newest status, and when it was computed."""

    def __init__(self, board: Board) -> None:
        self.assumed = seconds_per_answer(board.loop.config, board.loop.store)
        self.now: dict[str, Any] = {}
        self.stale = True
        self._version = 0
        self._at = 0.0
        self._cost = 0.0
        self._forecast: float | None = None
        self._rounds: tuple[int, float | None] = (-1, None)
        self.look(board)

    def heard(self, board: Board) -> None:
        """Something changed; look again unless that would cost too much."""
        self.stale = True
        if time.perf_counter() - self._at > max(SHARE * self._cost, 0.1):
            self.look(board)

    def look(self, board: Board) -> dict[str, Any]:
        """Compute the status now."""
        start = time.perf_counter()
        self._version += 1
        self.now = {"version": self._version, **self._body(board)}
        self.stale = False
        self._at = time.perf_counter()
        self._cost = self._at - start
        return self.now

    def _body(self, board: Board) -> dict[str, Any]:
        loop, pace = board.loop, board.pace
        audit, target = loop.audit, loop.config.target
        bound = audit.bound if audit is not None else 1.0
        certified = bool(audit is not None and audit.certified)
        stage = (
            "training"
            if audit is None
            else "certified"
            if certified
            else "exhausted"
            if board.supply.finished
            else "audit"
        )
        human = sum(pace.labels.values())
        machine = 0 if board.supply.left is None else board.supply.left.counts.sum()
        return {
            "stage": stage,
            "attempt": loop.attempt,
            "answers": {
                name: pace.purposes.get(name, 0) for name in ("training", "audit", "census", "repeat")
            },
            "human_answers": pace.answers,
            "skipped": pace.skipped,
            "bound": bound,
            "bound_text": percent_up(bound) if audit is not None and bound < 1 else None,
            "error": target.error,
            "confidence": target.confidence,
            "certified": certified,
            "forecast": self._ahead(board, certified),
            "items": loop.store.items,
            "rows": loop.store.rows,
            "labeled_by_people": human,
            "labeled_by_machine": int(machine),
            "training": {"running": board.rounds.working, "rounds": self._round_count(board)[0]},
            "classes": self._classes(board),
            "me": None,
            "end": self._end(board, stage, int(machine)) if board.supply.finished else None,
        }

    def _round_count(self, board: Board) -> tuple[int, float | None]:
        """(rounds so far, the audit's answers as forecast by the last one); read anew after each round."""
        if board.rounds.count != self._rounds[0]:
            found = board.loop.rounds()
            self._rounds = (board.rounds.count, found[-1]["forecast"] if found else None)
        return self._rounds

    def _ahead(self, board: Board, certified: bool) -> dict[str, Any] | None:
        audit = board.loop.audit
        more = (0.0 if certified else audit.forecast()) if audit is not None else self._round_count(board)[1]
        if more is None:
            return None
        measured = board.pace.seconds()
        each = measured if measured is not None else self.assumed
        return {
            "answers": round(more),
            "minutes": round(more * each / 60, 1),
            "seconds_per_answer": round(each, 1),
            "measured": measured is not None,
        }

    def _classes(self, board: Board) -> list[dict[str, Any]]:
        loop = board.loop
        machine = board.supply.left.counts.tolist() if board.supply.left is not None else None
        proven: dict[str | None, Any] = {}
        if (
            loop.frozen is not None
            and isinstance(loop.audit, SlicedAudit)
            and loop.frozen.facts["per"] == "class"
        ):
            proven = dict(zip(loop.frozen.facts["slices"]["names"], loop.audit.slices(), strict=True))
        return [
            {
                "name": name,
                "human": board.pace.labels.get(name, 0),
                "machine": machine[at] if machine is not None else None,
                "bound": proven[name].bound if name in proven else None,
                "certified": proven[name].certified if name in proven else None,
            }
            for at, name in enumerate(loop.config.task.labels)
        ]

    def _end(self, board: Board, stage: str, machine: int) -> dict[str, str]:
        items, target = board.loop.store.items, board.loop.config.target
        if stage == "certified":
            what = f"proved: at most {100 * target.error:.4g} % wrong"
        else:
            what = "every item was asked, and the target cannot be proven"
        return {"how": stage, "text": f"{what}; {machine:,} of {items:,} items labeled by machine"}
