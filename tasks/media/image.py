"""Pictures: what is known of one, its pixels, and pieces of it."""

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tasks.errors import OversizedDocument
from tasks.media.captions import caption, exif_of, taken
from tasks.media.colours import eight_bits, to_srgb
from tasks.media.opening import decoding, open_picture, picture_format

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

Region: TypeAlias = tuple[int, int, int, int]

_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)
_TURNS = {  # of EXIF orientations, except in TIFF, where Pillow applies it
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_HASHED = 128  # pixels that both sides keep for the hash
_HASH_SIDE = 8


class Looked(NamedTuple):
    """What is known of a picture.

    Attributes:
        format: by its content: JPEG, PNG, GIF, TIFF, BMP, WEBP, AVIF, HEIF or SVG.
        width: of its first page in pixels, as oriented.
        height: likewise.
        sizes: width and height of each page or frame, as oriented.
        taken: when it was taken, in ISO 8601, with the zone where it is told.
        caption: what its file says of it; may be empty.
        perceptual_hash: 64 bits as 16 hexadecimal digits, of its first page; alike pictures differ in 6
            bits or fewer. One of a single colour has 0, which says nothing.
    """

    format: str
    width: int
    height: int
    sizes: tuple[tuple[int, int], ...]
    taken: str | None
    caption: str
    perceptual_hash: str

    @property
    def pages(self) -> int:
        """How many pages or frames it has."""
        return len(self.sizes)


def look(content: bytes, max_pixels: int) -> Looked:
    """See that a picture decodes, and what is known of it.

    JPEG is decoded at an eighth of its size where that is enough. Every page of a TIFF is decoded; of an animation as
    many frames as have `max_pixels` together, so that a small file cannot ask for hours.

    Args:
        content: of its file.
        max_pixels: of its largest page; more are refused before they are decoded.

    Raises:
        EmptyDocument: there is nothing in it.
        UnsupportedDocument: it is no picture, or one whose reader is not installed.
        BrokenDocument: it does not decode.
        OversizedDocument: it has too many pixels.
    """
    name = picture_format(content)
    source = open_picture(content)
    with decoding(name):
        sizes: list[tuple[int, int]] = []
        shown = 0
        for page in range(_pages(source)):
            if source.format != "TIFF" and shown > max_pixels:
                sizes.append(sizes[0])
                continue
            source.seek(page)
            _check_size(source, max_pixels)
            width, height = _size(source)
            if page == 0:
                first = _small(source)
                told = taken(source), caption(source)
            else:
                source.load()
            shown += width * height
            sizes.append((width, height))
        return Looked(name, *sizes[0], tuple(sizes), *told, _difference_hash(first))


def picture(
    content: bytes, page: int = 0, region: Region | None = None, at_least: int | None = None
) -> NDArray[np.uint8]:
    """The pixels of a picture or a piece of it, shape (height, width, 3), dtype uint8: sRGB, oriented, over white.

    Args:
        content: of its file.
        page: of a TIFF, or frame of an animation, from 0.
        region: left, top, right and bottom in pixels of the oriented picture; None is all of it.
        at_least: pixels that both sides keep where decoding smaller is cheaper; None is the true size.

    Raises:
        DocumentError: as `look`; a page or region that is not there is a `BrokenDocument`.
    """
    return next(pictures(content, [(page, region)], at_least))


def pictures(
    content: bytes, pieces: Sequence[tuple[int, Region | None]], at_least: int | None = None
) -> Iterator[NDArray[np.uint8]]:
    """Several pieces of a picture, each as `picture` gives it; a page is decoded once for those that follow each other.

    Args:
        content: of its file.
        pieces: pages and regions; pages of an animation are cheapest in their order.
        at_least: as in `picture`.
    """
    source = open_picture(content)
    for page, group in itertools.groupby(pieces, key=lambda piece: piece[0]):
        with decoding(picture_format(content)):
            pixels = _pixels(source, page, [region for _, region in group], at_least)
        yield from pixels


def tiles(width: int, height: int, size: int) -> list[Region]:
    """Regions that cover a picture without overlap, row by row: as few as have sides up to `size`, nearly equal ones.

    Args:
        width: of the picture in pixels.
        height: likewise.
        size: of a tile's longer side at most.
    """
    columns, rows = _cuts(width, size), _cuts(height, size)
    return [
        (left, top, right, bottom)
        for top, bottom in itertools.pairwise(rows)
        for left, right in itertools.pairwise(columns)
    ]


def _cuts(length: int, size: int) -> list[int]:
    count = -(-length // size)
    return [length * i // count for i in range(count + 1)]


def _pages(source: "ImageFile") -> int:
    """JPEG's further pictures (MPO) are previews and depth maps of the first."""
    return 1 if source.format == "MPO" else getattr(source, "n_frames", 1)


def _check_size(source: "ImageFile", max_pixels: int) -> None:
    width, height = source.size
    if width * height > max_pixels:
        raise OversizedDocument(
            f"the picture has {width:,} x {height:,} pixels, more than {max_pixels:,}",
            "Raise `max_pixels`, or store it smaller.",
        )


def _size(source: "ImageFile") -> tuple[int, int]:
    width, height = source.size  # a TIFF's is after its orientation; asking a PNG for its EXIF decodes it
    turned = source.format != "TIFF" and exif_of(source).get(_ORIENTATION) in _SIDEWAYS
    return (height, width) if turned else (width, height)


def _small(source: "ImageFile") -> "Image":
    source.draft(None, (_HASHED, _HASHED))
    return to_srgb(_reduced(_oriented(source), _HASHED), source.info.get("icc_profile"))


def _difference_hash(seen: "Image") -> str:
    """Whether each of 8 x 8 points is brighter than that to its left: dHash (N. Krawetz, Kind of Like That, 2013)."""
    from PIL.Image import Resampling

    small = np.asarray(seen.convert("L").resize((_HASH_SIDE + 1, _HASH_SIDE), Resampling.LANCZOS))
    return np.packbits(small[:, 1:] > small[:, :-1]).tobytes().hex()


def _pixels(
    source: "ImageFile", page: int, regions: Sequence[Region | None], at_least: int | None
) -> list[NDArray[np.uint8]]:
    source.seek(page)
    if at_least and regions == [None]:
        source.draft(None, (at_least, at_least))
    whole = _oriented(source)
    profile = source.info.get("icc_profile")
    pieces = (whole if region is None else _cut(whole, region) for region in regions)
    return [np.array(to_srgb(_reduced(piece, at_least), profile)) for piece in pieces]


def _oriented(source: "ImageFile") -> "Image":
    from PIL.Image import Transpose

    source.load()
    plain = eight_bits(source)
    turn = None if source.format == "TIFF" else _TURNS.get(exif_of(source).get(_ORIENTATION, 1))
    return plain if turn is None else plain.transpose(Transpose[turn])


def _cut(whole: "Image", region: Region) -> "Image":
    left, top, right, bottom = region
    if not (0 <= left < right <= whole.width and 0 <= top < bottom <= whole.height):
        raise ValueError(f"the region {region} is not in a picture of {whole.width} x {whole.height} pixels")
    return whole.crop(region)


def _reduced(piece: "Image", at_least: int | None) -> "Image":
    factor = min(piece.size) // at_least if at_least else 1
    return piece.reduce(factor) if factor > 1 else piece
