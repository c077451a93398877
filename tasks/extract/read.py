"""A file's bytes into an extracted text."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from tasks.errors import EmptyDocument, UnsupportedDocument
from tasks.extract.pages import html_of, looks_like_html
from tasks.sources.formats import format_of, language_of, signature_of, split_compression
from tasks.text import Decoded, decode, normalise

_MEDIA_TYPES = {"text": "text/plain", "markdown": "text/markdown", "rst": "text/x-rst", "html": "text/html"}


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a document says.

    Attributes:
        text: normalised; all offsets are into it, in characters.
        title: as the format has it apart from the text, or None.
        kind: what the text is: text, markdown, rst, or code:<language>.
        media_type: of the content it came from.
        encoding: that the bytes were read in; None where the format says it.
        confidence: how sure that is, from 0 to 1.
        metadata: what the document says of itself, such as its author and date: plain values by name, as they are.
    """

    text: str
    title: str | None
    kind: str
    media_type: str
    encoding: str | None = None
    confidence: float = 1.0
    metadata: dict[str, object] = field(default_factory=dict)


def extract(data: bytes, name: str, declared: str, max_bytes: int, encoding: str | None = None) -> Extracted:
    """The text of a file.

    Args:
        data: its content, decompressed.
        name: its name, which tells the format where the content does not.
        declared: the format that the source declares, or `auto`.
        max_bytes: most bytes that an archive may inflate to.
        encoding: that the source declares for its text files, or None.

    Raises:
        DocumentError: a kind of it that says what is wrong with the document.
    """
    if not data.strip():
        raise EmptyDocument(f"the file has {len(data)} bytes and no text")
    signature = signature_of(data[:16])
    wanted = (format_of(name) or "unknown") if declared == "auto" else declared
    if declared == "auto" and signature is None and wanted not in ("code", "markdown", "rst") and looks_like_html(data):
        wanted = "html"
    extension = PurePosixPath(split_compression(name)[0]).suffix.lower()
    title: str | None = None
    decoded: Decoded | None = None
    metadata: dict[str, object] = {}
    if signature == "pdf" or wanted == "pdf":
        from tasks.extract.pdf import read_pdf

        text, title = read_pdf(data)
        kind, media_type = "text", "application/pdf"
    elif signature == "zip" or wanted in ("office", "epub"):
        from tasks.extract.office import read_office

        if signature is not None and signature != "zip":
            raise UnsupportedDocument(
                f"named {extension}, but its content is {signature}", "Store it as .docx, unencrypted."
            )
        text, title = read_office(data, extension, max_bytes)
        kind, media_type = "markdown", f"application/{'epub+zip' if wanted == 'epub' else 'vnd.openxmlformats'}"
    elif signature is not None:
        raise UnsupportedDocument(f"its content is {signature}, which holds no text", "Leave it out with `exclude`.")
    elif wanted == "html":
        from tasks.extract.web import read_html

        decoded = html_of(data, encoding)
        text, title = read_html(decoded.text)
        kind, media_type = "markdown", "text/html"
    else:
        decoded = decode(data, encoding)
        text = decoded.text
        kind = f"code:{language_of(name)}" if wanted == "code" else wanted if wanted in _MEDIA_TYPES else "text"
        if kind == "markdown":
            from tasks.extract.front_matter import split_front_matter

            metadata, text = split_front_matter(text)
            title = " ".join(str(metadata.get("title") or "").split()) or None
        media_type = _MEDIA_TYPES.get(wanted) or (f"text/x-{language_of(name)}" if wanted == "code" else "text/plain")
    text = normalise(text, code=kind.startswith("code:"), markdown=kind == "markdown")
    if not text.strip():
        raise EmptyDocument("there is no text in it")
    read_in, confidence = (decoded.encoding, decoded.confidence) if decoded else (None, 1.0)
    return Extracted(text, title, kind, media_type, read_in, confidence, metadata)
