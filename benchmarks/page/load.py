"""People at the page: each a connection that answers, gets the next question and answers again. A process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Heard:
    """What the people saw: seconds from an answer to the next question, acknowledged answers, faults."""

    seconds: list[float] = field(default_factory=list)
    acknowledged: list[tuple[int, int]] = field(default_factory=list)  # (seq, question)
    waits: int = 0
    faults: list[str] = field(default_factory=list)


class Connection:
    """HTTP/1.1 with keep-alive and a Content-Length, and nothing else."""

    def __init__(self, host: str, port: int, cookie: str, csrf: str) -> None:
        self.host, self.port = host, port
        self.head = f"Host: {host}:{port}\r\nCookie: goldleaf_session={cookie}\r\nX-CSRF-Token: {csrf}\r\n"
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        if self.streams is None:
            self.streams = await asyncio.open_connection(self.host, self.port)
        reader, writer = self.streams
        data = b"" if body is None else json.dumps(body).encode()
        kind = "Content-Type: application/json\r\n" if data else ""
        head = f"{method} {path} HTTP/1.1\r\n{self.head}{kind}Content-Length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        length = next(int(line[15:]) for line in lines if line.startswith("content-length:"))
        return int(lines[0][9:12]), json.loads(await reader.readexactly(length))


async def person(connection: Connection, until: float, think: float, heard: Heard) -> None:
    """Answer until the time is over or the server is gone."""
    try:
        while time.monotonic() < until:
            _, body = await connection.send("GET", "/api/next?ahead=2")
            while body.get("state") == "ask" and time.monotonic() < until:
                if think:
                    await asyncio.sleep(think)
                body = await _answer(connection, body["questions"][0], heard)
            if "error" in body:
                heard.faults.append(str(body["error"]["what"]))
            heard.waits += 1
            await asyncio.sleep(0.01)
    except (OSError, asyncio.IncompleteReadError):
        return


async def _answer(connection: Connection, question: dict[str, Any], heard: Heard) -> dict[str, Any]:
    """An answer that hangs on the item alone, so that two runs agree."""
    position = question["item"]["position"]
    label = ("c0", "c1")[(position * 2654435761 >> 7) & 1]
    said = {"question": question["id"], "answer": "label", "label": label, "seconds": 1.0, "ahead": 2}
    began = time.perf_counter()
    _, body = await connection.send("POST", "/api/answers", said)
    if "saved" in body:
        heard.seconds.append(time.perf_counter() - began)
        heard.acknowledged.append((body["saved"]["seq"], body["saved"]["question"]))
    found: dict[str, Any] = body
    return found


async def run(host: str, port: int, sessions: list[tuple[str, str]], seconds: float, think: float) -> Heard:
    """All people at once."""
    heard, until = Heard(), time.monotonic() + seconds
    people = [Connection(host, port, *session) for session in sessions]
    await asyncio.gather(*(person(one, until, think, heard) for one in people))
    return heard


def main() -> None:
    """Reads {host, port, sessions, seconds, think} from stdin, writes what was heard to stdout."""
    asked = json.load(sys.stdin)
    heard = asyncio.run(run(**asked))
    json.dump(vars(heard), sys.stdout)


if __name__ == "__main__":
    main()
