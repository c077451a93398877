"""Which encoding some bytes are in, and how surely.

What tells by itself decides: a byte order mark, valid UTF-8, the zero bytes of UTF-16 and UTF-32, the escapes of
ISO-2022. For all else chardet compares pairs of bytes with those of each language; in a few letters it can be wrong,
so what it finds is weighed by how plausible the letters look, and Windows-1252 is preferred where little tells.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import chardet

from tasks.text.plausibility import UNWRITTEN, share_of_faults

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
CONTROLS = bytes({*range(32), 127} - set(b"\t\n\v\f\r\b\x1a\x1b\x1e"))
"""Bytes that text has none of, but for a few."""

_PLAIN = bytes((0, *b"\t\n\r", *range(32, 127)))
_ZEROS = re.compile(rb"\0{2,}")
_MOST_CONTROLS = 0.03  # of the bytes
_CANDIDATES = 10
_LETTERS_FOR_ONE_BROKEN = 15
_FAVOUR = 0.03  # what the default and its next are given at most, on the scale of chardet's confidence
_COMMON = re.compile(r"[A-Za-z0-9 \n\r\t.,;:()、。，的一是\u3040-\u30ff]")
_HIGH = re.compile(rb"[\x80-\xff]")
_SAYS = re.compile(rb"""(?:coding[:=]|charset=)\s*["']?([-\w.]+)""", re.IGNORECASE)
_MEANT = {"iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949"}


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
    if (b"\0" in data or not _is_text(data)) and not _is_utf8_beyond_ascii(data) and (name := _wide(data[:SAMPLE])):
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
    if not _is_text(data):
        return None
    return _declared(data) or _guess(data)


def _declared(data: bytes) -> Encoding | None:
    """What a page or a program says of itself, where all of it can be read so."""
    head = data[:1024] if data.lstrip()[:1] == b"<" else b"\n".join(data[:1024].split(b"\n", 2)[:2])
    said = _SAYS.search(head)
    if said is None:
        return None
    try:
        name = _codec(said[1].decode())
        name = _MEANT.get(name, name)
        data.decode(name)
    except (LookupError, ValueError):
        return None
    return Encoding(name, 0.95) if name in map(_codec, _USUAL) else None


def is_single_byte(name: str) -> bool:
    """Whether an encoding has a byte for each character."""
    return not _codec(name).startswith(_SEVERAL_BYTES)


def _is_text(data: bytes) -> bool:
    """Whether some bytes, in an encoding that holds ASCII, have few control characters and single zeros. Runs of zeros
    are no matter: a loss of power leaves them in a log."""
    sample = data[:SAMPLE]
    if b"\0\0" in sample:
        sample = _ZEROS.sub(b"", data)[:SAMPLE]
    controls = len(sample) - len(sample.translate(None, CONTROLS))
    return bool(sample) and controls <= _MOST_CONTROLS * len(sample) and 1000 * sample.count(0) <= len(sample)


def _is_utf8_beyond_ascii(data: bytes) -> bool:
    """Whether bytes are valid UTF-8 with characters that UTF-16 and UTF-32 do not give by chance."""
    return not data.isascii() and _is_valid(data, "utf-8")


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
        odd = sum(
            char == "\ufffd" or (unicodedata.category(char) in UNWRITTEN and char not in "\n\r\t\f") for char in text
        )
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
    weighed = _weighed(sample, _scores(sample, _USUAL), cut=sample is not data)
    if weighed[0].plausible < 0.9:
        weighed = sorted([*weighed, *_weighed(sample, _damaged_scores(sample), cut=True)], reverse=True)
    best = weighed[0]
    other = next((one.score for one in weighed if one.text != best.text), 0.0)
    doubt = 0.4 * max(other / best.score, 0.3) ** 2 / max(_high_bytes(sample), 1) ** 0.5
    return Encoding(best.name, round(best.plausible**2 * (1 - doubt), 3))


class _Weighed(NamedTuple):
    score: float
    plausible: float
    name: str
    text: str


def _weighed(sample: bytes, scores: dict[str, float], cut: bool) -> list[_Weighed]:
    """What a sample says in some encodings, the best first; of a cut one the last character may be part of one."""
    result = []
    for name, score in scores.items():
        text = codecs.getincrementaldecoder(name)("replace").decode(sample, not cut)
        favour = {_DEFAULT: 1.0, "iso8859-15": 0.3, "cp1250": 0.3, "cp1251": 0.3}.get(name, 0.0) * _FAVOUR
        plausible = max(1 - 0.9 * share_of_faults(text), 0.02)
        result.append(_Weighed((score + favour / (1 + _high_bytes(sample) / 2)) * plausible, plausible, name, text))
    return sorted(result, reverse=True)


def _scores(sample: bytes, names: Iterable[str]) -> dict[str, float]:
    """chardet's confidence in encodings that a sample is valid in, and the default, which is always tried."""
    found = chardet.detect_all(
        sample, ignore_threshold=True, include_encodings=names, no_match_encoding=_DEFAULT,
        empty_input_encoding=_DEFAULT,
    )  # fmt: skip
    scores = {_codec(one["encoding"]): one["confidence"] for one in found[:_CANDIDATES] if one["encoding"]}
    return {_DEFAULT: 0.0} | {name: score for name, score in scores.items() if _is_valid(sample, name)}


def _damaged_scores(sample: bytes) -> dict[str, float]:
    """The same for encodings of several bytes for a character, of what is left of a sample with a few damaged bytes."""
    scores = {}
    for name in ("cp932", "euc-jp", "gb18030", "big5", "cp949"):
        text = sample.decode(name, "replace")
        letters = sum(char > "\x7f" for char in text)
        if 0 < _LETTERS_FOR_ONE_BROKEN * text.count("\ufffd") <= letters:
            left = text.replace("\ufffd", "").encode(name, "ignore")
            scores[_codec(name)] = _scores(left, (_DEFAULT, name)).get(_codec(name), 0.0)
    return scores


def _is_valid(sample: bytes, name: str) -> bool:
    try:
        codecs.getincrementaldecoder(name)().decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def _high_bytes(data: bytes) -> int:
    return len(data) - _ascii_bytes(data)


@cache
def _codec(name: str) -> str:
    """Python's name for a codec, without which two names of one would be two candidates."""
    return codecs.lookup(name).name


def _around_high_bytes(data: bytes) -> bytes:
    """The lines with bytes beyond ASCII, as many as a guess needs, and all where it is little."""
    if len(data) <= _WEIGHED:
        return data
    lines: list[bytes] = []
    size = end = 0
    while size < _WEIGHED and (high := _HIGH.search(data, end)):
        begin = data.rfind(b"\n", end, high.start()) + 1 or end
        end = data.find(b"\n", high.start()) + 1 or len(data)
        if end - begin > _WEIGHED:
            begin = max(high.start() - 200, begin)
        lines.append(data[begin : min(end, begin + _WEIGHED)])
        size += len(lines[-1])
    return b"".join(lines)
