"""Small projects whose vectors are given, so that nothing needs an encoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldleaf.project.base import Project
from goldleaf.schema import Item
from goldleaf.task import Classify


@dataclass(frozen=True)
class World:
    """Texts, their vectors, and the label that a person would give each."""

    texts: list[str]
    vectors: NDArray[np.float32]
    truth: list[str]
    labels: tuple[str, ...]

    def person(self, item: Item) -> str:
        return self.truth[item.position]

    def project(self, folder: Path, **settings: Any) -> Project:
        made = {"items": self.texts, "task": Classify(self.labels, text="text"), "vectors": self.vectors}
        return Project.create(folder, **{**made, "seed": 1, **settings})


def world(
    items: int = 60, classes: int = 2, *, noise: float = 0.5, seed: int = 0, truth: Any = None
) -> World:
    """`items` around one centre a class; `noise` makes the classes overlap."""
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, classes, items) if truth is None else np.asarray(truth)
    width = max(8, classes)
    vectors = rng.normal(size=(items, width)) * noise + 2 * np.eye(width)[chosen]
    labels = tuple(f"c{number}" for number in range(classes))
    texts = [f"text {number}" for number in range(items)]
    return World(texts, vectors.astype(np.float32), [labels[number] for number in chosen], labels)


def answers_of(project: Project) -> list[tuple[str, str, str | None]]:
    """(item, answer, label) as the ledger has them, in order."""
    return [(row.item, row.answer, row.label) for row in project.ledger.rows("votes")]


def counting(person: Callable[[Item], Any]) -> tuple[Callable[[Item], Any], list[int]]:
    """`person`, and the positions it was asked about."""
    asked: list[int] = []

    def answer(item: Item) -> Any:
        asked.append(item.position)
        return person(item)

    return answer, asked
