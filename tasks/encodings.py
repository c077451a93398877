"""Which encoding some bytes are in, and how surely.

What tells by itself decides: a byte order mark, valid UTF-8, the zero bytes of UTF-16 and UTF-32, the escapes of
ISO-2022. For all else chardet compares pairs of bytes with those of each language; in a few letters it can be wrong,
so what it finds is weighed by how plausible the letters look, and Windows-1252 is preferred where little tells.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import chardet

SAMPLE = 256 * 1024
"""Bytes that detection looks at."""

_WEIGHED = 16 * 1024  # bytes with a high bit, and what is around them, that a guess stands on
_MARKS = [
    (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
]  # fmt: skip
_WIDE_CODECS = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_ESCAPED = ("iso2022_jp_2", "iso2022_jp_ext", "iso2022_jp_2004", "iso2022_kr")
_USUAL = (  # no rare ones: a text of theirs is rarer than one that is taken for it
    "cp1252", "iso-8859-15", "cp1250", "iso-8859-2", "cp1251", "koi8-r", "koi8-u", "iso-8859-5", "cp866", "cp1253",
    "iso-8859-7", "cp1254", "cp1255", "iso-8859-8", "cp1256", "iso-8859-6", "cp1257", "cp1258", "cp874", "cp932",
    "euc-jp", "gb18030", "big5", "cp949", "cp850", "mac-roman", "mac-cyrillic",
)  # fmt: skip
_SEVERAL_BYTES = ("utf", "iso2022", "cp932", "euc", "gb", "big5", "cp949", "shift", "johab", "hz")
_DEFAULT = "cp1252"
_CONTROLS = bytes({*range(32), 127} - set(b"\t\n\v\f\r\b\x1a\x1b\x1e"))
_PLAIN = bytes((0, *b"\t\n\r", *range(32, 127)))
_ZEROS = re.compile(rb"\0{2,}")
_MOST_CONTROLS = 0.03  # of the bytes
_CANDIDATES = 10
_FAVOUR = 0.03  # what the default and its next are given at most, on the scale of chardet's confidence
_COMMON = re.compile(r"[A-Za-z0-9 \n\r\t.,;:()、。，的一是\u3040-\u30ff]")
_WORD = re.compile(r"\S*[^\x00-\x7f]\S*")
_SCRIPTS = frozenset(("LATIN", "CYRILLIC", "GREEK", "HEBREW", "ARABIC", "THAI"))
_ODD = ("Cc", "Cn", "Co", "Cs")
_SIGNS = frozenset("“”‘’„–—…€£©®°«»§·•²³½¼¾±×µ¿¡ªº´¨™′″№\xa0¥¢‚‹›÷¶")


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding, as a codec's name, and how sure it is, from 0 to 1."""

    name: str
    confidence: float


def detect(data: bytes) -> Encoding | None:
    """The encoding of some bytes by all that tells it, or None where they are no text.

    Damaged UTF-8 is UTF-8 where it has at least as many whole characters beyond ASCII as bytes that belong to none.
    """
    if mark := next((name for mark, name in _MARKS if data.startswith(mark)), None):
        return Encoding(mark, 1.0)
    if (b"\0" in data or not _is_text(data)) and (name := _wide(data[:SAMPLE])):
        return Encoding(name, 0.95)
    if b"\x1b$" in data[:SAMPLE] and data.isascii() and (name := _escapes(data)):
        return Encoding(name, 0.98)
    try:
        data.decode()
    except UnicodeDecodeError:
        whole, broken = _counted(data)
        if whole and whole >= broken:
            return Encoding("utf-8", whole / (whole + broken))
    else:
        return Encoding("utf-8", 1.0) if _is_text(data) else None
    return _guess(data) if _is_text(data) else None


def is_single_byte(name: str) -> bool:
    """Whether an encoding has a byte for each character."""
    return not _codec(name).startswith(_SEVERAL_BYTES)


def _is_text(data: bytes) -> bool:
    """Whether some bytes, in an encoding that holds ASCII, have few control characters and single zeros. Runs of zeros
    are no matter: a loss of power leaves them in a log."""
    data = _ZEROS.sub(b"", data)
    sample = data[:SAMPLE]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    return bool(sample) and controls <= _MOST_CONTROLS * len(sample) and 1000 * sample.count(0) <= len(sample)


def _counted(data: bytes) -> tuple[int, int]:
    """Of bytes read as UTF-8, the characters beyond ASCII, and the replacement characters for what is none."""
    text = data.decode(errors="replace")
    broken = text.count("\ufffd") - data.count("\ufffd".encode())
    return len(text) - _ascii_bytes(data) - text.count("\ufffd"), broken


def _ascii_bytes(data: bytes) -> int:
    return len(data.translate(None, bytes(range(128, 256))))


