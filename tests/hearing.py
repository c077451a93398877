"""An encoder of texts, images and sound by what is easily seen and heard in them, and what writes down the tones of a
sound."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tasks.models.interface import Encoded, Item, Samples
from tasks.models.resolved import ResolvedModel, Served
from tasks.models.speech import Line, Recogniser
from tasks.models.takes import Takes

PITCHES = {"low": 200, "middle": 500, "high": 1200, "shrill": 3000}
"""Names of tones, with their hertz."""
RATE = 8_000
SENSES = Takes(frozenset({"text", "image", "audio"}), rate=RATE, longest=30_000)


class HearingEncoder:
    """Sound by the strongest of some pitches, texts by the pitches that they name, images by their mean colour.

    Attributes of the class:
        seen: how often each modality was embedded as a document.
        heard: length in milliseconds of each sound.
    """

    dimension, batch_cost, max_cost, concurrency = 8, 2_000, 512, 1
    backend = "hearing"
    modalities = SENSES.modalities
    seen: ClassVar[Counter[str]] = Counter()
    heard: ClassVar[list[int]] = []

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        assert len({item.modality for item in items}) == 1
        HearingEncoder.seen.update(item.modality for item in items)
        HearingEncoder.heard += [item.cost for item in items if item.modality == "audio"]
        return self.encode_queries(items)

    def encode_queries(self, items: Sequence[Item]) -> Encoded:
        vectors = np.stack([_vector(item.content) for item in items])
        return Encoded(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), [item.cost for item in items])


def _vector(content: Any) -> Any:
    if isinstance(content, str):
        named = [float(name in content.lower()) for name in PITCHES]
        return np.array([*named, 0, 0, 0, 0.5], np.float32)
    if isinstance(content, Samples):
        assert (content.rate, content.samples.dtype, content.samples.ndim) == (RATE, np.float32, 1)
        spectrum = np.abs(np.fft.rfft(content.samples, RATE)) if len(content.samples) < RATE else _mean(content.samples)
        powers = [float(spectrum[hertz - 40 : hertz + 40].sum()) for hertz in PITCHES.values()]
        return np.array([*(power / (sum(powers) + 1e-6) for power in powers), 0, 0, 0.3, 0], np.float32)
    return np.array([0, 0, 0, 0, *(content.reshape(-1, 3).mean(axis=0) / 255), 0.1], np.float32)


def _mean(samples: Any) -> Any:
    seconds = samples[: len(samples) // RATE * RATE].reshape(-1, RATE)
    return np.abs(np.fft.rfft(seconds, axis=1)).mean(axis=0)


class Hearing:
    """A provider of `HearingEncoder`.

    Args:
        takes: what its models take.
    """

    def __init__(self, takes: Takes = SENSES) -> None:
        self.takes = takes

    def find(self, model: Any) -> Served:
        return Served("hearing", model.model, "1", self.takes)

    def load(self, model: ResolvedModel, budget: int | None) -> HearingEncoder:
        return HearingEncoder()


class Stenographer:
    """Writes down the tone of each second of a sound: `low` from 0 to 1, `high` from 1 to 2.

    Args:
        model: whose weights say in which language it writes.
        language: that it is told.

    Attributes of the class:
        heard: length in seconds of each piece that it was given.
        ends: what it raises from so many pieces on.
    """

    rate, longest = RATE, 30_000
    heard: ClassVar[list[float]] = []
    ends: ClassVar[tuple[int, BaseException] | None] = None

    def __init__(self, model: Recogniser, language: str | None) -> None:
        told = json.loads((model.folder / "config.json").read_text("utf-8"))
        self._says = f"{told['said']} in {language}" if language else told["said"]

    def lines(self, sound: Samples) -> list[Line]:
        assert sound.rate == RATE
        Stenographer.heard.append(round(len(sound.samples) / RATE, 1))
        if self.ends and self.ends[0] <= len(self.heard):
            raise self.ends[1]
        seconds = range(0, len(sound.samples) - RATE // 2, RATE)
        found = [(start, _vector(Samples(sound.samples[start : start + RATE], RATE))) for start in seconds]
        names = list(PITCHES)
        return [
            Line(start * 1000 // RATE, start * 1000 // RATE + 1000, f"{names[int(v[:4].argmax())]} {self._says}")
            for start, v in found
        ]


def make_stenographer(folder: Path, said: str) -> str:
    """A folder that passes for a speech recognition model, and says so after each tone."""
    folder.mkdir(parents=True)
    told = {"architectures": ["WhisperForConditionalGeneration"], "said": said}
    (folder / "config.json").write_text(json.dumps(told))
    return str(folder)
