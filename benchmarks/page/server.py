"""A project of made-up items, and the real server for it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from goldleaf.project.base import Project
from goldleaf.task import Classify, Target

WORDS = 12


def make(folder: Path, items: int, seed: int = 0) -> None:
    """A project of `items` texts, with vectors that say next to nothing: it does not end while people answer."""
    rng = np.random.default_rng(seed)
    words = np.array([f"w{at:x}" for at in rng.integers(0, 1 << 20, 20_000)])
    texts = [" ".join(words[rng.integers(0, len(words), WORDS)]) + f" no. {at}" for at in range(items)]
    vectors = rng.normal(size=(items, 32)).astype(np.float32)
    Project.create(
        folder,
        items=pa.table({"text": texts}),
        task=Classify(["c0", "c1"], text="text"),
        target=Target(error=0.01),
        vectors=vectors,
        seed=seed,
    ).close()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Server:
    """`goldleaf serve` as a user starts it; `seconds` until it answers."""

    def __init__(self, folder: Path) -> None:
        began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "goldleaf", "serve", "-C", str(folder), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        self.base, _, self.entry = self.url.partition("/?")
        self.port = int(self.base.rsplit(":", 1)[1])
        self.open(self.base + "/healthz")
        self.seconds = time.monotonic() - began

    def open(
        self, url: str, session: tuple[str, str] | None = None, body: Any = None
    ) -> tuple[dict[str, str], bytes]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if session is not None:
            headers |= {"Cookie": f"goldleaf_session={session[0]}", "X-CSRF-Token": session[1]}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers)
        try:
            with urllib.request.build_opener(_Stay).open(request, timeout=60) as reply:
                return dict(reply.headers), reply.read()
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 303:
                    raise
                return dict(error.headers), b""

    def enter(self, url: str) -> tuple[str, str]:
        """(cookie, csrf) of whoever comes in by this address."""
        headers, _ = self.open(url)
        cookie = headers["set-cookie"].split("=", 1)[1].split(";")[0]
        _, page = self.open(self.base + "/progress", (cookie, ""))
        found = re.search(r'"csrf": ?"([0-9a-f]+)"', page.decode())
        assert found is not None
        return cookie, found[1]

    def people(self, count: int, prefix: str = "p") -> list[tuple[str, str]]:
        """Sessions of so many named people."""
        owner = self.enter(self.url)
        links = [
            json.loads(self.open(self.base + "/api/people", owner, {"name": f"{prefix}{at}"})[1])["link"]
            for at in range(count)
        ]
        return [self.enter(link) for link in links]

    def memory(self) -> float:
        """Resident, in MB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", text)
        return int(found[1]) / 1000 if found else float("nan")

    def load(
        self, sessions: list[tuple[str, str]], seconds: float, think: float = 0.0
    ) -> subprocess.Popen[str]:
        """People at work, in a process of their own."""
        started = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.page.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        asked = {
            "host": "127.0.0.1",
            "port": self.port,
            "sessions": sessions,
            "seconds": seconds,
            "think": think,
        }
        assert started.stdin is not None
        json.dump(asked, started.stdin)
        started.stdin.close()
        started.stdin = None
        return started

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
