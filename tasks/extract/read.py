"""A file's bytes into an extracted text."""

from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from tasks.errors import EmptyDocument
from tasks.extract.check import readable
from tasks.extract.convert import MEDIA_TYPES, SITEMAP, convert
from tasks.extract.pages import html_of, looks_like_html
from tasks.sources.formats import format_of, language_of, split_compression
from tasks.sources.mailbox import Attached
from tasks.text.decode import OCR, Decoded, decode
from tasks.text.normalise import normalise

_MEDIA_TYPES = {"text": "text/plain", "markdown": "text/markdown", "rst": "text/x-rst"}

PAGES, JUNK = "pages without text", "characters of base64 or the like"

EMPTY = "application/x-empty"
"""The media type of a file without content: a document without chunks."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a document says.

    Attributes:
        text: normalised; all offsets are into it, in characters.
        title: as the format has it apart from the text, or None.
        kind: what the text is: text, markdown, rst, or code:<language>.
        media_type: of the content it came from.
        encoding: that the bytes were read in, or `ocr`; None where the format says it.
        confidence: how sure that is, from 0 to 1.
        metadata: what the document says of itself, such as its author and date: plain values by name, as they are.
        pages: where each page begins, in characters; empty where the format knows no pages.
        times: of subtitles, from when to when each line is shown, in milliseconds; else empty.
        left_out: what of it is not in the text, and how much.
        attached: files that come with it, each a document of its own.
    """

    text: str
    title: str | None
    kind: str
    media_type: str
    encoding: str | None = None
    confidence: float = 1.0
    metadata: dict[str, object] = field(default_factory=dict)
    pages: tuple[int, ...] = ()
    times: tuple[tuple[int, int], ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)
    attached: tuple[Attached, ...] = ()


def extract(
    data: bytes, name: str, declared: str, max_bytes: int, encoding: str | None = None, ocr: bool = False
) -> Extracted:
    """The text of a file.

    Args:
        data: its content, decompressed.
        name: its name, which tells the format where the content does not.
        declared: the format that the source declares, or `auto`.
        max_bytes: most bytes that an archive may inflate to.
        encoding: that the source declares for its text files, or None.
        ocr: read a PDF's pages without text by OCR.

    Raises:
        DocumentError: a kind of it that says what is wrong with the document.
    """
    if not data.strip():
        return Extracted("", None, "text", EMPTY)  # such as __init__.py: nothing to do, nothing wrong
    wanted = (format_of(name) or "unknown") if declared == "auto" else declared
    is_page = declared == "auto" and wanted not in ("code", "markdown", "rst") and looks_like_html(data)
    extension = PurePosixPath(split_compression(name)[0]).suffix.lower()

    if not is_page and (found := convert(data, wanted, extension, max_bytes, encoding, ocr)):
        converted, form, decoded = found
        if converted.confidence is not None:
            decoded = Decoded(converted.text, OCR, converted.confidence)
        extracted = Extracted(
            converted.text, converted.title, converted.kind, MEDIA_TYPES[form], decoded.encoding if decoded else None,
            decoded.confidence if decoded else 1.0, converted.metadata, converted.pages,
            converted.times, attached=converted.attached,
        )  # fmt: skip
    else:
        extracted = _plain(data, name, "html" if is_page else wanted, encoding)
    if extracted.media_type == SITEMAP:
        return extracted
    is_code = extracted.kind.startswith("code:")
    text = normalise(extracted.text, code=is_code, markdown=extracted.kind == "markdown")
    if not text.strip():
        raise EmptyDocument("there is no text in it")
    text, pages, junk = readable(text, is_code, extracted.pages)
    empty = extracted.metadata.get("pages_without_text")
    times = extracted.times if text.count("\n") + 1 == len(extracted.times) else ()
    left_out = {PAGES: empty if isinstance(empty, int) else 0, JUNK: junk}
    told = {name: n for name, n in left_out.items() if n}
    return replace(extracted, text=text, pages=pages, times=times, left_out=told)


def _plain(data: bytes, name: str, wanted: str, encoding: str | None) -> Extracted:
    """What is text already: HTML, Markdown, code, and whatever else."""
    if wanted == "html":
        from tasks.extract.web import read_html

        page = html_of(data, encoding)
        text, title, metadata = read_html(page.text)
        return Extracted(text, title, "markdown", "text/html", page.encoding, page.confidence, metadata)
    found = decode(data, encoding)
    if wanted == "markdown":
        from tasks.extract.front_matter import split_front_matter
        from tasks.extract.markdown import readable

        metadata, text = split_front_matter(found.text)
        text = readable(text)
        title = " ".join(str(metadata.get("title") or "").split()) or None
        return Extracted(text, title, wanted, _MEDIA_TYPES[wanted], found.encoding, found.confidence, metadata)
    if wanted == "code":
        language = language_of(name)
        return Extracted(found.text, None, f"code:{language}", f"text/x-{language}", found.encoding, found.confidence)
    kind = "rst" if wanted == "rst" else "text"
    return Extracted(found.text, None, kind, _MEDIA_TYPES[kind], found.encoding, found.confidence)
