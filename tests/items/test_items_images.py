"""Images in folders, in tables of paths and as bytes: one content, one item."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from goldleaf.errors import GoldleafError, ItemsError
from goldleaf.items.open import open_reader
from goldleaf.items.store import ItemStore
from goldleaf.task import Classify

IMAGES = Classify(["a", "b"], image="file")


def encoded(color: str, form: str = "PNG") -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    noise = color == "noise"
    image = Image.effect_noise((40, 40), 60).convert("RGB") if noise else Image.new("RGB", (8, 8), color)
    image.save(buffer, form)
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images, one of them twice."""
    root = tmp_path / "pictures"
    (root / "more").mkdir(parents=True)
    (root / "a.png").write_bytes(encoded("red"))
    (root / "b.JPG").write_bytes(encoded("blue", "JPEG"))
    (root / "more" / "c.png").write_bytes(encoded("red"))
    (root / "notes.txt").write_text("no image")
    return root


def add(tmp_path: Path, source: Any) -> ItemStore:
    store = ItemStore.open(tmp_path / f"store{len(list(tmp_path.iterdir()))}", IMAGES)
    store.add(open_reader(source, task=IMAGES))
    return store


def refusal(tmp_path: Path, source: Any, task: Classify = IMAGES) -> str:
    with pytest.raises(GoldleafError) as caught:
        ItemStore.open(tmp_path / "refused", task).add(open_reader(source, task=task))
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_a_folder(folder: Path, tmp_path: Path) -> None:
    store = add(tmp_path, folder)
    assert (store.rows, store.items) == (3, 2)
    assert store.take([0, 1]).column(0).to_pylist() == ["a.png", "b.JPG"]
    assert store.weights().tolist() == [2, 1]
    assert store.load_images([1, 0, 1]) == [
        (folder / name).read_bytes() for name in ("b.JPG", "a.png", "b.JPG")
    ]
    assert store.load_image(1) == (folder / "b.JPG").read_bytes()
    assert store.add(open_reader(folder, task=IMAGES)).new_rows == 0
    store.verify()


def test_one_content_has_one_id_wherever_it_is(folder: Path, tmp_path: Path) -> None:
    import datasets

    names = ["a.png", "b.JPG", "more/c.png"]
    ids = add(tmp_path, folder).ids().to_pylist()
    csv = folder / "list.csv"
    csv.write_text("file\n" + "\n".join(names) + "\n")
    data = [(folder / name).read_bytes() for name in names]
    pq.write_table(pa.table({"file": data}), tmp_path / "bytes.parquet")
    struct = pa.array([{"bytes": value, "path": None} for value in data])
    held = datasets.Dataset.from_dict({"file": [str(folder / name) for name in names]})
    by_path = add(tmp_path, csv)
    assert by_path.ids().to_pylist() == ids
    for source in (
        tmp_path / "bytes.parquet",
        pa.table({"file": struct}),
        [{"file": value} for value in data],
        held.cast_column("file", datasets.Image()),
    ):
        store = add(tmp_path, source)
        assert store.ids().to_pylist() == ids
        assert store.schema.field("file").type == pa.binary()
        assert store.load_images([1, 0]) == [data[1], data[0]]
        store.verify()
    assert by_path.load_images([1, 0]) == [data[1], data[0]]


def test_unreadable_images_are_named(folder: Path, tmp_path: Path) -> None:
    (folder / "bad.png").write_bytes(b"no image")
    (folder / "cut.jpg").write_bytes(encoded("noise", "JPEG")[:-400])
    message = refusal(tmp_path, folder)
    assert message.startswith(
        "Cannot read 2 of 5 images: pictures/bad.png: cannot identify image file; pictures/cut.jpg: "
    )
    assert message.endswith(".\nReplace the files, or take them out.")
    assert "truncated" in message
    csv = tmp_path / "list.csv"
    csv.write_text("file\npictures/a.png\npictures/gone.png\n")
    assert refusal(tmp_path, csv) == (
        "Cannot read 1 of 2 images: list.csv, line 3: No such file or directory.\nReplace the files, or take them out."
    )
    assert refusal(tmp_path, [{"file": b""}]) == (
        "Column `file` is empty in 1 of 1 rows: the list, row 0 (counted from 0).\n"
        "Drop the empty rows, or pass skip_empty=True (command line: --skip-empty)."
    )


def test_folder_refusals(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    assert refusal(tmp_path, tmp_path / "none") == (
        "No images under none; looked for `.bmp`, `.gif`, `.jpeg`, `.jpg`, `.png`, `.tif`, `.tiff`, `.webp`.\n"
        "Name another folder."
    )
    assert refusal(tmp_path, folder, Classify(["a", "b"], text="text")) == (
        "pictures is a folder; only the items of an image task are read from one.\n"
        'Name a file, or set image = "file" under [task] to label the images in it.'
    )


def test_a_changed_image_is_not_shown(folder: Path, tmp_path: Path) -> None:
    store = add(tmp_path, folder)
    (folder / "a.png").write_bytes(encoded("green"))
    with pytest.raises(ItemsError) as caught:
        store.load_image(0)
    path = store.folder / "../pictures/a.png"
    assert str(caught.value) == (
        f"The image {path} is not the one that was added: its content changed.\n"
        "Put the file back, and add the new image under a name of its own."
    )
    with pytest.raises(ItemsError):
        store.verify()
    (folder / "a.png").unlink()
    with pytest.raises(ItemsError) as caught:
        store.load_image(0)
    assert str(caught.value) == (
        f"The image {path} cannot be read: No such file or directory.\nPut it back where it was when it was added."
    )


def test_a_changed_image_is_another_row(folder: Path, tmp_path: Path) -> None:
    store = add(tmp_path, folder)
    (folder / "b.JPG").write_bytes(encoded("green", "JPEG"))
    added = store.add(open_reader(folder, task=IMAGES))
    assert (added.new_rows, added.new_items) == (1, 1)


def test_a_project_moves_together_with_its_images(folder: Path, tmp_path: Path) -> None:
    store = ItemStore.open(tmp_path / "store", IMAGES)
    store.add(open_reader(folder, task=IMAGES))
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (tmp_path / "store").rename(moved / "store")
    folder.rename(moved / "pictures")
    assert ItemStore.open(moved / "store", IMAGES).load_image(0) == encoded("red")
