"""Who may come in: share links, passwords, sessions. Secrets are kept as hashes, and never logged."""

from __future__ import annotations

import getpass
import hashlib
import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from goldleaf.errors import ConfigError, names
from goldleaf.ledger.people import People, Person, Session

ROLES = ("admin", "reviewer", "annotator")
DAYS = 30.0  # a session lasts so long
TRIES, WINDOW = 5, 60.0  # failed log-ins for one name or from one address within so many seconds
FRESH = 10.0  # seconds that a session is taken from memory
LEAST = 8  # characters of a password


@dataclass(frozen=True)
class User:
    """Who is asking. `source`: as the ledger names them. `csrf`: what their pages send with each change."""

    name: str
    role: str
    csrf: str
    token: str = field(repr=False)

    @property
    def source(self) -> str:
        return f"human:{self.name}"

    @property
    def reviews(self) -> bool:
        return self.role in ("admin", "reviewer")


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_of(token: str) -> str:
    return hmac.new(token.encode(), b"goldleaf csrf", hashlib.sha256).hexdigest()[:32]


def owner() -> str:
    """What the person at this machine is called."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "owner"


def hashed(password: str) -> str:
    """Argon2id, with the library's parameters of today."""
    if len(password) < LEAST:
        raise ConfigError(f"A password needs at least {LEAST} characters, got {len(password)}.")
    from argon2 import PasswordHasher

    return PasswordHasher().hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Whether it is the password; takes as long where there is none."""
    from argon2 import PasswordHasher
    from argon2.exceptions import Argon2Error, InvalidHashError

    hasher = PasswordHasher()
    if kept is None:
        hasher.hash(password)
        return False
    try:
        return hasher.verify(kept, password)
    except (Argon2Error, InvalidHashError):
        return False


class Doors:
    """Log-ins and sessions over `people`.

    Args:
        owner_token: of the address that is printed at the start; it lets the machine's owner in.
    """

    def __init__(self, people: People, owner_token: str, *, clock: Callable[[], float] = time.time) -> None:
        self.people = people
        self._owner = digest(owner_token)
        self.clock = clock
        self._known: dict[str, tuple[float, User | None]] = {}
        self._failed: dict[str, deque[float]] = {}

    # -- coming in; each returns the session's token

    def by_owner_token(self, token: str) -> str | None:
        if not hmac.compare_digest(digest(token), self._owner):
            return None
        return self._open(owner(), "admin")

    def by_link(self, token: str) -> str | None:
        person = self.people.by_link(digest(token))
        return self._open(person.name, None) if person is not None and person.active else None

    def by_password(self, name: str, password: str) -> str | None:
        person = self.people.find(name)
        right = matches(person.password if person is not None and person.active else None, password)
        return self._open(name, None) if right else None

    def _open(self, name: str, role: str | None) -> str:
        token = secrets.token_urlsafe(32)
        now = self.clock()
        self.people.close_sessions(before=now)
        self.people.open_session(Session(digest(token), name, role, now + DAYS * 86_400))
        return token

    def close(self, token: str) -> None:
        self.people.close_session(digest(token))
        self._known.pop(digest(token), None)

    def shut(self, name: str) -> None:
        """End all of a person's sessions."""
        self.people.close_sessions(name)
        self._known.clear()

    # -- being in

    def remembered(self, token: str) -> tuple[bool, User | None]:
        """(known lately, the user then), without a look at the database."""
        found = self._known.get(digest(token))
        return (True, found[1]) if found and self.clock() - found[0] < FRESH else (False, None)

    def user(self, token: str) -> User | None:
        """Whose session it is; None where it has ended, or the person may not come in any more."""
        known, user = self.remembered(token)
        if known:
            return user
        user = self._look(token)
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[digest(token)] = (self.clock(), user)
        return user

    def _look(self, token: str) -> User | None:
        session = self.people.session(digest(token))
        if session is None or session.until < self.clock():
            return None
        role = session.role
        if role is None:
            person = self.people.find(session.name)
            if person is None or not person.active:
                return None
            role = person.role
        return User(session.name, role, csrf_of(token), token)

    # -- too many tries

    def wait(self, *keys: str) -> float:
        """Seconds until another try; 0 where it may come now."""
        now, longest = self.clock(), 0.0
        for key in keys:
            tries = self._failed.get(key, deque())
            while tries and now - tries[0] > WINDOW:
                tries.popleft()
            if len(tries) >= TRIES:
                longest = max(longest, WINDOW - (now - tries[0]))
        return longest

    def failed(self, *keys: str) -> None:
        if len(self._failed) > 10_000:
            self._failed.clear()
        for key in keys:
            self._failed.setdefault(key, deque(maxlen=TRIES)).append(self.clock())


# -- changing people


def check_name(name: str) -> str:
    if not (0 < len(name) <= 64) or not name.isprintable() or name != name.strip() or ":" in name:
        raise ConfigError(f"A name is 1 to 64 printable characters without a colon, got {name!r}.")
    return name


def check_role(role: str) -> str:
    if role not in ROLES:
        raise ConfigError(f"Unknown role {role!r}; allowed: {names(ROLES)}.")
    return role


def add_person(people: People, name: str, role: str, password: str | None = None) -> str:
    """A new person; the token of their share link, which nobody can read again."""
    check_name(name)
    if people.find(name) is not None:
        raise ConfigError(
            f"There is a person {name!r} already.", do="Choose another name, or make a new link."
        )
    token = secrets.token_urlsafe(32)
    kept = hashed(password) if password is not None else None
    people.add(Person(name, check_role(role), True, kept, digest(token)))
    return token


def new_link(people: People, name: str) -> str:
    """A new share link; the old one ends."""
    must_find(people, name)
    token = secrets.token_urlsafe(32)
    people.change(name, link=digest(token))
    return token


def change_person(people: People, name: str, changes: dict[str, Any]) -> Person:
    """Set role, active or password."""
    must_find(people, name)
    values = {key: value for key, value in changes.items() if value is not None}
    if "role" in values:
        check_role(values["role"])
    if "password" in values:
        values["password"] = hashed(values["password"])
    if values:
        people.change(name, **values)
    return must_find(people, name)


def must_find(people: People, name: str) -> Person:
    person = people.find(name)
    if person is None:
        raise ConfigError(f"There is no person {name!r}.", do="Add one: goldleaf people add NAME")
    return person
