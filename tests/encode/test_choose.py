from __future__ import annotations

import importlib.util

import pytest

from goldleaf.encode.names import choose


def test_the_best_that_is_installed() -> None:
    assert choose("text").name == "text.pair.v1"
    assert choose("image").name == "image.lite0.v2"
    assert choose("image", glyphs=True).name == "image.patches.v1"
    assert choose("table").name == "table.v1"
    assert all(choose(modality).better is None for modality in ("text", "image", "table"))


@pytest.mark.parametrize(
    ("modality", "name", "extra"),
    [("text", "text.static.v1", "goldleaf[text]"), ("image", "image.hog.v1", "goldleaf[images]")],
)
def test_without_extras_it_says_what_would_be_better(monkeypatch, modality, name, extra) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda package: None if package == "onnxruntime" else found(package)
    )
    choice = choose(modality)
    assert choice.name == name
    assert extra in (choice.better or "")
