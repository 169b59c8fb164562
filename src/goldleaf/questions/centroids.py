"""centroids.v1, the cold start: the real item nearest to each k-means centre.

Beats random first labels on frozen vectors (arXiv:2401.14555).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE = 20_000  # items that place the centres; the nearest item is looked for among them


def centroids(
    vectors: NDArray[np.float32], candidates: NDArray[np.int64], size: int, *, seed: int
) -> NDArray[np.int64]:
    """`size` distinct positions out of `candidates`, spread over `vectors` [n, d]."""
    rng = np.random.default_rng(seed)
    if size >= len(candidates):
        return candidates
    if len(candidates) > SAMPLE:
        candidates = np.sort(rng.choice(candidates, SAMPLE, replace=False))
    return candidates[spread(np.asarray(vectors[candidates]), size, seed=seed)]


def spread(
    vectors: NDArray[np.float32], size: int, *, seed: int, weights: NDArray[np.floating] | None = None
) -> NDArray[np.int64]:
    """Indices of `size` distinct rows, each near one of `size` k-means centres."""
    from sklearn.cluster import KMeans, MiniBatchKMeans

    kind = MiniBatchKMeans if len(vectors) > 5_000 else KMeans
    centres = (
        kind(size, n_init=1, random_state=seed % 2**32).fit(vectors, sample_weight=weights).cluster_centers_
    )
    distance = (centres**2).sum(1) - 2 * vectors @ centres.T  # plus |x|², the same for every centre
    nearest = distance + (vectors**2).sum(1)[:, None]
    chosen: list[int] = []
    taken = np.zeros(len(vectors), bool)
    for column in nearest.T:
        best = int(np.where(taken, np.inf, column).argmin())
        taken[best] = True
        chosen.append(best)
    return np.array(chosen, np.int64)
