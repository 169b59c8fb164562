"""Every format gives the same items; every bad input gives a whole, exact message."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from goldleaf.errors import ConfigError, GoldleafError, ItemsError
from goldleaf.items.open import open_reader
from goldleaf.items.store import ItemStore
from goldleaf.task import Classify

TEXT = Classify(["a", "b"], text="text")
TABLE = Classify(["a", "b"], table=["size", "color"])
ROWS = [{"text": 'so "quoted", he\nsaid', "n": 1}, {"text": "Grüße 🙂", "n": 2}, {"text": "x", "n": None}]


def add(tmp_path: Path, source: Any, task: Classify = TEXT, **options: Any) -> ItemStore:
    store = ItemStore.open(tmp_path / f"store{len(list(tmp_path.iterdir()))}", task)
    store.add(open_reader(source, task=task, **options))
    return store


def write(tmp_path: Path, name: str, text: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(source: Any, tmp_path: Path, task: Classify = TEXT, **options: Any) -> str:
    """The message, the temporary folder left out."""
    with pytest.raises(GoldleafError) as caught:
        add(tmp_path, source, task, **options)
    return str(caught.value).replace(f"{tmp_path}/", "")


def sources(tmp_path: Path) -> dict[str, Any]:
    import datasets
    import pandas
    import polars

    table = pa.Table.from_pylist(ROWS)
    pq.write_table(table, tmp_path / "x.parquet")
    frame = pandas.DataFrame(ROWS)
    frame.to_csv(tmp_path / "x.csv", index=False)
    frame.to_csv(tmp_path / "x.tsv", index=False, sep="\t")
    frame.to_csv(tmp_path / "utf16.csv", index=False, encoding="utf-16")
    write(tmp_path, "x.jsonl", "\n\n".join(json.dumps(row) for row in ROWS))
    write(tmp_path, "bom.csv", b"\xef\xbb\xbf" + (tmp_path / "x.csv").read_bytes())
    return {
        "csv": tmp_path / "x.csv",
        "bom": tmp_path / "bom.csv",
        "path as text": str(tmp_path / "x.csv"),
        "tsv": tmp_path / "x.tsv",
        "jsonl": tmp_path / "x.jsonl",
        "parquet": tmp_path / "x.parquet",
        "list": ROWS,
        "texts": [row["text"] for row in ROWS],
        "arrow": table,
        "batch": table.to_batches()[0],
        "stream": table.to_reader(),
        "dictionary": table.set_column(0, "text", table.column(0).dictionary_encode()),
        "large": table.set_column(0, "text", table.column(0).cast(pa.large_string())),
        "pandas": frame,
        "polars": polars.DataFrame(ROWS),
        "datasets": datasets.Dataset.from_list(ROWS),
    }


def test_every_format_gives_the_same_ids_and_rows(tmp_path: Path) -> None:
    found = {name: add(tmp_path, source) for name, source in sources(tmp_path).items()}
    found["utf-16"] = add(tmp_path, tmp_path / "utf16.csv", encoding="utf-16")
    expected = found["list"].ids().to_pylist()
    assert len(set(expected)) == 3
    for name, store in found.items():
        assert store.ids().to_pylist() == expected, name
        assert store.take([0, 1, 2], ["text"]).column(0).to_pylist() == [row["text"] for row in ROWS], name
    assert found["jsonl"].schema.field("n").type == pa.int64()
    assert found["csv"].take([2]).to_pylist() == [{"text": "x", "n": None}]


def test_a_number_has_one_id_in_every_format(tmp_path: Path) -> None:
    csv = write(tmp_path, "t.csv", "size,color\n3,red\n0.1,\n-2,2021-01-02\n")
    columns = {"size": [3, 0.1, -2], "color": ["red", None, "2021-01-02"]}
    ids = add(tmp_path, csv, TABLE).ids().to_pylist()
    for dtype in (pa.float64(), pa.float32()):
        table = pa.table({"size": pa.array(columns["size"], dtype), "color": columns["color"]})
        assert add(tmp_path, table, TABLE).ids().to_pylist() == ids
    whole = pa.table({"size": pa.array([3], pa.uint8()), "color": ["red"]})
    assert add(tmp_path, whole, TABLE).ids().to_pylist() == ids[:1]
    assert add(tmp_path, [{"size": "3", "color": "red"}], TABLE).ids().to_pylist() != ids[:1]


def test_csv_types_are_decided_over_the_whole_file(tmp_path: Path) -> None:
    header = "text,whole,number,code,phone,flag,day,time,late,none,far\n"
    first = "1,7,1,7,+49 1,true,2021-02-03,2021-02-03 04:05:06,5,,123456789012345678\n" * 3
    last = "2,-8,NA,007,12,False,,2021-02-03T04:05:06.25,five,,1234567890123456789012\n3,,1e-05,1,,,2020-01-01,,,,\n"
    schema = add(tmp_path, write(tmp_path, "t.csv", header + first + last)).schema
    assert {field.name: str(field.type) for field in schema} == {
        "text": "string",
        "whole": "int64",
        "number": "double",
        "code": "string",
        "phone": "string",
        "flag": "bool",
        "day": "date32[day]",
        "time": "timestamp[us]",
        "late": "string",
        "none": "null",
        "far": "string",
    }


def test_csv_values_survive(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", "text,flag,number,day\n007,TRUE, 1.5 ,2021-02-03\n NA ,false,NA,\n")
    assert add(tmp_path, path).take([0, 1]).to_pylist() == [
        {"text": "007", "flag": True, "number": 1.5, "day": dt.date(2021, 2, 3)},
        {"text": " NA ", "flag": False, "number": None, "day": None},
    ]


def test_an_impossible_date_stays_text(tmp_path: Path) -> None:
    store = add(tmp_path, write(tmp_path, "t.csv", "text,day\na,2021-02-30\n"))
    assert store.take([0]).to_pylist() == [{"text": "a", "day": "2021-02-30"}]


def test_a_row_longer_than_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goldleaf.items.csv.BLOCKS", (100, 10_000))
    path = write(tmp_path, "t.csv", f'text\nx\n"{"long " * 100}\nend"\n')
    assert add(tmp_path, path).take([1]).to_pylist() == [{"text": "long " * 100 + "\nend"}]


MORE = (
    'Put cells that contain a separator or a quote in double quotes, and double the quotes: "so ""quoted""".'
)
WRITTEN = "Check that the file was written completely."
QUOTE = (
    "bad.csv, line 3: a quoted cell runs over line ends, but no quote before a separator closes it.\n"
    'Double the quotes inside a quoted cell: "so ""quoted""".'
)
CSV_REFUSALS = {
    "ragged": (
        'text,n\n"a\nb",1\nb\nc,1,2\n',
        f"bad.csv does not have 2 cells (`text`, `n`) in every row: bad.csv, line 4 has 1; bad.csv, line 5 has 3.\n{MORE}",
    ),
    "many ragged": (
        "text,n\n" + "b\n" * 9,
        "bad.csv does not have 2 cells (`text`, `n`) in every row: bad.csv, line 2 has 1; bad.csv, line 3 has 1; "
        f"bad.csv, line 4 has 1 and 6 more.\n{MORE}",
    ),
    "misspelt": (
        "txt,n\na,1\n",
        "No column `text`; the data has `txt`, `n`. Did you mean `txt`?\n"
        "Name the column as it stands in the first line of the file.",
    ),
    "empty file": ("", f"bad.csv is empty.\n{WRITTEN}"),
    "only blank lines": ("\n\n", "bad.csv is empty.\nIt needs a line of column names, then a line a row."),
    "header only": ("text,n\n", f"bad.csv has a header but no rows.\n{WRITTEN}"),
    "twice": ("text,n,n\na,1,2\n", "bad.csv has two columns named `n`.\nRename one of them."),
    "no name": (
        ",text\n0,a\n",
        "bad.csv has no name for column 1 of 2.\n"
        "Name every column in the header (from pandas: write it with index=False).",
    ),
    "own name": (
        "text,goldleaf_id\na,b\n",
        "bad.csv has the columns `goldleaf_id`; names that start with `goldleaf_` are goldleaf's own.\n"
        "Drop them; to keep `goldleaf_id` as the name of each row, rename it and set it as `key`.",
    ),
    "semicolons": (
        "text;n\na;1\n",
        "bad.csv has a single column 'text;n': its cells seem to be separated by ';', not ','.\n"
        "Save it with commas as .csv, or with tabs as .tsv.",
    ),
    "empty text": (
        'text,n\na,1\n,2\n"  ",3\n\u3000,4\n"",5\n',
        "Column `text` is empty in 4 of 5 rows: bad.csv, line 3; bad.csv, line 4; bad.csv, line 5 and 1 more.\n"
        "Drop the empty rows, or pass skip_empty=True (command line: --skip-empty).",
    ),
    "open quote": (
        'text,n\na,1\n"b,2\nc,3\nd,4\n',
        QUOTE,
    ),
    "quote that swallows": (
        'text,n\na,1\n"b,2\nc,"3\nd,4\n',
        QUOTE,
    ),
}


