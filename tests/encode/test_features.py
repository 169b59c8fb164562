from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from goldleaf.encode import cache as cache_module
from goldleaf.encode import features as features_module
from goldleaf.encode.features import Views, blocks, pool_features
from goldleaf.encode.names import build
from goldleaf.encode.neighbours import around, unit_rows

from .support import batches_of, glyphs, one_batch, photos, sentences


def _ids(table: pa.Table) -> list[str]:
    return [f"{row}" for row in range(table.num_rows)]


def _features(modality, encoder, table, folder, **arguments) -> Views:
    fields = tuple(table.column_names)
    return pool_features(
        modality, encoder, _ids(table), batches_of(table), folder, fields=fields, **arguments
    )


def test_a_text_is_its_vector_and_its_words(tmp_path) -> None:
    table = sentences(40)
    encoder = build("text.static.v1", fields=("text",))
    features = _features("text", encoder, table, tmp_path)
    vectors = encoder.encode(one_batch(table))
    centred = unit_rows(vectors - vectors.mean(axis=0))
    for view in features:
        assert view.shape[0] == 40
        assert view.shape[1] > 256
        np.testing.assert_allclose(np.linalg.norm(view, axis=1), 1, atol=1e-5)
        assert view.dtype == np.float32
        with pytest.raises(ValueError, match="read-only"):
            view[0, 0] = 1
    np.testing.assert_allclose(features.own[:, :256], centred / np.sqrt(1.64), atol=1e-5)


def test_the_second_view_is_drawn_towards_the_neighbours(tmp_path) -> None:
    features = _features("text", build("text.static.v1", fields=("text",)), sentences(40), tmp_path)
    assert np.array_equal(features.around, around(np.asarray(features.own)))
    some = features.take(np.array([3, 1]))
    assert np.array_equal(some.own, features.own[[3, 1]])
    assert np.array_equal(some.around, features.around[[3, 1]])
    assert not isinstance(some.own, np.memmap)


def test_the_second_time_nothing_is_encoded(tmp_path) -> None:
    table = sentences(30)
    encoder = build("text.static.v1", fields=("text",))
    first = [view.tobytes() for view in _features("text", encoder, table, tmp_path)]

    def never(start):
        raise AssertionError("read again")

    again = pool_features("text", encoder, _ids(table), never, tmp_path, fields=("text",))
    assert [view.tobytes() for view in again] == first


def test_the_same_pool_gives_the_same_features_whatever_the_batches(tmp_path) -> None:
    table = sentences(50)
    encoder = build("text.static.v1", fields=("text",))
    made = [
        pool_features(
            "text", encoder, _ids(table), batches_of(table, rows), tmp_path / str(rows), fields=("text",)
        )
        for rows in (3, 50)
    ]
    assert made[0].own.tobytes() == made[1].own.tobytes()
    assert made[0].around.tobytes() == made[1].around.tobytes()


def test_a_grown_pool_reuses_vectors_and_forgets_old_features(tmp_path) -> None:
    table = sentences(60)
    encoder = build("text.static.v1", fields=("text",))
    _features("text", encoder, table.slice(0, 40), tmp_path)
    seen: list[int] = []
    encode = encoder.encode
    encoder.encode = lambda batch: (seen.append(batch.num_rows), encode(batch))[1]
    grown = _features("text", encoder, table, tmp_path)
    assert sum(seen) == 20
    assert len(grown.own) == len(grown.around) == 60
    kept = {Path(view.filename).name for view in grown}
    assert {path.name for path in tmp_path.glob("*.npy")} == kept and len(kept) == 2
    assert len(list(tmp_path.glob("*.f32"))) == 1  # the pool-fitted vectors are joined in, not kept


