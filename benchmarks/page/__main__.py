"""`python -m benchmarks.page`: the load, the million items, the kills, memory and install size."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Figure, publish
from benchmarks.page.server import Server, make
from goldleaf.ledger.base import Ledger

COMMAND = "python -m benchmarks.page"
PEER = "Label Studio, 10,000 tasks, one client"
SEARCHES = ("no. 99", "w1", "zzz")  # many, very many, none


def load(folder: Path, people: int, seconds: float, think: float) -> dict[str, Any]:
    """Many people answer for a while; what they saw, and whether the ledger agrees."""
    server = Server(folder)
    try:
        sessions = server.people(people)
        running = server.load(sessions, seconds, think)
        heard = json.loads(running.communicate()[0])
        heard["memory"] = server.memory()
    finally:
        server.kill()
    heard["exactly_once"] = exactly_once(folder, heard["acknowledged"])
    return heard


def exactly_once(folder: Path, acknowledged: list[list[int]]) -> bool:
    """Whether every acknowledged answer is in the ledger, and no question has two."""
    with Ledger.open(folder / "ledger.db", write=False) as ledger:
        ledger.check()
        kept = Counter((row.seq, row.question) for row in ledger.rows("votes", "seq", "question"))
        questions = Counter(question for _, question in kept.elements())
    return all(kept[seq, question] == 1 for seq, question in acknowledged) and max(questions.values()) == 1


def kills(folder: Path, times: int) -> tuple[int, float, bool]:
    """(acknowledged answers, seconds of the slowest restart, whether all are in the ledger once)."""
    acknowledged: list[list[int]] = []
    slowest, sessions = 0.0, list[tuple[str, str]]()
    for at in range(times):
        server = Server(folder)
        slowest = max(slowest, server.seconds) if at else 0.0
        sessions = sessions or server.people(10)
        running = server.load(sessions, 60.0)
        time.sleep(3.0)
        server.kill()
        acknowledged += json.loads(running.communicate()[0])["acknowledged"]
    return len(acknowledged), slowest, exactly_once(folder, acknowledged)


def browse(folder: Path) -> dict[str, float]:
    """Milliseconds: the first page, and filtered pages of the table, each as a user meets it first."""
    server = Server(folder)
    try:
        session = server.enter(server.url)
        found = {"open": timed(server, session, "/")}
        while not json.loads(server.open(server.base + "/api/items?limit=1", session)[1])["ready"]:
            time.sleep(0.5)
        for text in SEARCHES:
            query = text.replace(" ", "%20")
            found[f"search {text}"] = timed(server, session, f"/api/items?search={query}&by=none")
        found["table"] = timed(server, session, "/items")
        found["deep"] = timed(server, session, "/api/items?by=none&sort=recent&offset=500000")
        found["memory"] = server.memory()
    finally:
        server.kill()
    return found


def timed(server: Server, session: tuple[str, str], path: str) -> float:
    began = time.perf_counter()
    server.open(server.base + path, session)
    return 1000 * (time.perf_counter() - began)


def install_size() -> float:
    """MB on disk of what the page adds to goldleaf's own needs."""
    names = ("fastapi", "starlette", "uvicorn", "h11", "jinja2", "markupsafe", "pydantic", "pydantic_core")
    names = (
        *names,
        "anyio",
        "argon2",
        "_argon2_cffi_bindings",
        "typing_inspection",
        "annotated_types",
        "click",
    )
    owners = packages_distributions()
    found = {owner for name in names for owner in owners.get(name, ())}
    files = [file for one in found for file in distribution(one).files or ()]
    return sum(Path(str(file.locate())).stat().st_size for file in files if file.locate().is_file()) / 1e6  # type: ignore[attr-defined]


def figures(
    small: dict[str, Any], large: dict[str, float], killed: tuple[int, float, bool], people: int
) -> list[Figure]:
    p95 = float(np.percentile(small["seconds"], 95)) * 1000
    search = max(value for name, value in large.items() if name.startswith("search") or name == "deep")
    count, restart, whole = killed

    def one(
        name: str,
        value: float,
        unit: str,
        target: str = "",
        holds: bool | None = None,
        peer: float | None = None,
    ) -> Figure:
        return Figure(name, value, unit, target, holds, PEER if peer is not None else "", peer, COMMAND)

    return [
        one(f"answer to next question, {people} people, p95", p95, "ms", "< 100", p95 < 100, 228),
        one("the same, median", float(np.median(small["seconds"])) * 1000, "ms", peer=184),
        one("acknowledged answers under load", len(small["seconds"]), "answers"),
        one(
            "of these in the ledger exactly once",
            float(small["exactly_once"]),
            "1 = all",
            "= 1",
            small["exactly_once"],
        ),
        one("faults that people saw", len(small["faults"]), "replies", "= 0", not small["faults"]),
        one("resident memory after the load", small["memory"], "MB", peer=339),
        one("first page of the large project", large["open"], "ms", "< 1000", large["open"] < 1000),
        one("slowest filtered page of its table", search, "ms", "< 300", search < 300),
        one("resident memory of the large project", large["memory"], "MB"),
        one("answers acknowledged before kills", count, "answers"),
        one("of these in the ledger exactly once after kills", float(whole), "1 = all", "= 1", whole),
        one("slowest restart after a kill", restart, "s", "< 3", restart < 3),
        one("what the page adds to the install", install_size(), "MB", peer=995),
    ]


def main() -> None:
    options = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    options.add_argument("--items", type=int, default=100_000, help="of the project under load")
    options.add_argument("--large", type=int, default=1_000_000, help="of the project that is looked at")
    options.add_argument("--people", type=int, default=50)
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--think", type=float, default=0.0, help="seconds a person takes for an answer")
    options.add_argument("--kills", type=int, default=10)
    options.add_argument("--dry", action="store_true", help="print only; for trying it out")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root / "load", asked.items)
        shutil.copytree(root / "load", root / "kills")
        small = load(root / "load", asked.people, asked.seconds, asked.think)
        killed = kills(root / "kills", asked.kills)
        make(root / "large", asked.large)
        large = browse(root / "large")
    found = figures(small, large, killed, asked.people)
    if asked.dry:
        for figure in found:
            print(
                f"{figure.name:<50} {figure.value:>12.5g} {figure.unit:<10} {figure.target:<8} {figure.holds}"
            )
        print({name: round(value, 1) for name, value in large.items()}, file=sys.stderr)
    else:
        publish("page", found)


if __name__ == "__main__":
    main()
