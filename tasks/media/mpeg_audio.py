"""MP3 files that do not say how long they are, or say it wrongly: libsndfile would read a part of them.

Without a first frame that tells the number of frames (Xing), their length is guessed from the first bit rate; where
files were joined, it tells that of the first one.
"""

import re
from typing import NamedTuple

from tasks.media.lengths import after_id3, told_size

_SYNC = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]")  # layer 3 of MPEG 2.5, 2 and 1, with and without a checksum
_RATES = (44_100, 48_000, 32_000)  # of MPEG 1; half of it in 2, a quarter in 2.5
_HALVED = {3: 0, 2: 1, 0: 2}  # how often, by the version in a header: MPEG 1, 2, 2.5
_BITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)  # kbit a second
_BITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_USUAL = 9  # index of the bit rate of the frame that is put first
_EXACT = 0.01  # share by which the size that a file tells may be off
_TAGS = 1_024  # bytes of tags at its end, which do not count


class _Frame(NamedTuple):
    length: int  # bytes
    told_at: int  # where the number of frames may stand in it


def with_length(content: bytes) -> bytes:
    """An MP3 file that says how many frames it has; as it is, where it says so already.

    Args:
        content: of the file.
    """
    start = after_id3(content)
    size = told_size(content)
    if size and abs(start + size - len(content)) <= max(_EXACT * size, _TAGS):
        return content
    first = _next_frame(content, start)
    if first is None:
        return content
    at, frame = first
    told = content[at + frame.told_at : at + frame.told_at + 4] in (b"Xing", b"Info")
    begin = at + frame.length if told else at
    count = _count(content, begin)
    head = bytes([0xFF, content[at + 1] | 1, _USUAL << 4 | content[at + 2] & 0x0C, content[at + 3]])
    mine = _read_head(head)
    if mine is None:
        return content
    body = bytearray(mine.length)
    body[:4] = head
    body[mine.told_at : mine.told_at + 12] = b"Info\0\0\0\x01" + count.to_bytes(4, "big")
    return bytes(body) + content[begin:]


def _count(content: bytes, at: int) -> int:
    count = 0
    while (found := _next_frame(content, at)) is not None:
        at = found[0] + found[1].length
        count += 1
    return count


def _next_frame(content: bytes, at: int) -> tuple[int, _Frame] | None:
    frame = _read_head(content[at : at + 4])
    while frame is None:
        found = _SYNC.search(content, at + 1)
        if found is None:
            return None
        at = found.start()
        frame = _read_head(content[at : at + 4])
    return at, frame


def _read_head(head: bytes) -> _Frame | None:
    if len(head) < 4 or not _SYNC.match(head):
        return None
    version = head[1] >> 3 & 3
    bits = (_BITS_1 if version == 3 else _BITS_2)[head[2] >> 4]
    rate = head[2] >> 2 & 3
    if not bits or rate == 3:
        return None
    samples = 144 if version == 3 else 72
    length = samples * bits * 1_000 // (_RATES[rate] >> _HALVED[version])
    mono = head[3] >> 6 == 3
    side = (17 if mono else 32) if version == 3 else (9 if mono else 17)
    return _Frame(length + (head[2] >> 1 & 1), 4 + (0 if head[1] & 1 else 2) + side)
