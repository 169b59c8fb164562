"""Choosing the encoder once, and pinning it by name and fingerprint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldleaf.encode.names import build, choose
from goldleaf.encode.vectors import NpyVectors
from goldleaf.errors import ConfigError, did_you_mean, names
from goldleaf.items.store import ItemStore
from goldleaf.task import Classify

OWN = "own-vectors.npy"


def pinned(
    encoder: str | None,
    vectors: str | Path | NDArray[np.float32] | None,
    task: Classify,
    store: ItemStore,
    folder: Path,
) -> dict[str, Any]:
    """The [encoder] section of a new project."""
    if vectors is not None:
        if encoder is not None:
            raise ConfigError("Give `encoder` or `vectors`, not both.")
        return _own(vectors, store, folder)
    name = encoder or choose(task.modality, glyphs=_glyphs(task, store)).name
    made = build(name, fields=store.fields)  # fails now, not at the first question
    return {"name": name, "fingerprint": made.fingerprint}


def _own(vectors: str | Path | NDArray[np.float32], store: ItemStore, folder: Path) -> dict[str, Any]:
    if isinstance(vectors, np.ndarray):
        np.save(folder / OWN, vectors)  # relative, so that the project's folder can move
        return _npy(folder / OWN, OWN, store, folder)
    if str(vectors).endswith(".npy"):
        return _npy(Path(vectors), str(Path(vectors).resolve()), store, folder)
    if str(vectors) not in store.schema.names:
        raise ConfigError(
            f"`vectors` is neither an .npy file nor a column: {str(vectors)!r}; the data has "
            f"{names(store.schema.names)}.{did_you_mean(str(vectors), store.schema.names)}"
        )
    return {"name": "column.v1", "column": str(vectors)}


def _npy(file: Path, path: str, store: ItemStore, folder: Path) -> dict[str, Any]:
    """The vectors of `file`: one for each item, or one for each row, of which each item takes its first."""
    array = NpyVectors(("vector",), file).array
    if len(array) == store.items:
        return {"name": "npy.v1", "path": path}
    if len(array) != store.rows:
        raise ConfigError(
            f"`vectors` has {len(array)} rows; the data has {store.rows} rows and {store.items} distinct items.",
            do="Give a vector for each row in the order of the file, or one for each distinct item.",
        )
    item = np.concatenate([batch.column("goldleaf_item").to_numpy() for batch in store.row_batches()])
    chosen = np.asarray(array[np.unique(item, return_index=True)[1]])
    np.save(folder / OWN, chosen)
    return {"name": "npy.v1", "path": OWN}


def _glyphs(task: Classify, store: ItemStore) -> bool:
    if task.image is None:
        return False
    from goldleaf.encode.image import are_glyphs

    return are_glyphs(store.load_images(range(min(20, store.items))))
