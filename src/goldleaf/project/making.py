"""A new project's folder: all of it or nothing of it, and nobody else's files touched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from goldleaf.errors import ConfigError
from goldleaf.project.config import FILE
from goldleaf.project.encoder import OWN

UNFINISHED = ".goldleaf-unfinished"  # while it is there, and no goldleaf.toml, what is beside it is nobody's


@contextmanager
def making(folder: Path, ledger: str) -> Iterator[None]:
    """Make a project inside the block; an error removes what was made, and so does the run after a kill.

    Raises:
        ConfigError: the folder is a project, holds files where the project's would go, or is being made.
    """
    if (folder / FILE).exists():
        raise ConfigError(
            f"{folder} is a project already.",
            do="Open it (Project.open, goldleaf status), or choose another folder: goldleaf init -C FOLDER",
        )
    new = not folder.exists()
    again = (folder / UNFINISHED).exists()
    parts = _parts(folder, ledger)
    if not again:
        _refuse_foreign(folder, parts)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / UNFINISHED, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise ConfigError(f"Another process is making a project in {folder}.", do="Wait for it.") from None
    try:
        _remove(parts)
        yield
    except BaseException:
        _remove(parts)
        raise
    finally:
        (folder / UNFINISHED).unlink(missing_ok=True)
        lock.release()
        if new and not any(folder.iterdir()):
            folder.rmdir()


def _parts(folder: Path, ledger: str) -> list[Path]:
    """What `create` writes."""
    beside = [] if "://" in ledger else [folder / (ledger + end) for end in ("", "-wal", "-shm", ".lock")]
    return [folder / "items", folder / OWN, folder / (FILE + ".new"), *beside]


def _refuse_foreign(folder: Path, parts: list[Path]) -> None:
    for part in parts:
        if part.exists():
            raise ConfigError(
                f"{folder} is no project, but holds `{part.relative_to(folder)}`, where the project's own would go.",
                do="Choose another folder: goldleaf init -C FOLDER",
            )


def _remove(parts: list[Path]) -> None:
    for part in parts:
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)
