"""`text.pair.v1`: two small models side by side, 1152-d, without torch. The recommended one (`goldleaf[text]`).

bge-small-en-v1.5 for what a text is about: the vector of its first token, and the mean over its tokens two thirds of
the way up the network, where the wording is still told apart. answerai-colbert-small-v1, which was trained to match
texts token by token, for the rest: the vector of its first token. On the same answers it left fewer errors than
`text.bge.v1` on seven text sets of eight (docs/benchmarks.md), for twice the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from goldleaf.encode.base import Parts, Vectors, fingerprint, only_field, texts
from goldleaf.encode.text_bge import DIMENSIONS
from goldleaf.encode.text_bge import FILES as BGE_FILES
from goldleaf.encode.text_bge import FOLDER as BGE
from goldleaf.encode.text_tokens import TokenModel, carried

INNER = "/encoder/layer.7/output/LayerNorm/Add_1_output_0"  # of twelve
COLBERT_FILES = {
    "model.onnx": "4980983628c18e4f0a4c756114abd2d7c097c6ccad9cffc70e77302d21e05df0",
    "tokenizer.json": "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
}
COLBERT_FOLDER = "colbert"


class PairText:
    """Three vectors of a text, one after the other.

    Args:
        fields: the one text column.
        path: a folder with `bge_small_en/` and `colbert/`, each with `model.onnx` and `tokenizer.json`, instead of the
            package that carries them.
        tokens: texts are cut to this many tokens, at most 512.
    """

    name = "text.pair.v1"
    parts: Parts = ((DIMENSIONS, 1.0),) * 3

    def __init__(self, fields: tuple[str, ...], path: str | Path | None = None, tokens: int = 256) -> None:
        what = f"`{self.name}`"
        self.field = only_field(fields, self.name)
        folder = carried(what) if path is None else Path(path)
        self.bge = TokenModel(folder / BGE, BGE_FILES, tokens, what, (INNER,))
        self.colbert = TokenModel(folder / COLBERT_FOLDER, COLBERT_FILES, tokens, what)
        files = {"bge": BGE_FILES, "colbert": COLBERT_FILES}
        self.fingerprint = fingerprint(self.name, field=self.field, tokens=tokens, files=files)

    def encode(self, batch: pa.RecordBatch) -> Vectors:
        given = texts(batch, self.field)
        bge = self.bge.vectors(given, 2 * DIMENSIONS, _first_and_inner)
        colbert = self.colbert.vectors(given, DIMENSIONS, lambda outputs: outputs[0][0])
        return np.hstack([bge, colbert])


def _first_and_inner(outputs: Sequence[Vectors]) -> Vectors:
    last, inner = outputs
    return np.concatenate([last[0], inner.mean(axis=0)])
