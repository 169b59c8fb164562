"""Requests over real sockets: what is sent again, how long is waited, and when it is given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from goldleaf import posting
from goldleaf.posting import Answer, GivenUp, Passing, Server

Script = list[Callable[[BaseHTTPRequestHandler], None]]


def say(status: int, text: str = "", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(text))}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(text.encode())

    return answer


def dribble(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(40):
        handler.wfile.write(b" ")
        time.sleep(0.02)


@contextmanager
def serving(script: Script) -> Iterator[tuple[str, list[float]]]:
    """A server that does what `script` says, then answers "fine"; its address and when it was asked."""
    asked: list[float] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(time.monotonic())
            (script.pop(0) if script else say(200, "fine"))(self)

        def log_message(self, *_: object) -> None: ...

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None: ...

    with Quiet(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{served.server_port}", asked
        finally:  # a closed socket under a running loop would spin for ever
            served.shutdown()
            thread.join()


def text_of(answer: Answer) -> str:
    answer.check_passing()
    return f"{answer.status} {answer.text}"


def post(script: Script, **settings: float) -> tuple[str, list[float]]:
    given = {"timeout": 5.0, "tries": 4, "wait": 0.001, **settings}
    with serving(script) as (url, asked), Server(url, None, **given) as server:  # type: ignore[arg-type]
        return server.post({}, text_of), asked


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_may_pass_is_sent_again(status: int) -> None:
    found, asked = post([say(status)] * 3)
    assert (found, len(asked)) == ("200 fine", 4)


@pytest.mark.parametrize("status", [301, 400, 401, 422])
def test_other_answers_are_the_callers_to_judge(status: int) -> None:
    found, asked = post([say(status, "no")])
    assert (found, len(asked)) == (f"{status} no", 1)


def test_the_pause_doubles_with_jitter() -> None:
    _, asked = post([say(500)] * 3, wait=0.1)
    pauses = np.diff(asked)
    for pause, shortest in zip(pauses, (0.05, 0.1, 0.2), strict=True):
        assert pause >= shortest


@pytest.mark.parametrize("form", ["seconds", "a fraction", "a date"])
def test_retry_after_goes_before_a_shorter_pause(form: str) -> None:
    after = {"seconds": "1", "a fraction": "0.5"}.get(form) or formatdate(time.time() + 2, usegmt=True)
    _, asked = post([say(429, Retry_After=after)])
    assert asked[1] - asked[0] >= 0.5  # a date has no fractions of a second


def test_no_server_makes_anyone_wait_longer_than_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "LONGEST", 0.05)
    found, asked = post([say(429, Retry_After="86400"), say(503, Retry_After="soon")], wait=10.0)
    assert found == "200 fine" and asked[2] - asked[0] < 5


def test_retry_after_holds_back_the_other_threads_too() -> None:
    with (
        serving([say(429, Retry_After="0.5")]) as (url, asked),
        Server(url, None, 5.0, 4, 0.001, 2) as server,
    ):
        first = threading.Thread(target=server.post, args=({}, text_of))
        first.start()
        while not server.failed:
            time.sleep(0.005)
        server.post({}, text_of)
        first.join()
        assert min(asked[1:]) - asked[0] >= 0.5 and len(asked) == 3


def test_slow_answers_are_cut_at_the_timeout() -> None:
    begun = time.monotonic()
    found, asked = post([dribble], timeout=0.2)
    assert (found, len(asked)) == ("200 fine", 2) and time.monotonic() - begun < 5


def test_it_gives_up_and_says_with_what() -> None:
    with pytest.raises(GivenUp, match=r"^HTTP 503: busy \(2 tries\)$"):
        post([say(503, "busy")] * 2, tries=2)


def test_the_caller_may_ask_again_and_failed_tries_are_counted() -> None:
    def fussy(answer: Answer) -> str:
        if answer.text != "fine":
            raise Passing("not understood")
        return answer.text

    with serving([say(200, "garbage")] * 2) as (url, asked), Server(url, None, 5.0, 4, 0.001) as server:
        assert server.post({}, fussy) == "fine" and (server.failed, len(asked)) == (2, 3)


def test_one_that_is_stopped_waits_for_nothing() -> None:
    with serving([say(429, Retry_After="60")]) as (url, _), Server(url, None, 5.0, 4, 0.001) as server:
        threading.Timer(0.2, server.stopping.set).start()
        begun = time.monotonic()
        with pytest.raises(GivenUp, match="stopped"):
            server.post({}, text_of)
        assert time.monotonic() - begun < 10
