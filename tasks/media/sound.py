"""Sound: what is known of one, the windows that it is cut into, and its samples."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from math import gcd
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.errors import BrokenDocument, EmptyDocument, UnsupportedDocument
from tasks.media.containers import Track, container_format
from tasks.media.kinds import unknown
from tasks.media.lengths import check_whole
from tasks.media.recordings import Recording, recording_format

_LEAST_RATE, _MOST_RATE = 1_000, 768_000  # samples a second; others are of damaged headers
_MOST_CHANNELS = 64
_LEVELS = 50  # of loudness, a second
_LEAST_MS = 200  # of a window without its silence
_LEAST_SILENCE_MS = 300  # shorter ones are pauses between words
_FAR = 30  # seconds from where on it is cheaper to jump than to decode
_TAPS = 10  # samples of the lower rate that the resampling filter of scipy reads to each side


class Heard(NamedTuple):
    """What is known of a sound.

    Attributes:
        format: by its content: WAV, FLAC, OGG, MP3, AIFF, CAF, AU, or a container: MP4, MATROSKA, AVI, AAC and others.
        duration_ms: in milliseconds.
        rate: in samples a second.
        channels: how many.
        tags: title, artist, album, date, genre and comment, those that are told.
        silences: from and to in milliseconds, those of 300 ms or more.
        samples_hash: of its samples in mono, so that other tags change nothing; empty where nobody asked.
    """

    format: str
    duration_ms: int
    rate: int
    channels: int
    tags: dict[str, str]
    silences: tuple[tuple[int, int], ...]
    samples_hash: str = ""


class Source(Protocol):
    """What decodes a sound."""

    rate: int
    channels: int
    tags: dict[str, str]

    def blocks(self, start: int = 0) -> Iterator[NDArray[np.float32]]:
        """Its samples from `start` on, in mono."""


def listen(content: bytes, quiet: float = 50.0, hashed: bool = False) -> Heard:
    """Decode a sound to its end, and tell what is known of it. Memory does not grow with its length but by its levels.

    Args:
        content: of its file, which may be a film.
        quiet: decibels below the loudest 20 ms, from which on it counts as silence.
        hashed: whether its samples are to be hashed.

    Raises:
        EmptyDocument: there is nothing in it.
        UnsupportedDocument: it is no sound, or one whose reader is not installed.
        BrokenDocument: it does not decode, or is cut off.
    """
    name = sound_format(content)
    check_whole(content, name)
    source = _opened(content)
    digest = hashlib.sha256(str(source.rate).encode())
    blocks = _hashed(source.blocks(), digest) if hashed else source.blocks()
    levels, samples = _levels(blocks, source.rate // _LEVELS)
    if not samples:
        raise EmptyDocument("the sound has no samples", "Was it cut off while it was stored?")
    duration = max(samples * 1_000 // source.rate, 1)
    silences, told = _silences(levels, duration, quiet), digest.hexdigest()[:32] if hashed else ""
    return Heard(name, duration, source.rate, source.channels, source.tags, silences, told)


def sound_format(content: bytes) -> str:
    """What a file of sound or film is by its content; empty where it is neither."""
    return recording_format(content) or container_format(content)


def windows(
    duration_ms: int, length_ms: int, overlap_ms: int = 0, silences: Sequence[tuple[int, int]] = ()
) -> list[tuple[int, int]]:
    """Pieces of a sound, from and to in milliseconds, of one length and at regular distances.

    The last one begins earlier where it would be shorter than the others. A window that lies in a silence is left out,
    and silence at the ends of others is cut off, unless less than 200 ms would be left, of which models make nothing.

    Args:
        duration_ms: of the sound.
        length_ms: of a window.
        overlap_ms: that neighbours have in common; less than `length_ms`.
        silences: that are to be left out, from and to in milliseconds, in order.
    """
    starts = list(range(0, max(duration_ms - overlap_ms, 1), length_ms - overlap_ms))
    whole = [(max(min(start, duration_ms - length_ms), 0), min(start + length_ms, duration_ms)) for start in starts]
    cut = [(_without(start, end, silences), (start, end)) for start, end in whole]
    heard = [(own, window) for own, window in cut if own[0] < own[1]]
    return sorted({own if own[1] - own[0] >= _LEAST_MS else window for own, window in heard})


def samples(content: bytes, start_ms: int, end_ms: int, rate: int) -> NDArray[np.float32]:
    """A piece of a sound in mono, as it is when the whole is resampled; shape (n,), dtype float32.

    Resampled by scipy's polyphase filter (Kaiser window).

    Args:
        content: of its file, which may be a film.
        start_ms: its beginning, in milliseconds.
        end_ms: its end; what is behind the end of the sound is not there.
        rate: wanted, in samples a second.

    Raises:
        DocumentError: as `listen`.
    """
    return next(pieces(content, [(start_ms, end_ms)], rate))


def pieces(content: bytes, spans: Iterable[tuple[int, int]], rate: int) -> Iterator[NDArray[np.float32]]:
    """Several pieces of a sound, each as `samples` gives it; those that follow each other are decoded in one go.

    Args:
        content: of its file, which may be a film.
        spans: from and to in milliseconds, best in ascending order.
        rate: wanted, in samples a second.
    """
    source = _opened(content)
    up, down = rate // gcd(rate, source.rate), source.rate // gcd(rate, source.rate)
    margin = _TAPS * max(down, up) // up + 1 if up != down else 0
    reader = _Reader(source)
    for start_ms, end_ms in spans:
        first, last = start_ms * rate // 1_000, end_ms * rate // 1_000
        begin = max(first // up - -(-margin // down), 0)  # where both rates have a sample
        read = reader.read(begin * down, -(-last * down // up) + margin)
        yield _resampled(read, up, down)[first - begin * up : last - begin * up]


class _Reader:
    """Stretches of a sound; decodes on from one to the next, and jumps to what lies before or far ahead."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._coming: Iterator[NDArray[np.float32]] = iter(())
        self._start = 0
        self._held = np.zeros(0, np.float32)

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        ahead = start - self._start - len(self._held)
        if start < self._start or ahead > _FAR * self._source.rate or not (self._start or len(self._held)):
            self._coming, self._start, self._held = self._source.blocks(start), start, self._held[:0]
        blocks = [self._held]
        count = len(self._held)
        while self._start + count < stop and (block := next(self._coming, None)) is not None:
            blocks.append(block)
            count += len(block)
            if self._start + count <= start:  # nothing of it is wanted
                self._start, blocks, count = self._start + count, [], 0
        joined = np.concatenate(blocks) if blocks else self._held[:0]
        self._held = joined[max(start - self._start, 0) :]
        self._start = max(self._start, start)
        return self._held[: max(stop - start, 0)]


