"""Small pools that every test of the encoders can use."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

SENTENCES = [
    "a warm and funny film about two brothers",
    "the plot is thin , the jokes are thinner",
    "How far is it from Denver to Aspen ?",
    "What county is Modesto , California in ?",
    "I am still waiting on my card?",
    "My top-up was reverted, what happened?",
    "naïve café — déjà vu ☕",
    "",
    "word " * 400,
    "a warm and funny film about two sisters",
]


def sentences(n: int = 40) -> pa.Table:
    return pa.table(
        {"text": [f"{SENTENCES[i % 10]} number {i // 10}" if i % 10 != 7 else "" for i in range(n)]}
    )


def png(array: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def photos(n: int = 8, side: int = 40) -> pa.Table:
    rng = np.random.default_rng(0)
    return pa.table({"image": [png(rng.integers(0, 256, (side + i, side, 3), np.uint8)) for i in range(n)]})


def glyphs(n: int = 12) -> pa.Table:
    from sklearn.datasets import load_digits

    images = load_digits().images[:n]
    return pa.table({"image": [png((image * 255 / 16).astype(np.uint8)) for image in images]})


def batches_of(table: pa.Table, rows: int = 7) -> Callable[[int], Iterator[pa.RecordBatch]]:
    def batches_from(start: int) -> Iterator[pa.RecordBatch]:
        yield from table.slice(start).to_batches(max_chunksize=rows)

    return batches_from


def one_batch(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]
