"""What the probe is fitted on: the encoder's vectors and what the pool itself tells, side by side.

Each block is centred on the pool, its rows scaled to unit norm, weighted, and joined; the joined rows have
unit norm. A block may consist of parts, which are centred and scaled each by itself; parts say much alike, so such
rows are turned onto their `KEPT` leading directions. The top ones are the classes and never removed. A second view
draws each item towards its neighbours (`neighbours`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import pyarrow as pa
from filelock import FileLock
from numpy.typing import NDArray

from goldleaf.encode.base import Encoder, PoolEncoder, Vectors, digest, fingerprint
from goldleaf.encode.cache import BatchesFrom, Mapped, VectorCache
from goldleaf.encode.names import build
from goldleaf.encode.neighbours import unit_rows, write_around
from goldleaf.progress import track
from goldleaf.task import Modality

_OWN = ("column.v1", "npy.v1")
_BESIDE = {
    "text": (("text.svd.v1", 0.8),),
    "text.pair.v1": (("text.svd.v1", 0.65),),
    "image.lite0.v1": (("image.hog.v1", 0.5),),
    "image.lite0.v2": (("image.hog.v1", 0.5),),
    "image.patches.v1": (("image.hog.v1", 1.0),),
}
_CHUNK = 16_384  # rows in memory at a time
KEPT = 512  # directions; on ten sets as good as all 1,400 to 2,700 columns
TURNED = 5_000  # items on which the directions are found


class Views(NamedTuple):
    """Two views of the same items, each float32 [items, d] with rows of unit norm."""

    own: Vectors
    around: Vectors

    def take(self, positions: NDArray[np.int64]) -> Views:
        """Those of some items, in memory."""
        return Views(np.asarray(self.own[positions]), np.asarray(self.around[positions]))


@dataclass(frozen=True)
class Block:
    """One encoder and its weight beside the others."""

    encoder: Encoder | PoolEncoder
    weight: float = 1.0


def blocks(modality: Modality, encoder: Encoder | PoolEncoder, fields: tuple[str, ...]) -> tuple[Block, ...]:
    """The encoder and what goes beside it; tables and the user's own vectors stand alone."""
    name = getattr(encoder, "name", "")
    beside = _BESIDE.get(name, _BESIDE["text"] if modality == "text" and name not in _OWN else ())
    return (Block(encoder), *(Block(build(other, fields=fields), weight) for other, weight in beside))


def pool_features(
    modality: Modality,
    encoder: Encoder | PoolEncoder,
    ids: Sequence[str],
    batches_from: BatchesFrom,
    folder: Path,
    *,
    fields: tuple[str, ...],
    seed: int = 0,
) -> Views:
    """The features of the whole pool, computed or read from `folder`.

    Args:
        modality: of the task.
        encoder: from `names.build`.
        ids: one per item, in item order; an id stands for its content.
        batches_from: `batches_from(start)` yields the items from position `start` on; images as bytes.
        folder: where vectors and features are kept.
        fields: the content columns.
        seed: of the sample that the pool-fitted blocks see.

    Returns:
        Both views, mapped read-only from the disk.
    """
    parts = blocks(modality, encoder, fields)
    recipe = fingerprint(
        "features.v3", seed=seed, parts=[(part.encoder.fingerprint, part.weight) for part in parts]
    )
    path = Path(folder) / f"{recipe}-{digest(ids)}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    around = path.with_name(path.stem + "-around.npy")
    with FileLock(str(path.parent / "features.lock")):
        if not path.exists():
            cache = VectorCache(path.parent)
            made = [_vectors(cache, part.encoder, ids, batches_from, seed) for part in parts]
            _join(
                made, [_weights(part, vectors) for part, vectors in zip(parts, made, strict=True)], path, seed
            )
            for stale in path.parent.glob(f"{recipe}-*.npy"):
                if stale != path:
                    stale.unlink()
            for part, vectors in zip(parts, made, strict=True):
                if isinstance(part.encoder, PoolEncoder):
                    cache.remove(Path(str(vectors.filename)).stem)
        if not around.exists():
            write_around(_mapped(path), around, seed=seed)
    return Views(_mapped(path), _mapped(around))


def _mapped(path: Path) -> Mapped:
    return cast(Mapped, np.load(path, mmap_mode="r"))


@dataclass(frozen=True)
class _OfPool:
    """A fitted encoder under the fingerprint of its recipe and its pool."""

    fitted: Encoder
    fingerprint: str

    def encode(self, batch: pa.RecordBatch) -> Vectors:
        return self.fitted.encode(batch)