def _wide(data: bytes) -> str | None:
    """UTF-16 or UTF-32 without a byte order mark: the order in which the commonest characters come out."""
    if 4 * data.count(0) < len(data) and not data.translate(None, _PLAIN):
        return None
    best, share = None, 0.0
    for name in _WIDE_CODECS:
        width = 4 if "32" in name else 2
        text = data[: len(data) // width * width].decode(name, "replace")
        odd = sum(char == "\ufffd" or (unicodedata.category(char) in _ODD and char not in "\n\r\t\f") for char in text)
        common = len(_COMMON.findall(text)) / max(len(text), 1)
        few = len(text) < 8 and common < 0.5  # any few bytes are letters of something
        if common > share and odd <= 0.01 * len(text) and not few:
            best, share = name, common
    return best


def _escapes(data: bytes) -> str | None:
    """The ISO-2022 that reads the bytes best; None where they have escapes of other kinds."""
    tried = [(text.count("\ufffd"), name, text) for name in _ESCAPED if (text := data.decode(name, "replace"))]
    broken, name, text = min(tried, key=lambda one: one[0])
    return name if sum(char > "\x7f" for char in text) > 4 * broken else None


def _guess(data: bytes) -> Encoding:
    """The best of the usual encodings for bytes that tell nothing by themselves.

    chardet's confidence is multiplied by the share of plausible letters. The confidence given stands on how much
    better the best is than the next with other letters, and on how many letters there are: fitted to 3,000 short
    texts in 36 languages.
    """
    sample = _around_high_bytes(data)
    found = chardet.detect_all(
        sample, ignore_threshold=True, include_encodings=_USUAL, no_match_encoding=_DEFAULT,
        empty_input_encoding=_DEFAULT,
    )  # fmt: skip
    scores = {_codec(one["encoding"]): one["confidence"] for one in found[:_CANDIDATES] if one["encoding"]}
    scores.setdefault(_DEFAULT, 0.0)
    high = len(sample) - _ascii_bytes(sample)
    weighed: list[tuple[float, float, str, str]] = []
    for name, score in scores.items():
        try:
            text = sample.decode(name)
        except UnicodeDecodeError:
            if name != _DEFAULT:
                continue
            text = sample.decode(name, "replace")
        favour = {_DEFAULT: 1.0, "iso8859-15": 0.3, "cp1250": 0.3, "cp1251": 0.3}.get(name, 0.0) * _FAVOUR
        plausible = max(1 - 0.9 * _faults(text), 0.02)
        weighed.append(((score + favour / (1 + high / 2)) * plausible, plausible, name, text))
    weighed.sort(reverse=True)
    best, plausible, name, text = weighed[0]
    other = next((score for score, _, _, same in weighed if same != text), 0.0)
    doubt = 0.4 * max(other / best, 0.3) ** 2 / max(high, 1) ** 0.5
    return Encoding(name, round(plausible**2 * (1 - doubt), 3))


@cache
def _codec(name: str) -> str:
    """Python's name for a codec, without which two names of one would be two candidates."""
    return codecs.lookup(name).name


def _around_high_bytes(data: bytes) -> bytes:
    """The lines with bytes beyond ASCII, as many as a guess needs, and all where it is little."""
    if len(data) <= _WEIGHED:
        return data
    lines: list[bytes] = []
    size = 0
    for line in re.finditer(rb"[^\n]*[\x80-\xff][^\n]*\n?", data):
        lines.append(line[0][:_WEIGHED])
        size += len(lines[-1])
        if size >= _WEIGHED:
            break
    return b"".join(lines)


def _faults(text: str) -> float:
    """The share of the characters beyond ASCII that stand where writing has none: from 0 to 1, or a little more.

    Scripts mixed within a word, a capital after a small letter, signs between letters, control and unassigned
    characters, a single letter of another script among Latin ones.
    """
    faults, count = 0.0, 0
    for match in _WORD.finditer(text):
        word = match[0]
        high = sum(char > "\x7f" for char in word)
        count += high
        letters = [char for char in word if char.isalpha()]
        scripts = {_script(char) for char in letters} & _SCRIPTS
        if len(scripts) > 1:
            faults += high
            continue
        if len(letters) == 1 and "LATIN" not in scripts and scripts:
            faults += 0.5
        faults += sum(_faults_of(word))
    return faults / max(count, 1)


def _faults_of(word: str) -> Iterator[float]:
    for before, char, after in zip(f" {word}", word, f"{word[1:]} ", strict=False):
        if char <= "\x7f":
            continue
        category = unicodedata.category(char)
        between = before.isalpha() and after.isalpha() and char < "\u3000"
        if category in _ODD or char == "\ufffd":
            yield 2.0
        elif category[0] == "L":
            flipped = (category == "Lu" and before.islower()) or (
                category == "Ll" and before.isupper() and after.isupper()
            )
            if flipped or (category == "Lm" and char < "\u3000"):
                yield 1.0
        elif category[0] != "M":
            astray = (between and char not in "’·—–") or (char in "‚„¿¡‹" and before.isalpha())
            if astray or ("\u2500" <= char <= "\u25ff" and (before.isalnum() or after.isalnum())):
                yield 1.0
            elif char not in _SIGNS and char < "\u2100":
                yield 0.7
            elif char == "…" and before == after == " ":
                yield 0.3


@cache
def _script(char: str) -> str:
    """The script of a letter, as its name begins: LATIN, CYRILLIC, …"""
    return unicodedata.name(char, "").split(" ", 1)[0]
