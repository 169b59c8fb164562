"""`sentence-transformers:NAME`: a model that you have on this machine, by the package of that name."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from typing import Any

import numpy as np
import pyarrow as pa

from goldleaf.encode.base import Vectors, fingerprint, only_field, texts, version
from goldleaf.errors import EncodeError


class SentenceTransformersText:
    """Its sentence vectors, scaled to unit norm. Nothing is downloaded: the model must be a folder or in the cache.

    One text a time: padding to the longest text of a batch changes the last bits.
    """

    name = "sentence-transformers"

    def __init__(self, fields: tuple[str, ...], model: str) -> None:
        self.field = only_field(fields, f"sentence-transformers:{model}")
        if importlib.util.find_spec("sentence_transformers") is None:
            raise EncodeError(
                f"`sentence-transformers:{model}` needs the package `sentence-transformers`, not installed.",
                do="Install it: pip install sentence-transformers",
            )
        package: Any = importlib.import_module("sentence_transformers")
        try:
            self.model: Any = package.SentenceTransformer(model, local_files_only=True)
        except (OSError, ValueError) as error:
            raise EncodeError(
                f"`sentence-transformers:{model}` is not on this machine: {error}",
                do="Download it once with that package, or give the folder as the name.",
            ) from error
        weights = hashlib.sha256()
        for key, tensor in sorted(self.model.state_dict().items()):
            weights.update(key.encode() + tensor.cpu().contiguous().numpy().tobytes())
        self.fingerprint = fingerprint(
            self.name,
            model=model,
            field=self.field,
            weights=weights.hexdigest(),
            version=version("sentence-transformers"),
        )

    def encode(self, batch: pa.RecordBatch) -> Vectors:
        found = self.model.encode(
            texts(batch, self.field), batch_size=1, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(found, np.float32)
