"""`image.patches.v1`: k-means filters learned on the pool, for tiny grey images such as digits. In the core install.

Coates, Ng & Lee, "An analysis of single-layer networks in unsupervised feature learning" (AISTATS 2011): whitened
patches, triangle activation, sums over the four quadrants.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldleaf.encode.base import Encoder, Vectors, fingerprint, only_field
from goldleaf.encode.image import encoded, pixels
from goldleaf.encode.runtime import each

_PATCH, _PATCHES = 6, 30_000  # pixels wide; patches that the filters are learned on


class PatchImages:
    """The recipe.

    Args:
        fields: the one image column.
        side: images are made grey and resized to this many pixels.
        filters: how many to learn; the vectors have four times as many numbers.
        seed: of the patches and of k-means.
    """

    name = "image.patches.v1"
    sample = 2_000

    def __init__(self, fields: tuple[str, ...], side: int = 20, filters: int = 200, seed: int = 0) -> None:
        self.field = only_field(fields, self.name)
        self.side, self.filters, self.seed = side, filters, seed
        self.fingerprint = fingerprint(self.name, field=self.field, side=side, filters=filters, seed=seed)

    def fit(self, sample: pa.Table) -> Encoder:
        """Learn the whitening and the filters on patches of `sample`."""
        return _FittedPatches(self, encoded(sample, self.field))


class _FittedPatches:
    def __init__(self, recipe: PatchImages, blobs: list[bytes]) -> None:
        from sklearn.cluster import KMeans

        self.field, self.side, self.fingerprint = recipe.field, recipe.side, recipe.fingerprint
        rng = np.random.default_rng(recipe.seed)
        each_image = max(1, _PATCHES // len(blobs))
        found = []
        for blob in blobs:
            patches = _patches(blob, self.side)
            found.append(patches[rng.choice(len(patches), min(each_image, len(patches)), replace=False)])
        patches = np.concatenate(found).astype(np.float64)
        self.mean = patches.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(patches - self.mean, rowvar=False))
        whitening = vectors / np.sqrt(np.maximum(values, 0) + 0.1) @ vectors.T
        white = (patches - self.mean) @ whitening
        filters = min(recipe.filters, len(np.unique(white, axis=0)))
        centres = KMeans(filters, n_init=1, max_iter=30, random_state=recipe.seed).fit(white).cluster_centers_
        self.whitening, self.centres = whitening.astype(np.float32), centres.astype(np.float32)
        self.mean = self.mean.astype(np.float32)

    def encode(self, batch: pa.RecordBatch) -> Vectors:
        from threadpoolctl import threadpool_limits

        blobs = encoded(batch, self.field)
        vectors = np.empty((len(blobs), 4 * len(self.centres)), np.float32)

        def one(row: int) -> None:
            vectors[row] = self._vector(_patches(blobs[row], self.side))

        with threadpool_limits(1, "blas"):  # the threads of `each` are enough
            each(one, len(blobs))
        return vectors

    def _vector(self, patches: NDArray[np.float32]) -> NDArray[np.float32]:
        white = (patches - self.mean) @ self.whitening
        squared = (white**2).sum(axis=1)[:, None] - 2 * white @ self.centres.T + (self.centres**2).sum(axis=1)
        distance = np.sqrt(np.maximum(squared, 0))
        active = np.maximum(distance.mean(axis=1, keepdims=True) - distance, 0)
        places = self.side - _PATCH + 1
        grid, half = active.reshape(places, places, -1), places // 2
        rows = (grid[:half], grid[half:])
        quadrants = [part.sum(axis=(0, 1)) for row in rows for part in (row[:, :half], row[:, half:])]
        vector: NDArray[np.float32] = np.sqrt(np.concatenate(quadrants))
        return vector


def _patches(blob: bytes, side: int) -> NDArray[np.float32]:
    """float32 [places, 36]: every patch of the grey image, brightness and contrast taken out."""
    grey = pixels(blob, side).astype(np.float32).mean(axis=2) / 255
    windows = np.lib.stride_tricks.sliding_window_view(grey, (_PATCH, _PATCH)).reshape(-1, _PATCH * _PATCH)
    centred = windows - windows.mean(axis=1, keepdims=True)
    flat: NDArray[np.float32] = centred / np.sqrt(centred.var(axis=1, keepdims=True) + np.float32(0.01))
    return flat
