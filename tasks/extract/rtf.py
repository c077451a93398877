"""RTF into text, by striprtf."""

import re
from functools import partial

from tasks.errors import BrokenDocument, EmptyDocument
from tasks.extract.blocks import Converted, clean_title

_INFO = re.compile(r"\{\\(title|author|subject|keywords) ((?:[^{}\\]|\\[^{}])*)\}")
_CODE_PAGE = re.compile(rb"\\ansicpg(\d{3,5})")
_FOOTNOTE = re.compile(rb"\{\\(?:\*\\)?footnote\b")  # its words stand where it is referred to
_PICTURES = re.compile(rb"\{\\(?:\*\\)?(?:pict|objdata|shppict|nonshppict)\b[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")


def read_rtf(data: bytes) -> Converted:
    """The words of an RTF file, a blank line between its paragraphs.

    Raises:
        BrokenDocument: it cannot be parsed.
        EmptyDocument: there is no text in it.
    """
    from striprtf.striprtf import rtf_to_text

    page = _CODE_PAGE.search(data[:2000])
    encoding = f"cp{int(page[1])}" if page and page[1] not in (b"65001", b"0000") else "cp1252"
    source = _FOOTNOTE.sub(rb"{ ", _PICTURES.sub(b"", data)).decode("latin-1")
    words = partial(rtf_to_text, encoding=encoding, errors="replace")
    try:
        text = words(source)
    except (ValueError, LookupError, IndexError, RecursionError) as error:
        raise BrokenDocument(f"not a readable RTF file: {error}"[:300], "Is it complete? Store it again.") from None
    if not text.strip():
        raise EmptyDocument("there is no text in it")
    found = {name: words("{\\rtf1 " + value + "}").strip()
             for name, value in _INFO.findall(source)}  # fmt: skip
    lines = re.sub(r"\n{2,}", "\n", text)
    paragraphs = re.sub(r"(?<!\|)\n+|\n+(?=[^|\n]*$)", "\n\n", lines)  # a table's rows end with |
    title = clean_title(found.pop("title", None))
    return Converted(paragraphs, title, "text", {name: value for name, value in found.items() if value})
