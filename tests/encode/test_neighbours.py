"""The second view: every item half a step towards its nearest neighbours, never towards itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldleaf.encode import neighbours
from goldleaf.encode.neighbours import NEIGHBOURS, STEP, around, unit_rows, write_around


def _rows(n: int, d: int = 5, seed: int = 0) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32))


def _slowly(own: np.ndarray, among: np.ndarray) -> np.ndarray:
    drawn = []
    for item, row in enumerate(own):
        others = among[among != item]
        nearest = others[np.argsort(-(own[others] @ row))[: min(NEIGHBOURS, len(among) - 1)]]
        mean = own[nearest].astype(float).mean(axis=0)
        moved = row + STEP * mean / np.linalg.norm(mean)
        drawn.append(moved / np.linalg.norm(moved))
    return np.array(drawn)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 60), seed=st.integers(0, 99))
def test_it_is_what_the_slow_way_finds(n: int, seed: int) -> None:
    own = _rows(n, seed=seed)
    np.testing.assert_allclose(around(own), _slowly(own, np.arange(n)), atol=2e-5)


@pytest.mark.parametrize("n", [2_000, 5])
def test_rows_have_unit_norm_and_inputs_stay(n: int) -> None:
    own = _rows(n)
    before = own.copy()
    drawn = around(own)
    assert drawn.dtype == np.float32 and drawn.shape == own.shape
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1, atol=1e-5)
    assert np.array_equal(own, before)


def test_nobody_is_their_own_neighbour(monkeypatch) -> None:
    """Two clusters of eleven, so that ten neighbours are all the others: one's own row has no part in the mean."""
    monkeypatch.setattr(neighbours, "_CHUNK", 4)
    own = unit_rows((np.repeat(np.eye(6)[:2], 11, axis=0) + 0.1 * _rows(22, 6)).astype(np.float32))
    drawn = around(own)
    for item in range(22):
        mates = [other for other in range(22) if other // 11 == item // 11 and other != item]
        mean = unit_rows(own[mates].mean(axis=0, keepdims=True))[0]
        expected = own[item] + STEP * mean
        np.testing.assert_allclose(drawn[item], expected / np.linalg.norm(expected), atol=1e-5)


def test_pools_of_none_one_and_two() -> None:
    assert around(_rows(0)).shape == (0, 5)
    assert np.array_equal(around(_rows(1)), _rows(1))
    two = np.eye(2, dtype=np.float32)
    np.testing.assert_allclose(around(two), unit_rows(two + STEP * two[::-1]), atol=1e-6)
    np.testing.assert_allclose(around(np.array([[1, 0], [-1, 0]], np.float32)), [[1, 0], [-1, 0]], atol=1e-6)


def test_equal_rows_stay_equal_and_zeros_are_allowed() -> None:
    same = np.repeat(_rows(1), 30, axis=0)
    np.testing.assert_allclose(around(same), same, atol=1e-5)
    assert not around(np.zeros((30, 4), np.float32)).any()
    some = np.concatenate([_rows(20), np.zeros((2, 5), np.float32)])
    assert np.isfinite(around(some)).all()


def test_noise_averages_out() -> None:
    rng = np.random.default_rng(0)
    truth = np.eye(3, 20)[rng.integers(3, size=600)]
    own = unit_rows((truth + 0.25 * rng.normal(size=truth.shape)).astype(np.float32))
    assert (around(own) * truth).sum(axis=1).mean() > (own * truth).sum(axis=1).mean() + 0.05


@pytest.mark.parametrize("chunk", [7, 2048])
def test_of_a_large_pool_a_part_is_searched(monkeypatch, chunk: int) -> None:
    monkeypatch.setattr(neighbours, "AMONG", 20)
    monkeypatch.setattr(neighbours, "_CHUNK", chunk)
    own = _rows(90)
    among = np.sort(np.random.default_rng(3).choice(90, 20, replace=False))
    np.testing.assert_allclose(around(own, seed=3), _slowly(own, among), atol=2e-5)
    assert not np.allclose(around(own, seed=3), around(own, seed=4))


@pytest.mark.parametrize("n", [1, 2, 90])
def test_the_file_holds_the_same(tmp_path, monkeypatch, n: int) -> None:
    monkeypatch.setattr(neighbours, "AMONG", 60)
    monkeypatch.setattr(neighbours, "_CHUNK", 16)
    own = _rows(n)
    write_around(own, tmp_path / "around.npy", seed=5)
    found = np.load(tmp_path / "around.npy", mmap_mode="r")
    assert found.dtype == np.float32 and found.tobytes() == around(own, seed=5).tobytes()
    assert [path.name for path in tmp_path.iterdir()] == ["around.npy"]
