"""Labels by how near an item's vector lies to that of the label's name and description; needs no answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldleaf.errors import ConfigError
from goldleaf.votes.base import ABSTAINED, Batch, Floats, Opinions, fingerprint

SHARPNESS = 20.0  # of the softmax over cosines; the confidence is a rank, not a probability


@dataclass(frozen=True)
class ZeroShot:
    """Votes by the project's text encoder.

    Args:
        encoder: another one instead. name: of the source.
        least: the confidence below which it abstains, in [0, 1).
    """

    encoder: str | None = None
    least: float = 0.0
    name: str = "zero_shot"
    kind: str = field(default="zero_shot", init=False)

    def __post_init__(self) -> None:
        if not 0 <= self.least < 1:
            raise ConfigError(f"`least` must lie in [0, 1), got {self.least!r}.")


def label_texts(labels: Iterable[str], descriptions: dict[str, str]) -> list[str]:
    """What stands for a label: its name in words, and its description."""
    words = {label: label.replace("_", " ").replace("-", " ") for label in labels}
    return [
        f"{words[label]}: {descriptions[label]}" if label in descriptions else words[label] for label in words
    ]


def nearness(vectors: NDArray[Any], of_labels: NDArray[Any], centre: NDArray[Any]) -> NDArray[np.float64]:
    """A softmax over cosines, [n, K]: both sides are centred first, as all texts share a direction.

    Args:
        vectors: [n, d] of the items. of_labels: [K, d]. centre: [d], the mean of the items.
    """
    items, labels = _unit(vectors - centre), _unit(of_labels - of_labels.mean(axis=0))
    near = np.exp(SHARPNESS * (items @ labels.T))
    return np.asarray(near / near.sum(axis=1, keepdims=True), np.float64)


def _unit(rows: NDArray[Any]) -> NDArray[np.float64]:
    wide = np.asarray(rows, np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))


@dataclass(frozen=True)
class ZeroShotVotes:
    """As a source: `vectors` [items, d] of the pool, in item order; `recipe` says how they were made."""

    name: str
    vectors: NDArray[np.float32]
    of_labels: NDArray[np.float32]
    centre: NDArray[np.float32]
    recipe: str
    least: float = 0.0
    kind: str = field(default="zero_shot", init=False)

    @property
    def version(self) -> str:
        facts = [self.of_labels.tolist(), self.centre.tolist()]
        return fingerprint("zero_shot.v1", recipe=self.recipe, facts=facts, least=self.least)

    def vote(self, batches: Iterable[Batch]) -> Iterator[Opinions]:
        for batch in batches:
            near = nearness(self.vectors[batch.positions], self.of_labels, self.centre)
            confidence: Floats = near.max(axis=1).astype(np.float32)
            label = np.where(confidence >= self.least, near.argmax(axis=1), ABSTAINED).astype(np.int32)
            yield Opinions(batch.positions, label, confidence)
