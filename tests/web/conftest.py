"""A served project for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import World, world
from tests.web.server import Client, Server


@pytest.fixture(scope="module")
def served_world() -> World:
    return world(400, 2, noise=0.8)


@pytest.fixture(scope="module")
def folder(served_world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("served") / "shop"
    served_world.project(made).close()
    return made


@pytest.fixture(scope="module")
def log(folder: Path) -> Path:
    return folder.parent / "access.log"


@pytest.fixture(scope="module")
def server(folder: Path, log: Path) -> Iterator[Server]:
    with Server(folder, "--log", str(log)) as running:
        yield running


@pytest.fixture
def owner(server: Server) -> Client:
    return server.client()
