"""Word vectors as a model: a text's vector is the mean of its words'."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix

from tasks.errors import RefusedChunk
from tasks.models.interface import TEXT, Encoded, Item, finish, texts_of
from tasks.models.resolved import ResolvedModel
from tasks.models.transformer import checked_dimension, or_default
from tasks.models.word_vectors import Piece, WordVectors, words_of

_SMOOTHING = 1e-3  # of SIF, as its authors have it
_REMEMBERED = 500_000  # words whose rows are kept
_TOLD = 5  # unknown words that a refusal names

Rows = tuple[list[int], float]
"""Rows of the matrix whose mean a word's vector is, and how much the word counts."""


class WordEncoder:
    """A mean of word vectors, weighted as the corpus file asks: alike, by smooth inverse frequency (Arora, Liang and
    Ma, 2017, without their removal of a common direction, which would depend on the corpus), or by the negative
    logarithm of a word's probability.

    What stands for a word, see `WordVectors.pieces`; unknown ones count for nothing.

    Raises:
        ModelError: the file cannot be read, or has fewer dimensions than asked for.
    """

    modalities = TEXT
    backend = "words"
    concurrency = 1
    batch_cost = 131_072

    def __init__(self, model: ResolvedModel) -> None:
        settings = model.settings
        self.vectors = WordVectors(model.weights.folder)
        self.dimension = checked_dimension(settings, self.vectors.dimension)
        self.max_cost = settings.max_tokens or 1_000_000_000
        self._weighting = settings.weighting
        self._normalize = settings.normalize
        self._query_prompt = or_default(settings.query_prompt, "")
        self._document_prompt = or_default(settings.document_prompt, "")
        self._known: dict[str, list[Rows]] = {}

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        """Vectors of documents, and their words, uncut.

        Raises:
            RefusedChunk: none of the words of one is known.
        """
        texts = [self._document_prompt + text for text in texts_of(items)]
        encoded, known = self._encode(texts)
        for text, count in zip(texts, known, strict=True):
            if not count:
                raise RefusedChunk(*_nothing_known(text))
        return encoded

    def encode_queries(self, items: Sequence[Item]) -> Encoded:
        """Vectors of queries, and their words, uncut. One without a known word has the vector zero, which is near to
        nothing."""
        return self._encode([self._query_prompt + text for text in texts_of(items)])[0]

    def _encode(self, texts: list[str]) -> tuple[Encoded, list[int]]:
        """Vectors and words of texts, and how many words each has that are known."""
        found = [words_of(text) for text in texts]
        used = [[rows for word in words[: self.max_cost] for rows in self._looked_up(word)] for words in found]
        columns = np.fromiter((row for text in used for rows, _ in text for row in rows), np.int64)
        parts = (weight / len(rows) / len(text) for text in used for rows, weight in text for _ in rows)
        weights = np.fromiter(parts, np.float32)
        ends = np.cumsum([0, *(sum(len(rows) for rows, _ in text) for text in used)])
        needed, columns = np.unique(columns, return_inverse=True)
        means = csr_matrix((weights, columns, ends), (len(texts), len(needed))) @ self.vectors.matrix[needed]
        costs = [len(words) for words in found]
        return Encoded(finish(means, self.dimension, self._normalize), costs), [len(text) for text in used]

    def _looked_up(self, word: str) -> list[Rows]:
        """What a word is made of: one entry, or of a compound one for each known part; none where it is unknown."""
        found = self._known.get(word)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._known[word] = [(piece.rows, self._weight(piece)) for piece in self.vectors.pieces(word)]
        return found

    def _weight(self, piece: Piece) -> float:
        """How much a piece counts; one that is not in the file is as rare as the rarest that is."""
        if self._weighting == "none":
            return 1.0
        probabilities = self.vectors.probabilities
        probability = float(probabilities[-1 if piece.place is None else piece.place])
        if self._weighting == "sif":
            return _SMOOTHING / (_SMOOTHING + probability)
        return -float(np.log(max(probability, np.finfo(np.float64).tiny)))


def _nothing_known(text: str) -> tuple[str, str]:
    words = words_of(text)
    if not words:
        return "the text has no word, and the model has vectors of words alone", "Leave such chunks out, or ignore it."
    told = ", ".join(dict.fromkeys(words[:_TOLD]))
    return (
        f"the model knows none of the {len(words)} words of the text ({told}{', …' if len(words) > _TOLD else ''})",
        "Take word vectors of the text's language, or a model with subwords, such as fastText's .bin.",
    )
