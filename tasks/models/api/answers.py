"""Answers of embedding services: each text's vector, or that it has none; nothing is given to a text by luck.

A vector belongs to the text whose index the answer names. An index that comes twice has no vector, since nobody knows
which one is right; nor has one that does not come. Where a protocol has no indexes, the answer must be as long as the
question.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]


class UnusableAnswer(Exception):
    """It cannot be told which vector is of which text: the answer is asked for again."""


class Reply(NamedTuple):
    """What an answer says.

    Attributes:
        vectors: of each text, float32 of shape (dimension,); None where the answer has none that can be used.
        tokens: that the provider counted and bills; None where it does not say.
    """

    vectors: list[Vector | None]
    tokens: int | None


def listed(answer: Any, count: int) -> Reply:
    """An answer like OpenAI's: `data`, whose entries have an `index` and an `embedding`; and `usage`."""
    entries = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(entries, list):
        raise UnusableAnswer("it has no list data")
    vectors: list[Vector | None] = [None] * count
    seen: set[int] = set()
    for entry in entries:
        index = entry.get("index") if isinstance(entry, dict) else None
        if type(index) is not int or not 0 <= index < count:
            raise UnusableAnswer(f"it names text {str(index)[:20]} of {count}")
        vectors[index] = None if index in seen else vector_of(entry.get("embedding"))
        seen.add(index)
    return Reply(vectors, tokens_in(answer.get("usage"), "total_tokens", "prompt_tokens"))


def in_order(embeddings: Any, count: int, tokens: int | None) -> Reply:
    """An answer without indexes, in the order of the question."""
    if not isinstance(embeddings, list):
        raise UnusableAnswer("it has no list of vectors")
    if len(embeddings) != count:
        raise UnusableAnswer(f"it has {len(embeddings)} vectors for {count} texts")
    return Reply([vector_of(embedding) for embedding in embeddings], tokens)


def vector_of(embedding: Any) -> Vector | None:
    """A vector out of a list of numbers, or out of the base64 of little-endian float32; None where it is none, not
    finite, or zero."""
    try:
        if isinstance(embedding, str):
            vector = np.frombuffer(base64.b64decode(embedding, validate=True), "<f4").astype(np.float32)
        elif isinstance(embedding, list) and embedding:
            vector = np.array(embedding, np.float32)
        else:
            return None
    except (ValueError, TypeError, OverflowError, binascii.Error):
        return None
    if vector.ndim != 1 or not vector.size or not np.isfinite(vector).all() or not vector.any():
        return None
    return vector


def numbers_of(reply: Reply, output: str) -> Reply:
    """An answer with vectors out of the numbers that were asked for: of bytes with eight bits each, as NumPy packs
    them, 1 for each bit that is set and -1 for the others."""
    return Reply([_unpacked(vector) for vector in reply.vectors], reply.tokens) if output == "binary" else reply


def _unpacked(vector: Vector | None) -> Vector | None:
    """None where it is none of bytes."""
    if vector is None or vector.min() < 0 or vector.max() > 255 or (vector % 1).any():
        return None
    return np.unpackbits(vector.astype(np.uint8)).astype(np.float32) * 2 - 1


def tokens_in(usage: Any, *names: str) -> int | None:
    """The first of some numbers that an answer's account of its use has."""
    told = usage if isinstance(usage, dict) else {}
    return next((told[name] for name in names if type(told.get(name)) is int and told[name] >= 0), None)


def of_dimension(vectors: Sequence[Vector | None], dimension: int) -> list[Vector | None]:
    """The vectors that have a dimension; None for the others."""
    return [vector if vector is not None and len(vector) == dimension else None for vector in vectors]
