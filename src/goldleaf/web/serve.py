"""Starting the page on a host and a port, and stopping it without losing anything."""

from __future__ import annotations

import ipaddress
import secrets
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import uvicorn

from goldleaf.desk.desk import Desk
from goldleaf.errors import ConfigError
from goldleaf.project.base import Project
from goldleaf.web.access import Doors
from goldleaf.web.app import build
from goldleaf.web.page import Page

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
SWITCH = 0.0005  # seconds that a round of training may keep the interpreter while an answer waits
GRACE = 5  # seconds for requests under way when the server is asked to stop


@dataclass(frozen=True)
class Where:
    """Where the page listens, and by which address people reach it."""

    host: str = "127.0.0.1"
    port: int = 8765
    public_url: str | None = None

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.public_url is not None:
            return False
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host == "localhost"

    def hosts(self) -> set[str] | None:
        """The names it answers to; any where it listens on all addresses under no name of its own."""
        if self.public_url is not None:
            return {str(urlsplit(self.public_url).hostname).lower(), *LOOPBACK}
        return {self.host.lower(), *LOOPBACK} if self.local else None


def serve(
    project: Project, where: Where, say: Callable[[str, bool], object], *, log_level: str = "info"
) -> None:
    """Serve `project` until the process is told to stop.

    Args:
        say: told the address once it listens: `say(url, public)`.

    Raises:
        ConfigError: others could reach it but nobody is named, or the port is taken.
    """
    _check(project, where)
    listening = _listen(where)
    port = int(listening.getsockname()[1])
    token = secrets.token_urlsafe(24)
    shown = f"[{where.host}]" if ":" in where.host else where.host
    base = (where.public_url or f"http://{shown}:{port}").rstrip("/")
    desk = Desk(project, overlap=project.config.overlap)
    try:
        page = Page(desk, Doors(project.ledger.people, token), base, suggest=project.config.suggest)
        config = uvicorn.Config(
            build(page, where.hosts()),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE,
            proxy_headers=where.public_url is not None,
            lifespan="on",
        )
        server = _Server(config, page)
        sys.setswitchinterval(SWITCH)
        # uvicorn stops in order, then raises the signal again: leave by the front door then
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
        say(f"{base}/?token={token}" if where.local else f"{base}/login", not where.local)
        server.run(sockets=[listening])
    finally:
        desk.close()
        listening.close()


class _Server(uvicorn.Server):
    """Ends the event streams first; they would keep it from stopping."""

    def __init__(self, config: uvicorn.Config, page: Page) -> None:
        super().__init__(config)
        self._page = page

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._page.hub.close()
        await super().shutdown(sockets)


def _check(project: Project, where: Where) -> None:
    url = urlsplit(where.public_url) if where.public_url is not None else None
    if url is not None and (url.scheme not in ("http", "https") or not url.hostname or url.path.strip("/")):
        raise ConfigError(
            f"`--public-url` must be like https://label.example.org, without a path, got {where.public_url!r}."
        )
    people = project.ledger.people.all()
    if not where.local and not any(one.active and one.role == "admin" for one in people):
        raise ConfigError(
            f"Others could reach {where.public_url or where.host}, but no admin is named who may come in.",
            do="Name one: goldleaf people add NAME --role admin",
        )


def _listen(where: Where) -> socket.socket:
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((where.host.strip("[]"), where.port))
        listening.listen(2048)  # from now on a connection waits; it is not refused
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"Cannot listen on {where.host} port {where.port}: {error.strerror or error}.",
            do="Choose another port: goldleaf serve --port 0 takes any free one.",
        ) from None
    return listening
