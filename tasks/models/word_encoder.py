"""Word vectors as a model: a text's vector is the mean of its words'."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
from scipy.sparse import csr_matrix

from tasks.errors import RefusedChunk
from tasks.models.interface import TEXT, Encoded, Item, Vectors, finish, texts_of
from tasks.models.resolved import ResolvedModel
from tasks.models.transformer import checked_dimension, or_default
from tasks.models.word_vectors import Piece, WordVectors, words_of

_SMOOTHING = 1e-3  # of SIF, as its authors have it
_COMMON = 20_000  # words by which what is common to all texts is known
_REMEMBERED = 500_000  # words whose rows are kept
_TOLD = 5  # unknown words that a refusal names

Rows = tuple[list[int], float]
"""Rows of the matrix whose mean a word's vector is, and how much the word counts."""


class WordEncoder:
    """A mean of word vectors, weighted as the corpus file asks: alike, by smooth inverse frequency (SIF; Arora, Liang
    and Ma, 2017), or by the negative logarithm of a word's probability (idf). Weighted ones lack the direction that is
    common to all texts, as theirs do; but it is the file's and not the corpus's, so that no text changes another's
    vector.

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
        self._common = None if settings.weighting == "none" else self._common_direction()

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
        """Vectors and words of texts, and how much of each is known: words, or parts of words, that have a vector."""
        found = [words_of(text) for text in texts]
        used = [words[: self.max_cost] for words in found]
        distinct = {word: number for number, word in enumerate(dict.fromkeys(chain.from_iterable(used)))}
        numbers = np.fromiter(map(distinct.__getitem__, chain.from_iterable(used)), np.int64)
        ends = np.cumsum([0, *map(len, used)])
        in_texts = csr_matrix((np.ones(len(numbers), np.float32), numbers, ends), (len(texts), len(distinct)))
        pieces = [self._looked_up(word) for word in distinct]
        known = in_texts @ np.array([len(one) for one in pieces], np.float32)
        means = (in_texts @ self._words(pieces)) / np.maximum(known, 1)[:, None]
        if self._common is not None:
            means = means - np.outer(means @ self._common, self._common)
        encoded = Encoded(finish(means, self.dimension, self._normalize), [len(words) for words in found])
        return encoded, known.astype(int).tolist()

    def _words(self, pieces: list[list[Rows]]) -> Vectors:
        """What each word adds to a text, float32 of shape (n_words, dimension of the file)."""
        rows = np.fromiter((row for word in pieces for rows, _ in word for row in rows), np.int64)
        parts = (weight / len(rows) for word in pieces for rows, weight in word for _ in rows)
        weights = np.fromiter(parts, np.float32)
        ends = np.cumsum([0, *(sum(len(rows) for rows, _ in word) for word in pieces)])
        needed, columns = np.unique(rows, return_inverse=True)
        made: Vectors = csr_matrix((weights, columns, ends), (len(pieces), len(needed))) @ self.vectors.matrix[needed]
        return made

    def _looked_up(self, word: str) -> list[Rows]:
        """What a word is made of, see `WordVectors.pieces`, and how much of it counts."""
        found = self._known.get(word)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._known[word] = [(piece.rows, self._weight(piece)) for piece in self.vectors.pieces(word)]
        return found

    def _common_direction(self) -> Vectors:
        """What all texts have in common, of length 1, by the file alone: the first principal direction of its commonest
        words, each as it would count in a text."""
        count = min(self.vectors.count, _COMMON)
        vectors = np.asarray(self.vectors.first(count), np.float64)
        weights = [
            probability * self._weight(Piece([], place))
            for place, probability in enumerate(self.vectors.probabilities[:count].tolist())
        ]
        _, directions = np.linalg.eigh((vectors.T * weights) @ vectors)
        found: Vectors = directions[:, -1].astype(np.float32)
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
