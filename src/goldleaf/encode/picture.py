"""pca.v1: the items on a plane, for a person to look at: a sample's two main directions."""

from __future__ import annotations

from typing import Any

import numpy as np

from goldleaf.encode.features import Views

POINTS = 5_000
SEED = 0


def picture(features: Views, points: int = POINTS) -> dict[str, Any]:
    """{"position", "x", "y"} of up to `points` items, drawn evenly; x and y lie in [-1, 1]."""
    items = len(features.around)
    chosen = np.arange(items)
    if items > points:
        chosen = np.sort(np.random.default_rng(SEED).choice(items, points, replace=False))
    vectors = np.asarray(features.around[chosen], np.float32)
    centred = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    plane = centred @ directions[:, :-3:-1]
    plane = plane / np.maximum(np.abs(plane).max(axis=0), 1e-12)
    if plane.shape[1] < 2:
        plane = np.column_stack([plane, np.zeros(len(plane))])
    x, y = plane[:, 0].round(4).tolist(), plane[:, 1].round(4).tolist()
    return {"method": "pca.v1", "position": chosen.tolist(), "x": x, "y": y}
