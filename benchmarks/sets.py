"""The data sets of the benchmarks: items, and the answer that people once gave to each."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.figures import data_set
from goldleaf.task import Classify


@dataclass(frozen=True)
class LabeledSet:
    """`items` have the task's columns and no gold; `gold` is the label of each row.

    `votes` and `confidence` are those of an imported model, row by row, where the set has one.
    """

    name: str
    items: pa.Table
    gold: list[str]
    task: Classify
    votes: list[str] | None = None
    confidence: list[float] | None = None

    def answers(self) -> pa.Table:
        """Items with their labels, as a file of answers would have them."""
        return self.items.append_column("gold", pa.array(self.gold, pa.string()))


def _labels(folder: Path, table: pa.Table) -> tuple[list[str], list[str]]:
    """(label set, label of each row)."""
    names = table["label"].to_pylist()
    path = folder / "labels.json"
    if path.exists():
        by_number = json.loads(path.read_text())
        by_number = (
            dict(enumerate(by_number))
            if isinstance(by_number, list)
            else {int(k): v for k, v in by_number.items()}
        )
        names = [by_number[name] for name in names]
    names = [str(name) for name in names]
    return sorted(set(names)), names


def text(name: str) -> LabeledSet | None:
    """A set of texts; where a text occurs twice with two labels, the first one counts."""
    folder = data_set(name)
    if folder is None:
        return None
    table = pq.read_table(folder / "data.parquet", columns=["text", "label"])
    table = table.filter(pc.not_equal(pc.utf8_trim_whitespace(table["text"]), ""))
    labels, gold = _labels(folder, table)
    first: dict[str, str] = {}
    texts = table["text"].to_pylist()
    for one, label in zip(texts, gold, strict=True):
        first.setdefault(one, label)
    return LabeledSet(
        name, table.select(["text"]), [first[one] for one in texts], Classify(labels, text="text")
    )


def rows(name: str, target: str) -> LabeledSet | None:
    """A table; identical rows with two answers take the first one's."""
    folder = data_set(name)
    if folder is None:
        return None
    table = pq.read_table(folder / "data.parquet")
    items = table.drop_columns([column for column in (target, "split") if column in table.column_names])
    gold = [str(value) for value in table[target].to_pylist()]
    first: dict[tuple[object, ...], str] = {}
    keys = list(zip(*(column.to_pylist() for column in items.columns), strict=True))
    for key, label in zip(keys, gold, strict=True):
        first.setdefault(key, label)
    return LabeledSet(name, items, [first[key] for key in keys], Classify(sorted(set(gold)), table="*"))


def images(name: str) -> LabeledSet | None:
    folder = data_set(name)
    if folder is None:
        return None
    table = pq.read_table(folder / "data.parquet", columns=["image", "label"])
    labels, gold = _labels(folder, table)
    return LabeledSet(name, table.select(["image"]), gold, Classify(labels, image="image"))


def digits() -> LabeledSet:
    """The 1,797 handwritten digits that scikit-learn ships, as PNG."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return _drawn("digits", (255 - data.images * 15.9375).astype("uint8"), data.target)


def mnist() -> LabeledSet | None:
    """The 10,000 digits of MNIST's test set, as PNG."""
    folder = data_set("mnist_test_labelerrors")
    if folder is None:
        return None
    data = np.load(folder / "images.npz")
    return _drawn("mnist_test_labelerrors", 255 - data["X"].reshape(-1, 28, 28), data["y"])


def _drawn(name: str, pixels: NDArray[np.uint8], labels: NDArray[np.integer]) -> LabeledSet:
    """Digits as PNG, dark on white."""
    from PIL import Image

    files = []
    for one in pixels:
        buffer = io.BytesIO()
        Image.fromarray(one).save(buffer, "PNG")
        files.append(buffer.getvalue())
    items = pa.table({"image": pa.array(files, pa.binary())})
    return LabeledSet(
        name, items, [str(label) for label in labels], Classify(list("0123456789"), image="image")
    )


def sentiment() -> LabeledSet | None:
    """Sentences of film reviews."""
    folder = data_set("crowd_sentiment_polarity")
    if folder is None:
        return None
    table = pq.read_table(folder / "items.parquet")
    gold = [str(label) for label in table["gold"].to_pylist()]
    return LabeledSet(
        "crowd_sentiment_polarity", table.select(["text"]), gold, Classify(["0", "1"], text="text")
    )


def llm_votes(name: str) -> LabeledSet | None:
    """A file of the PAC labels paper: gold, a model's label and its confidence; some have a text."""
    folder = data_set("pac_labels_llm")
    if folder is None:
        return None
    table = pq.read_table(folder / f"{name}.parquet")
    gold = [str(label) for label in table["Y"].to_pylist()]
    vote = next(column for column in table.column_names if column.startswith("Yhat"))
    votes = [str(label) for label in table[vote].to_pylist()]
    text = next((column for column in ("headline", "text") if column in table.column_names), None)
    items = table.select([text or "confidence"])
    task = Classify(sorted({*gold, *votes}), text=text or "confidence")
    return LabeledSet(f"pac_{name}", items, gold, task, votes, table["confidence"].to_pylist())


SETS: dict[str, Callable[[], LabeledSet | None]] = {
    "digits": digits,
    "img_sign_digits": partial(images, "img_sign_digits"),
    "wrench_youtube": partial(text, "wrench_youtube"),
    "wrench_sms": partial(text, "wrench_sms"),
    "wrench_trec": partial(text, "wrench_trec"),
    "text_subj": partial(text, "text_subj"),
    "text_banking77": partial(text, "text_banking77"),
    "tab_wine_quality": partial(rows, "tab_wine_quality", "quality"),
    "weak_agnews_24k": partial(text, "weak_agnews_24k"),
    "tab_adult": partial(rows, "tab_adult", "income"),
    "wrench_chemprot": partial(text, "wrench_chemprot"),
    "crowd_sentiment_polarity": sentiment,
    "mnist_test_labelerrors": mnist,
    "cifar10n_train10k": partial(images, "cifar10n_train10k"),
    "pac_misinfo": partial(llm_votes, "misinfo"),
    "pac_stance": partial(llm_votes, "stance"),
}
