"""Sounds and films made for tests."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def tone(hertz: float = 440.0, seconds: float = 2.0, rate: int = 44_100, loud: float = 0.5) -> NDArray[np.float32]:
    """A sine."""
    return (loud * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def wav(samples: NDArray[Any], rate: int = 44_100) -> bytes:
    """A WAV file of 16-bit samples, shape (n,) or (n, channels), made by hand."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    data = np.rint(np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes()
    head = np.array(
        [1 | channels << 16, rate, rate * channels * 2 & 0xFFFFFFFF, channels * 2 | 16 << 16], "<u4"
    ).tobytes()
    body = b"WAVEfmt \x10\0\0\0" + head + b"data" + len(data).to_bytes(4, "little") + data
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def recorded(samples: NDArray[Any], kind: str, rate: int = 44_100, subtype: str | None = None, **tags: str) -> bytes:
    """A file that libsndfile writes."""
    import soundfile

    buffer = io.BytesIO()
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(buffer, "w", rate, channels, format=kind, subtype=subtype) as file:
        for name, value in tags.items():
            setattr(file, name, value)
        file.write(samples)
    return buffer.getvalue()


def film(
    colours: Sequence[Any] = (),
    samples: NDArray[np.float32] | None = None,
    kind: str = "mp4",
    rate: int = 44_100,
    **tags: str,
) -> bytes:
    """A film with a frame each tenth of a second for each colour or picture of 64 x 48 pixels, and a sound."""
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format=kind) as container:
        container.metadata.update(tags)
        video = container.add_stream("mpeg4", rate=10) if colours else None
        audio = container.add_stream("aac", rate=rate, layout="mono") if samples is not None else None
        if video is not None:
            video.width, video.height, video.pix_fmt, video.gop_size = 64, 48, "yuv420p", 12
            for colour in colours:
                picture = np.full((48, 64, 3), colour, np.uint8)
                container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(video.encode())
        if audio is not None and samples is not None:
            for start in range(0, len(samples), 1024):
                frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="fltp", layout="mono")
                frame.sample_rate, frame.pts = rate, start
                container.mux(audio.encode(frame))
            container.mux(audio.encode())
    return buffer.getvalue()
