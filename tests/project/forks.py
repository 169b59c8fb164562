"""Processes to kill: one interpreter imports goldleaf once and forks a child for each job.

Run as `python -m tests.project.forks`; a line of JSON on stdin, `[[job, argument …], …]`, starts the jobs at once,
and "gone" on stdout says that all have ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from goldleaf.errors import LedgerLocked
from goldleaf.project.base import Project
from goldleaf.schema import Item
from tests.helpers import world


class Forks:
    """The other end of this module's main loop."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def start(self, *jobs: list[object]) -> list[int]:
        """Start the jobs; their process ids, once each has begun."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(jobs) + "\n")
        self.process.stdin.flush()
        return [int(self.process.stdout.readline().split()[1]) for _ in jobs]

    def line(self) -> str:
        """The next line that a job prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def wait(self) -> list[str]:
        """What the jobs printed until all were gone."""
        assert self.process.stdout is not None
        lines = []
        while (line := self.process.stdout.readline()) != "gone\n":
            assert line, "the forking process itself ended"
            lines.append(line)
        return lines


@contextmanager
def forks() -> Iterator[Forks]:
    one_thread = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS")}  # threads do not survive a fork
    with subprocess.Popen(
        [sys.executable, "-m", "tests.project.forks"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **one_thread},
    ) as process:
        yield Forks(process)
        assert process.stdin is not None
        process.stdin.close()


def kill(pid: int) -> None:
    """At once, unless it has ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def say(*words: str) -> None:
    """A line in one piece, so that no kill leaves half of it."""
    os.write(1, f"{' '.join(words)}\n".encode())


def label(folder: str, items: int) -> None:
    """Label slowly; being called again acknowledges the answer before."""
    some = world(items)
    before: list[str] = []

    def person(item: Item) -> str:
        if before:
            say("kept", before.pop())
        time.sleep(0.004)
        before.append(item.id)
        return some.person(item)

    with Project.open(folder) as project:
        project.label(person)


def create(folder: str, items: int) -> None:
    world(items).project(Path(folder)).close()
    say("made")


def race(folder: str, items: int, name: str, answers: int) -> None:
    """Give `answers`, three at a time, whenever nobody else is writing."""
    some, given = world(items), 0
    while given < answers:
        try:
            with Project.open(folder) as project:
                project.label(some.person, source=f"human:{name}", limit=3)
                given += 3
        except LedgerLocked:
            continue
    say("given", str(given))


JOBS = {"label": label, "create": create, "race": race}


def main() -> None:
    for line in sys.stdin:
        children = []
        for name, *arguments in json.loads(line):
            child = os.fork()
            if child == 0:
                os.write(1, f"started {os.getpid()}\n".encode())
                JOBS[name](*arguments)
                os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
        os.write(1, b"gone\n")


if __name__ == "__main__":
    main()
