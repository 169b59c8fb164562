"""The second view of the items: each one drawn half a step towards its nearest neighbours in the pool.

One step of a graph convolution without weights (Wu et al., Simplifying Graph Convolutional Networks, 2019, section
2): noise that an item does not share with its neighbours averages out, and what the pool knows of its clusters
comes in before anybody has labeled anything. The neighbours of a large pool are sought in a random part of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from goldleaf.progress import track

NEIGHBOURS = 10
STEP = 0.5  # how far towards their mean direction
AMONG = 20_000  # items in which neighbours are sought
_CHUNK = (
    128  # items at a time: what they need stays small, or its pages would be fetched and given back each time
)

Vectors = NDArray[np.float32]


def unit_rows(vectors: Vectors) -> Vectors:
    """Rows scaled to unit norm; a zero row stays zero."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    norms[norms < 1e-12] = 1
    scaled: Vectors = vectors / norms
    return scaled


def write_around(own: Vectors, path: Path, *, seed: int) -> None:
    """Write to `path` (.npy) the rows of `own` [n, d], of unit norm, drawn towards their neighbours."""
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file, track("look around", total=len(own), unit="items") as advance:
        header = {"descr": "<f4", "fortran_order": False, "shape": own.shape}
        np.lib.format.write_array_header_1_0(file, header)
        for rows in _parts(own, seed):
            file.write(np.ascontiguousarray(rows).data)
            advance(len(rows))
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def around(own: Vectors, *, seed: int = 0) -> Vectors:
    """The same in memory."""
    return np.concatenate([own[:0], *_parts(own, seed)])


def _parts(own: Vectors, seed: int) -> Iterator[Vectors]:
    among = np.arange(len(own))
    if len(own) > AMONG:
        among = np.sort(np.random.default_rng(seed).choice(len(own), AMONG, replace=False))
    others = np.asarray(own[among])
    for start in range(0, len(own), _CHUNK):
        yield _around(np.asarray(own[start : start + _CHUNK]), start, others, among)


def _around(rows: Vectors, start: int, others: Vectors, among: NDArray[np.int64]) -> Vectors:
    """`rows` are items `start` and on; `others` are the items `among`."""
    close = min(NEIGHBOURS, len(others) - 1)
    if close < 1:
        return rows
    similar = rows @ others.T
    item = np.arange(start, start + len(rows))
    place = np.minimum(np.searchsorted(among, item), len(among) - 1)
    itself = among[place] == item
    similar[np.flatnonzero(itself), place[itself]] = -np.inf
    nearest = np.argpartition(-similar, close - 1, axis=1)[:, :close]
    mean = others[nearest].mean(axis=1)
    return unit_rows(rows + np.float32(STEP) * unit_rows(mean))
