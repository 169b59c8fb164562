"""Real parts where users have them: a throw-away PostgreSQL, and no network."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("goldleaf", deadline=None)  # a busy machine is no fault
settings.load_profile("goldleaf")
# Without bytecode on disk each command that a test starts would compile goldleaf anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an empty server on a Unix socket; it ends with the session."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = str(binaries[-1].parent) if binaries else os.path.dirname(shutil.which("initdb") or "")
    if not found:
        if os.environ.get("CI"):
            pytest.fail("CI must have PostgreSQL: .ci/run installs it")
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    root = Path("/tmp") / f"goldleaf-pg-{os.getpid()}"  # a socket's path must be short
    root.mkdir(mode=0o777)
    root.chmod(0o777)
    user = ["runuser", "-u", _unprivileged(), "--"] if os.geteuid() == 0 else []
    data = root / "data"
    port = _free_port()
    run = {"check": True, "capture_output": True, "cwd": "/"}
    subprocess.run(
        [*user, f"{found}/initdb", "-D", str(data), "-U", "goldleaf", "-A", "trust", "--no-sync"], **run
    )
    options = f"-k {root} -p {port} -c listen_addresses=''"
    subprocess.run(
        [*user, f"{found}/pg_ctl", "-D", str(data), "-l", str(root / "log"), "-w", "-o", options, "start"],
        **run,
    )
    yield f"postgresql://goldleaf@/postgres?host={root}&port={port}"
    subprocess.run([*user, f"{found}/pg_ctl", "-D", str(data), "-m", "immediate", "stop"], **run)
    shutil.rmtree(root)


def _unprivileged() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def database(postgres: str) -> str:
    """The URL of an empty database of this test's own."""
    import psycopg

    name = f"test_{os.urandom(6).hex()}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    return postgres.replace("/postgres?", f"/{name}?")
