"""What surrounds every request: the host is ours, the body is small, the reply carries strict headers, a line is logged."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from goldleaf.web.faults import Refusal, shape

log = logging.getLogger("goldleaf.access")
LARGEST = 1_000_000  # bytes of a request's body
DRAINED = 20 * LARGEST  # of a larger one that are read before it is refused
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class TooLarge(Exception): ...


class Shield:
    """Args: hosts: names that a request may be addressed to (against DNS rebinding); None: any."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, started = time.perf_counter(), 0, False

        async def sending(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            headers = Headers(scope=scope)
            self._check(headers)
            await self.app(scope, _limited(receive), sending)
        except Refusal as error:
            if not started:
                await _refuse(sending, error)
        except TooLarge:
            if not started:
                await _drain(receive)
                await _refuse(sending, Refusal(413, f"The request is larger than {LARGEST:,} bytes."))
        finally:
            if log.isEnabledFor(logging.INFO):
                _note(scope, status, time.perf_counter() - began)

    def _check(self, headers: Headers) -> None:
        host = headers.get("host", "")
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        if self.hosts is not None and name.lower() not in self.hosts:
            raise Refusal(
                421,
                f"This server is not {name!r}.",
                do="Open the address that goldleaf serve printed.",
                code="wrong_host",
            )
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > LARGEST:
            raise TooLarge


def _note(scope: Scope, status: int, seconds: float) -> None:
    """A line of the log; never the query: a share link's token is in it."""
    line = {
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "ms": round(1000 * seconds, 1),
    }
    log.info(json.dumps(line))


def _limited(receive: Receive) -> Receive:
    got = 0

    async def receiving() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > LARGEST:
            raise TooLarge
        return message

    return receiving


async def _drain(receive: Receive) -> None:
    """Let the sender finish, within reason: many hear no reply while they send."""
    got = 0
    while got < DRAINED:
        message = await receive()
        got += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return


async def _refuse(send: Send, error: Refusal) -> None:
    body = json.dumps(shape(error)).encode()
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": head})
    await send({"type": "http.response.body", "body": body})
