"""Importing: nothing twice, nothing lost, all or nothing."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from goldleaf.errors import GoldleafError, ItemsError
from goldleaf.items.open import open_reader
from goldleaf.items.store import Added, ItemStore
from goldleaf.progress import reporting
from goldleaf.task import Classify

TEXT = Classify(["a", "b"], text="text")
KEYED = Classify(["a", "b"], text="text", key="id")


def add(store: ItemStore, rows: Any, **options: Any) -> Added:
    return store.add(open_reader(rows, task=store.task), **options)


def refusal(store: ItemStore, rows: Any) -> str:
    before = state(store)
    with pytest.raises(GoldleafError) as caught:
        add(store, rows)
    assert state(store) == before
    assert sorted(path.name for path in store.folder.glob("*.tmp")) == []
    return str(caught.value).replace(f"{store.folder.parent}/", "")


def state(store: ItemStore) -> Any:
    return store.digest, store.rows, store.ids().to_pylist(), store.weights().tolist(), all_rows(store)


def all_rows(store: ItemStore) -> list[dict[str, Any]]:
    return [row for batch in store.row_batches() for row in batch.to_pylist()]


def test_importing_twice_adds_nothing(tmp_path: Path) -> None:
    store = ItemStore.open(tmp_path / "s", TEXT)
    rows = [{"text": "a", "n": 1}, {"text": "b", "n": 1}, {"text": "a", "n": 1}, {"text": "a", "n": 2}]
    first = add(store, rows)
    assert first == Added(4, 4, 2, 2, 0, 0, store.digest, ("text", "n"))
    before = state(store)
    assert add(ItemStore.open(tmp_path / "s", TEXT), rows) == Added(
        4, 0, 0, 2, 0, 0, first.digest, ("text", "n")
    )
    assert state(store) == before
    assert store.weights().tolist() == [3, 1]
    assert [row["goldleaf_item"] for row in all_rows(store)] == [0, 1, 0, 0]
    assert [row["goldleaf_id"] for row in all_rows(store)] == store.ids().take([0, 1, 0, 0]).to_pylist()


def test_a_grown_file_adds_only_its_new_rows(tmp_path: Path) -> None:
    store = ItemStore.open(tmp_path / "s", TEXT)
    add(store, ["a", "b", "a"])
    again = add(store, ["c", "a", "a", "a", "b", "d"])
    assert (again.rows, again.new_rows, again.new_items, again.duplicates) == (6, 3, 2, 2)
    assert [row["text"] for row in all_rows(store)] == ["a", "b", "a", "c", "a", "d"]
    assert store.weights().tolist() == [3, 1, 1, 1]


def test_an_empty_store(tmp_path: Path) -> None:
    store = ItemStore.open(tmp_path / "s", TEXT)
    assert (store.rows, store.items, len(store.ids()), len(store.weights())) == (0, 0, 0, 0)
    assert list(store.item_batches()) == []
    assert all_rows(store) == []
    store.verify()


def test_reading_back(tmp_path: Path) -> None:
    store = ItemStore.open(tmp_path / "s", TEXT)
    numbers = list(range(20_000))
    for start in (0, 9_000):
        add(store, [{"text": f"t{at // 2}", "n": at} for at in numbers[start : start + 11_000]])
    assert (store.rows, store.items) == (20_000, 10_000)
    batches = list(store.item_batches(["text"], start=5, size=3000))
    assert [len(batch) for batch in batches] == [3000, 3000, 3000, 995]
    assert [text for batch in batches for text in batch.column(0).to_pylist()] == [
        f"t{at}" for at in range(5, 10_000)
    ]
    assert store.ids(9_990).equals(store.ids().slice(9_990))
    assert store.take([9_999, 0, 4, 0], ["n", "text"]).to_pylist() == [
        {"n": 19_998, "text": "t9999"},
        {"n": 0, "text": "t0"},
        {"n": 8, "text": "t4"},
        {"n": 0, "text": "t0"},
    ]
    assert len(store.take([])) == 0
    assert [row["n"] for row in all_rows(store)] == numbers
    assert store.find(store.ids().to_pylist()).tolist() == list(range(10_000))
    assert store.find(["0" * 32, "short", None]).tolist() == [-1, -1, -1]
    store.verify()
    with pytest.raises(IndexError):
        store.take([10_000])
    with pytest.raises(ItemsError) as caught:
        store.take([0], ["txet"])
    assert (
        str(caught.value)
        == "No column `txet`; the items have `text`, `n`. Did you mean `text`?\nName one of these."
    )


def test_keys_name_rows(tmp_path: Path) -> None:
    store = ItemStore.open(tmp_path / "s", KEYED)
    added = add(
        store,
        [{"id": 7, "text": "a"}, {"id": 8, "text": "b"}, {"id": 9, "text": "a"}, {"id": 7, "text": "a"}],
    )
    assert (added.new_rows, added.new_items, added.duplicates) == (3, 2, 1)
    assert store.ids().to_pylist() == ["7", "8"]
    assert [row["goldleaf_id"] for row in all_rows(store)] == ["7", "8", "7"]
    assert store.find(["9", "8", "10"]).tolist() == [0, 1, -1]
    again = add(store, [{"id": 8, "text": "b", "note": "x"}, {"id": 10, "text": "c", "note": "y"}])
    assert (again.new_rows, again.new_items, again.changed) == (1, 1, 1)
    assert [row["note"] for row in all_rows(store)] == [None, None, None, "y"]


def test_key_conflicts(tmp_path: Path) -> None:
    store = ItemStore.open(tmp_path / "s", KEYED)
    add(store, [{"id": "k1", "text": "first"}])
    do = "Items do not change: give the changed content a key of its own."
    assert refusal(store, [{"id": "k0", "text": "x"}, {"id": "k1", "text": "other " * 20}]) == (
        f"Key 'k1' stands for two contents: '{('other ' * 20)[:59]}…' in the list, row 1 (counted from 0), "
        f"but 'first' before.\n{do}"
    )
    rows = [{"id": "k2", "text": "x"}, {"id": "k2", "text": "y"}, {"id": "k2", "text": "z"}]
    assert refusal(store, rows) == (
        "Key 'k2' stands for two contents: 'y' in the list, row 1 (counted from 0), but 'x' before. "
        f"2 rows conflict in all.\n{do}"
    )
    assert refusal(ItemStore.open(tmp_path / "new", KEYED), rows).startswith(
        "Key 'k2' stands for two contents: 'y' in"
    )


def test_key_refusals(tmp_path: Path) -> None:
    store = ItemStore.open(tmp_path / "s", KEYED)
    assert refusal(
        store, [{"id": "a", "text": "x"}, {"id": None, "text": "y"}, {"id": " ", "text": "z"}]
    ) == (
        "Key column `id` is empty in 2 of 3 rows: the list, row 1 (counted from 0); the list, row 2 (counted from 0).\n"
        "Fill in the key, or take the rows out."
    )
    assert refusal(store, [{"id": 1.5, "text": "x"}]) == (
        "The key column of the list holds double; a key is text or a whole number.\n"
        "Name another column as `key`, or convert it."
    )


def test_columns_may_come_and_go(tmp_path: Path) -> None:
    store = ItemStore.open(tmp_path / "s", TEXT)
    add(store, [{"text": "a", "n": 1, "none": None}])
    add(store, [{"text": "b", "more": "x", "n": 2.5}])
    add(store, [{"text": "c", "none": True}])
    assert store.schema == pa.schema(
        {"text": pa.string(), "n": pa.float64(), "none": pa.bool_(), "more": pa.string()}
    )
    assert store.take([0, 1, 2]).to_pylist() == [
        {"text": "a", "n": 1.0, "none": None, "more": None},
        {"text": "b", "n": 2.5, "none": None, "more": "x"},
        {"text": "c", "n": None, "none": True, "more": None},
    ]
    assert store.take([0, 2], ["more"]).column(0).to_pylist() == [None, None]
    assert add(store, [{"text": "a", "n": 1}]).new_rows == 0
    store.verify()


def test_types_that_conflict(tmp_path: Path) -> None:
    store = ItemStore.open(tmp_path / "s", TEXT)
    add(store, [{"text": "a", "n": 2**53 + 1, "s": "x"}])
    assert refusal(store, [{"text": "b", "n": "two"}]) == (
        "Column `n` is string in the list, but int64 in the rows added before.\n"
        "Convert one of them, or rename the new column."
    )
    assert refusal(store, [{"text": "b", "n": 0.5}]).startswith("Column `n` does not fit double: ")
    csv = tmp_path / "b.csv"
    csv.write_text("text,s\nb,5\n")
    add(store, csv)  # a CSV file has no types: what was text stays text
    assert store.take([1]).to_pylist() == [{"text": "b", "n": None, "s": "5"}]


def test_a_table_of_all_columns_keeps_its_columns(tmp_path: Path) -> None:
    store = ItemStore.open(tmp_path / "s", Classify(["a", "b"], table="*", key="id"))
    add(store, [{"id": 1, "x": 1, "y": 2}])
    add(store, [{"y": 2, "x": 1, "id": 2}])
    assert store.weights().tolist() == [2]
    assert refusal(store, [{"id": 3, "x": 1, "z": 2}]) == (
        "the list has no column `y`, which the items are made of; it has `id`, `x`, `z`.\n"
        "Name the column as in the source added first."
    )
    assert refusal(store, [{"id": 3, "x": 1, "y": 2, "z": 2}]) == (
        'the list has the columns `z`, which the source added first lacks; with table = "*" they would be a part of every '
        "item.\nDrop them, or start a project that names its columns in `table`."
    )


def test_another_task_is_refused(tmp_path: Path) -> None:
    add(ItemStore.open(tmp_path / "s", TEXT), ["a"])
    ItemStore.open(tmp_path / "s", TEXT.with_label("c"))
    with pytest.raises(ItemsError) as caught:
        ItemStore.open(tmp_path / "s", KEYED)
    assert str(caught.value).replace(f"{tmp_path}/", "") == (
        "The items in s were added with text = 'text', but the task now has text = 'text', key = 'id'.\n"
        "Set [task] back, or start a new project for other items."
    )


def test_empty_rows_can_be_skipped(tmp_path: Path) -> None:
    store = ItemStore.open(tmp_path / "s", TEXT)
    assert add(store, ["a", " ", "", "b"], skip_empty=True).skipped == 2
    assert store.take([0, 1]).column(0).to_pylist() == ["a", "b"]


@pytest.mark.parametrize("fail_at", [0, 1])
def test_a_kill_leaves_the_store_as_it_was(
    fail_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ItemStore.open(tmp_path / "s", TEXT)
    add(store, ["a", "b"])
    before = state(store)
    calls: list[object] = []
    replace = os.replace

    def killed(*paths: Any) -> None:
        calls.append(paths)
        if len(calls) > fail_at:
            raise KeyboardInterrupt
        replace(*paths)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            add(store, ["a", "c"])
    assert len(calls) == fail_at + 1
    again = ItemStore.open(tmp_path / "s", TEXT)
    assert state(store) == before == state(again)
    assert sorted(path.name for path in again.folder.iterdir()) == [
        ".lock",
        "manifest.json",
        "part-00000.parquet",
    ]
    assert add(again, ["a", "c"]).new_rows == 1


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    store = ItemStore.open(tmp_path / "s", TEXT)
    add(store, ["a"])
    for name in ("part-00001.parquet", "part-00001.parquet.tmp", "manifest.json.tmp"):
        (store.folder / name).write_text("half")
    again = ItemStore.open(tmp_path / "s", TEXT)
    assert sorted(path.name for path in again.folder.iterdir()) == [
        ".lock",
        "manifest.json",
        "part-00000.parquet",
    ]


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    from filelock import FileLock

    store = ItemStore.open(tmp_path / "s", TEXT)
    (store.folder / "part-00000.parquet.tmp").write_text("being written")
    with FileLock(store.folder / ".lock"):
        ItemStore.open(tmp_path / "s", TEXT)
        with pytest.raises(ItemsError) as caught:
            add(store, ["a"])
    assert str(caught.value) == f"Another process is adding items to {store.folder}.\nWait until it is done."
    assert (store.folder / "part-00000.parquet.tmp").exists()


def test_two_stores_on_one_folder(tmp_path: Path) -> None:
    one, two = (ItemStore.open(tmp_path / "s", TEXT) for _ in range(2))
    add(one, ["a"])
    assert add(two, ["a", "b"]).new_rows == 1
    assert two.items == 2


@pytest.mark.parametrize("column", ["text", "n", "goldleaf_item"])
def test_verify_finds_a_changed_cell(column: str, tmp_path: Path) -> None:
    store = ItemStore.open(tmp_path / "s", TEXT)
    add(store, [{"text": f"t{at}", "n": at} for at in range(10)])
    store.verify()
    path = store.folder / "part-00000.parquet"
    table = pq.read_table(path)
    values = table.column(column).to_pylist()
    values[6] = values[5]
    at = table.schema.get_field_index(column)
    pq.write_table(
        table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type)), path
    )
    with pytest.raises(ItemsError) as caught:
        ItemStore.open(tmp_path / "s", TEXT).verify()
    assert str(caught.value) == (
        f"{path}, row 6 (counted from 0) is not as it was added.\nRestore it from a copy of the project."
    )


@pytest.mark.parametrize("change", [{"rows": 1}, {"items": 1}, {"digest": "0" * 64}])
def test_verify_finds_a_changed_manifest(change: dict[str, Any], tmp_path: Path) -> None:
    store = ItemStore.open(tmp_path / "s", TEXT)
    add(store, ["a", "b", "b"])
    path = store.folder / "manifest.json"
    body = json.loads(path.read_text())
    body["parts"][0] |= change
    path.write_text(json.dumps(body))
    with pytest.raises(ItemsError) as caught:
        ItemStore.open(tmp_path / "s", TEXT).verify()
    assert str(caught.value) == (
        f"{store.folder / 'part-00000.parquet'} does not hold the rows that were added.\n"
        "Restore it from a copy of the project."
    )


def test_a_newer_manifest_is_refused(tmp_path: Path) -> None:
    add(ItemStore.open(tmp_path / "s", TEXT), ["a"])
    path = tmp_path / "s" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 9}))
    with pytest.raises(ItemsError) as caught:
        ItemStore.open(tmp_path / "s", TEXT)
    assert (
        str(caught.value)
        == f"{path} is of version 9; this goldleaf reads up to 1.\nUpdate it: pip install -U goldleaf"
    )


def test_progress_counts_every_row(tmp_path: Path) -> None:
    from contextlib import contextmanager

    seen: dict[str, list[Any]] = {}

    @contextmanager
    def reporter(what: str, total: int | None, unit: str) -> Any:
        seen[what] = [total, unit, 0]

        def advance(n: int) -> None:
            seen[what][2] += n

        yield advance

    path = tmp_path / "x.csv"
    path.write_text("text\n" + "".join(f"{at}\n" for at in range(300_000)))
    with reporting(reporter):
        add(ItemStore.open(tmp_path / "s", TEXT), path)
    size = path.stat().st_size
    assert seen == {"scan": [size, "bytes", size], "import": [300_000, "rows", 300_000]}


def test_memory_does_not_grow_with_the_text(tmp_path: Path) -> None:
    """Arrow's peak stays far below the file's size; what grows with the rows is the index alone."""
    line = random.Random(0).randbytes(50_000).hex()
    path = tmp_path / "x.csv"
    with path.open("w") as file:
        file.write("text\n")
        for at in range(600):
            file.write(f"{at}{line}\n")
    store = ItemStore.open(tmp_path / "s", TEXT)
    pool = pa.proxy_memory_pool(pa.default_memory_pool())
    before = pa.default_memory_pool()
    pa.set_memory_pool(pool)
    try:
        add(store, path)
    finally:
        pa.set_memory_pool(before)
    assert np.isclose(path.stat().st_size, 60e6, rtol=0.01)
    assert 0 < pool.max_memory() < 45e6
