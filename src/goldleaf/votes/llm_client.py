"""One question to an OpenAI-compatible server, repeated until it is answered or given up.

429, 5xx, lost connections, time-outs and answers that are no JSON are repeated with exponential back-off and jitter; a
`Retry-After` holds all calls back. Any other refusal is final. An answer is in the form that the server can give: with
a JSON schema and log-probabilities, or without, whatever it accepts first.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from goldleaf.errors import VotesError
from goldleaf.votes.llm_prompt import Message
from goldleaf.votes.llm_reply import Reply, parse

if TYPE_CHECKING:
    import httpx

LONGEST = 120.0  # seconds between two tries, whatever the server asks for
ABOUT_THE_FORM = ("response_format", "logprobs", "json_schema")
FINAL = (401, 403, 404)  # the next call would be refused as well


class Passing(Exception):
    """A failure that may pass; `after`: seconds that the server wants to be left alone."""

    def __init__(self, what: str, after: float | None = None) -> None:
        super().__init__(what)
        self.after = after


class Refused(Exception):
    """The server will not answer this request; others it may."""


class GivenUp(Exception):
    """Tried as often as was allowed."""


@dataclass(frozen=True)
class Form:
    """How an answer is asked for. `schema`: the type of `response_format` that carries the schema, or None."""

    schema: str | None
    logprobs: bool


def ladder(structured: bool | None, logprobs: bool | None) -> list[Form]:
    """The forms to try, the best first; None: whatever the server accepts."""
    kinds: dict[bool | None, list[str | None]] = {
        None: ["json_schema", "json_object", None],
        True: ["json_schema", "json_object"],
        False: [None],
    }
    scores = [True, False] if logprobs is None else [logprobs]
    return [Form(schema, score) for schema in kinds[structured] for score in scores]


@dataclass
class Client:
    """A server and how to reach it; may be used from several threads.

    Attributes:
        forms: to try until one is accepted; form: that one, of all later calls.
        timeout: seconds for one whole try, however slowly bytes come in. tries: how often a call is sent at most.
        wait: seconds before the second try, doubled each time. failed: tries without an answer, in all.
    """

    url: str
    key: str | None
    forms: list[Form]
    timeout: float
    tries: int
    wait: float
    connections: int
    failed: int = 0
    form: Form | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    _not_before: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        import httpx

        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        limits = httpx.Limits(max_connections=self.connections, max_keepalive_connections=self.connections)
        self._http = httpx.Client(headers=headers, timeout=self.timeout, limits=limits)

    def close(self) -> None:
        self._http.close()

    def ask(self, body: dict[str, Any], messages: Sequence[Message], schema: dict[str, Any]) -> Reply:
        """The answer to one question.

        Raises:
            GivenUp: no answer in `tries` tries. Refused: the server will not answer this one.
            VotesError: it will not answer any.
        """
        refusal: Refused | None = None
        for form in [self.form] if self.form else self.forms:
            try:
                reply = self._persist(_request(body, messages, schema, form))
            except Refused as error:
                refusal = refusal or error
                continue
            self.form = form
            return reply
        assert refusal is not None
        raise refusal

    def _persist(self, request: dict[str, Any]) -> Reply:
        from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt

        tried = Retrying(
            stop=stop_after_attempt(self.tries),
            wait=self._pause,
            retry=retry_if_exception_type(Passing),
            sleep=self._sleep,
        )
        try:
            answer: Reply = tried(self._once, request)
        except RetryError as error:
            raise GivenUp(f"{error.last_attempt.exception()} ({self.tries} tries)") from error
        return answer

    def _pause(self, state: Any) -> float:
        asked = state.outcome.exception().after
        backed = self.wait * 2 ** (state.attempt_number - 1) * random.uniform(0.5, 1.5)
        return float(min(max(backed, asked or 0.0), LONGEST))

    def _sleep(self, seconds: float) -> None:
        if self.stopping.wait(seconds):
            raise GivenUp("stopped")

    def _once(self, request: dict[str, Any]) -> Reply:
        self._sleep(max(self._not_before - time.monotonic(), 0.0))
        try:
            return self._send(request)
        except Passing as error:
            with self._lock:
                self.failed += 1
                if error.after:
                    until = time.monotonic() + min(error.after, LONGEST)
                    self._not_before = max(self._not_before, until)
            raise

    def _send(self, request: dict[str, Any]) -> Reply:
        import httpx

        begun = time.monotonic()
        try:
            with self._http.stream("POST", self.url, json=request) as answer:
                data = bytearray()
                for piece in answer.iter_bytes():
                    data += piece
                    if time.monotonic() - begun > self.timeout:
                        raise Passing(f"no whole answer in {self.timeout:g} s")
                return self._understood(answer, bytes(data))
        except httpx.TimeoutException as error:
            raise Passing(f"no answer in {self.timeout:g} s") from error
        except httpx.TransportError as error:
            raise Passing(f"{type(error).__name__}: {error}") from error

    def _understood(self, answer: httpx.Response, data: bytes) -> Reply:
        status, text = answer.status_code, data.decode("utf-8", "replace")
        if status >= 500 and any(word in text for word in ABOUT_THE_FORM):
            raise Refused(f"HTTP {status}: {text[:200]}")  # llama-cpp-python's way to say 400
        if status == 429 or status >= 500 or status == 408:
            raise Passing(f"HTTP {status}: {text[:200]}", _seconds(answer.headers.get("Retry-After")))
        if status in FINAL:
            raise VotesError(
                f"{self.url} refused the request with HTTP {status}: {text[:200]}",
                do="Check `base_url`, `model`, and the key in the environment variable that `api_key_env` names.",
            )
        if status != 200:
            raise Refused(f"HTTP {status}: {text[:200]}")
        try:
            return parse(json.loads(text))
        except ValueError as error:
            raise Passing(f"{str(error)[:200]}: {text[:100]!r}") from error


def _request(
    body: dict[str, Any], messages: Sequence[Message], schema: dict[str, Any], form: Form
) -> dict[str, Any]:
    request = {**body, "messages": list(messages)}
    if form.schema == "json_object":  # llama.cpp's; others that know the type leave the schema to the prompt
        request["response_format"] = {"type": "json_object", "schema": schema}
    if form.schema == "json_schema":
        named = {"name": "answer", "strict": True, "schema": schema}
        request["response_format"] = {"type": "json_schema", "json_schema": named}
    if form.logprobs:
        request["logprobs"] = True
    return request


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
