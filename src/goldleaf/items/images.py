"""Images: a folder of files as rows, the bytes of an image wherever they are, and whether they can be read."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa

from goldleaf.errors import ItemsError, names
from goldleaf.items.arrow import Column
from goldleaf.items.content import Digests
from goldleaf.task import Classify

BATCH_IMAGES = 256
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})


class FolderReader:
    """Every image under a folder; the image column holds its path from there, with forward slashes."""

    def __init__(self, root: Path, task: Classify | None) -> None:
        if task is None or task.image is None:
            raise ItemsError(
                f"{root} is a folder; only the items of an image task are read from one.",
                do='Name a file, or set image = "file" under [task] to label the images in it.',
            )
        self.root: Path | None = root
        self.name = root.name
        self.columns = (task.image,)
        task.fields(self.columns)
        self._files = sorted(
            path.relative_to(root).as_posix()
            for path in root.rglob("*")
            if path.suffix.lower() in SUFFIXES and path.is_file()
        )
        self.rows = len(self._files)
        if not self._files:
            raise ItemsError(
                f"No images under {root}; looked for {names(sorted(SUFFIXES))}.", do="Name another folder."
            )

    def batches(self, like: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
        for at in range(0, len(self._files), BATCH_IMAGES):
            files = pa.array(self._files[at : at + BATCH_IMAGES], pa.string())
            yield pa.RecordBatch.from_arrays([files], names=list(self.columns))

    def where(self, row: int) -> str:
        return f"{self.name}/{self._files[row]}"


def read_image(value: str | bytes, root: Path | None) -> bytes:
    """The encoded bytes: `value` itself, or the file it names under `root`."""
    return value if isinstance(value, bytes) else ((root or Path()) / value).read_bytes()


def image_digest(data: bytes) -> bytes:
    """An image is the same content when its encoded bytes are."""
    return blake2b(data, digest_size=16).digest()


def unreadable(data: bytes) -> str | None:
    """Why PIL cannot decode `data` to the last row, or None."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            image.draft("L", (64, 64))  # JPEG: decode at an eighth of the size, still reading every byte
            image.load()
    except Exception as error:  # decoders raise whatever they like on broken data
        return str(error).partition(" <")[0] or type(error).__name__
    return None


def image_digests(values: Sequence[str | bytes], root: Path | None) -> tuple[Digests, dict[int, str]]:
    """The digest of each image, and why some cannot be read, by position; decoded in threads."""

    def digest(value: str | bytes) -> tuple[bytes, str | None]:
        try:
            data = read_image(value, root)
        except OSError as error:
            return bytes(16), error.strerror or str(error)
        return image_digest(data), unreadable(data)

    with ThreadPoolExecutor() as pool:
        results = list(pool.map(digest, values))
    digests = np.frombuffer(b"".join(found for found, _ in results), "<u8").reshape(-1, 2)
    return digests, {at: reason for at, (_, reason) in enumerate(results) if reason}


def encoded_images(column: Column, root: Path | None) -> Column:
    """A column of images as stored: paths or encoded bytes. Hugging Face's {bytes, path} becomes bytes."""
    if not pa.types.is_struct(column.type):
        return column
    images = column.to_pylist()
    return pa.array(
        [image and (image["bytes"] or _or_none(image["path"], root)) for image in images], pa.binary()
    )


def _or_none(path: str | None, root: Path | None) -> bytes | None:
    try:
        return None if path is None else read_image(path, root)
    except OSError:
        return None  # counted as an empty image, and refused with its place