def _resampled(read: NDArray[np.float32], up: int, down: int) -> NDArray[np.float32]:
    if up == down or not len(read):
        return read.copy()
    from scipy.signal import resample_poly

    return np.asarray(resample_poly(read, up, down), np.float32)


def _opened(content: bytes) -> Source:
    if recording_format(content):
        if find_spec("soundfile") is None:
            raise UnsupportedDocument("sound needs soundfile, which is not installed", "pip install 'embedlake[sound]'")
        source: Source = Recording(content)
    elif container_format(content):
        source = Track(content)
    else:
        raise unknown(content, "sound", "Store it as WAV, FLAC or MP3.")
    if not _LEAST_RATE <= source.rate <= _MOST_RATE or source.channels > _MOST_CHANNELS:
        raise BrokenDocument(
            f"a sound of {source.rate:,} samples a second in {source.channels} channels cannot be", "Is it damaged?"
        )
    return source


def _hashed(blocks: Iterable[NDArray[np.float32]], digest: Any) -> Iterator[NDArray[np.float32]]:
    for block in blocks:
        digest.update(np.ascontiguousarray(block, np.float32).data)
        yield block


def _levels(blocks: Iterable[NDArray[np.float32]], hop: int) -> tuple[NDArray[np.float64], int]:
    """The mean square of each `hop` samples, and how many samples there are."""
    levels: list[NDArray[np.float64]] = []
    rest = np.zeros(0, np.float32)
    count = 0
    for block in blocks:
        if not np.isfinite(block).all():
            raise BrokenDocument("the sound has samples that are no numbers", "Is it damaged?")
        count += len(block)
        joined = np.concatenate([rest, block]) if len(rest) else block
        whole = len(joined) // hop * hop
        levels.append(np.square(joined[:whole], dtype=np.float64).reshape(-1, hop).mean(axis=1))
        rest = joined[whole:].copy()
    if len(rest):
        levels.append(np.square(rest, dtype=np.float64).mean(keepdims=True))
    return (np.concatenate(levels) if levels else np.zeros(0)), count


def _silences(levels: NDArray[np.float64], duration_ms: int, quiet: float) -> tuple[tuple[int, int], ...]:
    silent = levels <= levels.max() * 10 ** (-quiet / 10)
    if not levels.max():
        return ((0, duration_ms),)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], silent, [False]]).astype(np.int8)))
    step = 1_000 // _LEVELS
    found = [(int(a) * step, min(int(b) * step, duration_ms)) for a, b in edges.reshape(-1, 2)]
    return tuple((start, end) for start, end in found if end - start >= _LEAST_SILENCE_MS)


def _without(start: int, end: int, silences: Sequence[tuple[int, int]]) -> tuple[int, int]:
    for quiet_from, quiet_to in silences:
        if quiet_from <= start < quiet_to:
            start = quiet_to
        if quiet_from < end <= quiet_to:
            end = quiet_from
    return start, end
