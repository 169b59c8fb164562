"""What an encoder reads: the content of the items, with images as bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from goldleaf.items.store import ItemStore
from goldleaf.task import Classify

SIZE = 4096
IMAGES = 256  # images are big


def content_batches(
    store: ItemStore, task: Classify, columns: Sequence[str], start: int
) -> Iterator[pa.RecordBatch]:
    """The items' `columns` from position `start` on, in order."""
    at, image = start, task.image
    for batch in store.item_batches(columns, start, IMAGES if task.image else SIZE):
        if image in columns and image is not None:
            data = pa.array(store.load_images(np.arange(at, at + batch.num_rows)), pa.binary())
            batch = batch.set_column(batch.schema.get_field_index(image), image, data)
        at += batch.num_rows
        yield batch
