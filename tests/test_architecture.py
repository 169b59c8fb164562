"""The layers: imports go down only, stages never import each other, and there are no cycles."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "src" / "goldleaf"
STAGES = ("items", "encode", "votes", "posteriors", "questions", "certificates", "exports")
LAYERS = [
    ("errors", "progress", "durable", "posting", "__init__"),
    ("schema", "task"),
    STAGES,
    ("ledger",),
    ("project",),
    ("estimator",),  # the loop of `project` on arrays; nothing in `project` knows it
    ("desk",),
    ("web",),
    ("cli", "__main__"),
]
FILES = sorted(ROOT.rglob("*.py"))


def module(path: Path) -> str:
    return ".".join(("goldleaf", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def top(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports(path: Path) -> set[str]:
    """The goldleaf modules that a file imports anywhere, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "goldleaf":
            assert node.level == 0
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(
                    whole if (ROOT / Path(*whole.split(".")[1:])).with_suffix(".py").exists() else node.module
                )
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names if alias.name.split(".")[0] == "goldleaf")
    return found


def rank(name: str) -> int:
    return next(level for level, layer in enumerate(LAYERS) if top(name) in layer)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_go_down_only(path: Path) -> None:
    here = module(path)
    if here == "goldleaf":
        return  # the façade names what lies below it, lazily
    for used in imports(path):
        assert rank(used) <= rank(here), f"{here} imports {used}, a layer above it"
        if top(here) in STAGES and top(used) in STAGES:
            assert top(used) == top(here), f"the stages {here} and {used} must not know each other"


def test_there_are_no_cycles() -> None:
    graph = {module(path): imports(path) - {"goldleaf"} for path in FILES}
    list(TopologicalSorter(graph).static_order())  # raises CycleError


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nobody_imports_a_package_facade(path: Path) -> None:
    packages = {module(init.parent / "__init__.py") for init in ROOT.rglob("__init__.py")} - {"goldleaf"}
    assert not imports(path) & packages
