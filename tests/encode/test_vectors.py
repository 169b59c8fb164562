"""The user's own vectors."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from goldleaf.encode.cache import VectorCache
from goldleaf.encode.features import pool_features
from goldleaf.encode.names import build
from goldleaf.errors import ConfigError, EncodeError

from .support import batches_of, one_batch


def _encode(column) -> np.ndarray:
    return build("column.v1", fields=("v",)).encode(one_batch(pa.table({"v": column})))


@pytest.mark.parametrize(
    "kind",
    [pa.list_(pa.float64()), pa.large_list(pa.float32()), pa.list_(pa.float32(), 2), pa.list_(pa.int8())],
)
def test_lists_of_numbers(kind) -> None:
    assert _encode(pa.array([[1, 2], [3, 4], [5, 6]], kind)).tolist() == [[1, 2], [3, 4], [5, 6]]


def test_a_slice_of_a_column() -> None:
    batch = one_batch(pa.table({"v": pa.array([[1.0], [2.0], [3.0]], pa.list_(pa.float64(), 1))}))
    assert build("column.v1", fields=("v",)).encode(batch.slice(1, 2)).tolist() == [[2.0], [3.0]]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([[1.0, 2.0], [3.0]], r"The vectors of column `v` must all have the same length, got \[1, 2\]"),
        (pa.array([[], []], pa.list_(pa.float32())), r"must all have the same length, got \[0\]"),
        ([[1.0], None], "1 vectors of column `v` are missing in a batch"),
        ([[1.0], [float("nan")]], "NaN or infinity in the vectors of column `v`: nan at number 0 of row 1"),
        ([[1.0], [float("inf")]], "inf at number 0 of row 1"),
        ([[1.0], [None]], "nan at number 0 of row 1"),
        (["a", "b"], "have the type string; allowed: a list of numbers"),
        ([["a"], ["b"]], "allowed: a list of numbers"),
    ],
)
def test_what_a_column_may_not_hold(column, message) -> None:
    with pytest.raises(EncodeError, match=message):
        _encode(column)


def _npy(folder, array) -> str:
    np.save(folder / "vectors.npy", array)
    return str(folder / "vectors.npy")


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int32])
def test_an_npy_file_in_item_order(tmp_path, dtype) -> None:
    array = np.arange(60).reshape(20, 3).astype(dtype)
    encoder = build("npy.v1", fields=(), path=_npy(tmp_path, array))
    ids = [str(n) for n in range(20)]
    vectors = VectorCache(tmp_path).vectors(encoder, ids, encoder.batches_from)
    assert np.array_equal(vectors, array)


def test_own_vectors_stand_alone_in_the_features(tmp_path) -> None:
    array = np.random.default_rng(0).normal(size=(20, 3))
    encoder = build("npy.v1", fields=(), path=_npy(tmp_path, array))
    items = pa.table({"text": ["x"] * 20})
    ids = [str(n) for n in range(20)]
    own, _ = pool_features("text", encoder, ids, batches_of(items), tmp_path, fields=("text",))
    centred = array - array.mean(axis=0)
    np.testing.assert_allclose(own, centred / np.linalg.norm(centred, axis=1, keepdims=True), atol=1e-5)


def test_an_npy_file_must_have_a_row_per_item(tmp_path) -> None:
    encoder = build("npy.v1", fields=(), path=_npy(tmp_path, np.ones((19, 3))))
    with pytest.raises(EncodeError, match="Encoding read 19 rows for 20 items"):
        VectorCache(tmp_path).vectors(encoder, [str(n) for n in range(20)], encoder.batches_from)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones(4), r"holds float64 \(4,\); allowed: numbers of shape \(items, dimensions\)"),
        (np.ones((0, 4)), r"\(0, 4\); allowed"),
        (np.array([["a"]]), r"<U1 \(1, 1\); allowed"),
        (np.ones((2, 2), complex), r"complex128 \(2, 2\); allowed"),
        (np.array([[object()]]), "is not an .npy file of numbers"),
    ],
)
def test_what_an_npy_file_may_not_hold(tmp_path, array, message) -> None:
    with pytest.raises(EncodeError, match=message):
        build("npy.v1", fields=(), path=_npy(tmp_path, array))


def test_nan_in_an_npy_file(tmp_path) -> None:
    encoder = build("npy.v1", fields=(), path=_npy(tmp_path, np.array([[1.0], [np.nan]])))
    with pytest.raises(EncodeError, match="NaN or infinity in the vectors of"):
        VectorCache(tmp_path).vectors(encoder, ["a", "b"], encoder.batches_from)


def test_files_that_are_none(tmp_path) -> None:
    (tmp_path / "text.npy").write_text("not numbers")
    with pytest.raises(EncodeError, match=r"is not an \.npy file of numbers"):
        build("npy.v1", fields=(), path=tmp_path / "text.npy")
    with pytest.raises(EncodeError, match="no file"):
        build("npy.v1", fields=(), path=tmp_path / "none.npy")
    with pytest.raises(ConfigError, match=r"`npy\.v1` needs `path`"):
        build("npy.v1", fields=())
