"""Pictures made for tests, and what is in them."""

import io
import zlib
from typing import Any

import numpy as np
from PIL import Image

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 180, 60), (30, 40, 220), (250, 250, 250)


def quarters(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """A picture whose quarters are red, green, blue and white."""
    picture = Image.new("RGB", (width, height), WHITE)
    picture.paste(RED, (0, 0, width // 2, height // 2))
    picture.paste(GREEN, (width // 2, 0, width, height // 2))
    picture.paste(BLUE, (0, height // 2, width // 2, height))
    return picture if mode == "RGB" else picture.convert(mode)


def stored(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """A picture as a file."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file."""
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def png_head(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    """The beginning of a PNG file."""
    sides = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", sides + bytes([depth, colour, 0, 0, 0]))


def png(samples: "np.ndarray[Any, Any]", depth: int, colour: int, *more: bytes) -> bytes:
    """A PNG file of samples that are not 8-bit, which Pillow does not write."""
    height, width = samples.shape[:2]
    rows = samples.astype(">u2" if depth == 16 else "u1").reshape(height, -1)
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    return png_head(width, height, depth, colour) + b"".join(more) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def smooth(width: int = 400, height: int = 300, seed: int = 0) -> Image.Image:
    """A picture with soft shapes, as photographs have."""
    noise = np.random.default_rng(seed).integers(0, 255, (7, 9, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
