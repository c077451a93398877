"""Files damaged as disks, networks, programs and people damage them, and as nobody would."""

import io
import random
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence

Draw = random.Random

MOST = 2**20
"""Bytes of a mutated file; what a mutation adds beyond them is cut."""

_NUMBER = re.compile(rb"\d+")
_HUGE = (b"0", b"-1", b"65536", b"4294967295", b"99999999999", b"1e308", b"NaN")
_NESTED = {
    ".html": (b"<div>", b"</div>"), ".xml": (b"<a>", b"</a>"), ".json": (b"[", b"]"), ".jsonl": (b'{"a":', b"}"),
    ".md": (b"> ", b""), ".rst": (b"  * ", b"\n"), ".rtf": (b"{", b"}"), ".tex": (b"\\textbf{", b"}"),
    ".py": (b"(", b")"), ".yaml": (b"- ", b""), ".eml": (b"Content-Type: message/rfc822\n\n", b""),
}  # fmt: skip


def mutated(data: bytes, extension: str, others: Sequence[bytes], draw: Draw) -> bytes:
    """A file with one to three kinds of damage.

    Args:
        data: the file as it was.
        extension: that its name ends with, which tells how its kind nests.
        others: files of the same kind, for splices.
        draw: where chance comes from.
    """
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        if zipfile.is_zipfile(io.BytesIO(data)) and draw.random() < 0.7:
            data = _archive(data, others, draw)
        else:
            data = _bytes(data, extension, others, draw)
        data = data[:MOST]
    return data


def _bytes(data: bytes, extension: str, others: Sequence[bytes], draw: Draw) -> bytes:
    if draw.random() < 0.15:
        return _nested(data, extension, draw)
    return draw.choice(_OF_BYTES)(data, others, draw)


def _flips(data: bytes, others: Sequence[bytes], draw: Draw) -> bytes:
    """Some bytes are others."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 3, 20, max(len(data) // 50, 1))) if data else 0):
        changed[draw.randrange(len(changed))] = draw.choice((draw.randrange(256), 0, 255))
    return bytes(changed)


def _bits(data: bytes, others: Sequence[bytes], draw: Draw) -> bytes:
    """Single bits are turned."""
    changed = bytearray(data)
    for _ in range(draw.randint(1, 8) if data else 0):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _truncated(data: bytes, others: Sequence[bytes], draw: Draw) -> bytes:
    """The end, or the beginning, is missing."""
    at = draw.randint(0, len(data))
    return data[:at] if draw.random() < 0.8 else data[at:]


def _spliced(data: bytes, others: Sequence[bytes], draw: Draw) -> bytes:
    """Another file goes on in the middle."""
    other = draw.choice(others)
    return data[: draw.randint(0, len(data))] + other[draw.randint(0, len(other)) :]


def _repeated(data: bytes, others: Sequence[bytes], draw: Draw) -> bytes:
    """A part comes again and again."""
    start, end = _span(data, draw)
    times = draw.choice((2, 10, 1000, 100_000))
    part = data[start:end]
    return data[:end] + part * min(times, MOST // max(len(part), 1)) + data[end:]


def _dropped(data: bytes, others: Sequence[bytes], draw: Draw) -> bytes:
    """A part is missing."""
    start, end = _span(data, draw)
    return data[:start] + data[end:]


def _zeroed(data: bytes, others: Sequence[bytes], draw: Draw) -> bytes:
    """A part was never written."""
    start, end = _span(data, draw)
    return data[:start] + bytes(end - start) + data[end:]


def _swapped(data: bytes, others: Sequence[bytes], draw: Draw) -> bytes:
    """Two parts have changed places."""
    a, b, c, d = sorted(draw.randint(0, len(data)) for _ in range(4))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def _counts(data: bytes, others: Sequence[bytes], draw: Draw) -> bytes:
    """Numbers are huge, negative or none."""
    share = draw.choice((0.01, 0.1, 1.0))
    return _NUMBER.sub(lambda found: draw.choice(_HUGE) if draw.random() < share else found[0], data)


def _recoded(data: bytes, others: Sequence[bytes], draw: Draw) -> bytes:
    """Its letters are written in another encoding than they say."""
    encoding = draw.choice(("utf-16", "utf-16-be", "utf-32", "cp1252", "cp037", "utf-7"))
    return data.decode("utf-8", "replace").encode(encoding, "replace")


def _nested(data: bytes, extension: str, draw: Draw) -> bytes:
    """Its middle lies deep in brackets, elements or quotations."""
    opening, closing = _NESTED.get(extension, (b"(", b")"))
    depth = draw.choice((10, 200, 5_000, 100_000))
    at = draw.randint(0, len(data))
    return data[:at] + opening * depth + data[at:] + closing * (depth if draw.random() < 0.5 else 0)


_OF_BYTES: Sequence[Callable[[bytes, Sequence[bytes], Draw], bytes]] = (
    _flips, _bits, _truncated, _spliced, _repeated, _dropped, _zeroed, _swapped, _counts, _recoded,
)  # fmt: skip


def _archive(data: bytes, others: Sequence[bytes], draw: Draw) -> bytes:
    """A zip archive whose parts are damaged, missing, twice there, or in each other's places."""
    try:
        parts = _parts(data)
        strange = _parts(draw.choice(others))
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, RuntimeError, ValueError, EOFError):
        return _flips(data, others, draw)
    if not parts or not strange:
        return data
    names = list(parts)
    for _ in range(draw.randint(1, 3)):
        name, other = draw.choice(names), draw.choice(names)
        way = draw.randrange(6)
        if way == 0:
            parts[name], parts[other] = parts.get(other, b""), parts.get(name, b"")
        elif way == 1:
            parts[name] = draw.choice(list(strange.values()))
        elif way == 2:
            parts.pop(name, None)
            names = list(parts) or [name]
        elif way == 3:
            parts[name] = _nested(parts.get(name, b""), ".xml", draw)
        else:
            parts[name] = draw.choice(_OF_BYTES)(parts.get(name, b""), list(parts.values()) or [b""], draw)[:MOST]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist() if info.file_size <= MOST}


def _span(data: bytes, draw: Draw) -> tuple[int, int]:
    start = draw.randint(0, len(data))
    return start, min(len(data), start + draw.choice((1, 10, 100, 10_000)))
