"""Whether a store's parts hold what was added: every digest is computed again from the rows."""

from __future__ import annotations

import hashlib

import numpy as np

from goldleaf.errors import ItemsError
from goldleaf.items.adding import CONTENT, ITEM, ROW, prepare
from goldleaf.items.content import from_binary
from goldleaf.items.index import DigestIndex
from goldleaf.items.parts import EMPTY
from goldleaf.items.stored import StoredRows, user_schema
from goldleaf.progress import track
from goldleaf.task import Classify

DO = "Restore it from a copy of the project."


def verify_rows(stored: StoredRows, task: Classify) -> None:
    """Raises ItemsError at the first row whose cells, item or place in the chain of digests differ."""
    contents, digest = DigestIndex(), EMPTY
    with track("verify", total=stored.rows, unit="rows") as advance:
        for part, file in zip(stored.manifest.parts, stored.files, strict=True):
            state, row, items = hashlib.sha256(digest.encode()), 0, contents.size
            root = None if part.root is None else stored.folder / part.root
            schema = user_schema(file.schema)
            for batch in file.gather(np.arange(file.metadata.num_rows), file.schema.names):
                content, rows = from_binary(batch.column(CONTENT)), from_binary(batch.column(ROW))
                ready = prepare(batch.select(schema.names), task, stored.manifest.fields, root, schema)
                same = np.all(ready.content == content, axis=1) & np.all(ready.rows == rows, axis=1)
                same &= contents.assign(content) == batch.column(ITEM).to_numpy()
                if not same.all():
                    at = row + int(np.argmin(same))
                    raise ItemsError(f"{file.path}, row {at} (counted from 0) is not as it was added.", do=DO)
                state.update(np.hstack([content, rows]).tobytes())
                row += len(batch)
                advance(len(batch))
            digest, items = state.hexdigest(), contents.size - items
            if (digest, row, items) != (part.digest, part.rows, part.items):
                raise ItemsError(f"{file.path} does not hold the rows that were added.", do=DO)
