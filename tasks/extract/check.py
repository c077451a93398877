"""Whether what came out is text: what is not fails with the reason, instead of being embedded."""

import re

import numpy as np

from tasks.errors import BrokenDocument, UnsupportedDocument

_WINDOW = 30_000  # characters that are looked at, at the beginning, in the middle and at the end
_BLOB = re.compile(r"[A-Za-z0-9+/_=-]{60,}")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd\ue000-\uf8ff]")
_SOURCES = {  # a word that each of them has, and its commands
    "RTF source": (r"\par", re.compile(r"\\(?:pard?|plain|f\d+|fs\d+|cf\d+|rtlch|ltrch|lang\d+|li\d+|sb\d+)\b")),
    "PDF source": (
        "endobj",
        re.compile(r"\b(?:endobj|endstream|\d+ \d+ obj)\b|/(?:Type|Filter|Length|FlateDecode|Font)\b"),
    ),
    "PostScript": (
        "moveto",
        re.compile(r"\b(?:moveto|lineto|curveto|rlineto|setgray|setrgbcolor|closepath|gsave|grestore|showpage)\b"),
    ),
    "base64 of a mail": ("base64", re.compile(r"^Content-Transfer-Encoding: *base64", re.MULTILINE | re.IGNORECASE)),
}
_MOST_STRANGE = 0.05  # of the characters looked at
_BLANKS_OF_PROSE = 0.12  # of the characters, or of code; where there are fewer, a closer look is worth its time
_MOST_BLOBS = 0.75  # of a text; one about keys and certificates shows some
_MOST_MARKS = 0.15  # of a text's words that a source's commands may be; in a text about them they are fewer


def refuse_what_is_no_text(text: str, is_code: bool) -> None:
    """Look at parts of a text.

    Args:
        text: as it would be embedded.
        is_code: whether it is in a programming language, where long names and tables of numbers are usual.

    Raises:
        BrokenDocument: many of its characters are no letters of any script.
        UnsupportedDocument: most of it is base64, or the source of another format.
    """
    parts = _windows(text)
    looked_at = sum(map(len, parts))
    counts = [_counts(part) for part in parts]
    strange = sum(perhaps for perhaps, _ in counts)
    if strange > _MOST_STRANGE * looked_at:
        strange = sum(len(_CONTROL.findall(part)) for part in parts)
    if strange > _MOST_STRANGE * looked_at and strange > 3:
        raise BrokenDocument(
            f"not text: {strange / looked_at:.0%} of its characters are control characters or unknown",
            "Leave it out with `exclude`, or give its true format.",
        )
    dense = [part for part, (_, blanks) in zip(parts, counts, strict=True) if blanks < _BLANKS_OF_PROSE * len(part)]
    blobs = sum(len(run) for part in dense for run in _BLOB.findall(part) if _is_blob(run))
    if blobs > _MOST_BLOBS * looked_at:
        raise UnsupportedDocument(
            f"{blobs / looked_at:.0%} of it is base64 or the like, no text",
            "Leave it out with `exclude`, or decode it.",
        )
    if is_code:
        return
    for name, (word, commands) in _SOURCES.items():
        found = sum(len(commands.findall(part)) for part in parts if word in part)
        if found > 20 and found > _MOST_MARKS * sum(blanks for _, blanks in counts):
            raise UnsupportedDocument(f"its text is {name}", "Give its true format, or leave it out with `exclude`.")


def _windows(text: str) -> list[str]:
    if len(text) <= 3 * _WINDOW:
        return [text]
    middle = len(text) // 2
    return [text[:_WINDOW], text[middle : middle + _WINDOW], text[-_WINDOW:]]


def _counts(part: str) -> tuple[int, int]:
    """How many characters may be none of any script, all beyond ASCII with them, as bytes are counted quickly; and how
    many are spaces and line feeds."""
    data = np.frombuffer(part.encode(), np.uint8)
    tabs, lines, spaces = (int(np.count_nonzero(data == byte)) for byte in b"\t\n ")
    perhaps = int(np.count_nonzero((data < 32) | (data >= 127)))
    return perhaps - tabs - lines, lines + spaces


def _is_blob(run: str) -> bool:
    """Whether a long run of letters and digits is base64, not a path or a name: it has many capitals and digits."""
    capitals, digits = sum(map(str.isupper, run)), sum(map(str.isdigit, run))
    return 5 * capitals > len(run) and 20 * digits > len(run)
