"""`text.static.v1`: the mean of wordllama's 256-d static token vectors. In the core, 10,000 texts a second.

The two files are read straight from the wheel. Importing wordllama would configure the root logger, and its
`load()` looks for the tokenizer in a folder that the wheel does not have and then goes to the network.
"""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from goldleaf.encode.base import Vectors, fingerprint, only_field, package_folder, sha256, texts
from goldleaf.errors import EncodeError

_WEIGHTS, _TOKENIZER = "weights/l2_supercat_256.safetensors", "tokenizers/l2_supercat_tokenizer_config.json"


class StaticText:
    """Mean of the token vectors, scaled to unit norm; an empty text is the zero vector."""

    name = "text.static.v1"

    def __init__(self, fields: tuple[str, ...]) -> None:
        from tokenizers import Tokenizer

        self.field = only_field(fields, self.name)
        folder = package_folder("wordllama", "`text.static.v1`", "text")
        for name in (_WEIGHTS, _TOKENIZER):
            if not (folder / name).is_file():
                raise EncodeError(
                    f"`text.static.v1`: the installed wordllama has no {name}.",
                    do="Install the version that has it: pip install wordllama==0.4.0.post1",
                )
        self.table = _tensor(folder / _WEIGHTS, "embedding.weight")
        self.tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.fingerprint = fingerprint(
            self.name,
            field=self.field,
            weights=sha256(folder / _WEIGHTS),
            tokenizer=sha256(folder / _TOKENIZER),
        )

    def encode(self, batch: pa.RecordBatch) -> Vectors:
        some = texts(batch, self.field)
        tokens = [found.ids for found in self.tokenizer.encode_batch_fast(some, add_special_tokens=False)]
        starts = np.cumsum([0, *map(len, tokens)])
        flat = np.fromiter(chain.from_iterable(tokens), np.int64, starts[-1])
        # a sparse product adds each row's tokens in order: the sum is the same whatever else is in the batch
        counts = sp.csr_array((np.ones(len(flat), np.float32), flat, starts), (len(some), len(self.table)))
        sums = counts @ self.table
        norms = np.sqrt(np.einsum("ij,ij->i", sums, sums))[:, None]
        vectors: Vectors = sums / np.maximum(norms, np.float32(1e-12))
        return vectors


def _tensor(path: Path, name: str) -> Vectors:
    """One tensor of a safetensors file as float32 (8 bytes of header length, a JSON header, raw data)."""
    raw = path.read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    entry = json.loads(raw[8:start])[name]
    dtype = {"F16": "<f2", "F32": "<f4"}[entry["dtype"]]
    begin, end = entry["data_offsets"]
    flat = np.frombuffer(raw[start + begin : start + end], dtype)
    return flat.reshape(entry["shape"]).astype(np.float32)
