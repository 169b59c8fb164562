"""JSON posted to a server until it is answered, or given up: what embeddings and LLMs share.

429, 408, 5xx, lost connections and time-outs are repeated with exponential back-off and jitter; a `Retry-After` holds
all calls to the server back. What any other answer means is the caller's to say.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    import httpx

LONGEST = 120.0  # seconds between two tries, whatever the server asks for
Understood = TypeVar("Understood")


class Passing(Exception):
    """A failure that may pass; `after`: seconds that the server wants to be left alone."""

    def __init__(self, what: str, after: float | None = None) -> None:
        super().__init__(what)
        self.after = after


class GivenUp(Exception):
    """Tried as often as was allowed."""


@dataclass(frozen=True)
class Answer:
    """What a server said; `after`: its `Retry-After` in seconds."""

    status: int
    text: str
    after: float | None

    def __str__(self) -> str:
        return f"HTTP {self.status}: {self.text[:200]}"

    def check_passing(self) -> None:
        """Raise Passing where the same request may be answered later."""
        if self.status in (408, 429) or self.status >= 500:
            raise Passing(str(self), self.after)


@dataclass
class Server:
    """A server and how to reach it; may be used from several threads.

    Attributes:
        timeout: seconds for one whole try, however slowly bytes come in. tries: how often a request is sent at most.
        wait: seconds before the second try, doubled each time. connections: at a time.
        failed: tries without an answer, in all. stopping: once set, nothing is waited for any more.
    """

    url: str
    key: str | None
    timeout: float
    tries: int
    wait: float
    connections: int = 1
    failed: int = field(default=0, init=False)
    stopping: threading.Event = field(default_factory=threading.Event, init=False)
    _not_before: float = field(default=0.0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @cached_property
    def _http(self) -> httpx.Client:
        import httpx

        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        limits = httpx.Limits(max_connections=self.connections, max_keepalive_connections=self.connections)
        return httpx.Client(headers=headers, timeout=self.timeout, limits=limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def post(self, body: dict[str, Any], understand: Callable[[Answer], Understood]) -> Understood:
        """What `understand` makes of the answer to `body`; it raises Passing where another try may do better.

        Raises:
            GivenUp: no such answer in `tries` tries. Whatever else `understand` raises.
        """
        from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt

        tried = Retrying(
            stop=stop_after_attempt(self.tries),
            wait=self._pause,
            retry=retry_if_exception_type(Passing),
            sleep=self._sleep,
        )
        try:
            found: Understood = tried(self._once, body, understand)
        except RetryError as error:
            raise GivenUp(f"{error.last_attempt.exception()} ({self.tries} tries)") from error
        return found

    def _pause(self, state: Any) -> float:
        asked = state.outcome.exception().after
        backed = self.wait * 2 ** (state.attempt_number - 1) * random.uniform(0.5, 1.5)
        return float(min(max(backed, asked or 0.0), LONGEST))

    def _sleep(self, seconds: float) -> None:
        if self.stopping.wait(seconds):
            raise GivenUp("stopped")

    def _once(self, body: dict[str, Any], understand: Callable[[Answer], Understood]) -> Understood:
        self._sleep(max(self._not_before - time.monotonic(), 0.0))
        try:
            return understand(self._send(body))
        except Passing as error:
            with self._lock:
                self.failed += 1
                if error.after:
                    until = time.monotonic() + min(error.after, LONGEST)
                    self._not_before = max(self._not_before, until)
            raise

    def _send(self, body: dict[str, Any]) -> Answer:
        import httpx

        begun = time.monotonic()
        try:
            with self._http.stream("POST", self.url, json=body) as answer:
                data = bytearray()
                for piece in answer.iter_bytes():
                    data += piece
                    if time.monotonic() - begun > self.timeout:
                        raise Passing(f"no whole answer in {self.timeout:g} s")
        except httpx.TimeoutException as error:
            raise Passing(f"no answer in {self.timeout:g} s") from error
        except httpx.TransportError as error:
            raise Passing(f"{type(error).__name__}: {error}") from error
        after = _seconds(answer.headers.get("Retry-After"))
        return Answer(answer.status_code, data.decode("utf-8", "replace"), after)


def _seconds(text: str | None) -> float | None:
    """`Retry-After`, in seconds or as a date."""
    if not text:
        return None
    try:
        return max(float(text), 0.0)
    except ValueError:
        from email.utils import parsedate_to_datetime

        try:
            return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
        except ValueError:
            return None
