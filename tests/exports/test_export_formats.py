"""What stands in the files of each plain format."""

import base64
import datetime as dt
import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldleaf.errors import ExportError
from goldleaf.exports.export import export
from goldleaf.exports.json_text import json_cells
from tests.exports.labeled_rows import LABELS, labeled

NOON = dt.datetime(2026, 1, 2, 12, 30, 5, 250000, dt.UTC)
RICH = pa.table(
    {
        "bytes": pa.array([b"\x00\xff", None], pa.binary()),
        "list": pa.array([[1, None], None], pa.list_(pa.int32())),
        "fixed": pa.array([[1.5, 2.0], None], pa.list_(pa.float32(), 2)),
        "struct": pa.array([{"a": 1, "raw": b"x", "deep": [{"b": "ü"}]}, None]),
        "time": pa.array([NOON, None], pa.timestamp("us", "UTC")),
        "nanos": pa.array([1, None], pa.timestamp("ns")),
        "day": pa.array([NOON.date(), None]),
        "clock": pa.array([NOON.time(), None], pa.time64("us")),
        "took": pa.array([1500, None], pa.duration("ms")),
        "price": pa.array([Decimal("12.30"), None]),
        "kind": pa.array(["a", None]).dictionary_encode(),
        "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int8())),
        "100%": pa.array([float("nan"), None]),
        "none": pa.nulls(2),
        "yes": pa.array([True, None]),
    }
)
RICH_JSON = {
    "bytes_base64": "AP8=",
    "list": [1, None],
    "fixed": [1.5, 2.0],
    "struct": {"a": 1, "raw_base64": "eA==", "deep": [{"b": "ü"}]},
    "time": "2026-01-02T12:30:05.250000Z",
    "nanos": "1970-01-01T00:00:00.000000001",
    "day": "2026-01-02",
    "clock": "12:30:05.250000",
    "took": "PT1.5S",
    "price": 12.30,
    "kind": "a",
    "map": [{"key": "k", "value": 1}],
    "100%": None,
    "none": None,
    "yes": True,
}


def written(to, table, labels, folder):
    batches, schema = labeled(table, labels)
    export(to, iter(batches), schema, folder, labels=LABELS, card="# card\n")
    return folder / f"data.{to}"


def test_parquet_keeps_every_type(tmp_path):
    file = written("parquet", RICH, ["positive", None], tmp_path)
    read = pq.read_table(file)
    assert (
        read.drop_columns(["label", "probability", "source", "human"]).to_pydict().keys()
        == RICH.to_pydict().keys()
    )
    for name in set(RICH.column_names) - {"100%"}:
        assert read[name].equals(RICH[name]), name
    assert read["label"].to_pylist() == ["positive", None]
    assert json.loads(read.schema.metadata[b"goldleaf"]) == {"labels": list(LABELS)}
    assert (tmp_path / "README.md").read_text() == "# card\n"


def test_parquet_writes_few_row_groups_for_many_batches(tmp_path):
    table = pa.table({"n": range(1000)})
    assert pq.ParquetFile(written("parquet", table, ["positive"] * 1000, tmp_path)).num_row_groups == 1


def test_jsonl_of_every_type(tmp_path):
    file = written("jsonl", RICH, ["positive", None], tmp_path)
    first, second = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    rest = {"label": "positive", "probability": 0.5, "source": "probe.v1", "human": True}
    assert first == {**RICH_JSON, **rest}
    assert list(first) == list(second)
    assert {second[name] for name in RICH_JSON} == {None}
    assert second["label"] is None


def test_csv_of_every_type(tmp_path):
    file = written("csv", RICH, ["positive", None], tmp_path)
    convert = pyarrow.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
    read = pyarrow.csv.read_csv(file, convert_options=convert).to_pylist()
    assert base64.b64decode(read[0]["bytes_base64"]) == b"\x00\xff"
    assert json.loads(read[0]["struct"]) == RICH_JSON["struct"]
    assert json.loads(read[0]["list"]) == [1, None]
    assert read[0]["price"] == 12.3
    assert read[0]["kind"] == "a"
    assert read[1] == {**dict.fromkeys(read[0]), "probability": 0.6, "source": "probe.v1", "human": False}


def test_csv_alters_no_text_and_tells_empty_from_missing(reviews, tmp_path):
    batches, schema = reviews
    export("csv", iter(batches), schema, tmp_path, labels=LABELS, card="")
    convert = pyarrow.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    read = pyarrow.csv.read_csv(tmp_path / "data.csv", parse_options=parse, convert_options=convert)
    assert read["text"].to_pylist() == ['good, "very"', "bad\nline", "=SUM(A1)", "", None]
    assert read["label"].to_pylist() == ["positive", "negative", "positive", None, "negative"]
    assert read.column_names == ["id", "text", "label", "probability", "source", "human"]


@pytest.mark.parametrize("to", ["csv", "jsonl"])
def test_a_taken_name_for_bytes_is_refused(tmp_path, to):
    table = pa.table({"raw": pa.array([b"x"]), "raw_base64": ["mine"]})
    with pytest.raises(
        ExportError, match="`raw` holds bytes and would be written as `raw_base64`, a name that is taken"
    ):
        written(to, table, [None], tmp_path)


@pytest.mark.parametrize(("to", "name"), [("csv", "CSV"), ("jsonl", "JSON Lines"), ("parquet", "Parquet")])
def test_a_type_the_format_lacks_names_the_column(tmp_path, to, name):
    union = pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])])
    with pytest.raises(ExportError, match=f"Column `odd` has the type .* which {name} cannot hold"):
        written(to, pa.table({"odd": union}), [None], tmp_path)


def test_a_user_column_called_label_stays(tmp_path):
    file = written("jsonl", pa.table({"label": ["mine"]}), ["positive"], tmp_path)
    row = json.loads(file.read_text())
    assert (row["label"], row["goldleaf_label"], row["goldleaf_human"]) == ("mine", "positive", True)


lists = st.lists(
    st.none() | st.lists(st.none() | st.lists(st.none() | st.text(max_size=5), max_size=3), max_size=3)
)


@given(lists)
def test_nested_lists_read_back(values):
    array = pa.array(values, pa.list_(pa.large_list(pa.string())))
    assert [json.loads(cell) for cell in json_cells(array)] == values
    assert [json.loads(cell) for cell in json_cells(array.slice(1))] == values[1:]


structs = st.none() | st.fixed_dictionaries(
    {'a"%': st.none() | st.integers(-9, 9), "b": st.none() | st.floats(width=64)}
)


@given(st.lists(structs))
def test_structs_read_back(values):
    array = pa.array(values, pa.struct([('a"%', pa.int64()), ("b", pa.float64())]))
    finite = [
        row and {**row, "b": row["b"] if row["b"] is not None and abs(row["b"]) < float("inf") else None}
        for row in values
    ]
    assert [json.loads(cell) for cell in json_cells(array)] == finite


def test_a_struct_without_fields():
    assert json_cells(pa.array([{}, None], pa.struct([]))) == ["{}", "null"]
