"""The desk: one thread that owns a project while many people answer, and one that trains beside it.

Whatever waits when the thread comes round is written in one transaction, so fifty people who answer within a moment
cost one wait for the disk. An answer's future is done when it is durable, never before.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from goldleaf.desk.board import Board, Give, Handed, Saved, State
from goldleaf.desk.leases import SECONDS, Leases
from goldleaf.errors import GoldleafError, LedgerError
from goldleaf.project.base import Project
from goldleaf.project.model import Guess
from goldleaf.project.training import Turn

TOGETHER = 256  # answers in one transaction at most
TICK = 1.0  # seconds between looks at the leases
NICE = 10  # of the training thread: answers go first


@dataclass(frozen=True)
class Hand:
    """What somebody has in hand now; `saved`: of the answer that asked for it."""

    state: State
    questions: list[Handed]
    saved: Saved | None = None


@dataclass
class _Call:
    """Something to do on the desk's thread; an answer where `give` is set."""

    source: str
    ahead: int
    settles: bool
    give: Give | None = None
    run: Callable[[Board], Any] | None = None
    future: Future[Any] = field(default_factory=Future)


class Desk:
    """A project for many people at once.

    Args:
        project: open for writing; it belongs to the desk until `close`.
        seconds: how long a question is held for one person.
        heard: called on the desk's thread after anything changed.
    """

    def __init__(
        self,
        project: Project,
        *,
        seconds: float = SECONDS,
        overlap: float = 0.0,
        heard: Callable[[Board], object] = lambda board: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.project = project
        self.heard = heard
        self.leases = Leases(project.folder / "leases.jsonl", seconds)
        self.board = Board(project.loop, self.leases, overlap=overlap, clock=clock)
        self.fault: GoldleafError | None = None  # why training stopped
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._work: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._serve, name="goldleaf-desk", daemon=True),
            threading.Thread(target=self._train, name="goldleaf-training", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    # -- for any thread

    def next(self, source: str, ahead: int = 1, settles: bool = False) -> Future[Hand]:
        """What `source` is to answer next."""
        return self._put(_Call(source, ahead, settles))

    def give(self, give: Give, ahead: int = 1) -> Future[Hand]:
        """Write an answer; done when it is durable, with what comes next."""
        return self._put(_Call(give.source, ahead, give.settles, give))

    def do(self, run: Callable[[Board], Any], source: str = "", ahead: int = 0) -> Future[Any]:
        """Anything else, on the desk's thread; with `ahead`, (its value, the hand then)."""
        return self._put(_Call(source, ahead, False, run=run))

    def close(self) -> None:
        """Finish what waits, then stop; the project stays open. What was acknowledged is in the ledger anyway."""
        self._calls.put(None)
        self._work.put(None)
        self._threads[0].join()
        self._threads[1].join(timeout=0.5)  # a round under way is thrown away; it is a daemon
        self.leases.close()

    def _put(self, call: _Call) -> Future[Any]:
        self._calls.put(call)
        return call.future

    # -- the desk's thread

    def _serve(self) -> None:
        while True:
            calls, on = self._waiting()
            if calls:
                self._answer([call for call in calls if call.give is not None])
                for call in calls:
                    if not call.future.done():
                        self._finish(call, lambda call=call: self._run(call))  # type: ignore[misc]
            with contextlib.suppress(LedgerError):
                if self.board.expire() or calls:
                    self.leases.flush()
                    self.heard(self.board)
            self._start_round()
            if not on:
                return

    def _waiting(self) -> tuple[list[_Call], bool]:
        """All calls that wait, at least one unless a second has passed; False at the end."""
        calls: list[_Call] = []
        try:
            first = self._calls.get(timeout=TICK)
            while first is not None:
                calls.append(first)
                if len(calls) == TOGETHER:
                    return calls, True
                first = self._calls.get_nowait()
        except Empty:
            return calls, True
        return calls, False

    def _answer(self, calls: list[_Call]) -> None:
        """Write all answers; a second one to a question waits for its own transaction."""
        while calls:
            now: list[_Call] = []
            later: list[_Call] = []
            seen: set[int] = set()
            for call in calls:
                assert call.give is not None
                (later if call.give.question in seen else now).append(call)
                seen.add(call.give.question)
            try:
                results = self.board.answers.take([call.give for call in now if call.give is not None])
            except GoldleafError as error:
                results = [error] * len(now)
            for call, result in zip(now, results, strict=True):
                if isinstance(result, GoldleafError):
                    call.future.set_exception(result)
                else:
                    self._finish(call, lambda call=call, saved=result: self._hand(call, saved))  # type: ignore[misc]
            calls = later

    def _finish(self, call: _Call, make: Callable[[], Any]) -> None:
        if not call.future.set_running_or_notify_cancel():
            return
        try:
            call.future.set_result(make())
        except BaseException as error:  # the caller's to handle; the desk goes on
            call.future.set_exception(error)

    def _run(self, call: _Call) -> Any:
        if call.run is None:
            return self._hand(call)
        value = call.run(self.board)
        return (value, self._hand(call)) if call.ahead else value

    def _hand(self, call: _Call, saved: Saved | None = None) -> Hand:
        """An answer that is saved is acknowledged even where no next question can be written now."""
        active = saved is not None or call.run is not None
        try:
            state, questions = self.board.hand(call.source, call.ahead, call.settles, active=active)
        except LedgerError:
            if saved is None:
                raise
            state, questions = "wait", []
        return Hand(state, questions, saved)

    # -- training

    def _start_round(self) -> None:
        try:
            work = self.board.rounds.due()
        except LedgerError as error:
            self.fault = error
            return
        if work is not None:
            self._work.put(work)

    def _train(self) -> None:
        step_back()
        while (work := self._work.get()) is not None:
            try:
                turn, guess = work()
            except Exception as error:
                self.do(lambda board, error=error: self._failed(error))  # type: ignore[misc]
                continue
            self.do(lambda board, turn=turn, guess=guess: self._learned(board, turn, guess))  # type: ignore[misc]

    def _learned(self, board: Board, turn: Turn, guess: Guess | None) -> None:
        """What a round found may not go into the ledger."""
        try:
            board.rounds.learned(turn, guess)
        except Exception as error:
            self._failed(error)
        else:
            self.fault = None

    def _failed(self, error: Exception) -> None:
        """Say it in the status; the next answers start another round."""
        self.fault = (
            error if isinstance(error, GoldleafError) else GoldleafError(f"Training failed: {error!r}.")
        )
        self.board.rounds.working = False


def step_back() -> None:
    """Let this thread work behind the others, where threads have a priority of their own."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
