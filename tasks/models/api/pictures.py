"""Images as services take them: as JPEG or PNG, in as few requests as their limits allow.

What is sent is made of pixels and not the bytes of a file: a page, a tile or a frame is no file; no service reads TIFF
or HEIC; the orientation and the colours are right by then; and what the file says beside, as the place of a photograph,
goes to nobody.
"""

import base64
import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tasks.models.api.wire import Sight, Wire
from tasks.models.interface import Image
from tasks.models.scale import at_most

_COLOURS = 256  # of an image, with which it is drawn rather than photographed: PNG loses nothing and is smaller
_LONGEST = 65_500  # pixels of a side that JPEG has
_QUALITIES = (95, 85, 70, 50)  # of JPEG, the first that is small enough


class Picture(NamedTuple):
    """An image as it is sent.

    Attributes:
        uri: `data:` with its type and its bytes.
        tokens: that it is billed with, about.
    """

    uri: str
    tokens: int


def picture_of(pixels: Image, sight: Sight, wire: Wire, model: str) -> Picture:
    """An image as it is sent to a model: PNG where it has few colours, else JPEG of quality 95, or less should that be
    larger than the provider takes."""
    pixels = at_most(sight.pixels)(pixels)
    height, width = pixels.shape[:2]
    kind, content = _encoded(pixels, sight.file_bytes)
    uri = f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
    return Picture(uri, wire.picture_tokens(model, height, width))


def _encoded(pixels: Image, most: int) -> tuple[str, bytes]:
    from PIL import Image as pillow

    image = pillow.fromarray(pixels)
    image.thumbnail((_LONGEST, _LONGEST))
    if image.getcolors(_COLOURS):
        content = io.BytesIO()
        image.save(content, "PNG")
        if content.tell() <= most:
            return "png", content.getvalue()
    for quality in _QUALITIES:
        content = io.BytesIO()
        image.save(content, "JPEG", quality=quality, subsampling=0)
        if content.tell() <= most:
            break
    return "jpeg", content.getvalue()


def data_of(uri: str) -> tuple[str, str]:
    """The media type and the base64 of a `data:` address."""
    kind, _, data = uri.removeprefix("data:").partition(";base64,")
    return kind, data


def requests_of(pictures: Sequence[Picture], sight: Sight) -> Iterator[list[int]]:
    """Positions of pictures that go into a request together, in order; one that is too large for any goes alone."""
    together: list[int] = []
    size = 0
    for i, picture in enumerate(pictures):
        if together and (len(together) == sight.inputs or size + len(picture.uri) > sight.request_bytes):
            yield together
            together, size = [], 0
        together.append(i)
        size += len(picture.uri)
    if together:
        yield together
