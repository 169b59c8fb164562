"""A real server process and Debian's Chromium; one browser a worker."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

import goldleaf as gl

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text(encoding="utf-8")
LEAST = 20.0  # seconds that a server may take to start on a busy machine
expect.set_options(timeout=60_000)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have Chromium: .ci/run installs it")
        pytest.skip("no Chromium here: apt-get install chromium")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET)) as started,
    ):
        yield started


@dataclass
class Server:
    """A running `goldleaf serve`."""

    folder: Path
    port: int
    process: subprocess.Popen[str]
    entrance: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(LEAST)


def start(folder: Path, port: int | None = None) -> Server:
    """Serves `folder`; returns once the page's address is printed."""
    port = port or _free_port()
    log = folder.parent / f"{folder.name}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "goldleaf", "serve", "-C", str(folder), "--port", str(port)],
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
    until = time.monotonic() + LEAST
    while time.monotonic() < until:
        found = re.search(r"http://\S+\?token=\S+", log.read_text())
        if found and _answers(port):
            return Server(folder, port, process, found[0])
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"no server after {LEAST} s: {log.read_text()}")


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


Serve = Callable[..., Server]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts servers; they end with the test."""
    with ExitStack() as running:

        def run(folder: Path, port: int | None = None) -> Server:
            server = start(folder, port)
            running.callback(server.stop)
            return server

        yield run


Visit = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens a page of a server for a new visitor with its own cookies; whatever the page throws fails the test."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def go(address: str, path: str | None = None, **settings: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **settings})
        contexts.append(context)
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None,
        )
        page.goto(address)
        if path is not None:
            page.goto("/".join(address.split("/", 3)[:3]) + path)
        return page

    yield go
    for context in contexts:
        context.close()
    assert not faults


# -- projects

CLASSES = ("good", "bad")


def make(folder: Path, items: pa.Table, truth: list[int], task: gl.Classify, **target: Any) -> Path:
    """A project whose vectors tell the truth, so that a model learns it at once."""
    classes = len(task.labels)
    rng = np.random.default_rng(0)
    vectors = np.eye(max(classes, 4), dtype=np.float32)[np.array(truth)]
    vectors = vectors + rng.normal(0, 0.05, vectors.shape).astype(np.float32)
    settings = {"error": 0.2, **target}
    gl.Project.create(
        folder, items=items, task=task, target=gl.Target(**settings), vectors=vectors, seed=1
    ).close()
    return folder


def make_reviews(folder: Path, **target: Any) -> Path:
    """Eighty texts, each of which says its label."""
    truth = [number % 2 for number in range(80)]
    texts = pa.table({"review": [f"Number {n} is {CLASSES[kind]}." for n, kind in enumerate(truth)]})
    task = gl.Classify(
        list(CLASSES),
        text="review",
        descriptions={"good": "They would buy it again.", "bad": "They would not."},
    )
    return make(folder, texts, truth, task, **target)


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """A project of eighty texts."""
    return make_reviews(tmp_path / "reviews")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Such a project, served once for all tests of a file that give a few answers at most."""
    folder = make_reviews(tmp_path_factory.mktemp("site") / "reviews")
    (folder / "guidelines.md").write_text("Judge the product, <b>not</b> the shop.")
    server = start(folder)
    yield server
    server.stop()


def enter(page: Page) -> None:
    """Until an item is on the screen."""
    page.wait_for_selector("[data-part=item] .item")


def shown(page: Page) -> str:
    """The text of the item on the screen."""
    return page.locator("[data-part=item] .item").text_content() or ""


def question(page: Page) -> str:
    return page.locator("[data-part=item]").get_attribute("data-question") or ""


def wait_stocked(page: Page) -> None:
    """Until the next item is there too, behind the one on the screen."""
    page.wait_for_selector("[data-part=item]:not([data-behind='0'])[data-behind]", state="attached")


def wait_other(page: Page, before: str) -> None:
    """Until another question is on the screen, or the end."""
    page.wait_for_function(
        """before => {
            const stage = document.querySelector('[data-part=item]');
            return stage.dataset.question !== before && stage.querySelector('.item, .done');
        }""",
        arg=before,
    )


def wait_saved(page: Page) -> None:
    """Until the server has acknowledged every answer that was given here."""
    page.wait_for_function(
        "() => Object.keys(localStorage).every(key => !key.startsWith('goldleaf.outbox.'))"
    )


def serious(page: Page) -> list[str]:
    """What axe calls serious or critical, with the element at fault."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{page.url} {one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def answers(folder: Path) -> list[tuple[int, str, str | None]]:
    """(question, source, label) of the ledger's answers, in order."""
    with gl.Project.open(folder, write=False) as project:
        rows = project.ledger.rows("votes")
        return [(row.question, row.source, row.label) for row in rows if row.answer == "label"]