def _vectors(
    cache: VectorCache,
    encoder: Encoder | PoolEncoder,
    ids: Sequence[str],
    batches_from: BatchesFrom,
    seed: int,
) -> Mapped:
    if isinstance(encoder, PoolEncoder):
        fitted = encoder.fit(_sample(batches_from, len(ids), encoder.sample, seed))
        of_pool = _OfPool(fitted, fingerprint(encoder.fingerprint, pool=digest(ids), seed=seed))
        return cache.vectors(of_pool, ids, batches_from, what="adapt to the pool")
    own = getattr(encoder, "batches_from", batches_from)
    return cache.vectors(encoder, ids, own)


def _sample(batches_from: BatchesFrom, n: int, at_most: int, seed: int) -> pa.Table:
    """`at_most` of the `n` items, drawn at random, in item order."""
    chosen = np.arange(n)
    if n > at_most:
        chosen = np.sort(np.random.default_rng(seed).choice(n, at_most, replace=False))
    taken, at = [], 0
    with track("look at the pool", total=n, unit="items") as advance:
        for batch in batches_from(0):
            first, last = np.searchsorted(chosen, [at, at + batch.num_rows])
            if last > first:
                taken.append(batch.take(chosen[first:last] - at))
            at += batch.num_rows
            advance(batch.num_rows)
    return pa.Table.from_batches(taken)


def _weights(block: Block, vectors: Mapped) -> list[tuple[slice, float]]:
    """The columns of each part of a block, and its weight; together they weigh as much as the block."""
    parts = getattr(block.encoder, "parts", ((vectors.shape[1], 1.0),))
    share = block.weight / float(np.sqrt(sum(weight**2 for _, weight in parts)))
    ends = np.cumsum([width for width, _ in parts]).tolist()
    return [
        (slice(end - width, end), share * weight) for end, (width, weight) in zip(ends, parts, strict=True)
    ]


@dataclass(frozen=True)
class _Joining:
    """Rows of some blocks → joined rows; `means` of each block, `weights` of its columns."""

    means: Sequence[Vectors]
    weights: Sequence[list[tuple[slice, float]]]

    def __call__(self, blocks: Sequence[Vectors]) -> Vectors:
        total = float(np.sqrt(sum(weight**2 for parts in self.weights for _, weight in parts)))
        scaled = [
            unit_rows((block - mean)[:, columns]) * np.float32(weight / total)
            for block, mean, parts in zip(blocks, self.means, self.weights, strict=True)
            for columns, weight in parts
        ]
        return np.hstack(scaled)


def _join(
    blocks: Sequence[Mapped], weights: Sequence[list[tuple[slice, float]]], path: Path, seed: int
) -> None:
    """Write the joined features: one pass for the means, one for the rows; no more than a chunk in memory."""
    joined = _Joining([_mean(block) for block in blocks], weights)
    items, width = len(blocks[0]), sum(block.shape[1] for block in blocks)
    turn = _leading(blocks, joined, seed) if any(len(parts) > 1 for parts in weights) else None
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file, track("join", total=items, unit="items") as advance:
        shape = (items, width if turn is None else turn.shape[1])
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for chunk in zip(*map(_chunks, blocks), strict=True):
            rows = joined(chunk)
            file.write(np.ascontiguousarray(rows if turn is None else unit_rows(rows @ turn)).data)
            advance(len(rows))
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def _leading(blocks: Sequence[Mapped], joined: _Joining, seed: int) -> Vectors:
    """[width, KEPT] the leading directions of the joined rows, found on a sample."""
    from sklearn.utils.extmath import randomized_svd

    at = np.arange(len(blocks[0]))
    if len(at) > TURNED:
        at = np.sort(np.random.default_rng(seed).choice(len(at), TURNED, replace=False))
    rows = joined([np.asarray(block[at]) for block in blocks])
    _, _, directions = randomized_svd(rows, min(KEPT, *rows.shape), random_state=seed)
    return np.asarray(directions.T, np.float32)


def _mean(part: Mapped) -> Vectors:
    total = np.zeros(part.shape[1])
    for rows in _chunks(part):
        total += rows.sum(axis=0, dtype=np.float64)
    return (total / len(part)).astype(np.float32)


def _chunks(part: Mapped) -> Iterator[Vectors]:
    """The rows by plain reads: pages of a mapping would stay in the process's memory."""
    width = part.shape[1]
    for start in range(0, len(part), _CHUNK):
        count = min(_CHUNK, len(part) - start)
        flat = np.fromfile(str(part.filename), np.float32, count * width, offset=4 * start * width)
        yield flat.reshape(count, width)
