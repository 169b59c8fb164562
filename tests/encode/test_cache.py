from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldleaf.encode import cache as cache_module
from goldleaf.encode.cache import VectorCache
from goldleaf.errors import EncodeError
from goldleaf.progress import reporting

from .support import batches_of


class Counting:
    """Encodes an integer to (n, n²) and remembers what it was asked; fails at the item `stop`."""

    fingerprint = "0123456789abcdef"

    def __init__(self, stop: int | None = None) -> None:
        self.asked: list[int] = []
        self.stop = stop

    def encode(self, batch: pa.RecordBatch) -> np.ndarray:
        values = batch.column("n").to_pylist()
        if self.stop in values:
            raise RuntimeError("killed")
        self.asked += values
        return np.array([[n, n * n] for n in values], np.float32).reshape(-1, 2)


def _items(numbers) -> tuple[list[str], pa.Table]:
    return [f"item-{n}" for n in numbers], pa.table({"n": pa.array(list(numbers), pa.int64())})


def _run(folder, numbers, encoder=None, rows=7):
    encoder = encoder or Counting()
    ids, table = _items(numbers)
    vectors = VectorCache(folder).vectors(encoder, ids, batches_of(table, rows))
    assert np.array_equal(vectors, np.array([[n, n * n] for n in numbers], np.float32))
    return encoder.asked


def test_computed_once_and_extended(tmp_path) -> None:
    assert _run(tmp_path, range(100)) == list(range(100))
    assert _run(tmp_path, range(100)) == []
    assert _run(tmp_path, range(130), rows=50) == list(range(100, 130))
    assert _run(tmp_path, range(40)) == []
    assert _run(tmp_path, range(131)) == [130]


def test_a_kill_costs_only_what_was_not_durable(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(cache_module, "_DURABLE_EVERY", -1.0)
    ids, table = _items(range(100))
    with pytest.raises(RuntimeError, match="killed"):
        VectorCache(tmp_path).vectors(Counting(stop=70), ids, batches_of(table, 10))
    assert _run(tmp_path, range(100)) == list(range(70, 100))


def test_half_written_rows_are_cut_off(tmp_path) -> None:
    _run(tmp_path, range(20))
    stem = tmp_path / Counting.fingerprint
    with stem.with_suffix(".f32").open("ab") as file:
        file.write(b"\1" * 13)
    with stem.with_suffix(".ids").open("r+b") as file:
        file.truncate(15 * 16 + 5)
    assert _run(tmp_path, range(30)) == list(range(15, 30))


def test_rows_without_hashes_do_not_count(tmp_path) -> None:
    _run(tmp_path, range(20))
    (tmp_path / f"{Counting.fingerprint}.ids").unlink()
    assert _run(tmp_path, range(20)) == list(range(20))


def test_a_new_order_encodes_only_what_is_new(tmp_path) -> None:
    _run(tmp_path, range(50))
    changed = [60, *range(49, 10, -1), 61]
    assert _run(tmp_path, changed) == [60, 61]
    assert not list(tmp_path.glob("*.old.*"))


def test_a_kill_while_reordering_loses_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(cache_module, "_DURABLE_EVERY", -1.0)
    _run(tmp_path, range(50))
    ids, table = _items([*range(20, 50), 99, *range(20)])
    with pytest.raises(RuntimeError):
        VectorCache(tmp_path).vectors(Counting(stop=99), ids, batches_of(table))
    assert _run(tmp_path, [*range(20, 50), 99, *range(20)]) == [99]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=25, unique=True), min_size=1, max_size=4))
def test_any_history_of_pools_gives_the_right_rows(tmp_path_factory, pools) -> None:
    folder = tmp_path_factory.mktemp("vectors")
    for numbers in pools:
        asked = _run(folder, numbers)
        assert len(asked) == len(set(asked))
        assert set(asked) <= set(numbers)


def test_removed_vectors_are_computed_again(tmp_path) -> None:
    _run(tmp_path, range(5))
    VectorCache(tmp_path).remove(Counting.fingerprint)
    assert _run(tmp_path, range(5)) == list(range(5))


@pytest.mark.parametrize("rows", [5, 30])
def test_batches_must_add_up_to_the_ids(tmp_path, rows) -> None:
    ids, _ = _items(range(20))
    _, table = _items(range(rows))
    with pytest.raises(EncodeError, match=r"rows for 20 items; there must be one row per item"):
        VectorCache(tmp_path).vectors(Counting(), ids, batches_of(table))


def test_no_items(tmp_path) -> None:
    with pytest.raises(EncodeError, match="no items to encode"):
        VectorCache(tmp_path).vectors(Counting(), [], batches_of(pa.table({"n": []})))


class Wrong(Counting):
    def __init__(self, vectors: np.ndarray) -> None:
        super().__init__()
        self.vectors = vectors

    def encode(self, batch: pa.RecordBatch) -> np.ndarray:
        return self.vectors[: batch.num_rows]


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.zeros((4, 2)), r"returned float64 \(4, 2\) for 4 items; allowed: float32 \(4, d\)"),
        (np.zeros((3, 2), np.float32), r"returned float32 \(3, 2\) for 4 items"),
        (np.zeros(4, np.float32), r"returned float32 \(4,\) for 4 items"),
        (np.full((4, 2), np.nan, np.float32), "NaN or infinity for 4 of 4 items"),
    ],
)
def test_what_an_encoder_must_not_return(tmp_path, vectors, message) -> None:
    ids, table = _items(range(4))
    with pytest.raises(EncodeError, match=message):
        VectorCache(tmp_path).vectors(Wrong(vectors), ids, batches_of(table))


def test_the_number_of_dimensions_may_not_change(tmp_path) -> None:
    _run(tmp_path, range(4))
    ids, table = _items(range(8))
    with pytest.raises(EncodeError, match="returned 3 dimensions, before it was 2"):
        VectorCache(tmp_path).vectors(Wrong(np.zeros((9, 3), np.float32)), ids, batches_of(table))


def test_progress_counts_the_items_still_to_do(tmp_path) -> None:
    from contextlib import contextmanager

    _run(tmp_path, range(10))
    seen: list[tuple[str, int | None, str]] = []
    done: list[int] = []

    @contextmanager
    def reporter(what: str, total: int | None, unit: str) -> Iterator[object]:
        seen.append((what, total, unit))
        yield done.append

    with reporting(reporter):
        _run(tmp_path, range(35))
    assert seen == [("encode", 25, "items")]
    assert sum(done) == 25
