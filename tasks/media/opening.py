"""Pictures are opened by what they are, not by their names; what is wrong with one is said in one place."""

import io
import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from tasks.errors import BrokenDocument, DocumentError, OversizedDocument, UnsupportedDocument
from tasks.media.drawing import rasterise
from tasks.media.kinds import unknown

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

MOST_PIXELS = 178_956_970  # that Pillow decodes: twice its `MAX_IMAGE_PIXELS`

_COMPLETE = "Is it complete? Store it again."
_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG", "PNG"),
    (b"GIF8", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_BMP_HEADS = {12, 40, 52, 56, 64, 108, 124}  # sizes of the header that follows, by its version
_SVG = re.compile(r"(?:\s|<\?xml.*?\?>|<!--.*?-->|<!DOCTYPE\s+svg.*?(?:\[.*?\]\s*)?>)*<(?:\w+:)?svg[\s>]", re.DOTALL)
_GZIP = b"\x1f\x8b"  # of a .svgz file
_LARGEST_DRAWING = 64 * 1024 * 1024  # bytes, unpacked
_LONGEST_HEAD = 65_536  # bytes before an SVG's root


def picture_format(content: bytes) -> str:
    """What a picture is by its content: JPEG, PNG, GIF, TIFF, BMP, WEBP, AVIF, HEIF or SVG; empty for none of them.

    Args:
        content: of a file, or its first 64 KiB.
    """
    for magic, name in _MAGIC:
        if content.startswith(magic):
            return name
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[:2] == b"BM" and int.from_bytes(content[14:18], "little") in _BMP_HEADS:
        return "BMP"
    if content[4:8] == b"ftyp":
        end = min(int.from_bytes(content[:4], "big"), 256)
        brands = {content[8:12], *(content[i : i + 4] for i in range(16, end, 4))}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        return "HEIF" if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1"} else ""
    return "SVG" if _SVG.match(_svg_head(content)) else ""


def open_picture(content: bytes) -> "ImageFile":
    """A picture whose header is read.

    Args:
        content: of its file.

    Raises:
        EmptyDocument: there is nothing in it.
        UnsupportedDocument: it is no picture, or one whose reader is not installed.
        BrokenDocument: it does not decode.
        OversizedDocument: it has more pixels than Pillow decodes.
    """
    from PIL import Image

    name = picture_format(content)
    if not name:
        raise unknown(content, "picture", "Store it as PNG, JPEG or WebP.")
    if name == "HEIF":
        _require("pi_heif", "HEIC pictures", "heic").register_heif_opener(thumbnails=False)
    if name == "SVG":
        _require("resvg_py", "SVG drawings", "svg")
        with decoding(name):
            drawn, description = rasterise(_unpacked(content) if content.startswith(_GZIP) else content)
            source = Image.open(io.BytesIO(drawn))
            source.info["Description"] = description
            return source
    with decoding(name):
        return Image.open(io.BytesIO(content), formats=[name])


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """What fails within is raised as what is wrong with a picture.

    Args:
        name: of its format.

    Raises:
        BrokenDocument: it does not decode.
        OversizedDocument: it has more pixels than Pillow decodes.
    """
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():  # of headers that are odd: what matters is whether it decodes
        warnings.simplefilter("ignore")
        try:
            yield
        except (DocumentError, MemoryError, ImportError):
            raise
        except Image.DecompressionBombError as error:
            raise OversizedDocument(
                f"it has more than {MOST_PIXELS:,} pixels, which is the most that is decoded",
                "Store it smaller, or in parts.",
            ) from error
        except Exception as error:  # damaged files raise nearly everything
            nameless = isinstance(error, UnidentifiedImageError)
            reason = "its header is damaged" if nameless else str(error) or type(error).__name__
            raise BrokenDocument(f"the {name} picture does not decode: {reason}", _COMPLETE) from error


def _require(module: str, what: str, extra: str) -> Any:
    if find_spec(module) is None:
        raise UnsupportedDocument(
            f"{what} need {module}, which is not installed", f"pip install 'embedlake[{extra}]', or store it as PNG."
        )
    return import_module(module)


def _svg_head(content: bytes) -> str:
    if content.startswith(_GZIP):
        try:
            content = zlib.decompressobj(wbits=31).decompress(content, _LONGEST_HEAD)
        except zlib.error:
            return ""
    head = content[:_LONGEST_HEAD]
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head[: len(head) // 2 * 2].decode("utf-16", "replace")
    return head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")


def _unpacked(content: bytes) -> bytes:
    """The SVG of a .svgz file."""
    stream = zlib.decompressobj(wbits=31)
    drawing = stream.decompress(content, _LARGEST_DRAWING)
    if stream.unconsumed_tail:
        raise OversizedDocument(f"the drawing has more than {_LARGEST_DRAWING:,} bytes", "Store it simpler, or as PNG.")
    if not stream.eof:
        raise BrokenDocument("the drawing's compression ends early", _COMPLETE)
    return drawing