@pytest.mark.parametrize("case", CSV_REFUSALS)
def test_csv_refusals(case: str, tmp_path: Path) -> None:
    text, message = CSV_REFUSALS[case]
    assert refusal(write(tmp_path, "bad.csv", text), tmp_path) == message


def test_an_open_quote_in_a_single_column(tmp_path: Path) -> None:
    path = write(tmp_path, "bad.csv", 'text\na\n"b\nc\nd\n')
    assert refusal(path, tmp_path) == QUOTE


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            "text\nfine\ncafé\n".encode("cp1252"),
            "bad.csv is not utf-8: line 3, byte 13 is 0xe9. It seems to be cp1252.\n"
            'Read it with encoding="cp1252" (command line: --encoding cp1252).',
        ),
        (
            "text\nfine\n".encode("utf-16"),
            "bad.csv is not utf-8: line 1, byte 0 is 0xff. It seems to be utf-16.\n"
            'Read it with encoding="utf-16" (command line: --encoding utf-16).',
        ),
        (
            b"text\n" + b"x" * (1 << 20) + b"\n\xc3\xa9\n\x81\xe9\n",
            "bad.csv is not utf-8: line 4, byte 1048585 is 0x81. It seems to be latin-1.\n"
            'Read it with encoding="latin-1" (command line: --encoding latin-1).',
        ),
    ],
)
def test_wrong_encoding(data: bytes, message: str, tmp_path: Path) -> None:
    assert refusal(write(tmp_path, "bad.csv", data), tmp_path) == message
    json_message = message.replace("bad.csv", "bad.jsonl")
    assert refusal(write(tmp_path, "bad.jsonl", data.replace(b"text\n", b"    \n")), tmp_path) == json_message


