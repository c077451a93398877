"""Encoders without a model: vectors that stand on the text and the model's name alone, and ways to fail."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tasks.models.interface import Encoded, Item, Samples, texts_of
from tasks.models.resolved import ResolvedModel
from tasks.models.speech import Line, Recogniser
from tests.machine.world import MOST_READ, RATE

POISON = "Poison"
"""A text with this word ends every call that has it in its batch."""
BLANK = "Blank"
"""A text with this word gets a vector of zeros."""


def seen_as(pixels: np.ndarray) -> str:
    """What stands for an image here, as a text stands for itself."""
    poisoned = f"{POISON} " if (pixels == (255, 0, 0)).all() else ""
    return f"image {poisoned}{hashlib.sha256(pixels.tobytes()).hexdigest()}"


def heard_as(levels: np.ndarray) -> str:
    """What stands for a sound here, by its 16-bit samples."""
    poisoned = "" if levels.any() else f"{POISON} "
    return f"sound {poisoned}{hashlib.sha256(levels.astype('<i2').tobytes()).hexdigest()}"


def said_in(scribe: str, levels: np.ndarray) -> list[str]:
    """What is said in each second of a sound of 16-bit samples, as a model writes it down; nothing in silence."""
    seconds = [levels[start : start + RATE] for start in range(0, len(levels) * bool(levels.any()), RATE)]
    return [f"The {scribe} heard {hashlib.sha256(one.astype('<i2').tobytes()).hexdigest()[:8]}." for one in seconds]


class Scribe:
    """A speech recognition model as `tasks.models.speech.load` gives it, which writes a line for each second.

    Attributes of the class:
        heard: folder of the model, and what stands for the sound, of every sound, with how often.
    """

    heard: ClassVar[Counter[tuple[str, str]]] = Counter()
    rate, longest = RATE, 10_000

    def __init__(self, model: Recogniser, language: str | None) -> None:
        self._folder = model.folder.name

    def lines(self, sound: Samples) -> list[Line]:
        levels = np.rint(sound.samples * 2**15)
        Scribe.heard[self._folder, heard_as(levels)] += 1
        return [Line(1000 * i, 1000 * i + 1000, text) for i, text in enumerate(said_in(self._folder, levels))]


def contents_of(items: Sequence[Item]) -> list[str]:
    """Texts, and what stands for images and sounds."""
    assert len({item.modality for item in items}) == 1
    return [_content_of(item.content) for item in items]


def _content_of(content: Any) -> str:
    if isinstance(content, Samples):
        assert content.rate == RATE
        return heard_as(np.rint(content.samples * 2**15))
    return content if isinstance(content, str) else seen_as(np.asarray(content))


def vector_of(model: str, text: str) -> Any:
    """A direction that only this text has with this model, float32 of shape (4,), of length 1."""
    seed = int.from_bytes(hashlib.sha256(f"{model} {text}".encode()).digest()[:8], "big")
    vector = np.random.default_rng(seed).normal(size=4)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def fails(text: str) -> bool:
    """Whether no encoder here ever gives a usable vector of a text."""
    return POISON in text or BLANK in text


def tokens_of(text: str) -> int:
    """A text's tokens, as every encoder here counts them."""
    return len(text.split()) + 2


class StandIn:
    """An encoder as `load_encoder` gives it.

    Attributes of the class:
        mode: good; cuda (every call raises); nan (every vector is NaN); flaky (the calls in `failing` raise).
        embedded: model with its revision, and text, of every vector given, with how often.
        calls: of `encode_documents`, since `begin`.
        troubled: whether one of them failed; then texts that were good are embedded again, to tell whose fault it is.
    """

    mode: ClassVar[str] = "good"
    failing: ClassVar[frozenset[int]] = frozenset()
    embedded: ClassVar[Counter[tuple[str, str]]] = Counter()
    calls: ClassVar[int] = 0
    troubled: ClassVar[bool] = False

    dimension = 4
    max_cost = MOST_READ
    modalities = frozenset({"text", "image", "audio"})
    backend = "stand-in"
    concurrency = 1
    batch_cost = 64

    def __init__(self, model: ResolvedModel, threads: int | None = None, budget: int | None = None) -> None:
        self.model = model.name
        self.table = f"{model.name}.{model.revision}"

    @classmethod
    def begin(cls, mode: str = "good", failing: frozenset[int] = frozenset()) -> None:
        """Forget what was counted; from now on fail like this."""
        cls.mode, cls.failing, cls.embedded, cls.calls, cls.troubled = mode, failing, Counter(), 0, False

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        texts = contents_of(items)
        StandIn.calls += 1
        flaky = self.mode == "flaky" and StandIn.calls in self.failing
        if flaky or self.mode in ("cuda", "nan") or any(fails(text) for text in texts):
            StandIn.troubled = True
        if flaky or self.mode == "cuda" or any(POISON in text for text in texts):
            raise RuntimeError("CUDA error: device-side assert triggered")
        vectors = np.stack([vector_of(self.model, text) * (BLANK not in text) for text in texts])
        if self.mode == "nan":
            vectors = np.full_like(vectors, np.nan)
        if not StandIn.troubled:
            StandIn.embedded.update((self.table, text) for text in texts)
        return Encoded(vectors, [tokens_of(text) for text in texts])

    def encode_queries(self, items: Sequence[Item]) -> Encoded:
        texts = texts_of(items)
        return Encoded(np.stack([vector_of(self.model, text) for text in texts]), [tokens_of(text) for text in texts])
