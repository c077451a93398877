"""Whether a file of sound or film is all there, by the sizes in its headers: decoders take its end for the sound's."""

import re

from tasks.errors import BrokenDocument

_UNKNOWN = 0x7FFF_0000  # sizes from here on are of those who wrote a stream and did not know
_SLACK = 64  # bytes that sizes in headers are off by
_XING = re.compile(rb"(?:Xing|Info)\0\0\0(.)", re.DOTALL)
_XING_AT = 16_384  # bytes after an MP3's ID3 tag in which it stands
_SEGMENT = b"\x18\x53\x80\x67"  # of Matroska, which holds all but the header


def check_whole(content: bytes, name: str) -> None:
    """See that a file has as many bytes as its headers say, where they do.

    Args:
        content: of the file.
        name: of its format, as `sound_format` tells it.

    Raises:
        BrokenDocument: it is cut off.
    """
    measure = {"WAV": _of_chunk, "AIFF": _of_chunk, "AVI": _of_chunk, "OGG": _of_pages, "MP3": _of_frames}
    measure |= {"MP4": _of_atoms, "MATROSKA": _of_segment}
    if name in measure and (lacking := measure[name](content)):
        raise BrokenDocument(f"the {name} file is cut off: {lacking:,} bytes are missing", "Store it again.")


def _of_chunk(content: bytes) -> int:
    """RIFF and AIFF: all of it is one chunk."""
    if content[:4] not in (b"RIFF", b"FORM"):
        return 0
    size = int.from_bytes(content[4:8], "little" if content[:4] == b"RIFF" else "big")
    lacking = size + 8 - len(content)
    return lacking if size < _UNKNOWN and lacking > _SLACK else 0


def _of_pages(content: bytes) -> int:
    """Ogg: the last page may be cut."""
    last = content.rfind(b"OggS")
    if len(content) < last + 27:
        return last + 27 - len(content)
    end = last + 27 + content[last + 26]
    return max(end + sum(content[last + 27 : end]) - len(content), 0)


def _of_frames(content: bytes) -> int:
    """MP3: its first frame may tell its size."""
    size = told_size(content)
    lacking = after_id3(content) + size - len(content)
    return lacking if size and lacking > max(size // 100, _SLACK) else 0


def told_size(content: bytes) -> int:
    """The bytes of an MP3 file without its tag, as its first frame tells them (Xing); 0 where it does not."""
    start = after_id3(content)
    found = _XING.search(content, start, start + _XING_AT)
    if not found or not found[1][0] & 2:
        return 0
    at = found.end() + 4 * (found[1][0] & 1)
    return int.from_bytes(content[at : at + 4], "big")


def _of_atoms(content: bytes) -> int:
    """MP4: atoms follow each other, each with its size; 1 is a long one, 0 reaches to the end."""
    at = 0
    while at + 8 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(content[at + 8 : at + 16], "big")
        if size < 8:
            return 0
        at += size
    return max(at - len(content), 0)


def _of_segment(content: bytes) -> int:
    head, at = _number(content, 4)
    if content[at + head : at + head + 4] != _SEGMENT:
        return 0
    size, begin = _number(content, at + head + 4)
    return max(begin + size - len(content), 0)


def _number(content: bytes, at: int) -> tuple[int, int]:
    """A number of Matroska, whose leading zeros tell its length, and where it ends; one that is not known is 0."""
    first = content[at] if at < len(content) else 0
    length = 9 - first.bit_length()
    value = int.from_bytes(content[at : at + length], "big") & ((1 << 7 * length) - 1)
    return (0 if value == (1 << 7 * length) - 1 else value), at + length


def after_id3(content: bytes) -> int:
    """Where an MP3 begins behind its ID3v2 tag, whose size has seven bits a byte."""
    if not content.startswith(b"ID3") or len(content) < 10:
        return 0
    return 10 + sum(byte << shift for byte, shift in zip(content[6:10], (21, 14, 7, 0), strict=True))
