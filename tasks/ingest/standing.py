"""Images within a document: which of them count, where they stand in its text, and their chunks."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from tasks.chunk.split import Cut
from tasks.config.settings import Extraction
from tasks.content.reference import place_of
from tasks.errors import DocumentError
from tasks.extract.images import images_in
from tasks.extract.read import Extracted
from tasks.extract.shown import Shown, places_of
from tasks.hashing import hash_bytes
from tasks.ingest.pictures import Picture, picture_chunks, picture_of
from tasks.records import Chunk, Document
from tasks.sources.listing import File
from tasks.text.normalise import normalise

LEAST = 32
"""Pixels that both sides of an image within a document have at least; smaller ones are rules, bullets and icons."""

SMALL, UNREADABLE = f"images below {LEAST} pixels", "images that cannot be read"


@dataclass(frozen=True, slots=True)
class Standing:
    """An image within a document.

    Attributes:
        picture: it.
        caption: what is said of it there, else in its own file; may be empty.
        place: offset in the document's text of the last character before it.
        page: on which it is, from 1; None where the format knows no pages.
    """

    picture: Picture
    caption: str
    place: int
    page: int | None


def standing_in(
    data: bytes, file: File, extracted: Extracted, limits: Extraction
) -> tuple[list[Standing], Counter[str]]:
    """The images within a document, each once, and how many are left out, by the reason.

    Args:
        data: the document's content.
        file: it.
        extracted: its text.
        limits: of what is read.

    Raises:
        DocumentError: the document cannot be read.
    """
    whole = place_of(file)
    found: list[tuple[Shown, Picture]] = []
    left_out: Counter[str] = Counter()
    seen: set[str] = set()
    for shown in images_in(data, PurePosixPath(file.path).name, limits.max_bytes, limits.max_pixels):
        digest = hash_bytes(shown.content)
        if digest in seen and shown.content:
            continue
        seen.add(digest)
        try:
            picture = picture_of(shown.content, replace(whole, part=shown.part), limits)
        except DocumentError:
            left_out[UNREADABLE] += 1
            continue
        if min(picture.looked.width, picture.looked.height) < LEAST:
            left_out[SMALL] += 1
        else:
            found.append((replace(shown, content=b""), picture))
    places = places_of([shown for shown, _ in found], extracted.text, extracted.pages) if found else []
    return [
        Standing(picture, normalise(shown.caption or picture.looked.caption), place, shown.page)
        for (shown, picture), place in zip(found, places, strict=True)
    ], left_out


def standing_chunks(
    document: Document, images: Sequence[Standing], cuts: Sequence[Cut], first: int, hashed: bool
) -> list[Chunk]:
    """The chunks of the images within a document, with the page and the headings of where they stand. They come behind
    those of its text, whose places do not depend on them.

    Args:
        document: it.
        images: in it.
        cuts: of its text.
        first: place of the first of them among the document's chunks.
        hashed: whether the corpus keeps perceptual hashes: each has its own.
    """
    starts = [cut.start for cut in cuts]
    chunks: list[Chunk] = []
    for image in images:
        cut = max(bisect_right(starts, image.place) - 1, 0)
        headings = list(cuts[cut].headings) if cuts else []
        own = {"perceptual_hash": image.picture.looked.perceptual_hash} if hashed else {}
        metadata = {**document.metadata, **own}
        for chunk in picture_chunks(document, image.picture, image.caption):
            place = first + len(chunks)
            chunks.append(replace(chunk, ordinal=place, span_page=image.page, heading_path=headings, metadata=metadata))
    return chunks
