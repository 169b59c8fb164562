"""A real server process, and a client that speaks to it as a browser would."""

from __future__ import annotations

import json
import re
import resource
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPResponse
from pathlib import Path
from typing import Any


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = self.json["error"]
        return found


@dataclass
class Client:
    """One browser: a cookie, a CSRF token."""

    base: str
    cookie: str = ""
    csrf: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        sent = {**self.headers, **headers}
        if self.cookie:
            sent.setdefault("Cookie", f"goldleaf_session={self.cookie}")
        if self.csrf and method != "GET":
            sent.setdefault("X-CSRF-Token", self.csrf)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(self.base + path, data, sent, method=method)
        try:
            found: HTTPResponse = urllib.request.build_opener(_Stay).open(request, timeout=30)
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, dict(error.headers), error.read())
        with found:
            return Reply(found.status, dict(found.headers), found.read())

    def get(self, path: str, **headers: str) -> Reply:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Reply:
        return self.send("POST", path, body, **headers)

    def enter(self, path: str) -> Client:
        """Come in by a token's address."""
        reply = self.get(path)
        assert reply.status == 303, reply.body
        self.cookie = re.search(r"goldleaf_session=([^;]+)", reply.headers["set-cookie"])[1]  # type: ignore[index]
        page = self.get("/").body.decode()
        self.csrf = re.search(r'"csrf": ?"([0-9a-f]+)"', page)[1]  # type: ignore[index]
        return self


def _limit(size: int) -> None:
    """No file may grow beyond `size` bytes: what a full disk does to a process."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


class Server:
    """`goldleaf serve` in a process of its own."""

    def __init__(self, folder: Path, *options: str, largest_file: int | None = None) -> None:
        began = time.monotonic()
        command = [sys.executable, "-m", "goldleaf", "serve", "-C", str(folder), "--port", "0", *options]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=None if largest_file is None else lambda: _limit(largest_file),
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            assert self.process.stderr is not None
            raise AssertionError(self.process.communicate()[1])
        self.base, _, self.entry = self.url.partition("/?")
        assert Client(self.base).get("/healthz").status == 200
        self.seconds = time.monotonic() - began

    def client(self) -> Client:
        """The owner's browser."""
        return Client(self.base).enter(f"/?{self.entry}")

    def stop(self) -> tuple[int, str]:
        """Ask it to stop; (exit code, what it said on stderr)."""
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=20)
        return self.process.returncode, said

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.kill()
