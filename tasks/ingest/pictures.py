"""An image as a document: its chunks, what is known of it, and its caption."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.config.settings import Extraction
from tasks.content.reference import Place, Reference, Region, piece_hash
from tasks.hashing import chunk_ids, hash_bytes
from tasks.media.image import Looked, look, tiles
from tasks.records import Chunk, Document
from tasks.text.normalise import normalise

_CAPTIONS = ("caption", "alt", "alt_text", "description")
"""Names that the caption of an image has in the JSON beside it, the first that is there counting."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that decodes.

    Attributes:
        place: of its bytes.
        content_hash: of these.
        looked: what is known of it.
        tile: side of the tiles that it is cut into, in pixels; None where each page is one piece.
        frames: of an animation, how many are pieces at most.
    """

    place: Place
    content_hash: str
    looked: Looked
    tile: int | None
    frames: int = 1

    @property
    def media_type(self) -> str:
        """Of its content."""
        return {"SVG": "image/svg+xml"}.get(self.looked.format, f"image/{self.looked.format.lower()}")

    @property
    def metadata(self) -> dict[str, Any]:
        """What is known of it, under the names that metadata fields may have."""
        looked = self.looked
        return {
            "width": looked.width, "height": looked.height, "pages": len(self.pages), "taken": looked.taken,
            "captured": looked.taken, "image_format": looked.format, "perceptual_hash": looked.perceptual_hash,
        }  # fmt: skip

    @property
    def caption(self) -> str:
        """What its file says of it."""
        return self.looked.caption

    @property
    def title(self) -> None:
        """Images tell none."""

    @property
    def pages(self) -> Sequence[int]:
        """The numbers, from 1, of the pages, or of the frames of an animation, that are pieces of it; of an image
        within a document that of the first."""
        there = 1 if self.place.part else self.looked.pages
        count = there if self.looked.format == "TIFF" else min(there, self.frames)
        return [1 + there * place // count for place in range(count)]

    def pieces(self) -> Iterator[tuple[Reference, Region]]:
        """Its pages, or their tiles, in order, each with its region."""
        for page in self.pages:
            width, height = self.looked.sizes[page - 1]
            regions = tiles(width, height, self.tile) if self.tile else []
            if len(regions) < 2:
                yield Reference(self.place, page, None), (0, 0, width, height)
            else:
                yield from ((Reference(self.place, page, region), region) for region in regions)


def picture_of(content: bytes, place: Place, limits: Extraction) -> Picture:
    """An image from its bytes.

    Raises:
        DocumentError: what is wrong with it.
    """
    return Picture(place, hash_bytes(content), look(content, limits.max_pixels), limits.tiles, limits.frames)


def visual_hash_of(picture: Picture) -> str | None:
    """By which it is known what an image looks like; None of one in a single colour, whose bits are 0."""
    told = picture.looked.perceptual_hash
    return told if int(told, 16) else None


def caption_beside(found: Mapping[str, Any]) -> str:
    """The caption that the JSON beside an image has; empty where it has none."""
    told = (found.get(name) for name in _CAPTIONS)
    return next((normalise(text) for text in told if isinstance(text, str) and text.strip()), "")


def picture_chunks(document: Document, picture: Picture, caption: str) -> list[Chunk]:
    """The chunks of an image: a page or a tile each. A caption changes no id and no hash.

    Args:
        document: that it is, or is of.
        picture: it.
        caption: its text; may be empty.
    """
    pieces = list(picture.pieces())
    hashes = [piece_hash(picture.content_hash, reference) for reference, _ in pieces]
    many = len(picture.pages) > 1
    ids = chunk_ids(document.document_id, hashes)
    chunks: list[Chunk] = []
    end = 0
    for ordinal, ((reference, region), text_hash, identity) in enumerate(zip(pieces, hashes, ids, strict=True)):
        left, top, right, bottom = region
        start, end = end, end + (right - left) * (bottom - top)
        chunk = Chunk(
            identity, document.document_id, document.source, document.content_hash, ordinal, "image", start, end,
            "pixels", reference.page if many else None, [], caption, text_hash, 0, document.uri, document.title,
            document.metadata, list(region), str(reference), picture.content_hash,
            visual_hash_of(picture) if ordinal == 0 else None,
        )  # fmt: skip
        chunks.append(chunk)
    return chunks
