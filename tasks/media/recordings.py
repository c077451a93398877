"""Sound files that libsndfile reads: WAV, FLAC, Ogg, MP3, AIFF and older ones."""

import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import BrokenDocument
from tasks.media.mpeg_audio import with_length

_MAGIC = (
    (b"fLaC", "FLAC"),
    (b"OggS", "OGG"),
    (b"ID3", "MP3"),
    (b"caff", "CAF"),
    (b".snd", "AU"),
    (b"RF64", "WAV"),
)
_MP3 = re.compile(rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff][^\xf0-\xff]")  # a frame of MPEG audio, layers 2 and 3
_BLOCK = 65_536  # frames read at once


def recording_format(content: bytes) -> str:
    """The format of a sound file by its content: WAV, FLAC, OGG, MP3, AIFF, CAF or AU; empty for none of them."""
    for magic, name in _MAGIC:
        if content.startswith(magic):
            return name
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return "WAV"
    if content[:4] == b"FORM" and content[8:12] in (b"AIFF", b"AIFC"):
        return "AIFF"
    return "MP3" if _MP3.match(content) else ""


class _Bytes(io.BytesIO):
    """Damaged headers make libsndfile look for places before the beginning."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return super().seek(offset, whence) if whence or offset >= 0 else self.tell()


class Recording:
    """A sound file, by libsndfile.

    Args:
        content: of the file.

    Attributes:
        rate: in samples a second.
        channels: how many.
        tags: title, artist, album, date, genre and comment, those that are told.

    Raises:
        BrokenDocument: its header does not decode.
    """

    def __init__(self, content: bytes) -> None:
        import soundfile

        self._content = with_length(content) if recording_format(content) == "MP3" else content
        with self._open() as file:
            self.rate = int(file.samplerate)
            self.channels = int(file.channels)
            told = file.copy_metadata()
        keys = ("title", "artist", "album", "date", "genre", "comment")
        self.tags = {key: text for key in keys if (text := " ".join(str(told.get(key, "")).split()))}
        self._error = soundfile.LibsndfileError

    def blocks(self, start: int = 0) -> Iterator[NDArray[np.float32]]:
        """Its samples from one on, as the mean of its channels, in blocks of shape (n,), dtype float32.

        Args:
            start: first sample.

        Raises:
            BrokenDocument: it does not decode.
        """
        with self._open() as file:
            try:
                file.seek(min(start, file.frames))
                while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
                    yield block[:, 0] if self.channels == 1 else block.mean(axis=1, dtype=np.float32)
            except self._error as error:
                raise _broken(error) from error

    def _open(self) -> Any:
        import soundfile

        try:
            return soundfile.SoundFile(_Bytes(self._content))
        except (soundfile.LibsndfileError, TypeError, ValueError) as error:
            raise _broken(error) from error


def _broken(error: Exception) -> BrokenDocument:
    reason = getattr(error, "error_string", "") or str(error)
    return BrokenDocument(f"the sound does not decode: {reason}", "Is it complete? Store it again.")