def test_the_named_encoding_reads_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "old.csv", "text\ncafé\n".encode("cp1252"))
    assert add(tmp_path, path, encoding="cp1252").take([0]).to_pylist() == [{"text": "café"}]
    with pytest.raises(ConfigError) as caught:
        open_reader(path, task=TEXT, encoding="utf-9")
    assert str(caught.value) == (
        "Unknown encoding 'utf-9'; Python knows e.g. `utf-8`, `cp1252`, `latin-1`, `utf-16`.\n"
        "Pass one of these as `encoding`."
    )


def test_mixed_types_in_a_table(tmp_path: Path) -> None:
    cells = "".join(f"{n},red\n" for n in range(20))
    path = write(tmp_path, "bad.csv", f"size,color\n{cells}~30,red\n")
    assert refusal(path, tmp_path, TABLE) == (
        "Column `size` mixes numbers and text: 20 of 21 cells are numbers, but bad.csv, line 22 holds '~30'.\n"
        "Correct the cell or leave it empty, or leave the column out of `table`."
    )
    assert add(tmp_path, path, Classify(["a", "b"], table=["color"])).schema.field("size").type == pa.string()
    codes = write(tmp_path, "codes.csv", f"size,color\n{cells}007,red\nA,red\n")
    assert add(tmp_path, codes, TABLE).schema.field("size").type == pa.string()


