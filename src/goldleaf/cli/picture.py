"""An image in the terminal: two pixels a character, in colour."""

from __future__ import annotations

import io
from typing import Any

WIDTH = 64


def draw(data: bytes, name: str) -> str:
    """The image as half blocks, its name below."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as opened:
        image = opened.convert("RGB")
    scale = min(WIDTH / image.width, WIDTH / image.height)
    size = max(1, round(image.width * scale)), max(2, round(image.height * scale) // 2 * 2)
    image = image.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BILINEAR)
    lines = []
    for y in range(0, image.height, 2):
        pairs = ((image.getpixel((x, y)), image.getpixel((x, y + 1))) for x in range(image.width))
        lines.append("".join(_cell(above, below) for above, below in pairs) + "\x1b[0m")
    return "\n".join([*lines, name])


def _cell(above: Any, below: Any) -> str:
    (r, g, b), (r2, g2, b2) = above, below
    return f"\x1b[38;2;{r};{g};{b}m\x1b[48;2;{r2};{g2};{b2}m▀"
