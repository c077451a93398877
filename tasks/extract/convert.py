"""Which reader a file needs that is more than plain text, and what it reads."""

import codecs
import re

from tasks.errors import BrokenDocument, DocumentError, UnsupportedDocument
from tasks.extract.blocks import Converted
from tasks.sources.formats import COMPOUND, signature_of
from tasks.text.decode import Decoded, decode

_MESSAGE = "__properties_version1.0".encode("utf-16-le")  # a stream that every Outlook message has
_MAIL_MARKS = (b"from:", b"date:", b"message-id:", b"received:", b"mime-version:", b"return-path:", b"delivered-to:")
_XML_ENCODING = re.compile(rb"""(\s*<\?xml[^>]*?)\s+encoding\s*=\s*["']([^"'>]*)["']""")
_SITEMAP = re.compile(rb"(?:\s|(?><\?.*?\?>)|(?><!--.*?-->))*+<(?:urlset|sitemapindex)[\s>]", re.DOTALL)
_FLAT = (".fodt", ".fods", ".fodp")
_OLD_OFFICE = (".doc", ".dot", ".xls", ".ppt", ".pps", ".xlt")

MAIL = "message/rfc822"
SITEMAP = "application/x-sitemap+xml"
"""The media type of a list of a site's addresses: a document without chunks."""

MEDIA_TYPES = {
    "pdf": "application/pdf", "epub": "application/epub+zip", "office": "application/vnd.openxmlformats",
    "rtf": "application/rtf", "mail": MAIL, "notebook": "application/x-ipynb+json", "tex": "text/x-tex",
    "org": "text/x-org", "asciidoc": "text/asciidoc", "subtitles": "text/vtt", "xml": "application/xml",
    "json": "application/json", "sitemap": SITEMAP,
}  # fmt: skip

Found = tuple[Converted, str, Decoded | None]
"""A document's text, its format, and what it was decoded to; None for the last where the format says in what."""


def convert(
    data: bytes, wanted: str, extension: str, max_bytes: int, encoding: str | None = None, ocr: bool = False
) -> Found | None:
    """What a document says; None where it is plain text, Markdown, HTML or code, as its name says.

    Args:
        data: the file, decompressed.
        wanted: the format that its name or its source promises; `unknown` where neither does.
        extension: of its name, in small letters, with its dot.
        max_bytes: most bytes that an archive may inflate to.
        encoding: that is declared for it, which counts where the format is text with marks.
        ocr: read a PDF's pages without text by OCR.

    Raises:
        DocumentError: a kind of it that says what is wrong with the document.
    """
    try:
        return _convert(data, wanted, extension, max_bytes, encoding, ocr)
    except (DocumentError, ImportError, MemoryError):
        raise
    except Exception as error:  # parsers raise whatever they meet
        raise BrokenDocument(
            f"not a readable {extension or wanted} file: {type(error).__name__}: {error}"[:500],
            "Is it complete? Store it again.",
        ) from error


def _convert(data: bytes, wanted: str, extension: str, max_bytes: int, encoding: str | None, ocr: bool) -> Found | None:
    signature = signature_of(data)
    if signature == "pdf" or (signature is None and wanted == "pdf"):
        from tasks.extract.pdf import read_pdf

        return read_pdf(data, ocr), "pdf", None
    if signature == "zip" or (signature is None and wanted in ("office", "epub") and not _may_be_text(data, extension)):
        from tasks.extract.office import read_office

        return read_office(data, extension, max_bytes), "epub" if wanted == "epub" else "office", None
    if signature == COMPOUND:
        return _compound(data, extension, max_bytes)
    if signature == "rtf" or (signature is None and wanted == "rtf"):
        from tasks.extract.rtf import read_rtf

        return read_rtf(data), "rtf", None
    if signature is not None:
        raise UnsupportedDocument(f"its content is {signature}, which holds no text", "Leave it out with `exclude`.")
    return _marked_up(data, wanted, extension, max_bytes, encoding)


