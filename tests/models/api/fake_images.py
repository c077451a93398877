"""Images as the fake services read them: what is sent is decoded, and held against what each documents.

An image is told by its colour, so that its vector is like that of a text with the colour's name. One that is all
magenta is filtered, one that is all cyan cannot be processed.
"""

import base64
import binascii
import hashlib
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

COLOURS = {
    "red": (220, 30, 30), "green": (30, 160, 60), "blue": (40, 60, 200), "white": (250, 250, 250),
    "black": (10, 10, 10), "yellow": (240, 220, 40), "magenta": (255, 0, 255), "cyan": (0, 255, 255),
}  # fmt: skip


@dataclass(frozen=True)
class Bounds:
    """What a service documents of images: how many a request, bytes and pixels of one, and formats."""

    images: int
    file_bytes: int
    pixels: int | None
    formats: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """What was sent, decoded; empty `colour` where it is no image."""

    size: int
    height: int = 0
    width: int = 0
    form: str = ""
    colour: str = ""
    digest: str = ""

    @property
    def text(self) -> str:
        """What its vector is made of."""
        special = {"magenta": " unspeakable"}.get(self.colour, "")
        return f"{self.colour} {self.colour} {self.digest}{special}"


def picture_of(data: str, told: str | None = None) -> Picture:
    """An image in base64, or in a `data:` address.

    Args:
        data: as it was sent.
        told: its media type, where it stands beside.
    """
    if data.startswith("data:"):
        told, _, data = data.removeprefix("data:").partition(";base64,")
    try:
        content = base64.b64decode(data, validate=True)
        image = Image.open(io.BytesIO(content))
        pixels = np.asarray(image.convert("RGB"), np.float64)
    except (binascii.Error, OSError):
        return Picture(len(data))
    form = (image.format or "").lower()
    if told not in (None, f"image/{form}"):
        return Picture(len(content))
    mean = pixels.mean(axis=(0, 1))
    colour = min(COLOURS, key=lambda name: float(np.abs(mean - COLOURS[name]).sum()))
    return Picture(len(content), *pixels.shape[:2], form, colour, hashlib.sha256(content).hexdigest()[:8])


def wrong_with(picture: Picture, bounds: Bounds) -> str:
    """What a service says of an image that it does not take; empty of others."""
    if not picture.colour:
        return "invalid request: the image could not be decoded"
    if picture.form not in bounds.formats:
        return f"invalid request: unsupported image format {picture.form}"
    if picture.size > bounds.file_bytes:
        return f"invalid request: image size {picture.size} is larger than {bounds.file_bytes} bytes"
    if bounds.pixels and picture.height * picture.width > bounds.pixels:
        return "invalid request: the image has too many pixels"
    if picture.colour == "cyan":
        return "Unable to process input image. Please retry."
    return ""