JSON_REFUSALS = {
    "mixed text": (
        '{"text": "a"}\n\n{"text": 5}\n{"text": "b"}\n',
        "Column `text` mixes types (2 text, 1 number): bad.jsonl, line 3 holds '5'.\nCorrect the value, or leave the row out.",
    ),
    "list for text": (
        '{"text": "a"}\n{"text": "b"}\n{"text": ["c"]}\n',
        "Column `text` mixes types (2 text, 1 list): bad.jsonl, line 3 holds \"['c']\".\n"
        "Correct the value, or leave the row out.",
    ),
    "numbers only": (
        '{"text": 1}\n',
        "Column `text` of bad.jsonl holds int64, but a text task reads text from it.\n"
        "Convert the column, or name another one as `text`.",
    ),
    "not JSON": (
        '{"text": "a"}\n{"text": \n',
        "bad.jsonl, line 2 is not JSON: Expecting value: line 2 column 1 (char 10); got '{\"text\":'.\n"
        "A .jsonl file holds one whole JSON object a line.",
    ),
    "not an object": (
        '["a"]\n',
        'bad.jsonl, line 1 is a list, not an object: \'["a"]\'.\nEach line must be an object: {"text": "…"}.',
    ),
    "half a character": (
        '{"text": "a"}\n{"text": "\\ud83d"}\n',
        "Column `text` holds half a surrogate pair in bad.jsonl, line 2, which is no character.\n"
        "Correct the text, or leave the row out.",
    ),
    "missing column": (
        '{"texts": "a"}\n',
        "No column `text`; the data has `texts`. Did you mean `texts`?\n"
        "Name the column as it stands in the first line of the file.",
    ),
    "blank": ("\n \n", 'bad.jsonl is empty.\nIt needs one JSON object a line: {"text": "…"}.'),
    "null text": (
        '{"text": "a"}\n{"n": 1}\n{"text": null}\n',
        "Column `text` is empty in 2 of 3 rows: bad.jsonl, line 2; bad.jsonl, line 3.\n"
        "Drop the empty rows, or pass skip_empty=True (command line: --skip-empty).",
    ),
}


@pytest.mark.parametrize("case", JSON_REFUSALS)
def test_jsonl_refusals(case: str, tmp_path: Path) -> None:
    text, message = JSON_REFUSALS[case]
    assert refusal(write(tmp_path, "bad.jsonl", text), tmp_path) == message


def test_jsonl_keeps_what_is_no_content_as_it_is(tmp_path: Path) -> None:
    rows = [
        {"text": "a", "mixed": 1, "tags": ["x"]},
        {"text": "b", "mixed": "one", "tags": []},
        {"text": "c", "late": 2.5},
    ]
    store = add(tmp_path, write(tmp_path, "x.jsonl", "\n".join(json.dumps(row) for row in rows)))
    assert store.take([0, 1, 2]).to_pylist() == [
        {"text": "a", "mixed": "1", "tags": ["x"], "late": None},
        {"text": "b", "mixed": "one", "tags": [], "late": None},
        {"text": "c", "mixed": None, "tags": None, "late": 2.5},
    ]


def test_path_refusals(tmp_path: Path) -> None:
    write(tmp_path, "reviews.csv", "text\na\n")
    assert refusal(tmp_path / "review.csv", tmp_path) == (
        "No file review.csv. Did you mean `reviews.csv`?\nCheck the path; it starts from the current folder."
    )
    assert refusal(tmp_path / "no" / "review.csv", tmp_path) == (
        "No file no/review.csv. There is no folder no either.\nCheck the path; it starts from the current folder."
    )
    assert refusal(tmp_path / "zzz.parquet", tmp_path).startswith("No file zzz.parquet.")
    assert refusal(write(tmp_path, "a.xlsx", "x"), tmp_path) == (
        "a.xlsx ends in '.xlsx'; allowed: `.csv`, `.tsv`, `.jsonl`, `.ndjson`, `.parquet`, or a folder of images.\n"
        "Convert it, or read it yourself and pass the DataFrame."
    )
    assert refusal(write(tmp_path, "a.parquet", "x"), tmp_path).startswith(
        "a.parquet is not a Parquet file: "
    )
    assert refusal(7, tmp_path) == (
        "Cannot read rows from builtins.int; allowed: a path (`.csv`, `.tsv`, `.jsonl`, `.ndjson`, `.parquet` or a "
        "folder of images), a pandas or polars DataFrame, Arrow data, a `datasets.Dataset`, a list.\n"
        "Turn it into one of these."
    )


