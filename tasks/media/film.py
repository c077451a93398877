"""Films: what is known of one, the times of its frames, and the frames. Its sound is read by `sound`."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.errors import BrokenDocument, OversizedDocument, UnsupportedDocument
from tasks.media.containers import container_format, opened, tags
from tasks.media.kinds import unknown
from tasks.media.lengths import check_whole

_SAMPLED = (64, 48)  # pixels, width and height, of the frames whose colours are counted
_LEVEL = 4  # of 256 levels of a colour that are counted as one
_BLUR = np.convolve(np.ones(8), np.ones(8)) / 64  # of levels, so that a little more light is a little change
_FAR = 10_000  # milliseconds from where on it is cheaper to jump than to decode
_BACK = (0, 2_000, 10_000, 60_000)  # milliseconds before a time, where containers without an index look for a key frame


class Watched(NamedTuple):
    """What is known of a film.

    Attributes:
        format: of its container: MP4, MATROSKA, AVI and others.
        duration_ms: in milliseconds.
        width: in pixels, as it is shown.
        height: likewise.
        frames_per_second: on average.
        has_sound: whether there is sound in it.
        tags: title, artist, album, date, genre and comment, those that are told.
        taken: when it was made, in ISO 8601, as the container tells it; None where it does not.
    """

    format: str
    duration_ms: int
    width: int
    height: int
    frames_per_second: float
    has_sound: bool
    tags: dict[str, str]
    taken: str | None


def watch(content: bytes, max_pixels: int) -> Watched:
    """What is known of a film, whose first frame decodes and whose file is whole.

    Args:
        content: of its file.
        max_pixels: of a frame.

    Raises:
        EmptyDocument: there is nothing in it.
        UnsupportedDocument: it is no film, or PyAV is not installed.
        BrokenDocument: it does not decode, or is cut off.
        OversizedDocument: its frames have too many pixels.
    """
    name = container_format(content)
    if not name:
        raise unknown(content, "film", "Store it as MP4 or WebM.")
    check_whole(content, name)
    with opened(content) as container:
        stream = _pictures_of(container)
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > max_pixels:
            raise OversizedDocument(
                f"the film has {width:,} x {height:,} pixels, more than {max_pixels:,}",
                "Raise `max_pixels`, or store it smaller.",
            )
        first = next(iter(container.decode(stream)), None)
        if first is None:
            raise BrokenDocument("the film has no frames", "Is it complete? Store it again.")
        if first.rotation % 180:
            width, height = height, width
        return Watched(
            name,
            _duration(container, stream),
            width,
            height,
            float(stream.average_rate or stream.guessed_rate or 0),
            bool(container.streams.audio),
            tags(container),
            container.metadata.get("creation_time"),
        )


def regular(duration_ms: int, every_ms: int) -> list[int]:
    """The middle of each stretch of `every_ms` of a film, in milliseconds; of a shorter film, of all of it.

    Args:
        duration_ms: of the film.
        every_ms: the distance of frames.
    """
    starts = range(0, max(duration_ms - every_ms // 2, 1), every_ms)
    return [start + min(every_ms, duration_ms - start) // 2 for start in starts]


def scenes(content: bytes, change: float = 0.25, shortest_ms: int = 500) -> list[tuple[int, int]]:
    """From and to of each scene in milliseconds. Decodes all frames, and keeps one.

    A scene begins where colours differ from those of the frame before: where half the sum of absolute differences of
    their histograms, in shares of pixels, is above a threshold (Zhang, Kankanhalli and Smoliar, Automatic partitioning
    of full-motion video, 1993; here of red, green and blue, and blurred).

    Args:
        content: of the film's file.
        change: the threshold, from 0 to 1.
        shortest_ms: of a scene; shorter ones, as of flashes, belong to the one before.

    Raises:
        DocumentError: as `watch`.
    """
    begins: list[int] = []
    before: NDArray[np.float64] | None = None
    with opened(content) as container:
        stream = _pictures_of(container)
        stream.thread_type = "AUTO"
        for time, frame in _timed(container, stream):
            small = frame.to_ndarray(format="rgb24", width=_SAMPLED[0], height=_SAMPLED[1])
            now = _colours(small)
            differs = before is None or np.abs(now - before).sum() / 6 > change
            if differs and (not begins or time - begins[-1] >= shortest_ms):
                begins.append(time)
            before = now
        end = max(_duration(container, stream), begins[-1] + 1 if begins else 0)
    return list(zip(begins, [*begins[1:], end], strict=True))


def frames(content: bytes, times_ms: Iterable[int]) -> Iterator[NDArray[np.uint8]]:
    """The frames that are shown at some times, one after the other, each shape (height, width, 3), dtype uint8, RGB.

    Between near times it decodes on, to far ones it jumps to the last key frame before; one frame is kept at a time.

    Args:
        content: of the film's file.
        times_ms: in milliseconds, best in ascending order; behind the end the last frame is shown.

    Raises:
        DocumentError: as `watch`.
    """
    with opened(content) as container:
        stream = _pictures_of(container)
        stream.thread_type = "AUTO"
        shown: tuple[int, Any] | None = None
        for time in times_ms:
            if shown is None or not shown[0] <= time <= shown[0] + _FAR:
                coming = _from(container, stream, time)
                shown, ahead = next(coming, None), next(coming, None)
            while ahead is not None and ahead[0] <= time:
                shown, ahead = ahead, next(coming, None)
            if shown is None:
                raise BrokenDocument("the film has no frames", "Is it complete? Store it again.")
            yield _upright(shown[1])


def _pictures_of(container: Any) -> Any:
    """The stream of pictures; a cover of a record is none."""
    import av

    cover = av.stream.Disposition.attached_pic
    for stream in container.streams.video:
        if not stream.disposition & cover:
            return stream
    raise UnsupportedDocument("there are no moving pictures in it", "Read it as sound, or leave it out with `exclude`.")


def _from(container: Any, stream: Any, time: int) -> Iterator[tuple[int, Any]]:
    """Frames with their times, from the last key frame before a time on."""
    for back in (*_BACK, time):
        _seek(container, stream, time - back)
        coming = _timed(container, stream)
        first = next((pair for pair in coming if pair[1].key_frame), None)
        if first is not None and first[0] <= time:
            yield first
            yield from coming
            return
    _seek(container, stream, 0)  # key frames are not marked
    yield from _timed(container, stream)


def _seek(container: Any, stream: Any, time: int) -> None:
    container.seek((stream.start_time or 0) + int(max(time, 0) / 1_000 / stream.time_base), stream=stream)


def _timed(container: Any, stream: Any) -> Iterator[tuple[int, Any]]:
    """Frames with their times in milliseconds; one without has that of the frame before."""
    time = 0
    for frame in container.decode(stream):
        if frame.pts is not None:
            time = round((frame.pts - (stream.start_time or 0)) * frame.time_base * 1_000)
        yield time, frame


def _upright(frame: Any) -> NDArray[np.uint8]:
    pixels = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(pixels, frame.rotation // 90 % 4))


def _colours(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How many pixels have about each level of red, green and blue, in shares; shape (3, 64)."""
    levels = [np.bincount(pixels[:, :, i].ravel() // _LEVEL, minlength=256 // _LEVEL) for i in range(3)]
    return np.array([np.convolve(level, _BLUR, "same") for level in levels]) / (pixels.size / 3)


def _duration(container: Any, stream: Any) -> int:
    if stream.duration:
        return int(stream.duration * stream.time_base * 1_000)
    if container.duration:
        return int(container.duration // 1_000)
    _seek(container, stream, 0)
    ends = [packet.pts + (packet.duration or 0) for packet in container.demux(stream) if packet.pts is not None]
    return int((max(ends, default=0) - (stream.start_time or 0)) * stream.time_base * 1_000)
