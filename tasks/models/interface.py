"""What an encoder is, and what every encoder's vectors must be."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tasks.errors import ModelError, OversizedBatch, UnusableVector

Vectors = npt.NDArray[np.float32]


Image = npt.NDArray[np.uint8]
"""A picture in sRGB, of shape (height, width, 3)."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Sound, of one channel.

    Attributes:
        samples: float32 of shape (n_samples,), from -1 to 1.
        rate: samples a second.
    """

    samples: npt.NDArray[np.float32]
    rate: int


@dataclass(frozen=True, slots=True)
class Item:
    """Something to embed.

    Attributes:
        modality: text, image or audio, as chunks name it.
        content: a text, an image or sound, as the modality says.
        cost: of embedding it, in the unit of its modality: of a text its tokens, as the corpus counts them, of an image
            its pixels, of sound its milliseconds.
    """

    modality: str
    content: str | Image | Samples
    cost: int


UNITS = {"text": 1, "image": 16 * 16, "audio": 20}
"""What of an item's cost weighs as much as a token: a patch of 16 × 16 pixels, 20 ms of sound."""


def in_tokens(modality: str, cost: int) -> int:
    """What an item weighs beside texts, in tokens, whatever it is."""
    return cost // UNITS[modality] + 1 if UNITS[modality] > 1 else cost


def text_items(texts: Iterable[str]) -> list[Item]:
    """Texts whose tokens nobody has counted; they cost a token for each four characters."""
    return [Item("text", text, len(text) // 4 + 1) for text in texts]


def texts_of(items: Sequence[Item]) -> list[str]:
    """The texts that items are.

    Raises:
        ModelError: one is no text.
    """
    texts = [item.content for item in items if isinstance(item.content, str)]
    if len(texts) < len(items):
        other = next(item.modality for item in items if not isinstance(item.content, str))
        raise ModelError(f"the model embeds text, and was given {other}", "Use a model for that modality.")
    return texts


class Encoded(NamedTuple):
    """What an encoder gives for some items.

    Attributes:
        vectors: float32 of shape (n_items, dimension).
        costs: of each item as this encoder counts, before it cuts: of a text its tokens, its special tokens and prompt
            included; of an image its pixels, of sound its milliseconds.
    """

    vectors: Vectors
    costs: list[int]


class Encoder(Protocol):
    """A model that is ready to embed.

    Attributes:
        dimension: length of its vectors.
        max_cost: the most of a text that it reads, in tokens, special tokens included. Of an image or sound nothing is
            cut.
        modalities: what it takes, as chunks name it.
        backend: what runs it and how precisely, for reports: `openvino bf16`.
        concurrency: calls of `encode_documents` worth making at once.
        batch_cost: the cost in tokens, see `in_tokens`, that suits one call of `encode_documents`, which may run it in
            several batches.
    """

    dimension: int
    max_cost: int
    modalities: frozenset[str]
    backend: str
    concurrency: int
    batch_cost: int

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        """Vectors and costs of documents.

        Raises:
            RefusedChunk: one of them cannot be embedded, whatever is tried.
            OversizedBatch: these are too many, or cost too much, for one call.
            ServiceError: the service behind it fails as a whole.
            Exception: anything else; whose fault it is is then found out, see tasks.embed.trials.
        """
        ...

    def encode_queries(self, items: Sequence[Item]) -> Encoded:
        """Vectors and costs of queries."""
        ...


TEXT = frozenset({"text"})
CALL = 8  # batches that a model runs in one call


def encode_checked(encoder: Encoder, items: Sequence[Item]) -> Encoded:
    """Vectors and costs of some documents.

    Raises:
        UnusableVector: a vector has another shape than it must, is not finite, or is zero.
    """
    encoded = encoder.encode_documents(items)
    vectors = encoded.vectors
    if vectors.shape != (len(items), encoder.dimension):
        raise UnusableVector(f"expected vectors of shape {(len(items), encoder.dimension)}; came {vectors.shape}")
    if not (np.isfinite(vectors).all() and np.abs(vectors).max(axis=1).min() > 0):
        raise UnusableVector("the model gave a vector that is zero or not finite")
    return encoded


def encode_in_parts(encoder: Encoder, items: Sequence[Item]) -> Encoded:
    """Vectors and costs of any number of documents: in calls of the cost that suits the encoder, and smaller ones where
    it refuses those.

    Raises:
        OversizedBatch: a single item is refused as one.
    """
    middle = len(items) // 2
    if middle and sum(in_tokens(item.modality, item.cost) for item in items) > encoder.batch_cost:
        return _joined(encode_in_parts(encoder, items[:middle]), encode_in_parts(encoder, items[middle:]))
    try:
        return encoder.encode_documents(items)
    except OversizedBatch:
        if not middle:
            raise
    return _joined(encode_in_parts(encoder, items[:middle]), encode_in_parts(encoder, items[middle:]))


def by_modality(items: Sequence[Item], ways: Mapping[str, Callable[[Sequence[Item]], Encoded]]) -> Encoded:
    """Vectors and costs of items of several modalities, each encoded in its way.

    Raises:
        ModelError: there is no way for one of them.
    """
    if unknown := {item.modality for item in items} - set(ways):
        raise ModelError(
            f"the model embeds {' and '.join(sorted(ways))}, and was given {unknown.pop()}",
            "Use a model for that modality.",
        )
    found: dict[int, tuple[Vectors, int]] = {}
    for modality, encode in ways.items():
        places = [i for i, item in enumerate(items) if item.modality == modality]
        if places:
            encoded = encode([items[i] for i in places])
            found.update(zip(places, zip(encoded.vectors, encoded.costs, strict=True), strict=True))
    return Encoded(np.stack([found[i][0] for i in range(len(items))]), [found[i][1] for i in range(len(items))])


def _joined(first: Encoded, second: Encoded) -> Encoded:
    return Encoded(np.concatenate([first.vectors, second.vectors]), [*first.costs, *second.costs])


def unit(vectors: Vectors) -> Vectors:
    """Vectors scaled to length 1, of shape (n_vectors, dimension); a zero one stays zero."""
    scaled: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return scaled


def finish(vectors: Vectors, dimension: int, normalize: bool) -> Vectors:
    """Vectors cut to a dimension and then, if asked, scaled to length 1, as sentence-transformers does both."""
    vectors = vectors[:, :dimension]
    if normalize:
        vectors = unit(vectors)
    return np.ascontiguousarray(vectors, np.float32)


def cosines(these: Vectors, those: Vectors) -> npt.NDArray[np.float64]:
    """The cosine of each row of one matrix with the same row of the other, of shape (n_rows,)."""
    lengths = np.linalg.norm(these, axis=1) * np.linalg.norm(those, axis=1)
    found: npt.NDArray[np.float64] = (these * those).sum(axis=1) / lengths
    return found
