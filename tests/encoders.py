"""An encoder that keeps what it was asked; and one of texts and images, as a provider has it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tasks.config.models import Model
from tasks.models.interface import TEXT, Encoded, Item
from tasks.models.resolved import ResolvedModel, Served
from tasks.models.takes import Takes


class Seen:
    """All vectors are one."""

    dimension, batch_cost, max_cost, concurrency = 4, 10**6, 512, 1
    backend = "none"
    modalities = TEXT

    def __init__(self) -> None:
        self.documents: list[str] = []
        self.queries: list[str] = []

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        self.documents += [str(item.content) for item in items]
        return self._same(len(items))

    def encode_queries(self, items: Sequence[Item]) -> Encoded:
        self.queries += [str(item.content) for item in items]
        return self._same(len(items))

    def _same(self, count: int) -> Encoded:
        return Encoded(np.ones((count, self.dimension), np.float32), [1] * count)


COLOURS = {"red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255), "white": (255, 255, 255), "black": (0, 0, 0)}
BOTH = Takes(frozenset({"text", "image"}), side=8)


class ColourEncoder:
    """Texts by the colours that they name, images by their mean colour; texts lie in a cone of their own, as those of
    true models do.

    Attributes of the class:
        seen: how often each modality was embedded as a document.
    """

    dimension, batch_cost, max_cost, concurrency = 8, 64, 512, 1
    backend = "colours"
    modalities = BOTH.modalities
    seen: ClassVar[Counter[str]] = Counter()

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        assert len({item.modality for item in items}) == 1
        ColourEncoder.seen.update(item.modality for item in items)
        return self.encode_queries(items)

    def encode_queries(self, items: Sequence[Item]) -> Encoded:
        vectors = np.stack([_of_text(i.content) if isinstance(i.content, str) else _of_image(i.content) for i in items])
        return Encoded(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), [item.cost for item in items])


def _of_image(content: Any) -> Any:
    assert content.dtype == np.uint8
    assert content.ndim == 3
    return np.array([*(content.reshape(-1, 3).mean(axis=0) / 255), 0.2, 1, 0, 0, 0], np.float32)


def _of_text(text: str) -> Any:
    named = [np.array(colour) / 255 for word, colour in COLOURS.items() if word in text.lower()]
    mean = np.mean(named, axis=0) if named else np.full(3, 0.5)
    return np.array([*mean, 0.1, 0, 2, len(text) % 3 / 10, 0], np.float32)


class Colours:
    """A provider of `ColourEncoder`.

    Args:
        takes: what its models take.
    """

    def __init__(self, takes: Takes = BOTH) -> None:
        self.takes = takes

    def find(self, model: Model) -> Served:
        return Served("colours", model.model, "1", self.takes)

    def load(self, model: ResolvedModel, budget: int | None) -> ColourEncoder:
        return ColourEncoder()
