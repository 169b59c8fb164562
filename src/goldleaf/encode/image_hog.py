"""`image.hog.v1`: where the edges run, and which colours there are. In the core install.

Dalal & Triggs, "Histograms of oriented gradients for human detection" (CVPR 2005): 8 x 8 cells of 9 unsigned
orientations, each cell normalised by its four 2 x 2 neighbourhoods (their mean, so one copy is kept, not four).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldleaf.encode.base import Vectors, fingerprint, only_field
from goldleaf.encode.image import encoded, pixels
from goldleaf.encode.runtime import each

_CELLS, _BINS, _COLOURS = 8, 9, 4
_DIMENSIONS = _CELLS * _CELLS * _BINS + _COLOURS**3


class HogImages:
    """640 numbers: the 576 of the cells, unit norm, and the square roots of a 4 x 4 x 4 colour histogram."""

    name = "image.hog.v1"

    def __init__(self, fields: tuple[str, ...], side: int = 64, colour: float = 0.5) -> None:
        self.field = only_field(fields, self.name)
        self.side, self.colour = side, colour
        self.fingerprint = fingerprint(self.name, field=self.field, side=side, colour=colour)

    def encode(self, batch: pa.RecordBatch) -> Vectors:
        blobs = encoded(batch, self.field)
        vectors = np.empty((len(blobs), _DIMENSIONS), np.float32)

        def one(row: int) -> None:
            image = pixels(blobs[row], self.side)
            edges = hog(image.astype(np.float32).mean(axis=2) / 255)
            vectors[row] = np.concatenate([edges, self.colour * colours(image)])

        each(one, len(blobs))
        return vectors


def hog(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [576] of unit norm from a grey [side, side] image in [0, 1]; side a multiple of 8."""
    dy, dx = np.gradient(grey)
    strength = np.hypot(dx, dy)
    angle = np.arctan2(dy, dx) % np.pi * (_BINS / np.pi)
    low = np.floor(angle).astype(np.intp)
    share = angle - low
    at = np.arange(len(grey)) * _CELLS // len(grey)
    cell = (at[:, None] * _CELLS + at) * _BINS
    index = np.concatenate([(cell + low % _BINS).ravel(), (cell + (low + 1) % _BINS).ravel()])
    weight = np.concatenate([(strength * (1 - share)).ravel(), (strength * share).ravel()])
    cells = np.bincount(index, weight, _CELLS * _CELLS * _BINS).reshape(_CELLS, _CELLS, _BINS)
    energy = np.pad((cells**2).sum(axis=2), 1, mode="edge")
    squares = energy[:-1, :-1] + energy[1:, :-1] + energy[:-1, 1:] + energy[1:, 1:]
    scale = 1 / np.sqrt(squares + 1e-3)
    mean = (scale[:-1, :-1] + scale[1:, :-1] + scale[:-1, 1:] + scale[1:, 1:]) / 4
    vector = np.minimum(cells * mean[..., None], 0.2).ravel().astype(np.float32)
    unit: NDArray[np.float32] = vector / np.float32(max(float(np.linalg.norm(vector)), 1e-12))
    return unit


def colours(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 [64] of unit norm: the square roots of the shares of 4 x 4 x 4 colours (Hellinger)."""
    level = image.astype(np.intp) * _COLOURS // 256
    index = (level[..., 0] * _COLOURS + level[..., 1]) * _COLOURS + level[..., 2]
    share = np.bincount(index.ravel(), minlength=_COLOURS**3) / index.size
    return np.sqrt(share).astype(np.float32)
