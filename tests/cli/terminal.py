"""`goldleaf` in this process, and in a real terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from goldleaf.cli.app import app
from goldleaf.cli.show import run


@dataclass(frozen=True)
class Ran:
    """What a command left: its exit code, and what it printed."""

    code: int
    out: str
    err: str


class Cli:
    """Calls `goldleaf` as its script would, without the seconds of a new interpreter."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, *arguments: object) -> Ran:
        self.monkeypatch.setattr(sys, "argv", ["goldleaf", *map(str, arguments)])
        self.capsys.readouterr()
        code = 0
        try:
            run(app)
        except SystemExit as ended:
            code = int(ended.code or 0)
        printed = self.capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        assert "did not expect" not in printed.err
        return Ran(code, printed.out, printed.err)


CLEAR = "\x1b[2J\x1b[H"


class Screen:
    """A person's side of a terminal: `press` keys, `see` text."""

    def __init__(self, process: subprocess.Popen[bytes], end: int) -> None:
        self.process, self.end = process, end
        self.text = ""

    def see(self, wanted: str, seconds: float = 20) -> str:
        """What came up to and with `wanted` (a regular expression); what follows it stays for the next time."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(wanted, self.text)):
            left = deadline - time.monotonic()
            assert left > 0, f"never saw {wanted!r}; the screen says:\n{self.text}"
            if select.select([self.end], [], [], left)[0]:
                try:
                    self.text += os.read(self.end, 65536).decode(errors="replace").replace("\r\n", "\n")
                except OSError:  # the process ended
                    assert re.search(wanted, self.text), f"ended without {wanted!r}:\n{self.text}"
        seen, self.text = self.text[: found.end()], self.text[found.end() :]
        return seen

    def press(self, key: str) -> None:
        """One key, once the terminal waits for one: what is typed before the question is up does not count."""
        deadline = time.monotonic() + 20
        while termios.tcgetattr(self.end)[3] & termios.ICANON:
            assert time.monotonic() < deadline, f"never waited for a key; the screen says:\n{self.text}"
            time.sleep(0.002)
        os.write(self.end, key.encode())

    def type(self, line: str) -> None:
        """A line, once the prompt for it is up."""
        self.see(r"part of its name is enough\): ")
        os.write(self.end, f"{line}\n".encode())

    def question(self) -> str:
        """The next question as it stands on the cleared screen, without colours."""
        shown = self.see(r"q stop.*\n")
        return re.sub(r"\x1b\[[0-9;]*m", "", shown.rsplit(CLEAR, 1)[-1])


@contextmanager
def screen(*arguments: object) -> Iterator[Screen]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from goldleaf.cli.app import main; main()", *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
        preexec_fn=_own_terminal,
    )
    os.close(theirs)
    try:
        yield Screen(process, ours)
        assert process.wait(20) is not None
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _own_terminal() -> None:
    """Make the terminal the controlling one, so that /dev/tty is it."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
