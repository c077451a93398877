"""A file's bytes into an extracted text."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from tasks.errors import EmptyDocument
from tasks.extract.check import refuse_what_is_no_text
from tasks.extract.convert import MEDIA_TYPES, convert
from tasks.sources.formats import format_of, language_of, split_compression
from tasks.text import decode, normalise

_MEDIA_TYPES = {"text": "text/plain", "markdown": "text/markdown", "rst": "text/x-rst", "html": "text/html"}


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a document says.

    Attributes:
        text: normalised; all offsets are into it, in characters.
        title: as the format has it apart from the text, or None.
        kind: what the text is: text, markdown, rst, or code:<language>.
        media_type: of the content it came from.
        metadata: what the document says of itself, such as its author and date: plain values by name, as they are.
        pages: where each page begins, in characters; empty where the format knows no pages.
    """

    text: str
    title: str | None
    kind: str
    media_type: str
    metadata: dict[str, object] = field(default_factory=dict)
    pages: tuple[int, ...] = ()


def extract(data: bytes, name: str, declared: str, max_bytes: int) -> Extracted:
    """The text of a file.

    Args:
        data: its content, decompressed.
        name: its name, which tells the format where the content does not.
        declared: the format that the source declares, or `auto`.
        max_bytes: most bytes that an archive may inflate to.

    Raises:
        DocumentError: a kind of it that says what is wrong with the document.
    """
    if not data.strip():
        return Extracted("", None, "text", "application/x-empty")  # such as __init__.py: nothing to do, nothing wrong
    wanted = (format_of(name) or "unknown") if declared == "auto" else declared
    extension = PurePosixPath(split_compression(name)[0]).suffix.lower()
    title: str | None = None
    metadata: dict[str, object] = {}
    pages: tuple[int, ...] = ()
    found = convert(data, wanted, extension, max_bytes, lambda data, name: extract(data, name, "auto", max_bytes).text)
    if found is not None:
        converted, form = found
        text, title, kind, media_type = converted.text, converted.title, converted.kind, MEDIA_TYPES[form]
        metadata, pages = converted.metadata, converted.pages
    elif wanted == "html":
        from tasks.extract.web import read_html

        text, title = read_html(decode(data))
        kind, media_type = "markdown", "text/html"
    else:
        text = decode(data)
        kind = f"code:{language_of(name)}" if wanted == "code" else wanted if wanted in _MEDIA_TYPES else "text"
        media_type = _MEDIA_TYPES.get(wanted) or (f"text/x-{language_of(name)}" if wanted == "code" else "text/plain")
    text = normalise(text, code=kind.startswith("code:"))
    if not text.strip():
        raise EmptyDocument("there is no text in it")
    refuse_what_is_no_text(text, kind.startswith("code:"))
    return Extracted(text, title, kind, media_type, metadata, pages)