def _may_be_text(data: bytes, extension: str) -> bool:
    """Whether a file named as an old Office file is text after all, as a table in HTML or tabs that it opens, or one
    that is named as flat OpenDocument the XML that this is."""
    return (extension in _OLD_OFFICE and b"\0" not in data[:4096]) or (extension in _FLAT and _is_xml(data))


def _is_xml(data: bytes) -> bool:
    return data[:100].lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<?xml")


def _compound(data: bytes, extension: str, max_bytes: int) -> Found:
    if extension == ".msg" or (extension not in _OLD_OFFICE and _MESSAGE in data):
        from tasks.extract.outlook import read_msg

        return read_msg(data), "mail", None
    from tasks.extract.legacy import read_compound

    return read_compound(data, extension, max_bytes), "office", None


def _marked_up(data: bytes, wanted: str, extension: str, max_bytes: int, encoding: str | None) -> Found | None:
    """Formats that are text with marks."""
    if wanted in ("mail", "mbox") or ((wanted == "unknown" or not extension) and looks_like_mail(data)):
        from tasks.extract.mail import read_mail

        return read_mail(data), "mail", None
    if wanted == "xml" or (wanted in ("unknown", "office") and _is_xml(data)):
        return _xml(data, max_bytes, encoding)
    if wanted not in ("notebook", "json", "subtitles", "tex", "org", "asciidoc"):
        return None
    decoded = decode(data, encoding)
    found = _read_marked_up(decoded.text, wanted)
    return (found, wanted, decoded) if found is not None else None


def _read_marked_up(text: str, wanted: str) -> Converted | None:
    if wanted == "notebook":
        from tasks.extract.notebook import read_notebook

        return read_notebook(text)
    if wanted == "json":
        from tasks.extract.trees import read_json

        return read_json(text)
    if wanted == "subtitles":
        from tasks.extract.subtitles import read_subtitles

        lines, times = read_subtitles(text)
        if not lines:
            raise BrokenDocument("subtitles without any time", "Is it complete? Store it again, or name it .txt.")
        return Converted(lines, kind="text", times=times)
    from tasks.extract import markups

    return {"tex": markups.read_tex, "org": markups.read_org, "asciidoc": markups.read_asciidoc}[wanted](text)


def _xml(data: bytes, max_bytes: int, encoding: str | None) -> Found | None:
    """XML in the encoding that is declared for it; else in a national one that it says itself, or the one that its
    bytes show: what programs keep as UTF-16 they write as UTF-8, and still say UTF-16."""
    from tasks.extract.pages import is_encoding
    from tasks.extract.trees import read_xml

    if _SITEMAP.match(data.removeprefix(codecs.BOM_UTF8)):
        return Converted("", kind="text"), "sitemap", None
    if b"urn:oasis:names:tc:opendocument" in data[:4096]:
        from tasks.extract.opendocument import read_flat

        return read_flat(data, max_bytes), "office", None
    decoded = None
    said = _XML_ENCODING.match(data)
    name = said[2].decode("latin-1").lower() if said else ""
    if encoding is not None or name.startswith(("utf", "ucs")) or not is_encoding(name):
        decoded = decode(data, encoding)
        data = decoded.text.encode("utf-8", "replace")
        said = _XML_ENCODING.match(data)
        data = said[1] + data[said.end() :] if said else data
    found = read_xml(data)
    return (found, "xml", decoded) if found is not None else None


def looks_like_mail(data: bytes) -> bool:
    """Whether bytes begin as a mail does: with header lines, among them at least two that every mail has."""
    head = data[:4096].lower()
    if head.startswith(b"from ") and b"\n" in head:
        head = head.partition(b"\n")[2]
    first = re.match(rb"(?:[a-z][a-z0-9-]*:[^\n]*\n(?:[ \t][^\n]*\n)*)+", head)
    lines = first[0].split(b"\n") if first else []
    return len(lines) > 2 and sum(any(line.startswith(mark) for line in lines) for mark in _MAIL_MARKS) >= 2
