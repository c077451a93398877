"""An item of each modality that every encoder of that modality can embed: to see whether one still does."""

import io
import math
import struct
import wave
import zlib

from tasks.models.interface import Item

_TEXT = "The keeper of the lighthouse writes down the tide twice a day."
_SIDE = 32  # pixels
_RATE = 16_000  # samples a second


def probe(modality: str) -> Item:
    """An item that is surely good: a sentence, a PNG image, or a second of sound as WAV."""
    if modality == "image":
        return Item(modality, _image(), _SIDE * _SIDE)
    if modality == "sound":
        return Item(modality, _sound(), _RATE)
    return Item("text", _TEXT, len(_TEXT) // 4 + 1)


def _image() -> bytes:
    """A gradient, 8-bit RGB."""
    rows = b"".join(b"\0" + bytes(v for x in range(_SIDE) for v in (8 * x, 8 * y, 128)) for y in range(_SIDE))

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")


def _sound() -> bytes:
    """A second of concert pitch, 16 bits, one channel."""
    samples = (int(9000 * math.sin(2 * math.pi * 440 * i / _RATE)) for i in range(_RATE))
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((1, 2, _RATE, _RATE, "NONE", ""))
        written.writeframes(struct.pack(f"<{_RATE}h", *samples))
    return file.getvalue()
