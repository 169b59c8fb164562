"""The folder as the real `datasets` library opens it, offline."""

import io
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.exports.labeled_rows import LABELS, labeled

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1")
datasets = pytest.importorskip("datasets")
yaml = pytest.importorskip("yaml")
Image = pytest.importorskip("PIL.Image")

from goldleaf.errors import ExportError  # noqa: E402
from goldleaf.exports.export import export  # noqa: E402
from goldleaf.exports.hf import HuggingFace  # noqa: E402
from goldleaf.exports.hf_features import front_matter  # noqa: E402


@pytest.fixture
def load(tmp_path):
    def opened(table, labels, *, names=LABELS, **options):
        batches, schema = labeled(table, labels)
        folder = tmp_path / "out"
        export(
            "hf",
            iter(batches),
            schema,
            folder,
            labels=names,
            card="# card\n",
            extra={"certificate.json": b"{}"},
            **options,
        )
        return datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))["train"]

    return opened


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2), colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_labels_are_a_class_label_and_decode(load):
    data = load(pa.table({"text": ["good", "bad", "?"]}), ["positive", "negative", None])
    assert data.features["label"] == datasets.ClassLabel(names=list(LABELS))
    assert data["label"][:] == [1, 0, -1]
    assert data.features["label"].int2str(data["label"][:2]) == ["positive", "negative"]
    assert data.column_names == ["text", "label", "label_source", "label_prob", "label_human"]
    assert data[0] == {
        "text": "good",
        "label": 1,
        "label_source": "probe.v1",
        "label_prob": 0.5,
        "label_human": True,
    }


def test_every_common_type_opens(load):
    table = pa.table(
        {
            "list": pa.array([[1], None], pa.list_(pa.int32())),
            "fixed": pa.array([[1.0, 2.0], None], pa.list_(pa.float32(), 2)),
            "large": pa.array([[b"x"], None], pa.large_list(pa.binary())),
            "struct": pa.array([{"a": 1, "b": [{"c": "x"}]}, None]),
            "time": pa.array([1, None], pa.timestamp("us", "UTC")),
            "day": pa.array([1, None], pa.date32()),
            "price": pa.array([None, None], pa.decimal128(8, 2)),
            "kind": pa.array(["a", None]).dictionary_encode(),
            "none": pa.nulls(2),
            "half": pa.array([None, None], pa.float16()),
            "view": pa.array(["a", None], pa.string_view()),
        }
    )
    data = load(table, ["positive", None])
    assert data.features["struct"] == {
        "a": datasets.Value("int64"),
        "b": datasets.List({"c": datasets.Value("string")}),
    }
    assert data.features["fixed"] == datasets.List(datasets.Value("float32"), length=2)
    assert data.features["kind"] == datasets.Value("string")
    assert data[0]["struct"] == {"a": 1, "b": [{"c": "x"}]}


def test_the_shards_say_the_same_as_the_card(load, tmp_path):
    data = load(pa.table({"text": ["a"], "n": [[1]]}), ["positive"])
    schema = pq.read_schema(tmp_path / "out" / "data" / "train-00000-of-00001.parquet")
    assert datasets.Features.from_arrow_schema(schema) == data.features


def test_image_bytes_are_images(load):
    data = load(pa.table({"picture": [png("red"), None]}), ["positive", None], image="picture")
    assert data.features["picture"] == datasets.Image()
    assert data[0]["picture"].getpixel((0, 0)) == (255, 0, 0)
    assert data[1]["picture"] is None


def test_image_paths_are_read_into_the_shards(load, tmp_path):
    source = tmp_path / "pictures"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "a.png").write_bytes(png("blue"))
    data = load(pa.table({"file": ["sub/a.png"]}), ["positive"], image="file", image_folder=source)
    (source / "sub" / "a.png").unlink()
    assert data[0]["file"].getpixel((0, 0)) == (0, 0, 255)


def test_a_missing_image_is_an_error(load, tmp_path):
    with pytest.raises(ExportError, match=r"Could not read the image .*gone.png' named in column `file`"):
        load(pa.table({"file": ["gone.png"]}), ["positive"], image="file", image_folder=tmp_path)


def test_hostile_labels_survive(load):
    names = ("yes", 'quo"te: [x]', "\\", "0", "ja, 日本語 😀", " # no\ttab")
    data = load(pa.table({"text: {": list("abcdef")}), list(names), names=names)
    assert data.features["label"].names == list(names)
    assert data["label"][:] == list(range(6))


@given(st.lists(st.text(min_size=1), min_size=2, unique=True))
def test_any_label_set_reads_back_from_the_card(names):
    features = {"label": {"names": names, "_type": "ClassLabel"}}
    read = yaml.safe_load(front_matter(features).split("---\n")[1])
    [label] = read["dataset_info"]["features"]
    assert label["dtype"]["class_label"]["names"] == {str(number): name for number, name in enumerate(names)}


def test_shards_hold_a_bounded_number_of_rows(tmp_path):
    batches, schema = labeled(pa.table({"n": range(10)}), ["positive"] * 10)
    files = HuggingFace(shard_rows=4).write(iter(batches), schema, tmp_path, labels=LABELS, card="")
    assert [file.name for file in files[:-1]] == [f"train-0000{n}-of-00003.parquet" for n in range(3)]
    assert [pq.read_metadata(file).num_rows for file in files[:-1]] == [4, 4, 2]


def test_fewer_shards_than_before_leave_no_old_rows(load, tmp_path):
    load(pa.table({"n": range(4)}), ["positive"] * 4)
    assert len(load(pa.table({"n": range(2)}), ["positive"] * 2)) == 2


def test_exporting_again_is_seen_through_the_cache(load):
    assert load(pa.table({"n": [1]}), ["positive"])["label"][:] == [1]
    assert load(pa.table({"n": [1]}), ["negative"])["label"][:] == [0]


def test_shards_of_other_data_are_never_mixed_with_ours(load, tmp_path):
    (tmp_path / "out" / "data").mkdir(parents=True)
    (tmp_path / "out" / "data" / "train-00000-of-00009.parquet").write_bytes(b"")
    with pytest.raises(ExportError, match=r"holds other data: `train-00000-of-00009.parquet`"):
        load(pa.table({"n": [1]}), ["positive"], overwrite=True)


def test_an_earlier_label_column_stays(load):
    data = load(pa.table({"label": ["mine"], "goldleaf_label_prob": [1]}), ["positive"])
    assert data.column_names[2] == "goldleaf_goldleaf_label"
    assert data["label"][:] == ["mine"]


def test_an_unknown_label_is_an_error(load):
    with pytest.raises(
        ExportError, match="The label 'sideways' is not among the labels `negative`, `positive`"
    ):
        load(pa.table({"n": [1]}), ["sideways"])


def test_a_type_without_a_feature_names_the_column(load):
    table = pa.table({"m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int8()))})
    with pytest.raises(ExportError, match=r"Column `m` .* which Hugging Face datasets cannot hold"):
        load(table, [None])
