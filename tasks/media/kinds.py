"""What a file is that is not what its name says: empty, cut off, an error page in its place."""

import re

from tasks.errors import BrokenDocument, DocumentError, EmptyDocument, UnsupportedDocument

_SHORTEST = 12  # bytes, by which every format is known
_BEGINNINGS = (
    (re.compile(rb"\s*<(?:!doctype html|html|head|body)", re.IGNORECASE), "a web page"),
    (re.compile(rb"%PDF"), "a PDF"),
    (re.compile(rb"PK\x03\x04"), "a ZIP archive"),
    (re.compile(rb"\s*<\?xml|\s*<[A-Za-z]"), "XML"),
    (re.compile(rb"version https://git-lfs"), "a pointer of Git LFS"),
    (re.compile(rb"\s*[{\[]"), "JSON"),
    (re.compile(rb"(?:OggS|fLaC|ID3|RIFF....WAVE)", re.DOTALL), "sound"),
    (re.compile(rb"[\t\n\r\x20-\x7e]{16,}\Z"), "text"),
)


def unknown(content: bytes, wanted: str, hint: str) -> DocumentError:
    """What is wrong with a file in whose content no known format was found.

    Args:
        content: of the file.
        wanted: what its name promises: picture, sound, film.
        hint: the next thing to try, where it may be one after all.
    """
    if not content.strip(b"\0"):
        what = "has nothing but zeros" if content else "is empty"
        return EmptyDocument(f"the file {what}", "Was it cut off while it was stored?")
    if len(content) < _SHORTEST:
        return BrokenDocument(f"the file ends after {len(content)} bytes", "Is it complete? Store it again.")
    kind = next((kind for pattern, kind in _BEGINNINGS if pattern.match(content[:4096])), "")
    begins = f"as {kind} does" if kind else f"with {content[:8].hex(' ')}"
    return UnsupportedDocument(
        f"not a {wanted} of a known format: it begins {begins}",
        "Is its name wrong, or has a server sent an error in its place?" if kind else hint,
    )
