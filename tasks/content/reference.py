"""Where a piece of content is: the address of a file, or of what lies in it, and a media fragment (W3C, Media Fragments
URI 1.0): `photos/a.jpg#page=1`, `s3://b/scans.zip!/b.tif#page=2&xywh=0,0,512,512`,
`c.parquet#row=17&column=photo&page=1`; of an image within a document: `report.pdf#page=3&image=2`,
`deck.pptx#part=ppt/media/image1.png`, `page.html#image=2`; of sound from and to in seconds, `talk.mp3#t=10.000,20.000`;
of a frame of a film its time, `film.mp4#t=12.500`.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from tasks.hashing import hash_fields

if TYPE_CHECKING:  # a search reads references, and lists nothing
    from tasks.sources.listing import File

Region = tuple[int, int, int, int]

_FRAGMENT = re.compile(
    r"(?:row=(?P<row>\d+)&column=(?P<column>[^&#]*)&)?"
    r"(?:(?:(?P<part>part=[^&#]+|(?:page=\d+&)?image=\d+)|page=(?P<page>\d+))(?:&xywh=(?P<xywh>\d+(?:,\d+){3}))?"
    r"|t=(?P<start>\d+\.\d{3})(?:,(?P<end>\d+\.\d{3}))?)"
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
    """Where a piece of an image, of sound or of a film is.

    Attributes:
        place: of its bytes.
        page: of an image, from 1; of one within a document always the first.
        region: left, top, right, bottom in pixels of the page, as oriented; None is all of it.
        time: of sound its beginning and its end, of a frame when it is shown, in milliseconds; None of an image.
    """

    place: Place
    page: int = 1
    region: Region | None = None
    time: tuple[int, ...] | None = None

    def __str__(self) -> str:
        parts = [] if self.place.row is None else [f"row={self.place.row}", f"column={quote(self.place.column)}"]
        if self.time:
            parts.append(f"t={','.join(map(_seconds, self.time))}")
        else:
            parts.append(self.place.part or f"page={self.page}")
        if self.region:
            left, top, right, bottom = self.region
            parts.append(f"xywh={left},{top},{right - left},{bottom - top}")
        return f"{self.place.address}#{'&'.join(parts)}"


def place_of(file: "File") -> Place:
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
    if found["start"]:
        return Reference(place, time=tuple(int(told.replace(".", "")) for told in found.group("start", "end") if told))
    region: Region | None = None
    if found["xywh"]:
        left, top, width, height = map(int, found["xywh"].split(","))
        region = (left, top, left + width, top + height)
    return Reference(place, int(found["page"] or 1), region)


def piece_hash(content_hash: str, reference: Reference) -> str:
    """The hash of what is embedded of an image, of sound or of a film: of its bytes, page and region, or time, wherever
    these bytes are."""
    if reference.time:
        return hash_fields(content_hash, "milliseconds", reference.time)
    return hash_fields(content_hash, reference.page, reference.region)


def time_in(reference: str | None) -> tuple[int, ...] | None:
    """The time that a reference tells, in milliseconds, as `Reference` has it; None where it tells none."""
    found = _FRAGMENT.fullmatch((reference or "").rpartition("#")[2])
    return reference_of(reference).time if found and found["start"] and reference else None


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds // 1000}.{milliseconds % 1000:03}"
