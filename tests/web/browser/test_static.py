"""Our own modules never turn text into markup, and what is third-party is what the lock files say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import goldleaf

STATIC = Path(goldleaf.__file__).parent / "web" / "static"
MODULES = sorted((STATIC / "js").glob("*.js"))
TEMPLATES = sorted((STATIC.parent / "templates").glob("*.html"))
AXE = Path(__file__).parent / "axe"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_modules_never_parse_text_as_markup(path: Path) -> None:
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|DOMParser"
    )
    assert not re.search(forbidden, path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_have_nothing_inline_and_no_other_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|https?://(?!www\.w3\.org)|\|\s*safe\b", text)
    for tag in re.findall(r"<script[^>]*>", text):
        assert "src=" in tag or 'type="application/json"' in tag


@pytest.mark.parametrize(
    ("folder", "package", "file"),
    [(STATIC / "vendor", "uplot", "uPlot.esm.js"), (AXE, "axe-core", "axe.min.js")],
)
def test_vendored_files_are_of_the_locked_version(folder: Path, package: str, file: str) -> None:
    locked = json.loads((folder / "package-lock.json").read_text())["packages"][f"node_modules/{package}"]
    assert (
        json.loads((folder / "package.json").read_text())
        .get("dependencies", {})
        .get(package, locked["version"])
    )
    head = (folder / file).read_text(encoding="utf-8")[:2000]
    assert f"v{locked['version']}" in head
