"""The data sets of the benchmarks: items, and the answer that people once gave to each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.figures import data_set
from goldleaf.task import Classify


@dataclass(frozen=True)
class LabeledSet:
    """`items` have the task's columns and no gold; `gold` is the label of each row."""

    name: str
    items: pa.Table
    gold: list[str]
    task: Classify

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
    import io

    from PIL import Image
    from sklearn.datasets import load_digits

    data = load_digits()
    files = []
    for pixels in data.images:
        buffer = io.BytesIO()
        Image.fromarray((255 - pixels * 15.9375).astype("uint8")).save(buffer, "PNG")
        files.append(buffer.getvalue())
    items = pa.table({"image": pa.array(files, pa.binary())})
    return LabeledSet(
        "digits", items, [str(label) for label in data.target], Classify(list("0123456789"), image="image")
    )


SETS: dict[str, Callable[[], LabeledSet | None]] = {
    "digits": digits,
    "img_sign_digits": lambda: images("img_sign_digits"),
    "wrench_youtube": lambda: text("wrench_youtube"),
    "wrench_sms": lambda: text("wrench_sms"),
    "wrench_trec": lambda: text("wrench_trec"),
    "text_subj": lambda: text("text_subj"),
    "text_banking77": lambda: text("text_banking77"),
    "tab_wine_quality": lambda: rows("tab_wine_quality", "quality"),
    "weak_agnews_24k": lambda: text("weak_agnews_24k"),
    "tab_adult": lambda: rows("tab_adult", "income"),
}
