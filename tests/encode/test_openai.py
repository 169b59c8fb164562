"""Against a real HTTP server on this machine."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pyarrow as pa
import pytest

from goldleaf.encode.names import build
from goldleaf.errors import EncodeError

from .support import one_batch


class Server(HTTPServer):
    """Answers from `script` (status, headers, body) while it lasts, then with honest embeddings."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[tuple[int, dict[str, str], bytes]] = []
        self.requests: list[tuple[str, dict, str | None]] = []

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, body, self.headers["Authorization"]))
        if self.server.script:
            status, headers, answer = self.server.script.pop(0)
        else:
            rows = [{"index": i, "embedding": [len(text), i]} for i, text in enumerate(body["input"])]
            status, headers, answer = 200, {}, json.dumps({"data": rows[::-1]}).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(answer))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _encode(server: Server, texts, **arguments) -> np.ndarray:
    encoder = build(
        "openai:tiny", fields=("text",), base_url=server.base_url, wait=0.001, timeout=5.0, **arguments
    )
    return encoder.encode(one_batch(pa.table({"text": texts})))


def test_rows_come_back_in_order_batch_by_batch(server, monkeypatch) -> None:
    monkeypatch.setenv("MY_KEY", "secret")
    vectors = _encode(server, ["a", "bb", "", "dddd", "e" * 5], batch=2, api_key_env="MY_KEY", dimensions=2)
    assert vectors.tolist() == [[1, 0], [2, 1], [1, 0], [4, 1], [5, 0]]
    assert vectors.dtype == np.float32
    path, body, authorization = server.requests[0]
    assert (path, authorization) == ("/v1/embeddings", "Bearer secret")
    assert body == {"model": "tiny", "input": ["a", "bb"], "encoding_format": "float", "dimensions": 2}
    assert [len(request[1]["input"]) for request in server.requests] == [2, 2, 1]


def test_it_tries_again_after_429_and_5xx(server, monkeypatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server.script = [(429, {"Retry-After": "0"}, b"slow down"), (503, {}, b"later")]
    assert _encode(server, ["abc"]).tolist() == [[3, 0]]
    assert len(server.requests) == 3
    assert server.requests[0][2] is None


@pytest.mark.parametrize("after", ["0.4", "1"])
def test_it_waits_as_long_as_the_server_asks(server, after) -> None:
    server.script = [(429, {"Retry-After": after}, b"slow down")]
    begun = time.monotonic()
    _encode(server, ["abc"])
    assert time.monotonic() - begun >= float(after)


def test_it_gives_up_and_says_so(server) -> None:
    server.script = [(500, {}, b"broken")] * 3
    with pytest.raises(
        EncodeError, match=r"/v1/embeddings failed, the last time with HTTP 500: broken \(3 tries\)\nWhat was"
    ):
        _encode(server, ["abc"], retries=2)


def test_a_refusal_is_not_repeated(server) -> None:
    server.script = [(401, {}, b'{"error": "wrong key"}')]
    with pytest.raises(EncodeError, match=r'refused the request with HTTP 401: \{"error": "wrong key"\}'):
        _encode(server, ["abc"])
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"<html>", "did not answer with embeddings: '<html>'"),
        (b'{"object": "list"}', "did not answer with embeddings"),
        (b'{"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1, 2]}]}', "embeddings"),
        (b'{"data": [{"index": 0, "embedding": [1]}]}', r"answered \(1, 1\) numbers for 2 texts"),
    ],
)
def test_answers_that_are_no_embeddings(server, answer, message) -> None:
    server.script = [(200, {}, answer)]
    with pytest.raises(EncodeError, match=message):
        _encode(server, ["a", "b"])


def test_a_server_that_is_not_there() -> None:
    with HTTPServer(("127.0.0.1", 0), Handler) as free:
        port = free.server_port
    encoder = build(
        "openai:x", fields=("text",), base_url=f"http://127.0.0.1:{port}/v1", retries=1, wait=0.001
    )
    with pytest.raises(EncodeError, match=r"failed, the last time with ConnectError: .*refused \(2 tries\)"):
        encoder.encode(one_batch(pa.table({"text": ["a"]})))


def test_the_public_server_needs_a_key(monkeypatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(EncodeError, match="the environment variable `OPENAI_API_KEY` is not set"):
        build("openai:text-embedding-3-small", fields=("text",))
    with pytest.raises(EncodeError, match="must start with http"):
        build("openai:x", fields=("text",), base_url="file:///etc")


def test_model_and_server_make_the_fingerprint(server) -> None:
    url = server.base_url
    made = [
        build(f"openai:{name}", fields=("text",), base_url=url + end) for name in "ab" for end in ("", "/x")
    ]
    assert len({encoder.fingerprint for encoder in made}) == 4
