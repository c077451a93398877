"""What an encoder is, and what every encoder's vectors must be."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from tasks.errors import UnusableVector

Vectors = npt.NDArray[np.float32]


class Encoder(Protocol):
    """A model that is ready to embed.

    Attributes:
        dimension: length of its vectors.
        max_tokens: the most tokens of a text that it reads, its own marks included.
        modality: what it takes, as chunks name it; text for all encoders so far.
        backend: what runs it and how precisely, for reports: `openvino bf16`.
        concurrency: calls of `encode` worth making at once.
        batch_tokens: tokens that suit one call of `encode`, which may run them in several batches.
    """

    dimension: int
    max_tokens: int
    modality: str
    backend: str
    concurrency: int
    batch_tokens: int

    def encode(self, texts: list[str]) -> tuple[Vectors, list[int]]:
        """Vectors of documents, float32 of shape (n_texts, dimension), and each text's tokens as this model
        counts them, its own marks and prompt included, uncut."""
        ...

    def encode_query(self, text: str) -> Vectors:
        """The vector of a query, float32 of shape (dimension,)."""
        ...


CALL = 8  # batches that a model runs in one call


def encode_checked(encoder: Encoder, texts: list[str]) -> tuple[Vectors, list[int]]:
    """Vectors and token counts of some texts.

    Raises:
        UnusableVector: a vector has another shape than it must, is not finite, or is zero.
    """
    vectors, token_counts = encoder.encode(texts)
    if vectors.shape != (len(texts), encoder.dimension):
        raise UnusableVector(f"expected vectors of shape {(len(texts), encoder.dimension)}; came {vectors.shape}")
    if not (np.isfinite(vectors).all() and np.abs(vectors).max(axis=1).min() > 0):
        raise UnusableVector("the model gave a vector that is zero or not finite")
    return vectors, token_counts


def finish(vectors: Vectors, dimension: int, normalize: bool) -> Vectors:
    """Vectors cut to a dimension and then, if asked, scaled to length 1, as sentence-transformers does both."""
    vectors = vectors[:, :dimension]
    if normalize:
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return np.ascontiguousarray(vectors, np.float32)


def cosines(these: Vectors, those: Vectors) -> npt.NDArray[np.float64]:
    """The cosine of each row of one matrix with the same row of the other, of shape (n_rows,)."""
    lengths = np.linalg.norm(these, axis=1) * np.linalg.norm(those, axis=1)
    found: npt.NDArray[np.float64] = (these * those).sum(axis=1) / lengths
    return found
