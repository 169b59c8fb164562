"""Images on their way to a browser: their kind by their first bytes, and small copies."""

from __future__ import annotations

import io

from goldleaf.web.faults import Refusal

SMALL = 256  # pixels of a small copy's longer side
MOST = 50_000_000  # pixels that are unpacked
KINDS = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)


def kind_of(data: bytes) -> str:
    """The media type; never one that a browser would run."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for head, kind in KINDS if data.startswith(head)), "application/octet-stream")


def thumbnail(data: bytes) -> bytes:
    """A small PNG of it."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.width * picture.height > MOST:
                raise Refusal(
                    422,
                    f"The image has {picture.width} x {picture.height} pixels, too many for a small copy.",
                )
            small = picture.convert("RGBA" if "A" in picture.getbands() else "RGB")
            small.thumbnail((SMALL, SMALL))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Refusal(422, f"The image cannot be read: {error}.") from None
    out = io.BytesIO()
    small.save(out, "PNG")
    return out.getvalue()
