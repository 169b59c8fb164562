"""An OpenAI-compatible server on this machine that misbehaves on purpose, and counts exactly what it answered."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKENS = (100, 7)  # in, out: of every answered call
Mischief = Callable[["Handler", dict[str, Any], int], bool]
"""Called with the request and how often this item was asked before; True when it has dealt with the call."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer: Callable[[str], str], mischief: Mischief | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.mischief = answer, mischief
        self.lock = threading.Lock()
        self.asked: Counter[str] = Counter()  # tries by item
        self.answered: Counter[str] = Counter()  # whole 200s by item: what a provider bills
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[Any] = []
        self.at_once = self.most_at_once = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None: ...


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        item = item_of(body)
        with self.server.lock:
            before = self.server.asked[item]
            self.server.asked[item] += 1
            self.server.bodies.append(body)
            self.server.headers.append(self.headers)
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)
        try:
            if self.server.mischief is None or not self.server.mischief(self, body, before):
                self.say(json.dumps({"label": self.server.answer(item)}), item)
        finally:
            with self.server.lock:
                self.server.at_once -= 1

    def say(self, content: str | None, item: str, **more: Any) -> None:
        """A whole answer, which is billed."""
        message = {"role": "assistant", "content": content, **more.pop("message", {})}
        choice = {"index": 0, "message": message, "finish_reason": "stop", **more}
        usage = {"prompt_tokens": TOKENS[0], "completion_tokens": TOKENS[1]}
        with self.server.lock:
            self.server.answered[item] += 1
        self.send(200, json.dumps({"choices": [choice], "usage": usage}))

    def send(self, status: int, text: str, **headers: str) -> None:
        data = text.encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def cut(self, text: str) -> None:
        """Promise more bytes than are sent, then hang up."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(text) + 50))
        self.end_headers()
        self.wfile.write(text.encode())
        self.close_connection = True

    def reset(self) -> None:
        """A connection reset instead of an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def dribble(self, seconds: float) -> None:
        """An answer that never ends: a byte now and then."""
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.02)
        self.close_connection = True

    def log_message(self, *_: object) -> None: ...


def item_of(body: dict[str, Any]) -> str:
    """The text between the marks of the last message."""
    content = body["messages"][-1]["content"]
    if not isinstance(content, str):
        return str(content[1]["image_url"]["url"])
    return content.split("\n", 1)[1].rsplit("\n", 1)[0]


@contextmanager
def serving(answer: Callable[[str], str], mischief: Mischief | None = None) -> Iterator[Server]:
    server = Server(answer, mischief)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
