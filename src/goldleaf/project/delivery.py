"""The labeled data set: every row with its columns, its label, and who decided it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from goldleaf.errors import ExportError
from goldleaf.exports.base import label_fields
from goldleaf.items.store import ItemStore
from goldleaf.project.config import Config
from goldleaf.project.loop import Loop

NOBODY = -1  # inside this file only: an item without a label


class Delivery:
    """Final labels by item, and the rows they belong to.

    A person's answer overrides the machine. An item that a person could not tell keeps the machine's label
    (it is counted as an error), or leaves the data set when the target says `exclude`.
    """

    def __init__(self, config: Config, store: ItemStore, loop: Loop) -> None:
        if not loop.record.labeled():
            raise ExportError(
                "There is no answer yet, so there are no labels to export.", do="Answer first: goldleaf label"
            )
        frozen = loop.frozen or loop.predict(0, "exported before an audit")
        self.store = store
        self.sources = frozen.sources
        self.names = config.task.labels
        self.label = np.full(store.items, NOBODY, np.int64)
        self.label[frozen.positions] = frozen.labels
        self.probability = np.full(store.items, np.nan)
        self.probability[frozen.positions] = frozen.probability
        self.human = np.zeros(store.items, bool)
        self.source = np.full(store.items, frozen.machine, object)
        index = {name: number for number, name in enumerate(self.names)}
        for asked, given in loop.record.effective():
            if given.label is not None:
                at = asked.position
                self.label[at], self.probability[at] = index[given.label], 1.0
                self.human[at], self.source[at] = True, given.source
        self.cant_tell = loop.record.positions("cant_tell")
        self.left_out = np.zeros(store.items, bool)
        if config.target.cant_tell == "exclude":
            self.left_out[self.cant_tell] = True
        self.schema = pa.schema([*store.schema, *label_fields(store.schema)])

    @property
    def rows(self) -> int:
        return int(self.store.weights()[~self.left_out].sum())

    @property
    def unlabeled(self) -> int:
        """Delivered rows without a label."""
        return int(self.store.weights()[(self.label == NOBODY) & ~self.left_out].sum())

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows in the order of import."""
        names = pa.array(self.names, pa.string())
        for batch in self.store.row_batches():
            item = batch.column("goldleaf_item").to_numpy()
            kept = ~self.left_out[item]
            item = item[kept]
            own = batch.select(self.store.schema.names)
            own = own if kept.all() else own.filter(pa.array(kept))
            label = pa.array(self.label[item], pa.int64(), mask=self.label[item] == NOBODY)
            added: list[pa.Array[Any]] = [
                names.take(label),
                pa.array(self.probability[item], pa.float64()),
                pa.array([str(one) for one in self.source[item]], pa.string()),
                pa.array(self.human[item], pa.bool_()),
            ]
            yield pa.RecordBatch.from_arrays([*own.columns, *added], schema=self.schema)

    def class_counts(self) -> dict[str, tuple[int, int]]:
        """Label → rows labeled by (a person, the machine)."""
        weights = self.store.weights()
        counts: dict[str, Counter[bool]] = {name: Counter() for name in self.names}
        for number, name in enumerate(self.names):
            for human in (True, False):
                chosen = (self.label == number) & (self.human == human) & ~self.left_out
                counts[name][human] = int(weights[chosen].sum())
        return {name: (count[True], count[False]) for name, count in counts.items()}
