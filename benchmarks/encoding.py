"""Encoding through the cache beside the bare encoder on the same texts, and what each encoder's features are worth.

The two take turns on the same texts, and the middle of the ratios counts: a busy machine slows both alike. What
features are worth is the share of wrong labels that the probe leaves after the same random answers.
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
from benchmarks.sets import SETS
from goldleaf.encode.cache import VectorCache
from goldleaf.encode.features import pool_features
from goldleaf.encode.names import build
from goldleaf.encode.runtime import cores
from goldleaf.posteriors.kernel import KernelProbe

SLOWDOWN = 1.15
COMMAND = "python -m benchmarks.encoding"
TEXTS = (
    "wrench_youtube",
    "wrench_sms",
    "wrench_trec",
    "wrench_chemprot",
    "pac_misinfo",
    "pac_stance",
    "crowd_sentiment_polarity",
    "text_subj",
)
PICTURES = ("img_sign_digits", "cifar10n_train10k")
POOL, ANSWERS, SEEDS = 800, 150, 5


def figures() -> list[Figure]:
    """What the encoders are worth and how fast they are; empty where the sets are absent."""
    if data_set("text_subj") is None:
        return []
    return [
        *worth(TEXTS, ("text.static.v1", "text.bge.v1", "text.pair.v1")),
        *worth(PICTURES, ("image.hog.v1", "image.lite0.v1", "image.lite0.v2")),
        *rates(),
    ]


def rates() -> list[Figure]:
    """Both text encoders against their bare models; empty where the texts are absent."""
    folder = data_set("text_subj")
    if folder is None:
        return []
    table = pq.read_table(folder / "data.parquet", columns=["text"])
    return [
        *_against("text.bge.v1", _bare_bge(), table.slice(0, 600), rounds=5),
        *_against("text.static.v1", _bare_wordllama(), table, rounds=7),
    ]


def worth(sets: tuple[str, ...], encoders: tuple[str, ...]) -> list[Figure]:
    """Wrong labels on each set with the features of each encoder, and the mean of the sets."""
    errors = {(name, encoder): _errors(name, encoder) for name in sets for encoder in encoders}
    last = encoders[-1]
    figures = [
        Figure(
            f"{name}: wrong after {ANSWERS} random answers, {last}",
            errors[name, last],
            "%",
            peer=encoders[-2],
            peer_value=errors[name, encoders[-2]],
            command=COMMAND,
        )
        for name in sets
    ]
    for encoder in encoders:
        mean = float(np.mean([errors[name, encoder] for name in sets]))
        figures.append(Figure(f"mean of {len(sets)} sets, {encoder}", mean, "%", command=COMMAND))
    return figures


def _errors(name: str, encoder: str) -> float:
    """Wrong labels in percent among the items that were not asked, in the mean over the seeds."""
    data = SETS[name]()
    assert data is not None
    some = np.sort(np.random.default_rng(0).permutation(len(data.gold))[:POOL])
    gold = np.unique(np.array(data.gold)[some], return_inverse=True)[1]
    field = data.items.column_names[0]
    table = data.items.select([field]).take(some)
    ids = [str(row) for row in some]

    def batches_from(start: int) -> Iterator[pa.RecordBatch]:
        yield from table.slice(start).to_batches(max_chunksize=512)

    made = build(encoder, fields=(field,))
    modality = data.task.modality
    with tempfile.TemporaryDirectory() as folder:
        views = pool_features(modality, made, ids, batches_from, Path(folder), fields=(field,)).take(
            np.arange(len(some))
        )
    wrong = []
    for seed in range(SEEDS):
        asked, rest = np.split(np.random.default_rng(seed).permutation(len(some)), [ANSWERS])
        probe = KernelProbe(int(gold.max()) + 1, seed=seed).fit(views.take(asked), gold[asked])
        wrong.append(float((probe.predict_proba(views.take(rest)).argmax(axis=1) != gold[rest]).mean()))
    return 100 * float(np.mean(wrong))


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
        ids = np.array([encoder.model.tokenizer.encode(text).ids], np.int64)  # type: ignore[union-attr]
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        return encoder.model.session.run(["last_hidden_state"], inputs)[0][0, 0]  # type: ignore[union-attr]

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
