"""PDF into Markdown with its pages, by pdfium's letters and their places."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pypdfium2

from tasks.errors import BrokenDocument, EmptyDocument, EncryptedDocument
from tasks.extract.blocks import Blocks, Converted, clean_title, one_line
from tasks.extract.pdf_layout import (
    LONGEST_WORD,
    Paragraph,
    continues,
    in_reading_order,
    indented,
    join,
    joined_text,
    paragraphs,
    vocabulary,
    without_running_heads,
)
from tasks.extract.pdf_letters import is_language
from tasks.extract.pdf_page import Page, open_pdf, read_page
from tasks.extract.pdf_regions import with_ruled_tables
from tasks.extract.pdf_structure import Bookmark, heading_levels, shown_title
from tasks.extract.pdf_table import as_markdown, joined_over_pages
from tasks.text.normalise import normalise

_UNREADABLE = 0.3  # of the letters without a meaning; above it the text is garbage
_PROPERTIES = {
    "Author": "author", "Subject": "subject", "Keywords": "keywords", "CreationDate": "created", "ModDate": "modified",
}  # fmt: skip


def read_pdf(data: bytes, ocr: bool = False) -> Converted:
    """Paragraphs with a blank line between them, under the headings that bookmarks or fonts tell of.

    Columns are read one after the other, tables are Markdown tables where they can be told, words that hyphens cut are
    whole, running heads and page numbers are left out, values of form fields stand where they are seen. `metadata`
    counts the pages, those without text, and those that OCR read.

    Args:
        data: the file.
        ocr: read pages without text, or whose fonts do not say what they show, by OCR.

    Raises:
        EncryptedDocument: it needs a password.
        BrokenDocument: it cannot be parsed, or its fonts do not say which letters they show.
        EmptyDocument: it has no text, as a scan has none.
    """
    try:
        document = open_pdf(data)
        try:
            read = [_read(document, number, ocr) for number in range(len(document))]
            bookmarks = _bookmarks(document)
            properties = document.get_metadata_dict(skip_empty=True)
        finally:
            document.close()
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise EncryptedDocument("the PDF needs a password", "Store a copy without a password.") from None
        raise BrokenDocument(f"not a readable PDF: {error}", "Is it complete? Store it again.") from None
    pages = [page for page, _ in read]
    letters = sum(page.letters for page in pages)
    if not letters:
        raise EmptyDocument(
            f"the PDF has no text on {len(pages)} pages",
            "OCR finds none either; leave it out with `exclude`."
            if ocr
            else "Have scans read: `extraction: {ocr: true}`.",
        )
    unmapped = sum(page.unmapped for page in pages)
    if unmapped > _UNREADABLE * letters and not is_language(" ".join(map(_words, pages))):
        raise BrokenDocument(
            f"the PDF's fonts do not say which letters they show ({unmapped:,} of {letters:,})",
            "Print it again with its fonts' Unicode tables, or have it read: `extraction: {ocr: true}`.",
        )
    text, starts, kind, shown = _text(pages, bookmarks)
    metadata: dict[str, object] = {"pages": len(pages)}
    if empty := sum(not page.letters for page in pages):
        metadata["pages_without_text"] = empty
    sure = [(page.letters, confidence) for page, confidence in read if confidence is not None]
    if sure:
        metadata["pages_by_ocr"] = len(sure)
    confidence = sum(count * by for count, by in sure) / sum(count for count, _ in sure) if sure else None
    metadata |= {name: _property(properties[key]) for key, name in _PROPERTIES.items() if properties.get(key)}
    return Converted(text, clean_title(properties.get("Title")) or shown, kind, metadata, starts, confidence)


def _words(page: Page) -> str:
    return " ".join(line.text for row in page.rows for line in row)


def _read(document: Any, number: int, ocr: bool) -> tuple[Page, float | None]:
    """A page, and how sure OCR is of it where it was read so."""
    try:
        page = document[number]
    except pypdfium2.PdfiumError:  # one page that cannot be loaded does not lose the others
        return Page([], 0.0, 0.0, 0, 0), None
    try:
        found = read_page(page, document.formenv)
        if ocr and (
            not found.letters or (found.unmapped > _UNREADABLE * found.letters and not is_language(_words(found)))
        ):
            from tasks.extract.pdf_ocr import read_picture

            return read_picture(page) or (found, None)
        return found, None
    finally:
        page.close()


def _bookmarks(document: Any) -> list[Bookmark]:
    found = []
    try:
        for mark in document.get_toc(max_depth=6):
            target = mark.get_dest()
            page = target.get_index() if target is not None else None
            if page is not None:
                found.append(Bookmark(mark.level + 1, one_line(mark.get_title()), page))
    except (pypdfium2.PdfiumError, UnicodeError):
        return found
    return found


def _text(pages: Sequence[Page], bookmarks: Sequence[Bookmark]) -> tuple[str, tuple[int, ...], str, str | None]:
    """The text, where each page begins in it, its kind, and the title that it shows."""
    pages = [replace(page, rows=with_ruled_tables(page.rows, page.flat, page.steep)) for page in pages]
    lines = [in_reading_order(rows) for rows in without_running_heads(pages)]
    words = vocabulary(lines)
    grouped = [paragraphs(page) for page in lines]
    levels = heading_levels(grouped, bookmarks)
    kind = "markdown" if levels or any(line.cells for page in lines for line in page) else "text"
    fixed = sum(line.fixed for page in lines for line in page) * 2 < sum(map(len, lines))
    parts: list[str] = []
    length = 0
    starts: list[int | None] = []
    last: Paragraph | None = None
    for page in grouped:
        start: int | None = None
        for paragraph in page:
            heading = id(paragraph) in levels or (last is not None and id(last) in levels)
            goes_on = not heading and paragraph.goes_on
            if last is not None and all(last is not other for other in page) and not heading:
                goes_on = continues(last, paragraph.lines[0])
            if last is not None and last.table and paragraph.table and page[0] is paragraph:
                paragraph.lines[0].cells = joined_over_pages(last.table, paragraph.table)
            part = normalise(_block(paragraph, levels.get(id(paragraph)), words, kind, fixed))
            if not part:
                continue
            if goes_on and parts:
                part = part.lstrip()
                end = parts.pop()
                cut = max(len(end) - LONGEST_WORD, 0)
                length -= len(end) - cut
                parts += [end[:cut], join(end[cut:], part, words)]
            else:
                rows_more = paragraph.table is not None and paragraph.table.goes_on
                parts.append(f"{chr(10) if rows_more else chr(10) * 2}{part}" if parts else part)
            length += len(parts[-1])
            start = length - len(part) if start is None else start
            last = paragraph
        starts.append(start)
    shown = shown_title(grouped[0], grouped[1:]) if grouped else None
    begins = [length]  # a page without text begins where the next one does
    for found in reversed(starts):
        begins.append(begins[-1] if found is None else found)
    return "".join(parts), tuple(reversed(begins[1:])), kind, shown


def _block(paragraph: Paragraph, level: int | None, words: Counter[str], kind: str, fixed: bool) -> str:
    if paragraph.table:
        return as_markdown(paragraph.table)
    text = joined_text(paragraph.lines, words)
    if kind == "text":
        return text
    blocks = Blocks()
    if level is not None:
        blocks.heading(level, text)
    elif fixed and paragraph.lines[0].fixed and len(paragraph.lines) > 1:
        blocks.code(indented(paragraph.lines))
    else:
        blocks.paragraph(text)
    return blocks.text()


def _property(value: str) -> str:
    """A property; a date (`D:20240301120000+01'00'`) as ISO 8601."""
    date = re.match(r"D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:([+-]\d\d)'?(\d\d)|Z)?", value)
    if not date:
        return one_line(value)
    year, month, day, hour, minute, second, zone, zone_minutes = date.groups()
    whole = f"{year}-{month or '01'}-{day or '01'}"
    if hour:
        whole += f"T{hour}:{minute or '00'}:{second or '00'}"
        whole += f"{zone}:{zone_minutes}" if zone else "Z" if date[0].endswith("Z") else ""
    return whole
