"""One export into one folder: all or nothing, and nobody else's files."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldleaf.errors import ExportError
from goldleaf.exports.base import label_columns, regroup
from goldleaf.exports.export import MARKER, export
from goldleaf.exports.names import EXPORTERS, exporter

LABELS = ("negative", "positive")


def write(reviews, folder, to="csv", **options):
    batches, schema = reviews
    options = {"labels": LABELS, "card": "# card\n", **options}
    return export(to, iter(batches), schema, folder, **options)


def listing(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("to", sorted(EXPORTERS))
def test_returns_the_files_it_wrote_and_leaves_nothing_else(reviews, tmp_path, to):
    written = write(reviews, tmp_path / "deep" / "out", to, extra={"certificate.json": b"{}"})
    names = {path.relative_to(tmp_path / "deep" / "out").as_posix() for path in written}
    assert {"README.md", "certificate.json"} < names
    assert listing(tmp_path / "deep" / "out") == {*names, MARKER}


@pytest.mark.parametrize("to", sorted(EXPORTERS))
def test_an_export_of_no_rows_has_its_columns(reviews, tmp_path, to):
    _, schema = reviews
    written = export(to, iter(()), schema, tmp_path / "out", labels=LABELS, card="")
    assert all(path.exists() for path in written)


def test_exporting_again_replaces_the_earlier_export(reviews, tmp_path):
    write(reviews, tmp_path, extra={"certificate.json": b"old"})
    (tmp_path / "notes.txt").write_text("mine")
    batches, schema = reviews
    write((batches[:1], schema), tmp_path)
    assert listing(tmp_path) == {"data.csv", "README.md", "notes.txt", MARKER}
    assert (
        len((tmp_path / "data.csv").read_text().splitlines()) == 4
    )  # a header and two rows, one of two lines


def test_a_folder_of_somebody_else_is_refused(reviews, tmp_path):
    (tmp_path / "data.csv").write_text("mine")
    with pytest.raises(ExportError, match=r"holds files that goldleaf did not write: `data.csv`"):
        write(reviews, tmp_path)
    assert listing(tmp_path) == {"data.csv"}
    assert (tmp_path / "data.csv").read_text() == "mine"


def test_overwrite_replaces_only_files_of_the_same_name(reviews, tmp_path):
    (tmp_path / "data.csv").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine")
    write(reviews, tmp_path, overwrite=True)
    assert "positive" in (tmp_path / "data.csv").read_text()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_file_added_to_our_folder_by_hand_is_not_overwritten(reviews, tmp_path):
    write(reviews, tmp_path)
    (tmp_path / "certificate.json").write_text("mine")
    with pytest.raises(ExportError, match=r"`certificate.json`"):
        write(reviews, tmp_path, extra={"certificate.json": b"{}"})
    assert (tmp_path / "certificate.json").read_text() == "mine"


def test_a_folder_holds_one_export(reviews, tmp_path):
    write(reviews, tmp_path, "csv")
    with pytest.raises(ExportError, match="holds an export to `csv`, got `hf`: a folder holds one export"):
        write(reviews, tmp_path, "hf")
    write(reviews, tmp_path, "hf", overwrite=True)
    assert "data.csv" not in listing(tmp_path)
    write(reviews, tmp_path, "csv", overwrite=True)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("to", sorted(EXPORTERS))
def test_an_export_that_fails_leaves_the_earlier_one(reviews, tmp_path, to):
    write(reviews, tmp_path, to)
    before = {name: (tmp_path / name).read_bytes() for name in listing(tmp_path)}
    batches, schema = reviews

    def breaks():
        yield batches[0]
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        export(to, breaks(), schema, tmp_path, labels=LABELS, card="new")
    assert {name: (tmp_path / name).read_bytes() for name in listing(tmp_path)} == before


def test_an_export_that_fails_leaves_no_empty_folder(reviews, tmp_path):
    with pytest.raises(ExportError, match="not among the labels"):
        write(reviews, tmp_path / "out", "hf", labels=("negative", "neutral"))
    assert not (tmp_path / "out").exists()


def test_leftovers_of_a_killed_export_do_not_count_as_files(reviews, tmp_path):
    (tmp_path / ".goldleaf-tmp-abc").mkdir()
    assert write(reviews, tmp_path)


def test_a_file_is_no_folder(reviews, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(ExportError, match="is a file"):
        write(reviews, tmp_path / "out")


def test_a_damaged_marker_is_an_error(reviews, tmp_path):
    write(reviews, tmp_path)
    (tmp_path / MARKER).write_text("{")
    with pytest.raises(ExportError, match="is damaged"):
        write(reviews, tmp_path)


def test_a_marker_cannot_name_files_outside_its_folder(reviews, tmp_path):
    out = tmp_path / "out"
    write(reviews, out)
    (tmp_path / "mine.txt").write_text("mine")
    (out / MARKER).write_text('{"format": "csv", "files": ["../mine.txt", "data.csv", "README.md"]}')
    with pytest.raises(ExportError, match="is damaged"):
        write(reviews, out)
    assert (tmp_path / "mine.txt").exists()


def test_writing_that_fails_is_our_error(reviews, tmp_path):
    (tmp_path / "plain").write_text("")
    with pytest.raises(ExportError, match="Could not write to"):
        write(reviews, tmp_path / "plain" / "out")


def test_two_columns_of_one_name_are_refused(tmp_path):
    batch = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(ExportError, match="more than one column called `a`"):
        export("csv", iter([batch]), batch.schema, tmp_path, labels=LABELS, card="")


def test_an_unknown_format_names_the_close_one():
    with pytest.raises(ExportError, match=r"Unknown export format 'parquett'.*Did you mean `parquet`"):
        exporter("parquett")


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        (["text"], "label"),
        (["text", "source"], "goldleaf_label"),
        (["label", "goldleaf_human"], "goldleaf2_label"),
        (["label", "goldleaf_label", "goldleaf2_label"], "goldleaf3_label"),
    ],
)
def test_label_columns_give_way_to_the_users(taken, expected):
    names = label_columns(pa.schema([(name, pa.int8()) for name in taken]))
    assert names[0] == expected
    assert not set(names) & set(taken)


@given(sizes=st.lists(st.integers(0, 25)), rows=st.integers(1, 12))
def test_regrouping_keeps_every_row_in_order(sizes, rows):
    schema = pa.schema([("n", pa.int64())])
    start, batches = 0, []
    for size in sizes:
        batches.append(pa.record_batch([pa.array(range(start, start + size), pa.int64())], schema=schema))
        start += size
    tables = list(regroup(batches, schema, rows=rows))
    assert [n for table in tables for n in table["n"].to_pylist()] == list(range(start))
    assert all(0 < table.num_rows <= rows for table in tables)


def test_batches_are_streamed():
    batch = pa.record_batch([pa.array(range(100))], names=["n"])
    taken = []

    def counted():
        for number in range(50):
            taken.append(number)
            yield batch

    tables = regroup(counted(), batch.schema, rows=200)
    next(tables)
    assert len(taken) == 3
