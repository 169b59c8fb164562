"""Images as they lie in the items (encoded bytes) and as the image encoders want them (RGB arrays)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from goldleaf.encode.base import column
from goldleaf.errors import EncodeError

GLYPH_SIDE = 32


def encoded(batch: pa.RecordBatch | pa.Table, field: str) -> list[bytes]:
    """The encoded bytes of each image: of a binary column, or of the `bytes` of a {bytes, path} column.

    Raises:
        EncodeError: another type, or an image without bytes.
    """
    array = column(batch, field)
    if pa.types.is_struct(array.type) and "bytes" in [part.name for part in array.type]:
        array = pc.struct_field(array, "bytes")
    if not (pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type)):
        raise EncodeError(
            f"The images of column `{field}` must be encoded bytes or {{bytes, path}}, got {array.type}."
        )
    if array.null_count:
        raise EncodeError(f"{array.null_count} images of a batch have no bytes in column `{field}`.")
    blobs: list[bytes] = array.to_pylist()
    return blobs


def decode(blob: bytes) -> Any:
    """The image as an RGB `PIL.Image`, turned upright by its EXIF orientation, transparency on white.

    Raises:
        EncodeError: not an image that Pillow reads.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        image: Any = Image.open(io.BytesIO(blob))
        image.load()
        image = ImageOps.exif_transpose(image)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise EncodeError(
            f"{len(blob)} bytes that start with {blob[:8]!r} are not an image Pillow can read: {error}"
        ) from error
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    elif image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("RGB")


def pixels(blob: bytes, side: int) -> NDArray[np.uint8]:
    """uint8 [side, side, 3], resized bicubically."""
    from PIL import Image

    return np.asarray(decode(blob).resize((side, side), Image.Resampling.BICUBIC))


def are_glyphs(blobs: Sequence[bytes]) -> bool:
    """True when every image is at most 32 pixels wide and high, and grey: digits, characters, icons."""
    for blob in blobs:
        image = decode(blob)
        grey = np.ptp(np.asarray(image, np.int16), axis=2).max() <= 2
        if max(image.size) > GLYPH_SIDE or not grey:
            return False
    return bool(blobs)
