"""Answers from a file find their items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from goldleaf.errors import GoldleafError
from goldleaf.items.csv import CsvReader
from goldleaf.items.lookup import Matched, match
from goldleaf.items.open import open_reader
from goldleaf.items.store import ItemStore
from goldleaf.project.replay import replayed
from goldleaf.task import Classify
from goldleaf.votes.replay import Replay

TEXT = Classify(["yes", "no"], text="text")
KEYED = Classify(["yes", "no"], text="text", key="id")
ROWS = [{"id": 7, "text": "a"}, {"id": 8, "text": "b"}, {"id": 9, "text": "a"}]


@pytest.fixture
def plain(tmp_path: Path) -> ItemStore:
    store = ItemStore.open(tmp_path / "plain", TEXT)
    store.add(open_reader([{"text": row["text"]} for row in ROWS], task=TEXT))
    return store


@pytest.fixture
def keyed(tmp_path: Path) -> ItemStore:
    store = ItemStore.open(tmp_path / "keyed", KEYED)
    store.add(open_reader(ROWS, task=KEYED))
    return store


def found(store: ItemStore, source: Any) -> tuple[list[int], list[str | None], list[int], int]:
    reader = open_reader(source, task=None)
    matched: Matched = match(store, reader, store.task, "label")
    return matched.positions.tolist(), matched.labels, matched.rows.tolist(), matched.unmatched


def refusal(store: ItemStore, source: Any) -> str:
    with pytest.raises(GoldleafError) as caught:
        found(store, source)
    return str(caught.value)


def csv(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "gold.csv"
    path.write_text(text)
    return path


def test_by_content(plain: ItemStore, tmp_path: Path) -> None:
    path = csv(tmp_path, "text,label\nb,yes\nzz,no\na,\na,007\nb,yes\na,\n")
    assert found(plain, path) == ([1, 0], ["yes", "007"], [0, 3], 1)


def test_by_key(keyed: ItemStore, tmp_path: Path) -> None:
    """The key of any row finds the item, and the text need not be there."""
    assert found(keyed, csv(tmp_path, "id,label\n9,True\n8,\n10,no\n")) == ([0, 1], ["True", None], [0, 1], 1)
    assert found(keyed, [{"id": 8, "label": 1}]) == ([1], ["1"], [0], 0)


def test_by_id(plain: ItemStore) -> None:
    ids = plain.ids().to_pylist()
    assert found(plain, [{"goldleaf_id": ids[1], "label": "no"}, {"goldleaf_id": "?", "label": "no"}]) == (
        [1],
        ["no"],
        [0],
        1,
    )


def test_a_table_by_content(tmp_path: Path) -> None:
    task = Classify(["yes", "no"], table=["x", "code"])
    store = ItemStore.open(tmp_path / "s", task)
    store.add(open_reader(csv(tmp_path, "x,code\n1.5,A1\n2,7\n"), task=task))
    # Alone, the code would be read as a number and x as whole; both are found as they were added.
    assert found(store, csv(tmp_path, "label,code,x\nno,7,2\n")) == ([1], ["no"], [0], 0)


def test_refusals(plain: ItemStore, keyed: ItemStore, tmp_path: Path) -> None:
    assert refusal(plain, csv(tmp_path, "text,label\na,yes\nb,no\na,no\n")) == (
        "Two labels for one item: 'yes' in gold.csv, line 2, but 'no' in gold.csv, line 4.\nKeep the one that is right."
    )
    assert refusal(plain, csv(tmp_path, "text,label\nx,yes\ny,no\n")) == (
        "None of the 2 rows of gold.csv matches an item by content.\n"
        "Check that they were added; the store holds 2 items."
    )
    assert refusal(keyed, csv(tmp_path, "id,label\n1,yes\n")) == (
        "None of the 1 rows of gold.csv matches an item by `id`.\nCheck that they were added; the store holds 2 items."
    )
    assert refusal(plain, csv(tmp_path, "text,lable\na,yes\n")) == (
        "gold.csv has no column `label` for the labels; it has `text`, `lable`. Did you mean `lable`?\n"
        "Name the column that holds the labels."
    )
    assert refusal(keyed, csv(tmp_path, "txt,label\na,yes\n")) == (
        "gold.csv does not say which items its labels are for: it has `txt`, `label`, and no `text`. Did you mean `txt`?\n"
        "Add a column that does: `id` or `goldleaf_id` or the content column(s) `text`."
    )
    assert refusal(plain, [{"text": "a", "label": ["yes"]}]) == (
        "Column `label` of the list holds list<item: string>; a label is text.\nConvert the column."
    )


def test_where_names_the_row_of_a_label(plain: ItemStore, tmp_path: Path) -> None:
    reader = open_reader(csv(tmp_path, 'text,note,label\nzz,"two\nlines",no\nb,,maybe\n'), task=None)
    matched = match(plain, reader, TEXT, "label")
    with pytest.raises(GoldleafError) as caught:
        TEXT.index(matched.labels[0] or "", reader.where(int(matched.rows[0])))
    assert str(caught.value).startswith("Unknown label 'maybe' in gold.csv, line 4; allowed: `yes`, `no`.")


def test_answers_are_not_looked_up_in_their_file_one_by_one(
    plain: ItemStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To name a row's place costs a look through the file: the time of many answers would grow with their square."""
    monkeypatch.setattr(CsvReader, "where", lambda *_: pytest.fail("looked for the place of a good answer"))
    answers = Replay(csv(tmp_path, "text,label\na,yes\nb,no\n"))
    assert replayed(answers, plain, TEXT).labels == {0: "yes", 1: "no"}


def test_an_export_can_be_replayed(plain: ItemStore) -> None:
    """Its own columns are no obstacle where rows are answers."""
    ids = plain.ids().to_pylist()
    rows = [{"text": "a", "goldleaf_id": ids[0], "goldleaf_label": "x", "label": "yes"}]
    assert found(plain, rows) == ([0], ["yes"], [0], 0)