def test_a_kill_between_the_blocks_costs_no_vectors(tmp_path, monkeypatch) -> None:
    from goldleaf.encode import features as module

    table = sentences(30)
    encoder = build("text.static.v1", fields=("text",))
    with monkeypatch.context() as patch:
        patch.setattr(module, "_join", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            _features("text", encoder, table, tmp_path)
    monkeypatch.setattr(cache_module, "_checked", lambda *_: pytest.fail("encoded again"))
    assert len(_features("text", encoder, table, tmp_path).own) == 30


def test_a_kill_between_the_two_files_costs_only_the_second(tmp_path, monkeypatch) -> None:
    from goldleaf.encode import features as module
    from goldleaf.encode import neighbours

    table = sentences(30)
    encoder = build("text.static.v1", fields=("text",))
    whole = [view.tobytes() for view in _features("text", encoder, table, tmp_path / "whole")]
    _features("text", encoder, table.slice(0, 20), tmp_path)  # an older pool, whose files have to go
    with monkeypatch.context() as patch:
        patch.setattr(neighbours, "_CHUNK", 8)
        patch.setattr(neighbours, "_around", lambda rows, start, *_: rows if start < 16 else 1 / 0)
        with pytest.raises(ZeroDivisionError):
            _features("text", encoder, table, tmp_path)
    assert len(list(tmp_path.glob("*.npy"))) == 1
    monkeypatch.setattr(module, "_join", lambda *_: pytest.fail("joined again"))
    again = _features("text", encoder, table, tmp_path)
    assert [view.tobytes() for view in again] == whole
    assert len(list(tmp_path.glob("*.npy"))) == 2 and not list(tmp_path.glob("*.unfinished"))


def test_a_second_view_of_other_features_is_not_used(tmp_path) -> None:
    """Somebody removed the first file: both are made anew."""
    table = sentences(30)
    encoder = build("text.static.v1", fields=("text",))
    made = _features("text", encoder, table, tmp_path)
    expected = made.around.tobytes()
    Path(made.own.filename).unlink()
    np.save(made.around.filename, np.zeros_like(made.around))
    assert _features("text", encoder, table, tmp_path).around.tobytes() == expected


@pytest.mark.parametrize(
    ("modality", "name", "arguments", "expected"),
    [
        ("text", "text.static.v1", {}, [("text.static.v1", 1.0), ("text.svd.v1", 0.8)]),
        ("text", "text.pair.v1", {}, [("text.pair.v1", 1.0), ("text.svd.v1", 0.65)]),
        ("image", "image.lite0.v1", {}, [("image.lite0.v1", 1.0), ("image.hog.v1", 0.5)]),
        ("image", "image.lite0.v2", {}, [("image.lite0.v2", 1.0), ("image.hog.v1", 0.5)]),
        ("image", "image.patches.v1", {}, [("image.patches.v1", 1.0), ("image.hog.v1", 1.0)]),
        ("image", "image.hog.v1", {}, [("image.hog.v1", 1.0)]),
        ("table", "table.v1", {}, [("table.v1", 1.0)]),
        ("text", "column.v1", {}, [("column.v1", 1.0)]),
        ("text", "openai:x", {"base_url": "http://localhost/v1"}, [("openai", 1.0), ("text.svd.v1", 0.8)]),
    ],
)
def test_what_stands_beside_what(modality, name, arguments, expected) -> None:
    found = blocks(modality, build(name, fields=("x",), **arguments), ("x",))
    assert [(block.encoder.name, block.weight) for block in found] == expected


def test_images_and_glyphs(tmp_path) -> None:
    patches = build("image.patches.v1", fields=("image",), filters=10)
    found = _features("image", patches, glyphs(12), tmp_path).own
    assert found.shape == (12, 40 + 640)
    np.testing.assert_allclose(np.linalg.norm(found[:, :40], axis=1), np.sqrt(0.5), atol=1e-5)


def _expected(table: pa.Table, parts: list[tuple[str, slice, float]], **arguments: object) -> np.ndarray:
    """Parts of vectors, each centred, scaled to norm 1 and weighted, side by side."""
    batch, found = one_batch(table), []
    for name, columns, weight in parts:
        more = arguments if "lite0" in name else {}
        vectors = build(name, fields=tuple(table.column_names), **more).encode(batch)
        found.append(unit_rows((vectors - vectors.mean(axis=0))[:, columns]) * weight)
    return unit_rows(np.hstack(found))


def test_parts_are_turned_and_nothing_of_a_small_pool_is_lost(tmp_path) -> None:
    table, lite0 = photos(9), build("image.lite0.v2", fields=("image",), side=64)
    found = np.asarray(_features("image", lite0, table, tmp_path).own)
    parts = [("image.lite0.v2", slice(0, 1280), 0.8), ("image.lite0.v2", slice(1280, None), 0.6)]
    expected = _expected(table, [*parts, ("image.hog.v1", slice(None), 0.5)], side=64)
    assert found.shape == (9, 9)
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-4)


def test_a_large_pool_of_parts_keeps_the_leading_directions(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(features_module, "TURNED", 150)
    rng = np.random.default_rng(0)
    wide = (rng.normal(size=(400, 8)) @ rng.normal(size=(8, 1100))).astype(np.float32)
    np.save(tmp_path / "v.npy", wide)
    encoder = build("npy.v1", fields=("text",), path=tmp_path / "v.npy")
    encoder.parts = ((600, 1.0), (500, 2.0))
    found = np.asarray(_features("text", encoder, sentences(400), tmp_path / "kept").own)
    assert found.shape == (400, 150)
    centred = wide - wide.mean(axis=0)
    expected = unit_rows(np.hstack([unit_rows(centred[:, :600]), 2 * unit_rows(centred[:, 600:])]))
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=5e-3)


@pytest.mark.parametrize("texts", [["", "", ""], ["same", "same", "same"], ["a", "b", "c"], ["one"]])
def test_pools_in_which_there_is_nothing_to_learn(tmp_path, texts) -> None:
    encoder = build("text.static.v1", fields=("text",))
    for view in _features("text", encoder, pa.table({"text": texts}), tmp_path):
        assert len(view) == len(texts)
        assert np.isfinite(view).all()


def test_a_large_pool_is_fitted_on_a_sample(tmp_path) -> None:
    table = sentences(300)
    encoder = build("table.v1", fields=("n",))
    encoder.sample = 50
    seen: list[int] = []
    fit = encoder.fit
    encoder.fit = lambda sample: (seen.extend(sample["n"].to_pylist()), fit(sample))[1]
    numbers = pa.table({"n": np.arange(table.num_rows)})
    assert len(_features("table", encoder, numbers, tmp_path).own) == 300
    assert len(set(seen)) == 50
    assert seen == sorted(seen)
    assert max(seen) > 200


def test_the_text_block_finds_topics_that_static_vectors_miss(tmp_path) -> None:
    """Made-up words carry the class; only the pool's own vocabulary can tell them apart."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    codes = [["xqv zzkw", "bnrt plmk"][i % 2] for i in range(120)]
    table = pa.table(
        {"text": [f"{rng.choice(['the', 'a', 'this'])} {code} {rng.integers(99)}" for code in codes]}
    )
    features = _features("text", build("text.static.v1", fields=("text",)), table, tmp_path)
    block = np.asarray(features.own[:, 256:])
    truth = np.arange(120) % 2
    probe = LogisticRegression(C=10).fit(block[:20], truth[:20])
    assert probe.score(block[20:], truth[20:]) == 1.0
