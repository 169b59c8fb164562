from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.terminal import Cli
from tests.helpers import World, world


@pytest.fixture
def goldleaf(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


@pytest.fixture
def some() -> World:
    return world(40)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, some: World) -> Path:
    """The current folder: items, their vectors, and the answers."""
    monkeypatch.chdir(tmp_path)
    rows = zip(some.texts, some.truth, strict=True)
    Path("items.csv").write_text("text,n\n" + "".join(f"{text},{n}\n" for n, text in enumerate(some.texts)))
    Path("gold.csv").write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    np.save("v.npy", some.vectors)
    return tmp_path


INIT = ("init", "items.csv", "--text", "text", "--labels", "c0,c1", "--vectors", "v.npy")


@pytest.fixture
def project(here: Path, goldleaf: Cli) -> Path:
    """An initialised project in the current folder."""
    assert goldleaf(*INIT).code == 0
    return here


@pytest.fixture
def finished(project: Path, goldleaf: Cli) -> Path:
    """A certified one."""
    assert goldleaf("label", "--answers", "gold.csv").code == 0
    assert goldleaf("certify").code == 0
    return project
