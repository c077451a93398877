"""Small pictures of what a search found, made from where the images are."""

import io

import numpy as np

from tasks.config.settings import Corpus
from tasks.content.fetching import fetch
from tasks.content.finding import COLUMNS, Found, Origin, origins_of
from tasks.content.items import Content
from tasks.errors import ConfigurationError, DocumentError, UnknownName
from tasks.lake.literals import quoted
from tasks.lake.nearest import View
from tasks.models.interface import Image
from tasks.models.takes import Takes

MEDIA_TYPE = "image/jpeg"
_QUALITY = 80  # of 100


def thumbnail_of(view: View, corpus: Corpus, chunk_id: str, side: int) -> bytes:
    """An image that a row is of, as a JPEG file that fits into a square.

    Args:
        view: of a table that has the row.
        corpus: whose it is.
        chunk_id: of the row.
        side: of the square, in pixels.

    Raises:
        UnknownName: the table has no such chunk, or it is none of an image.
        ConfigurationError: the image is not to be had as it was read.
    """
    rows = view.matched(f"chunk_id = {quoted(chunk_id)}", COLUMNS)
    if not rows or rows[0]["modality"] != "image":
        raise UnknownName(
            f"{view.table} has no image {chunk_id!r}", "Give a chunk_id of an image as a search shows it."
        )
    found = next((_content(one, corpus, side) for one in origins_of(rows, corpus)), None)
    if not isinstance(found, np.ndarray):
        reason = found.message if isinstance(found, DocumentError) else "it is gone"
        raise ConfigurationError(f"the image is not to be had: {reason}", "Run again.")
    return as_jpeg(found, side)


def _content(found: Found, corpus: Corpus, side: int) -> Content | DocumentError:
    if not isinstance(found, Origin):
        return found[1]
    [(_, content)] = fetch([found], corpus, Takes(side=side))
    return content


def as_jpeg(pixels: Image, side: int) -> bytes:
    """Pixels, uint8 of shape (height, width, 3), as a JPEG file that fits into a square of so many pixels a side."""
    from PIL import Image as Pillow

    picture = Pillow.fromarray(pixels)
    picture.thumbnail((side, side))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
