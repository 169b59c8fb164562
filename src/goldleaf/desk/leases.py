"""Who holds which open question: nobody else is given it until the lease ends.

Leases are no part of the record. They are written to a small file, so that they outlive a killed process; a power cut
may lose the newest ones, and then the ledger's rule still holds that a question has one answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

SECONDS = 600.0  # a question that nobody touches goes to somebody else after this


@dataclass(frozen=True, slots=True)
class Lease:
    """A person's hold on a question, until a moment in seconds since 1970."""

    person: str
    until: float


class Leases:
    """All leases, in memory and in `path`.

    Args:
        path: a file that this process alone writes. None: in memory only.
        seconds: how long one lasts.
    """

    def __init__(self, path: Path | None, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._held: dict[int, Lease] = {}
        self._of: dict[str, dict[int, None]] = {}  # person → questions, in the order they were given
        self._written: list[str] = []
        if path is not None:
            self._load(path)
        self._file = path.open("w", encoding="utf-8") if path is not None else None
        for question, lease in self._held.items():
            self._note(question, lease)
        self.flush()

    def _load(self, path: Path) -> None:
        if not path.exists():
            return
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                question, person, until = json.loads(line)
            except ValueError:
                continue  # the last line of a killed process
            self._forget(question)
            if person is not None:
                self._hold(question, Lease(person, until))

    def take(self, question: int, person: str, now: float) -> None:
        """Give the question to a person, or let them keep it."""
        self._forget(question)
        lease = Lease(person, now + self.seconds)
        self._hold(question, lease)
        self._note(question, lease)

    def first(self, question: int) -> None:
        """Let it be the first of those its holder has."""
        lease = self._held[question]
        theirs = self._of[lease.person]
        self._of[lease.person] = {question: None, **theirs}

    def drop(self, question: int) -> None:
        """The question is answered or given back."""
        if question in self._held:
            self._forget(question)
            self._note(question, None)

    def holder(self, question: int, now: float) -> str | None:
        """Who holds it now."""
        lease = self._held.get(question)
        return lease.person if lease is not None and lease.until > now else None

    def of(self, person: str) -> list[int]:
        """The questions a person holds, the oldest first; also those whose time is over and that nobody took."""
        return list(self._of.get(person, ()))

    def expired(self, now: float) -> dict[int, str]:
        """Questions whose lease has ended → who had them; they are free from now on."""
        over = {question: lease.person for question, lease in self._held.items() if lease.until <= now}
        for question in over:
            self.drop(question)
        return over

    def all(self) -> list[int]:
        return list(self._held)

    def flush(self) -> None:
        """Hand what is new to the operating system: a killed process loses none of it."""
        if self._file is not None and self._written:
            self._file.write("".join(self._written))
            self._file.flush()
        self._written.clear()

    def close(self) -> None:
        self.flush()
        if self._file is not None:
            self._file.close()

    def _hold(self, question: int, lease: Lease) -> None:
        self._held[question] = lease
        self._of.setdefault(lease.person, {})[question] = None

    def _forget(self, question: int) -> None:
        lease = self._held.pop(question, None)
        if lease is not None:
            self._of[lease.person].pop(question, None)

    def _note(self, question: int, lease: Lease | None) -> None:
        if lease is None:
            self._written.append(f"[{question}, null, 0]\n")
        else:
            self._written.append(f"[{question}, {_quoted(lease.person)}, {lease.until!r}]\n")


@lru_cache(maxsize=1_000)
def _quoted(person: str) -> str:
    return json.dumps(person)
