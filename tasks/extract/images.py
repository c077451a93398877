"""The images within a document, whatever its format is."""

from collections.abc import Collection, Iterator

from tasks.extract.convert import MEDIA_TYPES
from tasks.extract.office import is_book, main_part
from tasks.extract.package import Package
from tasks.extract.pages import html_of, looks_like_html
from tasks.extract.shown import Inline, Shown, shown_among
from tasks.sources.formats import format_of, signature_of
from tasks.text.decode import decode

SHOWING = frozenset({*(MEDIA_TYPES[name] for name in ("pdf", "epub", "office", "notebook")), "text/html"})
"""Media types of documents whose images are found."""


def media_type_of(data: bytes, name: str) -> str | None:
    """Of a document in which images are looked for; None of any other.

    Args:
        data: the file.
        name: of it.
    """
    signature, form = signature_of(data), format_of(name)
    if signature == "pdf":
        return MEDIA_TYPES["pdf"]
    if signature == "zip":
        return MEDIA_TYPES["epub" if form == "epub" else "office"]
    if signature is None and form == "notebook":
        return MEDIA_TYPES["notebook"]
    return "text/html" if signature is None and (form == "html" or looks_like_html(data)) else None


def images_in(
    data: bytes, name: str, max_bytes: int, max_pixels: int, wanted: Collection[str] | None = None
) -> Iterator[Shown]:
    """The images within a document, one after the other as it shows them.

    Args:
        data: the file.
        name: of it.
        max_bytes: most bytes that an archive may inflate to.
        max_pixels: of an image that has to be decoded to be had at all; a larger one comes without content.
        wanted: which ones, by `Shown.part`; by default all. Those that are wanted come without their place.

    Raises:
        DocumentError: the document cannot be read.
    """
    media_type = media_type_of(data, name)
    if media_type == MEDIA_TYPES["pdf"]:
        from tasks.extract.shown_pdf import shown_in_pdf

        return shown_in_pdf(data, max_pixels, wanted)
    return shown_among(_inline(data, name, media_type, max_bytes), wanted)


def _inline(data: bytes, name: str, media_type: str | None, max_bytes: int) -> Iterator[str | Inline]:
    from tasks.extract import shown_office, shown_pages

    if media_type == "text/html":
        yield from shown_pages.inline_of_html(html_of(data).text)
    elif media_type == MEDIA_TYPES["notebook"]:
        yield from shown_pages.inline_of_notebook(decode(data).text)
    elif media_type:
        package = Package(data, name.rpartition(".")[2], max_bytes)
        kind, main = main_part(package)
        if kind == "document":
            yield from shown_office.inline_of_word(package, main)
        elif kind == "presentation":
            yield from shown_office.inline_of_slides(package, main)
        elif kind == "workbook":
            yield from shown_office.inline_of_workbook(package, main)
        elif not kind and (content := package.xml("content.xml")) is not None:
            yield from shown_office.inline_of_opendocument(package, content)
        elif not kind and is_book(package):
            yield from shown_pages.inline_of_book(package)
