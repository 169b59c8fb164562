"""What must hold for any texts and any order of imports."""

from __future__ import annotations

import csv
import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from goldleaf.items.content import content_digests, from_binary, to_binary, to_hex
from goldleaf.items.index import DigestIndex
from goldleaf.items.known import KnownRows
from goldleaf.items.open import open_reader
from goldleaf.items.store import ItemStore
from goldleaf.task import Classify

TEXT = Classify(["a", "b"], text="text")
# NUL ends a line for the csv module that writes the test file; lone surrogates are no text.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(
    str.strip
)
awkward = st.sampled_from(
    ['"', '"x', 'a "b" c', "a,b", "a\nb", "a\r\nb", "a\rb", "007", "1e5", "NA", " x ", "true", "é🙂"]
)
rows = st.lists(texts | awkward, min_size=1, max_size=20)


@given(rows)
@settings(max_examples=40, deadline=None)
def test_any_text_has_one_id_in_every_format(values: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "x.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "n"])
            writer.writerows([[text, "1"] for text in values])
        (folder / "x.jsonl").write_text(
            "\n".join(json.dumps({"text": text, "n": 1}, ensure_ascii=False) for text in values),
            encoding="utf-8",
            newline="\n",
        )
        pq.write_table(pa.table({"text": values, "n": [1] * len(values)}), folder / "x.parquet")
        found = []
        for suffix in ("csv", "jsonl", "parquet"):
            store = ItemStore.open(folder / suffix, TEXT)
            for turn in range(2):
                added = store.add(open_reader(folder / f"x.{suffix}", task=TEXT))
                assert (added.rows, added.new_rows) == (len(values), 0 if turn else len(values))
            kept = [row["text"] for batch in store.row_batches(7) for row in batch.to_pylist()]
            assert kept == values, suffix
            assert store.items == len(set(values))
            found.append((store.ids().to_pylist(), store.weights().tolist(), store.digest))
        assert found[0] == found[1] == found[2]


@given(
    st.lists(st.sampled_from("abcdef"), min_size=1, max_size=30),
    st.randoms(use_true_random=False),
    st.integers(1, 4),
)
@settings(max_examples=40, deadline=None)
def test_splits_in_any_order_give_the_same_items(values: list[str], random: object, parts: int) -> None:
    """Each text goes to one part with all its copies: an import is a union, not a sum."""
    split: list[list[str]] = [[] for _ in range(parts)]
    home = {text: random.randrange(parts) for text in sorted(set(values))}  # type: ignore[attr-defined]
    for text in values:
        split[home[text]].append(text)
    random.shuffle(split)  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as name:
        store = ItemStore.open(Path(name) / "s", TEXT)
        for part in (*split, *split):
            if part:
                store.add(open_reader(part, task=TEXT))
        whole = ItemStore.open(Path(name) / "whole", TEXT)
        whole.add(open_reader(values, task=TEXT))
        counts = [
            dict(zip(one.ids().to_pylist(), one.weights().tolist(), strict=True)) for one in (store, whole)
        ]
        assert counts[0] == counts[1]
        assert store.add(open_reader(values, task=TEXT)).new_rows == 0


@given(st.lists(st.lists(st.integers(0, 12), max_size=12), max_size=8))
def test_known_rows_are_a_multiset_union(sources: list[list[int]]) -> None:
    stored: Counter[int] = Counter()
    for source in sources:
        known = KnownRows()
        known.load(digests(list(stored.elements())))
        kept = [known.new(digests(source[at : at + 5])) for at in range(0, len(source), 5)]
        new = Counter(
            value
            for value, is_new in zip(source, np.concatenate([*kept, np.empty(0, bool)]), strict=True)
            if is_new
        )
        assert new == Counter(source) - stored
        stored |= Counter(source)


@given(st.lists(st.lists(st.integers(0, 60), max_size=40), max_size=12))
def test_the_index_numbers_digests_as_they_appear(batches: list[list[int]]) -> None:
    index, expected = DigestIndex(), {}
    for batch in batches:
        for value in batch:
            expected.setdefault(value, len(expected))
        # Values that share their first 64 bits differ in the second half only.
        assert index.assign(clashing(batch)).tolist() == [expected[value] for value in batch]
    assert index.find(clashing(list(range(70)))).tolist() == [expected.get(value, -1) for value in range(70)]


def clashing(values: list[int]) -> np.ndarray:
    return np.array([(value % 3, value) for value in values], np.uint64).reshape(-1, 2)


def digests(values: list[int]) -> np.ndarray:
    return content_digests([pa.array(values, pa.int64())])


@given(st.lists(st.integers(0, 100), max_size=20), st.integers(0, 20))
def test_digests_survive_storage(values: list[int], start: int) -> None:
    found = digests(values)
    column = to_binary(found)
    assert np.array_equal(from_binary(column.slice(start)), found[start:])
    assert to_hex(found).to_pylist() == [value.hex() for value in column.to_pylist()]


cells = (
    st.none()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, width=32)
    | st.booleans()
    | st.text(max_size=3)
)


@given(st.tuples(cells, cells), st.tuples(cells, cells))
def test_contents_are_equal_exactly_when_their_digests_are(
    one: tuple[object, ...], other: tuple[object, ...]
) -> None:
    def digest(row: tuple[object, ...]) -> bytes:
        return content_digests([pa.array([value]) for value in row]).tobytes()

    def meaning(row: tuple[object, ...]) -> list[object]:
        return [
            None if value in (None, "") else (isinstance(value, bool), isinstance(value, str), value)
            for value in row
        ]

    assert (digest(one) == digest(other)) == (meaning(one) == meaning(other))


def test_the_known_digest_of_a_text() -> None:
    """Ids are for good: this one must never change."""
    assert to_hex(content_digests([pa.array(["hello"])])).to_pylist() == [EXPECTED]


EXPECTED = "41612ef2fa279aae1cb3f9b7448ec2d1"
