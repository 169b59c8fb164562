"""The adapter against a stand-in of the package, which is no dependency of ours."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest

from goldleaf.encode.names import build
from goldleaf.errors import EncodeError

from .support import one_batch


class Tensor:
    def __init__(self, numbers: list[float]) -> None:
        self.numbers = np.array(numbers, np.float32)

    def cpu(self) -> Tensor:
        return self

    contiguous = cpu

    def numpy(self) -> np.ndarray:
        return self.numbers


class SentenceTransformer:
    def __init__(self, model: str, *, local_files_only: bool) -> None:
        assert local_files_only
        if model == "absent":
            raise OSError("not in the cache")
        self.weight = float(len(model))

    def state_dict(self) -> dict[str, Tensor]:
        return {"w": Tensor([self.weight])}

    def encode(self, texts, *, batch_size: int, normalize_embeddings: bool, show_progress_bar: bool):
        assert (batch_size, normalize_embeddings, show_progress_bar) == (1, True, False)
        return np.array([[len(text), self.weight] for text in texts], np.float64)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch) -> None:
    module = ModuleType("sentence_transformers")
    module.SentenceTransformer = SentenceTransformer
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    found, version = importlib.util.find_spec, importlib.metadata.version
    spec = importlib.util.spec_from_loader("sentence_transformers", None)
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: spec if name == "sentence_transformers" else found(name)
    )
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "9" if name == "sentence-transformers" else version(name)
    )


def test_its_vectors_and_its_fingerprint() -> None:
    encoder = build("sentence-transformers:tiny", fields=("text",))
    vectors = encoder.encode(one_batch(pa.table({"text": ["abc", None]})))
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[3, 4], [0, 4]]
    assert encoder.fingerprint != build("sentence-transformers:other", fields=("text",)).fingerprint


def test_a_model_that_is_not_on_this_machine() -> None:
    with pytest.raises(EncodeError, match="is not on this machine: not in the cache\nDownload it once"):
        build("sentence-transformers:absent", fields=("text",))