def test_memory_refusals(tmp_path: Path) -> None:
    import datasets
    import pandas

    where = "row 1 (counted from 0)"
    assert refusal([], tmp_path) == "the list is empty.\nGive at least one row."
    assert refusal(["a", 1], tmp_path) == (
        f"the list, {where} is a number, not a text like the rows before it.\nGive a list of texts, or a list of dicts."
    )
    assert refusal([{"text": "a"}, "b"], tmp_path) == (
        f"the list, {where} is a text, not a dict like the rows before it.\n"
        "Give a list of dicts, or for a text task a list of texts."
    )
    assert refusal(pandas.DataFrame({"text": ["a", 1, "b"]}), tmp_path) == (
        f"Column `text` mixes types (2 text, 1 number): the DataFrame, {where} holds '1'.\n"
        "Correct the value, or leave the row out."
    )
    assert refusal(pandas.DataFrame({0: ["a"]}), tmp_path) == (
        "The DataFrame has the column name 0, which is not text.\nName columns by text."
    )
    assert (
        refusal(pa.table({"text": pa.array([], pa.string())}), tmp_path)
        == "the table has no rows.\nCheck where it was made."
    )
    assert refusal(pa.table({"text": pa.array([], pa.string())}).to_reader(), tmp_path) == (
        "the stream has no rows.\nCheck where it was made."
    )
    data = datasets.DatasetDict({"train": datasets.Dataset.from_dict({"text": ["a"]})})
    assert refusal(data, tmp_path) == 'The data set has the splits `train`.\nPass one of them: data["train"].'


def test_pandas_objects_and_missing_values(tmp_path: Path) -> None:
    import pandas

    frame = pandas.DataFrame(
        {"text": ["a", "b", "c"], "mixed": [1, "x", None], "n": [1.0, None, 2.5]}, index=[5, 6, 7]
    )
    assert add(tmp_path, frame).take([0, 1, 2]).to_pylist() == [
        {"text": "a", "mixed": "1", "n": 1.0},
        {"text": "b", "mixed": "x", "n": None},
        {"text": "c", "mixed": None, "n": 2.5},
    ]


def test_a_shuffled_dataset_keeps_its_order(tmp_path: Path) -> None:
    import datasets

    data = datasets.Dataset.from_dict({"text": [f"t{at}" for at in range(600)]}).select(range(599, -1, -1))
    assert add(tmp_path, data).take([0, 599]).column("text").to_pylist() == ["t599", "t0"]


def test_nested_table_columns_are_refused(tmp_path: Path) -> None:
    rows = [{"size": [1, 2], "color": "red"}]
    assert refusal(rows, tmp_path, TABLE) == (
        "Column `size` of the list holds list<item: int64>, but a table task reads plain values from it.\n"
        "Convert the column, or name another one as `table`."
    )


def test_an_error_is_an_items_error(tmp_path: Path) -> None:
    with pytest.raises(ItemsError):
        add(tmp_path, [])


def test_column_names_with_dots_are_columns(tmp_path: Path) -> None:
    row = {"text": "a", "user.name": "Ann", "user": {"name": "Bob"}}
    store = add(tmp_path, [row])
    assert store.take([0]).to_pylist() == [row]
    assert store.take([0], ["user.name"]).to_pylist() == [{"user.name": "Ann"}]
    assert store.take([0], ["user"]).to_pylist() == [{"user": {"name": "Bob"}}]
