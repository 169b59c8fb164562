"""Encoding through the cache beside the bare encoder on the same texts, and what the features are worth.

The two take turns on the same texts, and the middle of the ratios counts: a busy machine slows both alike.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.figures import Figure, data_set, publish
from goldleaf.encode.cache import VectorCache
from goldleaf.encode.names import build
from goldleaf.encode.runtime import cores

SLOWDOWN = 1.15
COMMAND = "python -m benchmarks.encoding"


def figures() -> list[Figure]:
    """The rates of both text encoders against their bare models; empty where the texts are absent."""
    folder = data_set("text_subj")
    if folder is None:
        return []
    table = pq.read_table(folder / "data.parquet", columns=["text"])
    return [
        *_against("text.bge.v1", _bare_bge(), table.slice(0, 600), rounds=5),
        *_against("text.static.v1", _bare_wordllama(), table, rounds=7),
    ]


def _against(name: str, bare: Callable[[list[str]], Any], table: pa.Table, rounds: int) -> list[Figure]:
    encoder = build(name, fields=("text",))
    texts = table["text"].to_pylist()
    ids = [str(row) for row in range(len(texts))]

    def batches_from(start: int) -> Iterator[pa.RecordBatch]:
        yield from table.slice(start).to_batches(max_chunksize=8192)

    def ours() -> None:
        with tempfile.TemporaryDirectory() as folder:
            VectorCache(Path(folder)).vectors(encoder, ids, batches_from)

    ours(), bare(texts)  # warm both
    pairs = [(_seconds(ours), _seconds(lambda: bare(texts))) for _ in range(rounds)]
    ratio = median(mine / theirs for mine, theirs in pairs)
    mine, theirs = (len(texts) / median(times) for times in zip(*pairs, strict=True))
    peer = "bare session.run, same threads" if name == "text.bge.v1" else "wordllama.embed"
    return [
        Figure(f"{name}: rate", mine, "texts/s", peer=peer, peer_value=theirs, command=COMMAND),
        Figure(
            f"{name}: time against the bare encoder",
            ratio,
            "ratio",
            target=f"<= {SLOWDOWN}",
            holds=ratio <= SLOWDOWN,
            command=COMMAND,
        ),
    ]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _bare_bge() -> Callable[[list[str]], Any]:
    """The model with nothing around it: tokenize, then one text a run on as many threads."""
    encoder = build("text.bge.v1", fields=("text",))

    def one(text: str) -> Any:
        ids = np.array([encoder.tokenizer.encode(text).ids], np.int64)  # type: ignore[union-attr]
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        return encoder.session.run(["last_hidden_state"], inputs)[0][0, 0]  # type: ignore[union-attr]

    def bare(texts: list[str]) -> Any:
        with ThreadPoolExecutor(cores()) as pool:
            return list(pool.map(one, texts))

    return bare


def _bare_wordllama() -> Callable[[list[str]], Any]:
    import wordllama

    folder = Path(wordllama.__file__).parent
    model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
    return lambda texts: model.embed(texts, norm=True)


if __name__ == "__main__":
    publish("encoding", figures())
