"""Containers of sound and film that PyAV reads: MP4 (M4A, MOV), Matroska (WebM), AVI, MPEG, FLV, ASF, bare AAC."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import BrokenDocument, DocumentError, UnsupportedDocument

_MAGIC = (
    (b"\x1aE\xdf\xa3", "MATROSKA"),
    (b"FLV\x01", "FLV"),
    (b"0&\xb2u\x8ef\xcf\x11", "ASF"),
    (b"\0\0\x01\xba", "MPEG"),
)
_ATOMS = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}  # that MP4 and MOV begin with
_PICTURES = {b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_DEMUXERS = {"MP4": "mov"}
_PACKET = 188  # bytes, of an MPEG transport stream
_TAGS = ("title", "artist", "album", "date", "genre", "comment")
_PREROLL = 0.2  # seconds before a place from which its sound is decoded, since frames of sound stand on those before
_COMPLETE = "Is it complete? Store it again."


def container_format(content: bytes) -> str:
    """What a container is by its content: MP4, MATROSKA, AVI, MPEG, MPEGTS, FLV, ASF or AAC; empty for none of them."""
    for magic, name in _MAGIC:
        if content.startswith(magic):
            return name
    if content[4:8] in _ATOMS and content[8:12] not in _PICTURES:
        return "MP4"
    if content[:4] == b"RIFF" and content[8:12] == b"AVI ":
        return "AVI"
    if (
        content[:1] == b"G"
        and content[_PACKET : _PACKET + 1] == b"G"
        and content[2 * _PACKET : 2 * _PACKET + 1] == b"G"
    ):
        return "MPEGTS"
    return "AAC" if len(content) > 7 and content[0] == 0xFF and content[1] & 0xF6 == 0xF0 else ""


@contextmanager
def opened(content: bytes) -> Iterator[Any]:
    """A container of PyAV; what fails within is raised as what is wrong with the file. It opens no other file.

    Args:
        content: of its file.

    Raises:
        UnsupportedDocument: PyAV is not installed.
        BrokenDocument: it does not decode.
    """
    if find_spec("av") is None:
        raise UnsupportedDocument("films and M4A need PyAV, which is not installed", "pip install 'embedlake[film]'")
    import av

    name = container_format(content)
    try:
        with av.open(
            io.BytesIO(content),
            format=_DEMUXERS.get(name, name.lower()),
            metadata_errors="replace",
            io_open=_refuse,
        ) as container:
            yield container
    except DocumentError:
        raise
    except (av.FFmpegError, ValueError, IndexError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BrokenDocument(f"the {name} file does not decode: {reason}", _COMPLETE) from error


def tags(container: Any) -> dict[str, str]:
    """Title, artist, album, date, genre and comment of a container, those that are told."""
    told = {key.lower(): " ".join(str(value).split()) for key, value in container.metadata.items()}
    return {key: told[key] for key in _TAGS if told.get(key)}


class Track:
    """The first sound of a container.

    Args:
        content: of its file.

    Attributes:
        rate: in samples a second.
        channels: how many.
        tags: title, artist, album, date, genre and comment, those that are told.

    Raises:
        UnsupportedDocument: it has no sound, or PyAV is not installed.
        BrokenDocument: its header does not decode.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        with opened(content) as container:
            stream = _sound_of(container)
            self.rate = int(stream.rate)
            self.channels = int(stream.channels)
            self.tags = tags(container)

    def blocks(self, start: int = 0) -> Iterator[NDArray[np.float32]]:
        """Its samples from one on, as the mean of its channels, in blocks of shape (n,), dtype float32.

        Args:
            start: first sample.

        Raises:
            BrokenDocument: it does not decode.
        """
        with opened(self._content) as container:
            stream = _sound_of(container)
            begin = (stream.start_time or 0) * stream.time_base
            if start:
                container.seek(int((start / self.rate - _PREROLL + float(begin)) / stream.time_base), stream=stream)
            at = None
            for frame in _frames(container, stream):
                if at is None:
                    at = (
                        0
                        if not start or frame.pts is None
                        else round((frame.pts * frame.time_base - begin) * self.rate)
                    )
                block = frame.to_ndarray().mean(axis=0, dtype=np.float32)
                first = max(start - at, 0)
                at += len(block)
                if first < len(block):
                    yield block[first:]


def _sound_of(container: Any) -> Any:
    if not container.streams.audio:
        raise UnsupportedDocument("there is no sound in it", "Leave it out with `exclude`.")
    return container.streams.audio[0]


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """A stream's frames of sound, with a plane of floats for each channel."""
    import av

    resampler = av.AudioResampler(format="fltp")
    for frame in container.decode(stream):
        if frame.format.name == "fltp":
            yield frame
        else:
            yield from resampler.resample(frame)


def _refuse(url: str, flags: int, options: dict[str, str]) -> Any:
    raise PermissionError(f"a container asks for another file: {url}")
