"""Where a piece of content is: the address of a file, or of what lies in it, and a media fragment (W3C, Media Fragments
URI 1.0): `photos/a.jpg#page=1`, `s3://b/scans.zip!/b.tif#page=2&xywh=0,0,512,512`,
`c.parquet#row=17&column=photo&page=1`; of an image within a document: `report.pdf#page=3&image=2`,
`deck.pptx#part=ppt/media/image1.png`, `page.html#image=2`.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from tasks.hashing import hash_fields
from tasks.sources.listing import File

Region = tuple[int, int, int, int]

_FRAGMENT = re.compile(
    r"(?:(?:row=(?P<row>\d+)&column=(?P<column>[^&#]*)&)?page=(?P<page>\d+)"
    r"|(?P<part>part=[^&#]+|(?:page=\d+&)?image=\d+))(?:&xywh=(?P<xywh>\d+(?:,\d+){3}))?"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where bytes are.

    Attributes:
        address: of the file; of what lies in it, its path there behind `!/`.
        row: of a record, its number in that file, from 1; else None.
        column: that has it, of a record.
        part: of an image within a document, which one it is, see `tasks.extract.shown.Shown`.
    """

    address: str
    row: int | None = None
    column: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a piece of an image is.

    Attributes:
        place: of its bytes.
        page: from 1; of an image within a document always the first.
        region: left, top, right, bottom in pixels of the page, as oriented; None is all of it.
    """

    place: Place
    page: int
    region: Region | None

    def __str__(self) -> str:
        parts = [] if self.place.row is None else [f"row={self.place.row}", f"column={quote(self.place.column)}"]
        parts.append(self.place.part or f"page={self.page}")
        if self.region:
            left, top, right, bottom = self.region
            parts.append(f"xywh={left},{top},{right - left},{bottom - top}")
        return f"{self.place.address}#{'&'.join(parts)}"


def place_of(file: File) -> Place:
    """Where a file is, or a member of one."""
    within = file.document_id.removeprefix(file.outer.document_id) if file.outer else ""
    return Place(file.uri + within)


def reference_of(text: str) -> Reference:
    """A reference as it is written.

    Raises:
        ValueError: it is none.
    """
    address, mark, fragment = text.rpartition("#")
    found = _FRAGMENT.fullmatch(fragment)
    if not mark or not found:
        raise ValueError(f"no reference to a piece of content: {text!r}")
    place = Place(address, part=found["part"] or "")
    if found["row"]:
        place = Place(address, int(found["row"]), unquote(found["column"]))
    region: Region | None = None
    if found["xywh"]:
        left, top, width, height = map(int, found["xywh"].split(","))
        region = (left, top, left + width, top + height)
    return Reference(place, int(found["page"] or 1), region)


def piece_hash(content_hash: str, reference: Reference) -> str:
    """The hash of what is embedded of an image: of its bytes, page and region, wherever these bytes are."""
    return hash_fields(content_hash, reference.page, reference.region)
