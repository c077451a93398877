"""The images on the pages of a PDF, by pdfium's objects."""

import io
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from tasks.extract.pdf_page import open_pdf
from tasks.extract.shown import Shown, figure_caption

_BELOW = 72  # points below an image in which its caption begins
_DEEPEST = 5  # forms within each other whose images are looked for
_BESIDE = 20  # points that text may begin or end beside an image above or below which it stands
_LEADING = 0.8  # times the height of a line: the largest gap between lines of a caption
_PART = re.compile(r"page=(\d+)&image=\d+")

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in points."""


def shown_in_pdf(data: bytes, max_pixels: int, wanted: Collection[str] | None = None) -> Iterator[Shown]:
    """The images of all pages, numbered on each from 1, with the caption below them. A JPEG is as it is stored; others
    are BMP files of their pixels, without what masks would hide of them.

    Args:
        data: the file.
        max_pixels: of an image; a larger one comes without content.
        wanted: parts; by default all.
    """
    numbers = None if wanted is None else {int(found[1]) for part in wanted if (found := _PART.fullmatch(part))}
    document = open_pdf(data)
    try:
        for number in range(1, len(document) + 1):
            if numbers is None or number in numbers:
                try:
                    yield from _on_page(document[number - 1], number, max_pixels, wanted)
                except pypdfium2.PdfiumError:  # a page that cannot be loaded does not lose the others
                    continue
    finally:
        document.close()


def _on_page(page: Any, number: int, max_pixels: int, wanted: Collection[str] | None) -> Iterator[Shown]:
    textpage = None
    boxes: list[Box] = []
    try:
        for count, image in enumerate(page.get_objects([pdfium.FPDF_PAGEOBJ_IMAGE], _DEEPEST), 1):
            part = f"page={number}&image={count}"
            if wanted is not None:
                if part in wanted:
                    yield Shown(part, _content(image, max_pixels), page=number)
                continue
            if textpage is None:
                textpage = page.get_textpage()
                boxes = _boxes(textpage)
            before, caption = _around(image, textpage, boxes)
            yield Shown(part, _content(image, max_pixels), caption, before, number)
    finally:
        if textpage:
            textpage.close()
        page.close()


def _content(image: Any, max_pixels: int) -> bytes:
    """The file of an image; empty where it cannot be read."""
    try:
        width, height = image.get_px_size()
        if not 0 < width * height <= max_pixels:
            return b""
        if image.get_filters() == ["DCTDecode"]:
            return bytes(image.get_data())
        pixels = image.get_bitmap().to_pil()
        file = io.BytesIO()
        (pixels if pixels.mode in ("L", "RGB") else pixels.convert("RGB")).save(file, "BMP")
        return file.getvalue()
    except (pypdfium2.PdfiumError, ValueError, OSError):
        return b""


def _boxes(textpage: Any) -> list[Box]:
    """Of all runs of letters on a page."""
    boxes = (textpage.get_rect(number) for number in range(textpage.count_rects()))
    return [(left, top, right, bottom) for left, bottom, right, top in boxes]


def _around(image: Any, textpage: Any, boxes: Sequence[Box]) -> tuple[str, str]:
    """The line above an image, and its caption."""
    try:
        left, bottom, right, top = image.get_bounds()
    except pypdfium2.PdfiumError:
        return "", ""
    near = [box for box in boxes if box[0] < right + _BESIDE and box[2] > left - _BESIDE]
    middle = (top + bottom) / 2
    above = [box for box in near if box[3] > max(middle, top - 2)] or [box for box in boxes if box[3] > top - 2]
    below = [box for box in near if box[1] < min(middle, bottom + 2) and box[1] > bottom - _BELOW]
    last = min(above, key=lambda box: box[3], default=None)
    return _line(textpage, last, above)[0] if last else "", figure_caption(" ".join(_lines(textpage, below)))


def _lines(textpage: Any, below: list[Box]) -> Iterator[str]:
    """The lines of the first paragraph below an image."""
    while below:
        first = max(below, key=lambda box: box[1])
        text, foot = _line(textpage, first, below)
        yield text
        below = [box for box in below if foot - _LEADING * (first[1] - first[3]) < box[1] < (first[1] + foot) / 2]


def _line(textpage: Any, box: Box, boxes: Sequence[Box]) -> tuple[str, float]:
    """The text of the line that a run of letters is in, and where it ends below."""
    same = [other for other in boxes if other[3] < (box[1] + box[3]) / 2 < other[1]] or [box]
    left, top = min(one[0] for one in same), max(one[1] for one in same)
    right, bottom = max(one[2] for one in same), min(one[3] for one in same)
    text = textpage.get_text_bounded(left=left - 1, bottom=bottom - 1, right=right + 1, top=top + 1)
    return text.strip(), bottom
