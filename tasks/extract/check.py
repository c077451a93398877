"""Whether what came out is text: what is not is cut out, or fails with the reason, instead of being embedded."""

import re
import string
from typing import NamedTuple

import numpy as np

from tasks.errors import BrokenDocument, UnsupportedDocument
from tasks.extract.junk import junk_runs, without_runs

_WINDOW = 30_000  # characters that are looked at, at the beginning, in the middle and at the end
_DUMPED = re.compile(r"^[0-9a-fA-F]{4,16}:?[ \t]+(?:[0-9a-fA-F]{2,8}[ \t]+){7,}", re.MULTILINE)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd\ue000-\uf8ff]")
_HEX_DIGITS = np.array([chr(byte) in string.hexdigits for byte in range(256)])
_SOURCES = {  # what each of them has, what is quickly looked for first, and its commands
    "RTF source": (
        ("\\", r"\par"),
        re.compile(r"\\(?:pard?|plain|f\d+|fs\d+|cf\d+|rtlch|ltrch|lang\d+|li\d+|sb\d+)\b"),
    ),
    "PDF source": (
        ("endobj",),
        re.compile(r"\b(?:endobj|endstream|\d+ \d+ obj)\b|/(?:Type|Filter|Length|FlateDecode|Font)\b"),
    ),
    "PostScript": (
        ("moveto",),
        re.compile(r"\b(?:moveto|lineto|curveto|rlineto|setgray|setrgbcolor|closepath|gsave|grestore|showpage)\b"),
    ),
    "base64 of a mail": (("base64",), re.compile(r"^Content-Transfer-Encoding: *base64", re.MULTILINE | re.IGNORECASE)),
}
_MOST_STRANGE = 0.05  # of the characters looked at
_MOST_JUNK = 0.75  # of a text; one about keys and certificates shows some
_FEWEST_WORDS = 20  # beside it
_WORD = re.compile(r"[^\W\d_]{2,}")
_MOST_DUMPED = 0.6  # of its lines
_LONGEST_LINES = 2_000  # characters of code's lines on average; what people write has shorter ones
_FEWEST_SPACES = 0.08  # of such code
_MOST_MARKS = 0.15  # of a text's words that a source's commands may be; in a text about them they are fewer


class Readable(NamedTuple):
    """A text without what no reader reads in it, where its pages begin, and how many characters were cut out."""

    text: str
    pages: tuple[int, ...]
    junk: int


def readable(text: str, is_code: bool, pages: tuple[int, ...] = ()) -> Readable:
    """Cut out of a text what is no text, and refuse what is none at all.

    Args:
        text: normalised.
        is_code: whether it is in a programming language, where long names and tables of numbers are usual.
        pages: where each page begins in it.

    Raises:
        BrokenDocument: many of its characters are no letters of any script.
        UnsupportedDocument: most of it is base64 or the like, a dump, minified code or the source of another format.
    """
    runs = junk_runs(text)
    junk = sum(end - start for start, end in runs)
    whole = len(text)
    text, pages = without_runs(text, runs, pages)
    if junk > _MOST_JUNK * whole and len(_WORD.findall(text)) < _FEWEST_WORDS:
        raise UnsupportedDocument(
            f"{junk / whole:.0%} of it is base64 or the like, no text", "Leave it out with `exclude`, or decode it."
        )
    _refuse_what_is_no_text(text, is_code)
    return Readable(text, pages, junk)


def _refuse_what_is_no_text(text: str, is_code: bool) -> None:
    """Look at parts of a text; see `readable`."""
    parts = _windows(text)
    looked_at = sum(map(len, parts))
    counts = [_counts(part) for part in parts]
    strange = sum(count.strange for count in counts)
    if strange > _MOST_STRANGE * looked_at:
        strange = sum(len(_CONTROL.findall(part)) for part in parts)
    if strange > _MOST_STRANGE * looked_at and strange > 3:
        raise BrokenDocument(
            f"not text: {strange / looked_at:.0%} of its characters are control characters or unknown",
            "Leave it out with `exclude`, or give its true format.",
        )
    if is_code:
        _refuse_minified(text)
        return
    lines = sum(count.lines for count in counts)
    if sum(count.hexadecimal for count in counts) > _MOST_DUMPED * lines:
        dumped = sum(len(_DUMPED.findall(part)) for part in parts)
        if dumped > _MOST_DUMPED * lines:
            message = f"{dumped / lines:.0%} of its lines are a hex dump"
            raise UnsupportedDocument(message, "Leave it out with `exclude`.")
    for name, (words, commands) in _SOURCES.items():
        found = sum(len(commands.findall(part)) for part in parts if all(word in part for word in words))
        if found > 20 and found > _MOST_MARKS * sum(count.blanks for count in counts):
            raise UnsupportedDocument(f"its text is {name}", "Give its true format, or leave it out with `exclude`.")


def _windows(text: str) -> list[str]:
    if len(text) <= 3 * _WINDOW:
        return [text]
    middle = len(text) // 2
    return [text[:_WINDOW], text[middle : middle + _WINDOW], text[-_WINDOW:]]


class _Counts(NamedTuple):
    """Of a part of a text: how many bytes may be of no script's characters, all beyond ASCII with them; how many
    characters are spaces and line feeds; its lines, and how many of them begin with four hexadecimal digits."""

    strange: int
    blanks: int
    lines: int
    hexadecimal: int


def _counts(part: str) -> _Counts:
    data = np.frombuffer(part.encode(), np.uint8)
    feeds = np.flatnonzero(data == 10)
    tabs, spaces = int(np.count_nonzero(data == 9)), int(np.count_nonzero(data == 32))
    strange = int(np.count_nonzero(data - np.uint8(32) >= 95)) - tabs - len(feeds)  # below 32 wraps around
    begins = np.append(0, feeds + 1)
    begins = begins[begins + 4 <= len(data)]
    hexadecimal = int(np.count_nonzero(_HEX_DIGITS[data[begins[:, None] + np.arange(4)]].all(axis=1)))
    return _Counts(strange, len(feeds) + spaces, len(feeds) + 1, hexadecimal)


def _refuse_minified(code: str) -> None:
    if len(code) > _LONGEST_LINES * (code.count("\n") + 1) and code.count(" ") < _FEWEST_SPACES * len(code):
        raise UnsupportedDocument("its code is minified", "Leave it out with `exclude`, or embed its source.")
